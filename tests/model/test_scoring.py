"""Scores against sums of probabilities, written out."""

import math

import numpy as np
import pytest

from model.prompting.labels import Label
from model.prompting.questions import Question, default_question
from model.scoring import ClosedPrompt, closed_prompts, distinct_answers, label_scores, log_softmax, log_sum

MOOD = Question(
    "mood",
    "single_label",
    "Mood?",
    labels=(Label("happy", variants=("happy", "glad")), Label("sad"), Label("calm")),
)
MARKS = Question(
    "marks", "multi_label", "Marks?", "Is there {label}?", (Label("hat", phrase="a hat"), Label("scar"))
)
AGE = Question("age", "number", "Age?", minimum=10, maximum=12)


def logs(*values: float) -> np.ndarray:
    return np.log(np.array(values))


def test_a_single_label_is_one_prompt_with_an_outcome_per_label() -> None:
    (prompt,) = closed_prompts(MOOD)
    assert prompt.prompt == "Mood?"
    assert prompt.outcomes == ("happy", "sad", "calm")
    assert prompt.answers[0] == ("happy", "Happy", "glad", "Glad")


def test_each_of_many_labels_is_asked_as_yes_or_no() -> None:
    prompts = closed_prompts(MARKS)
    assert [prompt.prompt for prompt in prompts] == ["Is there a hat?", "Is there scar?"]
    assert all(prompt.outcomes == ("yes", "no") for prompt in prompts)
    assert prompts[0].answers == (("yes", "Yes"), ("no", "No"))


def test_a_number_has_an_outcome_per_value() -> None:
    (prompt,) = closed_prompts(AGE)
    assert prompt.outcomes == ("10", "11", "12")
    assert prompt.answers[1] == ("11 years", "11 year")
    assert len(closed_prompts(default_question("age"))[0].outcomes) == 101


def test_the_prior_is_divided_out() -> None:
    given, prior = (0.2, 0.1, 0.02), (0.4, 0.1, 0.01)
    ratios = [g / p for g, p in zip(given, prior, strict=True)]
    scores = label_scores(MOOD, [logs(*given)], [logs(*prior)])
    assert [s.score for s in scores] == pytest.approx([ratio / sum(ratios) for ratio in ratios])
    assert [s.log_prob for s in scores] == pytest.approx([math.log(g) for g in given])
    assert [s.prior_log_prob for s in scores] == pytest.approx([math.log(p) for p in prior])
    assert [(s.label, s.unit, s.spread) for s in scores] == [
        (n, "probability", None) for n in ("happy", "sad", "calm")
    ]


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_the_prior_has_a_weight(weight: float) -> None:
    given, prior = (0.2, 0.1, 0.02), (0.4, 0.1, 0.01)
    question = Question("mood", "single_label", "Mood?", labels=MOOD.labels, prior_weight=weight)
    ratios = [g / p**weight for g, p in zip(given, prior, strict=True)]
    scores = label_scores(question, [logs(*given)], [logs(*prior)])
    assert [s.score for s in scores] == pytest.approx([ratio / sum(ratios) for ratio in ratios])


def test_yes_is_weighed_against_no_for_each_label_alone() -> None:
    scores = label_scores(MARKS, [logs(0.3, 0.1), logs(0.01, 0.04)], [logs(0.2, 0.2), logs(0.1, 0.2)])
    hat = (0.3 / 0.2) / (0.3 / 0.2 + 0.1 / 0.2)
    scar = (0.01 / 0.1) / (0.01 / 0.1 + 0.04 / 0.2)
    assert [s.score for s in scores] == pytest.approx([hat, scar])
    assert [s.log_prob for s in scores] == pytest.approx([math.log(0.75), math.log(0.2)])
    assert [s.prior_log_prob for s in scores] == pytest.approx([math.log(0.5), math.log(1 / 3)])


def test_a_number_is_expected_with_its_deviation() -> None:
    (score,) = label_scores(AGE, [logs(0.02, 0.05, 0.03)], [logs(0.9, 0.01, 0.01)])
    assert (score.label, score.unit) == ("age_years", "years")
    assert score.score == pytest.approx(0.2 * 10 + 0.5 * 11 + 0.3 * 12)
    assert score.spread == pytest.approx(math.sqrt(0.2 * 1.1**2 + 0.5 * 0.1**2 + 0.3 * 0.9**2))
    assert (score.log_prob, score.prior_log_prob) == (None, None)


def test_logarithms_far_below_zero_do_not_underflow() -> None:
    values = np.array([-2000.0, -2001.0])
    assert log_sum(values) == pytest.approx(-2000 + math.log(1 + math.exp(-1)))
    assert np.exp(log_softmax(values)).sum() == pytest.approx(1)


PROMPT = ClosedPrompt("?", "", ("a", "b"), (("x",), ("y",)))


def test_an_answer_that_another_of_its_outcome_begins_is_not_counted_twice() -> None:
    assert distinct_answers([[(1, 2), (1, 2, 3), (1, 2), (4,)], [(5,)]], PROMPT) == (((1, 2), (4,)), ((5,),))


@pytest.mark.parametrize("tails", [[[(1,)], [(1, 2)]], [[(1, 2)], [(1,)]], [[(1,)], [(1,)]]])
def test_outcomes_that_cannot_be_told_apart_are_an_error(tails: list[list[tuple[int, ...]]]) -> None:
    with pytest.raises(ValueError, match="begins one for"):
        distinct_answers(tails, PROMPT)
