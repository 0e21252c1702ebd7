"""Old files: Parquet files below a table that its current version does not count."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from storage.lake import Lake
from storage.store import Kept
from storage.tables import tables

COMMIT_H = 1.0
"""So long a file that no commit mentions is taken for one on its way into a table; commits take seconds."""


@dataclass(frozen=True, slots=True)
class OldFile:
    """A file of an older version of a table, or of a commit that was never made, or is being made."""

    path: str
    """From the lake's folder."""
    size_bytes: int
    written_at: datetime
    is_removed: bool
    """True when a commit has taken it out of the table: nobody will put it back."""
    version: str | None = None
    """Where a bucket keeps versions and this one was removed from it: which."""

    @property
    def settled_at(self) -> datetime:
        """When it is certain that no commit brings the file into the table."""
        return self.written_at if self.is_removed else self.written_at + timedelta(hours=COMMIT_H)


@dataclass(frozen=True, slots=True)
class Marks:
    """What tells rows that are to be erased: their content; where it is not known, their uri's SHA-256."""

    video_ids: Sequence[str]
    uri_sha256s: Sequence[str] = ()


_READ = "read_parquet($file, hive_partitioning = false)"
_OF_CONTENT = "video_id in (from marked_videos)"
_OF_NAME = "video_id is null and sha256(uri) in (from marked_uris)"
_GIVEN_NAME = """
list_has_any(list_transform(archives, lambda name: sha256(name)), (select list(sha256) from marked_uris))
"""


@cache
def result_tables() -> tuple[str, ...]:
    """Return the tables of rows that belong to a `videos` row."""
    return tuple(name for name in _with_column("attempt_id") if name != "videos")


@cache
def naming_tables() -> tuple[str, ...]:
    """Return the tables of which a row may name a source whose content is not known; `sources` comes last."""
    return tuple(sorted(set(_with_column("uri")) - {"videos"}, key=lambda name: name == "sources"))


def is_row_file(path: str) -> bool:
    """Say whether a path is that of a file of rows of a table; one from a table may be forged."""
    table, *below = path.split("/")
    return table in tables() and ".." not in below and _holds_rows(table, path)


def old_files(lake: Lake, table: str) -> list[OldFile]:
    """Return all old files of a table."""
    walked: list[Kept] = [kept for kept in lake.store.walk(table) if _holds_rows(table, kept.path)]
    # After the walk: what has come into the table since is not old.
    current = {f"{table}/{path}" for path in lake.delta.written_at(table)}
    removed = {f"{table}/{path}" for path in lake.delta.removed(table)}
    return [
        OldFile(kept.path, kept.size_bytes, kept.written_at, kept.path in removed)
        for kept in walked
        if kept.path not in current
    ]


def earlier_files(lake: Lake, table: str) -> list[OldFile]:
    """Return what a bucket that keeps versions still has of files that were removed from below a table."""
    return [
        OldFile(kept.path, kept.size_bytes, kept.written_at, is_removed=True, version=kept.version)
        for kept in lake.store.earlier(table)
        if _holds_rows(table, kept.path)
    ]


def holding(
    connection: duckdb.DuckDBPyConnection, lake: Lake, files: Sequence[OldFile], marks: Marks
) -> Iterator[OldFile]:
    """Yield those of a table's old files that hold a marked row, or that cannot be read.

    Args:
        connection: that can read the lake's files, as `Catalog.connect` gives it.
        lake: that they are in.
        files: of one table.
        marks: of the rows.
    """
    connection.register("marked_videos", pa.table({"video_id": list(marks.video_ids)}, _text("video_id")))
    connection.register("marked_uris", pa.table({"sha256": list(marks.uri_sha256s)}, _text("sha256")))
    for file in files:
        table = file.path.partition("/")[0]
        is_marked = _GIVEN_NAME if table == "scans" else _OF_CONTENT
        is_marked += f" or {_OF_NAME}" if table in naming_tables() else ""
        # DuckDB cannot name a version.
        content = None if file.version is None else lake.store.read(file.path, file.version) or b""
        try:
            if content is None:
                rows, given = _READ, {"file": glob.escape(f"{lake.root}/{file.path}")}
            else:
                connection.register("earlier", pq.read_table(pa.BufferReader(content)))
                rows, given = "earlier", dict[str, str]()
            found = connection.execute(f"select 1 from {rows} where {is_marked} limit 1", given).fetchall()  # noqa: S608
        except (duckdb.Error, pa.ArrowInvalid, OSError) as error:
            if isinstance(error, duckdb.IOException) and lake.root.startswith("s3://"):
                raise  # S3 fails, which says nothing of the file
            found = [True]  # the part of a file that a killed process has left
        if found:
            yield file


def _holds_rows(table: str, path: str) -> bool:
    return path.endswith(".parquet") and not path.startswith(f"{table}/_")


def _with_column(column: str) -> list[str]:
    return [name for name, table in tables().items() if column in table.schema.names]


def _text(name: str) -> pa.Schema:  # pyright: ignore[reportUnknownParameterType] - pyarrow comes without types
    return pa.schema([pa.field(name, pa.string())])
