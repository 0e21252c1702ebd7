"""The committer: outcomes of the fleet in, rows of the lake out."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from storage.lake import Lake, LakeError
from storage.records import Failure, Record, Source
from workers.evidence import Picture
from workers.failure import SourceError
from workers.outcome import Done, Duplicate, Failed, Job, Outcome, Part
from workers.rows import rows_by_table

FLUSH_S = 5.0
"""Rows wait at most so long for a commit: what a killed run has to read again."""
FLUSH_OUTCOMES = 256
"""Or until so many outcomes have come together,"""
FLUSH_BYTES = 32 << 20
"""or so many bytes of parts: what the driver holds in memory."""
PUTS = 16
"""So many pictures are on their way at once, for an object store takes its time for each; see
`benchmarks/evidence.py`."""


class Committer:
    """Gathers outcomes and commits their rows together, each table once, `videos` last.

    A Delta commit of every table takes some 0.2 s whatever its size, so committing video by video would spend
    more time in commits than in reading. Parts wait for the end of their attempt, which says whether they
    count; when there are too many bytes of them, as of long videos, they go before it, and nobody sees them
    until it is there. A context manager; a clean exit commits the rest.

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
        self._parts: list[Part] = []
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
        try:
            rows_by_table(self._rows(outcome))
        except SourceError as error:
            return Failed.of(outcome.job, outcome.video.video_id, error)
        return outcome

    def add(self, outcome: Outcome) -> None:
        """Take an outcome; commit when enough of them, or enough time, has come together."""
        if isinstance(outcome, Part):
            self._parts.append(outcome)
            if sum(part.nbytes for part in self._parts) >= FLUSH_BYTES:
                parts, self._parts = self._parts, []
                self._append(parts)
            return
        self._outcomes.append(outcome)
        if isinstance(outcome, Failed):
            self._parts = [part for part in self._parts if part.job != outcome.job]
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
        done = {outcome.job: outcome.video.attempt_id for outcome in outcomes if isinstance(outcome, Done)}
        # Of a job that is done, parts of other attempts are those of one that was begun again.
        parts = [part for part in self._parts if done.get(part.job) == part.attempt_id]
        self._parts = [part for part in self._parts if part.job not in done]
        if outcomes:
            self._append(parts, [row for outcome in outcomes for row in self._rows(outcome)])
        for outcome in outcomes:
            self._on_committed(outcome)
        self._last_flush_s = time.monotonic()

    def _append(self, parts: Sequence[Part], rows: Sequence[Record] = ()) -> None:
        pictures = [picture for part in parts for picture in part.pictures]
        with ThreadPoolExecutor(PUTS) as pool:
            # The first that fails raises here, and those that have not been begun are left.
            list(pool.map(self._put, pictures))
        self._lake.append([*(of_table for part in parts for of_table in part.rows), *rows])

    def _put(self, picture: Picture) -> None:
        self._lake.put_evidence(picture.path, picture.data)

    def _rows(self, outcome: Outcome) -> Iterator[Record]:
        match outcome:
            case Part():
                pass
            case Done(job=job, video=video):
                yield self._source(job, video.video_id)
                yield replace(video, committed_at=datetime.now(UTC))
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
