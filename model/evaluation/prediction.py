"""What came of a sample: an answer, or why there is none; and counts of that which add up."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from model.datasets.sample import Sample

Status = Literal["scored", "no_face", "refused", "unparsable", "failed"]
STATUSES: tuple[Status, ...] = ("scored", "no_face", "refused", "unparsable", "failed")


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was said of a sample.

    Attributes:
        sample: with its truth.
        status: `scored`: there is an answer; `no_face`: no face was found, or none fit to be shown;
            `refused`, `unparsable`: the text gives no label; `failed`: the file or the model.
        answer: a label's name, a number, or per label whether it is said to hold; None unless scored.
        score: of the second of two labels, where there are two: its probability.
        reason: why there is no answer, in words.
        video_id: SHA-256 of the bytes that were read; None where none were.
        track_id: of the face that it is about; None where it is about all of a file.
    """

    sample: Sample
    status: Status
    answer: str | float | Mapping[str, bool] | None = None
    score: float | None = None
    reason: str | None = None
    video_id: str | None = None
    track_id: str | None = None

    def __post_init__(self) -> None:
        if (self.status == "scored") != (self.answer is not None):
            raise ValueError(f"prediction of {self.sample.sample_id}: scored means having an answer")
        numbers = [value for value in (self.answer, self.score) if isinstance(value, float)]
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"prediction of {self.sample.sample_id}: {numbers} are not all numbers")


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of how many samples there is an answer; `expected` is the sum of the others."""

    expected: int
    scored: int
    no_face: int
    refused: int
    unparsable: int
    failed: int

    @classmethod
    def of(cls, predictions: Sequence[Prediction]) -> "Coverage":
        """Count what came of samples."""
        counts = Counter(prediction.status for prediction in predictions)
        return cls(len(predictions), *(counts[status] for status in STATUSES))

    @property
    def adds_up(self) -> bool:
        """Whether every sample has exactly one status."""
        return self.expected == self.scored + self.no_face + self.refused + self.unparsable + self.failed
