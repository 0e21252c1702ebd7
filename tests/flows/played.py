"""Outcomes as a fleet would yield them, without one: made rows for jobs, by what the content says."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from storage.archive import Fetched, fetch
from storage.records import AnswerRecord, Box, Clip, Finding, Shot, Source, Track, Video
from tests.storage.rows import video
from workers.evidence import Picture
from workers.failure import failure_of
from workers.fleet import Fleet
from workers.outcome import Claim, Done, Duplicate, Failed, Job, Outcome, Part, Position
from workers.reader import RowIds
from workers.rows import rows_by_table

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def job(uri: str, *, recipe_id: str = "recipe", attempt: int = 1) -> Job:
    return Job(Source(uri, 1, "1", NOW, NOW, "scan", recipe_id), attempt)


def done(
    of: Job, video_id: str, ids: RowIds | None = None, tracks: int = 1, **changed: Any
) -> tuple[Part, Part, Done]:
    """Return a video with one clip per track, as it comes: what was read, what was answered, that it is done.

    `changed` are fields of its `videos` row.
    """
    keys = ids or RowIds(of.source.recipe_id, "attempt", "scan")
    rows = video(video_id, of.source.uri, recipe_id=keys.recipe_id, attempt_id=keys.attempt_id, tracks=tracks)

    def kind(record: type) -> tuple[Any, ...]:
        return tuple(row for row in rows if isinstance(row, record))

    of_video: Video = replace(kind(Video)[0], scan_id=keys.scan_id, findings=len(kind(Finding)), **changed)
    pictures = tuple(Picture(clip.evidence, b"picture") for clip in kind(Clip))
    read = rows_by_table(kind(Shot) + kind(Track) + kind(Box))
    answered = rows_by_table(kind(Clip) + kind(AnswerRecord) + kind(Finding))
    return (
        Part(of, keys.attempt_id, read),
        Part(of, keys.attempt_id, answered, pictures),
        Done(of, of_video),
    )


def failed(of: Job, video_id: str | None, **changed: Any) -> Failed:
    end = Failed(
        *(of, video_id, "decode", "InvalidDataError", "no frame"),
        is_retryable=False,
        is_quarantined=False,
        is_last=True,
    )
    return replace(end, **changed)


class PlayedFleet(Fleet):
    """Hashes files and asks for claims as a fleet does; what a file says is what becomes of it.

    `faces 2` and `faces 0` are videos, `broken` fails for good, `flaky` fails for now, all else is a row that
    does not fit. Copies come first, so that they wait for who reads.

    Args:
        spool_dir: for copies of what is not local.
    """

    def __init__(self, spool_dir: Path = Path("/nowhere")) -> None:
        self._spool_dir = spool_dir
        self.read: list[str] = []
        """Names of what was read."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        pass

    def scan(
        self,
        jobs: Iterable[Job],
        new_ids: Callable[[], RowIds],
        claim: Claim,
        on_position: Callable[[Position], None] = lambda _: None,
        on_turn: Callable[[], None] = lambda: None,
    ) -> Iterator[Outcome]:
        fetched: list[tuple[Job, Fetched]] = []
        for job in jobs:
            try:
                fetched.append((job, fetch(job.source.uri, self._spool_dir, job.source.etag)))
            except OSError as error:
                why = failure_of(error, "fetch", job.source.uri)
                yield failed(
                    *(job, None), stage="fetch", error=why.error, message=why.message, is_retryable=True
                )
        mine = [(job, found) for job, found in fetched if claim(job, found.video_id)]
        yield from (Duplicate(job, found.video_id) for job, found in fetched if (job, found) not in mine)
        for job, found in mine:
            on_position(Position(job, 0.0, None))
            on_turn()
            self.read.append(job.source.uri.rpartition("/")[2])
            words = found.path.read_text().split()
            match words:
                case "faces", number, *_:
                    yield from done(job, found.video_id, new_ids(), tracks=int(number))
                case "broken", *_:
                    yield failed(job, found.video_id)
                case "flaky", *_:
                    yield failed(job, None, error="OSError", message="stale", is_retryable=True)
                case _:
                    yield from done(job, found.video_id, new_ids(), codec="\ud800")
