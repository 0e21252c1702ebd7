import json
import multiprocessing
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from deltalake import DeltaTable

import storage.delta as delta_module
from storage.archive import ArchiveError, list_sources
from storage.catalog import Catalog
from storage.lake import Lake, LakeError
from storage.records import Track
from storage.store import FolderStore
from storage.tables import Table, tables, to_arrow
from tests.storage.rows import RECIPE, failure, recipe, scan, source, video


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_rows_come_back_as_they_were(lake: Lake) -> None:
    rows = [recipe(), scan(), source("/a.mp4"), failure("/b.mp4"), *video("v1", "/a.mp4", tracks=2)]
    lake.append(reversed(rows))
    with Catalog(lake).connect() as connection:
        stored = {name: connection.sql(f"from raw.{name}").to_arrow_table() for name in tables()}
    tracks = stored["tracks"].sort_by("track_index").to_pylist()
    assert [Track(**track) for track in tracks] == [row for row in rows if isinstance(row, Track)]
    counts = {name: stored[name].num_rows for name in tables()}
    expected = {name: sum(isinstance(row, table.record) for row in rows) for name, table in tables().items()}
    assert counts == expected
    assert stored["videos"]["committed_at"].type == pa.timestamp("us", "UTC")


def test_an_append_is_one_commit_per_table_and_videos_come_last(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[str] = []
    write = delta_module.write_deltalake

    def recording(table: DeltaTable, *args: Any, **options: Any) -> None:
        commits.append(Path(table.table_uri).name)
        write(table, *args, **options)

    monkeypatch.setattr(delta_module, "write_deltalake", recording)
    lake.append([*video("v1", "/a.mp4"), source("/a.mp4"), *video("v2", "/b.mp4")])
    assert len(commits) == len(set(commits))
    assert commits[-1] == "videos"
    assert set(commits) == {"sources", "shots", "boxes", "tracks", "findings", "answers", "clips", "videos"}


def test_a_snapshot_reads_videos_first(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that comes while a snapshot is taken must not show a video without its rows."""
    lake.append(video("v1", "/a.mp4"))
    files = delta_module.DeltaTables.files
    appended: list[str] = []

    def interrupted(self: delta_module.DeltaTables, name: str) -> Any:
        result = files(self, name)
        if not appended:
            appended.append(name)
            Lake(lake.root).append(video("v2", "/b.mp4"))
        return result

    monkeypatch.setattr(delta_module.DeltaTables, "files", interrupted)
    with Catalog(lake).connect() as connection:
        assert appended == ["videos"]
        assert connection.sql("select video_id from videos").fetchall() == [("v1",)]
        assert connection.sql("select distinct video_id from raw.tracks order by 1").fetchall() == [
            ("v1",),
            ("v2",),
        ]
        assert connection.sql("from checks.counts_match").fetchall() == []


def test_nothing_is_written_when_a_row_does_not_fit(lake: Lake) -> None:
    rows = video("v1", "/a.mp4")
    with pytest.raises(ValueError, match=r"videos\.codec may not be None"):
        lake.append([*rows[:-1], replace(rows[-1], codec=None)])  # pyright: ignore[reportCallIssue]
    assert not Path(lake.root).exists()


def test_nothing_is_made_for_no_rows(lake: Lake) -> None:
    lake.append([])
    assert not lake.exists
    assert not Path(lake.root).exists()


def test_a_failed_commit_is_a_lake_error_and_shows_no_video(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.append([recipe()])
    write = delta_module.write_deltalake

    def full(table: DeltaTable, *args: Any, **options: Any) -> None:
        if table.table_uri.rstrip("/").endswith("clips"):
            raise OSError(28, "No space left on device")
        write(table, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(delta_module, "write_deltalake", full)
        with pytest.raises(LakeError, match=r"could not commit 1 rows to .*clips.*No space"):
            lake.append([source("/a.mp4", video_id="v1"), *video("v1", "/a.mp4")])
    with Catalog(lake).connect() as connection:
        assert connection.sql("from tracks").fetchall() == []
        assert len(connection.sql("from raw.tracks").fetchall()) == 1
    lake.append(video("v1", "/a.mp4", attempt_id="attempt-2"))
    assert Catalog(lake).query("select attempt_id from tracks")["attempt_id"].to_pylist() == ["attempt-2"]


def test_a_lake_is_marked_with_its_format(lake: Lake) -> None:
    lake.append([recipe()])
    marker = json.loads((Path(lake.root) / "lake.json").read_text())
    assert marker["format"] == 1
    assert lake.exists
    assert Lake.open(lake.root).exists


def test_a_lake_that_is_not_there_cannot_be_opened_but_made(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match=r"there is no lake at .*nowhere"):
        Lake.open(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    lake = Lake(tmp_path / "empty")
    assert not lake.exists
    assert Catalog(lake).view("sources").num_rows == 0
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ('{"format": 2}', "format 2, and this facesift knows formats up to 1; update facesift"),
        ('{"format": ', "damaged"),
        ('{"version": 1}', "damaged"),
        ("[]", "damaged"),
        ("", "damaged"),
        ('{"format": 1e400}', "damaged"),
        ('{"format": 1.0}', "damaged"),
        ('{"format": true}', "damaged"),
        ('{"format": 0}', "damaged"),
        ('{"format": "1"}', "damaged"),
        ('{"format": null}', "damaged"),
        ("1", "damaged"),
        ("\udcff\udcfe\x00", "damaged"),
    ],
)
def test_a_lake_that_cannot_be_understood_is_refused(tmp_path: Path, marker: str, message: str) -> None:
    (tmp_path / "lake.json").write_bytes(os.fsencode(marker))
    with pytest.raises(LakeError, match=message):
        Lake(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lake.json"]


@pytest.mark.parametrize("open_lake", [Lake, Lake.open])
def test_an_empty_name_is_not_the_current_folder(
    open_lake: Callable[[str], Lake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Lake(".").append([recipe()])
    with pytest.raises(LakeError, match="the name of the lake is empty; give a folder"):
        open_lake("")


@pytest.mark.parametrize(
    "place", ["s3://key:se'cret@lakes/here", "s3://se'cret@lakes", "https://u:se'cret@h/lake"]
)
def test_a_password_in_an_address_is_refused_and_not_repeated(place: str) -> None:
    with pytest.raises(LakeError, match="has a password in it") as of_lake:
        Lake(place)
    with pytest.raises(ArchiveError, match="has a password in it") as of_archive:
        list_sources([place])
    assert "cret" not in f"{of_lake.value} {of_archive.value}"


def test_a_folder_with_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "holiday.mp4").write_bytes(b"x")
    with pytest.raises(LakeError, match=r"not empty and no lake: it has no lake\.json"):
        Lake(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.mp4"]


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


def test_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lake"
    path.write_bytes(b"x")
    with pytest.raises(LakeError, match="Not a directory"):
        Lake(path)
    with pytest.raises(LakeError, match="Not a directory"):
        Lake(path / "below")


@pytest.mark.parametrize("name", ["it's a lake", "größe 日本 é", "a=b, c", 'quo"te', "#1 & {x}*~?"])
def test_a_lake_works_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    lake = Lake(tmp_path / name / "lake")
    lake.append([recipe(), *video("v1", "/a.mp4")])
    lake.append([source("/a.mp4", video_id="v1")])
    assert Catalog(Lake.open(lake.root)).query("select uri, status from sources").to_pylist() == [
        {"uri": "/a.mp4", "status": "done"}
    ]


@pytest.mark.parametrize("name", ["a[1]", "100%", "a|b", "a\\b", "a^b", "a\nb", "a\udce9b"])
def test_a_name_that_delta_tables_cannot_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LakeError, match="has a meaning of its own"):
        Lake(tmp_path / name)


def test_evidence_is_stored_whole_and_replaced(lake: Lake) -> None:
    path = "evidence/v1/v1-t0000-c00.jpg"
    lake.put_evidence(path, b"first")
    lake.put_evidence(path, b"second")
    assert lake.read_evidence(path) == b"second"
    assert [file.name for file in (Path(lake.root) / path).parent.iterdir()] == ["v1-t0000-c00.jpg"]
    assert lake.read_evidence("evidence/none.jpg") is None


def test_a_crash_while_evidence_is_written_leaves_the_old(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.put_evidence("evidence/a.jpg", b"first")

    def killed(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            lake.put_evidence("evidence/a.jpg", b"second")
    assert lake.read_evidence("evidence/a.jpg") == b"first"


@pytest.mark.parametrize("path", ["videos/a.jpg", "/evidence/a.jpg", "evidence/../lake.json", "a.jpg"])
def test_evidence_elsewhere_is_refused(lake: Lake, path: str) -> None:
    with pytest.raises(ValueError, match="begins with evidence/"):
        lake.put_evidence(path, b"x")
    assert not Path(lake.root).exists()


def settled(lake: Lake, recipe_id: str) -> dict[str, tuple[Any, ...]]:
    rows = Catalog(lake).view("listings", recipe_id=recipe_id, is_settled=True).to_pylist()
    return {row["uri"]: (row["size_bytes"], row["etag"], row["video_id"]) for row in rows}


def done(lake: Lake, recipe_id: str = RECIPE) -> set[str]:
    return set(Catalog(lake).view("videos", recipe_id=recipe_id)["video_id"].to_pylist())


def test_what_is_settled_needs_no_reading(lake: Lake) -> None:
    lake.append(
        [
            recipe(),
            source("/done.mp4", video_id="v1"),
            *video("v1", "/done.mp4"),
            source("/copy.mp4", video_id="v1"),
            source("/no-face.mp4", video_id="v2"),
            *video("v2", "/no-face.mp4", tracks=0),
            source("/final.mp4"),
            failure("/final.mp4"),
            source("/again.mp4"),
            failure("/again.mp4", is_retryable=True),
            source("/opened.mp4"),
            failure("/opened.mp4", minutes=2, is_quarantined=True),
            failure("/opened.mp4", minutes=3, is_retryable=True),
            source("/changed.mp4", video_id="v1"),
            source("/changed.mp4", etag="v2", minutes=9),
            source("/notes.txt", skip_reason="text, by its ending .txt"),
            source("/pending.mp4"),
            source("/other.mp4", recipe_id="recipe-2"),
            failure("/other.mp4", recipe_id="recipe-2"),
            source("/unread", etag=None),
            failure("/unread", etag=None),
        ]
    )
    assert settled(lake, RECIPE) == {
        "/done.mp4": (1000, "v1", "v1"),
        "/copy.mp4": (1000, "v1", "v1"),
        "/no-face.mp4": (1000, "v1", "v2"),
        "/final.mp4": (1000, "v1", None),
        "/unread": (None, None, None),
    }
    assert list(settled(lake, "recipe-2")) == ["/other.mp4"]
    assert done(lake) == {"v1", "v2"}
    assert done(lake, "recipe-2") == set()


def test_a_video_without_its_commit_is_not_done(lake: Lake) -> None:
    lake.append([recipe(), source("/a.mp4", video_id="v1"), *video("v1", "/a.mp4")[:-1]])
    assert done(lake) == set()
    assert settled(lake, RECIPE) == {}


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
    assert done(lake) == {f"p{process}-{number}" for process in range(2) for number in range(4)}
    with Catalog(lake).connect() as connection:
        assert connection.sql("from checks.counts_match").fetchall() == []
        assert connection.sql("select count(*) from sources where status = 'done'").fetchall() == [(8,)]


def _append_at_once(root: str, start: Any, process: int, tables_: int) -> None:
    for number in range(tables_):
        batch = to_arrow([source(f"/{process}.mp4")])
        start.wait()
        folder = f"{root}/{number}"
        delta_module.DeltaTables(folder, FolderStore(Path(folder))).append(tables()["sources"], batch)


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


def _older(table: Table, without: str) -> Any:
    return table.schema.remove(table.schema.get_field_index(without))


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


def test_compaction_vacuum_and_erasure_are_seen(lake: Lake) -> None:
    for number in range(5):
        lake.append([source(f"/{number}.mp4")])
    delta = DeltaTable(f"{lake.root}/sources")
    delta.optimize.compact()
    delta.delete("uri = '/3.mp4'")
    delta.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert len(lake.snapshot()["sources"].uris) == 1
    lake.append([source("/5.mp4")])
    uris = Catalog(lake).query("select uri from sources order by uri")["uri"].to_pylist()
    assert uris == ["/0.mp4", "/1.mp4", "/2.mp4", "/4.mp4", "/5.mp4"]


def test_files_are_plain_parquet_and_a_lake_may_be_moved(lake: Lake, tmp_path: Path) -> None:
    lake.append([source("/a.mp4")])
    (file,) = lake.snapshot()["sources"].uris
    assert parquet.read_table(file)["uri"].to_pylist() == ["/a.mp4"]
    moved = shutil.move(lake.root, tmp_path / "moved")
    assert Catalog(Lake.open(moved)).query("select uri from sources")["uri"].to_pylist() == ["/a.mp4"]


def test_a_relative_root_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lake = Lake("lake")
    monkeypatch.chdir(os.sep)
    lake.append([source("/a.mp4")])
    assert (tmp_path / "lake" / "lake.json").exists()
