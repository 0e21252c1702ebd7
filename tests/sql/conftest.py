from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from storage.catalog import Catalog
from storage.records import Record
from tests.storage.rows import MadeTables


@pytest.fixture(scope="session")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """One connection for all tests: making the views takes longer than a test."""
    with Catalog(MadeTables(tmp_path_factory.mktemp("none"), [])).connect() as connection:
        connection.execute("set threads = 1")
        yield connection


@pytest.fixture
def select(
    tmp_path: Path, views: duckdb.DuckDBPyConnection
) -> Callable[[str, Sequence[Record] | None], list[tuple[Any, ...]]]:
    """What gives the rows of a query; a test gives its made rows with its first query."""

    def run(sql: str, rows: Sequence[Record] | None = None) -> list[tuple[Any, ...]]:
        if rows is not None:
            Catalog(MadeTables(tmp_path, rows)).refresh(views)
        return views.execute(sql).fetchall()

    return run
