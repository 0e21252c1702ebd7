"""Metrics of parts of the samples: of folds, of groups, and of methods of forgery under each compression."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from model.datasets.dataset import Task
from model.evaluation.measures import Measures
from model.evaluation.prediction import Prediction

Rows = Sequence[int]
"""Numbers of predictions."""

_FORGERY = ("method", "manipulation")
"""Groups that only forgeries are in: each is set against the originals, or there would be nothing to tell."""
_CROSSED = (("method", "compression"),)
"""Groups that are also broken down within each other."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the samples.

    Attributes:
        groups: which: the value of every group by its name.
        samples: how many, originals that they are set against included.
        scored: how many of these have an answer.
        metrics: by name; NaN where one is not defined.
    """

    groups: Mapping[str, str]
    samples: int
    scored: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The parts into which groups divide the samples.

    Attributes:
        title: in reports.
        by: names of the groups.
        metrics: names of those that are shown of every part.
        parts: in order of their values.
    """

    title: str
    by: tuple[str, ...]
    metrics: tuple[str, ...]
    parts: tuple[Part, ...]


def breakdowns(
    task: Task, predictions: Sequence[Prediction], metrics: Sequence[str], measure: Callable[[Rows], Measures]
) -> list[Breakdown]:
    """Return the metrics of all that the annotation divides the samples by.

    Args:
        task: of deepfakes, methods are set against the originals.
        predictions: of all samples.
        metrics: names of those to show.
        measure: gives the metrics of some predictions.
    """
    names = dict.fromkeys(name for one in predictions for name in one.sample.groups)
    divided = {(name,): _divide(task, predictions, (name,)) for name in names}
    divided = {by: parts for by, parts in divided.items() if len(parts) > 1}
    divided |= {
        by: _divide(task, predictions, by) for by in _CROSSED if all((name,) in divided for name in by)
    }
    return [break_down(by, parts, predictions, metrics, measure) for by, parts in divided.items()]


def break_down(
    by: tuple[str, ...],
    parts: Mapping[tuple[str, ...], Rows],
    predictions: Sequence[Prediction],
    metrics: Sequence[str],
    measure: Callable[[Rows], Measures],
) -> Breakdown:
    """Return the metrics of parts of predictions, each given by its values and its rows."""
    found: list[Part] = []
    for values, rows in sorted(parts.items()):
        of_part = measure(rows)
        figures = {name: of_part[name](None) if name in of_part else float("nan") for name in metrics}
        scored = sum(predictions[row].status == "scored" for row in rows)
        found.append(Part(dict(zip(by, values, strict=True)), len(rows), scored, figures))
    beside = ", against the originals" if set(by) & set(_FORGERY) else ""
    return Breakdown(f"By {' and '.join(by)}{beside}", by, tuple(metrics), tuple(found))


def _divide(
    task: Task, predictions: Sequence[Prediction], by: tuple[str, ...]
) -> dict[tuple[str, ...], list[int]]:
    """Return the rows of every combination of values; beside forgeries the originals that share the rest."""
    shared = tuple(name for name in by if task != "deepfake" or name not in _FORGERY)
    parts: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    originals: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, prediction in enumerate(predictions):
        groups = prediction.sample.groups
        if not groups.keys() >= set(by):
            continue
        if shared != by and prediction.sample.truth == "real":
            originals[tuple(groups[name] for name in shared)].append(row)
        else:
            parts[tuple(groups[name] for name in by)].append(row)
    if shared == by:
        return parts
    places = [by.index(name) for name in shared]
    beside = {values: originals[tuple(values[place] for place in places)] for values in parts}
    return {values: [*beside[values], *rows] for values, rows in parts.items()}
