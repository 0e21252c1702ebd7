"""Maintenance: few files instead of many, nothing that no view can show, every check.

Scans may go on meanwhile, and readers are not disturbed: what leaves a table stays on disk for `keep_h`.
"""

import glob
import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, ClassVar

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from storage.catalog import Catalog
from storage.delta import COMPRESSION, FAILURES, Changed, explain
from storage.erasure import Eraser
from storage.lake import Lake, LakeError
from storage.old_files import COMMIT_H, result_tables
from storage.records import EVIDENCE
from storage.row_changes import delete_rows, literals
from storage.tables import TableFiles, tables

DUE_FILES = 100
"""A table of so many files is due: each costs a query milliseconds, and a request where it lies in S3."""
MOST_HOURS = 100_000.0
"""Eleven years."""
_WHOLE_H = 24.0
"""From then on, files that no commit mentions are taken for litter: no commit takes a day."""
_PATHS = 10_000
"""Pictures that are looked up at once."""

_SEEN = "create temp table seen (attempt_id varchar, table_name varchar, is_old boolean)"
_SEE = """
insert into seen
select distinct attempt_id, $table, $is_old
from read_parquet($files, union_by_name = true, hive_partitioning = false)
"""
_DEAD = """
create temp table dead as
select table_name, attempt_id
from seen
anti join raw.videos using (attempt_id)
where attempt_id not in (select attempt_id from seen where not is_old)
"""
_POINTED_AT = """
create temp table pointed_at as
select distinct evidence as path from raw.clips anti join dead using (attempt_id)
"""
_LAST_SIGNS = """
select scans.started_at, greatest(scans.started_at, max(signs.at)) as seen_at
from scans
left join (
    select scan_id, committed_at as at from raw.videos
    union all select scan_id, listed_at from raw.sources
    union all select scan_id, failed_at from raw.failures
) as signs using (scan_id)
where scans.finished_at is null
group by scans.scan_id, scans.started_at
"""


@dataclass(frozen=True, slots=True)
class MaintenanceConfig:
    """How long what is not needed any more is kept."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    keep_h: float = 168.0
    """Files that have left a table stay so many hours, for readers that began before."""
    abandoned_h: float = 168.0
    """A scan without an end and without a new row for so many hours is taken for dead."""
    safe_h: float = COMMIT_H
    """What is younger than so many hours is left alone, whatever the scans say: clocks differ."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: a time is negative or beyond all use.
        """
        for name, hours in asdict(self).items():
            if not 0 <= hours <= MOST_HOURS:
                raise ValueError(f"{name} is {hours:g}; give hours from 0 to {MOST_HOURS:g}")


@dataclass(frozen=True, slots=True)
class TableAccount:
    """What maintenance did to a table."""

    name: str
    files_before: int
    files_after: int
    rows_erased: int
    """Of attempts that came to no end."""
    files_removed: int
    """Old ones, whose time was over."""


@dataclass(frozen=True, slots=True)
class MaintenanceAccount:
    """What maintenance did, and what the checks say."""

    lake: str
    tables: tuple[TableAccount, ...]
    attempts_erased: int
    """Tries that never got a `videos` row."""
    pictures_erased: int
    """To which no row pointed."""
    erasures_finished: int
    """Old files removed whose erasure on demand had to wait."""
    late_receipts: tuple[str, ...]
    """Receipts of erasures that were finished, and of rows that came after their content was forgotten."""
    checks: Mapping[str, int]
    """Rows that offend, by check."""
    wall_s: float

    @property
    def is_sound(self) -> bool:
        """True when no check found anything."""
        return not any(self.checks.values())

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**asdict(self), "is_sound": self.is_sound}


def is_due(lake: Lake, files: int = DUE_FILES) -> bool:
    """Say whether some table has become many files."""
    return any(len(table.uris) >= files for table in lake.snapshot().values())


def maintain(lake: Lake, config: MaintenanceConfig | None = None) -> MaintenanceAccount:
    """Bring a lake into order; what it shows stays the same.

    Args:
        lake: may be written and read meanwhile.
        config: None takes the defaults.

    Raises:
        LakeError: a table could not be changed; what was done so far holds.
    """
    with lake.at_work("maintain"):
        return _Maintenance(lake, config or MaintenanceConfig()).run()


class _Maintenance:
    def __init__(self, lake: Lake, config: MaintenanceConfig) -> None:
        self._lake = lake
        self._config = config

    def run(self) -> MaintenanceAccount:
        started_s = time.monotonic()
        files_before = {name: len(files.uris) for name, files in self._lake.snapshot().items()}
        eraser = Eraser(self._lake)
        late = eraser.erase_late()
        finished = eraser.finish()
        with Catalog(self._lake).connect() as connection:
            # A scan that ends now was alive when its last rows came; one that begins now has its row in the
            # snapshot that holds the first of its others.
            alive_before = self._safe_before(connection)
            snapshot = self._lake.snapshot()
            Catalog(self._lake).refresh(connection, snapshot)
            safe_before = min(alive_before, self._safe_before(connection))
            dead = self._find_dead(connection, snapshot, safe_before)
            erased = {name: self._erase_attempts(name, attempts) for name, attempts in dead.items()}
            pictures = self._erase_pictures(connection, safe_before)
        for name in tables():
            self._change(name, _compact)
        removed = {name: self._change(name, self._vacuum) or [] for name in tables()}
        files_after = {name: len(files.uris) for name, files in self._lake.snapshot().items()}
        return MaintenanceAccount(
            lake=self._lake.root,
            tables=tuple(
                TableAccount(
                    name, files_before[name], files_after[name], erased.get(name, 0), len(removed[name])
                )
                for name in tables()
            ),
            attempts_erased=len(set().union(*dead.values())),
            pictures_erased=pictures,
            erasures_finished=finished,
            late_receipts=tuple(receipt.receipt_id for receipt in late),
            checks=Catalog(self._lake).run_checks(),
            wall_s=time.monotonic() - started_s,
        )

    def _find_dead(
        self, connection: duckdb.DuckDBPyConnection, snapshot: Mapping[str, TableFiles], safe_before: datetime
    ) -> Mapping[str, Sequence[str]]:
        """Return the tries that came to no end and never will, by table that holds rows of them."""
        connection.execute(_SEEN)
        for name in result_tables():
            written_at = self._lake.delta.written_at(name)
            files: dict[bool, list[str]] = {True: [], False: []}
            for uri in snapshot[name].uris:
                at = written_at.get(uri.removeprefix(f"{self._lake.delta.uri(name)}/"))
                files[at is not None and at < safe_before].append(glob.escape(uri))
            for is_old, uris in files.items():
                if uris:
                    connection.execute(_SEE, {"table": name, "is_old": is_old, "files": uris})
        connection.execute(_DEAD)
        dead: defaultdict[str, list[str]] = defaultdict(list)
        for name, attempt_id in connection.execute("from dead order by all").fetchall():
            dead[name].append(attempt_id)
        return dead

    def _safe_before(self, connection: duckdb.DuckDBPyConnection) -> datetime:
        """Return before when no scan that may still be running has written anything."""
        now = datetime.now(UTC)
        dead_since = now - timedelta(hours=self._config.abandoned_h)
        signs = connection.execute(_LAST_SIGNS).fetchall()
        started = [started_at for started_at, seen_at in signs if seen_at >= dead_since]
        return min([now, *started]) - timedelta(hours=self._config.safe_h)

    def _erase_attempts(self, table: str, attempts: Sequence[str]) -> int:
        return sum(delete_rows(self._lake, table, f"attempt_id in ({part})") for part in literals(attempts))

    def _erase_pictures(self, connection: duckdb.DuckDBPyConnection, safe_before: datetime) -> int:
        """Erase the pictures to which no row points that counts, or may come to count; return how many."""
        walked = self._lake.store.walk(EVIDENCE.rstrip("/"))
        erased = 0
        connection.execute(_POINTED_AT)
        while batch := list(islice(walked, _PATHS)):
            old = [kept.path for kept in batch if kept.written_at < safe_before]
            connection.register("old", pa.table({"path": pa.array(old, pa.string())}))
            needless = connection.execute("from old anti join pointed_at using (path)").fetchall()
            erased += sum(self._lake.store.remove(path, safe_before) for (path,) in needless)
        return erased

    def _vacuum(self, delta: DeltaTable) -> list[str]:
        return delta.vacuum(
            retention_hours=math.ceil(self._config.keep_h),
            enforce_retention_duration=False,
            dry_run=False,
            full=self._config.keep_h >= _WHOLE_H,
        )

    def _change(self, table: str, change: Callable[[DeltaTable], Changed]) -> Changed | None:
        try:
            return self._lake.delta.change(table, change)
        except FAILURES as error:
            raise LakeError(
                f"could not bring {self._lake.delta.uri(table)} into order: {explain(error)}; run the same "
                "command again"
            ) from error


def _compact(delta: DeltaTable) -> None:
    delta.optimize.compact(writer_properties=COMPRESSION)
