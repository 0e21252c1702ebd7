"""Finds what a text first considers and then takes back: "could be fake, but is not"."""

import re

_LOOK = (
    r"seem(?:s|ed)?|appear(?:s|ed)?|look(?:s|ed)?|resembl\w+|first (?:glance|sight|look)|at first|initially"
)
_LOOKS = re.compile(rf"\b(?:{_LOOK})\b", re.IGNORECASE)
_HEDGE = re.compile(
    rf"\b(?:{_LOOK}|could|might|may|would|can|suggest\w*|hint\w*|consider(?:s|ed)?|suspect(?:s|ed)?|"
    r"possibl[ey]|tempt\w+)\b",
    re.IGNORECASE,
)
"""Without one of these, "smiling, but it is not" is about the next word, not about the smile."""

_PRESENT = (
    r"(?:(?!only\b)\w+ly\s+)?(?:present|visible|seen|shown|evident|detected|apparent|active|there|observed|"
    r"displayed|expressed|noticeable|activated|supported|likely|indicated|engaged|confirmed|the case|so)\b"
)
_NOT = r"(?:n['’]t|\s+not)"
_END = r"(?=\s*(?:[.,;:!)\n–—]|$))"
_TURN = r"\b(?:but|however|yet|though|although|nevertheless|nonetheless),?\s+"
_WHO = r"(?:(?:it|this|that|they|he|she|these|those|(?:in fact|in reality|actually|really),?)\s+){0,2}"

_TAKEN_BACK = re.compile(
    rf"[^.;!?\n]{{0,60}}?[.;,]?\s*(?:[–—-]\s*)?{_TURN}(?:"
    rf"{_WHO}(?:is|are|was|were|does|do|did|has|have|ca|can){_NOT}(?:\s+(?:be\s+)?{_PRESENT}|{_END})"
    r"|[^.;!?,\n]{0,60}?(?:\bnot?\b|n['’]t|\bhardly\b|\bfails? to\b)\s+(?:really\s+)?"
    r"(?:supports?|confirms?|fits?|match(?:es)?|bears?|agrees?|hold|point)\b"
    rf"(?:\s+(?:with\s+|to\s+)?(?:this|that|it))?{_END}"
    r")",
    re.IGNORECASE,
)
_REJECTED = re.compile(
    rf"[^.;!?\n]{{0,40}}?,?\s*(?:{_TURN}|\band\s+){_WHO}"
    r"(?:(?:is|are|was|were|has been|can be|then)\s+){0,2}"
    r"(?:ruled out|rejected|excluded|discarded|dismissed)\b",
    re.IGNORECASE,
)
_REPLACED = re.compile(
    rf"[^.;!?\n]{{0,40}}?[,;.]?\s*{_TURN}(?:it|this|that|they|he|she|the\s+\w+)(?:['’](?:s|re)|\s+(?:is|are|was|were))"
    r"\s+(?:(?:actually|really|in fact|rather|instead|an?|the|more|one of)\s+){0,3}",
    re.IGNORECASE,
)
_SENTENCE_START = re.compile(r"[.;!?\n](?=\s|$)")
_ALTHOUGH = r"(?:although|though|even (?:though|if)|despite|in spite of)\b"
_CONCEDED_FIRST = re.compile(
    rf"\s*(?:{_ALTHOUGH}|while\b[^,]*\b(?:{_LOOK}|looking|seeming|appearing|could|might|may)\b)[^,]*$",
    re.IGNORECASE,
)
_CONCEDED_LAST = re.compile(rf"\S[\s,(]+{_ALTHOUGH}[^,;]*$", re.IGNORECASE)
_ONLY_LOOKS = re.compile(r"-(?:looking|seeming)\b", re.IGNORECASE)
_SENTENCE, _AFTER = 300, 240
"""Characters before and behind a word that are looked at: more than any pattern here spans."""


def is_withdrawn(text: str, start: int, end: int, next_start: int | None) -> bool:
    """Return whether what is said at [start, end) of a text is a guess that the text then takes back.

    Args:
        text: prose.
        start: first character of a label or number.
        end: one past its last.
        next_start: first character of the next label or number; what comes behind it is about that one.
    """
    limit = end + _AFTER
    behind = text[end : limit if next_start is None else min(next_start, limit)]
    if _REJECTED.match(behind):
        return True
    said = _said_before(text, start)
    taken_back = _TAKEN_BACK.match(behind)
    if taken_back and _HEDGE.search(said + " " + taken_back.group()):
        return True
    if next_start is None or next_start > limit:
        return False
    return _REPLACED.fullmatch(behind) is not None and bool(_LOOKS.search(said))


def is_conceded(text: str, start: int, end: int) -> bool:
    """Return whether what is said at [start, end) is only what a sentence sets aside for what it claims.

    As in "although it looks real, it is fake", "it is fake, although the light is real" or "a real-looking
    face": worth nothing where another label is affirmed.
    """
    said = _said_before(text, start)
    if _ONLY_LOOKS.match(text, end) or _CONCEDED_LAST.search(said):
        return True
    comma = re.match(r"[^.;!?\n,]{0,80},", text[end : end + 82])
    return comma is not None and _CONCEDED_FIRST.match(said) is not None


def _said_before(text: str, start: int) -> str:
    """Return what the sentence says before a place."""
    before = text[max(0, start - _SENTENCE) : start]
    cuts = [cut.end() for cut in _SENTENCE_START.finditer(before)]
    return before[cuts[-1] :] if cuts else before
