"""The plan: what the archives hold, minus what the lake knows under this recipe."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime

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
    reason: str | None
    is_settled: bool
    failure_stage: str | None
    failure_error: str | None
    failure_message: str | None
    failure_attempt: int | None
    failed_at: datetime | None

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
    """Goes through a listing once: records what is new, leaves what is settled, gathers what is to be read.

    Args:
        lake: what is known, and where the listing is recorded.
        scan_id: of this run.
        recipe_id: of this run.
    """

    def __init__(self, lake: Lake, scan_id: str, recipe_id: str) -> None:
        self.listed: set[str] = set()
        """Every uri of the listing."""
        self._lake = lake
        self._known = known_sources(lake, recipe_id)
        self._scan_id = scan_id
        self._recipe_id = recipe_id
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
            self.listed.add(item.uri)
            on_listed(len(self.listed))
            job = self._job(item)
            if job is not None and (limit is None or len(jobs) < limit):
                jobs.append(job)
            if len(self._rows) >= BATCH_ROWS:
                self._flush()
        self._flush()
        return [Shard(jobs[start : start + SHARD_SOURCES]) for start in range(0, len(jobs), SHARD_SOURCES)]

    def _job(self, item: Listed) -> Job | None:
        """Record the source unless the lake says the same of it; return a job unless it needs none."""
        known = self._known.get(item.uri)
        if known is not None and (known.size_bytes, known.etag) != (item.size_bytes, item.etag):
            known = None  # it has changed since
        source = self._source(item)
        match item.fate:
            case Skip(reason):
                if known is None or (known.status, known.reason) != ("skipped", reason):
                    self._rows.append(source)
                return None
            case Fail(error, message):
                if known is None or (known.failure_error, known.failure_message) != (error, message):
                    self._rows += [source, self._failure(source, error, message)]
                return None
            case _:
                pass
        # What was skipped by its name may be taken by a later facesift.
        if known is None or known.status == "skipped":
            self._rows.append(source)
            return Job(source)
        return None if known.is_settled else Job(source, known.next_attempt)

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

    def _failure(self, source: Source, error: str, message: str) -> Failure:
        return Failure(
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

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        self._lake.append(rows)
