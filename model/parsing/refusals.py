"""Finds where a text declines to answer, and where it answers all the same."""

import re

_REFUSAL = re.compile(
    r"(?:\bi'?m sorry|i am sorry|sorry, (?:but )?i|i apologi[sz]e|i (?:must |have to )?(?:refuse|decline) to|"
    r"(?:as|\bi(?:'?m| am)(?: just| only)?) an? (?:ai|(?:large )?language model)\b|"
    r"i (?:do not|don'?t) (?:feel comfortable|"
    r"know(?=\s*(?:[.,;!]|$|if\b|whether\b|how old\b|the (?:age|emotion|expression|answer)\b)))|"
    r"(?:i (?:can ?not|can'?t|could not|couldn'?t|won'?t|will not)|i'?m (?:unable|not able) to|"
    r"i am (?:unable|not able) to|unable to|(?:not |n't |im)possible to|\b(?:difficult|hard|not easy) to|"
    r"\b(?:can ?not|can'?t|could not|couldn'?t) be|"
    r"(?<![^.;,!\n]) ?(?:can(?:not| not|'?t)|could(?: not|n'?t))) "
    r"(?:\w+ly )?(?:determined?|identif(?:y|ied)|tell|assess(?:ed)?|provide|answer|help|assist|say|said|"
    r"judged?|comply|discuss|describe|recogni[sz]e|guess|speculate|infer|estimated?|analy[sz]e|make|give|confirm(?:ed)?|"
    r"verif(?:y|ied)|be (?:certain|sure)|"
    r"(?:see|detect|find) (?:a|any|the) (?:face|person|image|picture|video)))\b"
    # Not to find any trace of something is an answer.
    r"(?!(?:\s+\w+){0,3}?\s+(?:signs?|traces?|evidence|hints?|indications?|art[ei]facts?|manipulations?|"
    r"tampering|alterations?|edit(?:s|ing)?)\b)",
    re.IGNORECASE,
)
_TURN = re.compile(
    r"\b(?:but|however|nevertheless|nonetheless|that said|still,|if i had to|best (?:guess|estimate)|"
    r"i(?: would|'d) (?:say|guess|estimate))\b"
    r"|(?:(?<=[.!?;] )|(?<=\n))(?:(?:based on|judging (?:by|from))\b|[^.!?;\n]{0,60}?\b"
    r"(?:he|she|they|person|man|woman|boy|girl|child|subject|individual|face|video|image|clip) "
    r"(?:appears?|seems?|looks?|is (?:probably|likely|most likely|about|around|approximately))\b)",
    re.IGNORECASE,
)


def split_refusal(text: str) -> tuple[str, str] | None:
    """Return what a text says before it declines to answer, and what it then says all the same, or None.

    What it says all the same stands behind a word such as `but`, or is a statement about the person: "It is
    hard to tell. The person appears to be 30."
    """
    refusal = _REFUSAL.search(text)
    if refusal is None:
        return None
    turn = _TURN.search(text, refusal.end())
    return text[: refusal.start()], text[turn.end() :] if turn else ""
