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
    """An erasure on demand; written when it begins, when it ends, and when files that had to wait are gone.

    Key: receipt_id
    """

    receipt_id: str
    erased_at: datetime
    selected_by: str
    """What was asked for: video, source, before; late for what a running scan wrote afterwards; unknown where
    an older facesift, which did not write it down, was killed."""
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
    """From then on `facesift maintain` removes them; None when there are none. Of one that has only begun:
    until when it may leave some."""
    receipt_json: str
    """The receipt, as it was printed."""
    receipt_sha256: str
    """Of its UTF-8 bytes."""
    written_at: datetime
    uri_sha256s: tuple[str, ...] = ()
    """SHA-256, in hexadecimal, of the names that are to be in no row: those of its contents, and of sources
    whose content is not known."""
    is_finished: bool = True
    """False while it is at work and when it was killed, and as long as the bucket does not say whether it
    keeps versions; the next `facesift maintain` or `facesift forget` goes on with it."""
