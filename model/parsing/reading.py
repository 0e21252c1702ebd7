"""Reads labels out of generated prose."""

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from model.parsing.action_units import drop_names, spell_action_units
from model.parsing.denials import FAINTLY, OPEN, PERCENT, RATIO, VERDICT, is_faint, share_of_scale
from model.parsing.mentions import Mention, are_joined, find_mentions
from model.parsing.numerals import NUMBER, read_numbers
from model.parsing.refusals import split_refusal
from model.parsing.typography import plain_text
from model.parsing.withdrawals import is_conceded
from model.prompting.labels import Label
from model.prompting.questions import Question

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


_IT = (
    r"(?:it|this|that|he|she|they|"
    r"the (?:video|clip|footage|image|picture|photo|face|person|man|woman|child|subject|individual))"
)
_IS = r"(?:'s|'re| is| are| was| were| has been| have been)(?! also\b)"
_CONCLUSION = re.compile(
    r"\b(?:therefore|thus|hence|overall|in conclusion|in summary|to conclude|consequently|ultimately|"
    r"predominant(?:ly)?|primar(?:y|ily)|dominant|most likely|best described as|reveals?|turns? out|"
    r"on (?:a )?closer \w+|(?:answer|verdict|conclusion|assessment|classification|judge?ment)(?= is\b|:)|"
    r"the best(?: \w+)? is|(?<!secondary )(?<!second )(?<!other )"
    r"(?:emotion|expression)(?: \w+){0,5}? (?:is|as|to be)|actually|in fact|in reality|"
    r"i(?:'d| would| can| must)? (?:conclude|classify|say)|"
    rf"(?:but|yet|however,?|so,?) {_IT}{_IS}|(?:but|yet){_IS}|"
    rf"(?:but|yet|however)\b[^.;!?\n]{{1,120}}? (?:indicat|suggest|show|mean|prov|confirm)\w* that "
    rf"{_IT}{_IS})\b",
    re.IGNORECASE,
)
_CONCLUDED_BEHIND = re.compile(
    r"\s+(?:is|seems|appears)\s+(?:the\s+)?(?:most\s+(?:likely|probable|plausible|prominent)|dominant|strongest)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?\n](?:\s|$)")
_EVEN = 0.5
_MARKER_NOUNS = r"(?:\s+(?:video|clip|image|photo|picture|face|person|expression|emotion))?"
_QUOTES = r"[*_`\"'“”‘’]*"
"""Markdown's emphasis, too."""
_YES_OR_NO = frozenset(("yes", "no"))
"""Labels that a comma sets off: "Yes, and there is no doubt"."""
_FILLED_IN = re.compile(
    rf"yes\b|\d+(?:\.\d+)?{PERCENT}|[01]?\.\d|{VERDICT}|{OPEN}|{FAINTLY}|{RATIO}",
    re.IGNORECASE,
)
"""What makes a label in front of a colon no heading but one of the things that are asked: `Fake: no`."""
_NUMBER_MARKER = (
    rf"{_QUOTES}(?:(?:about|around|approximately|roughly)\s+)?{NUMBER}(?:\s*(?:-|–|to)\s*{NUMBER})?"
    rf"(?:[\s-]+%ss?(?:[\s-]+old)?(?:\s+of age)?\b{_QUOTES}\s*[:.,;–—-]*{_QUOTES}\s*|{_QUOTES}\s*$)"
)
_ACTION_UNIT = re.compile(r"AU(\d+)")
_NONE_OF_THEM = re.compile(
    r"(?:\b(?:no|none of the|not any)|(?:\bnot|n't)(?: \w+){1,2} any(?: of)?)\s+(?:\w+[\s,]+){0,3}"
    r"(?:action units?|aus?|attributes?|them|these|those)\b|(?:^|\b(?:aus|units?|attributes)\s*:)\s*none\b"
    r"|\ball (?:(?:of|the|these|facial|other) ){0,3}(?:action units|aus|attributes) "
    r"are (?:absent|inactive|not)\b",
    re.IGNORECASE,
)


def read_answer(text: str, question: Question) -> Reading:
    """Read the labels out of a generated text in English; never raises, whatever the text."""
    plain = plain_text(text)
    match question.kind:
        case "single_label":
            label, rest = _split_marker(text, question)
            if label is not None:
                return Reading("ok", (label,), rest)
            status, labels = _unless_refused(plain, question, _read_prose)
        case "multi_label":
            (status, labels), rest = _unless_refused(plain, question, _read_multi_label), text.strip()
        case "number":
            status, labels = _unless_refused(plain, question, _read_number)
            rest = _without_number(text, question)
    return Reading(status, labels, rest if status in {"ok", "ambiguous"} else "")


def _split_marker(text: str, question: Question) -> tuple[str | None, str]:
    """Return the label that a text begins with, if it does so in form of a heading, and what follows it."""
    for label in question.labels:
        named = "|".join(re.escape(word) for word in sorted(label.words(), key=len, reverse=True))
        marker = re.match(
            rf"\s*{_QUOTES}(?:{named}){_MARKER_NOUNS}{_QUOTES}\s*"
            rf"(?:[:.!\n—–{',' if label.name.lower() in _YES_OR_NO else ''}]+{_QUOTES}(?:\s+|$)|-\s+|$)",
            text,
            re.IGNORECASE,
        )
        if marker is None:
            continue
        rest = text[marker.end() :].strip()
        if not _FILLED_IN.match(plain_text(rest)) and not _has_entry(rest, question, label):
            return label.name, rest
    return None, text.strip()


def _has_entry(text: str, question: Question, heading: Label) -> bool:
    """Return whether another label is set off by a colon too: `Anger: 20, sadness: 80` is a form."""
    others = (word for label in question.labels if label is not heading for word in label.words())
    entry = rf"(?:^|[.,;|\n])[\s*_-]*(?:{'|'.join(map(re.escape, others))}){_MARKER_NOUNS}{_QUOTES}\s*[:=]"
    return re.search(entry, text, re.IGNORECASE) is not None


def _unless_refused(text: str, question: Question, read: Callable[[str, Question], _Labels]) -> _Labels:
    """Read a text; one that declines before it names a label counts only behind a `but`."""
    refused = split_refusal(text)
    if refused is None or read(refused[0], question)[0] == "ok":
        return read(text, question)
    status, labels = read(refused[1], question)
    return (status, labels) if labels else ("refused", ())


def _read_prose(text: str, question: Question) -> _Labels:
    """Return the one label that a text affirms, the one that it concludes on, or all."""
    found = find_mentions(text, {label.name: label.words() for label in question.labels}, _topic(question))
    mentions = [_graded(text, mention) for mention in found]
    shares = {mention.label: mention.share for mention in mentions if mention.share}
    if len(shares) > 1:
        likely = tuple(name for name, probability in shares.items() if probability > _EVEN)
        return ("ok", likely) if len(likely) == 1 else ("ambiguous", tuple(shares))
    affirmed = [mention for mention in mentions if not mention.is_denied]
    labels = _names(affirmed)
    if len(labels) > 1:
        concluded = (
            _concluded(text, affirmed)
            or _names([mention for mention in affirmed if _CONCLUDED_BEHIND.match(text, mention.end)])
            or _names([m for m in affirmed if not is_conceded(text, m.start, m.end)])
        )
        return ("ok", concluded) if len(concluded) == 1 else ("ambiguous", labels)
    if labels:
        return "ok", labels
    if _is_contrast(text, mentions):
        return "ok", (mentions[1].label,)
    denied = _names(mentions)
    if len(question.labels) == 2 and len(denied) == 1:
        return "ok", tuple(label.name for label in question.labels if label.name not in denied)
    return "unparsable", ()


def _graded(text: str, mention: Mention) -> Mention:
    """Return a mention as denied that a form gives a low grade: where one label holds, it is another one."""
    ratio = share_of_scale(text, mention.end) if mention.share is None else mention.share
    is_low = is_faint(text, mention.end) or (ratio is not None and ratio < _EVEN)
    return replace(mention, is_denied=mention.is_denied or is_low, share=ratio)


def _is_contrast(text: str, denied: Sequence[Mention]) -> bool:
    """Return whether all that a text says is of the kind "not happy, sad": the second is what holds."""
    if len(denied) != 2:
        return False
    first, second = denied
    before, between, behind = text[: first.start], text[first.end : second.start], text[second.end :]
    is_first = re.search(r"(?:\bnot|n't)\s$", before, re.IGNORECASE) is not None
    return is_first and between.strip() == "," and not behind.strip(" .!")


def _concluded(text: str, affirmed: Sequence[Mention]) -> tuple[str, ...]:
    """Return the labels of the last statement of the kind "overall ..." or "the emotion is ..."."""
    ends = [end.start() for end in _SENTENCE_END.finditer(text)]
    starts = [mention.start for mention in affirmed]
    for cue in reversed(list(_CONCLUSION.finditer(text))):
        sentence = bisect_left(ends, cue.end())
        stop = ends[sentence] if sentence < len(ends) else len(text)
        inside = affirmed[bisect_left(starts, cue.end()) : bisect_left(starts, stop)]
        if inside:
            chain = [inside[0]]
            for mention in inside[1:]:
                if are_joined(text, chain[-1], mention):
                    chain.append(mention)
            return _names(chain)
    return ()


def _read_multi_label(text: str, question: Question) -> _Labels:
    """Return the labels that a text affirms, in the question's order."""
    words = {label.name: label.words() for label in question.labels}
    if all(_ACTION_UNIT.fullmatch(name) for name in words):
        text = spell_action_units(text)
        if re.search(r"\bAU\d", text, re.IGNORECASE):
            # Names are not always right (AU15 is called by two): where there are numbers, they alone count.
            spoken = (word for named in words.values() for word in named)
            text = drop_names(text, [word for word in spoken if not word.startswith("au")])
            words = {name: (name.lower(),) for name in words}
    mentions = find_mentions(text, words, _topic(question))
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
    text = text.strip()
    marker = re.match(_NUMBER_MARKER % singular, text, re.IGNORECASE)
    return text[marker.end() :].strip() if marker else text


def _topic(question: Question) -> str:
    return f"{question.name.replace('_', ' ')} {question.prompt}"


def _names(mentions: Sequence[Mention]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(mention.label for mention in mentions))
