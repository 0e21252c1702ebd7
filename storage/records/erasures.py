"""Records of what was erased on demand."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A content that was erased on demand, or whose erasure was lifted; the newest row of a content counts.

    Key: video_id, forgotten_at
    """

    video_id: str
    receipt_id: str
    """Of the erasure, see erasures."""
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
    """Contents whose rows were erased."""
    rows: int
    """Rows that were erased."""
    pictures: int
    """Stored pictures that were removed."""
    files_removed: int
    """Files that held erased rows and are gone."""
    files_left: tuple[str, ...]
    """Old files that still hold erased rows, relative to the lake."""
    left_until: datetime | None
    """From then on `facesift maintain` removes them; None when there are none."""
    receipt_json: str
    """The receipt, as it was printed."""
    receipt_sha256: str
    """Of its UTF-8 bytes."""
    written_at: datetime
