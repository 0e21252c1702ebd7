"""Readers and describers that misbehave as the names of their sources say, for fleets over a real Ray."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.archive import Fetched
from storage.records import Clip, Source, Video
from tests.storage import rows
from tests.workers.memory import little_memory
from workers.describer import Described
from workers.failure import SourceError, TransientError
from workers.outcome import Done, Failed, Job, Outcome, Part
from workers.reader import Chunk, RowIds
from workers.sight import Sight, Sights
from workers.video.spans import SpanEnd, Spans, UnsplittableError

SPANS, FRAMES = 6, 3
"""Of a long video, and frames of each of its spans."""
LAST = 99
IN_ORDER = [2 * n + again for n in range(SPANS * FRAMES) for again in range(1 + n % 2)] + [LAST]
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
        while "full" in name and not (self.notes / "full").exists():
            time.sleep(0.05)  # until another reader has come up and tried to help
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
        if name.startswith("heavy"):
            self._meet()
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
            if number == 1 and name.startswith("hungry"):
                with little_memory(64 << 20):
                    bytearray(1 << 30)
            time.sleep(0.3 if name.startswith("heavy") else 0)
            if name.startswith("blank"):
                yield Chunk(cuts=(), position_s=float(number), duration_s=3.0)
                continue
            # As large as pictures are: it lies in the object store of the reader's machine.
            ballast = (bytes(300_000),) if name.startswith("heavy") else ()
            cuts: Any = ((name, number, *ballast),)
            yield Chunk(cuts=cuts, position_s=float(number), duration_s=3.0)
        yield video(fetched.video_id, ids)

    def _meet(self) -> None:
        """Wait until two readers have been at work."""
        (self.notes / f"reader-{os.getpid()}").touch()
        while len(list(self.notes.glob("reader-*"))) < 2:
            time.sleep(0.1)

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
        ((name, number, *_),) = cuts
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
