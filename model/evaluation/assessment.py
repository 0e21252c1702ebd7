"""Metrics, folds, groups and classes of one set of predictions: all that a report says of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.datasets.dataset import Dataset
from model.evaluation.bootstrap import BootstrapConfig, Estimate, estimate, number_clusters
from model.evaluation.measures import (
    HEADLINES,
    TITLES,
    Measures,
    label_tallies,
    mean_measure,
    measures,
)
from model.evaluation.prediction import Coverage, Prediction
from model.evaluation.tally import Tally, f1, recalls, war

Cell = str | int | float | None


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
        tables: folds, classes or labels, groups.
    """

    by: str
    coverage: Coverage
    metrics: Mapping[str, Estimate]
    tables: tuple[Table, ...]


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

    def of(rows: Sequence[int]) -> Measures:
        chosen = [predictions[row] for row in rows]
        return measures(dataset.task, dataset.labels, chosen, clusters[list(rows)], size)

    folds = _by_fold(predictions)
    of_folds = {fold: of(rows) for fold, rows in folds.items()}
    if len(of_folds) > 1:
        names = next(iter(of_folds.values()))
        found: Measures = {
            name: mean_measure([one[name] for one in of_folds.values() if name in one]) for name in names
        }
    else:
        found = of(range(len(predictions)))
    metrics = {name: estimate(measure, size, config) for name, measure in found.items()}
    tables: list[Table] = []
    shown = [name for name in HEADLINES[dataset.task] if name in found]
    if len(of_folds) > 1:
        tables.append(_breakdown("Folds", "fold", folds, of_folds, shown))
    tables += _of_labels(dataset, predictions, clusters, size)
    for name, groups in _groups(dataset, predictions).items():
        of_groups = {value: of(rows) for value, rows in groups.items()}
        tables.append(_breakdown(f"By {name}", name, groups, of_groups, shown))
    return Assessment(by, Coverage.of(predictions), metrics, tuple(tables))


def _by_fold(predictions: Sequence[Prediction]) -> dict[str, list[int]]:
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row, prediction in enumerate(predictions):
        if prediction.sample.fold is not None:
            rows[str(prediction.sample.fold)].append(row)
    return dict(sorted(rows.items()))


def _groups(dataset: Dataset, predictions: Sequence[Prediction]) -> dict[str, dict[str, list[int]]]:
    """Return the rows of every value of every group; a manipulation is set against the originals."""
    found: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    originals = [row for row, one in enumerate(predictions) if one.sample.truth == "real"]
    for row, prediction in enumerate(predictions):
        for name, value in prediction.sample.groups.items():
            if dataset.task != "deepfake" or name != "method" or prediction.sample.truth != "real":
                found[name][value].append(row)
    return {
        name: {
            value: [*originals, *rows] if name == "method" else rows for value, rows in sorted(values.items())
        }
        for name, values in found.items()
        if len(values) > 1
    }


def _breakdown(
    title: str,
    column: str,
    rows: Mapping[str, Sequence[int]],
    found: Mapping[str, Measures],
    shown: Sequence[str],
) -> Table:
    return Table(
        title,
        (column, "samples", *(TITLES[name] for name in shown)),
        tuple(
            (
                value,
                len(rows[value]),
                *(found[value][name](None) if name in found[value] else None for name in shown),
            )
            for value in rows
        ),
    )


def _of_labels(
    dataset: Dataset, predictions: Sequence[Prediction], clusters: NDArray[np.intp], size: int
) -> list[Table]:
    match dataset.task:
        case "expression" | "deepfake":
            return _of_classes(dataset, [one for one in predictions if one.answer is not None])
        case "action_units" | "attributes":
            tallies = label_tallies(dataset.labels, predictions, clusters, size)
            rows = tuple((label, *_of_label(tally)) for label, tally in tallies.items())
            columns = ("label", "coded", "present", "F1", "accuracy")
            return [Table("Labels", columns, rows)]
        case "age":
            return []


def _of_label(tally: Tally) -> tuple[Cell, ...]:
    counts = tally.counts()
    return int(counts.sum()), int(counts[1].sum()), f1(counts), war(counts)


def _of_classes(dataset: Dataset, scored: Sequence[Prediction]) -> list[Table]:
    truths = [str(one.sample.truth) for one in scored]
    answers = [str(one.answer) for one in scored]
    counts = Tally.of(dataset.labels, truths, answers, np.zeros(len(scored), np.intp), 1).counts()
    rows = tuple(
        (label, int(counts[n].sum()), float(recall), *(int(count) for count in counts[n, :-1]))
        for n, (label, recall) in enumerate(zip(dataset.labels, recalls(counts), strict=True))
    )
    columns = ("class", "samples", "recall", *(f"as {label}" for label in dataset.labels))
    shares = counts.sum(axis=1) / max(counts.sum(), 1)
    occurring = max(int((shares > 0).sum()), 1)
    constant = tuple(
        (label, float(share), 1 / occurring if share else 0.0)
        for label, share in zip(dataset.labels, shares, strict=True)
    )
    # On FaceForensics++ `fake`, always, scores 0.8.
    baseline = Table("What one answer, always, would score", ("answer", "accuracy", "mean recall"), constant)
    return [Table("Classes", columns, rows), baseline]
