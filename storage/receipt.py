"""The receipt of an erasure: what went, what is still there until when."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from storage.records import Erasure

Selector = Literal["video", "source", "before", "late"]


@dataclass(frozen=True, slots=True)
class FileLeft:
    """An old file that still holds erased rows, and until when it may."""

    path: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an erasure did. Of the archive it says nothing but hashes.

    Attributes:
        receipt_id: also of the rows in `erasures` and `forgotten`.
        selected_by: what was asked for; late are rows that a running scan wrote after an erasure.
        asked_sha256: of the video id, pattern or date that was asked for.
        erased_at: when it began.
        video_ids: SHA-256 of the contents that were erased, and that no scan reads again.
        rows: deleted, by table.
        scans_redacted: runs that had named an erased source; the name is gone.
        pictures: removed.
        files_removed: old files that held such rows.
        bytes_removed: in them.
        files_left: old files that hold such rows and are still there.
        scans_running: runs without an end: what they may still write of it is in no view, and the next
            `facesift maintain` erases it.
        is_sure_of_versions: false when the bucket does not say whether it keeps versions of what is removed
            from it; then none was looked for.
    """

    receipt_id: str
    selected_by: Selector
    asked_sha256: str
    erased_at: datetime
    video_ids: tuple[str, ...]
    rows: Mapping[str, int] = field(default_factory=dict[str, int])
    scans_redacted: int = 0
    pictures: int = 0
    files_removed: int = 0
    bytes_removed: int = 0
    files_left: tuple[FileLeft, ...] = ()
    scans_running: tuple[str, ...] = ()
    is_sure_of_versions: bool = True

    def to_json(self) -> str:
        """Return the receipt on one line, as it is hashed and stored."""
        return json.dumps(asdict(self), default=datetime.isoformat, sort_keys=True)

    @property
    def sha256(self) -> str:
        """Of the UTF-8 bytes of `to_json`."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values, the hash among them."""
        return {**json.loads(self.to_json()), "sha256": self.sha256}

    def row(self) -> Erasure:
        """Return the row in which the lake keeps it."""
        return Erasure(
            receipt_id=self.receipt_id,
            erased_at=self.erased_at,
            selected_by=self.selected_by,
            videos=len(self.video_ids),
            rows=sum(self.rows.values()),
            pictures=self.pictures,
            files_removed=self.files_removed,
            files_left=tuple(left.path for left in self.files_left),
            left_until=max((left.until for left in self.files_left), default=None),
            receipt_json=self.to_json(),
            receipt_sha256=self.sha256,
            written_at=self.erased_at,
        )
