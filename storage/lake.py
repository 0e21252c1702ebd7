"""The lake: every result, as Delta tables in one folder, with the evidence beside them."""
# pyright: reportUnknownParameterType=false
# pyarrow comes without types.

import json
import os
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, cast

import duckdb
import pyarrow as pa

from storage.delta import FAILURES, UNUSABLE, DeltaTables, explain
from storage.listing import has_password, may_pass
from storage.records import EVIDENCE, Record
from storage.store import FolderStore, Store
from storage.tables import Rows, TableFiles, gathered, tables

FORMAT = 1
"""Version of the lake's layout; raised when an older facesift could misread a newer lake."""
MARKER = "lake.json"

_REFUSALS = (OSError, duckdb.IOException, duckdb.OutOfMemoryException)
"""What disks and S3 refuse, whoever asks them: us, boto3 or DuckDB."""


class LakeError(ValueError):
    """A lake cannot be opened, or did not take what was to be written."""


class UnreachableLakeError(LakeError):
    """A lake cannot be opened now: its disk or S3 does not answer; the same request may pass later."""


class Lake:
    """The results of scans; opened, or made by the first write, in a folder that is empty or not there.

    Any number of processes may read and append at once.

    Args:
        root: folder of the lake, or `s3://bucket/folder`.

    Raises:
        LakeError: the folder has no name, holds something else, or a lake of a newer facesift; nothing was
            written.

    Example:
        >>> lake = Lake("/data/lake")
        >>> lake.append(rows)  # doctest: +SKIP
    """

    def __init__(self, root: str | Path) -> None:
        if not str(root):
            raise LakeError("the name of the lake is empty; give a folder")
        if has_password(str(root)):
            raise LakeError(
                "the lake's address has a password in it; leave it out and use the credentials' own places, "
                "such as AWS_ACCESS_KEY_ID or a profile"
            )
        self._is_s3 = str(root).startswith("s3://")
        # Path.absolute() would keep `..`
        self.root = str(root).rstrip("/") if self._is_s3 else os.path.abspath(root)  # noqa: PTH100
        if found := UNUSABLE.search(self.root):
            raise LakeError(
                f"a lake cannot be at {self.root!r}: {found[0]!r} has a meaning of its own in the paths of "
                "Delta tables; give another folder"
            )
        self.store: Store = self._open_store()
        """The lake's plain files: its marker and its evidence."""
        self.delta = DeltaTables(self.root, self.store)
        """Its tables, as Delta has them: for maintenance."""
        self.exists = self._check()
        """False until the first write."""

    @classmethod
    def open(cls, root: str | Path) -> Self:
        """Return the lake at a place.

        Raises:
            LakeError: there is none.
        """
        lake = cls(root)
        if not lake.exists:
            raise LakeError(f"there is no lake at {lake.root}; `facesift scan` makes one")
        return lake

    def append(self, rows: Iterable[Record | Rows]) -> None:
        """Commit rows, one Delta commit per table, in an order in which readers never see half a video.

        A try that raised may have committed some of its tables. Rows of a video must then not be appended
        again as they are, but made again as another attempt: by that, the views know which of them count.

        Args:
            rows: of any tables, in any order; all are checked before any is written.

        Raises:
            ValueError: a row does not fit its table; nothing was written.
            LakeError: a table did not take its rows.
        """
        batches = gathered(rows)
        if batches:
            self._create()
        for name, batch in batches.items():
            self._commit(name, batch)

    def _commit(self, name: str, batch: pa.Table) -> None:
        try:
            self.delta.append(tables()[name], batch)
        except FAILURES as error:
            raise LakeError(
                f"could not commit {batch.num_rows} rows to {self.delta.uri(name)}: {explain(error)}; "
                "what was to be appended counts as not written: free space or restore access, and scan "
                "again"
            ) from error

    def put_evidence(self, relative_path: str, data: bytes) -> None:
        """Store a picture; whoever reads it sees all of it or nothing.

        Args:
            relative_path: from the lake, beginning with `evidence/`, as in `records.Clip.evidence`.
            data: the file's content.

        Raises:
            ValueError: the path leads elsewhere.
            LakeError: it could not be written.
        """
        path = _checked_evidence(relative_path)
        self._create()
        try:
            self.store.write(path, data)
        except OSError as error:
            raise LakeError(
                f"could not write {path} to {self.root}: {error}; free space and scan again"
            ) from error

    def read_evidence(self, relative_path: str) -> bytes | None:
        """Return a picture that `put_evidence` stored, or None when there is none."""
        return self.store.read(_checked_evidence(relative_path))

    def snapshot(self) -> Mapping[str, TableFiles]:
        """Return the current files of every table.

        Read in the reverse of the order in which an append commits, `videos` first: a snapshot that is taken
        while others append holds all rows of every video that it holds.

        Raises:
            LakeError: a table cannot be read, or has lost its log.
        """
        files: dict[str, TableFiles] = {}
        for name in reversed(list(tables())):
            try:
                files[name] = self.delta.files(name)
            except FAILURES as error:
                raise LakeError(
                    f"cannot read {self.delta.uri(name)}: {explain(error)}; restore access, or the table "
                    "from a copy"
                ) from error
        return files

    @contextmanager
    def at_work(self, what: str) -> Generator[None]:
        """Let what disks or S3 refuse meanwhile be a LakeError: one line that says what to do.

        Args:
            what: is done, as `maintain`.
        """
        try:
            yield
        except _REFUSALS as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or explain(error)
            raise LakeError(
                f"could not {what} {self.root}: {reason}; restore access or free space, and run the same "
                "command again"
            ) from error

    def _open_store(self) -> Store:
        if self._is_s3:
            # boto3 takes half a second to import.
            from storage.bucket_store import BucketStore  # noqa: PLC0415
            from storage.s3 import Address, check_settings  # noqa: PLC0415

            address = Address.of(self.root)
            try:
                check_settings(address.bucket)
            except ValueError as error:
                raise LakeError(str(error)) from error
            return BucketStore(address)
        return FolderStore(Path(self.root))

    @property
    def _advice(self) -> str:
        if self._is_s3:
            return "check the bucket's name, your AWS settings and what they permit"
        return "give a folder that this user may use"

    def _create(self) -> None:
        if not self.exists:
            marker = {"format": FORMAT, "created_at": datetime.now(UTC).isoformat(timespec="seconds")}
            try:
                self.store.create(MARKER, json.dumps(marker).encode() + b"\n")
            except OSError as error:
                raise LakeError(
                    f"cannot make a lake at {self.root}: {error.strerror}; {self._advice}"
                ) from error
            self.exists = self._check()

    def _check(self) -> bool:
        """Say whether there is a lake; raise when there is something else, or one that cannot be read."""
        try:
            marker = self.store.read(MARKER)
            names = set[str]() if marker else self.store.names()
            if names:
                # Another process may have made the lake in between.
                marker = self.store.read(MARKER)
        except OSError as error:
            raise (UnreachableLakeError if may_pass(error) else LakeError)(
                f"cannot open {self.root} as a lake: {error.strerror}; {self._advice}"
            ) from error
        if marker is None:
            if names:
                raise LakeError(
                    f"{self.root} is not empty and no lake: it has no {MARKER}; give the folder of a lake, "
                    "or an empty or new one"
                )
            return False
        version = _version(marker)
        if version is None:
            raise LakeError(
                f"{self.root}/{MARKER} is damaged; restore it from a copy, or let it hold "
                f'{{"format": {FORMAT}}}'
            )
        if version > FORMAT:
            raise LakeError(
                f"the lake at {self.root} has format {version}, and this facesift knows formats up to "
                f"{FORMAT}; update facesift"
            )
        return True


def _version(marker: bytes) -> int | None:
    """Return the format that a marker states, or None when it states none."""
    try:
        stated: Any = json.loads(marker)
    except ValueError:
        return None
    version = cast("dict[str, Any]", stated).get("format") if isinstance(stated, dict) else None
    return version if type(version) is int and version > 0 else None  # a bool is an int to isinstance


def _checked_evidence(relative_path: str) -> str:
    if not relative_path.startswith(EVIDENCE) or ".." in relative_path.split("/"):
        raise ValueError(f"evidence at {relative_path!r}; its path begins with {EVIDENCE} and has no `..`")
    return relative_path
