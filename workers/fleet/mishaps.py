"""Mishaps: what becomes of work when an actor fails at it, dies, falls silent, or is lost with its machine.

Whose fault it is decides what it costs. What an actor raises ends the attempt; a death counts against what
the actor worked on; a machine that is lost is nobody's fault, and what was on it is done again.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import ray
from ray.exceptions import ObjectLostError, OutOfMemoryError, RayError

from workers.failure import SourceError, TransientError, WorkerError, failure_of, one_line
from workers.fleet.attempt import Attempt, Batch
from workers.fleet.config import FleetError
from workers.fleet.ending import crash_of, crashed, failed
from workers.fleet.post import Post
from workers.fleet.shift import Shift
from workers.outcome import MAX_ATTEMPTS, Crash, Outcome
from workers.video.spans import UnsplittableError

LOG = logging.getLogger("facesift.fleet")

MAX_STARTS = 3
"""An actor that so often dies before it is up will not come up."""
NOTICE_S = 20.0
"""Ray notices so late, at most, that another machine is gone: it asks five times, every three seconds."""
LOOK_S = 0.5
"""Between two questions which machines there are."""
MAX_LOSSES = 5
"""A source that was lost with machines so often may be what brings them down: it is left to the next scan."""


class _Missing(NamedTuple):
    """An actor that died on another machine, and until when that may turn out to be gone."""

    post: Post
    error: RayError
    until_s: float


class Mishaps:
    """One method per kind of mishap; each yields the outcomes that follow.

    Args:
        shift: whose work it was.
    """

    def __init__(self, shift: Shift) -> None:
        self._shift = shift
        self._missing: list[_Missing] = []
        self._looked_s = -LOOK_S

    @property
    def has_missing(self) -> bool:
        """Whether it is not known yet of some death what it was."""
        return bool(self._missing)

    def raised(self, post: Post, attempt: Attempt, error: BaseException) -> Iterator[Outcome]:
        """An actor lives, but what it was asked for raised."""
        if isinstance(error, ObjectLostError):
            yield from self.lost(post, attempt)
            return
        span, post.span = post.span, None
        looked_at = span if post.is_looking else None
        if looked_at is not None and (attempt.is_over or looked_at.division.is_beyond_end(looked_at.number)):
            return
        if isinstance(error, UnsplittableError):
            attempt.is_unsplittable = True
            return
        what = _failure(error, attempt, is_reader=post.batch is None)
        post.batch = None
        # One that only helped leaves the span to another, who may be luckier on another machine.
        helped = looked_at if post.attempt is None else None
        if helped is not None and helped.division.lose(helped.number, post) < MAX_ATTEMPTS:
            return
        yield from failed(attempt, what)

    def lost(self, post: Post, attempt: Attempt | None) -> Iterator[Outcome]:
        """What an actor was given, or has replied, went down with the machine that it lay on."""
        post.span = post.batch = None
        if attempt is not None:
            yield from self._read_again(attempt)

    def unavailable(self, post: Post, attempt: Attempt | None, error: RayError) -> Iterator[Outcome]:
        """Nothing is heard of an actor: it may be dead, or its machine. Ask again before anything is said."""
        if post.is_doubted:
            yield from self.died(post, error)
            return
        is_looking = post.is_looking
        sign = post.actor.ready.remote()
        # If it comes, what the actor was asked for is still not known to have been done.
        self._shift.expect(post, attempt, post.work, sign, lambda _: self._replaced(post))
        post.is_doubted, post.is_looking = True, is_looking

    def died(self, post: Post, error: RayError) -> Iterator[Outcome]:
        """An actor died, by itself, because it was silent, or with its machine."""
        if getattr(error, "actor_init_failed", False) or (not post.is_up and post.starts >= MAX_STARTS):
            raise FleetError(f"a worker does not start: {error}") from error
        self._shift.meter.died(post.role)
        LOG.warning("%s died", post.name, extra={"stage": post.work, "error": one_line(str(error))})
        is_elsewhere = post.node_id not in {"", ray.get_runtime_context().get_node_id()}
        if is_elsewhere and post.is_busy:
            post.is_missing = True
            self._missing.append(_Missing(post, error, time.monotonic() + NOTICE_S))
        else:
            yield from self._died_alone(post, error)

    def settle_missing(self) -> Iterator[Outcome]:
        """Say of actors that died on other machines what it was, once it is known or time is up."""
        now_s = time.monotonic()
        if not self._missing or now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        missing, self._missing = self._missing, []
        for one in missing:
            if one.post.node_id not in alive:
                yield from self._replaced(one.post)
            elif now_s > one.until_s:
                yield from self._died_alone(one.post, one.error)
            else:
                self._missing.append(one)

    def _died_alone(self, post: Post, error: RayError) -> Iterator[Outcome]:
        """An actor died and its machine did not: what it worked on may be why."""
        attempt, span, batch = post.attempt, post.span, post.batch
        is_stalled, is_looking = post.is_stalled, post.is_looking
        post.replace_actor()
        if batch is not None:
            yield from self._dead_over(batch, is_stalled=is_stalled)
            return
        is_dead_twice = False
        if span is not None and is_looking:
            is_dead_twice = span.division.lose(span.number, post) >= MAX_ATTEMPTS
        elif span is not None:
            span.division.give_back(span.number)
        crash = crash_of(is_stalled=is_stalled, is_memory=isinstance(error, OutOfMemoryError))
        if attempt is not None:
            yield from self._crashed(attempt, crash, is_last=is_dead_twice)
        elif span is not None and is_dead_twice and not span.attempt.is_over:
            yield from crashed(span.attempt, crash, is_last=True)

    def kill_silent(self) -> None:
        """Kill actors that have given no sign of life for too long; their replies will say so."""
        now_s = time.monotonic()
        for post in self._shift.posts:
            if post.ref is None or post.is_stalled or now_s - post.since_s <= post.patience_s:
                continue
            is_ready, _ = ray.wait([post.ref], timeout=0)  # the reply may have come while we were busy
            if not is_ready:
                post.is_stalled = True
                ray.kill(post.actor)

    def _replaced(self, post: Post) -> Iterator[Outcome]:
        """Make an actor anew that is not to blame, nor is what it worked on: that is done again."""
        attempt, span, batch = post.attempt, post.span, post.batch
        post.replace_actor()
        if batch is not None:
            self._shift.batches.appendleft(batch)
        if span is not None:
            span.division.give_back(span.number)
        if attempt is not None:
            yield from self._read_again(attempt)

    def _read_again(self, attempt: Attempt) -> Iterator[Outcome]:
        """Queue a video once more, as if this attempt had not been."""
        if attempt.has_failed:
            return
        uri = attempt.job.source.uri
        self._shift.losses[uri] += 1
        if self._shift.losses[uri] > MAX_LOSSES:
            message = f"machines that worked on it were lost {MAX_LOSSES + 1} times; the next scan reads it"
            yield from failed(attempt, TransientError("decode", message, "NodeDied"))
            return
        attempt.has_failed = True
        self._shift.again.append(attempt.job)

    def _dead_over(self, batch: Batch, *, is_stalled: bool) -> Iterator[Outcome]:
        batch.deaths += 1
        if batch.deaths < MAX_ATTEMPTS:
            self._shift.batches.appendleft(batch)
            return
        crash: Crash = "DescriberStalled" if is_stalled else "DescriberDied"
        yield from crashed(batch.attempt, crash, is_last=True)

    def _crashed(self, attempt: Attempt, crash: Crash, *, is_last: bool) -> Iterator[Outcome]:
        """Report a death, and queue the video once more unless this was its last attempt."""
        job = attempt.job
        is_last = is_last or job.attempt >= MAX_ATTEMPTS
        if not is_last and not attempt.has_failed:
            self._shift.again.append(replace(job, attempt=job.attempt + 1))
        yield from crashed(attempt, crash, is_last=is_last)


def _failure(error: BaseException, attempt: Attempt, *, is_reader: bool) -> WorkerError:
    """Return the failure that an error of an actor stands for.

    What is no WorkerError and no shortage of the machine is a bug of ours. The same video meets it again in a
    reader; what a describer meets may as well be its device's fault.
    """
    if isinstance(error, WorkerError):
        return error
    if isinstance(error, MemoryError | OSError):
        return failure_of(error, "detect" if is_reader else "describe", attempt.job.source.uri)
    if is_reader:
        return SourceError("detect", repr(error), type(error).__name__)
    return TransientError("describe", repr(error), type(error).__name__)
