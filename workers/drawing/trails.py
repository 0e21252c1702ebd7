"""Where the faces of a reading are at any frame: measured where it was looked at, in between where not."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.boxes import Boxes, Measured
from workers.reading import Reading

Rectangle = tuple[float, float, float, float]
"""left, top, width, height in picture pixels."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A track's face in one frame.

    Attributes:
        track_index: of the video, from 0, as in the `tracks` table.
        box_xywh_px: left, top, width, height.
        measured: what was found in this frame; None where the place is between two measured ones, or
            is held from the one before.
        score: detector's confidence, of the look before where there is none.
    """

    track_index: int
    box_xywh_px: Rectangle
    measured: Measured | None
    score: float


class Trails:
    """The tracks of a reading, asked frame by frame.

    A reading that sampled has looked at one frame per tick of a clock. In the frames between two looks that
    both found a track its box moves straight from one to the other; where the next look did not, it is held
    until then, unless a shot begins there.

    Args:
        reading: of the video.
        boxes: all of it.
        sample_fps: under which it was made; inf when every frame was looked at.
    """

    def __init__(self, reading: Reading, boxes: Boxes, sample_fps: float) -> None:
        self._boxes, self._sample_fps = boxes, sample_fps
        self._after = _next_of_track(boxes)
        self._start_s = reading.shots[0].start_s
        self._cut_ticks = {self._tick(shot.start_s) for shot in reading.shots[1:]}

    def at(self, frame_index: int, pts_s: float) -> Iterator[Shown]:
        """Yield the faces of a frame, by their tracks.

        Args:
            frame_index: of the video, from 0, as in `workers.video.frames.Frame`.
            pts_s: its time.
        """
        here = self._boxes.in_frame(frame_index)
        for number in here:
            box = self._boxes[number]
            yield Shown(box.track_index, box.box_xywh_px, box, box.score)
        if not here and here.start and math.isfinite(self._sample_fps):
            before = int(self._boxes.frame_indices[here.start - 1])
            yield from self._between(self._boxes.in_frame(before), pts_s)

    def _between(self, looked_at: range, pts_s: float) -> Iterator[Shown]:
        for number in looked_at:
            box = self._boxes[number]
            tick = self._tick(box.pts_s)
            if tick != self._tick(pts_s):
                continue
            after = self._boxes[int(self._after[number])]
            if self._tick(after.pts_s) == tick + 1:
                share = (pts_s - box.pts_s) / (after.pts_s - box.pts_s)
                pairs = zip(box.box_xywh_px, after.box_xywh_px, strict=True)
                x, y, w, h = (a + share * (b - a) for a, b in pairs)
                yield Shown(box.track_index, (x, y, w, h), None, box.score)
            elif tick + 1 not in self._cut_ticks:
                yield Shown(box.track_index, box.box_xywh_px, None, box.score)

    def _tick(self, pts_s: float) -> int:
        # As `timeline.Sampler`, which counts exactly; a millionth of a tick makes up for rounding.
        if math.isinf(self._sample_fps):
            return 0
        return math.floor((pts_s - self._start_s) * self._sample_fps + 1e-6)


def _next_of_track(boxes: Boxes) -> NDArray[np.int32]:
    """Return of each box [N] which is the next of its track, itself for the last."""
    by_track = np.argsort(boxes.track_indices, kind="stable")
    tracks = boxes.track_indices[by_track]
    after = np.arange(len(boxes), dtype=np.int32)
    is_followed = tracks[:-1] == tracks[1:]
    after[by_track[:-1][is_followed]] = by_track[1:][is_followed]
    return after
