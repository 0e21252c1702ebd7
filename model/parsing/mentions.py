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
from model.parsing.grammar import tokenise
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
_EVEN = 0.5
_VERBS = (
    r"is|are|was|were|has|have|wears?|shows?|looks?|seems?|appears?|displays?|expresses|conveys|dominates?|"
    r"prevails?"
)
_PLURAL = re.compile(r"(?:\s*\([^()\n]{0,60}\))?\s+(?:are|were)", re.IGNORECASE)
_CLAUSE = re.compile(rf"\s+(?:{_VERBS})\b", re.IGNORECASE)
_SKIPPED_IN_LISTS = frozenset(
    (
        *("and", "or", "nor", "even", "any", "a", "an", "the", "of", "sign", "signs"),
        *("strong", "slight", "mild", "deep", "intense", "clear", "extreme"),
    )
)
_CLAUSE_STARTS = frozenset(
    ("the", "this", "that", "there", "he", "she", "it", "they", "his", "her", "their", "with")
)
_ASKED = re.compile(r"[^.;:!?\n]{0,120}\?(?!\s*(?:yes|no)\b)", re.IGNORECASE)
_OPEN_BEFORE = re.compile(
    r"\b(?:can|could)(?:\s?not|['’]?t|n['’]t)\s+(?:\w+ly\s+)?(?:rule\s+out|exclude|dismiss|discount)"
    r"\s+(?:\w+\s+){0,6}$",
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


def find_mentions(text: str, words: Mapping[str, Sequence[str]]) -> list[Mention]:
    """Return the mentions of labels in order, the longest words first where they overlap.

    Args:
        text: prose in any case.
        words: per label the lower-case words that name it; `*` in them stands for up to three words.
    """
    tokens, labels = tokenise(text, words)
    mentions: list[Mention] = []
    is_denying = is_headed = is_repeated = is_value = False
    cue = ""
    for position, token in enumerate(tokens):
        before = tokens[position - 1] if position else None
        if before and _is_label(before) and _BARE_VERDICT.match(text, token.start()):
            continue  # "AU6 no, AU12 yes"
        if token.lastgroup in ("cue", "heading"):
            is_repeated = bool(cue) and before is not None and before.lastgroup == "comma"
            # "less anger than sadness" denies anger, where "anger rather than sadness" denies sadness.
            is_denying = not (cue == "less" and token.group().lower() == "than")
            cue = token.group().lower()
            is_headed = token.lastgroup == "heading"
            is_value = _IN_A_FORM.search(text, max(0, token.start() - _BEFORE), token.start()) is not None
        elif token.lastgroup == "exception":
            if before and _is_nothing(before):
                mentions.pop()  # "no emotion other than anger"
                is_denying = True
            is_denying = not is_denying and not _is_in_front(text, token)
        elif token.lastgroup == "end":
            is_headed = is_headed and token.group() == "\n"
            is_denying, cue = is_headed, ""
        elif token.lastgroup == "break":
            is_denying = is_denying and before is not None and _is_denied_break(before, token)
        elif token.lastgroup in ("comma", "and"):
            is_next_entry = is_value and _ENTRY.match(text, token.end()) is not None
            is_denying = (
                is_denying
                and not is_next_entry
                and _list_goes_on(
                    text, tokens, position, has_more_cues=is_repeated, is_alternative=cue in _ONE_OF
                )
            )
        elif _is_label(token):
            mentions.append(_mention(text, token, labels[token.lastgroup or ""], is_denying=is_denying))
    mentions = _without_withdrawn(text, _spread(text, mentions))
    return _without_questions(text, [mention for mention in mentions if not _is_left_open(text, mention)])


def _mention(text: str, token: re.Match[str], label: str, *, is_denying: bool) -> Mention:
    probability = share(text, token.start(), token.end())
    is_denied = (
        is_denying
        or is_denied_behind(text, token.end())
        or is_improbable(text, token.start(), token.end())
        or (probability is not None and probability < _EVEN)
    )
    return Mention(label, token.start(), token.end(), is_denied, probability)


def _is_left_open(text: str, mention: Mention) -> bool:
    """Return whether a text neither affirms nor denies a label: it "cannot be ruled out"."""
    before = text[max(0, mention.start - _BEFORE) : mention.start]
    return bool(_OPEN_BEHIND.match(text, mention.end) or _OPEN_BEFORE.search(before))


def _is_denied_break(before: re.Match[str], token: re.Match[str]) -> bool:
    """Return whether a cue denies over a break: "not because of anger", unlike "absent while AU12 is"."""
    is_hint = token.group().lower().startswith(("suggest", "indicat"))  # "nothing suggests"
    return before.lastgroup == "cue" and (is_hint or not _PREDICATE.fullmatch(before.group()))


def _is_in_front(text: str, exception: re.Match[str]) -> bool:
    """Return whether an exception adds, or is one to what a text denies behind it: "except AU12, none"."""
    return exception.group().lower() in _ADDING or bool(_EXCEPTION_IN_FRONT.match(text, exception.end()))


def _is_label(token: re.Match[str]) -> bool:
    return (token.lastgroup or "").startswith("label")


def _is_nothing(token: re.Match[str]) -> bool:
    """Return whether a token is a label that is called the lack of something, such as `no emotion`."""
    return _is_label(token) and token.group().lower().startswith(("no ", "not ", "doesn't "))


def are_joined(text: str, first: Mention, second: Mention) -> bool:
    """Return whether only a comma, `and`, `or`, `mixed with` or the like is between two mentions."""
    return _JOINT.fullmatch(text, first.end, second.start) is not None


def _list_goes_on(
    text: str, tokens: Sequence[re.Match[str]], position: int, *, has_more_cues: bool, is_alternative: bool
) -> bool:
    """Return whether what follows a comma or `and` is another item of the denied list, not a new clause.

    Where every item has a cue of its own ("no hat, no glasses, young"), the list ends where the cues do.
    """
    is_plain = True
    ahead = tokens[position + 1 : position + 9]
    if has_more_cues and not any(token.group().lower() in ("or", "nor") for token in ahead):
        return False
    for offset, token in enumerate(ahead):
        said = token.group().lower()
        if _is_label(token):
            is_clause = _CLAUSE.match(text, token.end())
            is_new = is_clause or said.split()[0].endswith("ing")
            return is_plain and (is_alternative or not is_new)
        if said in ("or", "nor"):
            if not is_plain:
                return True  # "no artifacts, odd edges or signs of forgery"
            is_alternative = True  # "no forgery, manipulation, or tampering is seen"
        is_new = token.lastgroup in ("end", "break", "cue") or re.fullmatch(_VERBS, said)
        if is_new or (offset == 0 and said in _CLAUSE_STARTS):
            return False
        if said not in _SKIPPED_IN_LISTS:
            if tokens[position].lastgroup == "and" and offset == 0:
                return not said.endswith("ing")  # "no anger and tension or fear"
            is_plain = False
    return False


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
    """Leave out what is only asked, unless nothing else is said."""
    said = [mention for mention in mentions if not _ASKED.match(text, mention.end)]
    return said or mentions
