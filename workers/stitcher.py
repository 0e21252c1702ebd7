"""What several readers have seen of one video, put together to what one would have made of it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from workers.clock import Stopwatch
from workers.frames import Facts, Seam, SpanEnd
from workers.reading import Chunk, Reading
from workers.sight import Sights
from workers.spans import UnsplittableError
from workers.visit import Visit


class Stitcher:
    """Takes the spans of a video in order and puts them through its one visit.

    There are no seams in what comes out: shots, tracks and clips are made here, of all frames, in order. What
    is checked at the seams is that both sides have decoded the same.

    Args:
        visit: Of the video.
        on_finished: Called before the reading is handed out; raises where the file has changed.
    """

    def __init__(self, visit: Visit, on_finished: Callable[[], None]) -> None:
        self._visit = visit
        self._on_finished = on_finished
        self._seam: Seam | None = None
        self._facts: Facts | None = None
        self._last_index = -1
        self._frames = 0
        self._seconds = 0.0

    def add(self, sights: Sights) -> Chunk:
        """Take the next stretch; return the clips whose tracks have ended, if any.

        Raises:
            UnsplittableError: Two spans do not fit together.
            WorkerError: stage `detect`.
        """
        clock = Stopwatch()
        assert self._facts is None, "nothing follows the last span"
        if sights.end is not None:
            self._join(sights.end)
        chunks: list[Chunk] = []
        for sight in sights.sights:
            if sight.index <= self._last_index:
                raise UnsplittableError(f"frame {sight.index} comes after frame {self._last_index}")
            self._last_index = sight.index
            self._frames += 1
            chunks += self._visit.add(sight)
        cuts = tuple(cut for chunk in chunks for cut in chunk.cuts)
        self._seconds += sights.seconds + clock.seconds
        return replace(chunks[-1], cuts=cuts) if chunks else self._visit.sign()

    def finish(self) -> Iterator[Chunk | Reading]:
        """Yield the last batches of clips and the reading."""
        clock = Stopwatch()
        assert self._facts is not None, "the last span has not come"
        yield from self._visit.finish()
        self._on_finished()
        facts = replace(self._facts, frames_sampled=self._frames)
        yield self._visit.reading(facts, self._seconds + clock.seconds)

    def _join(self, end: SpanEnd) -> None:
        # An empty span has neither end: the one before it meets the one after.
        if end.begins is not None:
            if self._seam is not None and self._seam != end.begins:
                raise UnsplittableError(f"key frame {end.begins.index} cannot be decoded by itself")
            self._seam = end.ends
        self._facts = end.facts
