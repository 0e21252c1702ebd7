"""Predictions about made samples."""

from collections.abc import Mapping
from pathlib import Path

from model.datasets.sample import Sample, Truth
from model.evaluation.prediction import Prediction, Status


def predicted(
    name: str,
    truth: Truth,
    answer: str | float | Mapping[str, bool] | None,
    *,
    cluster: str | None = None,
    fold: int | None = None,
    groups: Mapping[str, str] | None = None,
    score: float | None = None,
    status: Status = "failed",
) -> Prediction:
    sample = Sample(name, Path(name), "image", truth, "test", cluster or name, fold=fold, groups=groups or {})
    return Prediction(sample, status if answer is None else "scored", answer, score)
