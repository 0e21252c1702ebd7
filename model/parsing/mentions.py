"""Finds labels in prose, and whether they are affirmed or denied.

A small grammar, read word by word: a cue (`not`, `rather than`, `no sign of`) denies what follows it until
the clause ends; a list goes on denying ("rather than anger, sadness or fear"); a predicate behind a label
("anger is absent") denies it, and the labels joined to it; an exception ("no emotion except anger") is not
denied; a guess that is taken back ("could be anger, but is not") is. What is asked ("Real or fake? Fake.") is
not said.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from model.parsing.denials import NAY, OPEN, STOP, is_denied_behind, is_improbable, share
from model.parsing.enumerations import list_goes_on
from model.parsing.grammar import Token, tokenise
from model.parsing.withdrawals import is_withdrawn

_PREDICATE = re.compile(r"absent|lacking|unlikely|none|nothing|excluded|ruled out", re.IGNORECASE)
"""Cues that end a statement about what is in front of them."""
_ONE_OF = frozenset(("none", "neither"))
"""Cues whose list is the subject of what follows: "none of fear, anger is visible"."""
_ADDING = frozenset(("apart from", "aside from", "besides", "but for", "save for"))
"""These add where nothing is denied: "apart from fear there is surprise"."""
_EXCEPTION_IN_FRONT = re.compile(
    r"[^.;!?\n]{1,80},\s*(?:there (?:is|are) )?(?:no|none|nothing|not)\b", re.IGNORECASE
)
"""Of "except for AU12, no action unit is active"."""
_BARE_VERDICT = re.compile(rf"(?:{NAY}){STOP}", re.IGNORECASE)
_IN_A_FORM = re.compile(r"[:=] ?(?:\w+ )?$")
_ENTRY = re.compile(r" ?[\w' -]{1,40}(?: ?\([^()\n]{0,60}\))? ?[:=]")
"""Of a form, behind a comma: "AU4: hardly any, AU12: yes" denies one of them."""
_GOES_ON = re.compile(r",?\s+(?:such as|like|including|or)\b", re.IGNORECASE)
"""Behind the lack of something: "no emotion such as anger", "no beard or mustache"."""
_EVEN = 0.5
_PLURAL = re.compile(r"(?:\s*\([^()\n]{0,60}\))?\s+(?:are|were)", re.IGNORECASE)
_ASKED = re.compile(r"[^.;:!?\n]{0,120}\?(?!\s*(?:yes|no)\b)", re.IGNORECASE)
_OR = re.compile(r"\s?(?:,? or|/|vs\.?)\s", re.IGNORECASE)
_OPEN_BEFORE = re.compile(
    r"\b(?:can|could)(?:\s?not|['’]?t|n['’]t)\s+(?:\w+ly\s+)?(?:rule\s+out|exclude|dismiss|discount)"
    r"\s+(?:\w+\s+){0,6}$"
    r"|(?:(?<!as )\bif (?:(?:\w+ ){1,3}were|(?:it|this|that|he|she|there|(?:the|this) \w+) was)|\bwere it"
    r"|(?<!\w)(?<!\w )were (?:this|that|he|she|there|the \w+)) (?:(?!not for\b)\w+ ){0,3}$",
    re.IGNORECASE,
)
"""Of "cannot rule out anger", and of what would be: "if this were a deepfake"."""
_WHETHER = re.compile(
    r"\b(?:unclear|uncertain|unknown|not (?:sure|certain|clear|known)) (?:whether|if) (?:or not )?"
    r"(?:(?!(?:or|but|while|whereas|although|though|because)\b)\w+ ){0,6}$",
    re.IGNORECASE,
)
_OPEN_BEHIND = re.compile(
    rf" ?[:=–—-] ?{OPEN}"
    r"|\s+(?:can|could)(?:\s?not|['’]?t|n['’]t)\s+be\s+(?:\w+ly\s+)?(?:ruled\s+out|excluded|dismissed|"
    r"discounted)\b",
    re.IGNORECASE,
)
_BEFORE = 120
"""Characters before a label that are looked at."""
_JOINT = re.compile(
    r"\s*(?:,|/|&|\+|-|and|or|nor|mixed with|combined with|along with|as well as|with|,\s*and|,\s*or)\s*"
    r"(?:(?:a|an|the|some|slight|mild|hints? of|touch of|signs of)\s+){0,3}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A place in a text where a label is named.

    Attributes:
        label: its name.
        start: first character.
        end: one past the last character.
        is_denied: whether the text says that it does not hold, or gives it less than an even chance.
        share: the probability that the text gives to it, 0..1; None if it gives none.
    """

    label: str
    start: int
    end: int
    is_denied: bool
    share: float | None = None


def find_mentions(text: str, words: Mapping[str, Sequence[str]], topic: str = "") -> list[Mention]:
    """Return the mentions of labels in order, the longest words first where they overlap.

    Args:
        text: prose in any case.
        words: per label the lower-case words that name it; `*` in them stands for up to three words.
        topic: what is asked.
    """
    tokens = tokenise(text, words, topic)
    mentions: list[Mention] = []
    is_denying = is_headed = is_repeated = is_value = False
    cue = ""
    for position, token in enumerate(tokens):
        before = tokens[position - 1] if position else None
        if before and before.label and _BARE_VERDICT.match(text, token.start):
            continue  # "AU6 no, AU12 yes"
        if token.kind in ("cue", "heading"):
            is_repeated = bool(cue) and before is not None and before.kind == "comma"
            # "less anger than sadness" denies anger, where "anger rather than sadness" denies sadness.
            is_denying = not (cue == "less" and token.said == "than")
            cue = token.said
            is_headed = token.kind == "heading" and token.said.endswith(":")
            is_value = _IN_A_FORM.search(text, max(0, token.start - _BEFORE), token.start) is not None
        elif token.kind == "exception":
            if before and _is_nothing(before):
                mentions.pop()  # "no emotion other than anger"
                is_denying = True
            is_denying = not is_denying and not _is_in_front(text, token)
        elif token.kind == "end":
            is_headed = is_headed and token.said == "\n"
            is_denying, cue = is_headed, ""
        elif token.kind == "break":
            is_denying = is_denying and before is not None and _is_denied_break(before, token)
        elif token.kind in ("comma", "and"):
            is_next_entry = is_value and _ENTRY.match(text, token.end) is not None
            is_listed = is_headed or list_goes_on(
                text, tokens, position, has_more_cues=is_repeated, is_alternative=cue in _ONE_OF
            )
            is_denying = is_denying and not is_next_entry and is_listed
        elif token.label:
            mentions.append(_mention(text, token, is_denying=is_denying))
            is_denying = is_denying or _is_denial_too(text, token)
    mentions = _without_withdrawn(text, _spread(text, mentions))
    return _without_questions(text, [mention for mention in mentions if not _is_left_open(text, mention)])


def _mention(text: str, token: Token, *, is_denying: bool) -> Mention:
    probability = share(text, token.start, token.end)
    is_denied = (
        is_denying
        or is_denied_behind(text, token.end)
        or is_improbable(text, token.start, token.end)
        or (probability is not None and probability < _EVEN)
    )
    return Mention(token.label, token.start, token.end, is_denied, probability)


def _is_left_open(text: str, mention: Mention) -> bool:
    """Return whether a text neither affirms nor denies a label: "cannot be ruled out", "if it were"."""
    before = text[max(0, mention.start - _BEFORE) : mention.start]
    if _OPEN_BEHIND.match(text, mention.end) or _OPEN_BEFORE.search(before):
        return True
    # Of "x or y" both stay: it is one of them.
    return bool(_WHETHER.search(before)) and not _OR.match(text, mention.end)


def _is_denied_break(before: Token, token: Token) -> bool:
    """Return whether a cue denies over a break: "not because of anger", unlike "absent while AU12 is"."""
    is_hint = token.said.startswith(("suggest", "indicat"))  # "nothing suggests"
    return before.kind == "cue" and (is_hint or not _PREDICATE.fullmatch(before.said))


def _is_in_front(text: str, exception: Token) -> bool:
    """Return whether an exception adds, or is one to what a text denies behind it: "except AU12, none"."""
    return exception.said in _ADDING or bool(_EXCEPTION_IN_FRONT.match(text, exception.end))


def _is_nothing(token: Token) -> bool:
    """Return whether a token is a label that is called the lack of something, such as `no emotion`."""
    return bool(token.label) and token.said.startswith(("no ", "not ", "doesn't "))


def _is_denial_too(text: str, token: Token) -> bool:
    """Return whether a label goes on to deny what follows: "no emotion such as anger"."""
    return _is_nothing(token) and _GOES_ON.match(text, token.end) is not None


def are_joined(text: str, first: Mention, second: Mention) -> bool:
    """Return whether only a comma, `and`, `or`, `mixed with` or the like is between two mentions."""
    return _JOINT.fullmatch(text, first.end, second.start) is not None


def _spread(text: str, mentions: list[Mention]) -> list[Mention]:
    """Deny also what is joined to a label that a predicate behind it denies ("anger and fear are absent")."""
    spread = list(mentions)
    is_predicated = False
    joints = frozenset[str]()
    for index in reversed(range(len(mentions))):
        mention = mentions[index]
        if is_denied_behind(text, mention.end):
            is_plural = _PLURAL.match(text, mention.end)
            is_predicated, joints = True, frozenset(() if is_plural else ("and", "or", "nor"))
        elif is_predicated and are_joined(text, mention, mentions[index + 1]):
            between = text[mention.end : mentions[index + 1].start].lower().split()
            is_predicated = not joints or not joints.isdisjoint(between)
            joints = frozenset()  # a comma is enough further to the left
        else:
            is_predicated = False
        if is_predicated:
            spread[index] = replace(mention, is_denied=True)
    return spread


def _without_withdrawn(text: str, mentions: list[Mention]) -> list[Mention]:
    """Deny what the text only guesses and then takes back."""
    return [
        replace(mention, is_denied=True)
        if is_withdrawn(text, mention.start, mention.end, after.start if after else None)
        else mention
        for mention, after in zip_longest(mentions, mentions[1:])
    ]


def _without_questions(text: str, mentions: list[Mention]) -> list[Mention]:
    """Leave out what is only asked ("Real?", "Real or fake: "), unless nothing else is said."""
    said: list[Mention] = []
    is_choice = False
    for mention, before in zip_longest(reversed(mentions), reversed(mentions[:-1])):
        is_alternative = before is not None and _OR.fullmatch(text, before.end, mention.start) is not None
        is_choice = is_choice or (is_alternative and text.startswith(":", mention.end))
        if not is_choice and not _ASKED.match(text, mention.end):
            said.append(mention)
        is_choice = is_choice and before is not None and are_joined(text, before, mention)
    return said[::-1] or mentions
