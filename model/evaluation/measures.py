"""Which metrics a task has: each a function of how often every cluster counts.

All take samples without an answer too; metrics called `..._strict` count them as wrong, the others leave them
out.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import mean_absolute_error

from model.datasets.dataset import Task
from model.evaluation.forensic import auc, ece, eer
from model.evaluation.prediction import Prediction
from model.evaluation.tally import Tally, Weights, f1, uar, war

Measure = Callable[[Weights | None], float]
Measures = Mapping[str, Measure]

TITLES = {
    "uar": "UAR",
    "war": "WAR",
    "uar_strict": "UAR, unanswered as wrong",
    "war_strict": "WAR, unanswered as wrong",
    "f1": "mean F1",
    "f1_strict": "mean F1, unanswered as absent",
    "macc": "mean accuracy",
    "macc_strict": "mean accuracy, unanswered as wrong",
    "mae": "MAE, years",
    "accuracy": "accuracy",
    "accuracy_strict": "accuracy, unanswered as wrong",
    "balanced_accuracy": "balanced accuracy",
    "auc": "AUC",
    "eer": "EER",
    "ece": "ECE of the uncalibrated score",
}
"""How reports call them."""
HEADLINES: Mapping[Task, tuple[str, ...]] = {
    "expression": ("uar", "war"),
    "action_units": ("f1",),
    "attributes": ("macc",),
    "age": ("mae",),
    "deepfake": ("accuracy", "balanced_accuracy", "auc", "eer"),
}
"""Those that tables of folds and groups show."""


def measures(
    task: Task,
    labels: Sequence[str],
    predictions: Sequence[Prediction],
    clusters: NDArray[np.intp],
    size: int,
) -> Measures:
    """Return the metrics of a task.

    Args:
        task: which.
        labels: those of the dataset.
        predictions: of all samples.
        clusters: [samples] numbers from 0.
        size: how many clusters there are, here or elsewhere: the length of the weights.
    """
    match task:
        case "expression":
            return _of_classes(labels, predictions, clusters, size)
        case "action_units" | "attributes":
            scored = label_tallies(labels, predictions, clusters, size)
            every = label_tallies(labels, predictions, clusters, size, is_strict=True)
            name, metric = ("f1", f1) if task == "action_units" else ("macc", war)
            return _of_marks(name, metric, scored, every)
        case "age":
            return _of_numbers(predictions, clusters)
        case "deepfake":
            return {
                **_of_accuracy(labels, predictions, clusters, size),
                **_of_scores(labels[1], predictions, clusters),
            }


def _of_classes(
    labels: Sequence[str], predictions: Sequence[Prediction], clusters: NDArray[np.intp], size: int
) -> Measures:
    scored, every = _tallies(labels, predictions, clusters, size)
    return {
        "uar": lambda weights: uar(scored.counts(weights)),
        "war": lambda weights: war(scored.counts(weights)),
        "uar_strict": lambda weights: uar(every.counts(weights)),
        "war_strict": lambda weights: war(every.counts(weights)),
    }


def _of_accuracy(
    labels: Sequence[str], predictions: Sequence[Prediction], clusters: NDArray[np.intp], size: int
) -> Measures:
    found = _of_classes(labels, predictions, clusters, size)
    return {
        "accuracy": found["war"],
        "balanced_accuracy": found["uar"],
        "accuracy_strict": found["war_strict"],
    }


def _tallies(
    labels: Sequence[str], predictions: Sequence[Prediction], clusters: NDArray[np.intp], size: int
) -> tuple[Tally, Tally]:
    """Return the counts of those with an answer, and of all."""
    truths = [str(prediction.sample.truth) for prediction in predictions]
    answers = [None if one.answer is None else str(one.answer) for one in predictions]
    rows = _scored(predictions)
    scored = Tally.of(
        labels, [truths[row] for row in rows], [answers[row] for row in rows], clusters[rows], size
    )
    return scored, Tally.of(labels, truths, answers, clusters, size)


def label_tallies(
    labels: Sequence[str],
    predictions: Sequence[Prediction],
    clusters: NDArray[np.intp],
    size: int,
    *,
    is_strict: bool = False,
) -> dict[str, Tally]:
    """Return per label the counts of absent and present; samples in which it is not coded are left out."""
    tallies: dict[str, Tally] = {}
    for label in labels:
        truths: list[bool] = []
        answers: list[bool | None] = []
        rows: list[int] = []
        for row, prediction in enumerate(predictions):
            assert isinstance(prediction.sample.truth, Mapping)
            truth = prediction.sample.truth[label]
            if truth is None or (prediction.answer is None and not is_strict):
                continue
            said = prediction.answer
            rows.append(row)
            truths.append(truth)
            answers.append(said[label] if isinstance(said, Mapping) else None)
        tallies[label] = Tally.of((False, True), truths, answers, clusters[rows], size)
    return tallies


def _of_marks(
    name: str,
    metric: Callable[[NDArray[np.float64]], float],
    scored: Mapping[str, Tally],
    every: Mapping[str, Tally],
) -> Measures:
    def mean_of(tallies: Mapping[str, Tally]) -> Measure:
        return lambda weights: mean_of_defined([metric(tally.counts(weights)) for tally in tallies.values()])

    return {name: mean_of(scored), f"{name}_strict": mean_of(every)}


def _of_numbers(predictions: Sequence[Prediction], clusters: NDArray[np.intp]) -> Measures:
    rows = _scored(predictions)
    truths = np.array([predictions[row].sample.truth for row in rows], np.float64)
    answers = np.array([predictions[row].answer for row in rows], np.float64)
    of_rows = clusters[rows]

    def mae(weights: Weights | None) -> float:
        counts = None if weights is None else weights[of_rows]
        if not len(rows) or (counts is not None and not counts.any()):
            return float("nan")
        return float(mean_absolute_error(truths, answers, sample_weight=counts))

    return {"mae": mae}


def _of_scores(positive: str, predictions: Sequence[Prediction], clusters: NDArray[np.intp]) -> Measures:
    """Return the metrics of probabilities; a text gives none, and so has none of these."""
    rows = [row for row, prediction in enumerate(predictions) if prediction.score is not None]
    if not rows:
        return {}
    is_positive = np.array([predictions[row].sample.truth == positive for row in rows], np.bool_)
    scores = np.array([predictions[row].score for row in rows], np.float64)
    of_rows = clusters[rows]

    def of(metric: Callable[..., float]) -> Measure:
        return lambda weights: metric(is_positive, scores, None if weights is None else weights[of_rows])

    return {"auc": of(auc), "eer": of(eer), "ece": of(ece)}


def _scored(predictions: Sequence[Prediction]) -> list[int]:
    return [row for row, prediction in enumerate(predictions) if prediction.answer is not None]


def mean_of_defined(values: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the mean of the values that are numbers; NaN where none is."""
    defined = [value for value in values if value == value]  # noqa: PLR0124 - NaN differs from itself
    return float(np.mean(defined)) if defined else float("nan")


def mean_measure(parts: Sequence[Measure]) -> Measure:
    """Return the mean of a metric over the folds of a cross-validation."""
    return lambda weights: mean_of_defined([part(weights) for part in parts])
