"""Erasure on demand: every row of a content, its pictures, and the old files that still hold them.

First the contents are written down as forgotten: from then on no view shows them and no scan begins them.
Then go their rows, their pictures, and the old files. A run that is killed in between is finished by asking
for the same again, and by the next maintenance.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from deltalake import DeltaTable

from storage.catalog import Catalog
from storage.delta import COMPRESSION, FAILURES, explain
from storage.erasable import Erasable, erased_tables
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
from storage.records import Erasure, Forgotten, Scan, evidence_folder

REDACTED = "(erased)"
"""In the archives of a scan, in place of a source's name."""
BATCH = 2000
"""Ids per deletion; each rewrites the files that hold them."""


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
        receipt = _begin(found.selected_by, found.asked, found.marks)
        self._forget(receipt)
        with self._lake.at_work("erase all of it from"):
            self._redact(found)
            receipt = self._erase(receipt, found.marks, erased_tables())
        receipt = replace(
            receipt, scans_redacted=len(found.scan_ids), scans_running=tuple(found.scans_running)
        )
        self._lake.append([receipt.row()])
        return receipt

    def erase_late(self) -> list[Receipt]:
        """Erase what is there of forgotten contents: an erasure was killed, or a scan was running during one.

        Returns:
            The receipts; none when there was nothing.
        """
        unfinished = "select video_id from forgotten anti join erasures using (receipt_id) order by all"
        # That a forgotten content was listed again is what keeps it from being read again.
        late = [table for table in erased_tables() if table != "sources"]
        rows = " union all ".join(f"select video_id from raw.{table}" for table in late)  # noqa: S608
        written = f"select video_id from forgotten semi join ({rows}) using (video_id) order by all"  # noqa: S608
        receipts: list[Receipt] = []
        if not self._lake.snapshot()["forgotten"].uris:
            return receipts
        for select, tables in ((unfinished, erased_tables()), (written, late)):
            marks = Marks(Catalog(self._lake).query(select)["video_id"].to_pylist())
            if marks.video_ids:
                receipt = _begin("late", "", marks)
                self._forget(receipt)
                receipts.append(self._erase(receipt, marks, tables))
                self._lake.append([receipts[-1].row()])
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
            if row["left_until"] is None or row["left_until"] > now:
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
        """Let scans read a forgotten content again; say whether it was forgotten."""
        rows = Catalog(self._lake).view("forgotten", video_id=video_id).to_pylist()
        now = datetime.now(UTC)
        self._lake.append([Forgotten(video_id, row["receipt_id"], now, is_lifted=True) for row in rows])
        return bool(rows)

    def _forget(self, receipt: Receipt) -> None:
        self._lake.append(
            [Forgotten(one, receipt.receipt_id, receipt.erased_at) for one in receipt.video_ids]
        )

    def _erase(self, receipt: Receipt, marks: Marks, tables: Sequence[str]) -> Receipt:
        """Erase marked rows, pictures and old files; return the receipt with the account of it."""
        rows = {table: self._delete(table, marks) for table in tables}
        store = self._lake.store
        pictures = sum(map(store.purge, self._pictures(marks)))
        removed: list[OldFile] = []
        left: list[FileLeft] = []
        with Catalog(self._lake).connect() as connection:
            for table in (*tables, "scans"):
                for file in holding(connection, self._lake, old_files(self._lake, table), marks):
                    due_at = max(file.settled_at, receipt.erased_at + self._grace)
                    if due_at > datetime.now(UTC):
                        left.append(FileLeft(file.path, due_at))
                    elif store.purge(file.path):
                        removed.append(file)
                # After those, which would be among them now: what was removed from the table long ago.
                earlier = holding(connection, self._lake, earlier_files(self._lake, table), marks)
                removed += [file for file in earlier if store.purge(file.path)]
        return replace(
            receipt,
            rows={table: count for table, count in rows.items() if count},
            pictures=pictures,
            files_removed=len(removed),
            bytes_removed=sum(file.size_bytes for file in removed),
            files_left=tuple(left),
            is_sure_of_versions=store.keeps_versions is not None,
        )

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

    def _redact(self, found: Erasable) -> None:
        """Take erased names out of the runs that had been given them."""
        for scan_id in found.scan_ids:
            (row,) = Catalog(self._lake).view("scans", scan_id=scan_id).to_pylist()
            archives = tuple(REDACTED if name in found.names else name for name in row["archives"])
            delete_rows(self._lake, "scans", f"scan_id in ({_literal(scan_id)})")
            self._lake.append([Scan(**row | {"archives": archives})])


def delete_rows(lake: Lake, table: str, predicate: str) -> int:
    """Delete rows of a table in a new version of it; return how many.

    Args:
        lake: where.
        table: its name.
        predicate: in the SQL of DataFusion.

    Raises:
        LakeError: the table did not take it.
    """

    def delete(delta: DeltaTable) -> int:
        return delta.delete(predicate, writer_properties=COMPRESSION)["num_deleted_rows"]

    try:
        return lake.delta.change(table, delete) or 0
    except FAILURES as error:
        raise LakeError(
            f"could not delete rows of {lake.delta.uri(table)}: {explain(error)}; run the same command again"
        ) from error


def _begin(selected_by: Selector, asked: str, marks: Marks) -> Receipt:
    return Receipt(
        receipt_id=uuid.uuid4().hex,
        selected_by=selected_by,
        asked_sha256=hashlib.sha256(asked.encode()).hexdigest(),
        erased_at=datetime.now(UTC),
        video_ids=tuple(marks.video_ids),
    )


def literals(values: Sequence[str]) -> Iterator[str]:
    """Yield ids as lists of SQL literals, each of a length that a statement takes."""
    for start in range(0, len(values), BATCH):
        yield ", ".join(map(_literal, values[start : start + BATCH]))


def _literal(value: str) -> str:
    assert re.fullmatch(r"[\w-]+", value), f"{value!r} is no hash"
    return f"'{value}'"
