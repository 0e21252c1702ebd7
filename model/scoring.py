"""From log-likelihoods of answers to scores of labels: pure functions on numbers.

A question is scored by closed prompts: one for a single label or a number, one per label for yes or no. Each
has outcomes, each outcome one or more answers. All answers of a prompt follow the same tokens, so that their
log-likelihoods can be compared as they are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.answers import LabelScore
from model.prompting.questions import NO, YES, Question

LogProbs = NDArray[np.float64]
"""[outcomes] natural logarithms, one such array per closed prompt."""


@dataclass(frozen=True, slots=True)
class ClosedPrompt:
    """A prompt with a closed set of outcomes.

    Attributes:
        prompt: the question as asked.
        lead_in: words that every answer begins with; given, not scored.
        outcomes: names, e.g. labels, `yes` and `no`, or numbers.
        answers: per outcome the answers that mean it.
    """

    prompt: str
    lead_in: str
    outcomes: tuple[str, ...]
    answers: tuple[tuple[str, ...], ...]


def closed_prompts(question: Question) -> tuple[ClosedPrompt, ...]:
    """Return the prompts that score a question."""
    prompt = question.score_prompt or question.prompt
    match question.kind:
        case "single_label":
            names = tuple(label.name for label in question.labels)
            answers = tuple(label.answers() for label in question.labels)
            return (ClosedPrompt(prompt, question.lead_in, names, answers),)
        case "multi_label":
            asked = (prompt.replace("{label}", label.asked_as()) for label in question.labels)
            answers = (YES.answers(), NO.answers())
            return tuple(ClosedPrompt(text, question.lead_in, (YES.name, NO.name), answers) for text in asked)
        case "number":
            names = tuple(map(str, question.numbers()))
            answers = tuple(
                tuple(form.replace("{n}", name) for form in question.number_answers) for name in names
            )
            return (ClosedPrompt(prompt, question.lead_in, names, answers),)


def distinct_answers(
    tails: Sequence[Sequence[tuple[int, ...]]], prompt: ClosedPrompt
) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Return per outcome the answers' tokens without those that another answer of the outcome begins.

    The likelihood of a sequence of tokens contains that of everything that begins with it, so that summing
    both would count the longer twice.

    Raises:
        ValueError: when an answer of one outcome begins an answer of another.
    """
    owners = {tail: outcome for outcome, of_outcome in enumerate(tails) for tail in of_outcome}
    kept: list[tuple[tuple[int, ...], ...]] = []
    for outcome, of_outcome in enumerate(tails):
        shortest: list[tuple[int, ...]] = []
        for tail in dict.fromkeys(of_outcome):
            beginnings = (tail[:end] for end in range(1, len(tail) + 1))
            owner = next((owners[beginning] for beginning in beginnings if beginning in owners), outcome)
            if owner != outcome:
                raise ValueError(
                    f"question {prompt.prompt!r}: an answer for {prompt.outcomes[owner]!r} begins one for "
                    f"{prompt.outcomes[outcome]!r}; give variants that differ earlier, or end in a full stop"
                )
            if not any(tail[:end] in of_outcome for end in range(1, len(tail))):
                shortest.append(tail)
        kept.append(tuple(shortest))
    return tuple(kept)


def log_softmax(values: LogProbs) -> LogProbs:
    """Return the logarithms of the values' shares of their sum."""
    return values - log_sum(values)


def log_sum(values: LogProbs) -> float:
    """Return the logarithm of the sum of the values whose logarithms are given."""
    highest = float(values.max())
    return highest + math.log(float(np.exp(values - highest).sum()))


def label_scores(
    question: Question, log_probs: Sequence[LogProbs], prior_log_probs: Sequence[LogProbs]
) -> tuple[LabelScore, ...]:
    """Return the scores of a question's labels.

    Args:
        question: says the kind and the weight of the prior.
        log_probs: per closed prompt, of each outcome given the clip.
        prior_log_probs: the same given a blank clip.
    """
    weight = question.effective_prior_weight()
    # p(label | clip) / p(label | blank)^weight, over the closed set.
    shares = [
        np.exp(log_softmax(given - weight * prior))
        for given, prior in zip(log_probs, prior_log_probs, strict=True)
    ]
    match question.kind:
        case "single_label":
            return tuple(
                LabelScore(label.name, float(share), "probability", None, float(given), float(prior))
                for label, share, given, prior in zip(
                    question.labels, shares[0], log_probs[0], prior_log_probs[0], strict=True
                )
            )
        case "multi_label":
            return tuple(
                LabelScore(
                    label.name,
                    float(share[0]),
                    "probability",
                    None,
                    float(log_softmax(given)[0]),
                    float(log_softmax(prior)[0]),
                )
                for label, share, given, prior in zip(
                    question.labels, shares, log_probs, prior_log_probs, strict=True
                )
            )
        case "number":
            numbers = np.array(question.numbers(), np.float64)
            mean = float(shares[0] @ numbers)
            spread = math.sqrt(float(shares[0] @ (numbers - mean) ** 2))
            return (LabelScore(f"{question.name}_{question.unit}", mean, question.unit, spread, None, None),)
