# pyright: reportUnknownParameterType=false
# pyarrow comes without types.

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from flows.display.output import as_format, to_json, write_rows

FORMATS = ["table", "json", "csv", "parquet"]

ROWS = """
    select
        e'a\\nb.mp4' as uri, 1 as frames, 0.123456789::double as score, ['AU1', 'AU2'] as labels,
        timestamptz '2026-01-02 03:04:05+00' as at
    union all
    select null, 1234567, 1, [], timestamptz '2026-01-02 03:04:05+00'
"""


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'; set threads = 1")
        yield connection


class Written:
    """What the rows of a query become in each format."""

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows

    def bytes(self, fmt: str, width: int | None = None) -> bytes:
        out = io.BytesIO()
        write_rows(self._rows, fmt, out, width=width)  # pyright: ignore[reportArgumentType]
        return out.getvalue()

    def table(self, width: int | None = None) -> list[str]:
        return self.bytes("table", width).decode().splitlines()

    def json(self) -> Any:
        return json.loads(self.bytes("json"), parse_constant=pytest.fail)

    def csv(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.bytes("csv").decode())))

    def parquet(self) -> pa.Table:
        return parquet.read_table(io.BytesIO(self.bytes("parquet")))


Select = Callable[[str], Written]


@pytest.fixture
def select(connection: duckdb.DuckDBPyConnection) -> Select:
    def run(sql: str) -> Written:
        return Written(connection.execute(sql).to_arrow_table())

    return run


def test_a_table_keeps_a_row_on_a_line_and_counts_rows(select: Select) -> None:
    assert select(ROWS).table() == [
        "uri          frames     score  labels          at",
        'a\\x0ab.mp4        1  0.123457  ["AU1", "AU2"]  2026-01-02 03:04:05+00:00',
        "            1234567         1  []              2026-01-02 03:04:05+00:00",
        "(2 rows)",
    ]


def test_a_table_without_a_terminal_is_as_wide_as_its_content(select: Select) -> None:
    assert len(select("select repeat('x', 20000) as a, 1 as b").table()[1]) == 20_003


def test_a_table_that_fits_is_drawn_and_a_long_value_folded(select: Select) -> None:
    lines = select("select repeat('x', 70) as hash, 'done' as status").table(width=60)
    assert "done" in lines[1]
    assert len(lines) == 4
    assert "x" * 70 in lines[1].split()[0] + lines[2]


def test_rows_that_are_too_wide_for_a_terminal_become_lists(select: Select) -> None:
    wide = ", ".join(f"'value {column}' as \"column {column}\"" for column in range(20))
    written = select(f"select {wide} union all select {wide}")
    lines = written.table(width=80)
    assert lines[3].endswith("value 3")
    assert "column 3 " in lines[3]
    assert lines[20] == ""
    assert len(lines) == 20 + 1 + 20 + 1
    assert len(written.table()) == 4


def test_json_is_an_array_of_objects(select: Select) -> None:
    first, second = select(ROWS).json()
    assert first == {
        "uri": "a\nb.mp4",
        "frames": 1,
        "score": 0.123456789,
        "labels": ["AU1", "AU2"],
        "at": "2026-01-02T03:04:05+00:00",
    }
    assert second["uri"] is None


def test_csv_holds_lists_as_json(select: Select) -> None:
    first, second = select(ROWS).csv()
    assert first == {
        "uri": "a\nb.mp4",
        "frames": "1",
        "score": "0.123456789",
        "labels": '["AU1", "AU2"]',
        "at": "2026-01-02 03:04:05+00",
    }
    assert second["labels"] == "[]"


def test_parquet_comes_back_equal(select: Select, connection: duckdb.DuckDBPyConnection) -> None:
    assert select(ROWS).parquet().equals(connection.execute(ROWS).to_arrow_table())


@pytest.mark.parametrize("fmt", FORMATS)
def test_no_rows_are_no_error(select: Select, fmt: str) -> None:
    written = select("select 1 as a, ['x'] as b, interval 1 day as c where false").bytes(fmt)
    match fmt:
        case "table":
            assert written == b"a  b  c\n(0 rows)\n"
        case "json":
            assert json.loads(written) == []
        case "csv":
            assert written == b'"a","b","c"\n'
        case _:
            assert parquet.read_table(io.BytesIO(written)).column_names == ["a", "b", "c"]


ALIKE = {
    "170141183460469231731687303715884105727::hugeint": "170141183460469231731687303715884105727",
    "18446744073709551615::ubigint": "18446744073709551615",
    "date '2026-01-02'": "2026-01-02",
    "timestamp_ns '2026-01-02 03:04:05.123456789'": "2026-01-02 03:04:05.123456789",
    "'infinity'::timestamptz": "infinity",
    "'-infinity'::date": "-infinity",
    "date '20000-01-01'": "20000-01-01",
    "interval '3 days 2 hours'": "3 days 02:00:00",
    "[interval 3 days]": "[3 days]",
    "union_value(number := 7)": "7",
    "'7'::enum('7', '8')": "7",
    "'<script>'": "<script>",
    """'"q", ''s'''""": "\"q\", 's'",
    "'größe 日本'": "größe 日本",
}
"""The SQL of a value, and what it is in a table, in JSON and in CSV."""

VALUES: list[tuple[str, str, Any, str]] = [
    *((sql, text, text, text) for sql, text in ALIKE.items()),
    ("null", "", None, ""),
    ("true", "true", True, "true"),
    ("'nan'::double", "nan", None, "nan"),
    ("'-inf'::float", "-inf", None, "-inf"),
    ("['nan'::double]", "[NaN]", [None], "[null]"),
    (
        "12345678901234567.89::decimal(30,2)",
        "12345678901234567.89",
        1.2345678901234568e16,
        "12345678901234567.89",
    ),
    ("1.50::decimal(9,2)", "1.50", 1.5, "1.50"),
    (r"'\xAA\x00\xFF'::blob", "aa00ff", "aa00ff", "aa00ff"),
    (r"['\xAA'::blob]", '["aa"]', ["aa"], '["aa"]'),
    ("time '10:00:01'", "10:00:01", "10:00:01", "10:00:01.000000"),
    (
        "timestamp '2026-01-02 03:04:05.5'",
        "2026-01-02 03:04:05",
        "2026-01-02T03:04:05.500000",
        "2026-01-02 03:04:05.5",
    ),
    (
        "{'a': 1, 'b': {'c': [null]}}",
        '{"a": 1, "b": {"c": [null]}}',
        {"a": 1, "b": {"c": [None]}},
        '{"a": 1, "b": {"c": [null]}}',
    ),
    ("map {'x': 1}", '[["x", 1]]', [["x", 1]], '[["x", 1]]'),
    (
        "{'at': timestamp '2026-01-02'}",
        '{"at": "2026-01-02T00:00:00"}',
        {"at": "2026-01-02T00:00:00"},
        '{"at": "2026-01-02T00:00:00"}',
    ),
    ("'safe' || chr(8238) || '4pm'", "safe\\x202e4pm", "safe\u202e4pm", "safe\u202e4pm"),
    ("chr(27) || '[31m'", "\\x1b[31m", "\x1b[31m", "\x1b[31m"),
]
"""The same where it differs."""


@pytest.mark.parametrize(("sql", "cell", "value", "field"), VALUES)
def test_a_value_is_whole_in_every_format(
    select: Select, sql: str, cell: str, value: Any, field: str
) -> None:
    written = select(f"select {sql} as it, 1 as beside")
    assert written.table()[1].removesuffix("1").strip() == cell
    (row,) = written.json()
    assert row["it"] == (int(value) if isinstance(row["it"], int) and value is not True else value)
    assert written.csv()[0]["it"] == field
    assert written.parquet().column_names == ["it", "beside"]


def test_columns_of_one_name_are_told_apart(select: Select) -> None:
    written = select("select 1 as a, 2 as a_1, 3 as a, 4 as a")
    assert written.json() == [{"a": 1, "a_1": 2, "a_2": 3, "a_3": 4}]
    assert written.table()[0].split() == ["a", "a_1", "a_2", "a_3"]
    assert written.csv() == [{"a": "1", "a_1": "2", "a_2": "3", "a_3": "4"}]
    assert written.parquet().column_names == ["a", "a_1", "a_2", "a_3"]


def test_a_name_of_a_column_stays_on_its_line(select: Select) -> None:
    assert select('select 1 as "a\nb"').table()[0] == "a\\x0ab"


def test_formats_have_names_and_parquet_is_not_for_a_terminal() -> None:
    assert [as_format(name, is_terminal=False) for name in FORMATS] == FORMATS
    with pytest.raises(ValueError, match="there is no format xml; give one of table, json, csv, parquet"):
        as_format("xml", is_terminal=False)
    with pytest.raises(ValueError, match="not for a terminal"):
        as_format("parquet", is_terminal=True)


def test_json_has_no_number_that_json_has_not() -> None:
    assert json.loads(to_json({"a": [float("nan"), (float("inf"), 1)]}), parse_constant=pytest.fail) == {
        "a": [None, [None, 1]]
    }
