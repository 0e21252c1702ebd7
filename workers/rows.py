"""Rows on their way to the lake: in columns from where they are made, refused there if they do not fit."""

from collections import defaultdict
from collections.abc import Iterable

from storage.records import Record
from storage.tables import Rows, table_of
from workers.failure import SourceError


def rows_by_table(records: Iterable[Record]) -> tuple[Rows, ...]:
    """Return records in columns, those of each table together.

    Raises:
        SourceError: stage `commit`: a record does not fit its table, and would refuse all others with it.
    """
    by_kind: defaultdict[type[Record], list[Record]] = defaultdict(list)
    for record in records:
        by_kind[type(record)].append(record)
    return tuple(_rows(kind, of_kind) for kind, of_kind in by_kind.items())


def _rows(kind: type[Record], records: list[Record]) -> Rows:
    try:
        return Rows.of(records)
    except (ValueError, TypeError, OverflowError) as error:
        message = f"its rows do not fit the table {table_of(kind).name}: {error}"
        raise SourceError("commit", message, type(error).__name__) from error
