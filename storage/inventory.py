"""The inventory: a listing beside what the lake knows, as tables that lie on disk where memory is short."""
# pyright: reportUnknownParameterType=false
# pyarrow comes without types.

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import duckdb
import pyarrow as pa

from storage.catalog import Catalog, quoted
from storage.contents import FinalFailures, VideoIds, finished_contents
from storage.lake import Lake, LakeError
from storage.listing import Fail, Listed, Skip
from storage.statements import plan_statement, view_statements
from storage.tables import Rows, TableFiles, tables

MEMORY_BYTES = 500 << 20
"""What DuckDB may hold of the inventory; the rest goes to the folder for temporary files."""
PART_ROWS = 1_000_000
"""Rows of a table whose newest are found at once: DuckDB puts what a window function sorts on no disk."""
CHUNK_ROWS = 10_000
"""Listed objects that are Python objects at once."""
COMMIT_ROWS = 250_000
"""Rows per commit while the listing is recorded."""

_LISTED = pa.schema(
    [
        pa.field("position", pa.int64()),
        pa.field("uri", pa.string()),
        pa.field("size_bytes", pa.int64()),
        pa.field("etag", pa.string()),
        pa.field("modified_at", pa.timestamp("us", "UTC")),
        pa.field("listed_at", pa.timestamp("us", "UTC")),
        pa.field("skip_reason", pa.string()),
        pa.field("error", pa.string()),
        pa.field("message", pa.string()),
    ]
)
_CREATED = """
create temp table listed (
    position bigint, uri varchar, size_bytes bigint, etag varchar, modified_at timestamptz,
    listed_at timestamptz, skip_reason varchar, error varchar, message varchar
)
"""
_ONCE = """
delete from listed
where rowid in (
    -- of two, a failure tells more than that the object was seen
    select rowid from listed
    qualify row_number() over (partition by uri order by error is null, position) > 1
)
"""
_COMPARED = "create or replace temp table compared as select * from ({select}) where is_new or is_wanted"
_WANTED = """
create or replace temp table wanted as
select
    row_number() over (order by position) - 1 as ordinal,
    uri, size_bytes, etag, modified_at, listed_at, failure_error, failure_attempt
from compared where is_wanted order by position limit {limit}
"""
_NEW_SOURCES = """
select
    uri, size_bytes, etag, modified_at, listed_at, $scan_id as scan_id, $recipe_id as recipe_id,
    null::varchar as video_id, skip_reason
from compared where is_new
union all
select
    uri, null, null, null, $now, $scan_id, $recipe_id,
    null, 'a place whose listing broke off once and is complete now'
from reopened
"""
_NEW_FAILURES = """
select
    uri, null::varchar as video_id, $recipe_id as recipe_id, $scan_id as scan_id, size_bytes, etag,
    'list' as stage, error, message, 1::bigint as attempt, true as is_retryable, false as is_quarantined,
    listed_at as failed_at
from compared where is_new and error is not null
"""
_KNOWING = ("sources", "failures", "videos", "forgotten")
"""Tables that the view `listings` reads."""


@dataclass(frozen=True, slots=True)
class _Staged:
    """A view below `listings`, what that reads of it, and the table whose rows with one key it ranks."""

    view: str
    columns: str
    table: str
    key: str


_STAGED = (
    _Staged("videos", "video_id, recipe_id, uri, faces, is_partial, partial_reason", "videos", "video_id"),
    _Staged("observations", "*", "sources", "uri"),
)
"""All at once, a million rows would not fit in memory."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A listed object that is to be read, and how reading it failed the last time, if it did."""

    uri: str
    size_bytes: int | None
    etag: str | None
    modified_at: datetime | None
    listed_at: datetime
    failure_error: str | None
    failure_attempt: int | None


@dataclass(frozen=True, slots=True)
class Unread:
    """A listed object that has no result, and why."""

    uri: str
    stage: str
    error: str
    message: str
    failed_at: datetime


class Inventory:
    """One listing of archives, compared with a lake under one recipe: what is new, what is to be read.

    Neither the listing nor what the lake knows is ever a Python object as a whole: a million objects take
    the memory that `memory_bytes` grants and disk for the rest; ids of contents lie beside it, in Arrow's.
    A context manager.

    Args:
        lake: what is known, and where news are recorded.
        recipe_id: under which it is known.
        memory_bytes: for the tables.

    Example:
        >>> with Inventory(lake, recipe_id) as inventory:  # doctest: +SKIP
        ...     inventory.add(list_sources(["/archive"]))
        ...     inventory.compare(limit=None)
        ...     inventory.record(scan_id)
        ...     jobs = inventory.wanted(0, 1000)
    """

    def __init__(self, lake: Lake, recipe_id: str, memory_bytes: int = MEMORY_BYTES) -> None:
        self.listed = 0
        """Objects of the listing, each counted once."""
        self.planned = 0
        """Of them, to be read."""
        self._lake = lake
        self._catalog = Catalog(lake)
        self._recipe_id = recipe_id
        self._known_files: Mapping[str, TableFiles] = {}
        self._spill_dir = tempfile.TemporaryDirectory(prefix="facesift-inventory-")
        self._connection = self._catalog.connect()
        self._connection.execute(
            f"set memory_limit = '{memory_bytes}B'; set temp_directory = {quoted(self._spill_dir.name)}; "
            "set preserve_insertion_order = false"  # which costs memory; positions keep the order
        )
        self._connection.execute(_CREATED)

    def __enter__(self) -> "Inventory":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop the tables and what of them lies on disk."""
        self._connection.close()
        self._spill_dir.cleanup()

    def add(self, listed: Iterable[Listed], on_listed: Callable[[int], None] = lambda _: None) -> None:
        """Take in the listing; an object that comes twice counts once.

        Args:
            listed: the archives' objects.
            on_listed: told now and then how many there are so far.
        """
        items = iter(listed)
        try:
            while chunk := list(islice(items, CHUNK_ROWS)):
                self._insert(chunk)
                on_listed(self.listed)
        finally:
            # What came before a listing broke off is compared and recorded all the same.
            self._drop_repeated()

    def _insert(self, chunk: list[Listed]) -> None:
        now = datetime.now(UTC)
        columns = {
            "position": range(self.listed, self.listed + len(chunk)),
            "uri": [item.uri for item in chunk],
            "size_bytes": [item.size_bytes for item in chunk],
            "etag": [item.etag for item in chunk],
            "modified_at": [item.modified_at for item in chunk],
            "listed_at": [now] * len(chunk),
            "skip_reason": [item.fate.reason if isinstance(item.fate, Skip) else None for item in chunk],
            "error": [item.fate.error if isinstance(item.fate, Fail) else None for item in chunk],
            "message": [item.fate.message if isinstance(item.fate, Fail) else None for item in chunk],
        }
        rows = pa.table(columns, schema=_LISTED)
        self._connection.register("chunk", rows)
        self._connection.execute("insert into listed from chunk")
        self._connection.unregister("chunk")
        self.listed += len(chunk)

    def _drop_repeated(self) -> None:
        (different,) = self._row("select count(distinct uri) from listed")
        if different != self.listed:
            self._connection.execute(_ONCE)
        self.listed = different

    def compare(self, limit: int | None = None) -> None:
        """Find what is new, and what is to be read: at most so many objects, the first of the listing."""
        self._learn()
        execute = self._connection.execute
        execute(_COMPARED.format(select=plan_statement("compared")))
        execute(f"create or replace temp table reopened as {plan_statement('reopened')}")
        execute(_WANTED.format(limit="all" if limit is None else int(limit)))
        (self.planned,) = self._row("select count(*) from wanted")

    def record(self, scan_id: str) -> None:
        """Commit what is new to the lake's `sources` and, where a place could not be listed, `failures`."""
        parameters = {"scan_id": scan_id, "recipe_id": self._recipe_id}
        now = {"now": datetime.now(UTC)}
        for name, select, values in (
            ("sources", _NEW_SOURCES, parameters | now),
            ("failures", _NEW_FAILURES, parameters),
        ):
            schema = tables()[name].schema
            for batch in self._connection.execute(select, values).to_arrow_reader(COMMIT_ROWS):
                if batch.num_rows:
                    rows = pa.Table.from_batches([batch]).select(schema.names).cast(schema)
                    self._lake.append([Rows(name, rows)])
        self._connection.execute("drop table compared")

    def wanted(self, start: int, stop: int) -> list[Wanted]:
        """Return the objects to be read from the start-th up to the stop-th, in the order of the listing."""
        rows = self._connection.execute(
            "select uri, size_bytes, etag, modified_at, listed_at, failure_error, failure_attempt "
            "from wanted where ordinal >= ? and ordinal < ? order by ordinal",
            [start, stop],
        ).fetchall()
        return [Wanted(*row) for row in rows]

    def contents(self) -> tuple[VideoIds, FinalFailures]:
        """Return which contents the lake knows by now: those that are finished, those that failed finally."""
        self._catalog.refresh(self._connection)
        finished = finished_contents(self._connection, self._recipe_id)
        return finished, FinalFailures(self._connection, self._recipe_id)

    def outcomes(self) -> dict[str, int]:
        """Count what has become of the listed objects by now, by status."""
        self._learn()
        select = f"select status, count(*) from ({plan_statement('outcomes')}) group by status"  # noqa: S608
        return dict(self._connection.execute(select).fetchall())

    def failures_by_reason(self) -> dict[str, int]:
        """Count the listed objects that have failed, under `stage: error`, most frequent first."""
        self._learn()
        select = (
            "select failure_stage || ': ' || failure_error as reason, count(*) as sources "  # noqa: S608
            f"from ({plan_statement('outcomes')}) where status = 'failed' group by reason "
            "order by sources desc, reason"
        )
        return dict(self._connection.execute(select).fetchall())

    def unread(self, since: datetime, at_most: int) -> list[Unread]:
        """Return listed objects that have failed: first those that did so since a time, then by uri."""
        self._learn()
        select = (
            "select uri, failure_stage, failure_error, failure_message, failed_at "  # noqa: S608
            f"from ({plan_statement('outcomes')}) where status = 'failed' order by failed_at < ?, uri limit ?"
        )
        return [Unread(*row) for row in self._connection.execute(select, [since, at_most]).fetchall()]

    def _learn(self) -> None:
        """Ask the lake what it knows; once more when an erasure on demand has removed a file meanwhile."""
        try:
            self._learn_once()
        except (duckdb.IOException, LakeError):
            self._learn_once()

    def _learn_once(self) -> None:
        """Ask the lake, unless it knows what it did when it was asked last."""
        snapshot = self._lake.snapshot()
        files = {name: snapshot[name] for name in _KNOWING}
        if files != self._known_files:
            self._catalog.refresh(self._connection, snapshot)
            self._connection.execute("drop table if exists known")
            selects = {view.name: view.select for view in view_statements()}
            for staged in _STAGED:
                self._connection.execute(f"create or replace view {staged.view} as {selects[staged.view]}")
                self._stage(staged)
                self._connection.execute(f"create or replace view {staged.view} as from staged_{staged.view}")
            parameters = {"recipe_id": self._recipe_id}
            self._connection.execute(f"create temp table known as {plan_statement('known')}", parameters)
            for staged in _STAGED:
                self._connection.execute(f"drop table staged_{staged.view}")
            self._known_files = files

    def _stage(self, staged: _Staged) -> None:
        """Keep a view's rows of the recipe in a table, made from one part after another of those below."""
        execute, table = self._connection.execute, f"raw.{staged.table}"
        (rows,) = self._row(f"select count(*) from {table}")  # noqa: S608 - names from our code
        parts = 1 + rows // PART_ROWS
        execute(f"drop view if exists raw.all_{staged.table}")
        execute(f"alter view {table} rename to all_{staged.table}")
        into = f"create or replace temp table staged_{staged.view} as"
        for part in range(parts):
            where = f"hash({staged.key}) % {parts} = {part}"
            execute(f"create or replace view {table} as from raw.all_{staged.table} where {where}")
            select = f"select {staged.columns} from {staged.view} where recipe_id = $recipe_id"  # noqa: S608
            execute(f"{into} {select}", {"recipe_id": self._recipe_id})
            into = f"insert into staged_{staged.view}"
        execute(f"create or replace view {table} as from raw.all_{staged.table}")

    def _row(self, select: str) -> tuple[Any, ...]:
        row = self._connection.execute(select).fetchone()
        assert row is not None
        return row
