"""The one place that knows Ray: wraps readers and describers as actors, places, feeds and buries them.

Readers are stateful: `fetch` hashes a source, `begin` opens it, each `advance` gives the next batch of clips
or, at last, the reading. Batches wait in the driver's queue as references; their pixels go from reader to
describer through the object store. While the queue is full, readers are not asked to advance: that is the
back-pressure. An actor that dies or falls silent is replaced. A death costs what the actor worked on, and
nothing else, one of its attempts: the reader's video, or the describer's batch.
"""

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Literal, Self, cast

import ray
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from model.engine import EngineDiedError
from storage.archive import Fetched
from storage.records import Source
from workers.describer import Described, Describer
from workers.failure import SourceError, WorkerError
from workers.outcome import (
    CRASHES,
    MAX_ATTEMPTS,
    Claim,
    Crash,
    Done,
    Duplicate,
    Failed,
    Job,
    Outcome,
    Position,
)
from workers.reader import Chunk, Reader, Reading, RowIds

START_S = 300.0
"""An actor may take so long to start: it imports its libraries from a disk that may be slow."""
MAX_STARTS = 3
"""An actor that so often dies before it is up will not come up."""
SLOWEST_FETCH_BYTES_PER_S = 5e6
"""A source may take so long to hash or to arrive; `fetch` gives no sign of life in between."""


class FleetError(RuntimeError):
    """The workers cannot work at all, whatever the video: nothing is recorded against any source."""


@dataclass(frozen=True, slots=True)
class FleetConfig:
    """How many actors, where, and how much work may be in flight. Nothing here can change a result."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    readers: int | None = None
    """Reader actors; None makes one per CPU."""
    describers: int | None = None
    """Describer actors; None makes one per GPU, or one on a machine without."""
    gpus_per_describer: int = 1
    """GPUs that one describer works on together."""
    queued_batches: int = 3
    """Batches of clips that may wait per describer before the readers have to pause."""
    stall_s: float = 600.0
    """An actor that gives no sign of life for so long is killed."""
    object_store_bytes: int = 1 << 30
    """Shared memory for clips on their way to a describer."""


class _ReaderActor:
    """A reader, and the one video that it has open."""

    def __init__(self, make_reader: Callable[[], Reader]) -> None:
        self._reader = make_reader()
        self._parts: Iterator[Chunk | Reading] = iter(())

    def ready(self) -> None:
        """Reply, which says that the actor is up."""

    def fetch(self, source: Source) -> Fetched:
        return self._reader.fetch(source)

    def begin(self, fetched: Fetched, ids: RowIds) -> None:
        self._parts = self._reader.read(fetched, ids)

    def advance(self) -> tuple["_Step", Chunk | Reading]:
        part = next(self._parts)
        if isinstance(part, Reading):
            return _Step("reading", 0, part.video.duration_s, part.video.duration_s), part
        return _Step("chunk", len(part.cuts), part.position_s, part.duration_s), part


class _DescriberActor:
    """A describer: the weights are loaded once, when the actor starts."""

    def __init__(self, make_describer: Callable[[], Describer]) -> None:
        self._describer = make_describer()

    def ready(self) -> None:
        """Reply, which says that the actor is up."""

    def describe(self, chunk: Chunk) -> Described:
        try:
            return self._describer.describe(chunk.cuts)
        except EngineDiedError:
            os._exit(1)  # for the driver the same as any other death: a fresh actor, and the batch again


@dataclass(frozen=True, slots=True)
class _Step:
    """What the driver learns of an `advance` without touching the clips."""

    kind: Literal["chunk", "reading"]
    clips: int
    position_s: float
    duration_s: float | None


_Actor = Any  # ray.actor.ActorHandle, which knows no methods
_Ref = Any  # ray.ObjectRef, whose type parameter says nothing here


@dataclass(eq=False, slots=True)
class _Visit:
    """One attempt at one video, from fetch to the last answer."""

    job: Job
    ids: RowIds
    fetched: Fetched | None = None
    reading: Reading | None = None
    described: dict[int, Described] = field(default_factory=dict[int, Described])
    batches: int = 0
    has_failed: bool = False

    @property
    def is_complete(self) -> bool:
        return self.reading is not None and len(self.described) == self.batches and not self.has_failed


@dataclass(eq=False, slots=True)
class _Batch:
    """Clips of one visit on their way through a describer."""

    visit: _Visit
    order: int
    chunk: _Ref
    deaths: int = 0


@dataclass(eq=False, slots=True)
class _Post:
    """A place for an actor: who holds it, what it works on, since when it has been silent."""

    make: Callable[[], _Actor]
    actor: _Actor
    visit: _Visit | None = None
    """Of a reader: the video that it has open."""
    batch: _Batch | None = None
    """Of a describer: the clips that it has in hand."""
    ref: _Ref = None
    """The reply that is awaited; None while there is nothing to wait for."""
    since_s: float = 0.0
    patience_s: float = 0.0
    starts: int = 1
    is_up: bool = False
    """Whether this actor has said that it is ready; before that it gets no work."""
    is_stalled: bool = False

    def replace_actor(self) -> None:
        """Make a fresh actor; what the old one worked on is forgotten."""
        ray.kill(self.actor)
        self.starts = 1 if self.is_up else self.starts + 1
        self.actor = self.make()
        self.visit = self.batch = self.ref = None
        self.is_up = self.is_stalled = False


class Fleet:
    """Readers and describers over Ray; a context manager.

    Example:
        with Fleet(FleetConfig(), partial(Reader, reader), partial(Describer, describer)) as fleet:
            for outcome in fleet.scan(jobs, new_ids, claim):
                commit(outcome)
    """

    def __init__(
        self, config: FleetConfig, make_reader: Callable[[], Reader], make_describer: Callable[[], Describer]
    ) -> None:
        self._config = config
        self._make_reader = make_reader
        self._make_describer = make_describer
        self._readers: list[_Post] = []
        self._describers: list[_Post] = []
        self._has_started_ray = False

    def __enter__(self) -> Self:
        if not ray.is_initialized():
            ray.init(
                address="local",
                include_dashboard=False,
                object_store_memory=self._config.object_store_bytes,
                logging_level=logging.ERROR,
                log_to_driver=False,
            )
            self._has_started_ray = True
        resources = ray.cluster_resources()
        cpus, gpus = max(1.0, resources.get("CPU", 1.0)), resources.get("GPU", 0.0)
        readers = self._config.readers or int(cpus)
        together = self._config.gpus_per_describer
        describers = self._config.describers or max(1, int(gpus) // together)
        # Shares, so that every actor asked for finds a place: one that waits for ever would look like a
        # stalled one. A describer without a GPU shares the CPUs with the readers, for which it mostly waits.
        reader = ray.remote(num_cpus=min(1.0, cpus / readers), max_restarts=0)(_ReaderActor)
        if gpus and together > 1 and describers * together > gpus:
            raise FleetError(f"{describers} describers of {together} GPUs need more than the {gpus:g} here")
        share = together if gpus and together > 1 else min(1.0, gpus / describers)
        describer = ray.remote(num_cpus=0, num_gpus=share, max_restarts=0)(_DescriberActor)
        make_reader = partial(reader.remote, self._make_reader)
        make_describer = partial(describer.remote, self._make_describer)
        self._describers = [_Post(make_describer, make_describer()) for _ in range(describers)]
        self._readers = [_Post(make_reader, make_reader()) for _ in range(readers)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for post in self._readers + self._describers:
            ray.kill(post.actor)
        if self._has_started_ray:
            ray.shutdown()

    def scan(
        self,
        jobs: Iterable[Job],
        new_ids: Callable[[], RowIds],
        claim: Claim,
        on_position: Callable[[Position], None] = lambda _: None,
    ) -> Iterator[Outcome]:
        """Read and describe every job; yield outcomes as they come.

        Args:
            jobs: pulled one by one, as readers get free.
            new_ids: makes the ids of one attempt.
            claim: asked with each video's content hash before it is read.
            on_position: told how far each video is.

        Yields:
            For every job exactly one Done, Duplicate or Failed with `is_last`, and a Failed without `is_last`
            for each attempt that is repeated at once.

        Raises:
            FleetError: the actors do not come up.
        """
        run = _Run(self._config, self._readers, self._describers, iter(jobs), new_ids, claim, on_position)
        try:
            yield from run.outcomes()
        finally:
            # After a run that was broken off, the next one must not meet actors in the middle of something.
            for post in self._readers + self._describers:
                post.ref = None
                if post.visit is not None or post.batch is not None:
                    post.replace_actor()


class _Run:
    """The event loop of one `Fleet.scan`: every awaited reply has the step that follows it."""

    def __init__(  # noqa: PLR0917 - all that `Fleet.scan` has
        self,
        config: FleetConfig,
        readers: list[_Post],
        describers: list[_Post],
        jobs: Iterator[Job],
        new_ids: Callable[[], RowIds],
        claim: Claim,
        on_position: Callable[[Position], None],
    ) -> None:
        self._config = config
        self._readers = readers
        self._describers = describers
        self._jobs = jobs
        self._next_job = next(jobs, None)
        self._again: deque[Job] = deque()
        self._queue: deque[_Batch] = deque()
        self._new_ids = new_ids
        self._claim = claim
        self._on_position = on_position
        self._awaited: dict[_Ref, tuple[_Post, Callable[[Any], Iterator[Outcome]]]] = {}

    def outcomes(self) -> Iterator[Outcome]:
        while self._has_work():
            self._assign()
            ready, _ = ray.wait(list(self._awaited), num_returns=1, timeout=1.0)
            for ref in ready:
                yield from self._take(ref)
            self._kill_silent()

    # --- work ---------------------------------------------------------------------------------------------

    def _has_work(self) -> bool:
        is_busy = any(post.visit or post.batch for post in self._readers + self._describers)
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
                self._await(post, post.actor.ready.remote(), lambda _: iter(()), START_S)
        for reader in self._readers:
            if reader.ref is None:
                self._assign_reader(reader)
        for describer in self._describers:
            while describer.ref is None and self._queue:
                batch = self._queue.popleft()
                if not batch.visit.has_failed:
                    describer.batch = batch
                    described = describer.actor.describe.remote(batch.chunk)
                    self._await(describer, described, partial(self._on_described, describer, batch))

    def _assign_reader(self, reader: _Post) -> None:
        if reader.visit is not None and reader.visit.has_failed:
            reader.visit = None  # failed at the describer: there is no use in reading on
        if reader.visit is None:
            if (job := self._take_job()) is not None:
                visit = reader.visit = _Visit(job, self._new_ids())
                fetched = reader.actor.fetch.remote(job.source)
                extra_s = (job.source.size_bytes or 0) / SLOWEST_FETCH_BYTES_PER_S
                self._await(reader, fetched, partial(self._on_fetched, reader, visit), extra_s)
        elif len(self._queue) < self._config.queued_batches * len(self._describers):
            step, part = reader.actor.advance.options(num_returns=2).remote()
            self._await(reader, step, partial(self._on_step, reader, reader.visit, part))

    def _on_fetched(self, reader: _Post, visit: _Visit, fetched: Fetched) -> Iterator[Outcome]:
        visit.fetched = fetched
        if self._claim(visit.job, fetched.video_id):
            reader.actor.begin.remote(fetched, visit.ids)  # its error, if any, comes with the first advance
        else:
            reader.visit = None
            yield Duplicate(visit.job, fetched.video_id)

    def _on_step(self, reader: _Post, visit: _Visit, part: _Ref, step: _Step) -> Iterator[Outcome]:
        self._on_position(Position(visit.job, step.position_s, step.duration_s))
        if step.kind == "reading":
            self._await(reader, part, partial(self._on_reading, reader, visit))
        elif step.clips:
            self._queue.append(_Batch(visit, visit.batches, part))
            visit.batches += 1
        yield from ()

    def _on_reading(self, reader: _Post, visit: _Visit, reading: Reading) -> Iterator[Outcome]:
        visit.reading = reading
        reader.visit = None
        yield from self._finish(visit)

    def _on_described(self, describer: _Post, batch: _Batch, described: Described) -> Iterator[Outcome]:
        describer.batch = None
        batch.visit.described[batch.order] = described
        yield from self._finish(batch.visit)

    def _finish(self, visit: _Visit) -> Iterator[Outcome]:
        if not visit.is_complete:
            return
        reading = cast("Reading", visit.reading)
        done = Done(visit.job, reading, tuple(part for _, part in sorted(visit.described.items())))
        reasons = done.unanswered
        if reasons and len(reasons) == len(done.clips):
            yield from self._fail(
                visit, SourceError("describe", f"no clip has an answer: {reasons[0]}", "EngineError")
            )
        else:
            yield done

    # --- replies, and what comes instead of them ----------------------------------------------------------

    def _await(
        self, post: _Post, ref: _Ref, then: Callable[[Any], Iterator[Outcome]], extra_s: float = 0.0
    ) -> None:
        post.ref, post.since_s, post.patience_s = ref, time.monotonic(), self._config.stall_s + extra_s
        self._awaited[ref] = post, then

    def _take(self, ref: _Ref) -> Iterator[Outcome]:
        post, then = self._awaited.pop(ref)
        post.ref = None
        try:
            value = ray.get(ref)
        except RayTaskError as error:
            post.is_up = True
            yield from self._on_error(post, error.cause)
        except RayError as error:
            yield from self._on_death(post, error)
        else:
            post.is_up = True
            yield from then(value)

    def _on_error(self, post: _Post, error: BaseException) -> Iterator[Outcome]:
        """An actor lives, but what it was asked for raised."""
        visit = post.visit or cast("_Batch", post.batch).visit
        # What is no WorkerError is a bug of ours; the same input meets it again.
        stage = "describe" if post.visit is None else "detect"
        what = (
            error if isinstance(error, WorkerError) else SourceError(stage, repr(error), type(error).__name__)
        )
        post.visit = post.batch = None
        yield from self._fail(visit, what)

    def _on_death(self, post: _Post, error: RayError) -> Iterator[Outcome]:
        """An actor died, by itself or because it was silent."""
        if getattr(error, "actor_init_failed", False) or post.starts >= MAX_STARTS:
            raise FleetError(f"a worker does not start: {error}") from error
        visit, batch, is_stalled = post.visit, post.batch, post.is_stalled
        post.replace_actor()
        if batch is not None:
            batch.deaths += 1
            if batch.deaths < MAX_ATTEMPTS:
                self._queue.appendleft(batch)
                return
            crash: Crash = "DescriberStalled" if is_stalled else "DescriberDied"
            yield from self._crashed(batch.visit, crash, is_last=True)
        elif visit is not None:
            crash = "ReaderStalled" if is_stalled else "ReaderDied"
            crash = "OutOfMemory" if isinstance(error, OutOfMemoryError) else crash
            yield from self._crashed(visit, crash, is_last=visit.job.attempt >= MAX_ATTEMPTS)

    def _kill_silent(self) -> None:
        now_s = time.monotonic()
        for post in self._readers + self._describers:
            if post.ref is None or post.is_stalled or now_s - post.since_s <= post.patience_s:
                continue
            is_ready, _ = ray.wait([post.ref], timeout=0)  # the reply may have come while we were busy
            if not is_ready:
                post.is_stalled = True
                ray.kill(post.actor)

    def _fail(self, visit: _Visit, error: WorkerError) -> Iterator[Outcome]:
        if visit.has_failed:
            return
        visit.has_failed = True
        yield Failed(
            visit.job,
            visit.fetched.video_id if visit.fetched else None,
            error.stage,
            error.error,
            error.message,
            is_retryable=error.is_retryable,
            is_quarantined=False,
            is_last=True,
        )

    def _crashed(self, visit: _Visit, crash: Crash, *, is_last: bool) -> Iterator[Outcome]:
        """Report a death, and queue the video once more unless this was its last attempt."""
        if visit.has_failed:
            return
        visit.has_failed = True
        if not is_last:
            self._again.append(replace(visit.job, attempt=visit.job.attempt + 1))
        yield Failed(
            visit.job,
            visit.fetched.video_id if visit.fetched else None,
            "describe" if crash.startswith("Describer") else "decode",
            crash,
            CRASHES[crash],
            is_retryable=not is_last,
            is_quarantined=is_last,
            is_last=is_last,
        )
