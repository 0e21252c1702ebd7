"""The tables: schema and documentation of each, derived from the records.

A record's docstring gives the grain (its first sentence) and the key; the literal under a field documents it.
"""
# pyright: reportUnknownParameterType=false
# pyarrow comes without types: its classes are named in signatures for the reader.

import inspect
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import attrgetter
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Self, cast, get_args, get_origin, get_type_hints

import pyarrow as pa
from numpy.typing import NDArray

from storage import records
from storage.records import Record
from storage.records.field_docs import field_docs

# In the order in which one append commits them: a row that others hang on comes after them, so that whoever
# sees a `videos` row finds everything that belongs to it.
_RECORDS: dict[str, type[Record]] = {
    # First here are last in a snapshot: one with a content that is being erased holds its tombstone too, and
    # one with a tombstone the erasure that it is of.
    "erasures": records.Erasure,
    "forgotten": records.Forgotten,
    "recipes": records.RecipeRecord,
    "calibrations": records.Calibration,
    "predictions": records.PredictionRecord,
    "evaluations": records.Evaluation,
    "scans": records.Scan,
    "sources": records.Source,
    "shots": records.Shot,
    "boxes": records.Box,
    "tracks": records.Track,
    "findings": records.Finding,
    "answers": records.AnswerRecord,
    "clips": records.Clip,
    "failures": records.Failure,
    "videos": records.Video,
}

_SCALARS: dict[Any, tuple[str, pa.DataType]] = {
    str: ("varchar", pa.string()),
    int: ("bigint", pa.int64()),
    float: ("double", pa.float64()),
    bool: ("boolean", pa.bool_()),
    datetime: ("timestamp with time zone", pa.timestamp("us", "UTC")),
}
# Coordinates come in long lists; float32 holds a pixel of a 16k picture to 1/512.
_ELEMENTS: dict[Any, tuple[str, pa.DataType]] = {**_SCALARS, float: ("float", pa.float32())}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its DuckDB type, its Arrow type, and the sentence that explains it (may be empty)."""

    name: str
    sql_type: str
    arrow_type: pa.DataType
    is_nullable: bool
    doc: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the lake: what a row is, and the key that is unique among the rows that count."""

    name: str
    record: type[Record]
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema, columns in the order of the record's fields."""
        return pa.schema(
            [pa.field(column.name, column.arrow_type, column.is_nullable) for column in self.columns]
        )


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The state of a table in a lake: the columns that it has there, and the Parquet files of its rows."""

    columns: frozenset[str]
    uris: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of one table in columns: a tenth of the memory of records, and nothing to convert at a commit.

    Attributes:
        table: its name.
        columns: in its schema.
    """

    table: str
    columns: pa.Table

    @classmethod
    def of(cls, rows: Sequence[Record]) -> Self:
        """Return records of one class as rows; raises what `to_arrow` raises."""
        return cls(table_of(type(rows[0])).name if rows else "", to_arrow(rows))

    def __len__(self) -> int:
        return self.columns.num_rows

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.columns.nbytes

    def numbers(self, column: str) -> NDArray[Any]:
        """Return a column of numbers, those of lists one after the other; a view of it where that can be."""
        values = pa.concat_arrays(self.columns.column(column).chunks)
        return (values.flatten() if pa.types.is_list(values.type) else values).to_numpy(zero_copy_only=False)

    def strings(self, column: str) -> list[str]:
        """Return a column of strings."""
        return self.columns.column(column).to_pylist()

    def records(self) -> list[Record]:
        """Return the rows as records, as they would be read from the lake."""
        kind = cast("Callable[..., Record]", tables()[self.table].record)
        return [
            kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in row.items()})
            for row in self.columns.to_pylist()
        ]


@cache
def tables() -> Mapping[str, Table]:
    """Return every table by its name, in the order in which an append commits them: `videos` last."""
    return MappingProxyType({name: _table(name, record) for name, record in _RECORDS.items()})


@cache
def table_of(record: type[Record]) -> Table:
    """Return the table that holds rows of a record class, e.g. `tracks` for `Track`."""
    return next(table for table in tables().values() if table.record is record)


def to_arrow(rows: Sequence[Record]) -> pa.Table:
    """Return rows of one record class as an Arrow table in the schema of their table.

    Raises:
        ValueError: There are no rows, they are of several classes, a field that may not be absent is None, or
            a time has no zone.
    """
    kinds = {type(row) for row in rows}
    if len(kinds) != 1:
        names = ", ".join(sorted(kind.__name__ for kind in kinds)) or "none"
        raise ValueError(f"to_arrow takes rows of one record class, got {names}; group them first")
    table = table_of(kinds.pop())
    return pa.Table.from_arrays(
        [_array(table, column, rows) for column in table.columns], schema=table.schema
    )


def gathered(rows: Iterable[Record | Rows]) -> dict[str, pa.Table]:
    """Return rows of any tables as one Arrow table each, in the order in which an append commits them.

    Raises:
        ValueError: A record does not fit its table, see `to_arrow`.
    """
    records_of: defaultdict[type[Record], list[Record]] = defaultdict(list)
    parts: defaultdict[str, list[pa.Table]] = defaultdict(list)
    for row in rows:
        if isinstance(row, Rows):
            parts[row.table].append(row.columns)
        else:
            records_of[type(row)].append(row)
    for kind, of_kind in records_of.items():
        parts[table_of(kind).name].append(to_arrow(of_kind))
    return {name: pa.concat_tables(parts[name]) for name in tables() if name in parts}


def _array(table: Table, column: Column, rows: Sequence[Record]) -> pa.Array:
    values = list(map(attrgetter(column.name), rows))
    if not column.is_nullable and None in values:
        row = rows[values.index(None)]
        raise ValueError(f"{table.name}.{column.name} may not be None, and is in {row}")
    # Arrow would take a time without a zone for UTC, which it rarely is.
    if column.sql_type.startswith("timestamp") and any(value and value.tzinfo is None for value in values):
        raise ValueError(f"{table.name}.{column.name} holds a time without a zone; pass datetime.now(UTC)")
    return pa.array(values, column.arrow_type)


def _table(name: str, record: type[Record]) -> Table:
    text, docs = inspect.getdoc(record) or "", {**records.VOCABULARY, **field_docs(record)}
    (key,) = re.findall(r"^Key: (.+)$", text, re.MULTILINE)
    hints = get_type_hints(record)
    columns = tuple(_column(field, hint, docs.get(field, "")) for field, hint in hints.items())
    return Table(name, record, text.split("\n\n")[0], tuple(key.split(", ")), columns)


def _column(name: str, hint: Any, doc: str) -> Column:
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    (kind,) = (kind for kind in kinds if kind is not NoneType)
    if get_origin(kind) is tuple:
        sql_type, arrow_type = _ELEMENTS[get_args(kind)[0]]
        sql_type, arrow_type = f"{sql_type}[]", pa.list_(pa.field("element", arrow_type, nullable=False))
    else:
        sql_type, arrow_type = _SCALARS[kind]
    return Column(name, sql_type, arrow_type, NoneType in kinds, doc)
