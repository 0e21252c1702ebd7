"""What can be asked of a face, declared once.

The prompts are short ones in the spirit of the official ones: the lists of the Face-LLaVA repository are not
part of this project. A recipe can reword them, or ask questions of its own.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from model.prompting.labels import ACTION_UNITS, ATTRIBUTES, AUTHENTICITY, EXPRESSIONS, Label

Kind = Literal["single_label", "multi_label", "number"]
View = Literal["clip", "frame"]

YES, NO = Label("yes"), Label("no")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_HIGHEST = 999


@dataclass(frozen=True, slots=True)
class Question:
    """A question with a closed set of answers, each of which gets a score.

    Attributes:
        name: what answers and findings call it: lower case letters, digits, underscores.
        kind: `single_label`: one of the labels holds; `multi_label`: each label is asked as yes or no;
            `number`: a whole number between minimum and maximum.
        prompt: asked for the text, label and explanation.
        score_prompt: asked for the scores; the prompt when empty. With multi_label it must contain `{label}`,
            best near its end, so that the labels share what comes before.
        labels: for single_label (two or more) and multi_label (one or more).
        view: `clip`: the video tower sees all frames; `frame`: the image tower sees the best one.
        rationale: whether a text is generated at all.
        lead_in: words that the scored answer begins with, before the label.
        minimum: of a number, 0..999.
        maximum: of a number, 0..999.
        unit: of a number; its finding is called `<name>_<unit>`.
        number_answers: answers that mean the number `{n}`, with something behind it: else 2 would begin 22.
        prior_weight: how much of the prior, the log-likelihood given a blank clip, is taken from the scores.
            None: 1 for labels, 0 for numbers: far-off numbers are improbable with and without the clip, and
            their ratio is noise.

    Raises:
        ValueError: when the parts do not fit together.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str
    kind: Kind
    prompt: str
    score_prompt: str = ""
    labels: tuple[Label, ...] = ()
    view: View = "clip"
    rationale: bool = True
    lead_in: str = ""
    minimum: int = 0
    maximum: int = 100
    unit: str = "years"
    number_answers: tuple[str, ...] = ("{n} years", "{n} year")
    prior_weight: float | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"question {self.name!r}: name it with lower case letters, digits and underscores"
            )
        for text in (self.prompt, self.score_prompt):
            if "<image>" in text or "</s>" in text:
                raise ValueError(
                    f"question {self.name}: leave <image> and </s> out of the prompts; they are added"
                )
        if not self.prompt.strip():
            raise ValueError(f"question {self.name}: the prompt is empty; write the question")
        if "{label}" in self.prompt:
            raise ValueError(
                f"question {self.name}: {{label}} belongs into the score_prompt; the prompt is asked "
                "once, of all labels"
            )
        if self.prior_weight is not None and not 0 <= self.prior_weight <= _HIGHEST:
            raise ValueError(
                f"question {self.name}: prior_weight {self.prior_weight} is no number from 0, such as 1"
            )
        if self.kind == "number":
            self._check_number()
        else:
            self._check_labels()

    def _check_labels(self) -> None:
        names = [label.name for label in self.labels]
        if len(set(names)) < len(names):
            raise ValueError(f"question {self.name}: labels {names} repeat; name each once")
        owners: dict[str, str] = {}
        for label in self.labels:
            for word in label.words():
                if owners.setdefault(word, label.name) != label.name:
                    raise ValueError(
                        f"question {self.name}: {word!r} names label {owners[word]!r} and label "
                        f"{label.name!r}; leave it to one of them"
                    )
        least = 2 if self.kind == "single_label" else 1
        if len(self.labels) < least:
            raise ValueError(f"question {self.name}: a {self.kind} question needs at least {least} labels")
        if (self.kind == "multi_label") != ("{label}" in self.score_prompt):
            raise ValueError(
                f"question {self.name}: put {{label}} into the score_prompt of a multi_label question, "
                "where each label's phrase goes, and into no other"
            )

    def _check_number(self) -> None:
        if self.labels:
            raise ValueError(
                f"question {self.name}: a number question has no labels; give minimum and maximum"
            )
        if not re.search(r"\w", self.unit):
            raise ValueError(f"question {self.name}: the unit is empty; write what is counted, such as years")
        if not 0 <= self.minimum < self.maximum <= _HIGHEST:
            raise ValueError(
                f"question {self.name}: minimum {self.minimum} and maximum {self.maximum} must satisfy "
                f"0 <= minimum < maximum <= {_HIGHEST}"
            )
        if not self.number_answers or not all(
            re.search(r"\{n\}.*\S", answer) for answer in self.number_answers
        ):
            raise ValueError(
                f"question {self.name}: each of number_answers needs {{n}} and a word or full stop behind it"
            )

    def numbers(self) -> tuple[int, ...]:
        """Return what may be answered, in order; nothing unless the question asks for a number."""
        return tuple(range(self.minimum, self.maximum + 1)) if self.kind == "number" else ()

    def effective_prior_weight(self) -> float:
        """Return the prior's weight, the kind's default where none is set."""
        if self.prior_weight is not None:
            return self.prior_weight
        return 0.0 if self.kind == "number" else 1.0


DEFAULT_QUESTIONS = (
    Question(
        name="expression",
        kind="single_label",
        prompt="What is the emotion of the person in this video? Explain what in the face suggests it.",
        score_prompt="What is the emotion of the person in this video? Answer with one word: happiness, "
        "sadness, neutral, anger, surprise, disgust or fear.",
        labels=EXPRESSIONS,
    ),
    Question(
        name="action_units",
        kind="multi_label",
        prompt="Which facial action units are active in this image? Describe each of them.",
        score_prompt="Answer yes or no. Is this facial action unit active in the image: {label}?",
        labels=ACTION_UNITS,
        view="frame",
    ),
    Question(
        name="attributes",
        kind="multi_label",
        prompt="Which facial attributes does the person in this image have? Describe them.",
        score_prompt="Answer yes or no. Does this attribute describe the person in the image: {label}?",
        labels=ATTRIBUTES,
        view="frame",
    ),
    Question(
        name="age",
        kind="number",
        prompt="How old is the person in this image? Explain what suggests this age.",
        score_prompt="How old is the person in this image? Answer with a number of years.",
        view="frame",
    ),
    Question(
        name="deepfake",
        kind="single_label",
        prompt="Is the face in this video real or fake? Explain why.",
        score_prompt="Is the face in this video real or fake? Answer with one word.",
        labels=AUTHENTICITY,
    ),
)
"""The five tasks of Face-LLaVA. Views as its README advises: video for emotion, pictures for the rest; its
prompts for deepfakes speak of videos."""


def default_question(name: str) -> Question:
    """Return one of `DEFAULT_QUESTIONS` by name.

    Raises:
        ValueError: when there is none of that name.
    """
    for question in DEFAULT_QUESTIONS:
        if question.name == name:
            return question
    known = ", ".join(question.name for question in DEFAULT_QUESTIONS)
    raise ValueError(
        f"no question is called {name!r}; use one of {known}, or declare it with kind and prompt"
    )
