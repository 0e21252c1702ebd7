"""What several readers have seen of one video, put together to what one would have made of it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from storage.records import Video
from workers.clock import Stopwatch
from workers.reading import Chunk
from workers.sight import Sights
from workers.video.frames import Facts
from workers.video.spans import Seam, SpanEnd, UnsplittableError
from workers.visit import Visit


class Stitcher:
    """Takes the spans of a video in order and puts them through its one visit.

    There are no seams in what comes out: shots, tracks and clips are made here, of all frames, in order. What
    is checked at the seams is that both sides have decoded the same.

    Args:
        visit: Of the video.
        on_finished: Called before the video's row is handed out; raises where the file has changed.
    """

    def __init__(self, visit: Visit, on_finished: Callable[[], None]) -> None:
        self._visit = visit
        self._on_finished = on_finished
        self._seam: Seam | None = None
        self._facts: Facts | None = None
        self._last_index = -1
        self._frames = 0
        self._seconds = 0.0

    def add(self, sights: Sights) -> Iterator[Chunk]:
        """Take the next stretch; yield clips and rows where a batch of them is full.

        The next stretch is to be added after the last batch of this one.

        Raises:
            UnsplittableError: Two spans do not fit together.
            WorkerError: stage `detect`.
        """
        clock = Stopwatch()
        assert self._facts is None, "nothing follows the last span"
        if sights.end is not None:
            self._join(sights.end)
        for sight in sights.sights:
            if sight.index <= self._last_index:
                raise UnsplittableError(f"frame {sight.index} comes after frame {self._last_index}")
            self._last_index = sight.index
            self._frames += 1
            for chunk in self._visit.add(sight):
                with clock.stopped():
                    yield chunk
        self._seconds += sights.seconds + clock.seconds

    def sign(self) -> Chunk:
        """Return a chunk with nothing in it: it only tells how far the video has been put together."""
        return self._visit.sign()

    def finish(self) -> Iterator[Chunk | Video]:
        """Yield the last batches of clips and rows, and the video's row."""
        clock = Stopwatch()
        assert self._facts is not None, "the last span has not come"
        for chunk in self._visit.finish():
            with clock.stopped():
                yield chunk
        self._on_finished()
        facts = replace(self._facts, frames_sampled=self._frames)
        yield self._visit.video(facts, self._seconds + clock.seconds)

    def _join(self, end: SpanEnd) -> None:
        # A span behind the last one has neither end.
        if end.begins is not None:
            if self._seam is not None and self._seam != end.begins:
                raise UnsplittableError(f"key frame {end.begins.index} cannot be decoded by itself")
            self._seam = end.ends
        self._facts = end.facts
