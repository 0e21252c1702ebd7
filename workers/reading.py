"""What the reader is told and what it gives: its configuration, batches of clips, and the rows of a video."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from storage import records
from workers.clipper import ClipCut, ClipperConfig
from workers.decoder import DecoderConfig
from workers.detector import DetectorConfig
from workers.shots import ShotsConfig
from workers.tracker import TrackerConfig


@dataclass(frozen=True, slots=True)
class ReaderConfig:
    """The reader's parts, and how it hands on what it finds."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    shots: ShotsConfig = field(default_factory=ShotsConfig)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    clipper: ClipperConfig = field(default_factory=ClipperConfig)
    chunk_bytes: int = field(default=32 << 20, metadata={"changes_results": False})
    """Bytes of crops from which a batch of clips is handed on."""
    sights_bytes: int = field(default=8 << 20, metadata={"changes_results": False})
    """Bytes of what is seen of frames from which it is handed to the reader that follows the video."""
    heartbeat_s: float = field(default=10.0, metadata={"changes_results": False})
    """Seconds without a batch after which an empty one tells how far the reader is."""
    spool_dir: str | None = field(default=None, metadata={"changes_results": False})
    """Folder for copies of sources that are not local; None takes the system's temporary one."""


@dataclass(frozen=True, slots=True)
class RowIds:
    """What the rows of one attempt at a video have in common."""

    recipe_id: str
    attempt_id: str
    scan_id: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A batch of clips whose tracks have ended; one without clips only tells the position.

    Attributes:
        cuts: rows and pixels of the clips.
        position_s: how far the video has been read, from its start.
        duration_s: its length as its header states it.
    """

    cuts: tuple[ClipCut, ...]
    position_s: float
    duration_s: float | None


@dataclass(frozen=True, slots=True)
class Reading:
    """All rows of a video but the clips'; `findings`, `describe_s` and `committed_at` are still empty."""

    video: records.Video
    shots: tuple[records.Shot, ...]
    tracks: tuple[records.Track, ...]
    boxes: tuple[records.Box, ...]
