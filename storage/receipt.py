"""The receipt of an erasure: what went, what is still there until when."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, Self

from pydantic import TypeAdapter

from storage.records import Erasure

Selector = Literal["video", "source", "before", "late", "unknown"]


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
        selected_by: what was asked for; late is what a running scan wrote after an erasure; unknown what an
            older facesift, which did not write it down, was killed over.
        asked_sha256: of the video id, pattern or date that was asked for.
        erased_at: when it began.
        video_ids: SHA-256 of the contents that were erased, and that no scan reads again.
        rows: deleted, by table; these and the numbers below do not count what a run had erased that was
            killed before it could say so.
        scans_redacted: runs that had named an erased source; the name is gone.
        pictures: removed.
        files_removed: old files that held such rows.
        bytes_removed: in them.
        files_left: old files that hold such rows and are still there.
        scans_running: runs without an end: what they may still write of it is in no view, and the next
            `facesift maintain` erases it.
        is_sure_of_versions: false when the bucket does not say whether it keeps versions of what is removed
            from it; then none was looked for, and the erasure is not finished.
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

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return a receipt as it was stored.

        Raises:
            ValueError: it is none.
        """
        return TypeAdapter(cls).validate_json(text)

    def row(self, uri_sha256s: Sequence[str]) -> Erasure:
        """Return the row in which the lake keeps it at its end.

        Args:
            uri_sha256s: of the names that it takes out of the lake.
        """
        return replace(
            self.first_row(uri_sha256s, max((left.until for left in self.files_left), default=None)),
            is_finished=self.is_sure_of_versions,
            written_at=datetime.now(UTC),
        )

    def first_row(self, uri_sha256s: Sequence[str], left_until: datetime | None) -> Erasure:
        """Return the row that the lake keeps from its beginning on, with all that it takes to go on with it.

        Args:
            uri_sha256s: of the names that it takes out of the lake.
            left_until: until when old files may stay.
        """
        return Erasure(
            receipt_id=self.receipt_id,
            erased_at=self.erased_at,
            selected_by=self.selected_by,
            videos=len(self.video_ids),
            rows=sum(self.rows.values()),
            pictures=self.pictures,
            files_removed=self.files_removed,
            files_left=tuple(left.path for left in self.files_left),
            left_until=left_until,
            receipt_json=self.to_json(),
            receipt_sha256=self.sha256,
            written_at=self.erased_at,
            uri_sha256s=tuple(uri_sha256s),
            is_finished=False,
        )
