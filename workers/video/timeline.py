"""Frame numbers and sampling, decided from packets' timestamps before anything is decoded.

A frame's number is the rank of its presentation timestamp among those of all packets of the stream, from 0.
On an intact stream that is its place in the decoded video. It does not depend on what is decoded: a damaged
packet keeps its number and leaves a gap, and skipped frames are counted without decoding them. A stream cut
out of a longer one may so begin above 0, by the packets that refer to pictures before the cut.

Time only grows: timestamps that jump back (joined files, a restarted encoder) continue at the end of what was
before, and pts are then those of the file plus a constant per stretch; one that repeats the one before is
raised to a tick after it.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush

REORDER_FRAMES = 16
"""The most frames that H.264 (A.3.1) and HEVC (A.4.2) let precede a frame in decoding and follow it in
presentation; the codecs after them need none."""

JUMP_BACK_S = 0.5
"""A decoding timestamp this much below the one before belongs to another recording."""


class Sampler:
    """Picks the first frame at or after each tick of a clock that starts with the first frame.

    Exact in integers, so that a frame is picked or not independently of rounding.

    Args:
        time_base: Seconds per unit of pts.
        sample_fps: Ticks per second; inf picks every frame.
    """

    def __init__(self, time_base: Fraction, sample_fps: float) -> None:
        is_every = math.isinf(sample_fps)
        rate = None if is_every else Fraction(sample_fps).limit_denominator(1_000_000) * time_base
        self._rate = rate
        self._start_pts: int | None = None
        self._tick = -1

    def picks(self, pts: int) -> bool:
        """Return whether the next frame in presentation order is picked."""
        if self._rate is None:
            return True
        if self._start_pts is None:
            self._start_pts = pts
        tick = (pts - self._start_pts) * self._rate.numerator // self._rate.denominator
        if tick <= self._tick:
            return False
        self._tick = tick
        return True


@dataclass(slots=True)
class Place:
    """Where a packet's frame stands in the video; `index` is None until that is certain."""

    pts: int
    duration: int
    index: int | None = None
    is_wanted: bool = False


class Timeline:
    """Numbers packets that come in decoding order; a place is certain `REORDER_FRAMES` packets later.

    Args:
        time_base: Seconds per unit of pts.
        sampler: Asked once per frame, in presentation order.
    """

    def __init__(self, time_base: Fraction, sampler: Sampler) -> None:
        self._sampler = sampler
        self._jump_back = JUMP_BACK_S / time_base
        self._undecided: list[tuple[int, int, Place]] = []
        self._packets = 0
        self._shift = 0
        self._last_dts: int | None = None
        self._last_pts: int | None = None
        self.frames = 0
        """Frames numbered so far."""
        self.depth = 0
        """The most packets so far that come after one and are shown before it."""
        self.repeats = 0
        """Frames so far whose timestamp repeats the one before."""
        self.start_pts: int | None = None
        """Of the first frame."""
        self.end_pts = 0
        """Where the latest numbered frame ends."""
        self._free_pts = -math.inf
        """The first that is later than all before."""

    def place(self, pts: int, dts: int | None, duration: int, *, is_keyframe: bool = False) -> Place:
        """Return the place of the next packet, still without its number."""
        if self._is_restart(pts, dts, is_keyframe=is_keyframe):
            self.finish()
            self._shift = self.end_pts - pts
            self._last_pts = None
        self._last_dts = dts if dts is not None else self._last_dts
        place = Place(pts + self._shift, duration)
        heappush(self._undecided, (place.pts, self._packets, place))
        self._packets += 1
        if len(self._undecided) > REORDER_FRAMES:
            self._decide()
        return place

    def finish(self) -> None:
        """Decide all places: no packet follows."""
        while self._undecided:
            self._decide()

    def _is_restart(self, pts: int, dts: int | None, *, is_keyframe: bool) -> bool:
        is_late = self._last_pts is not None and pts + self._shift < self._last_pts
        back = self._last_dts - dts if dts is not None and self._last_dts is not None else 0
        # Sloppy recorders let it falter by a little, but a key frame that goes back begins something new.
        return is_late or back > (0 if is_keyframe else self._jump_back)

    def _decide(self) -> None:
        pts, packet, place = heappop(self._undecided)
        place.index = self.frames
        if pts < self._free_pts:
            self.repeats += 1
            place.pts = int(self._free_pts)
        place.is_wanted = self._sampler.picks(place.pts)
        if place.duration <= 0 and self._undecided:
            place.duration = max(0, self._undecided[0][0] - place.pts)
        self.depth = max(self.depth, self.frames - packet)
        self.frames += 1
        self.start_pts = place.pts if self.start_pts is None else self.start_pts
        self.end_pts = place.pts + place.duration
        self._free_pts = place.pts + 1
        self._last_pts = pts
