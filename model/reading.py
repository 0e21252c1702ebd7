"""Reads labels out of generated prose."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from model.mentions import Mention, are_joined, find_mentions
from model.numerals import NUMBER, read_numbers
from model.questions import Question

ParseStatus = Literal["ok", "ambiguous", "refused", "unparsable"]
_Labels = tuple[ParseStatus, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read from a text.

    Attributes:
        status: `ok`: the labels are what the text says; `ambiguous`: it names several where one is asked for,
            a range for a number, or contradicts itself; `refused`: it declines to answer; `unparsable`: none
            of the question's labels is in it.
        labels: names of labels, or numbers, that the text affirms. Empty and ok: it says that none holds.
        rationale: the explanation: the text without the label that it begins with. Empty for a text that is
            refused or unparsable: what gives no answer explains none.
    """

    status: ParseStatus
    labels: tuple[str, ...]
    rationale: str


_REFUSAL = re.compile(
    r"(?:\bi['’]?m sorry|i am sorry|sorry, (?:but )?i|as an? (?:ai|(?:large )?language model)\b|"
    r"i apologi[sz]e|i (?:must |have to )?(?:refuse|decline) to|i (?:do not|don['’]t) (?:feel comfortable|"
    r"know(?=\s*(?:[.,;!]|$|if\b|whether\b|how old\b|the (?:age|emotion|expression|answer)\b)))|"
    r"(?:i (?:can ?not|can['’]t|could not|couldn['’]t|won['’]t|will not)|i['’]m (?:unable|not able) to|"
    r"i am (?:unable|not able) to|unable to|(?:not |im)possible to|it is difficult to|cannot be|"
    r"(?<![^.;,!\n])\s*(?:can(?:not| not|['’]?t)|could(?: not|n['’]t))) "
    r"(?:\w+ly )?(?:determined?|identif(?:y|ied)|tell|assess|provide|answer|help|assist|say|judge|comply|"
    r"discuss|describe|recogni[sz]e|guess|speculate|infer|estimated?|analy[sz]e|make|give|confirm|"
    r"be (?:certain|sure)|(?:see|detect|find) (?:a|any|the) (?:face|person|image|picture|video)))\b"
    # Not to find any trace of something is an answer.
    r"(?!(?:\s+\w+){0,3}?\s+(?:signs?|traces?|evidence|hints?|indications?|art[ei]facts?|manipulations?|"
    r"tampering|alterations?|edit(?:s|ing)?)\b)",
    re.IGNORECASE,
)
_TURN = re.compile(r"\b(?:but|however|nevertheless|nonetheless|that said|still,)\b", re.IGNORECASE)
_CONCLUSION = re.compile(
    r"\b(?:therefore|thus|hence|overall|in conclusion|in summary|to conclude|consequently|predominant(?:ly)?|"
    r"primar(?:y|ily)|dominant|most likely|best described as|"
    r"(?:emotion|expression)(?: \w+){0,5}? (?:is|as|to be)|actually|in fact|in reality|"
    r"(?:but|yet|however,?) (?:it|this|that|he|she|they|the (?:video|clip|footage|image|picture|face|person))"
    r"(?:['’]s|['’]re| is| are| was| were| has been| have been))\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?\n](?:\s|$)")
_MARKER_NOUNS = r"(?:\s+(?:video|clip|image|photo|picture|face|person|expression|emotion))?"
_QUOTES = r"[*_`\"'“”‘’]*"
"""Markdown's emphasis, too."""
_NUMBER_MARKER = (
    rf"\s*(?:about|around|approximately|roughly)?\s*{NUMBER}(?:\s*(?:-|–|to)\s*{NUMBER})?"
    r"(?:[\s-]+%ss?(?:[\s-]+old)?(?:\s+of age)?\b\s*[:.,;–—-]*\s*|\s*$)"
)
_ACTION_UNIT = re.compile(r"AU(\d+)")
_ACTION_UNIT_LIST = re.compile(
    r"\b(?:(?:AUs|action units?)\s*(?:[#:]\s*)?|AU[\s-]?(?=\d+\s*[+/&]))"
    r"(\d+(?:(?:\s*,\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+|\s*[+/&–-]\s*)(?:AU[\s-]?)?\d+)*)",
    re.IGNORECASE,
)
_NONE_OF_THEM = re.compile(
    r"\b(?:no|none of the|not any)\s+(?:\w+[\s,]+){0,3}(?:action units?|aus?|attributes?|them|these|those)\b"
    r"|^\s*none\b",
    re.IGNORECASE,
)


def read_answer(text: str, question: Question) -> Reading:
    """Read the labels out of a generated text; never raises, whatever the text."""
    match question.kind:
        case "single_label":
            label, rest = _split_marker(text, question)
            if label is not None:
                return Reading("ok", (label,), rest)
            status, labels = _unless_refused(text, question, _read_prose)
        case "multi_label":
            (status, labels), rest = _unless_refused(text, question, _read_multi_label), text.strip()
        case "number":
            status, labels = _unless_refused(text, question, _read_number)
            rest = _without_number(text, question)
    return Reading(status, labels, rest if status in {"ok", "ambiguous"} else "")


def _split_marker(text: str, question: Question) -> tuple[str | None, str]:
    """Return the label that a text begins with, if it does so in form of a heading, and what follows it."""
    for label in question.labels:
        named = "|".join(re.escape(word) for word in sorted(label.words(), key=len, reverse=True))
        marker = re.match(
            rf"\s*{_QUOTES}(?:{named}){_MARKER_NOUNS}{_QUOTES}\s*(?:[:.!\n—–]+{_QUOTES}(?:\s+|$)|-\s+|$)",
            text,
            re.IGNORECASE,
        )
        if marker:
            return label.name, text[marker.end() :].strip()
    return None, text.strip()


def _unless_refused(text: str, question: Question, read: Callable[[str, Question], _Labels]) -> _Labels:
    """Read a text; one that declines before it names a label counts only behind a `but`."""
    refusal = _REFUSAL.search(text)
    if refusal is None:
        return read(text, question)
    if read(text[: refusal.start()], question)[0] == "ok":
        return read(text, question)
    turn = _TURN.search(text, refusal.end())
    if turn:
        status, labels = read(text[turn.end() :], question)
        if labels:
            return status, labels
    return "refused", ()


def _read_prose(text: str, question: Question) -> _Labels:
    """Return the one label that a text affirms, the one that it concludes on, or all."""
    mentions = find_mentions(text, {label.name: label.words() for label in question.labels})
    affirmed = [mention for mention in mentions if not mention.is_denied]
    labels = _names(affirmed)
    if len(labels) > 1:
        concluded = _concluded(text, affirmed)
        return ("ok", concluded) if len(concluded) == 1 else ("ambiguous", labels)
    if labels:
        return "ok", labels
    denied = _names(mentions)
    if len(question.labels) == 2 and len(denied) == 1:
        return "ok", tuple(label.name for label in question.labels if label.name not in denied)
    return "unparsable", ()


def _concluded(text: str, affirmed: Sequence[Mention]) -> tuple[str, ...]:
    """Return the labels of the last statement of the kind "overall ..." or "the emotion is ..."."""
    concluded: tuple[str, ...] = ()
    for cue in _CONCLUSION.finditer(text):
        end = _SENTENCE_END.search(text, cue.end())
        inside = [m for m in affirmed if cue.end() <= m.start and (end is None or m.start < end.start())]
        if not inside:
            continue
        chain = [inside[0]]
        for mention in inside[1:]:
            if are_joined(text, chain[-1], mention):
                chain.append(mention)
        concluded = _names(chain)
    return concluded


def _read_multi_label(text: str, question: Question) -> _Labels:
    """Return the labels that a text affirms, in the question's order."""
    words = {label.name: label.words() for label in question.labels}
    if all(_ACTION_UNIT.fullmatch(name) for name in words):
        text = _ACTION_UNIT_LIST.sub(
            lambda match: ", ".join(f"AU{n}" for n in re.findall(r"\d+", match[1])), text
        )
        if re.search(r"\bAU[\s-]?\d", text, re.IGNORECASE):
            # Names are not always right (AU15 is called by two): where there are numbers, they alone count.
            words = {
                name: (name.lower(), f"au {name[2:]}", f"au-{name[2:]}", f"au0{name[2:]}") for name in words
            }
    mentions = find_mentions(text, words)
    affirmed = {mention.label for mention in mentions if not mention.is_denied}
    denied = {mention.label for mention in mentions if mention.is_denied}
    labels = tuple(name for name in words if name in affirmed)
    if affirmed & denied:
        return "ambiguous", labels
    if mentions or _NONE_OF_THEM.search(text):
        return "ok", labels
    return "unparsable", ()


def _read_number(text: str, question: Question) -> _Labels:
    numbers = tuple(str(number) for number in read_numbers(text, question))
    if not numbers:
        return "unparsable", ()
    return ("ok" if len(numbers) == 1 else "ambiguous"), numbers


def _without_number(text: str, question: Question) -> str:
    singular = re.escape(question.unit.removesuffix("s"))
    marker = re.match(_NUMBER_MARKER % singular, text, re.IGNORECASE)
    return text[marker.end() :].strip() if marker else text.strip()


def _names(mentions: Sequence[Mention]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(mention.label for mention in mentions))
