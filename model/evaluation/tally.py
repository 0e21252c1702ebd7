"""Counts of what was said of what holds, kept apart by cluster: all that metrics of classes depend on.

A metric is scikit-learn's, on the rows of such a table with the counts as weights: a few dozen rows, however
many samples there are, so that a thousand bootstrap draws take seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, recall_score

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
    truths, answers, weights = _rows(counts)
    return float(accuracy_score(truths, answers, sample_weight=weights)) if len(truths) else float("nan")


def uar(counts: Counts) -> float:
    """Return the unweighted average recall over the classes that occur; no answer is a wrong one.

    Of two classes it is the balanced accuracy.
    """
    found = recalls(counts)
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")


def recalls(counts: Counts) -> NDArray[np.float64]:
    """Return the recall per class, NaN for those that do not occur."""
    truths, answers, weights = _rows(counts)
    found = np.full(len(counts), np.nan)
    occurring = np.unique(truths)
    if len(occurring):
        options: Any = {"average": None, "zero_division": 0}  # its stub knows texts only
        found[occurring] = recall_score(truths, answers, labels=occurring, sample_weight=weights, **options)
    return found


def f1(counts: Counts) -> float:
    """Return the F1 of the second of two classes, 0 where it neither occurs nor is said."""
    truths, answers, weights = _rows(counts)
    if not len(truths):
        return float("nan")
    options: Any = {"average": "macro", "zero_division": 0}
    return float(f1_score(truths, answers, labels=[1], sample_weight=weights, **options))


def _rows(counts: Counts) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    truths, answers = np.nonzero(counts)
    return truths, answers, counts[truths, answers]
