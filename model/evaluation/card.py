"""A calibration card: what a raw score is worth as evidence, and where that is known from.

Applying one needs nothing that fitting one does.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self, cast

import numpy as np
from numpy.typing import NDArray

FORMAT = 1
Method = Literal["platt", "isotonic"]
INCONCLUSIVE = "inconclusive"
_SEEN = ("dataset", "split", "compression", "samples", "clusters", "video_ids")
"""Of what a card was fitted on, without which nobody could tell what it must not be tested on."""


class CardError(ValueError):
    """A file is no calibration card, or the card is for something else."""


@dataclass(frozen=True, slots=True)
class CalibrationCard:
    """How the score of one label becomes a bounded log-likelihood ratio.

    All logarithms are decimal. The odds of a score p are p / (1 - p).

    Attributes:
        question: name of the question.
        label: whose score it is.
        other_label: the only other one.
        method: what it was fitted with.
        parameters: of that, for the record; `knots` are what counts.
        knots: log odds and log-likelihood ratio, both ascending; straight in between, level beyond: the first
            and the last ratio are the bounds.
        label_from_log10_lr: ratio from which the verdict is the label.
        other_to_log10_lr: ratio up to which it is the other label; in between it is `inconclusive`.
        scoring: all that the scores depend on: weights, reader, engine, question.
        model_id: that of the findings.
        is_demonstration: whether the model's labels mean nothing on real people.
        recipe_id: of the scores that it was fitted on.
        fitted_on: dataset, variant, split, sizes, clusters and contents.
        metrics: `before` and `after`, each by name; after: on folds that the card of that fold has not seen.
        created_at: UTC, ISO 8601.

    Raises:
        CardError: the parts do not fit together.
    """

    question: str
    label: str
    other_label: str
    method: Method
    parameters: Mapping[str, float]
    knots: tuple[tuple[float, float], ...]
    label_from_log10_lr: float
    other_to_log10_lr: float
    scoring: Mapping[str, Any]
    model_id: str
    is_demonstration: bool
    recipe_id: str
    fitted_on: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, float | None]]
    created_at: str
    format: int = field(default=FORMAT)

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise CardError(f"calibration card of format {self.format}, and this facesift knows {FORMAT}")
        if not self.knots or not all(math.isfinite(value) for knot in self.knots for value in knot):
            raise CardError("calibration card: knots are empty or not finite")
        if not all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(self.knots)):
            raise CardError("calibration card: knots do not ascend; a higher score must never be worth less")
        lacking = [name for name in _SEEN if name not in self.fitted_on]
        if lacking:
            raise CardError(f"calibration card: fitted_on does not say {', '.join(lacking)}")
        if not self.other_to_log10_lr < self.label_from_log10_lr:
            raise CardError(
                f"calibration card: it says {self.other_label} up to {self.other_to_log10_lr} and "
                f"{self.label} from {self.label_from_log10_lr}; there must be room in between"
            )

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest log-likelihood ratio that it gives."""
        return self.knots[0][1], self.knots[-1][1]

    @property
    def calibration_id(self) -> str:
        """First 16 hex digits of the SHA-256 of `to_json`."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def log10_lrs(self, log10_odds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-likelihood ratios of the label to the other one, for log odds of its scores."""
        odds, ratios = np.array(self.knots).T
        return np.interp(log10_odds, odds, ratios)

    def verdict(self, log10_lr: float) -> str:
        """Return the label, the other label, or `inconclusive`."""
        if log10_lr >= self.label_from_log10_lr:
            return self.label
        return self.other_label if log10_lr <= self.other_to_log10_lr else INCONCLUSIVE

    def check_scoring(self, scoring: Mapping[str, Any]) -> None:
        """Refuse to be applied to scores that came about in another way.

        Args:
            scoring: of the scores to be calibrated, as in the card.

        Raises:
            CardError: naming every setting that differs.
        """
        differing = list(_differing(dict(self.scoring), dict(scoring), ""))
        if differing:
            raise CardError(
                f"the calibration card {self.calibration_id} was fitted on scores of {self.model_id} that "
                f"came about differently: {'; '.join(differing)}. Scan as it says, or fit a card for this"
                " recipe"
            )

    def to_json(self) -> str:
        """Return the card as JSON, keys sorted; the same card gives the same text."""
        return json.dumps(asdict(self), sort_keys=True, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the card that `to_json` gave.

        Raises:
            CardError: it is none.
        """
        try:
            stated: dict[str, Any] = dict(json.loads(text))
            knots = tuple((float(x), float(y)) for x, y in stated.pop("knots"))
            return cls(knots=knots, **stated)
        except CardError:
            raise
        except (ValueError, TypeError, KeyError) as error:
            raise CardError(f"it is no calibration card: {error}") from error

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a card.

        Raises:
            CardError: the file is not there or is no card.
        """
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise CardError(f"cannot read {path}: {error}") from error
        except CardError as error:
            raise CardError(f"{path}: {error}") from error


def _differing(fitted: Any, asked: Any, name: str) -> list[str]:
    """Return every leaf that differs, by its dotted name."""
    if isinstance(fitted, dict) and isinstance(asked, dict):
        ours, theirs = cast("dict[str, Any]", fitted), cast("dict[str, Any]", asked)
        return [
            found
            for key in sorted({*ours, *theirs})
            for found in _differing(ours.get(key), theirs.get(key), f"{name}.{key}" if name else key)
        ]
    # JSON knows no tuples
    same = json.dumps(fitted, sort_keys=True) == json.dumps(asked, sort_keys=True)
    return [] if same else [f"{name} is {_short(asked)} here and {_short(fitted)} there"]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 60 else f"{text[:57]}..."
