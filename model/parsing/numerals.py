"""Reads a number, such as an age, out of prose."""

import re
from dataclasses import dataclass
from itertools import zip_longest

from model.parsing.withdrawals import is_withdrawn
from model.prompting.questions import Question

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
    rf"(?<![\w.,$])(?<!-)(?<!\bno )(\d{{1,3}}\.\d{{1,2}}|{NUMBER})"
    r"(?:[- ]?ish\b|(?=(?:yo|yrs?|years?|y)\b)|(?!\w))(?![.,:]\d|\s*[<>≤≥])",
    re.IGNORECASE,
)
_PART = r"(early|mid|middle|late)[- ]*"
_DECADE = re.compile(
    rf"\b(?:{_PART}(?:(?:to|or|and|-|–)[- ]*{_PART})?)?"
    rf"(?:(\d0)(?:['’]?s|[- ]?something)|({'|'.join(_DECADES)})|({'|'.join(_TENS)})[- ]?something)\b",
    re.IGNORECASE,
)
_PARTS = {"early": (0, 3), "mid": (4, 6), "middle": (4, 6), "late": (7, 9)}
_OR_MORE = re.compile(
    r"\s*(?:(?:[\s-]*(?:years?|yrs?))?\+(?!\s*/)|[\s-]*plus\b(?! or)|"
    r"(?:[\s-]*years?(?:[\s-]+old)?\s+)?(?:or|and)\s+(?:older|above|over|more|up|beyond)\b)",
    re.IGNORECASE,
)
_OR_LESS = re.compile(
    r"\s*(?:[\s-]*years?(?:[\s-]+old)?\s+)?(?:or|and)\s+(?:younger|below|under|less)\b", re.IGNORECASE
)
_TO = re.compile(r"\s*(?:-|–|—|/|to|or|and)\s*(?:the\s+)?(?:his\s+|her\s+|their\s+)?", re.IGNORECASE)
_HEDGE = r"(?:(?:about|around|maybe|possibly|perhaps|even)\s+)?"
_RANGE = re.compile(
    rf"(?:\s*,\s*{NUMBER}){{0,4}}(?:\s*(?:-{{1,3}}|–|—|~|\.{{2,3}}|…|(?:to|through|until|till)\b)|,?\s*or\b"
    rf"|,?\s*(?=maybe|possibly|perhaps))\s*{_HEDGE}({NUMBER})(?!\w)",
    re.IGNORECASE,
)
_UNIT = r"[\s-]*(?:years?|yrs?)(?:[\s-]+old)?(?:\s+of\s+age)?"
_RANGE_OF_UNITS = re.compile(
    rf"{_UNIT}(?:\s*(?:-|–|—|~)\s*({NUMBER})(?={_UNIT}\b)"
    rf"|,?\s*(?:(?:to|through|until|till|or)\b\s*|(?=maybe|possibly|perhaps)){_HEDGE}({NUMBER})(?!\w))",
    re.IGNORECASE,
)
_PAIR = re.compile(rf"\s*,\s*({NUMBER})(?=\s*[)\]])", re.IGNORECASE)
_BETWEEN = re.compile(rf"\s+and\s+({NUMBER})(?!\w)", re.IGNORECASE)
_BOUND = re.compile(
    r"(?:(?P<not>\b(?:not|no|never|cannot|\w+n['’]t)\s+(?:(?:be|look|appear|seem)\s+)?(?:to\s+be\s+)?(?:much\s+)?)?"
    r"\b(?:(?P<more>over|above|(?:older|more) than|at least|beyond)|under|below|(?:younger|less|fewer) than|"
    r"at most|up to|not yet)\s+|(?P<sign>[>≥])=?\s*|[<≤]=?\s*)$",
    re.IGNORECASE,
)
_UPPER_BOUND = re.compile(
    r"(?:[\s-]*years?(?:\s+old)?)?(?:,\s*|,?\s*(?:and|but)\s+)(?:(?:younger|less) than|under|below|at most)"
    rf"\s+({NUMBER})(?!\w)",
    re.IGNORECASE,
)
_DENIAL = re.compile(
    r"(?:\bnot|n['’]t|\brather than|\binstead of)\s+"
    r"(?:be\s+|about\s+|around\s+|in\s+(?:his|her|their|the)\s+)?$",
    re.IGNORECASE,
)
_STATEMENT = re.compile(
    r"\b(?:aged?|(?:(?<!there )(?:is|are)|be|looks?|appears?|seems?)(?: to be)?|age(?: of| is|d|:)?|"
    r"(?:about|around|approximately|roughly|probably|likely|nearly|almost|estimated?)(?: at| as)?)\s*:?\s*$",
    re.IGNORECASE,
)


_BEST = re.compile(
    r"\b(?:(?:most |more )?likely|probably|best (?:guess|estimate)|point estimate|specifically|closer to|say|"
    r"i(?: would|['’]d)? (?:guess|estimate))\W+"
    r"(?:(?:is|are|be|it|he|she|they|about|around|approximately)\W+){0,3}$",
    re.IGNORECASE,
)
"""What singles a number out of a range before it."""
_AGE = re.compile(r"\b(?:aged?|age (?:of|is)|age:?)\s*$", re.IGNORECASE)
_OTHER_UNIT = re.compile(
    r"\s*%|[\s-]*(?i:decades?|centur(?:y|ies)|months?|weeks?|days?|hours?|minutes?|seconds?|frames?|percent|cm|"
    r"kg|feet|foot|ft|inch(?:es)?|pounds?|lbs|degrees?|o\W?clock)\b"
    r"|\s+(?!(?:is|was|has|does|as|this|his|its|seems|looks|appears|fits|suits|plus|ans)\b)"
    r"(?:[a-z]+s|people|men|women|children)\b"
)
_OF_A_SCALE = re.compile(r"\d\s*(?:/|(?:out )?of)\s*$", re.IGNORECASE)
"""Before a number that says how much could have been: the 5 of "4/5 stars"."""
_DIFFERENCE = re.compile(r"\s+(?:younger|older|less|more|fewer) than\b", re.IGNORECASE)
"""Behind a number that is none of its own: "10 years younger than his 60"."""
_ENDS = re.compile(r"[^\S\n]*(?:[^\w\s]|\n|I\b|$)")
"""Behind a first number in words that is the answer: in "One can see lines" it is none."""
_LIST_NUMBER = re.compile(r"^\(?\d[.)]\s+(?=\D{0,60}\d)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Reading:
    start: int
    numbers: tuple[float, ...]
    """One number, or the ends of a range."""
    has_unit: bool
    """Whether it is said to be a number of the question's unit."""
    is_stated: bool
    """Whether words before it, or the start of the text, present it as the answer."""
    is_best: bool = False
    """Whether words before it single it out among others."""


def read_numbers(text: str, question: Question) -> tuple[float, ...]:
    """Return the number that a text gives first, the two ends of a range, or nothing.

    A number with its unit ("22 years old") or one that is stated ("is 22") goes before any other. Numbers
    outside of the question's minimum and maximum are no answers. A single open bound ("over 60") is returned
    as a range whose other end is the question's. A number that is singled out of a range before it ("20-29,
    most likely 25") is returned alone.
    """
    text = _LIST_NUMBER.sub("", text)
    readings = [reading for reading in _readings(text, question) if _is_possible(reading, question)]
    stated = [reading for reading in readings if reading.has_unit or reading.is_stated]
    first = min(stated or readings, key=lambda reading: reading.start, default=None)
    if first is None:
        none = rf"\bno\s+(?:\w+\s+)?{re.escape(question.unit)}\b"
        return (0,) if question.minimum == 0 and re.search(none, text, re.IGNORECASE) else ()
    for other in readings:
        is_inside = first.numbers[0] <= other.numbers[0] <= first.numbers[-1]
        if other.is_best and other.start > first.start and is_inside:
            return other.numbers
    return first.numbers


def _readings(text: str, question: Question) -> list[_Reading]:
    singular = re.escape(question.unit.removesuffix("s"))
    short = {"year": r"|yrs?\b|y/?o\b|y\b", "percent": "|%"}.get(singular, "")
    unit = re.compile(rf"[\s-]*(?:{singular}s?\b{short})", re.IGNORECASE)
    found: list[_Reading] = []
    taken = 0
    for match in _DECADE.finditer(text):
        if _DENIAL.search(text[max(0, match.start() - _CONTEXT) : match.start()]):
            continue
        first, last = _decade(match)
        joint = _TO.match(text, match.end())
        second = _DECADE.match(text, joint.end()) if joint else None
        last = max(last, _decade(second)[1]) if second else last
        found.append(_Reading(match.start(), (first, last), has_unit=True, is_stated=True))
    matches = list(_ONE.finditer(text))
    for match, following in zip_longest(matches, matches[1:]):
        before = text[max(0, match.start() - _CONTEXT) : match.start()]
        if match.start() < taken or _DENIAL.search(before) or _OF_A_SCALE.search(before):
            continue
        last, taken = _other_end(text, match, before)
        if last is None:
            numbers = _with_bounds(_value(match[1]), text, match, before, question)
        else:
            numbers = (_value(match[1]), last)
        if is_withdrawn(text, match.start(), taken, following.start() if following else None):
            continue
        with_unit = unit.match(text, taken)
        has_unit = with_unit is not None
        is_alone = not before.strip()
        if "." in match[1] and not (has_unit or _AGE.search(before) or (is_alone and taken == len(text))):
            continue  # a length, say
        if _DIFFERENCE.match(text, with_unit.end() if with_unit else taken):
            continue
        is_first = is_alone and (match[1][0].isdigit() or has_unit or _ENDS.match(text, taken) is not None)
        is_a_count = is_alone and not is_first and numbers[-1] < _TEENS  # "two lines run down"
        if not has_unit and (is_a_count or _OTHER_UNIT.match(text, taken)):
            continue
        is_stated = is_first or _STATEMENT.search(before) is not None
        is_best = len(numbers) == 1 and _BEST.search(before) is not None
        found.append(_Reading(match.start(), numbers, has_unit, is_stated, is_best))
    return found


def _other_end(text: str, match: re.Match[str], before: str) -> tuple[float | None, int]:
    """Return the number at the other end of a range, None when there is none, and where what is read ends."""
    found = _RANGE.match(text, match.end()) or _RANGE_OF_UNITS.match(text, match.end())
    if found is None and before.endswith(("[", "(")):
        found = _PAIR.match(text, match.end())
    if found is None and re.search(r"\bbetween(?: the ages? of)?\s+$", before, re.IGNORECASE):
        found = _BETWEEN.match(text, match.end())
    if found is None and _BOUND.search(before):
        found = _UPPER_BOUND.match(text, match.end())
    if found is None:
        return None, match.end()
    return _value(next(word for word in found.groups() if word)), found.end()


def _with_bounds(
    number: float, text: str, match: re.Match[str], before: str, question: Question
) -> tuple[float, ...]:
    """Return the number, or the range that words around it open: `over 60`, `60 or older`."""
    bound = _BOUND.search(before)
    is_lower = bound and bool(bound["more"] or bound["sign"]) != bool(bound["not"])
    if is_lower or _OR_MORE.match(text, match.end()):
        return number, question.maximum
    if bound or _OR_LESS.match(text, match.end()):
        return question.minimum, number
    return (number,)


def _decade(match: re.Match[str]) -> tuple[int, int]:
    """Return the ends of, say, the early thirties: 30 and 33."""
    low = int(match[3] or _DECADES.get(match[4] and match[4].lower()) or _WORDS[match[5].lower()])
    first, last = (0, 9) if match[1] is None else _PARTS[match[1].lower()]
    if match[2] is not None:
        last = _PARTS[match[2].lower()][1]
    return (max(low + first, 13) if low == _TEENS else low + first), low + last


def _value(word: str) -> float:
    number = float(word) if word.replace(".", "").isdigit() else _WORDS[word.lower()]
    return int(number) if number == int(number) else number


def _is_possible(reading: _Reading, question: Question) -> bool:
    return all(question.minimum <= number <= question.maximum for number in reading.numbers)
