"""The plan: what the archives hold, minus what the lake knows under this recipe."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from flows.summary import ListedFailure, Tally
from storage.archive import Fail, Listed, Skip
from storage.lake import Lake
from storage.records import Failure, Source
from workers.fleet import MAX_ATTEMPTS, Job

SHARD_SOURCES = 1000
"""Sources per shard: enough for its end, where readers wait for the last video, not to matter."""
BATCH_SOURCES = 20_000
"""Rows of `sources` per commit while listing."""


class Shard:
    """Sources that are read together; knows which of them have no end yet."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._remaining = {job.source.uri: job for job in jobs}

    def __len__(self) -> int:
        return len(self._remaining)

    def remaining(self) -> list[Job]:
        """Return the jobs that have no committed end."""
        return list(self._remaining.values())

    def settle(self, job: Job) -> None:
        """Mark a job's end as committed."""
        self._remaining.pop(job.source.uri, None)
