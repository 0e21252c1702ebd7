"""The plan: what the archives hold, minus what the lake knows under this recipe."""

from collections.abc import Callable, Iterable, Iterator

from storage.archive import Listed
from storage.inventory import Inventory, Wanted
from storage.records import Source
from workers.outcome import CRASHES, MAX_ATTEMPTS, Job

SHARD_SOURCES = 1000
"""Sources per shard: enough that its end, where readers wait for the last video, does not matter."""
BLOCK_SOURCES = 20 * SHARD_SOURCES
"""Sources that are asked for at once: each question goes through all that is wanted."""


class Shard:
    """Sources that are read together; knows which of them have no end yet.

    Args:
        jobs: one per source.
        name: to show, such as `shard 2 of 7`.
    """

    def __init__(self, jobs: Iterable[Job], name: str = "shard 1 of 1") -> None:
        self.name = name
        self._remaining = {job.source.uri: job for job in jobs}

    def __len__(self) -> int:
        return len(self._remaining)

    def remaining(self) -> list[Job]:
        """Return the jobs that have no committed end."""
        return list(self._remaining.values())

    def settle(self, job: Job) -> bool:
        """Mark a job's end as committed; return whether it had none before."""
        return self._remaining.pop(job.source.uri, None) is not None


class Shards:
    """All that is to be read, shard after shard: only a block of them is in memory.

    Args:
        inventory: the listing, compared.
        make_source: of an object that is to be read.
    """

    def __init__(self, inventory: Inventory, make_source: Callable[[Wanted], Source]) -> None:
        self._inventory = inventory
        self._make_source = make_source

    @property
    def sources(self) -> int:
        """How many objects are to be read."""
        return self._inventory.planned

    def __len__(self) -> int:
        return (self.sources + SHARD_SOURCES - 1) // SHARD_SOURCES

    def __iter__(self) -> Iterator[Shard]:
        for first in range(0, self.sources, BLOCK_SOURCES):
            block = self._inventory.wanted(first, first + BLOCK_SOURCES)
            for start in range(0, len(block), SHARD_SOURCES):
                found = block[start : start + SHARD_SOURCES]
                jobs = [Job(self._make_source(wanted), _attempt(wanted)) for wanted in found]
                yield Shard(jobs, f"shard {(first + start) // SHARD_SOURCES + 1} of {len(self)}")


class Plan:
    """Goes through a listing once: records what is new, leaves what is settled, finds what is to be read.

    Args:
        inventory: where the listing goes.
        scan_id: of this run.
        recipe_id: of this run.
    """

    def __init__(self, inventory: Inventory, scan_id: str, recipe_id: str) -> None:
        self._inventory = inventory
        self._scan_id = scan_id
        self._recipe_id = recipe_id

    def shards(
        self, listed: Iterable[Listed], *, limit: int | None, on_listed: Callable[[int], None]
    ) -> Shards:
        """Return what is to be read.

        Args:
            listed: the archives' listing; what came before it broke off is recorded.
            limit: read at most so many; the rest is recorded and stays pending.
            on_listed: told how many sources have been listed so far.
        """
        try:
            self._inventory.add(listed, on_listed)
        finally:
            self._inventory.compare(limit)
            self._inventory.record(self._scan_id)
        return Shards(self._inventory, self._source)

    def _source(self, wanted: Wanted) -> Source:
        return Source(
            uri=wanted.uri,
            size_bytes=wanted.size_bytes,
            etag=wanted.etag,
            modified_at=wanted.modified_at,
            listed_at=wanted.listed_at,
            scan_id=self._scan_id,
            recipe_id=self._recipe_id,
        )


def _attempt(wanted: Wanted) -> int:
    """Return the number of the next attempt: one is left to a source that has killed its reader once."""
    if wanted.failure_error in CRASHES and wanted.failure_attempt is not None:
        return min(wanted.failure_attempt + 1, MAX_ATTEMPTS)
    return 1
