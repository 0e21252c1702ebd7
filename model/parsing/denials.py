"""Finds what is said around a word: that it does not hold, or how probable it is.

Predicates ("anger is absent", "AU12 cannot be seen"), forms that are filled in ("AU4: no", "AU4 (absent)",
"AU4 – brow lowerer – inactive", "{AU4: false}"), answered questions ("Is AU4 active? No."), and shares
("fake: 5%", "a 5% chance that it is fake").
"""

import re

_SEEN = (
    r"present|visible|seen|shown|evident|detected|apparent|active|there|observed|displayed|expressed|"
    r"noticeable|activated|supported|likely|indicated|engaged|raised|found|identified|recogni[sz]ed"
)
_NOT_SEEN = rf"(?:not|no longer)\s+(?:(?!only\b)\w+ly\s+)?(?:{_SEEN})\b"
ABSENT = rf"absent|inactive|{_NOT_SEEN}"
"""Words of a form, or of a heading above a list."""
STOP = r"(?=\s*(?:\.(?!\d)|[,;:!()\[\]{}\n]|$)|\s+(?:because|since)\b)"
NAY = (
    r"(?:(?:\w+ly|very|most|quite|maybe|perhaps) ){0,2}(?:no(?:pe| way)?|never|off|missing|negative|"
    r"unlikely|improbable|impossible|doubtful|less (?:likely|probable)|"
    rf"(?:hardly|barely|scarcely)(?: at all| any)?|(?:hardly|scarcely) (?:{_SEEN})|{ABSENT}|"
    r"not(?: (?:at all|really|quite|much|so much|so|very|very much|particularly|especially))?)"
    r"|I doubt (?:it|that|so)|I (?:do not|don['’]t) (?:think|believe) (?:so|it)"
    r"|no (?:signs?|evidence|traces?|activation|activity|movement)(?: of (?:it|this|that|activation))?"
)
"""A whole verdict that denies. Each is one only with a `STOP` behind it: not in "Fake: no blinking"."""
PERCENT = r"(?:\s?%|\sper ?cent\b)"
VERDICT = (
    rf"(?:{NAY}|none(?: (?:{_SEEN}))?|false|0(?:\.0+)?(?:{PERCENT}|\s?(?:/|of|out of)\s?\d+)?){STOP}"
    r"|(?:0|false)(?=\s+\w+\s?[:=])"
)
"""In a form that is filled in."""
OPEN = (
    r"(?:unclear|unknown|uncertain|undetermined|inconclusive|not (?:sure|certain|clear|known)|"
    rf"(?:impossible|hard|difficult) to (?:tell|say|judge|determine)){STOP}"
)
"""Such a verdict neither affirms nor denies."""
RATIO = rf"(\d{{1,3}}(?:\.\d)?)\s?(?:/|of|out of)\s?(5|10|100){STOP}"
"""Of a scale: "3 of 10", but not "3 of 10 frames"."""
_CHANCE = r"(?:probability|likelihood|chances?|possibility|odds)"
FAINT = (
    r"(?:(?:very|extremely|fairly|rather|quite|relatively) )?"
    r"(?:low|lower|lowest|weak|small|slim|slight|minimal|negligible|remote|faint)"
)
FAINTLY = rf"{FAINT}(?: {_CHANCE})?{STOP}"
"""How much of a label there is, where only one can hold: `Anger: low. Sadness: high.`"""

_ASIDE = (
    r"\)?(?:\s*\([^()\n]{0,60}\))?(?:\s+(?:emotion|expression|video|clip|image|picture|face))?"
    r"(?:,\s+which\s[^,.;\n]{1,60},)?"
)
_WHETHER = (
    r"(?:is|are|was|were|present|active|visible|detected|found|presence|activation|activity|intensity|level|"
    r"evidence|status|artifacts?|signs?)"
)
_SIGN = r"(?: ?[:=?–—]| -)"
_CELL = r"(?: ?(?!yes\b|true\b|present\b|active\b)[^:;,.()\n=–—\d]{1,40}(?: ?[:–—]| -))?"
"""What may stand between a label and its verdict: `AU4 – brow lowerer – no`."""
_MOVES = {
    "raised|lifted": (1, 2, 5, 6, 10, 17),
    "lowered": (4, 15),
    "tightened": (7, 23),
    "wrinkled": (9,),
    "pulled|raised|lifted": (12,),
    "stretched": (20,),
    "pressed": (24,),
    "parted": (25,),
    "dropped|open": (26,),
}
"""What a unit's muscle does: of AU1 "the brows are not raised" is a denial, but not of AU4."""
_UNMOVED = "|".join(
    rf"(?:{'|'.join(rf'(?<=AU{unit})' for unit in units)}){_SIGN} (?:the )?(?:\w+ ){{1,3}}?(?:(?:is|are) )?"
    rf"(?:not|no longer) (?:\w+ly )?(?:{moves}|activated|engaged)\b"
    rf"(?: (?:up|down|together|apart|upwards?))?{STOP}"
    for moves, units in _MOVES.items()
)
_IS_SEEN = rf"(?:[.,;!]|$|\s+(?:(?!only\b)\w+ly\s+)?(?:to\s+be\s+)?(?:{_SEEN}|the\s(?!only\b)|what\s))"
"""Also "is not the emotion", but not "is not the only one"."""
_DENIED = re.compile(
    rf"{_ASIDE}(?:"
    rf"(?:,? {_WHETHER}){{0,2}}{_SIGN}{_CELL} ?(?:{VERDICT})"
    r"|=(?:no|false)\b"
    rf"|{_UNMOVED}"
    rf"| (?:{NAY}){STOP}"
    r"|\s*[(\[]\s*(?:(?:NAY|none|0(?:\.0+)?(?:\s?%)?)|"
    r"(?:intensity|strength|level|score)\s*[:=]?\s*0(?:\.0+)?)\s*[)\]]"
    rf"|(?:\s+\w+){{1,4}}\?\s*(?:{NAY}){STOP}"
    r"|\s+(?:is|are|was|were|can be|could be|has been|have been|seems?|appears?|looks?)(?:\s+to\s+be)?"
    rf"\s+(?:(?:all|both|\w+ly|\w+ (?:and|or))\s+)?(?:{_NOT_SEEN}|absent|missing|"
    r"ruled out|unlikely|excluded|lacking|inactive|off\b|less (?:likely|probable))"
    r"|\s+(?:is|are|was|were|can be|could be|has been|have been|seems?|appears?)"
    rf"\s+(?:\w+ly\s+)?not{_IS_SEEN}"
    rf"|\s+(?:is|are|was|were)n'?t{_IS_SEEN}"
    rf"|\s+(?:does|do|did)(?:\s+not|n'?t)\s+(?:seem|appear|look)(?:\s+to\s+be)?{_IS_SEEN}"
    rf"|\s+(?:can|could)(?:\s?not|'?t|n'?t)\s+be\s+(?:\w+ly\s+)?(?:{_SEEN}|confirmed)\b"
    r"|\s+(?:has|have|had|shows?|displays?|exhibits?)\s+no\s+(?:\w+\s+)?"
    r"(?:activation|activity|movement|contraction|evidence|signs?)\b"
    r")".replace("NAY", NAY),
    re.IGNORECASE,
)

_NUMBER = rf"(\d{{1,3}}(?:\.\d{{1,4}})?){PERCENT}"
_SURE = r"(?!\s*(?:sure|certain|confiden))"
"""How sure a text is of its answer does not lessen the answer."""
_SHARE_BEHIND = re.compile(
    rf"(?:\s+(?:{_CHANCE}|score)(?=\s?[:=]))?(?:"
    r"\s*\(?(?:[^()\n]{0,40}\)\s*)?(?:[:=(–—]|\s-)?\s*(?:with\s+(?:an?\s+)?(?:(?:probability|likelihood)\s+of\s+)?)?"
    rf"(?:about|around|approximately|~)?\s*{_NUMBER}{_SURE}"
    r"|\s*[:=(]?\s*(0?\.\d{1,4}|1\.0+)(?!\d|\s*(?:s|sec|seconds?|ms|px)\b))",
    re.IGNORECASE,
)
_SHARE_BEFORE = re.compile(
    rf"{_NUMBER}{_SURE}\s+(?:(?:chance|probability|likelihood|possibility|likely|probable)\s+)?"
    r"(?:(?:that|of|to|be|being|for|it|this|is|was|has|been|the|a|an|video|image|face|person|clip)\s+){0,7}$",
    re.IGNORECASE,
)
_PROBABILITY = re.compile(r"\b(?:probability|likelihood|chance)\b[^.;\n]*$", re.IGNORECASE)
_ITS_VALUE = re.compile(
    rf"(?:\s+\w+)?\s+(?:is|are|at)\s+(?:only|about|around|approximately|below|under)?\s*{_NUMBER}",
    re.IGNORECASE,
)
_FAINT_BEFORE = re.compile(
    rf"\b{FAINT}\s+{_CHANCE}\s+"
    r"(?:(?:that|of|to|be|being|for|it|this|is|was|has|been|the|a|an|video|image|face|person|clip)\s+){0,7}$",
    re.IGNORECASE,
)
_FAINT_BEHIND = re.compile(rf"\s+{_CHANCE}(?:{_SIGN}|\s+(?:is|seems|appears)) ?{FAINTLY}", re.IGNORECASE)
_ITS_FAINTNESS = re.compile(
    rf"(?:\s+\w+)?(?:\s+(?:is|are|seems?|appears?)|{_SIGN}) ?{FAINTLY}", re.IGNORECASE
)
_GRADED = re.compile(rf"{_ASIDE}(?:{_SIGN} ?{FAINTLY}|\s?\({FAINT}(?: {_CHANCE})?\))", re.IGNORECASE)
_ON_A_SCALE = re.compile(rf"{_ASIDE}{_SIGN}? ?{RATIO}", re.IGNORECASE)
_BEFORE = 100
"""Characters before a word that are looked at."""


def is_denied_behind(text: str, end: int) -> bool:
    """Return whether the words behind a place say that what ends there does not hold."""
    return _DENIED.match(text, end) is not None


def share(text: str, start: int, end: int) -> float | None:
    """Return the probability, 0..1, that a text gives to what it names at [start, end), or None."""
    before = text[max(0, start - _BEFORE) : start]
    found = _SHARE_BEHIND.match(text, end) or _SHARE_BEFORE.search(before)
    if found is None and _PROBABILITY.search(before):
        found = _ITS_VALUE.match(text, end)
    if found is None:
        return None
    return float(found[1]) / 100 if found[1] else float(found[2])


def is_improbable(text: str, start: int, end: int) -> bool:
    """Return whether a text calls what it names at [start, end) improbable: "a low chance of fake"."""
    before = text[max(0, start - _BEFORE) : start]
    return bool(
        _FAINT_BEFORE.search(before)
        or _FAINT_BEHIND.match(text, end)
        or (_PROBABILITY.search(before) and _ITS_FAINTNESS.match(text, end))
    )


def is_faint(text: str, end: int) -> bool:
    """Return whether a form says that there is little of what ends at a place: `Anger: low`."""
    return _GRADED.match(text, end) is not None


def share_of_scale(text: str, end: int) -> float | None:
    """Return what a scale of 5, 10 or 100 gives to what ends at a place, 0..1; None without one."""
    found = _ON_A_SCALE.match(text, end)
    return float(found[1]) / float(found[2]) if found else None
