from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

import storage.delta as delta_module
from storage.catalog import Catalog
from storage.lake import Lake, LakeError
from storage.records import Track
from storage.tables import tables
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
