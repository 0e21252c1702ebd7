"""How results are printed: tables for people, JSON, CSV and Parquet for programs."""
# pyright: reportUnknownParameterType=false
# pyarrow comes without types.

import json
import math
import sys
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO, Literal, cast, get_args

import pyarrow as pa
import pyarrow.csv as arrow_csv
from pyarrow import parquet
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.summary import printable

Format = Literal["table", "json", "csv", "parquet"]


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


def write_rows(rows: pa.Table, fmt: Format, out: BinaryIO) -> None:
    """Write rows to a binary stream.

    Args:
        rows: of any columns.
        fmt: `table` for a terminal; `json`, an array of objects; `csv`, with lists and records as JSON in
            their fields; `parquet`.
        out: where to.
    """
    rows = _named_apart(rows)
    match fmt:
        case "parquet":
            parquet.write_table(rows, out)
        case "csv":
            arrow_csv.write_csv(_flat(rows), out)
        case "json":
            out.write(to_json(rows.to_pylist()).encode() + b"\n")
        case "table":
            out.write(_draw(rows).encode())


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
    seen: Counter[str] = Counter()
    names: list[str] = []
    for name in rows.column_names:
        names.append(f"{name}_{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return rows.rename_columns(names)


def _draw(rows: pa.Table) -> str:
    """Return a text table; wide as the terminal, or as wide as its content when there is none."""
    is_terminal = sys.stdout.isatty()
    console = Console(width=None if is_terminal else 10_000, no_color=not is_terminal)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, kind in zip(rows.column_names, rows.schema.types, strict=True):
        is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        table.add_column(Text(name), justify="right" if is_number else "left", overflow="fold")
    for row in rows.to_pylist():
        table.add_row(*(Text(_cell(value)) for value in row.values()))
    with console.capture() as capture:
        console.print(table)
    lines = "".join(line.rstrip() + "\n" for line in capture.get().splitlines())
    return f"{lines}({rows.num_rows} row{'' if rows.num_rows == 1 else 's'})\n"


def _cell(value: Any) -> str:
    """Return a value on one line; control characters of hostile names are made visible."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_plain)
    return printable(text)


def _flat(rows: pa.Table) -> pa.Table:
    """Return the rows with nested columns as JSON text, which is all that CSV can hold."""
    columns: list[Any] = []
    for column in rows.columns:
        if pa.types.is_nested(column.type):
            values = [
                None if value is None else json.dumps(value, default=_plain) for value in column.to_pylist()
            ]
            columns.append(pa.array(values, pa.string()))
        else:
            columns.append(column)
    return pa.table(columns, names=rows.column_names)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)
