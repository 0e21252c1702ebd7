"""Delta tables: commits of rows, and the files that hold the current ones."""

import random
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from textwrap import shorten
from typing import Any, TypeVar

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from storage.store import Store
from storage.tables import Table, TableFiles

UNUSABLE = re.compile(r"[\[\]\\^|%\x00-\x1f\x7f\ud800-\udfff]")
"""What deltalake takes for something else in a path, or fails on."""
FAILURES = (DeltaError, OSError)
"""What the methods of `DeltaTables` raise."""

CHANGES = 8
"""A change to rows that are there is tried so often: others commit at the same moment."""
CHANGE_PAUSE_S = 0.2
"""Before the second try, at most; twice as long before each further one."""

Changed = TypeVar("Changed")

_LOG_FOLDER = "_delta_log"
COMPRESSION = WriterProperties(compression="ZSTD", compression_level=3)
"""Of every Parquet file."""
_LOG = {
    # Whoever opens a table reads the commits since the last checkpoint, one file each.
    "delta.checkpointInterval": "20",
    # The Parquet files have statistics of their own, which DuckDB reads; in the log they only slow it down.
    "delta.dataSkippingNumIndexedCols": "0",
}


class LostLogError(DeltaError):
    """A table has files of rows, and nothing that says which of them count."""


class DeltaTables:
    """The tables under one root, each in a folder of its name; any number of processes may use them at once.

    Args:
        root: absolute path of a folder, or `s3://bucket/folder`.
        store: the same place.
    """

    def __init__(self, root: str, store: Store) -> None:
        self._root = root
        self._store = store

    def uri(self, name: str) -> str:
        """Return where a table lies."""
        return f"{self._root}/{name}"

    def files(self, name: str) -> TableFiles:
        """Return a table's current state; that of a table which was never written is empty."""
        table = self._find(name)
        if table is None:
            return TableFiles(frozenset(), ())
        # Not `file_uris()`: it percent-encodes the whole path, spaces and letters beyond ASCII included.
        paths: list[str] = pa.table(table.get_add_actions())["path"].to_pylist()
        columns = frozenset(field.name for field in table.schema().fields)
        return TableFiles(columns, tuple(f"{self.uri(name)}/{path}" for path in sorted(paths)))

    def written_at(self, name: str) -> Mapping[str, datetime]:
        """Return when each of a table's current files was written, by its path below the table."""
        table = self._find(name)
        if table is None:
            return {}
        actions = pa.table(table.get_add_actions())
        written_ms: list[int] = actions["modification_time"].to_pylist()
        return {
            path: datetime.fromtimestamp(one_ms / 1000, UTC)
            for path, one_ms in zip(actions["path"].to_pylist(), written_ms, strict=True)
        }

    def removed(self, name: str) -> frozenset[str]:
        """Return the files that commits have taken out of a table and that are still there."""
        table = self._find(name)
        if table is None:
            return frozenset()
        return frozenset(table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=True))

    def change(self, name: str, change: Callable[[DeltaTable], Changed]) -> Changed | None:
        """Apply a change to a table, again on top of what others have committed at the same moment.

        An append never gets in the way of a change; another change does: a compaction and a deletion of rows
        in the same files cannot both be right.

        Args:
            name: of the table.
            change: commits at most once, and nothing when it raises.

        Returns:
            What the change returned; None for a table that was never written.
        """
        for attempt in range(CHANGES):
            table = self._find(name)
            if table is None:
                return None
            try:
                return change(table)
            except CommitFailedError:
                if attempt == CHANGES - 1:
                    raise
                time.sleep(random.uniform(0, CHANGE_PAUSE_S * 2**attempt))  # noqa: S311 - no secret
        raise AssertionError("the last try returns or raises")

    def append(self, table: Table, batch: Any) -> None:
        """Commit an Arrow table of rows; the table is made when it is not there."""
        try:
            self._write(table, batch)
        except CommitFailedError:
            # Nothing was committed: another process gave the table new columns at the same moment.
            self._write(table, batch)

    def _write(self, table: Table, batch: Any) -> None:
        # Opened anew each time: a kept one is updated by every commit, the slower the more it has seen.
        delta = self._open_or_make(table)
        known = {field.name for field in delta.schema().fields}
        has_all = set(batch.column_names) == known
        if not has_all:
            # Old rows have no value in a new column; where there must be one, they could not be rewritten.
            fields = [field if field.name in known else field.with_nullable(True) for field in batch.schema]
            batch = batch.cast(pa.schema(fields))
        write_deltalake(
            delta,
            batch,
            mode="append",
            schema_mode=None if has_all else "merge",  # the lake is from an older facesift
            writer_properties=COMPRESSION,
        )

    def _open_or_make(self, table: Table) -> DeltaTable:
        found = self._find(table.name)
        if found is not None:
            return found
        try:
            return DeltaTable.create(
                self.uri(table.name),
                table.schema,
                name=table.name,
                description=table.grain,
                configuration=_LOG,
                storage_options=self._options(),
                # Of two that make it at the same moment one must fail: tried again, its commit would become
                # version 1 and change what the other has begun to append to.
                commit_properties=CommitProperties(max_commit_retries=0),
            )
        except DeltaError:
            return self._open(table.name)

    def _find(self, name: str) -> DeltaTable | None:
        """Return a table, or None when it was never written."""
        try:
            return self._open(name)
        except TableNotFoundError:
            if not self._store.names(name) - {_LOG_FOLDER}:
                return None
        try:
            # Rows are written below a log: with rows there, another process has made the table just now, or
            # it has lost its log.
            return self._open(name)
        except TableNotFoundError as error:
            raise LostLogError(
                f"its folder {_LOG_FOLDER}, which says which files count, is empty or gone"
            ) from error

    def _open(self, name: str) -> DeltaTable:
        return DeltaTable(self.uri(name), storage_options=self._options())

    def _options(self) -> dict[str, str] | None:
        if self._root.startswith("s3://"):
            # boto3 takes half a second to import.
            from storage.s3 import Address, delta_options  # noqa: PLC0415

            return delta_options(Address.of(self._root).bucket)
        return None


def explain(error: Exception) -> str:
    """Return a failure's message on one line, without colours and the library's own stack."""
    message = re.sub(r"\x1b\[\d*m", "", str(error)).partition("\n   0:")[0]
    return shorten(message, 300, placeholder=" ...")
