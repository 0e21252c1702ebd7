"""What is erased on demand is gone from every table, every picture and every file; and does not come back."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as parquet
import pytest
from typer.testing import CliRunner

from flows.cli import app
from storage import row_changes
from storage.catalog import Catalog
from storage.delta import DeltaTables
from storage.erasable import Erasable, find_before, find_sources, find_video
from storage.erasure import Eraser
from storage.lake import Lake, LakeError
from storage.maintenance import maintain
from storage.records import Erasure, Source, Video, evidence_path
from storage.row_changes import REDACTED
from storage.store import FolderStore
from storage.tables import to_arrow
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
    with dying(3), pytest.raises(KeyboardInterrupt):
        Eraser(lake).erase_late()
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
    # An older facesift kept what was typed.
    typed = ("anna.mp4", "../archive/./anna.mp4", "file:///archive/anna%2C%20never%20read.mp4", "an anna.mp4")
    lake.append([recipe(), ended, replace(scan(), scan_id="running", archives=typed)])
    lake.append([replace(ended, finished_at=at(9)), source(NAME), source(NAME, video_id=ANNA, minutes=2)])
    lake.append([source("/copies/1.mp4"), source("/copies/1.mp4", video_id=ANNA, minutes=2)])
    lake.append([source("/archive/bert.mp4", video_id=BERT), source("/archive/anna, never read.mp4")])
    lake.append([failure(NAME), failure("/copies/1.mp4", video_id=ANNA)])
    rows = [*video(ANNA, NAME), *video(BERT, "/archive/bert.mp4")]
    lake.append([row for row in rows if isinstance(row, Video)])
    for video_id in (ANNA, BERT):
        lake.put_evidence(evidence_path(video_id, "1"), b"picture")
    return lake


@contextmanager
def dying(at_step: int) -> Generator[list[str]]:
    """Let the process die before it changes the lake for the n-th time; give what it was about to change."""
    steps: list[str] = []

    def step(name: str, change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(self: Any, what: Any, *given: Any) -> Any:
            if name != "change" or self.files(what).uris:
                steps.append(name)
                if len(steps) > at_step:
                    raise KeyboardInterrupt
            return change(self, what, *given)

        return changed

    with pytest.MonkeyPatch.context() as patched:
        for kind, name in ((DeltaTables, "append"), (DeltaTables, "change"), (FolderStore, "purge")):
            patched.setattr(kind, name, step(name, getattr(kind, name)))
        yield steps


def killed(lake: Lake, found: Erasable, at_step: int, grace_h: float = 0) -> list[str]:
    """Erase until a step; return the steps, that of the death included, or none when it came to its end."""
    with dying(at_step) as steps:
        try:
            Eraser(lake, grace_h).erase(found)
        except KeyboardInterrupt:
            return steps
    return []


def ask_again(lake: Lake) -> None:
    asked = ["forget", "--lake", lake.root, "--source", "*anna*", "--yes"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.stderr


def test_an_erasure_that_was_killed_anywhere_is_finished_by_maintenance_and_by_the_same_again(
    small: Lake, tmp_path: Path
) -> None:
    found, at_step, seen = find_sources(small, "*anna*"), 0, set[str]()
    while steps := killed(lake := Lake(shutil.copytree(small.root, tmp_path / str(at_step))), found, at_step):
        seen.add(steps[-1])
        at_step += 1
        if steps[-3:] == ["purge"] * 3:
            continue  # of many files each is as another
        # Before the first step nothing is written down.
        if len(steps) % 2:
            ask_again(lake)
        else:
            assert len(maintain(lake).late_receipts if at_step == 4 else Eraser(lake).erase_late()) == 1
        text = everywhere(lake)
        assert "anna.mp4" not in text.replace("an anna.mp4", ""), steps
        assert "never read" not in text, steps
        assert "never%20read" not in text, steps
        assert "/copies/1.mp4" not in text, steps
        assert ANNA not in everywhere(lake, but=("forgotten", "erasures", "_delta_log")), steps
        with Catalog(lake).connect() as connection:
            runs = connection.execute("select finished_at, archives from scans order by scan_id").fetchall()
            assert runs == [
                (None, [*[REDACTED] * 3, "an anna.mp4"]),
                (at(9), [REDACTED, "/archive/more"]),
            ], steps
            assert connection.execute("select video_id from videos").fetchall() == [(BERT,)]
            assert connection.execute("select is_finished from erasures").fetchall() == [(True,)], steps
            assert connection.execute("select video_id from forgotten").fetchall() == [(ANNA,)], steps
    assert seen == {"append", "change", "purge"}
    assert at_step > 15


def test_old_files_of_an_erasure_that_was_killed_wait_as_long_as_was_asked(small: Lake) -> None:
    assert killed(small, find_video(small, ANNA), 4, grace_h=2)
    (receipt,) = Eraser(small).erase_late()
    assert {left.until for left in receipt.files_left} == {receipt.erased_at + timedelta(hours=2)}


def test_a_run_that_ends_while_its_names_are_taken_out_loses_nothing(
    small: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = [replace(scan(), scan_id="running", archives=("anna.mp4",), finished_at=at(7))]
    write = row_changes.write_deltalake

    def written_late(*given: Any, **named: Any) -> None:
        if ends:
            small.append([ends.pop()])
        write(*given, **named)

    monkeypatch.setattr(row_changes, "write_deltalake", written_late)
    Eraser(small).erase(find_sources(small, "*anna*"))
    assert not ends
    rows = Catalog(small).view("scans", scan_id="running").to_pylist()
    assert [(row["finished_at"], row["archives"]) for row in rows] == [(at(7), [REDACTED])]


def test_a_name_that_a_run_brings_back_at_its_end_goes_again(small: Lake) -> None:
    Eraser(small).erase(find_sources(small, "*anna*"))
    run = replace(scan(), scan_id="running", archives=(NAME,))
    small.append([replace(run, finished_at=at(9))])
    (receipt,) = Eraser(small).erase_late()
    assert (receipt.selected_by, receipt.scans_redacted, receipt.video_ids) == ("late", 1, ())
    assert Catalog(small).view("scans", scan_id="running")["archives"].to_pylist() == [[REDACTED]]
    # A later run may be given the name again.
    small.append([replace(run, scan_id="anew", started_at=datetime.now(UTC))])
    assert Eraser(small).erase_late() == []


def test_what_is_left_is_erased_before_its_content_may_be_read_again(small: Lake) -> None:
    assert killed(small, find_video(small, ANNA), 4)
    assert Eraser(small).lift(ANNA)
    assert NAME not in everywhere(small)
    # What is read then stays.
    small.append([source(NAME, video_id=ANNA), *video(ANNA, NAME)])
    assert maintain(small).late_receipts == ()
    assert shown(small, ANNA) == 3


def test_an_erasure_is_not_finished_before_it_is_known_whether_versions_are_kept(
    small: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(FolderStore, "keeps_versions", None)
        receipt = Eraser(small).erase(find_sources(small, "*anna*"))
        assert not receipt.is_sure_of_versions
        assert Eraser(small).erase_late() == []
        assert Eraser(small).lift(ANNA)
    small.append(video(ANNA, NAME))  # read again by leave
    # What a bucket has kept comes into sight: a file that the erasure could not see.
    hidden = old_file(small, source("/archive/anna, never read.mp4"))
    (again,) = Eraser(small).erase_late()
    assert (again.receipt_id, again.rows) == (receipt.receipt_id, receipt.rows)
    assert (again.is_sure_of_versions, again.files_removed) == (True, receipt.files_removed + 1)
    assert not hidden.exists()
    assert shown(small, ANNA) == 3
    assert Eraser(small).erase_late() == []


def old_file(lake: Lake, row: Source) -> Path:
    path = Path(lake.root, "sources", "part-0.parquet")
    parquet.write_table(to_arrow([row]), path)
    os.utime(path, (0, 0))
    return path


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
