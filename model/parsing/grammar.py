"""The words of the grammar that `mentions` reads: labels, what denies them, and what ends a denial."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from model.parsing.denials import ABSENT, OPEN, STOP, VERDICT

_CUES = (
    r"\w+n['’]t|cannot|not|never|no|without|neither|nor|none|nothing|lack(?:s|ing)?|absence|absent|devoid|"
    r"free (?:of|from)|(?:rather )?than|instead of|as opposed to|unlike|rul(?:e|es|ed|ing) out|"
    r"exclud(?:e|es|ed|ing)|mistaken for|confused with|far from|unlikely|less likely|fails? to|hardly|"
    r"scarcely|(?<!no )(?<!not )less(?=(?:\s+\w+){1,4}\s+than\b)|anything but|"
    r"(?:insufficient|(?<!\ba )(?:little|few))(?=\s+(?:or no\s+)?(?:evidence|proof|reasons?|grounds|signs?|"
    r"indications?|traces?)\b)|"
    r"(?:distinguish|differentiat|separat)\w*(?:\s+\w+){0,3}\s+from|sets?(?:\s+\w+){1,3}\s+apart\s+from|"
    r"(?:distinct|differs?) from|in contrast (?:to|with)|contrary to|"
    r"(?:hard|difficult) to (?:believe|imagine)|too \w+ to be|doubts?|doubtful|doubted"
)
_EXCEPTIONS = r"except(?: for)?|other than|apart from|aside from|besides|but for|save for"
_THINGS = r"\s+(?:facial\s+)?(?:aus?|action units?|attributes?|features?|units?|ones)"
_HEADINGS = (
    rf"(?:missing|not (?:apply|applicable|listed|wearing)|{ABSENT})"
    rf"(?:(?:{_THINGS})?\s*:(?=[\s\[])|{_THINGS}\s+(?:is|are|include)\b(?:\s?:)?)"
)
_IDIOMS = (
    r"not (?:only|just|merely|simply)|not (?:sure|certain|clear) (?:whether|if)|"
    r"(?:no|without|beyond|little)(?: a| any)?(?: reasonable)? doubt|"
    r"(?:no (?:reason|cause|need) to|not|n['’]t|never) doubt|"
    r"real[- ]time|no wonder|nothing but|less (?:likely|probable) than|"
    r"(?:that|which|to|would|could|might|may)(?: would| could| might)? (?:suggest|indicate)s?"
)
_BREAKS = (
    r"but|however|although|though|yet|because|since|while|whereas|therefore|thus|hence|instead|"
    r"suggest(?:s|ing)?|indicat(?:es?|ing)"
)
_VERDICT = rf"(?<=[:=?–—-]\s)(?:{VERDICT}|{OPEN})|\b(?:{ABSENT}){STOP}(?!\s*[:(])"
"""Such a word belongs to what stands in front of it: `AU4: no, AU6: yes`, `AU4 not active, AU6 active`."""
_BEFORE, _BEHIND = r"(?<![\w-])(?<!\w['’])", r"(?!\w)(?!['’]\w)"
"""A label is a whole word, also in quotes: 'man' but not man's."""
_SURROUNDINGS = ("background|backdrop|wall", "light(?:ing)?", "colou?rs?")
"""What a "neutral wall" is about, unless it is what the question asks for."""
_OTHER_THINGS = r"(?:eye|brow|eyebrow|beard|skin|lip|tie|hat|shirt|suit|dress|jacket|background|glasse)s?\b"
"""What has a colour of its own: the hair of "brown eyes and blond hair" is not brown."""
_NOT = r"(?:not?|never|nor|than)\b"
_IS = r"(?:(?:,? (?:which|that))?\s+(?:(?:is|are|was|were)(?:n['’]t)?|looks?|seems?|appears?)(?=\s)|\s?[:=])"
_ASPECT = r"(?:\s+(?:colou?r|shape|size|style|type|texture))?"
_DESCRIBED = re.compile(r"(?!(?:no|not|without|doesn't|a|an|wears|wearing) )([^*]+?)(?: \*)? (\w+)")
"""A form of the kind "black hair", of which "the hair is black" says the same."""
_MORE = (
    rf"(?:(?!{_OTHER_THINGS}|(?:is|are|was|were|has|have|wears?|with|in|on|by|under|behind|of|at|like|the|his|her|"
    r"their)\b)[\w'’-]+,? ){0,4}?"
)
"""What may stand in front of such an adjective: other words, but no other thing."""


@dataclass(frozen=True, slots=True)
class Token:
    """A stretch of a text that means something.

    Attributes:
        kind: `label`, `cue`, `heading`, `exception`, `break`, `and`, `comma`, `end`, `verdict`, `idiom` or
            `word`.
        start: first character.
        end: one past the last character.
        said: the characters in lower case.
        label: the label that it names.
    """

    kind: str
    start: int
    end: int
    said: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class _Grammar:
    pattern: re.Pattern[str]
    labels: Mapping[str, str]
    """By the names of the pattern's groups."""
    described: Mapping[str, tuple[tuple[str, re.Pattern[str]], ...]]
    """By noun: labels, and where behind the noun the adjective stands that makes it theirs."""


def tokenise(text: str, words: Mapping[str, Sequence[str]], topic: str = "") -> list[Token]:
    """Return the tokens of a text.

    Args:
        text: prose in any case.
        words: per label the lower-case words that name it.
        topic: what is asked; a "natural light" is no label of faces, but one of light.
    """
    others = tuple(
        named for named in _SURROUNDINGS if not re.search(rf"\b(?:{named})\b", topic, re.IGNORECASE)
    )
    grammar = _grammar(tuple((label, tuple(forms)) for label, forms in words.items()), others)
    tokens: list[Token] = []
    adjectives: dict[int, tuple[int, str]] = {}
    end = 0
    for found in grammar.pattern.finditer(_split_blends(text, words)):
        kind, start, said = found.lastgroup or "", found.start(), found.group().lower()
        if start < end:
            continue
        end = found.end()
        if kind == "noun":
            adjectives |= {
                at: (to, label) for label, at, to in _adjectives(text, found, grammar.described.get(said, ()))
            }
            kind = "word"
        label = grammar.labels.get(kind, "")
        if kind == "word" and start in adjectives:
            end, label = adjectives.pop(start)
        tokens.append(Token("label" if label else kind, start, end, said, label))
    return tokens


def _adjectives(
    text: str, noun: re.Match[str], described: Sequence[tuple[str, re.Pattern[str]]]
) -> Iterator[tuple[str, int, int]]:
    for label, pattern in described:
        if found := pattern.match(text, noun.end()):
            yield label, *found.span(1)


@lru_cache(maxsize=64)
def _grammar(words: tuple[tuple[str, tuple[str, ...]], ...], others: tuple[str, ...]) -> _Grammar:
    # Of what stands at one place the longest: of "black * hair" only the first word does.
    forms = sorted(
        ((form, label) for label, named in words for form in named),
        key=lambda pair: (-len(pair[0].split(" * ")[0]), -len(pair[0])),
    )
    labels = {f"label{number}": label for number, (_, label) in enumerate(forms)}
    is_about_them = rf"(?!(?:-\w+)?\s+(?:{'|'.join(others) or '(?!)'})\b)"
    named = "|".join(
        rf"(?P<label{number}>{_BEFORE}{_form_pattern(form)}{_BEHIND}{is_about_them})"
        for number, (form, _) in enumerate(forms)
    )
    described: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for form, label in forms:
        if parts := _DESCRIBED.fullmatch(form):
            adjective = re.compile(
                rf"{_ASPECT}{_IS} {_MORE}({re.escape(parts[1])})\b(?!-| {_OTHER_THINGS})", re.IGNORECASE
            )
            described.setdefault(parts[2], []).append((label, adjective))
    nouns = "|".join(map(re.escape, described)) or "(?!)"
    grammar = (
        rf"(?P<idiom>\b(?:{_IDIOMS})\b)|{named}|(?P<verdict>{_VERDICT})"
        rf"|(?P<heading>(?<![:=?–—-]\s)\b{_HEADINGS})"
        rf"|(?P<exception>\b(?:{_EXCEPTIONS})\b)|(?P<cue>\b(?:{_CUES})\b)|(?P<break>\b(?:{_BREAKS})\b)"
        rf"|(?P<noun>\b(?:{nouns})(?={_ASPECT}{_IS}))"
        r"|(?P<and>\band\b)|(?P<comma>,)|(?P<end>(?<!\n\d)[.;:!?\n—–])|(?P<word>\w[\w'’-]*)"
    )
    return _Grammar(
        re.compile(grammar, re.IGNORECASE),
        labels,
        {noun: tuple(patterns) for noun, patterns in described.items()},
    )


def _split_blends(text: str, words: Mapping[str, Sequence[str]]) -> str:
    """Return a text of the same length in which "happy-sad" is "happy/sad": two labels, not a compound."""
    forms = sorted({form for named in words.values() for form in named if "*" not in form}, key=len)
    named = "|".join(re.escape(form) for form in reversed(forms))
    return re.sub(rf"(?<![\w'’-])({named})-(?=(?:{named})(?![\w'’]))", r"\1/", text, flags=re.IGNORECASE)


def _form_pattern(form: str) -> str:
    first, *rest = (
        re.sub(r"\\ (?:is|are)\\ ", lambda _: _IS + r"\s+", re.escape(part)).replace(r"\ ", r"\s+")
        for part in form.split(" * ")
    )
    # Only looked at, not consumed: in "black wavy hair" the same hair is wavy too.
    return first + "".join(
        rf"(?=,?\s+(?:(?!{_OTHER_THINGS}|{_NOT})[\w'’-]+,?\s+){{0,3}}{part}\b)" for part in rest
    )
