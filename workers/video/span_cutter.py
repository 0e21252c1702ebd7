"""Where a stream of packets may be cut so that its parts can be decoded apart."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

from workers.video.numbering import Numbered
from workers.video.spans import UnsplittableError
from workers.video.timeline import REORDER_FRAMES, Timeline

_CODECS = frozenset(
    {"av1", "h264", "hevc", "mjpeg", "mpeg1video", "mpeg2video", "mpeg4", "prores", "vp8", "vp9"}
)


def can_begin_at_key_frames(codec: str) -> bool:
    """Return whether what follows a key frame in presentation refers to nothing before it.

    Others, such as GIF, call frames key frames that change parts of the picture only.
    """
    return codec in _CODECS


class SpanCutter:
    """Cuts numbered packets into spans, which are asked for in ascending order; some may be left out.

    A span's packets are those from its first key frame up to the next span's, and from there the ones that
    are shown before that key frame: with an open group of pictures, they refer to both sides.

    Args:
        packets: of the whole stream, from its start.
        timeline: by which they are numbered.
        length: of a span, in pts.
    """

    def __init__(self, packets: Iterator[Numbered], timeline: Timeline, length: Fraction | float) -> None:
        self._packets = packets
        self._timeline = timeline
        self._length = length
        self._ahead: deque[Numbered] = deque()
        self._asked = -1
        self._current = 0
        """Span of the next packet, unless that begins a new one."""
        self._begun_pts: int | None = None
        """Of the key frame with which it began; None for the first span, which begins with the stream."""
        self.first_index = 0
        """Number of the first frame of the span."""
        self.end_index: int | None = None
        """Number of the first frame after the span, once that is known."""
        self.is_empty = True
        """Whether the span has no packets."""

    @property
    def is_at_end(self) -> bool:
        """Whether no packet follows."""
        return self._peek() is None

    def packets(self, number: int) -> Iterator[Numbered]:
        """Yield the packets of a span; none behind the last one.

        Raises:
            UnsplittableError: a frame from before the next span's key frame is shown after it.
        """
        assert number > self._asked, "spans are asked for in ascending order"
        self._asked = number
        self.first_index, self.end_index, self.is_empty = 0, None, True
        if number > 0 and not self._skip_to(number):
            return
        last_index, before, self.is_empty = -1, 0, self._peek() is None
        while (numbered := self._peek()) is not None and not self._begins(numbered):
            _, place = self._ahead.popleft()
            index = None if place is None else place.index
            if index is not None:
                last_index = max(last_index, index)
                before += index < self.first_index
            if before > REORDER_FRAMES:
                raise UnsplittableError(f"frame {index} is stored long after key frame {self.first_index}")
            yield numbered
        if numbered is not None:
            yield from self._seam(last_index)

    def _skip_to(self, number: int) -> bool:
        """Go to the key frame with which a span begins; return False where there is none."""
        while (numbered := self._peek()) is not None:
            place = numbered[1]
            if place is not None and self._begins(numbered):
                self._current, self._begun_pts = self._current + 1, place.pts
                if self._current == number:
                    self.first_index = place.index or 0
                    return True
            self._ahead.popleft()
        return False

    def _seam(self, last_index: int) -> Iterator[Numbered]:
        """Yield the key frame with which the next span begins and what is shown before it; keep them."""
        while len(self._ahead) <= REORDER_FRAMES and (numbered := next(self._packets, None)) is not None:
            self._ahead.append(numbered)
        seam = list(self._ahead)
        places = [place for _, place in seam]
        first = places[0]
        assert first is not None
        assert first.index is not None
        self.end_index = first.index
        if last_index > first.index:
            raise UnsplittableError(f"frame {last_index} is stored before key frame {first.index}")
        leading = [
            n
            for n, place in enumerate(places)
            if place is not None and place.index is not None and place.index < first.index
        ]
        yield from seam[: max(leading, default=0) + 1]

    def _begins(self, numbered: Numbered) -> bool:
        """Return whether a packet begins the next span."""
        packet, place = numbered
        begun_pts = self._timeline.start_pts if self._begun_pts is None else self._begun_pts
        if place is None or not packet.is_keyframe or begun_pts is None:
            return False
        return place.pts - begun_pts >= self._length

    def _peek(self) -> Numbered | None:
        if not self._ahead:
            numbered = next(self._packets, None)
            if numbered is None:
                return None
            self._ahead.append(numbered)
        return self._ahead[0]
