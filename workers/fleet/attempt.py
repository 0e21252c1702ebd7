"""One attempt at one video: what the driver knows of it. Nothing here knows Ray but as references."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from storage.archive import Fetched
from storage.records import Video
from workers.fleet.actors import Look
from workers.fleet.answered import BatchAccount
from workers.outcome import Job
from workers.reader import RowIds
from workers.video.spans import Spans

Ref = Any
"""ray.ObjectRef, whose type parameter says nothing here."""


class Division:
    """A video that several readers look at: who has which span, and what waits for its turn.

    Spans are handed out in order, those that a dead reader has left before all others; what was seen of them
    is taken in order too, whoever comes first.
    """

    def __init__(self, spans: Spans) -> None:
        self.spans = spans
        self.turn = 0
        """Span of which the next stretch is due."""
        self.waiting_bytes = 0
        """Of stretches that have come and are not due yet, or not taken."""
        self._next = 0
        self._lost: list[int] = []
        self._losses: defaultdict[int, list[object]] = defaultdict(list)
        self._waiting: dict[int, deque[tuple[Ref, Look]]] = {}
        self._last_index: dict[int, int] = {}
        self._end: int | None = None

    @property
    def has_lost(self) -> bool:
        """Whether a span waits that a dead reader has left."""
        return bool(self._lost)

    @property
    def spans_left(self) -> float:
        """About how many spans nobody has yet."""
        return max(0.0, (self.spans.duration_s or 0.0) / self.spans.length_s - self._next)

    @property
    def is_complete(self) -> bool:
        """Whether everything has been seen and taken."""
        return self._end is not None and self.turn > self._end

    def is_beyond_end(self, number: int) -> bool:
        """Say whether a span turned out to lie behind the video's end."""
        return self._end is not None and number > self._end

    def hand_out(self, helper: object | None) -> int | None:
        """Return the number of a span for a reader to look at; None where none is left.

        Args:
            helper: does not get back what it has lost itself; None is the video's own reader, which does.
        """
        for number in sorted(self._lost):
            if helper is None or helper not in self._losses[number]:
                self._lost.remove(number)
                return number
        if self.is_beyond_end(self._next):
            return None
        self._next += 1
        return self._next - 1

    def lose(self, number: int, reader: object) -> int:
        """Take a span back at which a reader has failed; return how often that has happened."""
        self._lost.append(number)
        self._losses[number].append(reader)
        return len(self._losses[number])

    def give_back(self, number: int) -> None:
        """Take a span back whose reader has failed at something else."""
        self._lost.append(number)

    def last_index(self, number: int) -> int | None:
        """Return the number of the last frame that has been seen of a span."""
        return self._last_index.get(number)

    def add(self, number: int, ref: Ref, look: Look) -> None:
        """Keep a stretch of a span until its turn."""
        self._waiting.setdefault(number, deque()).append((ref, look))
        self.waiting_bytes += look.size_bytes
        if look.last_index is not None:
            self._last_index[number] = look.last_index
        if look.is_video_end:
            self._end = number if self._end is None else min(self._end, number)

    def take(self) -> Ref | None:
        """Return the stretch that is due, or None where it has not come yet."""
        waiting = self._waiting.get(self.turn)
        if not waiting or self.is_complete:
            return None
        ref, look = waiting.popleft()
        self.waiting_bytes -= look.size_bytes
        if look.is_span_end:
            self._waiting.pop(self.turn)
            self._last_index.pop(self.turn, None)
            self.turn += 1
        return ref


@dataclass(eq=False, slots=True)
class Attempt:
    """From fetch to the last answer."""

    job: Job
    ids: RowIds
    fetched: Fetched | None = None
    node_id: str = ""
    """Machine of the reader that fetched it."""
    is_begun: bool = False
    is_whole: bool = False
    """Whether it must not be divided."""
    is_unsplittable: bool = False
    """Whether dividing it turned out to be wrong: it is to begin again."""
    division: Division | None = None
    is_taking: bool = False
    """Whether its reader still has something to hand on of the stretch that it was given last."""
    video: Video | None = None
    """Its row, when it has been read to its end."""
    accounts: dict[int, BatchAccount] = field(default_factory=dict[int, BatchAccount])
    """Of the batches that have been described, by their order."""
    batches: int = 0
    has_failed: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether everything has been read and described."""
        return self.video is not None and len(self.accounts) == self.batches and not self.has_failed

    @property
    def is_over(self) -> bool:
        """Whether no reader has anything left to do for it."""
        return self.has_failed or self.is_unsplittable or self.video is not None


@dataclass(eq=False, slots=True)
class Span:
    """A span in the hands of a reader."""

    attempt: Attempt
    division: Division
    number: int
    after_index: int | None
    is_begun: bool = False


@dataclass(eq=False, slots=True)
class Batch:
    """Clips of one attempt on their way through a describer."""

    attempt: Attempt
    order: int
    cuts: Ref
    clips: int
    deaths: int = 0
