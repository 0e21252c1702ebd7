"""The one place that knows Ray: wraps readers and describers as actors, places, feeds and buries them.

Readers are stateful: `fetch` hashes a source, `begin` opens it, each `advance` gives the next batch of clips
or, at last, the reading. The batches go from reader to describer through the object store; the driver sees
their size only. A reader that dies or stalls costs the video that it was reading one attempt: the fleet makes
a new reader and tries that video once more; the second death quarantines it. A describer that dies is
restarted by Ray, which also repeats the calls that it lost: they are idempotent.
"""

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, ClassVar, Literal, Self, cast

import ray
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from storage.archive import Fetched
from storage.records import Source
from workers.describer import Described, Describer
from workers.failure import SourceError, WorkerError
from workers.outcome import MAX_ATTEMPTS, Claim, Done, Duplicate, Failed, Job, Outcome, Position
from workers.reader import Chunk, Reader, Reading, RowIds

START_S = 300.0
"""An actor may take so long to start: it imports its libraries from a disk that may be slow."""


@dataclass(frozen=True, slots=True)
class FleetConfig:
    """How many actors, where, and how much work may be in flight. Nothing here can change a result."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    address: str | None = None
    """Ray address of a running cluster; None starts Ray inside this process."""
    readers: int | None = None
    """Reader actors; None makes one per CPU."""
    describers: int | None = None
    """Describer actors; None makes one per GPU, or one on a machine without."""
    describer_gpus: float | None = None
    """GPUs per describer; None means 1 where there are any, else 0."""
    chunks_per_describer: int = 3
    """Batches of clips that may wait at a describer before the readers have to pause."""
    stall_s: float = 600.0
    """A reader that gives no sign of life for so long is killed."""
    object_store_bytes: int = 1 << 30
    """Shared memory of a Ray that is started here, for clips on their way to a describer."""


_Actor = Any  # ray.actor.ActorHandle, which knows no methods
_Ref = Any  # ray.ObjectRef, whose type parameter says nothing here


class _ReaderActor:
    """A reader, and the one video that it has open."""

    def __init__(self, make_reader: Callable[[], Reader]) -> None:
        self._reader = make_reader()
        self._parts: Iterator[Chunk | Reading] = iter(())

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

    def describe(self, chunk: Chunk) -> Described:
        return self._describer.describe(chunk.cuts)


@dataclass(frozen=True, slots=True)
class _Step:
    """What the driver learns of an `advance` without touching the clips."""

    kind: Literal["chunk", "reading"]
    clips: int
    position_s: float
    duration_s: float | None


@dataclass(eq=False, slots=True)
class _Visit:
    """One attempt at one video, from fetch to the last answer."""

    job: Job
    ids: RowIds
    fetched: Fetched | None = None
    reading: Reading | None = None
    described: dict[int, Described] = field(default_factory=dict[int, Described])
    describing: int = 0
    chunks: int = 0
    has_failed: bool = False

    @property
    def is_complete(self) -> bool:
        return self.reading is not None and self.describing == 0 and not self.has_failed


@dataclass(eq=False, slots=True)
class _Slot:
    """A reader actor and what it is doing."""

    actor: _Actor
    visit: _Visit | None = None
    since_s: float = 0.0
    is_up: bool = False
    """Whether the actor has ever replied; until then it may be starting."""
    is_stalled: bool = False

    def replace_actor(self, actor: _Actor) -> None:
        """Go on with a fresh actor, without the video that the old one had open."""
        self.actor, self.visit, self.is_up, self.is_stalled = actor, None, False, False


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
        self._slots: list[_Slot] = []
        self._describers: list[_Actor] = []
        self._started_ray = False

    def __enter__(self) -> Self:
        self._start_ray()
        resources = ray.cluster_resources()
        cpus, gpus = int(resources.get("CPU", 1)), int(resources.get("GPU", 0))
        per_describer = self._config.describer_gpus
        if per_describer is None:
            per_describer = 1.0 if gpus else 0.0
        describers = self._config.describers or (max(1, int(gpus / per_describer)) if per_describer else 1)
        # A describer without a GPU shares the CPUs with the readers: it mostly waits for them.
        make = ray.remote(num_cpus=0, num_gpus=per_describer, max_restarts=-1, max_task_retries=MAX_ATTEMPTS)
        describer = make(_DescriberActor)
        self._describers = [describer.remote(self._make_describer) for _ in range(describers)]
        self._slots = [_Slot(self._new_reader()) for _ in range(self._config.readers or max(1, cpus))]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for actor in [slot.actor for slot in self._slots] + self._describers:
            ray.kill(actor)
        if self._started_ray:
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
            jobs: pulled one by one, as readers get free: a million of them cost nothing.
            new_ids: makes the ids of one attempt.
            claim: asked with each video's content hash before it is read.
            on_position: told how far each video is.

        Yields:
            For every job exactly one Done, Duplicate or Failed with `is_last`, and a Failed without `is_last`
            for each attempt that is repeated at once.
        """
        workers = _Workers(self._config, self._slots, self._describers, self._new_reader)
        try:
            yield from _Run(workers, iter(jobs), new_ids, claim, on_position).outcomes()
        finally:
            self._drop_open_videos()

    def _drop_open_videos(self) -> None:
        """After a run that was broken off: the next one must not meet readers with half a video."""
        for slot in self._slots:
            if slot.visit is not None:
                ray.kill(slot.actor)
                slot.replace_actor(self._new_reader())

    def _start_ray(self) -> None:
        if ray.is_initialized():
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # An advance that fails leaves two failed objects; its error is handled on the first.
        os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
        os.environ.setdefault(
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0"
        )  # do as it will by default; no warning
        local: dict[str, Any] = {}
        if self._config.address is None:
            local = {"include_dashboard": False, "object_store_memory": self._config.object_store_bytes}
        ray.init(
            address=self._config.address or "local", logging_level=logging.ERROR, log_to_driver=False, **local
        )
        self._started_ray = True

    def _new_reader(self) -> _Actor:
        # No restart by Ray: a reader's state is the open video, so a fresh actor is the honest restart.
        reader = ray.remote(num_cpus=1, max_restarts=0)(_ReaderActor)
        return cast("_Actor", reader.remote(self._make_reader))


@dataclass(frozen=True, slots=True)
class _Workers:
    """What a run works with."""

    config: FleetConfig
    slots: list[_Slot]
    describers: list[_Actor]
    new_reader: Callable[[], _Actor]


class _Run:
    """The event loop of one `Fleet.scan`: every pending reference has the step that follows it."""

    def __init__(
        self,
        workers: _Workers,
        jobs: Iterator[Job],
        new_ids: Callable[[], RowIds],
        claim: Claim,
        on_position: Callable[[Position], None],
    ) -> None:
        self._config = workers.config
        self._slots = workers.slots
        self._describers = workers.describers
        self._new_reader = workers.new_reader
        self._jobs = jobs
        self._again: deque[Job] = deque()
        self._new_ids = new_ids
        self._claim = claim
        self._on_position = on_position
        self._next: dict[_Ref, Callable[[_Ref], Iterator[Outcome]]] = {}
        self._load = dict.fromkeys(range(len(self._describers)), 0)
        self._paused: deque[_Slot] = deque()

    def outcomes(self) -> Iterator[Outcome]:
        while True:
            self._employ_idle_readers()
            if not self._next:
                return
            ready, _ = ray.wait(list(self._next), num_returns=1, timeout=1.0)
            for ref in ready:
                yield from self._next.pop(ref)(ref)
            self._kill_stalled()

    # --- readers ------------------------------------------------------------------------------------------

    def _employ_idle_readers(self) -> None:
        for slot in self._slots:
            if slot.visit is None:
                job = self._again.popleft() if self._again else next(self._jobs, None)
                if job is None:
                    return
                slot.visit = _Visit(job, self._new_ids())
                self._expect(slot, slot.actor.fetch.remote(job.source), self._on_fetched)

    def _expect(
        self, slot: _Slot, ref: _Ref, then: Callable[[_Slot, _Visit, Any], Iterator[Outcome]]
    ) -> None:
        """When `ref` is there, go on with `then`; when it failed, end the slot's visit."""
        slot.since_s = time.monotonic()
        visit = slot.visit
        assert visit is not None

        def follow(ref: _Ref) -> Iterator[Outcome]:
            try:
                value = ray.get(ref)
            except RayTaskError as error:
                yield from self._end(slot, visit, error.cause)
            except RayError as error:
                yield from self._bury(slot, visit, error)
            else:
                slot.is_up = True
                yield from then(slot, visit, value)

        self._next[ref] = follow

    def _on_fetched(self, slot: _Slot, visit: _Visit, fetched: Fetched) -> Iterator[Outcome]:
        visit.fetched = fetched
        if not self._claim(visit.job, fetched.video_id):
            slot.visit = None
            yield Duplicate(visit.job, fetched.video_id)
            return
        slot.actor.begin.remote(fetched, visit.ids)  # its error, if any, comes with the first advance
        self._advance(slot)

    def _advance(self, slot: _Slot) -> None:
        step, part = slot.actor.advance.options(num_returns=2).remote()

        def on_step(slot: _Slot, visit: _Visit, value: _Step) -> Iterator[Outcome]:
            return self._on_step(slot, visit, value, part)

        self._expect(slot, step, on_step)

    def _on_step(self, slot: _Slot, visit: _Visit, step: _Step, part: _Ref) -> Iterator[Outcome]:
        self._on_position(Position(visit.job, step.position_s, step.duration_s))
        if visit.has_failed:  # at the describer: there is no use in reading on
            slot.visit = None
            return
        if step.kind == "reading":
            visit.reading = cast("Reading", ray.get(part))
            slot.visit = None
            yield from self._finish(visit)
            return
        if step.clips:
            self._describe(visit, part)
        if min(self._load.values()) < self._config.chunks_per_describer:
            self._advance(slot)
        else:
            self._paused.append(slot)

    def _bury(self, slot: _Slot, visit: _Visit, error: RayError) -> Iterator[Outcome]:
        """The reader is dead: replace it, and try its video again unless it has killed too many."""
        is_stalled = slot.is_stalled
        ray.kill(slot.actor)
        slot.replace_actor(self._new_reader())
        if is_stalled:
            name, message = (
                "ReaderStalled",
                f"the reader gave no sign of life for {self._config.stall_s:.0f} s",
            )
        elif isinstance(error, OutOfMemoryError):
            name, message = "OutOfMemory", "the machine ran out of memory and the reader was killed"
        else:
            name, message = "ReaderDied", "the reader's process died while it read this video"
        yield from self._crashed(visit, "decode", name, message)

    def _kill_stalled(self) -> None:
        now_s = time.monotonic()
        paused = set(map(id, self._paused))
        for slot in self._slots:
            is_waiting = slot.visit is not None and id(slot) not in paused and not slot.is_stalled
            patience_s = self._config.stall_s if slot.is_up else max(self._config.stall_s, START_S)
            if is_waiting and now_s - slot.since_s > patience_s:
                slot.is_stalled = True
                ray.kill(slot.actor)

    # --- describers ---------------------------------------------------------------------------------------

    def _describe(self, visit: _Visit, chunk: _Ref) -> None:
        index = min(self._load, key=lambda i: self._load[i])
        self._load[index] += 1
        order, visit.chunks, visit.describing = visit.chunks, visit.chunks + 1, visit.describing + 1
        ref = self._describers[index].describe.remote(chunk)

        def follow(ref: _Ref) -> Iterator[Outcome]:
            self._load[index] -= 1
            visit.describing -= 1
            if self._paused:
                self._advance(self._paused.popleft())
            try:
                visit.described[order] = cast("Described", ray.get(ref))
            except RayTaskError as error:
                yield from self._fail(visit, error.cause)
            except RayError:
                yield from self._crashed(
                    visit,
                    "describe",
                    "DescriberDied",
                    "the describer's process died over these clips",
                )
            else:
                yield from self._finish(visit)

        self._next[ref] = follow

    # --- ends ---------------------------------------------------------------------------------------------

    def _finish(self, visit: _Visit) -> Iterator[Outcome]:
        if visit.is_complete:
            assert visit.reading is not None
            yield Done(visit.job, visit.reading, tuple(part for _, part in sorted(visit.described.items())))

    def _end(self, slot: _Slot, visit: _Visit, error: BaseException) -> Iterator[Outcome]:
        slot.visit = None
        yield from self._fail(visit, error)

    def _fail(self, visit: _Visit, error: BaseException) -> Iterator[Outcome]:
        """Report an error that the worker itself raised."""
        if visit.has_failed:
            return
        visit.has_failed = True
        video_id = visit.fetched.video_id if visit.fetched else None
        # What is no WorkerError is a bug of ours; the same input meets it again.
        what = (
            error
            if isinstance(error, WorkerError)
            else SourceError("detect", repr(error), type(error).__name__)
        )
        yield Failed(
            visit.job,
            video_id,
            what.stage,
            what.error,
            what.message,
            is_retryable=what.is_retryable,
            is_quarantined=False,
            is_last=True,
        )

    def _crashed(self, visit: _Visit, stage: str, error: str, message: str) -> Iterator[Outcome]:
        """Report a death, and queue the video once more unless this was its last attempt."""
        if visit.has_failed:
            return
        visit.has_failed = True
        is_last = visit.job.attempt >= MAX_ATTEMPTS
        video_id = visit.fetched.video_id if visit.fetched else None
        if not is_last:
            self._again.append(replace(visit.job, attempt=visit.job.attempt + 1))
        yield Failed(
            visit.job,
            video_id,
            stage,
            error,
            message,
            is_retryable=not is_last,
            is_quarantined=is_last,
            is_last=is_last,
        )
