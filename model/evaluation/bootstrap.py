"""Confidence intervals by the bootstrap, drawing clusters (people, source videos) rather than samples.

Frames of one person, or fakes of one video, are not independent: intervals that draw samples would be too
narrow.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class BootstrapConfig:
    """How intervals are found.

    Attributes:
        draws: number of draws; 0 gives no intervals.
        level: share of the draws between the bounds.
        seed: of the draws.
    """

    draws: int = 1000
    level: float = 0.95
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric with its interval.

    Attributes:
        value: on all samples; NaN where it is not defined.
        low: lower bound; None without an interval, which one cluster alone does not give.
        high: upper bound.
    """

    value: float
    low: float | None = None
    high: float | None = None


def number_clusters(clusters: Sequence[Hashable]) -> NDArray[np.intp]:
    """Return [samples] numbers of clusters from 0, in the order of their first appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(cluster, len(numbers)) for cluster in clusters], np.intp)


def estimate(
    metric: Callable[[NDArray[np.float64] | None], float], clusters: int, config: BootstrapConfig
) -> Estimate:
    """Return a metric with its percentile interval.

    Args:
        metric: of weights [clusters], how often each cluster counts; None means once each.
        clusters: how many there are.
        config: how.
    """
    value = metric(None)
    if clusters < 2 or config.draws < 1:
        return Estimate(value)
    rng = np.random.default_rng(config.seed)
    shares = np.full(clusters, 1 / clusters)
    drawn = (rng.multinomial(clusters, shares).astype(np.float64) for _ in range(config.draws))
    values = np.array([metric(weights) for weights in drawn])
    values = values[np.isfinite(values)]  # a draw may lack a class that a metric needs
    if not len(values):
        return Estimate(value)
    rest = (1 - config.level) / 2
    low, high = np.quantile(values, [rest, 1 - rest])
    return Estimate(value, float(low), float(high))
