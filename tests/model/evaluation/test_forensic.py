"""Own metrics against their definitions, worked out the long way."""

import math

import numpy as np
import pytest
from numpy.random import default_rng
from sklearn.metrics import roc_auc_score

from model.evaluation.forensic import auc, cllr, cllr_min, ece, eer, log10_odds


def drawn(seed: int, samples: int = 120) -> tuple[np.ndarray, np.ndarray]:
    rng = default_rng(seed)
    is_fake = rng.random(samples) < 0.7
    return is_fake, np.round(1 / (1 + np.exp(-rng.normal(is_fake * 1.2 - 0.6, 1))), 2)


@pytest.mark.parametrize("seed", range(5))
def test_eer_lies_where_the_two_rates_cross(seed: int) -> None:
    is_fake, scores = drawn(seed)
    pairs = [
        ((scores[~is_fake] >= threshold).mean(), (scores[is_fake] < threshold).mean())
        for threshold in [*np.unique(scores), 2.0]
    ]
    worse = [pair for pair in pairs if pair[0] >= pair[1]]  # accuses more than it misses
    better = [pair for pair in pairs if pair[0] < pair[1]]
    (a0, m0), (a1, m1) = worse[-1], better[0]
    share = (a0 - m0) / ((a0 - m0) - (a1 - m1))
    assert eer(is_fake, scores) == pytest.approx(a0 + share * (a1 - a0))


def test_eer_of_the_extremes() -> None:
    is_fake = np.array([False, False, True, True])
    assert eer(is_fake, np.array([0.1, 0.2, 0.8, 0.9])) == 0
    assert eer(is_fake, np.array([0.8, 0.9, 0.1, 0.2])) == 1
    assert eer(is_fake, np.full(4, 0.5)) == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(3))
def test_cllr_is_the_mean_cost_of_either_kind(seed: int) -> None:
    is_fake, scores = drawn(seed)
    lrs = log10_odds(scores)
    fakes = [math.log2(1 + 10**-lr) for lr, fake in zip(lrs, is_fake, strict=True) if fake]
    originals = [math.log2(1 + 10**lr) for lr, fake in zip(lrs, is_fake, strict=True) if not fake]
    expected = 0.5 * (sum(fakes) / len(fakes) + sum(originals) / len(originals))
    assert cllr(is_fake, lrs) == pytest.approx(expected)
    assert cllr_min(is_fake, scores) <= cllr(is_fake, lrs)


def test_cllr_of_the_extremes() -> None:
    is_fake = np.array([False, True])
    assert cllr(is_fake, np.zeros(2)) == 1
    assert cllr(is_fake, np.array([-6.0, 6.0])) == pytest.approx(0, abs=1e-5)
    assert cllr(is_fake, np.array([6.0, -6.0])) > 10
    assert cllr_min(is_fake, np.array([0.2, 0.9])) == 0


@pytest.mark.parametrize("seed", range(3))
def test_ece_is_the_mean_gap_of_the_bins(seed: int) -> None:
    is_fake, scores = drawn(seed)
    gap = 0.0
    for number in range(10):
        inside = (scores >= number / 10) & ((scores < (number + 1) / 10) | (number == 9))
        if inside.any():
            gap += inside.mean() * abs(scores[inside].mean() - is_fake[inside].mean())
    assert ece(is_fake, scores, bins=10) == pytest.approx(gap)


def test_weights_count_as_copies() -> None:
    is_fake, scores = drawn(3)
    weights = default_rng(3).integers(3, size=len(scores)).astype(np.float64)
    rows = np.repeat(np.arange(len(scores)), weights.astype(int))
    assert auc(is_fake, scores, weights) == pytest.approx(roc_auc_score(is_fake[rows], scores[rows]))
    assert eer(is_fake, scores, weights) == pytest.approx(eer(is_fake[rows], scores[rows]))
    assert ece(is_fake, scores, weights) == pytest.approx(ece(is_fake[rows], scores[rows]))
    lrs = log10_odds(scores)
    for metric in (cllr, cllr_min):
        assert metric(is_fake, lrs, weights) == pytest.approx(metric(is_fake[rows], lrs[rows]))


def test_one_kind_alone_has_no_metric() -> None:
    is_fake, scores = np.ones(3, np.bool_), np.array([0.1, 0.5, 0.9])
    assert np.isnan([auc(is_fake, scores), eer(is_fake, scores), cllr(is_fake, scores)]).all()


def test_rounded_scores_have_finite_odds() -> None:
    assert log10_odds(np.array([0.0, 0.5, 1.0])).tolist() == [-13, 0, 13]
