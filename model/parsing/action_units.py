"""The ways in which texts number action units."""

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"\bAU[\s._#-]{0,2}0?(\d+)(?:[A-E]|[_ ][rc])?\b", re.IGNORECASE)
"""As FACS and its tools write it: AU12, AU 12, AU-12, AU06, AU12C, AU12_r."""
_LISTED = r"\d+(?:(?: ?, ?(?:and |or )?| (?:and|or) | ?[+/&–-] ?)(?:AU[ -]?)?\d+)"
_LIST = re.compile(
    r"\b(?P<head>(?:AUs|action units?)(?: (?:that|which))?(?: (?:is|are|were|was)(?: (?!au)[a-z]+\b){0,2})?"
    rf" ?[#:]? ?[\[(]?)(?P<many>{_LISTED}*)"
    rf"|\bAU ?:? ?(?P<some>{_LISTED}{{1,40}})"
    r"(?=\s*(?:[.;)\]\n]|$|(?:is|are|was|were|can|seem|appear|present|active|visible|activated)\b))"
    r"|\bAU[ -]?(?P<sum>\d+(?: ?[+/&] ?(?:AU[ -]?)?\d+)+)",
    re.IGNORECASE,
)


def spell_action_units(text: str) -> str:
    """Return a text in which each action unit has its own name: `AUs 1+2 and 4` is `AUs AU1/AU2 and AU4`."""
    return _NUMBER.sub(r"AU\1", _LIST.sub(_spell_list, text))


def drop_names(text: str, names: Iterable[str]) -> str:
    """Return a text without the names of units that have a number: `AU6: Cheek Raiser (no)` is `AU6 (no)`."""
    named = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    return re.sub(
        rf"\b(AU\d+)\b ?(?:[:–—-] ?(?:{named})\b|\((?:{named})\))", r"\1", text, flags=re.IGNORECASE
    )


def _spell_list(found: re.Match[str]) -> str:
    numbers = found["many"] or found["some"] or found["sum"]
    named = re.sub(r"(?:AU[ -]?)?(\d+)", r"AU\1", numbers, flags=re.IGNORECASE)
    return (found["head"] or "") + re.sub(r"\s*[+–-]\s*", "/", named)
