"""A calibration card from the predictions of a split, and what it must not be tested on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.calibrate import scoring_of
from flows.recipe import PinnedRecipe
from flows.usage import UsageError
from model.datasets.dataset import Dataset
from model.datasets.sample import Sample
from model.evaluation.bootstrap import number_clusters
from model.evaluation.calibration import (
    CalibrationConfig,
    CalibrationError,
    check_worth,
    fit,
    score_metrics,
    unseen_log10_lrs,
)
from model.evaluation.card import CalibrationCard
from model.evaluation.forensic import Flags, Floats, log10_odds
from model.evaluation.prediction import Prediction


@dataclass(frozen=True, slots=True)
class Scored:
    """Predictions, and of those that have a score what a card needs.

    Attributes:
        predictions: of all samples.
    """

    predictions: Sequence[Prediction]

    @property
    def kept(self) -> list[Prediction]:
        """Those with a score."""
        return [one for one in self.predictions if one.score is not None]

    @property
    def contents(self) -> set[str]:
        """The video ids of those with a score."""
        return {one.video_id for one in self.kept if one.video_id is not None}

    @property
    def clusters(self) -> NDArray[np.intp]:
        """[n] numbers from 0, of those with a score."""
        return number_clusters([one.sample.cluster for one in self.kept])

    def columns(self, label: str) -> tuple[Flags, Floats]:
        """Return whether the label holds, and the log odds of its scores."""
        is_fake = np.array([one.sample.truth == label for one in self.kept], np.bool_)
        return is_fake, log10_odds(np.array([one.score for one in self.kept], np.float64))


def fit_card(
    dataset: Dataset,
    scored: Scored,
    pinned: PinnedRecipe,
    config: CalibrationConfig,
    described: Mapping[str, Any],
) -> CalibrationCard:
    """Return a card that is fitted on predictions.

    Args:
        dataset: of two labels.
        scored: of the split to fit on.
        pinned: what the scores were made with.
        config: method and thresholds.
        described: variant, split and the like, for the record.

    Raises:
        UsageError: these predictions cannot be calibrated.
    """
    (compression,) = compressions([one.sample for one in scored.predictions])
    other, label = dataset.labels
    is_fake, odds = scored.columns(label)
    try:
        curve = fit(is_fake, odds, config.method)
        unseen = unseen_log10_lrs(is_fake, odds, scored.clusters, config.method)
        check_worth(is_fake, unseen)
    except CalibrationError as error:
        raise UsageError(f"{dataset.title}, {described['split']}: {error}") from error
    return CalibrationCard(
        question=dataset.task,
        label=label,
        other_label=other,
        method=config.method,
        parameters=curve.parameters,
        knots=curve.knots,
        label_from_log10_lr=config.label_from_log10_lr,
        other_to_log10_lr=config.other_to_log10_lr,
        scoring=scoring_of(pinned, dataset.task),
        model_id=pinned.identity.model_id,
        is_demonstration=pinned.identity.is_demonstration,
        recipe_id=pinned.recipe_id,
        fitted_on={
            "dataset": dataset.name,
            "compression": compression,
            **described,
            "samples": len(scored.kept),
            label: int(is_fake.sum()),
            other: int((~is_fake).sum()),
            "unanswered": len(scored.predictions) - len(scored.kept),
            "clusters": sorted({one.sample.cluster for one in scored.kept}),
            "video_ids": sorted(scored.contents),
        },
        metrics={"before": score_metrics(is_fake, odds), "after": score_metrics(is_fake, unseen)},
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def check_samples(card: CalibrationCard, dataset: Dataset, samples: Sequence[Sample]) -> None:
    """Refuse to test a card on people or source videos that it was fitted on, or on another compression.

    Raises:
        UsageError: saying what they share, or how they differ.
    """
    fitted = card.fitted_on
    if fitted["dataset"] == dataset.name:
        _check_apart(set(fitted["clusters"]), {one.cluster for one in samples}, "clusters")
    if compressions(samples) != {fitted["compression"]}:
        raise UsageError(
            f"the calibration card is for compression {fitted['compression']}, and these samples have "
            f"{', '.join(sorted(compressions(samples)))}; fit one for each"
        )


def check_contents(card: CalibrationCard, scored: Scored) -> None:
    """Refuse to test a card on files that it was fitted on, whatever they are called.

    Raises:
        UsageError: saying which.
    """
    _check_apart(set(card.fitted_on["video_ids"]), scored.contents, "videos")


def check_splits(fitted: Sequence[Sample], tested: Sequence[Sample]) -> None:
    """Refuse to fit a card on some samples that is to be tested on others, where that cannot be done.

    Raises:
        UsageError: they share people or source videos, or are of several compressions.
    """
    found = compressions((*fitted, *tested))
    if len(found) > 1:
        raise UsageError(
            f"a card is for one compression, and these samples have {', '.join(sorted(found))}; "
            "choose one with --variant"
        )
    _check_apart({one.cluster for one in fitted}, {one.cluster for one in tested}, "clusters")


def compressions(samples: Sequence[Sample]) -> set[str]:
    """Return how videos are compressed, as the dataset says."""
    return {one.groups.get("compression", "as distributed") for one in samples}


def _check_apart(fitted: set[str], tested: set[str], what: str) -> None:
    shared = fitted & tested
    if shared:
        raise UsageError(
            f"the calibration card was fitted on {len(shared)} of these {what}, such as {min(shared)}; "
            "test it on others"
        )
