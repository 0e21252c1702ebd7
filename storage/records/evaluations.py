"""Records of how good a model is: evaluations, and the cards fitted on them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Calibration:
    """A calibration card that was applied to the scores of a recipe; the newest of a label counts.

    Key: recipe_id, calibration_id
    """

    recipe_id: str
    calibration_id: str
    """First 16 hex digits of the SHA-256 of `card_json`."""
    question: str
    label: str
    """Whose score the card turns into a likelihood ratio."""
    other_label: str
    """What a low ratio speaks for."""
    label_from_log10_lr: float
    """From here on the verdict is the label."""
    other_to_log10_lr: float
    """Up to here the verdict is the other label; in between it is `inconclusive`."""
    model_id: str
    card_json: str
    """The card, whole: knots, what it was fitted on, and how well."""
    applied_at: datetime
    """When the card was put to the recipe."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model measured on a dataset.

    Key: evaluation_id
    """

    evaluation_id: str
    dataset: str
    """Name, as `facesift eval` takes it."""
    variant: str
    """Of the dataset, where it has several."""
    split: str
    """test, val, train, all or a fold."""
    recipe_id: str
    model_id: str
    is_demonstration: bool
    expected: int
    """Samples of the split; the sum of the next five."""
    scored: int
    """Samples with an answer."""
    no_face: int
    """Samples without a face to ask about."""
    refused: int
    """Samples that the model refused to answer."""
    unparsable: int
    """Samples whose text names no label."""
    failed: int
    """Samples that could not be read or described."""
    report_json: str
    """The report, whole: protocol, metrics with intervals, tables, and what was malformed."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PredictionRecord:
    """What came of a sample in an evaluation.

    Key: evaluation_id, read_from, sample_id
    """

    evaluation_id: str
    read_from: str
    """scores, text, or tracks: the scores of every face alone, by the truth of its video."""
    sample_id: str
    """Unique in its dataset, e.g. `FaceSwap/c23/000_003`."""
    uri: str
    video_id: str | None
    cluster: str
    """Person or source video: what is drawn together in a bootstrap."""
    fold: int | None
    """Of a cross-validation; None where there is none."""
    status: str
    """scored, no_face, refused, unparsable or failed."""
    reason: str | None
    """Why there is no score; None when there is one."""
    truth_json: str
    """The dataset's label."""
    answer_json: str | None
    """The model's; None when there is none."""
    score: float | None
    """Of the second of two labels, where there are two: its probability."""
    groups_json: str
    """By which metrics are broken down, e.g. method and compression."""
