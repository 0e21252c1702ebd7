"""What the reader is told and what it gives: its configuration, and batches of clips and rows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from storage import records
from storage.tables import Rows
from workers.clipper import ClipCut, ClipperConfig
from workers.faces.detector import DetectorConfig
from workers.shots import ShotsConfig
from workers.tracking.tracker import TrackerConfig
from workers.video.decoder import DecoderConfig


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
    chunk_rows: int = field(default=1024, metadata={"changes_results": False})
    """Rows that are final, nearly all of them boxes, from which they are handed on."""
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
    """Clips whose tracks have ended, and rows that are final; one without either only tells the position.

    Attributes:
        cuts: rows and pixels of the clips.
        position_s: how far the video has been read, from its start.
        duration_s: its length as its header states it.
        rows: of shots, tracks and boxes.
    """

    cuts: tuple[ClipCut, ...]
    position_s: float
    duration_s: float | None
    rows: tuple[Rows, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """The rows of one video that are few: for who wants to look at them together.

    Clips and boxes, of which there may be a million, go by in chunks. `findings` and `describe_s` of the
    video are empty.
    """

    video: records.Video
    shots: tuple[records.Shot, ...]
    tracks: tuple[records.Track, ...]

    @classmethod
    def of(
        cls, parts: Iterable[Chunk | records.Video], on_chunk: Callable[[Chunk], None] = lambda _: None
    ) -> Self:
        """Gather what a reader gives.

        Args:
            parts: what `Reader.read` yields.
            on_chunk: called with each chunk as it comes.
        """
        rows: list[records.Record] = []
        for part in parts:
            if isinstance(part, records.Video):
                shots = (row for row in rows if isinstance(row, records.Shot))
                tracks = (row for row in rows if isinstance(row, records.Track))
                by_index = sorted(tracks, key=lambda track: track.track_index)
                return cls(part, tuple(shots), tuple(by_index))
            on_chunk(part)
            rows += (row for few in part.rows if few.table != "boxes" for row in few.records())
        raise AssertionError("what a reader gives ends with the video's row")
