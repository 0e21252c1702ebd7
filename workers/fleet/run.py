"""One scan of the fleet: the loop that gives work, and what becomes of the replies."""

import logging
import math
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, cast

import ray
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from storage.listing import Fetched
from storage.records import Video
from workers.failure import SourceError, TransientError, WorkerError
from workers.fleet.actors import Look, SpanTask, Step
from workers.fleet.answered import Answered, first_reason, is_mute, with_answers
from workers.fleet.attempt import Attempt, Batch, Division, Ref, Span
from workers.fleet.config import FleetConfig, FleetError
from workers.fleet.ending import crash_of, crashed, failed
from workers.fleet.meter import Meter, Work
from workers.fleet.metrics import Role
from workers.fleet.post import Post
from workers.frames import Spans
from workers.outcome import MAX_ATTEMPTS, Claim, Crash, Done, Duplicate, Job, Outcome, Part, Position
from workers.reader import RowIds
from workers.spans import UnsplittableError

LOG = logging.getLogger("facesift.fleet")

SHOW_S = 1.0
"""Seconds between two looks of the metrics at how things stand."""
START_S = 300.0
"""An actor may take so long to start: it imports its libraries from a disk that may be slow."""
MAX_STARTS = 3
"""An actor that so often dies before it is up will not come up."""
SLOWEST_FETCH_BYTES_PER_S = 5e6
"""A source may take so long to hash, to arrive or to be gone through up to a span, without a sign of life."""


class Run:
    """The event loop of one `Fleet.scan`: every awaited reply has the step that follows it."""

    def __init__(  # noqa: PLR0917 - all that `Fleet.scan` has
        self,
        config: FleetConfig,
        readers: list[Post],
        describers: list[Post],
        jobs: Iterator[Job],
        new_ids: Callable[[], RowIds],
        claim: Claim,
        on_position: Callable[[Position], None],
        on_turn: Callable[[], None],
        meter: Meter,
    ) -> None:
        self._config = config
        self._meter = meter
        self._readers = readers
        self._describers = describers
        self._jobs = jobs
        self._next_job = next(jobs, None)
        self._again: deque[Job] = deque()
        self._queue: deque[Batch] = deque()
        self._new_ids = new_ids
        self._claim = claim
        self._on_position = on_position
        self._on_turn = on_turn
        self._shown_s = 0.0
        self._enough_s: dict[str, float] = {}
        self._awaited: dict[Ref, tuple[Post, Attempt | None, Callable[[Any], Iterator[Outcome]]]] = {}

    def outcomes(self) -> Iterator[Outcome]:
        """Yield outcomes as they come, until there is no work."""
        while self._has_work():
            self._assign()
            assert self._awaited or not self._has_work(), "there is work that nobody has"
            if self._awaited:
                ready, _ = ray.wait(list(self._awaited), num_returns=1, timeout=1.0)
                for ref in ready:
                    yield from self._take(ref)
                self._kill_silent()
                self._check_places()
                self._show()
                self._on_turn()

    # --- work ---------------------------------------------------------------------------------------------

    def _has_work(self) -> bool:
        is_busy = any(post.is_busy for post in self._readers + self._describers)
        return is_busy or bool(self._queue or self._again) or self._next_job is not None

    def _take_job(self) -> Job | None:
        if self._again:
            return self._again.popleft()
        job, self._next_job = self._next_job, next(self._jobs, None)
        return job

    def _assign(self) -> None:
        """Give every actor that awaits nothing its next piece of work."""
        for post in self._readers + self._describers:
            if not post.is_up and post.ref is None:
                # One that waits for a place is not silent.
                extra_s = math.inf if self._config.is_elastic else START_S
                ready = post.actor.ready.remote()
                self._await(post, None, "start", ready, partial(self._on_ready, post), extra_s=extra_s)
        for reader in self._readers:
            if reader.ref is None:
                self._assign_reader(reader)
        for describer in self._describers:
            while describer.ref is None and self._queue:
                batch = self._queue.popleft()
                if not batch.attempt.has_failed:
                    describer.batch = batch
                    described = describer.actor.describe.remote(batch.cuts)
                    then = partial(self._on_described, describer, batch)
                    extra_s = batch.clips * self._config.patience_per_clip_s
                    self._await(describer, batch.attempt, "describe", described, then, extra_s=extra_s)

    def _assign_reader(self, reader: Post) -> None:
        self._release(reader)
        attempt, helped = reader.attempt, reader.helped
        if helped is not None and helped.is_over:
            self._await(reader, None, "tidy", reader.actor.leave.remote(), partial(self._on_left, reader))
        elif attempt is None:
            self._assign_free(reader)
        elif not attempt.is_begun:
            begun = reader.actor.begin.remote(attempt.fetched, attempt.ids, is_whole=attempt.is_whole)
            self._await(reader, attempt, "open", begun, partial(self._on_begun, attempt))
        elif attempt.division is not None:
            self._assign_divided(reader, attempt, attempt.division)
        elif self._has_room:
            self._advance(reader, attempt, reader.actor.advance, ())

    def _release(self, reader: Post) -> None:
        """Take from a reader what is over or failed elsewhere; there is no use in reading on."""
        span, attempt = reader.span, reader.attempt
        if span is not None and span.attempt.is_over:
            reader.span = None
        if attempt is not None and attempt.is_unsplittable and not attempt.has_failed:
            attempt.has_failed = True
            reader.attempt = Attempt(
                attempt.job, self._new_ids(), attempt.fetched, attempt.node_id, is_whole=True
            )
        elif attempt is not None and attempt.is_over:
            reader.attempt = None

    def _assign_free(self, reader: Post) -> None:
        """Let a reader go on with its span, or give it a lost span, else a video, else any span."""
        if reader.span is None:
            reader.span = self._span_of(reader, lambda division: division.has_lost)
        if reader.span is None and (job := self._take_job()) is not None:
            attempt = reader.attempt = Attempt(job, self._new_ids(), node_id=reader.node_id)
            reader.helped = None
            fetched = reader.actor.fetch.remote(job.source)
            then = partial(self._on_fetched, reader, attempt)
            self._await(reader, attempt, "fetch", fetched, then, extra_s=_extra_s(attempt))
            return
        if reader.span is None:
            # Beyond the length that the header tells, a video's own reader goes on alone.
            reader.span = self._span_of(reader, lambda division: division.spans_left > 0)
        self._look(reader)

    def _assign_divided(self, reader: Post, attempt: Attempt, division: Division) -> None:
        """Let a video's own reader take what is due, or else look at a span itself."""
        if self._has_room and (attempt.is_taking or division.is_complete):
            self._advance(reader, attempt, reader.actor.advance, ())
        elif self._has_room and (stretch := division.take()) is not None:
            attempt.is_taking = True
            self._advance(reader, attempt, reader.actor.take, (stretch,))
        else:
            if reader.span is None and (number := division.hand_out(None)) is not None:
                reader.span = Span(attempt, division, number, division.last_index(number))
            self._look(reader)

    @property
    def _has_room(self) -> bool:
        describers = sum(post.is_up for post in self._describers) or 1
        return len(self._queue) < self._config.queued_batches * describers

    @property
    def _divided(self) -> list[Attempt]:
        """The divided videos in work, those with the most spans left first."""
        attempts = [post.attempt for post in self._readers if post.attempt is not None]
        divided = [(a.division.spans_left, a) for a in attempts if a.division is not None and not a.is_over]
        return [a for _, a in sorted(divided, key=lambda pair: -pair[0])]

    def _span_of(self, helper: Post, is_wanted: Callable[[Division], bool]) -> Span | None:
        """Take the next span of the first of the wanted videos that has one left for this helper."""
        for attempt in self._divided:
            division = cast("Division", attempt.division)
            number = division.hand_out(helper) if is_wanted(division) else None
            if number is not None:
                return Span(attempt, division, number, division.last_index(number))
        return None

    def _look(self, reader: Post) -> None:
        span = reader.span
        if span is None:
            return
        waiting_bytes = sum(cast("Division", a.division).waiting_bytes for a in self._divided)
        is_due = span.number == span.division.turn and self._has_room
        if not is_due and waiting_bytes >= self._config.ahead_bytes:
            return
        attempt = span.attempt
        task = SpanTask(
            source=attempt.job.source,
            fetched=cast("Fetched", attempt.fetched),
            is_here=reader.node_id == attempt.node_id,
            attempt_id=attempt.ids.attempt_id,
            spans=span.division.spans,
            number=span.number,
            after_index=span.after_index,
        )
        if attempt is not reader.attempt:
            reader.helped = attempt
        look, stretch = reader.actor.look.options(num_returns=2).remote(task)
        extra_s = 0.0 if span.is_begun else _extra_s(attempt)
        then = partial(self._on_look, reader, span, stretch)
        self._await(reader, attempt, "look", look, then, extra_s=extra_s)
        span.is_begun = reader.is_looking = True

    def _advance(self, reader: Post, attempt: Attempt, call: Any, values: tuple[Ref, ...]) -> None:
        step, cuts = call.options(num_returns=2).remote(*values)
        work: Work = "take" if values else "read"
        self._await(reader, attempt, work, step, partial(self._on_step, attempt, cuts))

    # --- replies ------------------------------------------------------------------------------------------

    def _on_ready(self, post: Post, node_id: str) -> Iterator[Outcome]:
        post.node_id = node_id
        yield from ()

    def _on_left(self, reader: Post, _: None) -> Iterator[Outcome]:
        reader.helped = None
        yield from ()

    def _on_fetched(self, reader: Post, attempt: Attempt, fetched: Fetched) -> Iterator[Outcome]:
        attempt.fetched = fetched
        if not self._claim(attempt.job, fetched.video_id):
            reader.attempt = None
            yield Duplicate(attempt.job, fetched.video_id)

    def _on_begun(self, attempt: Attempt, spans: Spans | None) -> Iterator[Outcome]:
        attempt.is_begun = True
        attempt.division = Division(spans) if spans is not None else None
        yield from ()

    def _on_look(self, reader: Post, span: Span, stretch: Ref, look: Look) -> Iterator[Outcome]:
        span.division.add(span.number, stretch, look)
        if look.is_span_end:
            reader.span = None
        yield from ()

    def _on_step(self, attempt: Attempt, cuts: Ref, step: Step) -> Iterator[Outcome]:
        self._on_position(Position(attempt.job, step.position_s, step.duration_s))
        attempt.is_taking &= not step.is_taken
        if step.clips:
            self._queue.append(Batch(attempt, attempt.batches, cuts, step.clips))
            attempt.batches += 1
        if step.rows and not attempt.has_failed:
            yield Part(attempt.job, attempt.ids.attempt_id, step.rows)
        if step.video is not None:
            attempt.video = step.video
            yield from self._finish(attempt)

    def _on_described(self, describer: Post, batch: Batch, answered: Answered) -> Iterator[Outcome]:
        describer.batch, attempt = None, batch.attempt
        attempt.accounts[batch.order] = answered.account
        if not attempt.has_failed:
            yield Part(attempt.job, attempt.ids.attempt_id, answered.rows, answered.pictures)
        yield from self._finish(attempt)

    def _finish(self, attempt: Attempt) -> Iterator[Outcome]:
        if not attempt.is_complete:
            return
        accounts = [account for _, account in sorted(attempt.accounts.items())]
        if is_mute(accounts):
            message = f"no clip has an answer: {first_reason(accounts)}"
            yield from failed(attempt, SourceError("describe", message, "EngineError"))
        else:
            yield Done(attempt.job, with_answers(cast("Video", attempt.video), accounts))

    # --- and what comes instead of them ---------------------------------------------------------------------

    def _await(
        self,
        post: Post,
        attempt: Attempt | None,
        work: Work,
        ref: Ref,
        then: Callable[[Any], Iterator[Outcome]],
        *,
        extra_s: float = 0.0,
    ) -> None:
        post.ref, post.since_s, post.patience_s = ref, time.monotonic(), self._config.stall_s + extra_s
        post.work = work
        post.is_looking = False
        self._awaited[ref] = post, attempt, then

    def _take(self, ref: Ref) -> Iterator[Outcome]:
        post, attempt, then = self._awaited.pop(ref)
        post.ref = None
        self._meter.replied(post.name, post.role, post.work, attempt, post.since_s)
        if post.is_stalled:  # the reply came after all, from an actor that has been killed since
            yield from self._on_death(post, RayError("killed for its silence"))
            return
        try:
            value = ray.get(ref)
        except RayTaskError as error:
            post.is_up = True
            if attempt is not None:
                yield from self._on_error(post, attempt, error.cause)
        except RayError as error:
            yield from self._on_death(post, error)
        else:
            post.is_up = True
            yield from then(value)

    def _on_error(self, post: Post, attempt: Attempt, error: BaseException) -> Iterator[Outcome]:
        """An actor lives, but what it was asked for raised."""
        span, post.span = post.span, None
        looked_at = span if post.is_looking else None
        if looked_at is not None and (attempt.is_over or looked_at.division.is_beyond_end(looked_at.number)):
            return
        if isinstance(error, UnsplittableError):
            attempt.is_unsplittable = True
            return
        what = _failure(error, is_reader=post.batch is None)
        post.batch = None
        # One that only helped leaves the span to another, who may be luckier on another machine.
        helped = looked_at if post.attempt is None else None
        if helped is not None and helped.division.lose(helped.number, post) < MAX_ATTEMPTS:
            return
        yield from failed(attempt, what)

    def _on_death(self, post: Post, error: RayError) -> Iterator[Outcome]:
        """An actor died, by itself or because it was silent."""
        if getattr(error, "actor_init_failed", False) or (not post.is_up and post.starts >= MAX_STARTS):
            raise FleetError(f"a worker does not start: {error}") from error
        attempt, span, batch = post.attempt, post.span, post.batch
        is_stalled, is_looking = post.is_stalled, post.is_looking
        self._meter.died(post.role)
        LOG.warning("%s died", post.name, extra={"stage": post.work, "error": _one_line(error)})
        post.replace_actor()
        if batch is not None:
            batch.deaths += 1
            if batch.deaths < MAX_ATTEMPTS:
                self._queue.appendleft(batch)
                return
            crash: Crash = "DescriberStalled" if is_stalled else "DescriberDied"
            yield from crashed(batch.attempt, crash, is_last=True)
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

    def _crashed(self, attempt: Attempt, crash: Crash, *, is_last: bool) -> Iterator[Outcome]:
        """Report a death, and queue the video once more unless this was its last attempt."""
        job = attempt.job
        is_last = is_last or job.attempt >= MAX_ATTEMPTS
        if not is_last and not attempt.has_failed:
            self._again.append(replace(job, attempt=job.attempt + 1))
        yield from crashed(attempt, crash, is_last=is_last)

    def _check_places(self) -> None:
        """Give up when too few actors have had a place for too long."""
        config, now_s = self._config, time.monotonic()
        kinds = (
            ("readers", self._readers, config.min_readers),
            ("describers", self._describers, config.min_describers),
        )
        for name, posts, least in kinds:
            up = sum(post.is_up for post in posts)
            if up >= (least or 1) or not config.is_elastic:
                self._enough_s[name] = now_s
            elif now_s - self._enough_s.setdefault(name, now_s) > config.place_s:
                raise FleetError(
                    f"{up} of at least {least or 1} {name} have found a place in {config.place_s:.0f} s; "
                    "the cluster has too few CPUs or GPUs for them"
                )

    def _show(self) -> None:
        """Tell the meter how things stand, now and then."""
        now_s = time.monotonic()
        if now_s - self._shown_s < SHOW_S:
            return
        self._shown_s = now_s
        kinds: tuple[tuple[Role, list[Post]], ...] = (
            ("reader", self._readers),
            ("describer", self._describers),
        )
        self._meter.turn(
            queued=len(self._queue),
            waiting_bytes=sum(cast("Division", a.division).waiting_bytes for a in self._divided),
            actors={
                role: (len(posts), sum(post.is_up for post in posts), sum(post.is_busy for post in posts))
                for role, posts in kinds
            },
        )

    def _kill_silent(self) -> None:
        now_s = time.monotonic()
        for post in self._readers + self._describers:
            if post.ref is None or post.is_stalled or now_s - post.since_s <= post.patience_s:
                continue
            is_ready, _ = ray.wait([post.ref], timeout=0)  # the reply may have come while we were busy
            if not is_ready:
                post.is_stalled = True
                ray.kill(post.actor)


def _failure(error: BaseException, *, is_reader: bool) -> WorkerError:
    """Return the failure that an error of an actor stands for.

    What is no WorkerError is a bug of ours. The same video meets it again in a reader; what a describer meets
    may as well be its device's fault.
    """
    if isinstance(error, WorkerError):
        return error
    if is_reader:
        return SourceError("detect", repr(error), type(error).__name__)
    return TransientError("describe", repr(error), type(error).__name__)


def _one_line(error: BaseException) -> str:
    return re.sub(r"\s+", " ", str(error)).strip()[:300]


def _extra_s(attempt: Attempt) -> float:
    return (attempt.job.source.size_bytes or 0) / SLOWEST_FETCH_BYTES_PER_S
