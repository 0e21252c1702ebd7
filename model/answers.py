"""What the model said: the text as it is, what could be read from it, and the scores."""

from dataclasses import dataclass

from model.parsing.reading import ParseStatus
from model.prompting.questions import View


@dataclass(frozen=True, slots=True)
class LabelScore:
    """The score of one label, from the model's likelihoods; the text has no part in it.

    Attributes:
        label: the label's name; of a number question `<name>_<unit>`, e.g. `age_years`.
        score: a probability, or the expected number. The probabilities of a single-label question add up to
            one; those of a multi-label question are independent.
        unit: `probability`, or the unit of the number.
        spread: standard deviation of a number in the same unit, else None.
        log_prob: natural logarithm of the probability of the label's answers given the clip; for a label
            asked as yes or no, of yes among the two; None for a number, whose values have one each.
        prior_log_prob: the same given a blank clip.
    """

    label: str
    score: float
    unit: str
    spread: float | None
    log_prob: float | None
    prior_log_prob: float | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question about one clip.

    Attributes:
        question: the question's name.
        text: verbatim; empty when the question asks for none.
        rationale: the explanation in the text, see `model.parsing.reading.Reading`. A sentence, not evidence.
        parse_status: ok, ambiguous, refused or unparsable, see `model.parsing.reading.Reading`.
        parsed_labels: see `model.parsing.reading.Reading`.
        scores: in the order of the question's labels; one for a number.
        prompt: asked for the text, `<image>` standing for each picture.
        view: what the model looked at.
        numbers: what a number question's answer may be; empty for the others, as are the next two.
        number_log_probs: natural logarithm of the probability of each number's answers given the clip: their
            shares of the sum are what the expected number comes from.
        number_prior_log_probs: the same given a blank clip.
    """

    question: str
    text: str
    rationale: str
    parse_status: ParseStatus
    parsed_labels: tuple[str, ...]
    scores: tuple[LabelScore, ...]
    prompt: str
    view: View
    numbers: tuple[int, ...] = ()
    number_log_probs: tuple[float, ...] = ()
    number_prior_log_probs: tuple[float, ...] = ()
