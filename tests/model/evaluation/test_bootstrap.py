"""Intervals draw clusters."""

import numpy as np
import pytest
from numpy.random import default_rng

from model.evaluation.bootstrap import BootstrapConfig, estimate, number_clusters


def mean_of(values: np.ndarray, clusters: np.ndarray):
    def metric(weights: np.ndarray | None) -> float:
        return float(np.average(values, weights=None if weights is None else weights[clusters]))

    return metric


def test_the_interval_is_as_wide_as_clusters_are_few() -> None:
    rng = default_rng(1)
    means = rng.normal(size=30)
    clusters = np.repeat(np.arange(30), 50)
    values = means[clusters] + rng.normal(size=1500) * 0.1
    by_cluster = estimate(mean_of(values, clusters), 30, BootstrapConfig())
    by_sample = estimate(mean_of(values, np.arange(1500)), 1500, BootstrapConfig())
    assert by_cluster.low is not None
    assert by_cluster.high is not None
    assert by_sample.low is not None
    assert by_sample.high is not None
    standard_error = means.std(ddof=1) / np.sqrt(30)
    assert by_cluster.high - by_cluster.low == pytest.approx(2 * 1.96 * standard_error, rel=0.15)
    assert by_sample.high - by_sample.low < 0.3 * (by_cluster.high - by_cluster.low)
    assert by_cluster.low < by_cluster.value < by_cluster.high


def test_the_same_seed_gives_the_same_interval() -> None:
    values = default_rng(2).normal(size=20)
    metric = mean_of(values, np.arange(20))
    assert estimate(metric, 20, BootstrapConfig(50)) == estimate(metric, 20, BootstrapConfig(50))


def test_one_cluster_has_no_interval() -> None:
    found = estimate(lambda _: 0.5, 1, BootstrapConfig())
    assert (found.value, found.low, found.high) == (0.5, None, None)
    assert estimate(lambda _: 0.5, 9, BootstrapConfig(draws=0)).low is None


def test_draws_in_which_a_metric_is_not_defined_do_not_count() -> None:
    found = estimate(lambda w: 0.5 if w is None or w[0] else float("nan"), 2, BootstrapConfig(100))
    assert (found.low, found.high) == (0.5, 0.5)


def test_clusters_are_numbered_as_they_come() -> None:
    assert number_clusters(["b", "a", "b"]).tolist() == [0, 1, 0]
