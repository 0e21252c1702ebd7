"""Where the faces of a reading are at any frame: measured where it was looked at, in between where not."""

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from storage.records import Box
from workers.reading import Reading

Rectangle = tuple[float, float, float, float]
"""left, top, width, height in picture pixels."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A track's face in one frame.

    Attributes:
        track_index: of the video, from 0, as in the `tracks` table.
        box_xywh_px: left, top, width, height.
        box: the row that was measured in this frame; None where the place is between two measured ones, or
            is held from the one before.
        score: detector's confidence, of the row before where there is none.
    """

    track_index: int
    box_xywh_px: Rectangle
    box: Box | None
    score: float


class Trails:
    """The tracks of a reading, asked frame by frame.

    A reading that sampled has looked at one frame per tick of a clock. In the frames between two looks that
    both found a track its box moves straight from one to the other; where the next look did not, it is held
    until then, unless a shot begins there.

    Args:
        reading: of the video.
        sample_fps: under which it was made; inf when every frame was looked at.
    """

    def __init__(self, reading: Reading, sample_fps: float) -> None:
        indices = {track.track_id: track.track_index for track in reading.tracks}
        self._sample_fps = sample_fps
        boxes = sorted(reading.boxes, key=lambda box: (box.frame_index, indices[box.track_id]))
        self._seen: dict[int, list[tuple[int, Box]]] = {}
        self._next: dict[tuple[int, int], Box] = {}
        last: dict[int, Box] = {}
        for box in boxes:
            index = indices[box.track_id]
            self._seen.setdefault(box.frame_index, []).append((index, box))
            if index in last:
                self._next[index, last[index].frame_index] = box
            last[index] = box
        self._frames = list(self._seen)
        self._start_s = reading.shots[0].start_s
        self._cut_ticks = {self._tick(shot.start_s) for shot in reading.shots[1:]}

    def at(self, frame_index: int, pts_s: float) -> Iterator[Shown]:
        """Yield the faces of a frame, by their tracks.

        Args:
            frame_index: of the video, from 0, as in `workers.video.frames.Frame`.
            pts_s: its time.
        """
        if frame_index in self._seen:
            for index, box in self._seen[frame_index]:
                yield Shown(index, _rectangle(box), box, box.score)
        elif math.isfinite(self._sample_fps):
            yield from self._between(frame_index, pts_s)

    def _between(self, frame_index: int, pts_s: float) -> Iterator[Shown]:
        place = bisect_right(self._frames, frame_index)
        for index, box in self._seen[self._frames[place - 1]] if place else []:
            tick = self._tick(box.pts_s)
            if tick != self._tick(pts_s):
                continue
            after = self._next.get((index, box.frame_index))
            if after is not None and self._tick(after.pts_s) == tick + 1:
                share = (pts_s - box.pts_s) / (after.pts_s - box.pts_s)
                pairs = zip(_rectangle(box), _rectangle(after), strict=True)
                x, y, w, h = (a + share * (b - a) for a, b in pairs)
                yield Shown(index, (x, y, w, h), None, box.score)
            elif tick + 1 not in self._cut_ticks:
                yield Shown(index, _rectangle(box), None, box.score)

    def _tick(self, pts_s: float) -> int:
        # As `timeline.Sampler`, which counts exactly; a millionth of a tick makes up for rounding.
        if math.isinf(self._sample_fps):
            return 0
        return math.floor((pts_s - self._start_s) * self._sample_fps + 1e-6)


def _rectangle(box: Box) -> Rectangle:
    return box.x_px, box.y_px, box.w_px, box.h_px
