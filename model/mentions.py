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
from functools import lru_cache
from itertools import zip_longest

from model.withdrawals import is_withdrawn

_CUES = (
    r"\w+n['’]t|cannot|not|never|no|without|neither|nor|none|nothing|lack(?:s|ing)?|absence|absent|devoid|"
    r"free (?:of|from)|(?:rather )?than|instead of|as opposed to|unlike|rul(?:e|es|ed|ing) out|"
    r"exclud(?:e|es|ed|ing)|mistaken for|confused with|far from|unlikely|less likely|fails? to|hardly|"
    r"scarcely|anything but"
)
_PREDICATE = re.compile(r"absent|lacking|unlikely|none|nothing|excluded|ruled out", re.IGNORECASE)
"""Cues that end a statement about what is in front of them."""
_EXCEPTIONS = r"except(?: for)?|other than|apart from|aside from|but for|save for"
_ADDING = frozenset(("apart from", "aside from", "but for", "save for"))
"""These add where nothing is denied: "apart from fear there is surprise"."""
_HEADINGS = r"(?:inactive|absent|missing|not (?:present|active|visible|detected|found))\s*:(?=\s)"
_IDIOMS = (
    r"not (?:only|just|merely|simply)|not (?:sure|certain|clear) (?:whether|if)|"
    r"(?:no|without(?: a| any)?) doubt|no wonder|nothing but|"
    r"(?:that|which|to|would|could|might|may)(?: would| could| might)? (?:suggest|indicate)s?"
)
_BREAKS = (
    r"but|however|although|though|yet|because|since|while|whereas|therefore|thus|hence|instead|"
    r"suggest(?:s|ing)?|indicat(?:es?|ing)"
)
_VERDICT = r"(?<=[:=?–—-]\s)(?:no|none|absent|inactive|not (?:present|active))(?=\s*(?:[.,;(\n]|$))"
"""In a form that is filled in, the word belongs to what stands in front of it: `AU4: no, AU6: yes`."""
_VERBS = (
    r"is|are|was|were|has|have|wears?|shows?|looks?|seems?|appears?|displays?|expresses|conveys|dominates?|"
    r"prevails?"
)
_SKIPPED_IN_LISTS = frozenset(
    (
        *("and", "or", "nor", "even", "any", "a", "an", "the", "of", "sign", "signs"),
        *("strong", "slight", "mild", "deep", "intense", "clear", "extreme"),
    )
)
_BEFORE, _BEHIND = r"(?<![\w-])(?<!\w['’])", r"(?!\w)(?!['’]\w)"
"""A label is a whole word, also in quotes: 'man' but not man's."""
_NOT_A_MENTION = r"(?!\s+(?:background|backdrop|lighting|light|colou?rs?|wall|time|medium)\b)(?!-time)"
_OTHER_THINGS = r"(?:eye|brow|eyebrow|beard|skin|lip|tie|hat|shirt|suit|dress|jacket|background|glasse)s?\b"
"""What has a colour of its own: the hair of "brown eyes and blond hair" is not brown."""
_CLAUSE_STARTS = frozenset(
    ("the", "this", "that", "there", "he", "she", "it", "they", "his", "her", "their", "with")
)
_DENIED_BEHIND = re.compile(
    r"(?:\s*\([^)]*\))?(?:\s*[:=?–—]\s*|\s+-\s+)"
    r"(?:no|none|absent|inactive|false|0(?:\.0+)?|not (?:present|active|visible))(?=\s*(?:[.,;(\n]|$))"
    r"|(?:\s*\([^)]*\))?(?:\s+emotion)?\s+(?:"
    r"(?:is|are|was|were|can be|could be|has been|have been|seems?|appears?)\s+(?:\w+ly\s+)?"
    r"(?:absent|missing|ruled out|unlikely|excluded|lacking|inactive|(?P<not>not))"
    r"|(?:is|are|was|were)(?P<nt>n['’]t))"
    r"(?(not)(?=[.,;!]|$|\s+PREDICATE))(?(nt)(?=[.,;!]|$|\s+PREDICATE))".replace(
        "PREDICATE",
        r"(?:(?!only\b)\w+ly\s+)?(?:present|visible|seen|shown|evident|detected|apparent|active|there|observed|displayed|"
        r"expressed|noticeable|activated|supported|likely|indicated|engaged|the\s|what\s)",
    ),
    re.IGNORECASE,
)
_ASKED = re.compile(r"[^.;:!?\n]*\?(?!\s*(?:yes|no)\b)", re.IGNORECASE)
_JOINT = re.compile(
    r"\s*(?:,|/|&|-|and|or|nor|mixed with|combined with|along with|as well as|with|,\s*and|,\s*or)\s*"
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
        is_denied: whether the text says that it does not hold.
    """

    label: str
    start: int
    end: int
    is_denied: bool


def find_mentions(text: str, words: Mapping[str, Sequence[str]]) -> list[Mention]:
    """Return the mentions of labels in order, the longest words first where they overlap.

    Args:
        text: prose in any case.
        words: per label the lower-case words that name it; `*` in them stands for up to three words.
    """
    pattern, labels = _grammar(tuple((label, tuple(forms)) for label, forms in words.items()))
    tokens = list(pattern.finditer(_split_blends(text, words)))
    mentions: list[Mention] = []
    is_denying = is_headed = False
    for position, token in enumerate(tokens):
        if token.lastgroup in ("cue", "heading"):
            is_denying, is_headed = True, token.lastgroup == "heading"
        elif token.lastgroup == "exception":
            is_nothing = position > 0 and _is_nothing(tokens[position - 1])
            if is_nothing:
                mentions.pop()  # "no emotion other than anger"
            is_denying = not (is_denying or is_nothing or token.group().lower() in _ADDING)
        elif token.lastgroup == "end":
            is_headed = is_headed and token.group() == "\n"
            is_denying = is_headed
        elif token.lastgroup == "break":
            before = tokens[position - 1] if position else None
            is_denying = is_denying and before is not None and before.lastgroup == "cue"
            if before is not None and _PREDICATE.fullmatch(before.group()):
                is_denying = False  # "AU6 is absent while AU12 is active", unlike "not because of anger"
        elif token.lastgroup in ("comma", "and"):
            is_denying = is_denying and _list_goes_on(text, tokens, position)
        elif token.lastgroup and token.lastgroup.startswith("label"):
            is_denied = is_denying or _DENIED_BEHIND.match(text, token.end()) is not None
            mentions.append(Mention(labels[token.lastgroup], token.start(), token.end(), is_denied))
    return _without_questions(text, _without_withdrawn(text, _spread(text, mentions)))


def _is_nothing(token: re.Match[str]) -> bool:
    """Return whether a token is a label that is called the lack of something, such as `no emotion`."""
    return (token.lastgroup or "").startswith("label") and token.group().lower().startswith("no ")


def are_joined(text: str, first: Mention, second: Mention) -> bool:
    """Return whether only a comma, `and`, `or`, `mixed with` or the like is between two mentions."""
    return _JOINT.fullmatch(text, first.end, second.start) is not None


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
        r"|(?P<and>\band\b)|(?P<comma>,)|(?P<end>[.;:!?\n—–])|(?P<word>\w[\w'’-]*)"
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
    return first + "".join(rf"(?=,?\s+(?:(?!{_OTHER_THINGS})[\w'’-]+,?\s+){{0,3}}{part}\b)" for part in rest)


def _list_goes_on(text: str, tokens: Sequence[re.Match[str]], position: int) -> bool:
    """Return whether what follows a comma or `and` is another item of the denied list, not a new clause."""
    is_plain = True
    for offset, token in enumerate(tokens[position + 1 : position + 9]):
        said = token.group().lower()
        if token.lastgroup and token.lastgroup.startswith("label"):
            is_clause = re.match(rf"\s+(?:{_VERBS})\b", text[token.end() :], re.IGNORECASE)
            return is_plain and not is_clause and not said.split()[0].endswith("ing")
        if said in ("or", "nor") and not is_plain:
            return True  # "no artifacts, odd edges or signs of forgery"
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
        if _DENIED_BEHIND.match(text, mention.end):
            is_predicated, joints = True, frozenset(("and", "or", "nor"))
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
