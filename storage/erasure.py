"""Erasure on demand: every row of a content, its pictures, and the old files that still hold them.

First is written down all that it takes to go on from any point: which contents, the hashes of which names,
and until when old files may stay. With that the contents are forgotten: no view shows them and no scan begins
them. Then go their names in scans, their rows, their pictures, and the old files. A run that is killed in
between is finished by asking for the same again, and by the next maintenance.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from storage.catalog import Catalog
from storage.erasable import Erasable, erased_tables, find_contents
from storage.lake import Lake, LakeError
from storage.old_files import (
    Marks,
    OldFile,
    earlier_files,
    holding,
    is_row_file,
    naming_tables,
    old_files,
)
from storage.receipt import FileLeft, Receipt, Selector
from storage.records import Erasure, Forgotten, evidence_folder
from storage.row_changes import delete_rows, literals, redact_scans

# That a forgotten content was listed again is what keeps it from being read again.
_LATE = tuple(table for table in erased_tables() if table != "sources")
_WRITTEN_LATE = f"""
select video_id from forgotten
semi join ({" union all ".join(f"select video_id from raw.{table}" for table in _LATE)}) using (video_id)
order by all
"""  # noqa: S608 - our words
_NAMED_LATE = """
select distinct given.sha256
from (select started_at, sha256(unnest(archives)) as sha256 from raw.scans) as given
-- a scan that began later was given the name anew
inner join (
    select erased_at, unnest(uri_sha256s) as sha256 from erasures where selected_by <> 'late'
) as erased on erased.sha256 = given.sha256 and given.started_at <= erased.erased_at
order by all
"""
_UNFINISHED = "from erasures where not is_finished order by erased_at, receipt_id"
_FORGOTTEN_BY = """
select distinct video_id, video_id in (select video_id from forgotten) as is_forgotten
from raw.forgotten
where receipt_id = ?
"""
_NOT_WRITTEN_DOWN = """
select receipt_id, min(forgotten_at) as erased_at, list(video_id order by video_id) as video_ids
from forgotten
anti join erasures using (receipt_id)
group by receipt_id
order by all
"""


class Eraser:
    """Erases from one lake.

    Args:
        lake: from which.
        grace_h: how long old files with erased rows stay, for readers that have begun and cannot ask again.
    """

    def __init__(self, lake: Lake, grace_h: float = 0.0) -> None:
        self._lake = lake
        self._grace = timedelta(hours=grace_h)

    def erase(self, found: Erasable) -> Receipt:
        """Erase what was found, and store the receipt.

        Raises:
            LakeError: the lake did not take it; ask for the same again.
        """
        receipt = _receipt(found.selected_by, found.asked, found.marks.video_ids)
        receipt = replace(receipt, scans_running=tuple(found.scans_running))
        with self._lake.at_work("erase all of it from"):
            return self._begin(receipt, found.marks)

    def erase_late(self) -> list[Receipt]:
        """Finish erasures that were killed, and erase what a scan wrote that was running during one.

        Returns:
            The receipts; none when there was nothing.

        Raises:
            LakeError: the lake did not take it, or holds a damaged receipt.
        """
        snapshot = self._lake.snapshot()
        if not snapshot["forgotten"].uris and not snapshot["erasures"].uris:
            return []
        with Catalog(self._lake).connect() as connection:
            receipts = [self._go_on(row) for row in self._unfinished(connection)]
            Catalog(self._lake).refresh(connection)
            ids, names = (
                [value for (value,) in connection.execute(select).fetchall()]
                for select in (_WRITTEN_LATE, _NAMED_LATE)
            )
        if ids or names:
            receipts.append(self._begin(_receipt("late", "", ids), Marks(ids, names)))
        return receipts

    def finish(self) -> int:
        """Remove the old files whose time has come; return how many.

        Raises:
            LakeError: a receipt names what is no file of a table.
        """
        now, finished = datetime.now(UTC), 0
        if not self._lake.snapshot()["erasures"].uris:
            return finished
        for row in Catalog(self._lake).view("erasures").to_pylist():
            if not row["files_left"] or row["left_until"] is None or row["left_until"] > now:
                continue
            if strange := [path for path in row["files_left"] if not is_row_file(path)]:
                raise LakeError(
                    f"receipt {row['receipt_id']} names {strange[0]!r}, which is no file of a table of "
                    f"{self._lake.root}: somebody has forged or damaged it; nothing was removed for it"
                )
            tables = {path.partition("/")[0] for path in row["files_left"]}
            written = {table: self._lake.delta.written_at(table) for table in tables}
            counting = {f"{table}/{path}" for table, paths in written.items() for path in paths}
            gone = sum(self._lake.store.purge(path) for path in row["files_left"] if path not in counting)
            removed = row["files_removed"] + gone
            changed = {"files_left": (), "left_until": None, "files_removed": removed, "written_at": now}
            self._lake.append([Erasure(**row | changed)])
            finished += gone
        return finished

    def lift(self, video_id: str) -> bool:
        """Let scans read a forgotten content again; say whether it was forgotten.

        What is left of it is erased before, for it would be shown again.
        """
        with self._lake.at_work("erase all of it from"):
            self.erase_late()
        rows = Catalog(self._lake).view("forgotten", video_id=video_id).to_pylist()
        now = datetime.now(UTC)
        self._lake.append([Forgotten(video_id, row["receipt_id"], now, is_lifted=True) for row in rows])
        return bool(rows)

    def _begin(self, receipt: Receipt, marks: Marks) -> Receipt:
        """Write down what is to be erased, then erase it."""
        left_until = receipt.erased_at + self._grace
        self._lake.append([receipt.first_row(marks.uri_sha256s, left_until), *_forgotten(receipt)])
        return self._erase(receipt, marks, left_until)

    def _unfinished(self, connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
        """Return the rows of erasures that can be gone on with."""
        rows = connection.execute(_UNFINISHED).to_arrow_table().to_pylist()
        for receipt_id, erased_at, ids in connection.execute(_NOT_WRITTEN_DOWN).fetchall():
            receipt = replace(_receipt("unknown", "", ids), receipt_id=receipt_id, erased_at=erased_at)
            self._lake.append([first_row := receipt.first_row((), erased_at)])
            rows.append(asdict(first_row))
        if rows and self._lake.store.keeps_versions is None:
            return [row for row in rows if _stored(row).is_sure_of_versions]
        return rows

    def _go_on(self, row: dict[str, Any]) -> Receipt:
        """Go on with an erasure from what was written down of it, wherever it was killed."""
        receipt = replace(_stored(row), files_removed=row["files_removed"])
        known = Catalog(self._lake).query(_FORGOTTEN_BY, [receipt.receipt_id]).to_pylist()
        is_forgotten = {one["video_id"]: one["is_forgotten"] for one in known}
        self._lake.append([one for one in _forgotten(receipt) if one.video_id not in is_forgotten])
        # What may be read again since is not erased for what was asked before.
        ids = [one for one in receipt.video_ids if is_forgotten.get(one, True)]
        marks = Marks(ids, row["uri_sha256s"])
        if receipt.selected_by != "late":
            found = find_contents(self._lake, marks.video_ids)  # which may have got more names
            marks = replace(marks, uri_sha256s=sorted({*marks.uri_sha256s, *found.marks.uri_sha256s}))
        return self._erase(receipt, marks, row["left_until"] or receipt.erased_at)

    def _erase(self, receipt: Receipt, marks: Marks, left_until: datetime) -> Receipt:
        """Erase names in scans, marked rows, pictures and old files; store the receipt with the account."""
        tables = _LATE if receipt.selected_by == "late" else erased_tables()
        redacted = redact_scans(self._lake, frozenset(marks.uri_sha256s))
        rows = {table: self._delete(table, marks) + receipt.rows.get(table, 0) for table in tables}
        store = self._lake.store
        pictures = sum(map(store.purge, self._pictures(marks)))
        removed: list[OldFile] = []
        left: list[FileLeft] = []
        with Catalog(self._lake).connect() as connection:
            for table in (*tables, "scans"):
                for file in holding(connection, self._lake, old_files(self._lake, table), marks):
                    due_at = max(file.settled_at, left_until)
                    if due_at > datetime.now(UTC):
                        left.append(FileLeft(file.path, due_at))
                    elif store.purge(file.path):
                        removed.append(file)
                # After those, which would be among them now: what was removed from the table long ago.
                earlier = holding(connection, self._lake, earlier_files(self._lake, table), marks)
                removed += [file for file in earlier if store.purge(file.path)]
        receipt = replace(
            receipt,
            rows={table: count for table, count in rows.items() if count},
            scans_redacted=receipt.scans_redacted + redacted,
            pictures=receipt.pictures + pictures,
            files_removed=receipt.files_removed + len(removed),
            bytes_removed=receipt.bytes_removed + sum(file.size_bytes for file in removed),
            files_left=tuple(left),
            is_sure_of_versions=store.keeps_versions is not None,
        )
        self._lake.append([receipt.row(marks.uri_sha256s)])
        return receipt

    def _delete(self, table: str, marks: Marks) -> int:
        """Delete marked rows; a predicate is in the log for ever, so no uri is in one, only its hash."""
        ids, names = marks.video_ids, marks.uri_sha256s if table in naming_tables() else ()
        predicates = [f"video_id in ({part})" for part in literals(ids)]
        predicates += [
            f"video_id is null and encode(sha256(uri), 'hex') in ({part})" for part in literals(names)
        ]
        return sum(delete_rows(self._lake, table, predicate) for predicate in predicates)

    def _pictures(self, marks: Marks) -> Iterator[str]:
        for video_id in marks.video_ids:
            assert re.fullmatch(r"\w+", video_id), f"{video_id!r} is no hash"
            store, folder = self._lake.store, evidence_folder(video_id)
            yield from sorted({kept.path for walk in (store.walk, store.earlier) for kept in walk(folder)})


def _receipt(selected_by: Selector, asked: str, video_ids: Sequence[str]) -> Receipt:
    return Receipt(
        receipt_id=uuid.uuid4().hex,
        selected_by=selected_by,
        asked_sha256=hashlib.sha256(asked.encode()).hexdigest(),
        erased_at=datetime.now(UTC),
        video_ids=tuple(video_ids),
    )


def _stored(row: dict[str, Any]) -> Receipt:
    try:
        return Receipt.from_json(row["receipt_json"])
    except ValueError as error:
        raise LakeError(
            f"receipt {row['receipt_id']} cannot be read: somebody has forged or damaged it; nothing was "
            "erased for it"
        ) from error


def _forgotten(receipt: Receipt) -> list[Forgotten]:
    """Return what says that the contents are forgotten; those of a late receipt are already."""
    ids = receipt.video_ids if receipt.selected_by != "late" else ()
    return [Forgotten(one, receipt.receipt_id, receipt.erased_at) for one in ids]
