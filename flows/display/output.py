"""How results are printed: tables for people, JSON, CSV and Parquet for programs."""
# pyright: reportUnknownParameterType=false
# pyarrow comes without types.

import json
import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import count
from typing import Any, BinaryIO, Literal, cast, get_args

import duckdb
import pyarrow as pa
import pyarrow.csv as arrow_csv
from duckdb.sqltypes import VARCHAR
from pyarrow import parquet
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.summary import printable

Format = Literal["table", "json", "csv", "parquet"]

_LEGIBLE = 16
"""Characters that a column keeps where a table is too wide; with less, rows are drawn as lists instead."""


def as_format(name: str, *, is_terminal: bool) -> Format:
    """Return the format of a name.

    Raises:
        ValueError: there is no such format, or it is binary and would go to a terminal.
    """
    if name == "parquet" and is_terminal:
        raise ValueError("Parquet is not for a terminal; give --output FILE or redirect the output")
    if name not in get_args(Format):
        raise ValueError(f"there is no format {name}; give one of {', '.join(get_args(Format))}")
    return cast("Format", name)


def write_rows(rows: pa.Table, fmt: Format, out: BinaryIO, *, width: int | None = None) -> None:
    """Write rows to a binary stream.

    What a format cannot hold becomes text: intervals and unions in all of them; lists and records (as JSON),
    bytes (as hexadecimal digits) and times in CSV. Of columns of one name the later ones get a number.

    Args:
        rows: of any columns.
        fmt: `table` for people; `json`, an array of objects; `csv`; `parquet`.
        out: where to.
        width: of the terminal in characters; None where there is none, and a table may be of any width.
    """
    rows = _named_apart(rows)
    rows = pa.table([_known(column) for column in rows.columns], names=rows.column_names)
    match fmt:
        case "parquet":
            parquet.write_table(rows, out)
        case "csv":
            columns = [_flat(column) for column in rows.columns]
            arrow_csv.write_csv(pa.table(columns, names=rows.column_names), out)
        case "json":
            records = [dict(zip(rows.column_names, row, strict=True)) for row in _values(rows)]
            out.write(to_json(records).encode() + b"\n")
        case "table":
            out.write(_draw(rows, width).encode(errors="backslashreplace"))


def to_json(value: Any) -> str:
    """Return indented JSON; times as ISO 8601, bytes as hexadecimal digits, NaN and infinity as null."""
    return json.dumps(_finite(value), indent=2, ensure_ascii=False, default=_plain, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in cast("list[Any]", value)]
    return value


def _named_apart(rows: pa.Table) -> pa.Table:
    """Return the rows with a number behind the second and later columns of one name."""
    taken = set(rows.column_names)
    names: list[str] = []
    for name in rows.column_names:
        numbered = (f"{name}_{number}" for number in count(1))
        names.append(next(new for new in numbered if new not in taken) if name in names else name)
        taken.add(names[-1])
    return rows.rename_columns(names)


def _known(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column, as text when it is of a type that neither Python nor Parquet has."""
    return _as_text(column) if _is_foreign(column.type) else column


def _is_foreign(kind: pa.DataType) -> bool:
    if kind == pa.month_day_nano_interval() or isinstance(kind, pa.BaseExtensionType):
        return True
    inner = (kind.field(index).type for index in range(kind.num_fields))
    return pa.types.is_union(kind) or any(_is_foreign(one) for one in inner)


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as DuckDB writes its values: it knows all that can come out of it."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        values = connection.from_arrow(pa.table({"value": column}))
        text = values.select(duckdb.ColumnExpression("value").cast(VARCHAR))
        return text.to_arrow_table().column(0)


def _values(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(_of_python(column) for column in rows.columns), strict=True)


def _of_python(column: pa.ChunkedArray) -> Sequence[Any]:
    try:
        return column.to_pylist()
    except (ValueError, OverflowError):  # times that Python has not: infinite, of year 10000, of nanoseconds
        return _as_text(column).to_pylist()


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of something that CSV can hold."""
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _as_text(column)
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        texts = [None if value is None else _as_line(_finite(value)) for value in _of_python(column)]
        return pa.chunked_array([pa.array(texts, pa.string())])
    return column


def _draw(rows: pa.Table, width: int | None) -> str:
    """Return the rows as a table, or as lists where a table would be illegible, and their number."""
    names = [printable(name) for name in rows.column_names]
    cells = [tuple(map(_cell, row)) for row in _values(rows)]
    widths = [max(map(cell_len, column)) + 2 for column in zip(names, *cells, strict=True)]
    needed = [
        max(cell_len(name) + 2, min(of_column, _LEGIBLE))
        for name, of_column in zip(names, widths, strict=True)
    ]
    console = Console(width=width or sum(widths), no_color=width is None, force_terminal=width is not None)
    if width is not None and sum(needed) - 2 > width:
        drawn = [line for number, row in enumerate(cells) for line in _listed(names, row, number)]
    else:
        drawn = [_table(names, rows.schema.types, cells)]
    with console.capture() as capture:
        console.print(*drawn, sep="\n")
    lines = "".join(line.rstrip() + "\n" for line in capture.get().splitlines())
    return f"{lines}({rows.num_rows:,} row{'' if rows.num_rows == 1 else 's'})\n"


def _table(names: Sequence[str], kinds: Sequence[pa.DataType], cells: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, kind in zip(names, kinds, strict=True):
        is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        table.add_column(Text(name), justify="right" if is_number else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def _listed(names: Sequence[str], row: Sequence[str], number: int) -> Iterator[Text]:
    """Yield a row's lines: one per column, after a blank one between two rows."""
    if number:
        yield Text()
    width = max(map(cell_len, names))
    for name, cell in zip(names, row, strict=True):
        yield Text(name + " " * (width - cell_len(name) + 2), style="bold") + Text(cell, style="not bold")


def _cell(value: Any) -> str:
    """Return a value on one line; control characters of hostile names are made visible."""
    match value:
        case None:
            return ""
        case float():
            return f"{value:.6g}"
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case Decimal():
            return f"{value:f}"
        case _:
            return printable(_as_line(value))


def _as_line(value: Any) -> str:
    """Return a string as it is, and any other value as JSON without quotes around it."""
    plain = _plain(value) if isinstance(value, bytes | date | time) else value
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)
