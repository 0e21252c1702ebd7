"""How much a face is like one that is followed: what the library takes for overlap."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from trackers import BaseIoU
from trackers.core.ocsort.tracklet import OCSORTTracklet

from workers.faces.appearance import Look
from workers.faces.face import Face
from workers.tracking.nearness import Box, iou, nearness
from workers.tracking.track import FaceTrack

_MOTION = 0.4
"""Share of motion in the likeness; the rest is appearance."""
_CROWD_TOLERANCE = 0.2
"""By how much a face that may be partly covered may look stranger."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A face of the frame that is being assigned; `is_crowded` when another overlaps it."""

    face: Face
    box_xyxy: Box
    look: Look
    is_crowded: bool


class Likeness(BaseIoU):
    """Stands in for intersection over union: 0 for a face that cannot be the followed one, else 1..5.

    The library links pairs from a threshold on, to be set to 1: its second round, which compares plain
    overlaps and knows nothing of looks, so links identical boxes only.
    """

    def __init__(
        self,
        tracklets: Callable[[], Sequence[OCSORTTracklet]],
        *,
        reach: float,
        speed: float,
        strange: float,
        strange_in_place: float,
    ) -> None:
        """Take the numbers of `TrackerConfig`, and what gives the library's tracklets at any time."""
        self._tracklets = tracklets
        self._reach, self._speed = reach, speed
        self._strange, self._strange_in_place = strange, strange_in_place
        self._tracks: Mapping[OCSORTTracklet, FaceTrack] = {}
        self._found: Sequence[Found] = ()

    def expect(self, tracks: Mapping[OCSORTTracklet, FaceTrack], found: Sequence[Found]) -> None:
        """Say what the next comparison is of: boxes alone do not tell who is in them."""
        self._tracks, self._found = tracks, found

    def _compute(self, boxes_1: NDArray[np.float64], boxes_2: NDArray[np.float64]) -> NDArray[np.float64]:
        likeness = np.zeros((len(boxes_1), len(boxes_2)))
        for row, tracklet in enumerate(self._tracklets()):
            for column, found in enumerate(self._found):
                likeness[row, column] = self._of_pair(tracklet, boxes_1[row], found)
        return likeness

    def _of_pair(self, tracklet: OCSORTTracklet, expected: Box, found: Found) -> float:
        last, lost_s = tracklet.last_observation, tracklet.time_since_update_seconds
        near = nearness(found.box_xyxy, last, expected, self._reach + self._speed * lost_s, lost_s)
        if near is None:
            return 0.0
        overlap = max(iou(found.box_xyxy, last), iou(found.box_xyxy, expected))
        limit = self._strange + (self._strange_in_place - self._strange) * overlap
        limit += _CROWD_TOLERANCE if found.is_crowded else 0
        distance = self._tracks[tracklet].gallery.distance(found.look)
        if distance > limit:
            return 0.0
        motion = max(overlap, near / 2)
        return 1 + 4 * min(1.0, max(0.0, _MOTION * motion + (1 - _MOTION) * (1 - distance)))
