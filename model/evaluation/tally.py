"""Counts of what was said of what holds, kept apart by cluster: all that metrics of classes depend on.

Such a table has a few dozen cells, however many samples there are, so that a thousand bootstrap draws take
seconds: scikit-learn's functions, against which these metrics are tested, take a millisecond each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
"""[clusters] how often each cluster counts."""
Counts = NDArray[np.float64]
"""[classes, classes + 1] how often a class was given an answer; the last answer is none at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Answers about samples of a closed set of classes.

    Attributes:
        by_cluster: [clusters, classes, classes + 1] counts; the last answer is none at all.
    """

    by_cluster: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        classes: Sequence[str | bool],
        truths: Sequence[str | bool],
        answers: Sequence[str | bool | None],
        clusters: NDArray[np.intp],
        size: int,
    ) -> "Tally":
        """Count.

        Args:
            classes: names, in order.
            truths: per sample what holds.
            answers: per sample what was said; None where nothing was, which counts as any that is no class.
            clusters: [samples] numbers from 0.
            size: how many clusters there are.
        """
        number = {name: index for index, name in enumerate(classes)}
        counts = np.zeros((size, len(classes), len(classes) + 1))
        rows = np.array([number[truth] for truth in truths], np.intp)
        none = len(classes)
        said = [none if answer is None else number.get(answer, none) for answer in answers]
        columns = np.array(said, np.intp)
        np.add.at(counts, (clusters, rows, columns), 1)
        return cls(counts)

    def counts(self, weights: Weights | None = None) -> Counts:
        """Return the counts over all clusters, each as often as its weight says (once by default)."""
        if weights is None:
            return self.by_cluster.sum(axis=0)
        return np.einsum("k,kij->ij", weights, self.by_cluster)


def war(counts: Counts) -> float:
    """Return the weighted average recall, which is the accuracy; no answer is a wrong one."""
    return float(np.trace(counts) / counts.sum()) if counts.any() else float("nan")


def uar(counts: Counts) -> float:
    """Return the unweighted average recall over the classes that occur; no answer is a wrong one.

    Of two classes it is the balanced accuracy.
    """
    return float(np.nanmean(recalls(counts))) if counts.any() else float("nan")


def recalls(counts: Counts) -> NDArray[np.float64]:
    """Return the recall per class, NaN for those that do not occur."""
    occurring = counts.sum(axis=1)
    return np.divide(counts.diagonal(), occurring, out=np.full(len(counts), np.nan), where=occurring > 0)


def f1(counts: Counts) -> float:
    """Return the F1 of the second of two classes, 0 where it neither occurs nor is said."""
    if not counts.any():
        return float("nan")
    found = counts[1, 1]
    either = counts[1].sum() + counts[:, 1].sum()
    return float(2 * found / either) if either else 0.0
