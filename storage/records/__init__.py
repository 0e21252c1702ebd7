"""The vocabulary: one frozen record per table, valid once constructed.

The field order and types here are the schema; `storage.tables` derives Arrow, Parquet and the documentation
from them: a class's first sentence says what a row is; the literal under a field, or else `VOCABULARY`,
explains a column. Units are in the names (`_s` seconds, `_px` pixels of the upright picture, `_deg` degrees);
times are aware UTC datetimes named `_at`; `None` means absent.
"""

from collections.abc import Mapping
from types import MappingProxyType

from storage.records.erasures import Erasure, Forgotten
from storage.records.evaluations import Calibration, Evaluation, PredictionRecord
from storage.records.ids import EVIDENCE, clip_id, evidence_folder, evidence_path, person_id, track_id
from storage.records.scans import Failure, RecipeRecord, Scan, Source
from storage.records.videos import AnswerRecord, Box, Clip, Finding, Shot, Track, Video

__all__ = [
    "EVIDENCE",
    "VOCABULARY",
    "AnswerRecord",
    "Box",
    "Calibration",
    "Clip",
    "Erasure",
    "Evaluation",
    "Failure",
    "Finding",
    "Forgotten",
    "PredictionRecord",
    "RecipeRecord",
    "Record",
    "Scan",
    "Shot",
    "Source",
    "Track",
    "Video",
    "clip_id",
    "evidence_folder",
    "evidence_path",
    "person_id",
    "track_id",
]

Record = (
    RecipeRecord
    | Scan
    | Source
    | Shot
    | Track
    | Box
    | Clip
    | AnswerRecord
    | Finding
    | Failure
    | Video
    | Forgotten
    | Erasure
    | Calibration
    | Evaluation
    | PredictionRecord
)
"""Any row."""

VOCABULARY: Mapping[str, str] = MappingProxyType(
    {
        "video_id": "SHA-256 of the source's bytes, 64 hex digits.",
        "recipe_id": "Hash of everything that can change a result, 16 hex digits.",
        "scan_id": "The run that wrote the row.",
        "attempt_id": "One try at reading one video; its rows count when a row of `videos` has the same.",
        "track_id": "From video, recipe and running number: a rerun makes the same.",
        "clip_id": "From track and running number: a rerun makes the same.",
        "receipt_id": "Of an erasure.",
        "evaluation_id": "Of an evaluation.",
        "uri": "Absolute path, `s3://bucket/key`, or percent-encoded `file://` for a name that is not UTF-8.",
        "size_bytes": "Of the file or object.",
        "etag": "Version of the content: S3 ETag or version id; of a file, its modification time in ns.",
        "question": "Name of the question, e.g. `expression`.",
        "label": "Name of the label, e.g. `happiness`, `AU12`, `fake`.",
        "model_id": "Which weights: their name, and the first digits of their SHA-256.",
        "is_demonstration": "True when the labels of this model mean nothing on real people.",
        "created_at": "When the row was written.",
    }
)
"""What a name means in whichever table it stands, unless a field says it more closely."""
