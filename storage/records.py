"""The vocabulary: one frozen record per table, valid once constructed.

The field order and types here are the schema; `storage.tables` derives Arrow, Parquet and the documentation
from them. Units are in the names (`_s` seconds, `_px` pixels of the upright picture, `_deg` degrees);
times are aware UTC datetimes named `_at`; `None` means absent.

Identity:
    video_id   SHA-256 of the source's bytes, 64 hex digits
    recipe_id  hash of everything that can change a result
    attempt_id one try at reading one video; its rows count when a `Video` row of the same attempt is there
    track_id, clip_id  derived from video_id, recipe_id and running numbers: a rerun makes the same ones
"""

from dataclasses import dataclass
from datetime import datetime


def track_id(video_id: str, recipe_id: str, track_index: int) -> str:
    """Return the id of the n-th track of a video under a recipe, e.g. `9f86d081884c7d65-1b4f0e98-t0003`."""
    return f"{video_id[:16]}-{recipe_id[:8]}-t{track_index:04d}"


def person_id(video_id: str, recipe_id: str, person_index: int) -> str:
    """Return the id of the n-th person of a video under a recipe, e.g. `9f86d081884c7d65-1b4f0e98-p0001`."""
    return f"{video_id[:16]}-{recipe_id[:8]}-p{person_index:04d}"


def clip_id(of_track_id: str, clip_index: int) -> str:
    """Return the id of the n-th clip of a track, e.g. `9f86d081884c7d65-1b4f0e98-t0003-c00`."""
    return f"{of_track_id}-c{clip_index:02d}"


@dataclass(frozen=True, slots=True)
class Scan:
    """A run; written when it starts and again, with `finished_at`, when it ends.

    Key: scan_id
    """

    scan_id: str
    recipe_id: str
    archives: tuple[str, ...]
    started_at: datetime
    finished_at: datetime | None
    sources_listed: int
    sources_planned: int
    software: str
    """JSON object of package names and versions."""


@dataclass(frozen=True, slots=True)
class RecipeRecord:
    """A recipe, whole.

    Key: recipe_id
    """

    recipe_id: str
    recipe_json: str
    model_id: str
    is_demonstration: bool
    """True when the labels of this model mean nothing on real people."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Source:
    """An observation of a listed object; several per uri, the newest counts.

    Written when a scan lists a new or changed object (`video_id` None), and again when its content is known.

    Key: uri, recipe_id, listed_at
    """

    uri: str
    """Absolute path, `s3://bucket/key`, or percent-encoded `file://` for a name that is not UTF-8."""
    size_bytes: int | None
    etag: str | None
    """Version of the content: S3 ETag or version id; for a file, its modification time in nanoseconds."""
    modified_at: datetime | None
    listed_at: datetime
    scan_id: str
    recipe_id: str
    video_id: str | None = None
    skip_reason: str | None = None
    """Why it was not considered a video at all; None for everything that was."""


@dataclass(frozen=True, slots=True)
class Video:
    """A (video, recipe), written last: the commit; the first row of a key counts.

    Key: video_id, recipe_id
    """

    video_id: str
    recipe_id: str
    attempt_id: str
    scan_id: str
    uri: str
    size_bytes: int
    container: str
    codec: str
    pixel_format: str
    width_px: int
    """Of the upright picture with square pixels, as are all coordinates."""
    height_px: int
    fps: float | None
    """Average rate that the header states; None when it states none."""
    duration_s: float
    """From the first frame's PTS to the end of the last decoded frame."""
    rotation_deg: int
    """Clockwise turn that the container asks a player to make."""
    sample_aspect_ratio: str
    time_base: str
    start_pts: int
    decoder: str
    frames_decoded: int
    """Frames of the stream that could be decoded, those not needed for sampling included."""
    frames_sampled: int
    packets_damaged: int
    is_partial: bool
    """True when a part of the video could not be read; `partial_reason` says which."""
    partial_reason: str | None
    faces: int
    """Rows in boxes."""
    tracks: int
    clips: int
    findings: int
    read_s: float
    """Wall-clock seconds in the reader."""
    describe_s: float
    """Wall-clock seconds in the describer."""
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class Shot:
    """A stretch between two cuts or gradual transitions.

    Key: video_id, recipe_id, shot_index
    """

    video_id: str
    recipe_id: str
    attempt_id: str
    shot_index: int
    start_frame: int
    """Of a shot that comes gradually, the first frame in which it outweighs the one before."""
    start_s: float
    transition: str | None = None
    """How it comes: cut, fade (through one colour) or dissolve; None for the first."""
    transition_start_frame: int | None = None
    """The last sampled frame that shows only the shot before; None where the transition is not gradual."""
    transition_end_frame: int | None = None
    """The first sampled frame that shows only this shot; None where the transition is not gradual."""


@dataclass(frozen=True, slots=True)
class Track:
    """A face followed within one shot.

    Key: track_id
    """

    track_id: str
    video_id: str
    recipe_id: str
    attempt_id: str
    track_index: int
    shot_index: int
    start_s: float
    end_s: float
    start_frame: int
    end_frame: int
    frames: int
    """Boxes in the track."""
    quality: float
    """0..1, the mean over its boxes."""
    no_clip_reason: str | None
    """Why the track has no clip (too small, too blurred, too hidden, too short); None when it has one."""
    duration_s: float | None = None
    """Seconds from its first box to the end of its last, gaps included; None in a shot of one frame."""
    gaps: int = 0
    """Times that the face was lost and found again."""
    gap_s: float = 0.0
    """Seconds in them."""
    person_id: str | None = None
    """Whom appearance takes it for: equal in tracks of this video that look alike, weaker than a track."""
    embedding: tuple[float, ...] | None = None
    """Mean identity embedding, of unit length; None unless the recipe says that it is stored."""


@dataclass(frozen=True, slots=True)
class Box:
    """A face in a sampled frame.

    Key: track_id, frame_index
    """

    track_id: str
    video_id: str
    recipe_id: str
    attempt_id: str
    frame_index: int
    """Of the decoded video in presentation order, from 0."""
    pts: int
    pts_s: float
    """pts times the time base, from the stream's own zero."""
    x_px: float
    y_px: float
    w_px: float
    h_px: float
    score: float
    """Detector score, 0..1."""
    quality: float
    sharpness: float
    """Variance of the Laplacian of the face at 96 px, grey 0..255."""
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    landmarks_px: tuple[float, ...]
    """68 iBUG points x0 y0 x1 y1 ... in picture pixels."""
    occlusion: float = 0.0
    """Estimated share of the face that is hidden, 0..1: by the edge, a nearer face, or anything new."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Eight face crops of one track, as the model sees them.

    Key: clip_id
    """

    clip_id: str
    track_id: str
    video_id: str
    recipe_id: str
    attempt_id: str
    clip_index: int
    start_s: float
    end_s: float
    frame_indices: tuple[int, ...]
    pts: tuple[int, ...]
    crop_xys_px: tuple[float, ...]
    """Per frame the crop square's left, top and side in picture pixels."""
    landmarks_crop_px: tuple[float, ...]
    """Per frame 68 points x0 y0 x1 y1 ... in crop pixels."""
    best_frame: int
    """Position, 0..7, of the frame of the highest quality."""
    quality: float
    crops_sha256: str
    """Of the crops' bytes [T, S, S, 3] uint8 RGB: a replay that gives this hash saw the same pixels."""
    evidence: str | None
    """Path of the stored picture of the crops, relative to the lake."""
    no_answer_reason: str | None = None
    """Why the model gave no answers for it; None when it did."""
    crop_angles_deg: tuple[float, ...] = ()
    """Per frame the clockwise turn of the crop square about its centre; none where crops are upright."""


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """What the model said to one question about one clip.

    Key: clip_id, question
    """

    clip_id: str
    track_id: str
    video_id: str
    recipe_id: str
    attempt_id: str
    question: str
    text: str
    """Verbatim."""
    rationale: str
    """The explanation in the text, empty where that is refused or unparsable. A sentence, not evidence."""
    parse_status: str
    """ok, ambiguous, refused or unparsable: whether a label could be read from the text."""
    parsed_labels: tuple[str, ...]
    prompt: str
    view: str
    """clip or frame: what the model looked at."""
    model_id: str
    is_demonstration: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """The score of one label.

    Key: clip_id, question, label
    """

    clip_id: str
    track_id: str
    video_id: str
    recipe_id: str
    attempt_id: str
    question: str
    label: str
    score: float
    """In `unit`: a probability, or for label `age_years` the expected age."""
    unit: str
    """probability or years."""
    spread: float | None
    """Standard deviation in the same unit, where the score is an expected value."""
    log_prob: float | None
    """Teacher-forced log-likelihood of the label given the clip, natural logarithm."""
    prior_log_prob: float | None
    """The same given a blank clip."""
    model_id: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed.

    Key: uri, recipe_id, failed_at
    """

    uri: str
    video_id: str | None
    recipe_id: str
    scan_id: str
    size_bytes: int | None
    etag: str | None
    stage: str
    """list, fetch, decode, detect, describe or commit."""
    error: str
    """Class name of the error."""
    message: str
    attempt: int
    """From 1; 0 where somebody asked for the source to be tried again."""
    is_retryable: bool
    """True when the next scan tries again by itself."""
    is_quarantined: bool
    """True when the source killed its reader twice, or never returned: left alone until `facesift retry`."""
    failed_at: datetime


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A content that was erased on demand, or whose erasure was lifted; the newest row of a content counts.

    Key: video_id, forgotten_at
    """

    video_id: str
    receipt_id: str
    forgotten_at: datetime
    is_lifted: bool = False
    """True when scans may read it again."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure on demand; written again when files that had to wait are gone, the newest row counts.

    Key: receipt_id
    """

    receipt_id: str
    erased_at: datetime
    selected_by: str
    """What was asked for: video, source, before; late for rows that a running scan wrote afterwards."""
    videos: int
    rows: int
    pictures: int
    files_removed: int
    files_left: tuple[str, ...]
    """Old files that still hold erased rows, relative to the lake."""
    left_until: datetime | None
    """From then on `facesift maintain` removes them; None when there are none."""
    receipt_json: str
    """The receipt, as it was printed."""
    receipt_sha256: str
    """Of its UTF-8 bytes."""
    written_at: datetime


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


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model measured on a dataset.

    Key: evaluation_id
    """

    evaluation_id: str
    dataset: str
    variant: str
    split: str
    recipe_id: str
    model_id: str
    is_demonstration: bool
    expected: int
    """Samples of the split; the sum of the next five."""
    scored: int
    no_face: int
    refused: int
    unparsable: int
    failed: int
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
    """scores or text."""
    sample_id: str
    """Unique in its dataset, e.g. `FaceSwap/c23/000_003`."""
    uri: str
    video_id: str | None
    cluster: str
    """Person or source video: what is drawn together in a bootstrap."""
    fold: int | None
    status: str
    """scored, no_face, refused, unparsable or failed."""
    reason: str | None
    truth_json: str
    answer_json: str | None
    score: float | None
    """Of the second of two labels, where there are two: its probability."""
    groups_json: str


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
