"""Metrics from counts against scikit-learn's on the samples themselves."""

import numpy as np
import pytest
from numpy.random import default_rng
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from model.evaluation.tally import Tally, f1, recalls, uar, war

CLASSES = ("a", "b", "c", "d")


def drawn(seed: int, classes: int = 4, samples: int = 200) -> tuple[list[str], list[str], list[int]]:
    rng = default_rng(seed)
    truths = [CLASSES[k] for k in rng.integers(classes, size=samples)]
    answers = [t if rng.random() < 0.6 else CLASSES[rng.integers(classes)] for t in truths]
    return truths, answers, list(rng.integers(9, size=samples))


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_scikit_learn_whatever_the_weights_of_the_clusters(seed: int) -> None:
    truths, answers, clusters = drawn(seed)
    tally = Tally.of(CLASSES, truths, answers, np.array(clusters), 9)
    assert war(tally.counts()) == pytest.approx(accuracy_score(truths, answers))
    assert uar(tally.counts()) == pytest.approx(balanced_accuracy_score(truths, answers))
    weights = default_rng(seed).multinomial(9, [1 / 9] * 9).astype(np.float64)
    repeated = [row for row, cluster in enumerate(clusters) for _ in range(int(weights[cluster]))]
    given, said = [truths[row] for row in repeated], [answers[row] for row in repeated]
    assert war(tally.counts(weights)) == pytest.approx(accuracy_score(given, said))
    assert uar(tally.counts(weights)) == pytest.approx(balanced_accuracy_score(given, said))


def test_f1_agrees_with_scikit_learn() -> None:
    rng = default_rng(5)
    truths, answers = rng.random(300) < 0.2, rng.random(300) < 0.3
    tally = Tally.of((False, True), list(truths), list(answers), np.zeros(300, np.intp), 1)
    assert f1(tally.counts()) == pytest.approx(f1_score(truths, answers))


def test_no_answer_is_a_wrong_one() -> None:
    truths = ["a", "a", "a", "b"]
    tally = Tally.of(("a", "b"), truths, ["a", "a", None, None], np.zeros(4, np.intp), 1)
    assert war(tally.counts()) == pytest.approx(2 / 4)
    assert uar(tally.counts()) == pytest.approx((2 / 3 + 0) / 2)
    present = Tally.of((False, True), [True, True, False], [True, None, None], np.zeros(3, np.intp), 1)
    assert f1(present.counts()) == pytest.approx(2 * 1 / (2 * 1 + 0 + 1))


def test_a_class_that_does_not_occur_has_no_recall_and_does_not_count() -> None:
    counts = Tally.of(CLASSES, ["a", "b"], ["a", "c"], np.zeros(2, np.intp), 1).counts()
    assert np.array_equal(recalls(counts), [1, 0, np.nan, np.nan], equal_nan=True)
    assert uar(counts) == pytest.approx(0.5)


def test_nothing_gives_nothing() -> None:
    counts = Tally.of(CLASSES, [], [], np.zeros(0, np.intp), 3).counts()
    assert np.isnan([war(counts), uar(counts), f1(counts)]).all()
