"""Metrics, breakdowns and classes of one set of predictions: all that a report says of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.datasets.dataset import Dataset
from model.evaluation.bootstrap import BootstrapConfig, Estimate, estimate, number_clusters
from model.evaluation.breakdown import Breakdown, Rows, break_down, breakdowns
from model.evaluation.measures import (
    HEADLINES,
    Measures,
    label_tallies,
    mean_measure,
    mean_of_defined,
    measures,
)
from model.evaluation.prediction import Coverage, Prediction
from model.evaluation.tally import Tally, f1, recalls, war

Cell = str | int | float | None
_CONSTANT = "What one answer, always, would score"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a report."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """How good answers are.

    Attributes:
        by: what they were read from: `scores` or `text`.
        coverage: of how many samples there are answers.
        metrics: by name, see `model.evaluation.measures.TITLES`; over the mean of the folds where there are.
        tables: of classes or labels, and what an answer that says nothing would score.
        breakdowns: of folds and groups.
    """

    by: str
    coverage: Coverage
    metrics: Mapping[str, Estimate]
    tables: tuple[Table, ...]
    breakdowns: tuple[Breakdown, ...]


def assess(
    dataset: Dataset, predictions: Sequence[Prediction], by: str, config: BootstrapConfig
) -> Assessment:
    """Return how good answers are.

    Args:
        dataset: says task, labels and folds.
        predictions: one per expected sample.
        by: what they were read from.
        config: of the intervals, which draw clusters.
    """
    clusters = number_clusters([prediction.sample.cluster for prediction in predictions])
    size = int(clusters.max(initial=-1)) + 1

    def of(rows: Rows) -> Measures:
        chosen = [predictions[row] for row in rows]
        return measures(dataset.task, dataset.labels, chosen, clusters[list(rows)], size)

    folds = _by_fold(predictions)
    if len(folds) > 1:
        of_folds = [of(rows) for rows in folds.values()]
        found: Measures = {
            name: mean_measure([one[name] for one in of_folds if name in one]) for name in of_folds[0]
        }
    else:
        found = of(range(len(predictions)))
    shown = [name for name in HEADLINES[dataset.task] if name in found]
    parts = breakdowns(dataset.task, predictions, shown, of)
    if len(folds) > 1:
        parts.insert(0, break_down(("fold",), folds, predictions, shown, of))
    return Assessment(
        by,
        Coverage.of(predictions),
        {name: estimate(measure, size, config) for name, measure in found.items()},
        tuple(_of_labels(dataset, predictions, clusters, size)),
        tuple(parts),
    )


def _by_fold(predictions: Sequence[Prediction]) -> dict[tuple[str, ...], list[int]]:
    rows: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, prediction in enumerate(predictions):
        if prediction.sample.fold is not None:
            rows[str(prediction.sample.fold),].append(row)
    return rows


def _of_labels(
    dataset: Dataset, predictions: Sequence[Prediction], clusters: NDArray[np.intp], size: int
) -> list[Table]:
    match dataset.task:
        case "expression" | "deepfake":
            return _of_classes(dataset, [one for one in predictions if one.answer is not None])
        case "action_units" | "attributes":
            return _of_marks(label_tallies(dataset.labels, predictions, clusters, size))
        case "age":
            return _of_ages([one for one in predictions if one.answer is not None])


def _of_marks(tallies: Mapping[str, Tally]) -> list[Table]:
    counts = {label: tally.counts() for label, tally in tallies.items()}
    rows = tuple(
        (label, int(of_label.sum()), int(of_label[1].sum()), f1(of_label), war(of_label))
        for label, of_label in counts.items()
    )
    # Most attributes are absent from most faces, so that saying nothing is mostly right.
    shares = np.array([of_label[1].sum() / of_label.sum() for of_label in counts.values() if of_label.any()])
    f1_of_present = 2 * shares / (1 + shares)
    constant = (
        ("absent", 0.0, mean_of_defined(1 - shares)),
        ("present", mean_of_defined(f1_of_present), mean_of_defined(shares)),
        (
            "the more frequent of both",
            mean_of_defined(np.where(shares > 0.5, f1_of_present, 0)),
            mean_of_defined(np.maximum(shares, 1 - shares)),
        ),
    )
    columns = ("label", "coded", "present", "F1", "accuracy")
    return [
        Table("Labels", columns, rows),
        Table(_CONSTANT, ("answer", "mean F1", "mean accuracy"), constant),
    ]


def _of_ages(scored: Sequence[Prediction]) -> list[Table]:
    if not scored:
        return []
    ages = np.array([one.sample.truth for one in scored], np.float64)
    median = float(np.median(ages))
    row = (f"{median:g} years", float(np.abs(ages - median).mean()))
    return [Table(_CONSTANT, ("answer", "MAE, years"), (row,))]


def _of_classes(dataset: Dataset, scored: Sequence[Prediction]) -> list[Table]:
    truths = [str(one.sample.truth) for one in scored]
    answers = [str(one.answer) for one in scored]
    counts = Tally.of(dataset.labels, truths, answers, np.zeros(len(scored), np.intp), 1).counts()
    said = [*dataset.labels]
    if counts[:, -1].any():
        said.append("none of these")  # which only texts say
    rows = tuple(
        (label, int(counts[n].sum()), float(recall), *(int(count) for count in counts[n, : len(said)]))
        for n, (label, recall) in enumerate(zip(dataset.labels, recalls(counts), strict=True))
    )
    columns = ("class", "samples", "recall", *(f"as {label}" for label in said))
    shares = counts.sum(axis=1) / max(counts.sum(), 1)
    occurring = max(int((shares > 0).sum()), 1)
    constant = tuple(
        (label, float(share), 1 / occurring if share else 0.0)
        for label, share in zip(dataset.labels, shares, strict=True)
    )
    # On FaceForensics++ `fake`, always, scores 0.8.
    baseline = Table(_CONSTANT, ("answer", "accuracy", "mean recall"), constant)
    return [Table("Classes", columns, rows), baseline]
