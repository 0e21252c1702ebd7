"""Changes of rows that are there, each a new version of a table: deletions, and names taken out of runs."""
# pyright: reportUnknownParameterType=false
# pyarrow comes without types.

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from storage.delta import COMPRESSION, FAILURES, explain
from storage.lake import Lake, LakeError

REDACTED = "(erased)"
"""In the archives of a scan, in place of a source's name."""
BATCH = 2000
"""Ids per deletion; each rewrites the files that hold them."""


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

    return change_rows(lake, table, delete)


def change_rows(lake: Lake, table: str, change: Callable[[DeltaTable], int]) -> int:
    """Change rows of a table in a new version of it; return how many, as the change does.

    Raises:
        LakeError: the table did not take it.
    """
    try:
        return lake.delta.change(table, change) or 0
    except FAILURES as error:
        raise LakeError(
            f"could not change rows of {lake.delta.uri(table)}: {explain(error)}; run the same command again"
        ) from error


def redact_scans(lake: Lake, sha256s: frozenset[str]) -> int:
    """Take names out of the archives of runs; return how many runs had one.

    Args:
        lake: where.
        sha256s: of the names, in hexadecimal.

    Raises:
        LakeError: the table did not take it.
    """

    def redact(scans: DeltaTable) -> int:
        # Of the very version that is changed: a run that ends meanwhile makes this commit fail, not its own.
        found = scans.to_pyarrow_table()
        rows = [(row, _redacted(row["archives"], sha256s)) for row in found.to_pylist()]
        named = sorted({row["scan_id"] for row, archives in rows if archives != row["archives"]})[:BATCH]
        if named:
            changed = [row | {"archives": archives} for row, archives in rows if row["scan_id"] in named]
            # In one commit: after a deletion alone, a kill would lose the run.
            write_deltalake(
                scans,
                pa.Table.from_pylist(changed, found.schema),
                mode="overwrite",
                predicate=f"scan_id in ({', '.join(map(_literal, named))})",
                writer_properties=COMPRESSION,
            )
        return len(named)

    redacted = 0
    while sha256s:
        redacted += (count := change_rows(lake, "scans", redact))
        if count < BATCH:
            break
    return redacted


def literals(values: Sequence[str]) -> Iterator[str]:
    """Yield ids as lists of SQL literals, each of a length that a statement takes."""
    for start in range(0, len(values), BATCH):
        yield ", ".join(map(_literal, values[start : start + BATCH]))


def _literal(value: str) -> str:
    assert re.fullmatch(r"[\w-]+", value), f"{value!r} is no hash"
    return f"'{value}'"


def _redacted(archives: Sequence[str], sha256s: frozenset[str]) -> list[str]:
    return [REDACTED if hashlib.sha256(name.encode()).hexdigest() in sha256s else name for name in archives]
