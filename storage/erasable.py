"""What an erasure on demand would take: contents by their id, sources by their name, or all that is old."""

import hashlib
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa

from storage.archive import archive_uri
from storage.catalog import Catalog
from storage.lake import Lake
from storage.old_files import Marks, naming_tables, result_tables
from storage.patterns import meant_by
from storage.receipt import Selector

_KNOWN = """
create temp table known as
-- wherever a uri and a content were seen together, and uris of which the content is not known
select uri, video_id, listed_at, null::timestamptz as committed_at from raw.sources
union all
select uri, video_id, null, committed_at from raw.videos
union all
select uri, video_id, null, null from raw.failures
union all
select uri, video_id, null, null from raw.predictions
"""
_OF_VIDEO = "select distinct video_id from known where video_id = ?"
_OF_NAMES = "select distinct video_id from known semi join named using (uri) where video_id is not null"
_OF_OLD = """
select video_id from known
where video_id is not null
group by video_id
-- by its results; one that has none, by when it was last listed as new or changed, or read
having coalesce(max(committed_at), max(listed_at)) < $before
"""
_OLD_NAMES = """
select uri from known
group by uri
having max(listed_at) < $before and count(video_id) = 0
"""
_NAMES_OF_CONTENTS = "insert into named select distinct uri from known semi join meant using (video_id)"
_GIVEN = "select distinct unnest(archives) from raw.scans"
_MEANT_BY_SCANS = """
create temp table given as
select given_as from archives semi join named using (uri)
union
-- an older facesift kept what was typed: from somewhere it means a source whose uri ends so
select given_as from archives
inner join named
    on split_part(named.uri, '/', -1) = split_part(archives.ending, '/', -1)
    and ends_with(named.uri, archives.ending)
"""
_SCANS = """
select scan_id from scans where list_has_any(archives, (select list(given_as) from given)) order by all
"""


Mean = Callable[[duckdb.DuckDBPyConnection], object]
"""Makes the table `meant`, of contents, from `known` and `named`; may add to `named`, of uris."""


@dataclass(frozen=True, slots=True)
class Erasable:
    """What is to be erased.

    Attributes:
        selected_by: what was asked for.
        asked: the video id, the pattern, or the date.
        marks: tells the rows.
        names: uris that are to be in no row any more; what else stood for them in scans is in the marks.
        rows: how many there are, by table, old versions not counted.
        scan_ids: runs that were given one of the names.
        scans_running: runs without an end.
    """

    selected_by: Selector
    asked: str
    marks: Marks
    names: frozenset[str]
    rows: Mapping[str, int]
    scan_ids: tuple[str, ...]
    scans_running: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """True when the lake holds nothing of what was asked for."""
        return not self.rows and not self.scan_ids


def erased_tables() -> tuple[str, ...]:
    """Return the tables that an erasure changes, in its order: what others hang on comes after them."""
    return ("videos", *result_tables(), *naming_tables())


def find_video(lake: Lake, video_id: str) -> Erasable:
    """Return all that a lake holds of a content, under whatever name and recipe."""

    def mean(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"create temp table meant as {_OF_VIDEO}", [video_id])

    return _find(lake, "video", video_id, (), mean)


def find_contents(lake: Lake, video_ids: Sequence[str]) -> Erasable:
    """Return all that a lake holds of contents whose erasure has begun, whether or not it holds anything."""

    def mean(connection: duckdb.DuckDBPyConnection) -> None:
        connection.register("begun", pa.table({"video_id": pa.array(video_ids, pa.string())}))
        connection.execute("create temp table meant as select video_id from begun")

    return _find(lake, "unknown", "", (), mean)


def find_sources(lake: Lake, pattern: str) -> Erasable:
    """Return all that a lake holds of every source whose uri matches, copies of their contents included.

    Args:
        lake: where.
        pattern: as `*/night/*.mp4`, or a whole uri; see `storage.patterns.meant_by`.
    """

    def mean(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"create temp table meant as {_OF_NAMES}")

    return _find(lake, "source", pattern, _matching(lake, pattern), mean)


def find_before(lake: Lake, before: datetime) -> Erasable:
    """Return all contents whose every result was committed before a time.

    Also those without a result, and sources whose content is not known, that were last listed as new or
    changed, or read, before it.
    """

    def mean(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"create temp table meant as {_OF_OLD}", {"before": before})
        connection.execute(f"insert into named {_OLD_NAMES}", {"before": before})

    return _find(lake, "before", before.isoformat(), (), mean)


def _find(lake: Lake, selected_by: Selector, asked: str, names: Iterable[str], mean: Mean) -> Erasable:
    with lake.at_work("look through"), Catalog(lake).connect() as connection:
        connection.execute(_KNOWN)
        connection.register("names", pa.table({"uri": pa.array(names, pa.string())}))
        connection.execute("create temp table named as select uri from names")
        mean(connection)
        connection.execute(_NAMES_OF_CONTENTS)
        uris = [uri for (uri,) in connection.execute("select distinct uri from named").fetchall()]
        ids = [video_id for (video_id,) in connection.execute("from meant order by all").fetchall()]
        names_known = [*uris, *_given(connection)]
        marks = Marks(tuple(ids), tuple(hashlib.sha256(name.encode()).hexdigest() for name in names_known))
        counts = {table: _count(connection, table) for table in erased_tables()}
        scan_ids = connection.execute(_SCANS).fetchall()
        running = connection.execute("select scan_id from scans where finished_at is null order by all")
        return Erasable(
            selected_by=selected_by,
            asked=asked,
            marks=marks,
            names=frozenset(uris),
            rows={table: count for table, count in counts.items() if count},
            scan_ids=tuple(scan_id for (scan_id,) in scan_ids),
            scans_running=tuple(scan_id for (scan_id,) in running.fetchall()),
        )


def _given(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Make the table `given`; return what in it is not the uri itself: how else scans were given a source."""
    archives = [place for (place,) in connection.execute(_GIVEN).fetchall()]
    columns = {
        "given_as": archives,
        "uri": [archive_uri(place) for place in archives],
        "ending": [_ending(place) for place in archives],
    }
    schema = pa.schema([pa.field(name, pa.string()) for name in columns])
    connection.register("archives", pa.table(columns, schema))
    connection.execute(_MEANT_BY_SCANS)
    return [name for (name,) in connection.execute("from given anti join named on given_as = uri").fetchall()]


def _ending(place: str) -> str | None:
    """Return what the uri ends with that is meant by a relative path; None for any other place."""
    if "://" in place or place.startswith("/"):
        return None
    ending = posixpath.normpath(place)
    while ending.startswith("../"):
        ending = ending.removeprefix("../")
    return None if ending in {".", ".."} else f"/{ending}"


def _matching(lake: Lake, pattern: str) -> list[str]:
    with lake.at_work("look through"), Catalog(lake).connect() as connection:
        connection.execute(_KNOWN)

        def is_source(uri: str) -> bool:
            return bool(connection.execute("select 1 from known where uri = ? limit 1", [uri]).fetchall())

        is_meant = meant_by(pattern, is_source)
        found = connection.execute("select distinct uri from known").to_arrow_reader(10_000)
        return [uri for batch in found for uri in batch["uri"].to_pylist() if is_meant(uri)]


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    names = "or video_id is null and uri in (from named)" if table in naming_tables() else ""
    select = f"select count(*) from raw.{table} where video_id in (from meant) {names}"  # noqa: S608 - our words
    row = connection.execute(select).fetchone()
    assert row is not None
    return row[0]
