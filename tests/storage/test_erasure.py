"""What is erased on demand is gone from every table, every picture and every file; and does not come back."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from flows.cli import app
from storage.catalog import Catalog
from storage.delta import DeltaTables
from storage.erasable import Erasable, find_before, find_sources, find_video
from storage.erasure import Eraser
from storage.lake import Lake, LakeError
from storage.maintenance import maintain
from storage.records import Box, Erasure, Forgotten, Video, evidence_path
from storage.row_changes import REDACTED
from storage.store import FolderStore
from tests.storage.rows import at, failure, recipe, scan, source, video

ANNA, BERT, OLD = "a" * 64, "b" * 64, "c" * 64
NAME = "/archive/anna.mp4"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Anna under two recipes, two names and in a scan's own archives; Bert beside her in every file."""
    lake = Lake(tmp_path / "lake")
    named = replace(scan("other"), scan_id="named", archives=(NAME, "/archive/more"), finished_at=at(9))
    sources = [
        source(NAME),
        source(NAME, video_id=ANNA, minutes=2),
        source("/copies/1.mp4", video_id=ANNA),
        source("/archive/bert.mp4", video_id=BERT),
        source("/archive/anna, never read.mp4"),
    ]
    other = (recipe("other"), *video(ANNA, NAME, recipe_id="other", minutes=7))
    lake.append([recipe(), named, *sources, *video(ANNA, NAME), *video(BERT, "/archive/bert.mp4"), *other])
    lake.append([source("/old.mp4", video_id=OLD, minutes=-9000), *video(OLD, "/old.mp4", minutes=-8000)])
    lake.append([failure(NAME), failure("/archive/anna, never read.mp4"), failure("/c.mp4", video_id=ANNA)])
    for video_id in (ANNA, BERT):
        lake.put_evidence(evidence_path(video_id, "1"), b"picture")
    maintain(lake)  # old versions of every table hold her, too
    return lake


def everywhere(lake: Lake, but: tuple[str, ...] = ()) -> str:
    """Return all values of all Parquet files of a lake, current or not, and of its logs, as one text."""
    text = ""
    for path in sorted(Path(lake.root).rglob("*")):
        if not set(but).isdisjoint(path.parts):
            continue
        text += f"{path}\n"
        if path.suffix == ".parquet" and "_delta_log" not in path.parts:
            text += str(duckdb.execute("select * from read_parquet($1)", [str(path)]).fetchall())
        elif path.is_file():
            text += path.read_text(errors="replace")
    return text


def shown(lake: Lake, video_id: str) -> int:
    """Return how many rows of a content the views `boxes` and `videos` have."""
    return sum(Catalog(lake).view(name, video_id=video_id).num_rows for name in ("boxes", "videos"))


def sound(lake: Lake) -> bool:
    return not any(Catalog(lake).run_checks().values())


FINDERS: dict[str, Callable[[Lake], Erasable]] = {
    "video": lambda lake: find_video(lake, ANNA),
    "source": lambda lake: find_sources(lake, "*anna*"),
}


@pytest.mark.parametrize("finder", FINDERS.values(), ids=FINDERS)
def test_nothing_is_left_but_the_hash(lake: Lake, finder: Callable[[Lake], Erasable]) -> None:
    assert NAME in everywhere(lake)
    found = finder(lake)
    assert (found.rows["videos"], found.scan_ids) == (2, ("named",))
    receipt = Eraser(lake).erase(found)
    assert receipt.rows == found.rows
    assert (receipt.pictures, receipt.scans_redacted, receipt.files_left) == (1, 1, ())
    assert receipt.files_removed > len(receipt.rows)  # current and old ones
    assert receipt.video_ids == (ANNA,)

    text = everywhere(lake)
    assert NAME not in text
    assert "/copies/1.mp4" not in text
    assert f"evidence/{ANNA}" not in text
    assert ("never read" in text) is (finder is FINDERS["video"])
    assert shown(lake, ANNA) == 0
    assert shown(lake, BERT) == 3
    assert lake.read_evidence(evidence_path(BERT, "1")) == b"picture"
    assert Catalog(lake).view("scans", scan_id="named")["archives"].to_pylist() == [
        [REDACTED, "/archive/more"]
    ]
    assert sound(lake)
    assert finder(lake).is_empty


def test_the_receipt_is_stored_as_it_was_printed_and_names_nobody(lake: Lake) -> None:
    receipt = Eraser(lake).erase(find_sources(lake, "*anna*"))
    (row,) = Catalog(lake).view("erasures").to_pylist()
    assert json.loads(row["receipt_json"]) | {"sha256": row["receipt_sha256"]} == receipt.as_dict()
    assert hashlib.sha256(row["receipt_json"].encode()).hexdigest() == row["receipt_sha256"]
    assert receipt.asked_sha256 == hashlib.sha256(b"*anna*").hexdigest()
    assert "anna" not in row["receipt_json"]
    assert (row["rows"], row["videos"], row["left_until"]) == (sum(receipt.rows.values()), 1, None)


def test_before_a_time_is_what_has_no_newer_result(lake: Lake) -> None:
    assert find_before(lake, at(-9500)).is_empty
    found = find_before(lake, at(-100))
    assert (found.marks.video_ids, found.rows["videos"]) == ((OLD,), 1)
    Eraser(lake).erase(found)
    assert (shown(lake, OLD), shown(lake, BERT)) == (0, 3)
    # Of two results one is older, and the content stays.
    assert set(find_before(lake, at(6)).marks.video_ids) == {BERT}
    later = find_before(lake, at(8))
    assert set(later.marks.video_ids) == {ANNA, BERT}
    assert "/archive/anna, never read.mp4" in later.names


def test_a_forgotten_content_is_skipped_wherever_it_turns_up_until_that_is_lifted(lake: Lake) -> None:
    Eraser(lake).erase(find_video(lake, ANNA))
    lake.append([source("/new/place.mp4", video_id=ANNA, minutes=60)])
    (row,) = Catalog(lake).view("listings", uri="/new/place.mp4").to_pylist()
    assert (row["status"], row["reason"], row["is_settled"]) == ("skipped", "forgotten", True)
    assert sound(lake)
    assert Eraser(lake).lift(ANNA)
    assert not Eraser(lake).lift(BERT)
    (row,) = Catalog(lake).view("listings", uri="/new/place.mp4").to_pylist()
    assert (row["status"], row["is_settled"]) == ("pending", False)


def test_what_a_running_scan_writes_afterwards_is_shown_to_nobody_and_erased(lake: Lake) -> None:
    lake.append([replace(scan("other"), scan_id="running", finished_at=None)])
    receipt = Eraser(lake).erase(find_video(lake, ANNA))
    assert receipt.scans_running == ("running",)
    lake.append([source(NAME, video_id=ANNA), *video(ANNA, NAME, attempt_id="late")])
    assert shown(lake, ANNA) == 0
    account = maintain(lake)
    assert len(account.late_receipts) == 1
    late = Catalog(lake).view("erasures", selected_by="late").to_pylist()
    assert late[0]["receipt_id"] == account.late_receipts[0]
    assert (
        Catalog(lake).query("select count(*) as n from raw.videos where video_id = ?", [ANNA])["n"][0].as_py()
        == 0
    )
    # That it is there is known, so that the next scan leaves it alone.
    assert Catalog(lake).view("listings", uri=NAME)["status"].to_pylist() == ["skipped"]
    assert maintain(lake).late_receipts == ()


def test_old_files_wait_for_readers_who_cannot_ask_again(lake: Lake) -> None:
    before = lake.snapshot()["boxes"].uris
    receipt = Eraser(lake, grace_h=2).erase(find_video(lake, ANNA))
    assert receipt.files_removed == 0
    assert {left.until for left in receipt.files_left} == {receipt.erased_at + timedelta(hours=2)}
    assert duckdb.execute("select count(*) from read_parquet($1)", [before]).fetchone() == (8,)
    assert maintain(lake).erasures_finished == 0
    _let_time_pass(lake)
    assert maintain(lake).erasures_finished == len(receipt.files_left)
    assert NAME not in everywhere(lake)
    (row,) = Catalog(lake).view("erasures").to_pylist()
    assert (row["files_left"], row["left_until"]) == ([], None)
    assert row["files_removed"] == len(receipt.files_left)


def test_a_file_that_a_commit_may_be_bringing_waits_too(lake: Lake) -> None:
    current = Path(lake.snapshot()["tracks"].uris[0])
    uncommitted = current.with_name("part-0.parquet")
    uncommitted.write_bytes(current.read_bytes())
    old = current.with_name("part-1.parquet")
    old.write_bytes(current.read_bytes())
    os.utime(old, (0, 0))
    receipt = Eraser(lake).erase(find_video(lake, ANNA))
    assert [left.path for left in receipt.files_left] == ["tracks/part-0.parquet"]
    assert not old.exists()


def test_a_forged_receipt_removes_nothing(lake: Lake, tmp_path: Path) -> None:
    outside = tmp_path / "precious.parquet"
    outside.touch()
    Eraser(lake, grace_h=2).erase(find_video(lake, ANNA))
    (row,) = Catalog(lake).view("erasures").to_pylist()
    for path in (f"boxes/../../{outside.name}", str(outside), "lake.json", "evidence/b/1.parquet"):
        now = datetime.now(UTC)
        lake.append([Erasure(**row | {"files_left": (path,), "left_until": now, "written_at": now})])
        with pytest.raises(LakeError, match="forged or damaged"):
            Eraser(lake).finish()
    assert outside.exists()
    assert Lake(lake.root).exists


@pytest.fixture
def small(tmp_path: Path) -> Lake:
    """What one erasure has to do with everything, in few files: names without a content, runs, old files."""
    lake = Lake(tmp_path / "small")
    ended = replace(scan(), archives=(NAME, "/archive/more"))
    lake.append([recipe(), ended, replace(scan(), scan_id="running", archives=("anna.mp4", NAME))])
    lake.append([replace(ended, finished_at=at(9)), source(NAME), source(NAME, video_id=ANNA, minutes=2)])
    lake.append([source("/copies/1.mp4"), source("/copies/1.mp4", video_id=ANNA, minutes=2)])
    lake.append([source("/archive/bert.mp4", video_id=BERT), source("/archive/anna, never read.mp4")])
    lake.append([failure(NAME), failure("/copies/1.mp4", video_id=ANNA)])
    rows = [*video(ANNA, NAME), *video(BERT, "/archive/bert.mp4")]
    lake.append([row for row in rows if isinstance(row, Box | Video)])
    for video_id in (ANNA, BERT):
        lake.put_evidence(evidence_path(video_id, "1"), b"picture")
    return lake


@contextmanager
def dying(at_step: int) -> Iterator[list[str]]:
    """Let the process die before it changes the lake for the n-th time; give what it has changed."""
    steps: list[str] = []

    def step(name: str, change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*given: Any) -> Any:
            if len(steps) == at_step:
                raise KeyboardInterrupt
            steps.append(name)
            return change(*given)

        return changed

    with pytest.MonkeyPatch.context() as patched:
        for kind, name in ((DeltaTables, "append"), (DeltaTables, "change"), (FolderStore, "purge")):
            patched.setattr(kind, name, step(name, getattr(kind, name)))
        yield steps


def forget_anna(lake: Lake) -> None:
    """As its user asks for it."""
    asked = ["forget", "--lake", lake.root, "--source", "*anna*", "--yes"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.stderr


def test_an_erasure_that_was_killed_anywhere_is_finished_by_maintenance_and_by_the_same_again(
    small: Lake, tmp_path: Path
) -> None:
    for at_step in range(100):
        lake = Lake(shutil.copytree(small.root, tmp_path / f"killed at {at_step}"))
        is_dead = False
        with dying(at_step) as steps:
            try:
                Eraser(lake).erase(find_sources(lake, "*anna*"))
            except KeyboardInterrupt:
                is_dead = True
        if not is_dead:
            break
        # Nothing is written down before the first step: maintenance then knows of nothing.
        finish = forget_anna if at_step % 2 == 0 else maintain
        finish(lake)
        text = everywhere(lake, but=("forgotten", "erasures", "_delta_log"))
        assert ANNA not in text, steps
        text = everywhere(lake)
        assert "anna" not in text.replace("/killed at", ""), steps
        assert "/copies/1.mp4" not in text, steps
        runs = {row["scan_id"]: row for row in Catalog(lake).view("scans").to_pylist()}
        assert runs["scan-1"]["archives"] == [REDACTED, "/archive/more"], steps
        assert runs["running"]["archives"] == [REDACTED, REDACTED], steps
        assert (runs["scan-1"]["finished_at"], runs["running"]["finished_at"]) == (at(9), None)
        assert Catalog(lake).view("videos")["video_id"].to_pylist() == [BERT]
        assert Catalog(lake).view("erasures")["is_finished"].to_pylist() == [True], steps
        assert Eraser(lake).erase_late() == []
    assert {"append", "change", "purge"} == set(steps)
    assert at_step > 15


def test_a_query_that_loses_a_file_asks_again(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = lake.snapshot()
    Eraser(lake).erase(find_video(lake, ANNA))
    given: list[Any] = [snapshot]
    now = lake.snapshot
    monkeypatch.setattr(lake, "snapshot", lambda: given.pop() if given else now())
    assert Catalog(lake).view("videos").num_rows == 2
    assert not given


def _let_time_pass(lake: Lake) -> None:
    (row,) = Catalog(lake).view("erasures").to_pylist()
    now = datetime.now(UTC)
    lake.append([Erasure(**row | {"left_until": now, "written_at": now})])
