"""The fleet with readers and describers that are made to misbehave, over a real Ray."""

import itertools
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.workers.misbehaving import IN_ORDER, SPANS, Notes, always, clips_of, last, source
from workers.fleet import Fleet, FleetConfig, FleetError
from workers.outcome import Claim, Done, Duplicate, Failed, Job, Outcome, Part, Position
from workers.reader import RowIds

pytestmark = [pytest.mark.real, pytest.mark.alone]


def scan(
    names: list[str], notes: Path, claim: Claim = always, **config: Any
) -> tuple[list[Outcome], list[Position]]:
    numbers = itertools.count()
    positions: list[Position] = []
    made = Notes(notes)
    settings: dict[str, Any] = {"readers": 2} | config
    with Fleet(FleetConfig(**settings), made.reader, made.describer) as fleet:
        jobs = [Job(source(name)) for name in names]
        found = fleet.scan(
            jobs, lambda: RowIds("recipe", f"a{next(numbers)}", "scan"), claim, positions.append
        )
        return list(found), positions


def test_every_source_ends_once_whatever_happens(tmp_path: Path) -> None:
    names = ["fine-1", "broken", "killer", "once", "gone", "bug", "mute", "stunning", "hungry", "fine-2"]
    names.append("twin=fine-1")
    seen: set[str] = set()

    def claim(job: Job, video_id: str) -> bool:
        if job.source.uri.startswith("twin"):
            return False
        seen.add(video_id)
        return True

    outcomes, positions = scan(names, tmp_path, claim)

    for name in ("fine-1", "fine-2", "once", "stunning"):
        done = last(outcomes, name)
        assert isinstance(done, Done)
        assert clips_of(outcomes, name) == [0, 1, 2]  # in order, none lost, none twice
        assert done.video.describe_s == pytest.approx(1.5)
        assert done.video.duration_s == 3.0
    assert last(outcomes, "twin=fine-1") == Duplicate(Job(source("twin=fine-1")), "fine-1")

    broken = last(outcomes, "broken")
    assert isinstance(broken, Failed)
    assert (broken.stage, broken.error, broken.is_retryable, broken.is_quarantined) == (
        "decode",
        "InvalidDataError",
        False,
        False,
    )
    gone = last(outcomes, "gone")
    assert isinstance(gone, Failed)
    assert gone.is_retryable
    bug = last(outcomes, "bug")
    assert isinstance(bug, Failed)
    assert bug.error == "KeyError"
    hungry = last(outcomes, "hungry")
    assert isinstance(hungry, Failed)
    assert (hungry.error, hungry.is_retryable, hungry.is_quarantined) == ("MemoryError", True, False)
    mute = last(outcomes, "mute")
    assert isinstance(mute, Failed)
    assert (mute.stage, mute.error) == ("describe", "SourceError")

    killer = last(outcomes, "killer")
    assert isinstance(killer, Failed)
    assert (killer.job.attempt, killer.error, killer.is_quarantined) == (2, "ReaderDied", True)
    first_deaths = [o for o in outcomes if isinstance(o, Failed) and not o.is_last]
    assert sorted(o.job.source.uri for o in first_deaths) == ["killer", "once"]
    assert len((tmp_path / "killer").read_text().splitlines()) == 2
    assert {p.job.source.uri for p in positions} >= {"fine-1", "fine-2"}
    assert seen >= {"fine-1", "killer", "once"}


def test_a_stalled_reader_is_killed_and_the_others_go_on(tmp_path: Path) -> None:
    started = time.monotonic()
    outcomes, _ = scan(["endless", "fine-1", "fine-2", "fine-3"], tmp_path, stall_s=4.0)
    stalled = last(outcomes, "endless")
    assert isinstance(stalled, Failed)
    assert (stalled.error, stalled.job.attempt, stalled.is_quarantined) == ("ReaderStalled", 2, True)
    assert all(isinstance(last(outcomes, f"fine-{n}"), Done) for n in (1, 2, 3))
    assert time.monotonic() - started < 600


def test_clips_that_kill_every_describer_quarantine_their_video_only(tmp_path: Path) -> None:
    outcomes, _ = scan(["fatal", "fine-1", "fine-2", "fine-3"], tmp_path)
    fatal = last(outcomes, "fatal")
    assert isinstance(fatal, Failed)
    assert (fatal.stage, fatal.error, fatal.is_quarantined) == ("describe", "DescriberDied", True)
    assert all(isinstance(last(outcomes, f"fine-{n}"), Done) for n in (1, 2, 3))


def test_more_readers_than_the_queue_has_room_for_lose_nothing(tmp_path: Path) -> None:
    names = [f"slow-{n}" for n in range(4)] + [f"blank-{n}" for n in range(4)]
    outcomes, _ = scan(names, tmp_path, readers=4, queued_batches=1)
    assert sorted(o.job.source.uri for o in outcomes if isinstance(o, Done)) == sorted(names)


def test_workers_that_cannot_start_blame_no_video(tmp_path: Path) -> None:
    def no_describer() -> Any:
        raise FileNotFoundError("tokenizer.model")

    made = Notes(tmp_path)
    with Fleet(FleetConfig(readers=1), made.reader, no_describer) as fleet:
        found = fleet.scan([Job(source("fine-1"))], lambda: RowIds("recipe", "a", "scan"), always)
        with pytest.raises(FleetError, match=r"tokenizer\.model"):
            list(found)


def test_a_job_with_a_crash_behind_it_gets_one_attempt(tmp_path: Path) -> None:
    made = Notes(tmp_path)
    with Fleet(FleetConfig(readers=1), made.reader, made.describer) as fleet:
        jobs = [replace(Job(source("killer")), attempt=2)]
        outcomes = list(fleet.scan(jobs, lambda: RowIds("recipe", "a", "scan"), always))
    ends = [outcome for outcome in outcomes if not isinstance(outcome, Part)]
    assert [(type(o), getattr(o, "is_quarantined", None)) for o in ends] == [(Failed, True)]


def test_a_run_that_is_broken_off_leaves_readers_for_the_next(tmp_path: Path) -> None:
    made = Notes(tmp_path)
    jobs = [Job(source(name)) for name in ("fine-1", "fine-2", "fine-3")]
    numbers = itertools.count()

    def new_ids() -> RowIds:
        return RowIds("recipe", f"a{next(numbers)}", "scan")

    with Fleet(FleetConfig(readers=2), made.reader, made.describer) as fleet:
        broken_off = fleet.scan(jobs, new_ids, always)
        next(broken_off)
        del broken_off
        outcomes = list(fleet.scan(jobs, new_ids, always))
    assert sorted(o.job.source.uri for o in outcomes if isinstance(o, Done)) == ["fine-1", "fine-2", "fine-3"]


def looked(notes: Path, name: str) -> list[tuple[str, int]]:
    lines = (line.split() for line in (notes / f"{name}.looks").read_text().splitlines())
    return [(process, int(number)) for process, number in lines]


def test_long_videos_are_divided_and_come_out_as_if_they_were_not(tmp_path: Path) -> None:
    names = ["long-1", "long-shaky", "long-poison", "long-damaged", "fine-1"]
    # Little may wait, so that readers have to wait for each other: nobody waits for ever.
    outcomes, positions = scan(names, tmp_path, readers=3, queued_batches=1, ahead_bytes=1)

    for name in ("long-1", "long-shaky"):
        assert clips_of(outcomes, name) == IN_ORDER
    assert {position.job.source.uri for position in positions} >= {"long-1", "long-shaky", "fine-1"}

    # What cannot be divided is read in one piece, once.
    assert clips_of(outcomes, "long-damaged") == clips_of(outcomes, "fine-1") == [0, 1, 2]
    assert len((tmp_path / "long-damaged").read_text().splitlines()) == 1

    poison = last(outcomes, "long-poison")
    assert isinstance(poison, Failed)
    assert (poison.error, poison.is_quarantined) == ("ReaderDied", True)
    assert [number for _, number in looked(tmp_path, "long-poison")].count(3) == 2


def test_idle_readers_help_and_whoever_cannot_harms_nobody(tmp_path: Path) -> None:
    outcomes, _ = scan(["long-full"], tmp_path)
    assert clips_of(outcomes, "long-full") == IN_ORDER
    looks = looked(tmp_path, "long-full")
    assert len({process for process, _ in looks}) == 2
    by_number = sorted(number for _, number in looks if number < SPANS)
    assert set(by_number) == set(range(SPANS))
    assert len(by_number) == SPANS + 1


def test_a_long_video_without_help_is_read_span_by_span(tmp_path: Path) -> None:
    outcomes, _ = scan(["long-1"], tmp_path, readers=1)
    assert clips_of(outcomes, "long-1") == IN_ORDER
    assert [number for _, number in looked(tmp_path, "long-1")] == list(range(SPANS))
