"""The committer: outcomes of the fleet in, rows of the lake out."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from types import TracebackType
from typing import Self

from storage.lake import Lake, LakeError
from storage.records import Failure, Record, Source, Video
from storage.tables import table_of, to_arrow
from workers.outcome import Done, Duplicate, Failed, Job, Outcome

FLUSH_S = 5.0
"""Rows wait at most so long for a commit: what a killed run has to read again."""
FLUSH_OUTCOMES = 256
"""Or until so many outcomes have come together: what the driver holds in memory."""


class Committer:
    """Gathers outcomes and commits their rows together, each table once, `videos` last.

    A Delta commit of every table takes some 0.2 s whatever its size, so committing video by video would spend
    more time in commits than in reading. A context manager; a clean exit commits the rest.

    Args:
        lake: where the rows go.
        scan_id: of this run.
        recipe_id: of this run.
        on_committed: told of every outcome once its rows are safe.
    """

    def __init__(
        self, lake: Lake, scan_id: str, recipe_id: str, on_committed: Callable[[Outcome], None]
    ) -> None:
        self._lake = lake
        self._scan_id = scan_id
        self._recipe_id = recipe_id
        self._on_committed = on_committed
        self._outcomes: list[Outcome] = []
        self._last_flush_s = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, LakeError):
            self.flush()

    def fitting(self, outcome: Outcome) -> Outcome:
        """Return the outcome, or the failure that it becomes when a row of it does not fit its table.

        Asked before anything else learns of the outcome: at the commit, one such row would refuse the rows of
        all, and copies of the video would already count as copies of a result.
        """
        if not isinstance(outcome, Done):
            return outcome
        for kind, rows in groupby(self._rows(outcome), type):
            try:
                to_arrow(list(rows))
            except (ValueError, TypeError, OverflowError) as error:
                return Failed(
                    outcome.job,
                    outcome.reading.video.video_id,
                    "commit",
                    type(error).__name__,
                    f"its rows do not fit the table {table_of(kind).name}: {error}",
                    is_retryable=False,
                    is_quarantined=False,
                    is_last=True,
                )
        return outcome

    def add(self, outcome: Outcome) -> None:
        """Take an outcome; commit when enough of them, or enough time, has come together."""
        self._outcomes.append(outcome)
        if len(self._outcomes) >= FLUSH_OUTCOMES or time.monotonic() - self._last_flush_s > FLUSH_S:
            self.flush()

    def tick(self) -> None:
        """Commit what has waited long enough; to be called while no outcome comes."""
        if self._outcomes and time.monotonic() - self._last_flush_s > FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Commit what has been gathered; pictures first, so that no row points at one that is not there.

        Raises:
            LakeError: the lake did not take it. What was gathered is dropped: rows of an append that failed
                must not be appended again, but read again as another attempt.
        """
        outcomes, self._outcomes = self._outcomes, []
        for outcome in outcomes:
            if isinstance(outcome, Done):
                for picture in outcome.pictures:
                    self._lake.put_evidence(picture.path, picture.data)
        if outcomes:
            self._lake.append([row for outcome in outcomes for row in self._rows(outcome)])
        for outcome in outcomes:
            self._on_committed(outcome)
        self._last_flush_s = time.monotonic()

    def _rows(self, outcome: Outcome) -> Iterator[Record]:
        match outcome:
            case Done(job=job, reading=reading):
                yield self._source(job, reading.video.video_id)
                yield from (*reading.shots, *reading.tracks, *reading.boxes)
                yield from (*outcome.clips, *outcome.answers, *outcome.findings)
                yield replace(
                    _with_unanswered(outcome),
                    findings=len(outcome.findings),
                    describe_s=outcome.describe_s,
                    committed_at=datetime.now(UTC),
                )
            case Duplicate(job=job, video_id=video_id):
                yield self._source(job, video_id)
            case Failed(job=job, video_id=video_id):
                if video_id is not None:
                    yield self._source(job, video_id)
                yield self._failure(outcome)

    def _source(self, job: Job, video_id: str) -> Source:
        return replace(job.source, video_id=video_id, scan_id=self._scan_id, listed_at=datetime.now(UTC))

    def _failure(self, failed: Failed) -> Failure:
        source = failed.job.source
        return Failure(
            uri=source.uri,
            video_id=failed.video_id,
            recipe_id=self._recipe_id,
            scan_id=self._scan_id,
            size_bytes=source.size_bytes,
            etag=source.etag,
            stage=failed.stage,
            error=failed.error,
            # It may quote a name or a header that is no text; the row that says so must fit.
            message=failed.message.encode(errors="backslashreplace").decode(),
            attempt=failed.job.attempt,
            is_retryable=failed.is_retryable,
            is_quarantined=failed.is_quarantined,
            failed_at=datetime.now(UTC),
        )


def _with_unanswered(done: Done) -> Video:
    """Return the video's row, marked as partial when the model gave no answers about some of its clips."""
    video, reasons = done.reading.video, done.unanswered
    if not reasons:
        return video
    lacking = f"{len(reasons)} of {len(done.clips)} clips have no answers ({reasons[0]})"
    reason = f"{video.partial_reason}; {lacking}" if video.partial_reason else lacking
    return replace(video, is_partial=True, partial_reason=reason)
