"""How a calibration card does on predictions that it has not seen: ratios, and the verdicts of the lake."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from flows.calibrate import calibration_row
from flows.evaluation.card_fit import Scored
from flows.evaluation.report import breakdown_table, breakdown_values, finite
from model.evaluation.bootstrap import BootstrapConfig, estimate
from model.evaluation.breakdown import Rows, breakdowns
from model.evaluation.calibration import score_measures, verdict_metrics
from model.evaluation.card import INCONCLUSIVE, CalibrationCard
from model.evaluation.measures import Measures
from model.evaluation.prediction import Prediction
from storage.catalog import Catalog
from storage.lake import Lake

_TITLES = {
    "auc": "AUC",
    "eer": "EER",
    "cllr": "Cllr, bits",
    "cllr_min": "Cllr of the best calibration in hindsight, bits",
    "ece": "ECE at equal priors",
    "balanced_accuracy": "balanced accuracy",
}
_SHOWN = ("auc", "eer", "cllr", "ece")
"""Metrics of parts of the samples."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a card says of videos and faces by the rules of the lake, which are those of a scan.

    Attributes:
        videos: by video id.
        tracks: by track id.
    """

    videos: Mapping[str, str | None]
    tracks: Mapping[str, str | None]

    @classmethod
    def by(cls, card: CalibrationCard, lake: Lake, recipe_id: str) -> "Verdicts":
        """Apply a card to the scores of a recipe in a lake, where it stays on record; ask for the verdicts.

        Raises:
            LakeError: the lake does not take the card.
        """
        lake.append([calibration_row(card, recipe_id)])
        catalog = Catalog(lake).frozen()
        videos, tracks = (
            {
                row[f"{name}_id"]: row["deepfake_verdict"]
                for row in catalog.view(f"{name}_summary", recipe_id=recipe_id).to_pylist()
            }
            for name in ("video", "track")
        )
        return cls(videos, tracks)

    def on(self, prediction: Prediction) -> str:
        """Return the verdict on what a prediction is about."""
        if prediction.track_id is not None:
            return self.tracks.get(prediction.track_id) or INCONCLUSIVE
        return self.videos.get(prediction.video_id or "") or INCONCLUSIVE


def calibration_values(
    card: CalibrationCard, levels: Mapping[str, Scored], verdicts: Verdicts, config: BootstrapConfig
) -> dict[str, Any]:
    """Return how a card does on predictions, as a part of a report.

    Args:
        card: which.
        levels: predictions of videos, of faces, ..., by what they are about.
        verdicts: of the card on these.
        config: of the intervals.
    """
    found = {level: _of_level(card, scored, verdicts, config) for level, scored in levels.items()}
    low, high = card.bounds
    fitted = card.fitted_on
    return {
        "calibration_id": card.calibration_id,
        "levels": found,
        "tables": [table for level, values in found.items() for table in _tables(card, level, values)],
        "notes": [
            f"card {card.calibration_id}: {card.method}, {fitted['samples']} samples",
            f"fitted on {fitted['dataset']}, split {fitted['split']}, compression {fitted['compression']}",
            f"log10 likelihood ratios lie within {low:.2f} and {high:.2f}",
            f"{card.label} from {card.label_from_log10_lr:g}",
            f"{card.other_label} up to {card.other_to_log10_lr:g}",
        ],
    }


def _of_level(
    card: CalibrationCard, scored: Scored, verdicts: Verdicts, config: BootstrapConfig
) -> dict[str, Any]:
    kept, clusters = scored.kept, scored.clusters
    is_fake, odds = scored.columns(card.label)
    ratios = card.log10_lrs(odds)
    said = np.array([verdicts.on(one) for one in kept], np.str_)
    size = int(clusters.max(initial=-1)) + 1
    before, after = (score_measures(is_fake, values, clusters) for values in (odds, ratios))

    def of(rows: Rows) -> Measures:
        chosen = list(rows)
        return score_measures(is_fake[chosen], ratios[chosen], clusters[chosen])

    kinds = ((card.other_label, ~is_fake), (card.label, is_fake))
    verdict_names = (card.other_label, INCONCLUSIVE, card.label)
    return {
        "samples": len(kept),
        "before": {name: finite(measure(None)) for name, measure in before.items()},
        "after": {
            name: {key: finite(value) for key, value in asdict(estimate(measure, size, config)).items()}
            for name, measure in after.items()
        },
        "verdicts": {
            name: finite(value) for name, value in verdict_metrics(is_fake, said, card.label).items()
        },
        "said": {
            kind: {name: int((said[rows] == name).sum()) for name in verdict_names} for kind, rows in kinds
        },
        "breakdowns": [breakdown_values(one) for one in breakdowns("deepfake", kept, _SHOWN, of)],
    }


def _tables(card: CalibrationCard, level: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    before, after = values["before"], values["after"]
    rows = [
        [title, before[name], *(after[name][key] for key in ("value", "low", "high"))]
        for name, title in _TITLES.items()
    ]
    said = [[kind, *counts.values()] for kind, counts in values["said"].items()]
    names = (card.other_label, INCONCLUSIVE, card.label)
    return [
        {
            "title": f"{level.capitalize()}, before and after",
            "columns": ["metric", "before", "after", "from", "to"],
            "rows": rows,
        },
        *(
            {**breakdown_table(one, _TITLES), "title": f"{level.capitalize()}, after: {one['title']}"}
            for one in values["breakdowns"]
        ),
        {
            "title": f"{level.capitalize()}, verdicts",
            "columns": ["truth", *(f"said {name}" for name in names)],
            "rows": said,
        },
    ]
