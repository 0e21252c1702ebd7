"""The plan: what the archives hold, minus what the lake knows under this recipe."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from flows.summary import ListedFailure, Tally
from storage.archive import Fail, Listed, Skip
from storage.catalog import Catalog
from storage.lake import Lake
from storage.records import Failure, Record, Source
from workers.outcome import CRASHES, MAX_ATTEMPTS, Job

SHARD_SOURCES = 1000
"""Sources per shard: enough that its end, where readers wait for the last video, does not matter."""
BATCH_ROWS = 20_000
"""Rows per commit while listing."""


class Shard:
    """Sources that are read together; knows which of them have no end yet."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._remaining = {job.source.uri: job for job in jobs}

    def __len__(self) -> int:
        return len(self._remaining)

    def remaining(self) -> list[Job]:
        """Return the jobs that have no committed end."""
        return list(self._remaining.values())

    def settle(self, job: Job) -> bool:
        """Mark a job's end as committed; return whether it had none before."""
        return self._remaining.pop(job.source.uri, None) is not None


@dataclass(frozen=True, slots=True)
class Known:
    """What the lake knows of a source under this recipe; the fields are those of the view `listings`."""

    uri: str
    size_bytes: int | None
    etag: str | None
    status: str
    is_settled: bool
    failure_stage: str | None
    failure_error: str | None
    failure_message: str | None
    failure_attempt: int | None

    @property
    def next_attempt(self) -> int:
        """One attempt is left to a source that has killed its reader once already."""
        if self.failure_error in CRASHES and self.failure_attempt is not None:
            return min(self.failure_attempt + 1, MAX_ATTEMPTS)
        return 1


def known_sources(lake: Lake, recipe_id: str) -> dict[str, Known]:
    """Return what the lake knows under a recipe, by uri."""
    names = [part.name for part in fields(Known)]
    rows = Catalog(lake).view("listings", recipe_id=recipe_id).select(names)
    return {row["uri"]: Known(**row) for batch in rows.to_batches() for row in batch.to_pylist()}


class Plan:
    """Goes through a listing once: records what is new, counts what is settled, gathers what is to be read.

    Args:
        lake: what is known, and where the listing is recorded.
        scan_id: of this run.
        recipe_id: of this run.
        tally: where sources that need no reading are counted.
    """

    def __init__(self, lake: Lake, scan_id: str, recipe_id: str, tally: Tally) -> None:
        self._lake = lake
        self._known = known_sources(lake, recipe_id)
        self._scan_id = scan_id
        self._recipe_id = recipe_id
        self._tally = tally
        self._rows: list[Record] = []

    def shards(
        self, listed: Iterable[Listed], *, limit: int | None, on_listed: Callable[[int], None]
    ) -> list[Shard]:
        """Return what is to be read.

        Args:
            listed: the archives' listing.
            limit: read at most so many; the rest is recorded and stays pending.
            on_listed: told how many sources have been listed so far.
        """
        jobs: list[Job] = []
        for item in listed:
            self._tally.listed += 1
            on_listed(self._tally.listed)
            job = self._job(item)
            if job is None:
                continue
            if limit is not None and len(jobs) >= limit:
                self._tally.by_status["pending"] += 1
            else:
                jobs.append(job)
            if len(self._rows) >= BATCH_ROWS:
                self._flush()
        self._flush()
        return [Shard(jobs[start : start + SHARD_SOURCES]) for start in range(0, len(jobs), SHARD_SOURCES)]

    def _job(self, item: Listed) -> Job | None:
        """Record the source unless the lake knows this version of it; return a job unless it needs none."""
        known = self._known.get(item.uri)
        if known is not None and (known.size_bytes, known.etag) != (item.size_bytes, item.etag):
            known = None  # it has changed since
        source = self._source(item)
        match item.fate:
            case Skip():
                self._tally.by_status["skipped"] += 1
                if known is None:
                    self._rows.append(source)
                return None
            case Fail(error=error, message=message):
                self._fail(source, error, message, is_new=known is None)
                return None
            case _:
                pass
        if known is None:
            self._rows.append(source)
        elif known.is_settled:
            self._count_settled(known)
            return None
        return Job(source, known.next_attempt if known else 1)

    def _source(self, item: Listed) -> Source:
        return Source(
            uri=item.uri,
            size_bytes=item.size_bytes,
            etag=item.etag,
            modified_at=item.modified_at,
            listed_at=datetime.now(UTC),
            scan_id=self._scan_id,
            recipe_id=self._recipe_id,
            skip_reason=item.fate.reason if isinstance(item.fate, Skip) else None,
        )

    def _fail(self, source: Source, error: str, message: str, *, is_new: bool) -> None:
        self._tally.by_status["failed"] += 1
        self._tally.failures.append(ListedFailure(source.uri, "list", error, message, is_new=is_new))
        if is_new:
            failed = Failure(
                uri=source.uri,
                video_id=None,
                recipe_id=self._recipe_id,
                scan_id=self._scan_id,
                size_bytes=source.size_bytes,
                etag=source.etag,
                stage="list",
                error=error,
                message=message,
                attempt=1,
                is_retryable=True,
                is_quarantined=False,
                failed_at=datetime.now(UTC),
            )
            self._rows += [source, failed]

    def _count_settled(self, known: Known) -> None:
        self._tally.by_status[known.status] += 1
        if known.status == "failed":
            what = (known.failure_stage or "", known.failure_error or "", known.failure_message or "")
            self._tally.failures.append(ListedFailure(known.uri, *what, is_new=False))

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        self._lake.append(rows)
