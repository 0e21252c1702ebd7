"""The words of the grammar that `mentions` reads: labels, what denies them, and what ends a denial."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from model.parsing.denials import ABSENT, OPEN, STOP, VERDICT

_CUES = (
    r"\w+n['’]t|cannot|not|never|no|without|neither|nor|none|nothing|lack(?:s|ing)?|absence|absent|devoid|"
    r"free (?:of|from)|(?:rather )?than|instead of|as opposed to|unlike|rul(?:e|es|ed|ing) out|"
    r"exclud(?:e|es|ed|ing)|mistaken for|confused with|far from|unlikely|less likely|fails? to|hardly|"
    r"scarcely|(?<!no )(?<!not )less(?=(?:\s+\w+){1,4}\s+than\b)|anything but|"
    r"(?:hard|difficult) to (?:believe|imagine)|too \w+ to be|doubts?|doubtful|doubted"
)
_EXCEPTIONS = r"except(?: for)?|other than|apart from|aside from|besides|but for|save for"
_HEADINGS = (
    rf"(?:missing|not (?:apply|applicable|listed|wearing)|{ABSENT})"
    r"(?:\s+(?:facial\s+)?(?:aus?|action units?|attributes?|features?|units?|ones))?\s*:(?=\s)"
)
_IDIOMS = (
    r"not (?:only|just|merely|simply)|not (?:sure|certain|clear) (?:whether|if)|"
    r"(?:no|without|beyond)(?: a| any)?(?: reasonable)? doubt|"
    r"(?:no (?:reason|cause|need) to|not|n['’]t|never) doubt|"
    r"no wonder|nothing but|less (?:likely|probable) than|"
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
_NOT_A_MENTION = r"(?!\s+(?:background|backdrop|lighting|light|colou?rs?|wall|time|medium)\b)(?!-time)"
_OTHER_THINGS = r"(?:eye|brow|eyebrow|beard|skin|lip|tie|hat|shirt|suit|dress|jacket|background|glasse)s?\b"
"""What has a colour of its own: the hair of "brown eyes and blond hair" is not brown."""
_NOT = r"(?:not?|never|nor|than)\b"


def tokenise(text: str, words: Mapping[str, Sequence[str]]) -> tuple[list[re.Match[str]], dict[str, str]]:
    """Return the tokens of a text, each of the kind that its `lastgroup` names, and the labels by kind.

    A kind is `cue`, `heading`, `exception`, `break`, `and`, `comma`, `end`, `verdict`, `idiom`, `word`, or
    `label` with a number.
    """
    pattern, labels = _grammar(tuple((label, tuple(forms)) for label, forms in words.items()))
    return list(pattern.finditer(_split_blends(text, words))), labels


@lru_cache(maxsize=64)
def _grammar(words: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    forms = sorted(
        ((form, label) for label, named in words for form in named), key=lambda pair: -len(pair[0])
    )
    labels = {f"label{number}": label for number, (_, label) in enumerate(forms)}
    named = "|".join(
        rf"(?P<label{number}>{_BEFORE}{_form_pattern(form)}{_BEHIND}{_NOT_A_MENTION})"
        for number, (form, _) in enumerate(forms)
    )
    grammar = (
        rf"{named}|(?P<verdict>{_VERDICT})|(?P<idiom>\b(?:{_IDIOMS})\b)"
        rf"|(?P<heading>(?<![:=?–—-]\s)\b{_HEADINGS})"
        rf"|(?P<exception>\b(?:{_EXCEPTIONS})\b)|(?P<cue>\b(?:{_CUES})\b)|(?P<break>\b(?:{_BREAKS})\b)"
        r"|(?P<and>\band\b)|(?P<comma>,)|(?P<end>(?<!\n\d)[.;:!?\n—–])|(?P<word>\w[\w'’-]*)"
    )
    return re.compile(grammar, re.IGNORECASE), labels


def _split_blends(text: str, words: Mapping[str, Sequence[str]]) -> str:
    """Return a text of the same length in which "happy-sad" is "happy/sad": two labels, not a compound."""
    forms = sorted({form for named in words.values() for form in named if "*" not in form}, key=len)
    named = "|".join(re.escape(form) for form in reversed(forms))
    return re.sub(rf"(?<![\w'’-])({named})-(?=(?:{named})(?![\w'’]))", r"\1/", text, flags=re.IGNORECASE)


def _form_pattern(form: str) -> str:
    first, *rest = (re.escape(part).replace(r"\ ", r"\s+") for part in form.split(" * "))
    # Only looked at, not consumed: in "black wavy hair" the same hair is wavy too.
    return first + "".join(
        rf"(?=,?\s+(?:(?!{_OTHER_THINGS}|{_NOT})[\w'’-]+,?\s+){{0,3}}{part}\b)" for part in rest
    )
