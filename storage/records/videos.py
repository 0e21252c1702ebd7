"""Records of a video's results: from its shots to the score of a label."""

from dataclasses import dataclass
from datetime import datetime


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
    """FFmpeg's name of the format."""
    codec: str
    """FFmpeg's name."""
    pixel_format: str
    """FFmpeg's name."""
    width_px: int
    """Of the upright picture with square pixels, as are all coordinates."""
    height_px: int
    """Of the same."""
    fps: float | None
    """Average rate that the header states; None when it states none."""
    duration_s: float
    """From the first frame's PTS to the end of the last decoded frame."""
    rotation_deg: int
    """Clockwise turn that the container asks a player to make."""
    sample_aspect_ratio: str
    """Width to height of a stored pixel, as a fraction."""
    time_base: str
    """Seconds in a unit of pts, as a fraction."""
    start_pts: int
    """Of the first frame."""
    decoder: str
    """pyav, decord, or pillow for animated WebP, and its version."""
    frames_decoded: int
    """Frames of the stream that could be decoded, those not needed for sampling included."""
    frames_sampled: int
    """Frames in which faces were looked for."""
    packets_damaged: int
    """Packets that could not be decoded."""
    is_partial: bool
    """True when a part of it could not be read, or only by filling in; `partial_reason` says which."""
    partial_reason: str | None
    """What is missing or filled in, and why; None when nothing is."""
    faces: int
    """Rows in boxes."""
    tracks: int
    """Rows in tracks."""
    clips: int
    """Rows in clips."""
    findings: int
    """Rows in findings."""
    read_s: float
    """Wall-clock seconds in the reader."""
    describe_s: float
    """Wall-clock seconds in the describer."""
    committed_at: datetime
    """From then on its rows count."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A stretch between two cuts or gradual transitions.

    Key: video_id, recipe_id, shot_index
    """

    video_id: str
    recipe_id: str
    attempt_id: str
    shot_index: int
    """Of the video, from 0."""
    start_frame: int
    """Of a shot that comes gradually, the first frame in which it outweighs the one before."""
    start_s: float
    """PTS of the first frame, from the stream's own zero."""
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
    """Of the video, from 0."""
    shot_index: int
    """Of the shot that it lies in."""
    start_s: float
    """PTS of its first box."""
    end_s: float
    """PTS of its last box."""
    start_frame: int
    """`frame_index` of its first box."""
    end_frame: int
    """`frame_index` of its last box."""
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
    """Presentation timestamp in units of the video's time base."""
    pts_s: float
    """pts times the time base, from the stream's own zero."""
    x_px: float
    """Left edge in the upright picture."""
    y_px: float
    """Top edge."""
    w_px: float
    """Width."""
    h_px: float
    """Height."""
    score: float
    """Detector score, 0..1."""
    quality: float
    """0..1: score x size x sharpness x frontality x visible share; frames of clips are chosen by it."""
    sharpness: float
    """Variance of the Laplacian of the face at 96 px, grey 0..255."""
    yaw_deg: float
    """Turn of the head, positive when the nose points to the picture's right."""
    pitch_deg: float
    """Nod, positive when looking up."""
    roll_deg: float
    """Tilt, positive clockwise as seen in the picture."""
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
    """Of the track, from 0."""
    start_s: float
    """PTS of its first frame."""
    end_s: float
    """PTS of its last frame."""
    frame_indices: tuple[int, ...]
    """Per frame its number in the decoded video, from 0."""
    pts: tuple[int, ...]
    """Per frame its presentation timestamp in units of the video's time base."""
    crop_xys_px: tuple[float, ...]
    """Per frame the crop square's left, top and side in picture pixels."""
    landmarks_crop_px: tuple[float, ...]
    """Per frame 68 points x0 y0 x1 y1 ... in crop pixels."""
    best_frame: int
    """Position, 0..7, of the frame of the highest quality."""
    quality: float
    """0..1, the mean over its frames."""
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
    """Labels that the text names; none where it is refused or unparsable."""
    prompt: str
    """The question as it was put."""
    view: str
    """clip or frame: what the model looked at."""
    model_id: str
    is_demonstration: bool
    numbers: tuple[int, ...] = ()
    """What a question for a number may be answered with; none for other questions."""
    number_log_probs: tuple[float, ...] = ()
    """Per number its teacher-forced log-likelihood given the clip, natural logarithm."""
    number_prior_log_probs: tuple[float, ...] = ()
    """The same given a blank clip."""


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
    """In `unit`: a probability, or the expected value of a number such as `age_years`."""
    unit: str
    """probability, or that of the number, e.g. years."""
    spread: float | None
    """Standard deviation in the same unit, where the score is an expected value."""
    log_prob: float | None
    """Teacher-forced log-likelihood of the label given the clip, natural logarithm; answers has numbers'."""
    prior_log_prob: float | None
    """The same given a blank clip."""
    model_id: str
