"""The processes of the fleet: readers and describers as Ray sees them, and the notes that they send."""

import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import ray

from storage.archive import Fetched
from storage.records import Source, Video
from storage.tables import Rows
from workers.clipper import ClipCut
from workers.failure import WorkerError
from workers.fleet.answered import Answered
from workers.fleet.metrics import ProcessMeter, Role
from workers.reader import Chunk, Reader, RowIds
from workers.sight import Sights
from workers.stitcher import Stitcher
from workers.video.spans import Spans, UnsplittableError

if TYPE_CHECKING:
    from workers.describer import Describer

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A", bound="MeteredActor")
Cuts = tuple[ClipCut, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What the driver learns of a part of a reading without touching the clips."""

    clips: int
    rows: tuple[Rows, ...]
    position_s: float
    duration_s: float | None
    video: Video | None = None
    """The video's row, with its last part."""
    is_taken: bool = False
    """Whether nothing is left to hand on of the stretch that was taken last."""


@dataclass(frozen=True, slots=True)
class SpanTask:
    """A span that a reader is asked to look at.

    Attributes:
        source: as listed.
        fetched: by the reader that puts the video together.
        is_here: whether that reader is on the same machine.
        attempt_id: of the attempt at the video.
        spans: how the video divides.
        number: of the span.
        after_index: of the last frame that is known already.
    """

    source: Source
    fetched: Fetched
    is_here: bool
    attempt_id: str
    spans: Spans
    number: int
    after_index: int | None


@dataclass(frozen=True, slots=True)
class Look:
    """What the driver learns of a stretch of a span without touching it."""

    size_bytes: int
    last_index: int | None
    """Number of its last frame; None where it has none."""
    is_span_end: bool
    is_video_end: bool


def bare(method: Callable[P, T]) -> Callable[P, T]:
    """Let failures out of a method without the errors underneath.

    Ray sends their texts along as UTF-8 and kills the actor over one that is none, as names of files may be.
    """

    @wraps(method)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except (WorkerError, UnsplittableError) as error:
            raise error from None

    return called


def metered(method: Callable[Concatenate[A, P], T]) -> Callable[Concatenate[A, P], T]:
    """Tell the metrics what the process has taken, after every call of an actor's method."""

    @wraps(method)
    def called(actor: A, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(actor, *args, **kwargs)
        finally:
            actor.took()

    return called


class MeteredActor:
    """What readers and describers have in common: a machine, and a process that knows what it has taken."""

    def __init__(self, role: Role) -> None:
        self._meter = ProcessMeter(role)

    def ready(self) -> str:
        """Reply, which says that the actor is up, with the id of its machine."""
        return ray.get_runtime_context().get_node_id()

    def took(self) -> float:
        """Return the seconds of processor time of its process, and tell the metrics."""
        return self._meter.tell()


class ReaderActor(MeteredActor):
    """A reader, the one video that it reads or puts together, and the one span that it looks at."""

    def __init__(self, make_reader: Callable[[], Reader]) -> None:
        super().__init__("reader")
        self._reader = make_reader()
        self._parts: Iterator[Chunk | Video] = iter(())
        self._stitcher: Stitcher | None = None
        self._taken: Iterator[Chunk] | None = None
        self._looking: tuple[str, int] | None = None
        self._sights: Iterator[Sights] = iter(())
        self._joined: tuple[str, Fetched] | None = None

    @metered
    @bare
    def fetch(self, source: Source) -> Fetched:
        """Make a source readable and hash it; what was open before is released."""
        self._looking, self._joined, self._sights = None, None, iter(())
        return self._reader.fetch(source)

    @metered
    @bare
    def begin(self, fetched: Fetched, ids: RowIds, *, is_whole: bool) -> Spans | None:
        """Open a video; return how it divides, or None where it is read by `advance` alone."""
        self._stitcher, self._taken, self._parts = None, None, iter(())
        spans = None if is_whole else self._reader.spans(fetched)
        if spans is None:
            self._parts = self._reader.read(fetched, ids)
        else:
            self._stitcher = self._reader.stitch(fetched, ids, spans)
        return spans

    @metered
    @bare
    def advance(self) -> tuple[Step, Cuts]:
        """Read on, hand on what is left of the stretch that was taken, or finish what was put together."""
        if self._taken is not None:
            return self._hand_on(self._taken)
        if self._stitcher is not None:
            self._parts, self._stitcher = self._stitcher.finish(), None
        part = next(self._parts)
        if isinstance(part, Video):
            self._reader.leave()
            return Step(0, (), part.duration_s, part.duration_s, video=part), ()
        return _step(part), part.cuts

    @metered
    @bare
    def look(self, task: SpanTask) -> tuple[Look, bytes]:
        """Look at the next stretch of a span.

        It is handed over as bytes: arrays that lie in the object store would keep all of it there for as
        long as one face of it is remembered.
        """
        asked = task.attempt_id, task.number
        looking, self._looking = self._looking, None
        if looking != asked:
            fetched = self._join(task)
            self._sights = self._reader.look(fetched, task.spans, task.number, task.after_index)
        sights = next(self._sights)
        end = sights.end
        if end is None:
            self._looking = asked
        else:
            next(self._sights, None)  # it may still find that the file has changed
        data = pickle.dumps(sights, protocol=pickle.HIGHEST_PROTOCOL)
        last_index = sights.sights[-1].index if sights.sights else None
        return Look(len(data), last_index, end is not None, end is not None and end.facts is not None), data

    @metered
    @bare
    def take(self, data: bytes) -> tuple[Step, Cuts]:
        """Put the next stretch to those before; `advance` until its step says that all of it is taken."""
        assert self._stitcher is not None, "a stretch belongs to a video that was begun in spans"
        self._taken = self._stitcher.add(pickle.loads(data))  # noqa: S301 - made by `look` of an actor of ours
        return self._hand_on(self._taken)

    def _hand_on(self, taken: Iterator[Chunk]) -> tuple[Step, Cuts]:
        chunk = next(taken, None)
        if chunk is not None:
            return _step(chunk), chunk.cuts
        assert self._stitcher is not None
        self._taken = None
        return replace(_step(self._stitcher.sign()), is_taken=True), ()

    def leave(self) -> None:
        """Release the video that it has helped with."""
        self._looking, self._joined, self._sights = None, None, iter(())
        self._reader.leave()

    def _join(self, task: SpanTask) -> Fetched:
        if self._joined is None or self._joined[0] != task.attempt_id:
            fetched = self._reader.join(task.source, task.fetched, is_here=task.is_here)
            self._joined = task.attempt_id, fetched
        return self._joined[1]


class DescriberActor(MeteredActor):
    """A describer: the weights are loaded once, when the actor starts."""

    def __init__(self, make_describer: "Callable[[], Describer]") -> None:
        import torch  # noqa: PLC0415 - here, for readers need none of it: 8 s of CPU each

        from model.engines.engine import EngineDiedError  # noqa: PLC0415

        self._died = EngineDiedError
        # Sums over more threads have other last bits, and a rerun elsewhere must give the same scores.
        torch.set_num_threads(1)
        super().__init__("describer")
        self._describer = make_describer()

    @metered
    def describe(self, cuts: Cuts) -> Answered:
        """Answer every question about a batch of clips."""
        try:
            return Answered.of(self._describer.describe(cuts))
        except self._died:
            os._exit(1)  # for the driver the same as any other death: a fresh actor, and the batch again


def _step(chunk: Chunk) -> Step:
    return Step(len(chunk.cuts), chunk.rows, chunk.position_s, chunk.duration_s)
