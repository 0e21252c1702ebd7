import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from flows import committer as module
from flows.committer import Committer
from storage.catalog import Catalog
from storage.lake import Lake, LakeError
from storage.records import Record
from tests.flows.played import done, failed, job
from workers.outcome import Duplicate, Outcome, Part
from workers.reader import RowIds


class Committing:
    """A committer over a lake, and what it has said to be committed."""

    def __init__(self, root: Path) -> None:
        self.lake = Lake(root)
        self.committed: list[str] = []
        self.committer = Committer(
            self.lake, "scan", "recipe", lambda outcome: self.committed.append(outcome.job.source.uri)
        )

    def add(self, *outcomes: Outcome) -> None:
        for outcome in outcomes:
            self.committer.add(self.committer.fitting(outcome))

    def view(self, name: str) -> list[dict[str, Any]]:
        return Catalog(self.lake).view(name).to_pylist()


@pytest.fixture
def committing(tmp_path: Path) -> Committing:
    return Committing(tmp_path / "lake")


BAD_FIELDS = {
    "half a character": {"codec": "h264\ud800"},
    "an integer that no column holds": {"size_bytes": 2**63},
    "None where something must be": {"container": None},
    "a value of another type": {"container": 7},
}


@pytest.mark.parametrize("changed", BAD_FIELDS.values(), ids=BAD_FIELDS.keys())
def test_a_video_whose_rows_do_not_fit_fails_alone(committing: Committing, changed: dict[str, Any]) -> None:
    with committing.committer:
        committing.add(
            *done(job("a"), "x"),
            *done(job("b"), "y", **changed),
            Duplicate(job("c"), "x"),
            failed(job("d"), "z"),
        )
    assert committing.committed == ["a", "b", "c", "d"]
    assert [row["video_id"] for row in committing.view("videos")] == ["x"]
    by_uri = {row["uri"]: row for row in committing.view("failures")}
    assert by_uri.keys() == {"b", "d"}
    assert (by_uri["b"]["stage"], by_uri["b"]["video_id"]) == ("commit", "y")
    assert not by_uri["b"]["is_retryable"]
    assert by_uri["b"]["message"].startswith("its rows do not fit the table videos: ")
    statuses = {row["uri"]: row["status"] for row in committing.view("listings")}
    assert statuses == {"a": "done", "b": "failed", "c": "duplicate", "d": "failed"}
    checks = Catalog(committing.lake).run_checks()
    assert checks["counts_match"] == checks["keys_are_unique"] == 0


def test_a_message_that_is_no_text_is_recorded_legibly(committing: Committing) -> None:
    with committing.committer:
        committing.add(failed(job("a"), "x", message="no frame in \udcff.mp4"))
    (row,) = committing.view("failures")
    assert row["message"] == "no frame in \\udcff.mp4"


def test_everything_of_an_outcome_is_in_the_lake_when_it_is_said_to_be(committing: Committing) -> None:
    seen: list[int] = []
    committer = Committer(
        committing.lake, "scan", "recipe", lambda _: seen.append(len(committing.view("videos")))
    )
    with committer:
        for outcome in done(job("a"), "x", tracks=2):
            committer.add(outcome)
        assert not seen
    assert seen == [1]
    (video,) = committing.view("videos")
    assert (video["tracks"], video["clips"], video["describe_s"]) == (2, 2, 0.5)
    assert video["findings"] == len(committing.view("findings")) > 0
    pictures = [committing.lake.read_evidence(clip["evidence"]) for clip in committing.view("clips")]
    assert pictures == [b"picture"] * 2
    (source,) = committing.view("sources")
    assert (source["video_id"], source["status"]) == ("x", "done")


def count(committing: Committing, table: str) -> int:
    """Count rows whether they count or not."""
    with Catalog(committing.lake).connect() as lake:
        ((rows,),) = lake.sql(f"select count(*) from raw.{table}").fetchall()
    return rows


def test_parts_wait_for_the_end_of_their_attempt(committing: Committing) -> None:
    ids = {name: RowIds("recipe", name, "scan") for name in ("first", "second", "other", "open")}
    first, second = job("a"), job("a", attempt=2)
    committing.add(*done(first, "x", ids["first"])[:2], *done(job("b"), "y", ids["other"])[:2])
    committing.committer.flush()
    assert not committing.lake.exists
    # The reader of one dies and it is read again; another turns out to be read in one piece.
    committing.add(*done(second, "x", ids["second"])[:1])
    committing.add(failed(first, "x", error="ReaderDied", is_retryable=True, is_last=False))
    committing.add(*done(job("b"), "y", ids["open"]))
    committing.committer.flush()
    assert {row["attempt_id"] for row in committing.view("boxes")} == {"open"}
    assert count(committing, "tracks") == count(committing, "videos") == 1
    committing.add(*done(second, "x", ids["second"])[1:])
    committing.committer.flush()
    assert {row["attempt_id"] for row in committing.view("boxes")} == {"open", "second"}
    checks = Catalog(committing.lake).run_checks()
    assert checks["counts_match"] == checks["keys_are_unique"] == 0


def test_too_many_bytes_of_parts_go_before_their_video_and_are_not_seen(
    committing: Committing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FLUSH_BYTES", 1)
    *parts, end = done(job("a"), "x", tracks=3)
    committing.add(*parts)
    assert count(committing, "boxes") == 6
    assert [committing.lake.read_evidence(clip) for clip in pictures_of(parts)] == [b"picture"] * 3
    committing.add(failed(job("b"), "y"))
    committing.committer.flush()
    assert [committing.view(name) for name in ("videos", "tracks", "boxes", "clips")] == [[]] * 4
    committing.add(end)
    committing.committer.flush()
    assert [len(committing.view(name)) for name in ("videos", "tracks", "boxes", "clips")] == [1, 3, 6, 3]


def pictures_of(parts: Sequence[Outcome]) -> list[str]:
    return [picture.path for part in parts if isinstance(part, Part) for picture in part.pictures]


def test_rows_go_when_enough_have_come_or_enough_time(
    committing: Committing, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0
    monkeypatch.setattr("flows.committer.time.monotonic", lambda: now_s)
    monkeypatch.setattr(module, "FLUSH_OUTCOMES", 3)
    committer = Committer(
        committing.lake, "scan", "recipe", lambda outcome: committing.committed.append(outcome.job.source.uri)
    )
    committer.tick()
    committer.add(failed(job("a"), "x"))
    committer.tick()
    assert committing.committed == []
    now_s += module.FLUSH_S + 1
    committer.tick()
    assert committing.committed == ["a"]
    for name in ("b", "c"):
        committer.add(failed(job(name), "x"))
    assert committing.committed == ["a"]
    committer.add(failed(job("d"), "x"))
    assert committing.committed == ["a", "b", "c", "d"]
    now_s += module.FLUSH_S + 1
    committer.add(failed(job("e"), "x"))
    assert committing.committed[-1] == "e"


class FullLake(Lake):
    """Takes nothing."""

    def append(self, rows: Sequence[Record]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise LakeError("no space left")


def test_what_the_lake_did_not_take_is_not_said_to_be_committed(tmp_path: Path) -> None:
    committed: list[Outcome] = []
    committer = Committer(FullLake(tmp_path / "lake"), "scan", "recipe", committed.append)
    committer.add(failed(job("a"), "x"))
    with pytest.raises(LakeError, match="no space left"):
        committer.flush()
    committer.flush()  # nor is it tried again: half of it may be there
    assert committed == []


class WatchedLake(Lake):
    """Takes pictures only when so many come at once, and notes what came when."""

    together = threading.Barrier(module.PUTS, timeout=60)

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.came: list[str] = []
        self.refused = ""

    def put_evidence(self, relative_path: str, data: bytes) -> None:
        self.together.wait()
        if relative_path == self.refused:
            raise LakeError("no space left")
        super().put_evidence(relative_path, data)
        self.came.append("picture")

    def append(self, rows: Sequence[Record]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.came.append("rows")
        super().append(rows)


def test_pictures_go_side_by_side_and_are_there_before_their_rows(tmp_path: Path) -> None:
    lake = WatchedLake(tmp_path / "lake")
    with Committer(lake, "scan", "recipe", lambda _: None) as committer:
        for outcome in done(job("a"), "x", tracks=2 * module.PUTS):
            committer.add(outcome)
    assert lake.came == ["picture"] * 2 * module.PUTS + ["rows"]


def test_a_picture_that_the_lake_did_not_take_ends_the_commit_before_its_rows(tmp_path: Path) -> None:
    lake = WatchedLake(tmp_path / "lake")
    committer = Committer(lake, "scan", "recipe", lambda _: None)
    outcomes = done(job("a"), "x", tracks=module.PUTS)
    lake.refused = pictures_of(outcomes)[3]
    for outcome in outcomes:
        committer.add(outcome)
    with pytest.raises(LakeError, match="no space left"):
        committer.flush()
    assert sorted(lake.came) == ["picture"] * (module.PUTS - 1)


def test_an_interrupted_scan_commits_what_it_has(committing: Committing) -> None:
    committing.add(*done(job("a"), "x"))
    committing.committer.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert committing.committed == ["a"]


def test_an_attempt_that_is_repeated_is_recorded_too(committing: Committing) -> None:
    outcome = failed(job("a", attempt=2), None, error="ReaderDied", is_retryable=True, is_last=False)
    with committing.committer:
        committing.add(outcome)
    (row,) = committing.view("failures")
    assert (row["error"], row["attempt"], row["is_retryable"]) == ("ReaderDied", 2, True)
