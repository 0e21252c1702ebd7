"""Several that write a lake at once, readers meanwhile, and software of several ages."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

import storage.delta as delta_module
from storage.catalog import Catalog
from storage.lake import Lake
from storage.store import FolderStore
from storage.tables import Table, tables, to_arrow
from tests.storage.rows import recipe, source, video


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_a_lake_is_whole_whenever_it_is_read_while_it_is_written(lake: Lake) -> None:
    lake.append([recipe()])

    def write() -> None:
        for number in range(8):
            name = f"v{number}"
            Lake(lake.root).append([source(f"/{name}.mp4", video_id=name), *video(name, f"/{name}.mp4")])

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        seen: list[int] = []
        while not writing.done():
            frozen = Catalog(lake).frozen()
            assert set(frozen.run_checks().values()) == {0}
            seen.append(frozen.view("videos").num_rows)
        writing.result()
    assert seen == sorted(seen)
    assert Catalog(lake).view("videos").num_rows == 8


def _append_many(root: str, start: Any, process: int, appends: int) -> None:
    start.wait()
    for number in range(appends):
        name = f"p{process}-{number}"
        Lake(root).append(
            [source(f"/{name}.mp4", video_id=name), *video(name, f"/{name}.mp4", attempt_id=name)]
        )


def test_two_processes_make_a_lake_and_append_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2, timeout=30)
    root = str(tmp_path / "lake")
    processes = [context.Process(target=_append_many, args=(root, start, index, 4)) for index in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    lake = Lake.open(root)
    written = set(Catalog(lake).view("videos")["video_id"].to_pylist())
    assert written == {f"p{process}-{number}" for process in range(2) for number in range(4)}
    with Catalog(lake).connect() as connection:
        assert connection.sql("from checks.counts_match").fetchall() == []
        assert connection.sql("select count(*) from sources where status = 'done'").fetchall() == [(8,)]


def _append_at_once(root: str, start: Any, process: int, tables_: int) -> None:
    for number in range(tables_):
        batch = to_arrow([source(f"/{process}.mp4")])
        start.wait()
        folder = f"{root}/{number}"
        delta_module.DeltaTables(folder, FolderStore(Path(folder))).append(tables()["sources"], batch)


def _older(table: Table, without: str) -> Any:
    return table.schema.remove(table.schema.get_field_index(without))


@pytest.mark.parametrize("is_older", [False, True], ids=["new", "of older software"])
def test_processes_that_make_or_change_a_table_at_once_all_succeed(tmp_path: Path, *, is_older: bool) -> None:
    if is_older:
        for number in range(10):
            DeltaTable.create(f"{tmp_path}/{number}/sources", _older(tables()["sources"], "skip_reason"))
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2, timeout=30)
    processes = [
        context.Process(target=_append_at_once, args=(str(tmp_path), start, process, 10))
        for process in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    for number in range(10):
        table = DeltaTable(f"{tmp_path}/{number}/sources")
        assert sorted(table.to_pyarrow_table()["uri"].to_pylist()) == ["/0.mp4", "/1.mp4"]
        commits = [path.read_text() for path in (tmp_path / f"{number}/sources/_delta_log").glob("*.json")]
        assert sum('"metaData"' in commit for commit in commits) == 1 + is_older


def test_a_lake_of_older_software_gets_new_columns(lake: Lake) -> None:
    table = tables()["sources"]
    lake.append([recipe()])
    DeltaTable.create(f"{lake.root}/sources", _older(table, "skip_reason"))
    delta_module.write_deltalake(
        f"{lake.root}/sources",
        to_arrow([source("/old.mp4")]).drop(["skip_reason"]),
        mode="append",
    )
    statuses = "select uri, status from sources order by uri"
    assert Catalog(lake).query(statuses).to_pylist() == [{"uri": "/old.mp4", "status": "pending"}]
    lake.append([source("/new.txt", skip_reason="text")])
    lake.append([source("/newer.mp4")])
    assert [row["status"] for row in Catalog(lake).query(statuses).to_pylist()] == [
        "skipped",
        "pending",
        "pending",
    ]
