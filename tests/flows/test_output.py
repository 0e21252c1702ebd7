import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from flows.output import write_rows

ROWS = pa.table(
    {
        "uri": ["a\nb.mp4", None],
        "frames": [1, 1234567],
        "score": [0.123456789, 1.0],
        "labels": [["AU1", "AU2"], []],
        "at": [datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)] * 2,
    }
)


def written(fmt: str) -> bytes:
    out = io.BytesIO()
    write_rows(ROWS, fmt, out)  # pyright: ignore[reportArgumentType]
    return out.getvalue()


def test_table_keeps_a_row_on_a_line_and_counts_rows() -> None:
    lines = written("table").decode().splitlines()
    assert len(lines) == 4
    assert "a\\x0ab.mp4" in lines[1]
    assert "0.123457" in lines[1]
    assert lines[-1] == "(2 rows)"


def test_json_is_an_array_of_objects() -> None:
    rows = json.loads(written("json"))
    assert rows[0] == {
        "uri": "a\nb.mp4",
        "frames": 1,
        "score": 0.123456789,
        "labels": ["AU1", "AU2"],
        "at": "2026-01-02T03:04:05+00:00",
    }
    assert rows[1]["uri"] is None


def test_csv_holds_lists_as_json() -> None:
    text = written("csv").decode()
    assert '"[""AU1"", ""AU2""]"' in text


def test_parquet_comes_back_equal() -> None:
    assert parquet.read_table(io.BytesIO(written("parquet"))).equals(ROWS)


@pytest.mark.parametrize("fmt", ["table", "json", "csv", "parquet"])
def test_no_rows_are_no_error(fmt: str) -> None:
    out = io.BytesIO()
    write_rows(ROWS.slice(0, 0), fmt, out)  # pyright: ignore[reportArgumentType]
    assert out.getvalue()
