"""The fleet with readers and describers that are made to misbehave, over a real Ray."""

import itertools
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from storage.archive import Fetched
from storage.records import Clip, Source, Video
from tests.storage import rows
from workers.describer import Described
from workers.failure import SourceError, TransientError
from workers.fleet import Fleet, FleetConfig, FleetError
from workers.frames import SpanEnd, Spans
from workers.outcome import Claim, Done, Duplicate, Failed, Job, Outcome, Part, Position
from workers.reader import Chunk, RowIds
from workers.sight import Sight, Sights
from workers.spans import UnsplittableError

pytestmark = pytest.mark.real

SPANS, FRAMES = 6, 3
"""Of a long video, and frames of each of its spans."""
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def source(name: str) -> Source:
    return Source(name, 1, "1", NOW, NOW, "scan", "recipe")


class PlayedReader:
    """Does what the name of its source says; chunks hold their number in place of clips."""

    def __init__(self, notes: Path) -> None:
        self.notes = notes
        self.owned = ""

    def fetch(self, source: Source) -> Fetched:
        if source.uri.startswith("gone"):
            raise TransientError("fetch", f"{source.uri} disappeared")
        video_id = source.uri.split("=")[-1]
        return Fetched(video_id=video_id, path=Path(source.uri), size_bytes=1, etag="1", is_spooled=False)

    def spans(self, fetched: Fetched) -> Spans | None:
        is_long = str(fetched.path).startswith("long")
        return Spans(1.0, float(SPANS), (1, 1), 0, "grey") if is_long else None

    def leave(self) -> None:
        """Have nothing to release."""

    def stitch(self, fetched: Fetched, ids: RowIds, spans: Spans) -> Any:
        self.owned = str(fetched.path)
        return PlayedStitcher(self.owned, fetched, ids)

    def join(self, source: Source, fetched: Fetched, *, is_here: bool) -> Fetched:
        assert is_here
        return fetched

    def look(
        self, fetched: Fetched, spans: Spans, number: int, after_index: int | None = None
    ) -> Iterator[Sights]:
        """Give `FRAMES` stretches of one frame each, of which the last says that the span ends."""
        name = str(fetched.path)
        with (self.notes / f"{name}.looks").open("a") as note:
            note.write(f"{os.getpid()} {number}\n")
        if "full" in name and self.owned != name and not (self.notes / "full").exists():
            (self.notes / "full").touch()
            raise TransientError("fetch", "no space left")
        for index in range(number * FRAMES, (number + 1) * FRAMES if number < SPANS else 0):
            if after_index is not None and index <= after_index:
                continue
            time.sleep(0.05)
            is_bad = number == 3 and index % FRAMES == 1
            if is_bad and ("poison" in name or ("shaky" in name and len(self.looks(name, 3)) == 1)):
                os.kill(os.getpid(), signal.SIGKILL)
            if is_bad and "damaged" in name:
                raise UnsplittableError("a packet is damaged")
            yield Sights((Sight(index, index, float(index), None, ()),), 0.0, None)
        facts: Any = "facts" if number >= SPANS - 1 else None
        yield Sights((), 0.0, SpanEnd(None, None, facts))

    def looks(self, name: str, number: int) -> list[str]:
        """Return who has looked at a span."""
        lines = (self.notes / f"{name}.looks").read_text().splitlines()
        return [line.split()[0] for line in lines if line.split()[1] == str(number)]

    def read(self, fetched: Fetched, ids: RowIds) -> Iterator[Chunk | Video]:
        name = str(fetched.path)
        with (self.notes / name.replace("=", "-")).open("a") as note:
            note.write(f"{ids.attempt_id}\n")
        for number in range(3):
            if number == 1 and name.startswith("broken"):
                raise SourceError("decode", f"{name}: no frame", "InvalidDataError")
            if number == 1 and name.startswith("killer"):
                os.kill(os.getpid(), signal.SIGKILL)
            if number == 1 and name.startswith("once") and self._tries(name) == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            if number == 1 and name.startswith("endless"):
                time.sleep(3600)
            if number == 1 and name.startswith("bug"):
                raise KeyError(name)
            if name.startswith("blank"):
                yield Chunk(cuts=(), position_s=float(number), duration_s=3.0)
                continue
            yield Chunk(cuts=((name, number),), position_s=float(number), duration_s=3.0)  # pyright: ignore
        yield video(fetched.video_id, ids)

    def _tries(self, name: str) -> int:
        return len((self.notes / name).read_text().splitlines())


class PlayedStitcher:
    """Hands on what it is given, so that its order can be seen."""

    def __init__(self, name: str, fetched: Fetched, ids: RowIds) -> None:
        self.name, self.fetched, self.ids = name, fetched, ids

    def add(self, sights: Sights) -> Iterator[Chunk]:
        """Give a batch per frame of the stretch, and of every other one a second batch."""
        for sight in sights.sights:
            for again in range(1 + sight.index % 2):
                cuts: Any = ((self.name, 2 * sight.index + again),)
                yield Chunk(cuts=cuts, position_s=0.0, duration_s=3.0)

    def sign(self) -> Chunk:
        return Chunk(cuts=(), position_s=0.0, duration_s=3.0)

    def finish(self) -> Iterator[Chunk | Video]:
        cuts: Any = ((self.name, LAST),)
        yield Chunk(cuts=cuts, position_s=3.0, duration_s=3.0)
        yield video(self.fetched.video_id, self.ids)


def video(video_id: str, ids: RowIds) -> Video:
    *_, row = rows.video(video_id, "uri", recipe_id=ids.recipe_id, attempt_id=ids.attempt_id)
    assert isinstance(row, Video)
    return replace(row, duration_s=3.0)


def clip(name: str, number: int) -> Clip:
    (row,) = (row for row in rows.video(name, name) if isinstance(row, Clip))
    return replace(row, clip_index=number)


class PlayedDescriber:
    def __init__(self, notes: Path) -> None:
        self.notes = notes

    def describe(self, cuts: Any) -> Described:
        ((name, number),) = cuts
        if name.startswith("mute"):
            raise SourceError("describe", f"{name}: the scores are not finite")
        if name.startswith("slow"):
            time.sleep(0.2)
        if name.startswith("fatal"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith("stunning") and not (self.notes / "stunned").exists():
            (self.notes / "stunned").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Described((clip(name, number),), answers=(), findings=(), pictures=(), describe_s=0.5)


class Notes:
    """Makes readers and describers that write down what they do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def reader(self) -> Any:
        return PlayedReader(self.path)

    def describer(self) -> Any:
        return PlayedDescriber(self.path)


def always(job: Job, video_id: str) -> bool:
    return True


def scan(
    names: list[str], notes: Path, claim: Claim = always, **config: Any
) -> tuple[list[Outcome], list[Position]]:
    numbers = itertools.count()
    positions: list[Position] = []
    made = Notes(notes)
    with Fleet(FleetConfig(**{"readers": 2, **config}), made.reader, made.describer) as fleet:
        jobs = [Job(source(name)) for name in names]
        found = fleet.scan(
            jobs, lambda: RowIds("recipe", f"a{next(numbers)}", "scan"), claim, positions.append
        )
        return list(found), positions


def clips_of(outcomes: list[Outcome], name: str) -> list[int]:
    """Return the numbers of a video's clips as they came; those of attempts that failed do not count."""
    done = last(outcomes, name)
    assert isinstance(done, Done)
    parts = [part for part in outcomes if isinstance(part, Part) and part.job.source.uri == name]
    of_attempt = [part for part in parts if part.attempt_id == done.video.attempt_id]
    clips = [row for part in of_attempt for of_table in part.rows for row in of_table.records()]
    return [row.clip_index for row in clips if isinstance(row, Clip)]


def last(outcomes: list[Outcome], name: str) -> Outcome:
    (found,) = [
        outcome
        for outcome in outcomes
        if outcome.job.source.uri == name
        and not isinstance(outcome, Part)
        and not (isinstance(outcome, Failed) and not outcome.is_last)
    ]
    return found


def test_every_source_ends_once_whatever_happens(tmp_path: Path) -> None:
    names = ["fine-1", "broken", "killer", "once", "gone", "bug", "mute", "stunning", "fine-2", "twin=fine-1"]
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
    assert time.monotonic() - started < 60


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


LAST = 99
IN_ORDER = [2 * n + again for n in range(SPANS * FRAMES) for again in range(1 + n % 2)] + [LAST]


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
