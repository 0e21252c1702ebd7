"""All boxes of one video, to look at them together: in columns, because there can be a million of them."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from storage.records import Track
from storage.tables import Rows

_SIDES = ("x_px", "y_px", "w_px", "h_px")


class Measured(NamedTuple):
    """A face where it was found in one frame.

    Attributes:
        track_index: of the video, from 0, as in the `tracks` table.
        frame_index: of the video, from 0.
        pts_s: its time.
        box_xywh_px: left, top, width, height.
        score: detector's confidence.
        quality: 0..1.
        landmarks_px: [68, 2] float32 in picture pixels; None where they were not kept.
    """

    track_index: int
    frame_index: int
    pts_s: float
    box_xywh_px: tuple[float, float, float, float]
    score: float
    quality: float
    landmarks_px: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Landmarks:
    """Landmarks as they came, [n, 68, 2] float32 each time, and where each box has its own."""

    parts: Sequence[NDArray[np.float32]]
    starts: Sequence[int]
    places: NDArray[np.int32]

    def of(self, number: int) -> NDArray[np.float32]:
        place = int(self.places[number])
        part = bisect_right(self.starts, place) - 1
        return self.parts[part][place - self.starts[part]]


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Boxes by frame, those of a frame by track.

    Attributes:
        track_indices: [N] int32.
        frame_indices: [N] int64, ascending.
        pts_s: [N] float64.
        boxes_xywh_px: [N, 4] float64.
        scores: [N] float64.
        qualities: [N] float64.
        landmarks: of each, where they were kept.
    """

    track_indices: NDArray[np.int32]
    frame_indices: NDArray[np.int64]
    pts_s: NDArray[np.float64]
    boxes_xywh_px: NDArray[np.float64]
    scores: NDArray[np.float64]
    qualities: NDArray[np.float64]
    landmarks: _Landmarks | None = None

    def __len__(self) -> int:
        return len(self.track_indices)

    def __getitem__(self, number: int) -> Measured:
        """Return one box."""
        x, y, w, h = self.boxes_xywh_px[number].tolist()
        return Measured(
            int(self.track_indices[number]),
            int(self.frame_indices[number]),
            float(self.pts_s[number]),
            (x, y, w, h),
            float(self.scores[number]),
            float(self.qualities[number]),
            None if self.landmarks is None else self.landmarks.of(number),
        )

    def of_track(self, track_index: int) -> "Boxes":
        """Return the boxes of one track, without landmarks."""
        mine = np.flatnonzero(self.track_indices == track_index)
        return Boxes(
            self.track_indices[mine],
            self.frame_indices[mine],
            self.pts_s[mine],
            self.boxes_xywh_px[mine],
            self.scores[mine],
            self.qualities[mine],
        )

    def in_frame(self, frame_index: int) -> range:
        """Return which boxes are of a frame."""
        start = int(np.searchsorted(self.frame_indices, frame_index))
        end = int(np.searchsorted(self.frame_indices, frame_index, side="right"))
        return range(start, end)

    def mean_sizes_px(self) -> dict[int, float]:
        """Return the mean shorter side of each track's boxes, by the track's index."""
        sums = np.bincount(self.track_indices, self.boxes_xywh_px[:, 2:].min(axis=1))
        counts = np.bincount(self.track_indices)
        return {int(index): float(sums[index] / counts[index]) for index in np.flatnonzero(counts)}


class BoxGatherer:
    """Takes the rows of boxes as a reader hands them on, and keeps of them what `Boxes` has.

    Args:
        keeps_landmarks: Which are eight times as much as the rest.
    """

    def __init__(self, *, keeps_landmarks: bool) -> None:
        self._keeps_landmarks = keeps_landmarks
        self._numbers: dict[str, int] = {}
        """Of the tracks in the order in which they came, by `track_id`."""
        self._tracks = [np.zeros(0, np.int32)]
        self._frames = [np.zeros(0, np.int64)]
        self._pts_s, self._scores, self._qualities = ([np.zeros(0)] for _ in range(3))
        self._sides = [np.zeros((0, 4))]
        self._landmarks: list[NDArray[np.float32]] = []

    def add(self, rows: Iterable[Rows]) -> None:
        """Take the boxes among some rows."""
        for part in rows:
            if part.table == "boxes":
                self._add(part)

    def _add(self, rows: Rows) -> None:
        numbers = self._numbers
        ids = rows.strings("track_id")
        self._tracks.append(np.array([numbers.setdefault(one, len(numbers)) for one in ids], np.int32))
        self._frames.append(rows.numbers("frame_index"))
        self._pts_s.append(rows.numbers("pts_s"))
        self._sides.append(np.stack([rows.numbers(side) for side in _SIDES], axis=1))
        self._scores.append(rows.numbers("score"))
        self._qualities.append(rows.numbers("quality"))
        if self._keeps_landmarks:
            # A copy: Arrow's own buffers are half empty.
            self._landmarks.append(rows.numbers("landmarks_px").reshape(-1, 68, 2).copy())

    def boxes(self, tracks: Sequence[Track]) -> Boxes:
        """Return all that came, in order, once; `tracks` are all of the video."""
        indices = {track.track_id: track.track_index for track in tracks}
        of_number = np.array([indices[one] for one in self._numbers], np.int32)
        track_indices, frame_indices = of_number[_joined(self._tracks)], _joined(self._frames)
        order = np.lexsort((track_indices, frame_indices)).astype(np.int32)
        starts = np.cumsum([0, *(len(part) for part in self._landmarks)]).tolist()
        landmarks = _Landmarks(self._landmarks, starts, order) if self._keeps_landmarks else None
        return Boxes(
            track_indices[order],
            frame_indices[order],
            _joined(self._pts_s)[order],
            _joined(self._sides)[order],
            _joined(self._scores)[order],
            _joined(self._qualities)[order],
            landmarks,
        )


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Return parts as one array, and let go of them."""
    joined = np.concatenate(parts)
    parts.clear()
    return joined
