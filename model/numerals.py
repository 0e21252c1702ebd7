"""Reads a number, such as an age, out of prose."""

import re
from dataclasses import dataclass
from itertools import zip_longest

from model.questions import Question
from model.withdrawals import is_withdrawn

_UNITS = (
    *(
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
    ),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {
    **{word: number for number, word in enumerate(_UNITS)},
    **{ten: 10 * number for number, ten in enumerate(_TENS, 2)},
    **{
        f"{ten}{gap}{unit}": 10 * tens + number
        for tens, ten in enumerate(_TENS, 2)
        for number, unit in enumerate(_UNITS[1:10], 1)
        for gap in ("-", " ")
    },
    **dict.fromkeys(("a hundred", "one hundred", "hundred"), 100),
}
_TEENS = 10
_CONTEXT = 40
"""Characters before a number that are looked at."""
_DECADES = {f"{ten.removesuffix('y')}ies": 10 * tens for tens, ten in enumerate(_TENS, 2)} | {"teens": _TEENS}

NUMBER = "(?:" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r"|\d{1,3})"
"""Pattern of a number of up to three digits, or up to a hundred in words."""
_ONE = re.compile(
    rf"(?<![\w.,$])(?<!-)({NUMBER})"
    r"(?:[- ]?ish\b|(?=(?:yo|yrs?|years?)\b)|(?![\w%]))"
    r"(?![.,:]\d|\s*[<>≤≥]|[\s-]*(?:decades?|centur(?:y|ies)|months?|weeks?|days?|hours?|minutes?|seconds?|frames?|percent|cm|kg)\b)",
    re.IGNORECASE,
)
_DECADE = re.compile(
    rf"\b(early|mid|late)?[- ]*(?:(\d0)(?:['’]?s|[- ]?something)|({'|'.join(_DECADES)})"
    rf"|({'|'.join(_TENS)})[- ]?something)\b",
    re.IGNORECASE,
)
_OR_MORE = re.compile(
    r"\s*(?:\+(?!\s*/)|(?:[\s-]*years?(?:[\s-]+old)?\s+)?(?:or|and)\s+(?:older|above|over|more|up|beyond)\b)",
    re.IGNORECASE,
)
_OR_LESS = re.compile(
    r"\s*(?:[\s-]*years?(?:[\s-]+old)?\s+)?(?:or|and)\s+(?:younger|below|under|less)\b", re.IGNORECASE
)
_TO = re.compile(r"\s*(?:-|–|—|to|or|and)\s*(?:the\s+)?(?:his\s+|her\s+|their\s+)?", re.IGNORECASE)
_RANGE = re.compile(rf"\s*(?:-|–|—|~|to|or)\s*({NUMBER})(?![\w%])", re.IGNORECASE)
_BETWEEN = re.compile(rf"\s+and\s+({NUMBER})(?![\w%])", re.IGNORECASE)
_BOUND = re.compile(
    r"(?:\b(?:over|under|above|below|(?:older|younger|more|less|fewer) than|at least|at most|beyond)\s+"
    r"|[<>≤≥]=?\s*)$",
    re.IGNORECASE,
)
_UPPER_BOUND = re.compile(
    r"(?:[\s-]*years?(?:\s+old)?)?,?\s*(?:and|but)\s+(?:(?:younger|less) than|under|below|at most)\s+"
    rf"({NUMBER})(?![\w%])",
    re.IGNORECASE,
)
_DENIAL = re.compile(
    r"\b(?:not|n['’]t|rather than|instead of)\s+(?:be\s+|about\s+|around\s+)?$", re.IGNORECASE
)
_STATEMENT = re.compile(
    r"\b(?:aged?|(?:(?<!there )(?:is|are)|be|looks?|appears?|seems?)(?: to be)?|age(?: of| is|d|:)?|"
    r"(?:about|around|approximately|roughly|probably|likely|nearly|almost|estimated?)(?: at| as)?)\s*:?\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Reading:
    start: int
    numbers: tuple[int, ...]
    """One number, or the ends of a range."""
    has_unit: bool
    """Whether it is said to be a number of the question's unit."""
    is_stated: bool
    """Whether words before it, or the start of the text, present it as the answer."""


def read_numbers(text: str, question: Question) -> tuple[int, ...]:
    """Return the number that a text gives first, the two ends of a range, or nothing.

    A number with its unit ("22 years old") or one that is stated ("is 22") goes before any other. Numbers
    outside of the question's minimum and maximum are no answers. A single open bound ("over 60") is returned
    as a range whose other end is the question's.
    """
    readings = [reading for reading in _readings(text, question) if _is_possible(reading, question)]
    stated = [reading for reading in readings if reading.has_unit or reading.is_stated]
    first = min(stated or readings, key=lambda reading: reading.start, default=None)
    return first.numbers if first else ()


def _readings(text: str, question: Question) -> list[_Reading]:
    singular = re.escape(question.unit.removesuffix("s"))
    short = r"|yrs?\b|y/?o\b" if singular == "year" else ""
    unit = re.compile(rf"[\s-]*(?:{singular}s?\b{short})", re.IGNORECASE)
    found: list[_Reading] = []
    taken = 0
    for match in _DECADE.finditer(text):
        first, last = _decade(match)
        joint = _TO.match(text, match.end())
        second = _DECADE.match(text, joint.end()) if joint else None
        last = max(last, _decade(second)[1]) if second else last
        found.append(_Reading(match.start(), (first, last), has_unit=True, is_stated=True))
    matches = list(_ONE.finditer(text))
    for match, following in zip_longest(matches, matches[1:]):
        before = text[max(0, match.start() - _CONTEXT) : match.start()]
        if match.start() < taken or _DENIAL.search(before):
            continue
        second = _RANGE.match(text, match.end())
        if second is None and re.search(r"\bbetween(?: the ages? of)?\s+$", before, re.IGNORECASE):
            second = _BETWEEN.match(text, match.end())
        if second is None and _BOUND.search(before):
            second = _UPPER_BOUND.match(text, match.end())
        numbers = (_value(match[1]),) if second is None else (_value(match[1]), _value(second[1]))
        if second is None:
            numbers = _with_bounds(numbers[0], text, match, question)
        taken = second.end() if second else match.end()
        if is_withdrawn(text, match.start(), taken, following.start() if following else None):
            continue
        is_stated = not before.strip() or _STATEMENT.search(before) is not None
        found.append(_Reading(match.start(), numbers, unit.match(text, taken) is not None, is_stated))
    return found


def _with_bounds(number: int, text: str, match: re.Match[str], question: Question) -> tuple[int, ...]:
    """Return the number, or the range that words around it open: `over 60`, `60 or older`."""
    bound = _BOUND.search(text[max(0, match.start() - _CONTEXT) : match.start()])
    is_lower = bound and re.match(r"over|above|older|more|at least|beyond|[>≥]", bound.group(), re.IGNORECASE)
    if is_lower or _OR_MORE.match(text, match.end()):
        return number, question.maximum
    if bound or _OR_LESS.match(text, match.end()):
        return question.minimum, number
    return (number,)


def _decade(match: re.Match[str]) -> tuple[int, int]:
    """Return the ends of, say, the early thirties: 30 and 33."""
    part, low = (
        match[1],
        int(match[2] or _DECADES.get(match[3] and match[3].lower()) or _WORDS[match[4].lower()]),
    )
    first, last = {"early": (0, 3), "mid": (4, 6), "late": (7, 9)}.get((part or "").lower(), (0, 9))
    first = max(low + first, 13) if low == _TEENS else low + first
    return first, low + last


def _value(word: str) -> int:
    return int(word) if word.isdigit() else _WORDS[word.lower()]


def _is_possible(reading: _Reading, question: Question) -> bool:
    return all(question.minimum <= number <= question.maximum for number in reading.numbers)
