"""Finds where the list ends that a denial holds for: "no hat, glasses or beard, and a smile"."""

import re
from collections.abc import Sequence

from model.parsing.grammar import Token

_VERBS = (
    r"is|are|was|were|has|have|wears?|shows?|looks?|seems?|appears?|displays?|expresses|conveys|dominates?|"
    r"prevails?"
)
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


def list_goes_on(
    text: str, tokens: Sequence[Token], position: int, *, has_more_cues: bool, is_alternative: bool
) -> bool:
    """Return whether what follows a comma or `and` is another item of the denied list, not a new clause.

    Where every item has a cue of its own ("no hat, no glasses, young"), the list ends where the cues do.
    """
    is_plain = True
    ahead = tokens[position + 1 : position + 9]
    if has_more_cues and not any(token.said in ("or", "nor") for token in ahead):
        return False
    for offset, token in enumerate(ahead):
        said = token.said
        if token.label:
            is_clause = _CLAUSE.match(text, token.end)
            is_new = is_clause or said.split()[0].endswith("ing")
            return is_plain and (is_alternative or not is_new)
        if said in ("or", "nor"):
            if not is_plain:
                return True  # "no artifacts, odd edges or signs of forgery"
            is_alternative = True  # "no forgery, manipulation, or tampering is seen"
        is_new = token.kind in ("end", "break", "cue") or re.fullmatch(_VERBS, said)
        if is_new or (offset == 0 and said in _CLAUSE_STARTS):
            return False
        if said not in _SKIPPED_IN_LISTS:
            if tokens[position].kind == "and" and offset == 0:
                return not said.endswith("ing")  # "no anger and tension or fear"
            is_plain = False
    return False
