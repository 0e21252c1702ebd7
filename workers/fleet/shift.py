"""A shift: who works on one scan, what waits for them, and what is awaited of them."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, cast

from workers.fleet.attempt import Attempt, Batch, Division, Ref
from workers.fleet.config import FleetConfig
from workers.fleet.meter import Meter, Work
from workers.fleet.post import Post
from workers.outcome import Job, Outcome
from workers.reader import RowIds

Then = Callable[[Any], Iterator[Outcome]]
"""Takes the value of a reply and yields what comes of it."""


class Awaited(NamedTuple):
    """A reply to come: whose, for which attempt, and what follows it."""

    post: Post
    attempt: Attempt | None
    then: Then


class Shift:
    """What the parts of a scan's loop share. It decides nothing.

    Args:
        config: of the fleet.
        posts: readers and describers, with their actors.
        jobs: pulled one by one.
        new_ids: makes the ids of an attempt.
        meter: told of every reply.
    """

    def __init__(
        self,
        config: FleetConfig,
        posts: tuple[Sequence[Post], Sequence[Post]],
        *,
        jobs: Iterator[Job],
        new_ids: Callable[[], RowIds],
        meter: Meter,
    ) -> None:
        self.config = config
        self.readers, self.describers = map(tuple, posts)
        self.new_ids = new_ids
        self.meter = meter
        self.batches: deque[Batch] = deque()
        """Clips that wait for a describer."""
        self.again: deque[Job] = deque()
        """Jobs to be read once more."""
        self.losses: Counter[str] = Counter()
        """How often a source was lost with a machine that had to do with it."""
        self._jobs = jobs
        self._next_job = next(jobs, None)
        self._awaited: dict[Ref, Awaited] = {}

    @property
    def posts(self) -> tuple[Post, ...]:
        """Readers and describers."""
        return self.readers + self.describers

    @property
    def has_work(self) -> bool:
        """Whether anything waits or is being done."""
        is_waiting = bool(self.batches or self.again) or self._next_job is not None
        return is_waiting or any(post.is_busy for post in self.posts)

    @property
    def has_room(self) -> bool:
        """Whether readers may go on to cut clips: else the describers are behind."""
        describers = sum(post.is_up for post in self.describers) or 1
        return len(self.batches) < self.config.queued_batches * describers

    @property
    def divided(self) -> list[Attempt]:
        """The divided videos in work, those with the most spans left first."""
        attempts = [post.attempt for post in self.readers if post.attempt is not None]
        divided = [(a.division.spans_left, a) for a in attempts if a.division is not None and not a.is_over]
        return [a for _, a in sorted(divided, key=lambda pair: -pair[0])]

    @property
    def waiting_bytes(self) -> int:
        """Of stretches of spans that wait for their turn."""
        return sum(cast("Division", attempt.division).waiting_bytes for attempt in self.divided)

    def take_job(self) -> Job | None:
        """Return the next video to be read; None when there is none left."""
        if self.again:
            return self.again.popleft()
        job, self._next_job = self._next_job, next(self._jobs, None)
        return job

    @property
    def refs(self) -> list[Ref]:
        """All replies that are awaited."""
        return list(self._awaited)

    def expect(
        self, post: Post, attempt: Attempt | None, work: Work, ref: Ref, then: Then, *, extra_s: float = 0.0
    ) -> None:
        """Await a reply.

        Args:
            post: whose actor was asked.
            attempt: it is about.
            work: that was asked for.
            ref: of the reply.
            then: what follows it.
            extra_s: that the actor may be silent for, beyond `FleetConfig.stall_s`.
        """
        post.ref, post.since_s, post.patience_s = ref, time.monotonic(), self.config.stall_s + extra_s
        post.work = work
        post.is_looking = False
        self._awaited[ref] = Awaited(post, attempt, then)

    def replied(self, ref: Ref) -> Awaited:
        """Return what a reply was awaited for; it is awaited no more."""
        awaited = self._awaited.pop(ref)
        post = awaited.post
        post.ref = None
        self.meter.replied(post.name, post.role, post.work, awaited.attempt, post.since_s)
        return awaited
