"""Faces followed through a shot.

Motion, assignment and patience with lost faces are OC-SORT's (Cao et al. 2023, arXiv 2203.14360), from the
`trackers` library. What it takes for overlap is our likeness: overlap and nearness as far as the time since
the face was last seen lets them mean something, and appearance, which says who comes out on which side of a
crossing. A face that came back half hidden, and so as a stranger, is joined to its track once recognised.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import supervision as sv
from trackers import OCSORTTracker
from trackers.core.ocsort.tracklet import OCSORTTracklet
from trackers.utils.state_representations import XYXYStateEstimator

from workers.faces.appearance import Gallery
from workers.faces.face import Face
from workers.sight import Sighted
from workers.tracking.likeness import Found, Likeness
from workers.tracking.nearness import Box, iou, nearness
from workers.tracking.track import FaceTrack, Seen

_LIBRARY_FPS = 30.0
"""The library counts time in frames at this rate."""
_CROSSING_S = 0.5
"""Seconds that a crossing may hide a face."""
_MIXTURE_S = 0.25
"""Seconds that the mixture of two crossing faces may look like a third."""
_SAME_PLACE_IOU = 0.3
_KEPT = 2
"""Boxes by which it is known where a face is and how it came there."""
_UNMISTAKABLE = 0.25
"""Distance of looks that only pictures of one face have."""


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """How faces are followed. Distances of looks are those of `workers.faces.appearance`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    max_lost_s: float = 10.0
    """Seconds after which a face that is not seen again is given up."""
    reach: float = 0.6
    """Face sizes that a face may be away from where it is expected at once."""
    speed: float = 3.0
    """Face sizes per second by which the reach grows while a face is not seen."""
    strange: float = 0.58
    """Distance of looks above which a face is another one, away from where one is expected."""
    strange_in_place: float = 0.95
    """The same, exactly where one is expected."""
    recognised: float = 0.5
    """Distance of looks up to which a new face is joined to one that was lost."""
    same_person: float = 0.62
    """Distance of looks below which tracks before and after a cut, or a long absence, are one person's."""
    stores_embeddings: bool = False
    """Keep in the table `tracks` the identities by which people were told apart: biometric data."""
    young_s: float = 2.0
    """Seconds for which a new face may still be joined to one that was lost."""
    crowded: float = 0.1
    """Intersection over union with another face from which a face's look may be a mixture."""
    looks: int = 6
    """Looks by which a face is known again."""
    min_hits: int = 3
    """Faces below which a track counts only if it is certain; shots of fewer frames are exempt."""
    certain_score: float = 0.8
    """Detector's score that makes a track of fewer faces certain, unless it appeared over another face."""

    def __post_init__(self) -> None:
        for name in ("max_lost_s", "reach", "speed", "strange", "strange_in_place", "recognised"):
            if getattr(self, name) <= 0:
                raise ValueError(f"tracker.{name} is {getattr(self, name)}; give a positive number")
        for name in ("looks", "min_hits"):
            if getattr(self, name) < 1:
                raise ValueError(f"tracker.{name} is {getattr(self, name)}; give at least 1")


class Tracker:
    """Follows the faces of one video, shot by shot. Deterministic."""

    def __init__(self, config: TrackerConfig) -> None:
        """Start before the first frame."""
        self._config = config
        self._likeness = Likeness(
            lambda: self._library.tracks,
            reach=config.reach,
            speed=config.speed,
            strange=config.strange,
            strange_in_place=config.strange_in_place,
        )
        self._library = OCSORTTracker(
            lost_track_buffer=round(config.max_lost_s * 30),  # the library's unit, whatever the frame rate
            frame_rate=_LIBRARY_FPS,
            minimum_consecutive_frames=1,
            minimum_iou_threshold=1.0,
            state_estimator_class=XYXYStateEstimator,
            iou=self._likeness,
        )
        self._tracks: dict[OCSORTTracklet, FaceTrack] = {}
        self._ended: list[FaceTrack] = []
        self._next_index = 0
        self._shot_index = 0
        self._shot_frames = 0
        self._shot_start_s = 0.0
        self._shot_end_s = 0.0

    def update(
        self, frame_index: int, pts: int, pts_s: float, faces: Sequence[Sighted]
    ) -> list[tuple[int, Sighted]]:
        """Assign the faces of the next frame of the shot.

        Args:
            frame_index: of the video, from 0.
            pts: in the stream's time base.
            pts_s: the same in seconds; later than that of the frame before.
            faces: found in the frame.

        Returns:
            (track_index, face) of every face, in their order, with how much of it is hidden. An index may
            turn out to be part of another track: see its `FaceTrack.other_indices` when that has ended.
        """
        if self._shot_frames == 0:
            self._shot_start_s = pts_s
        self._shot_frames += 1
        self._shot_end_s = pts_s
        found = _find(faces, self._config.crowded)
        place = self._shot_frames - 1
        assigned = self._assign(found, pts_s - self._shot_start_s)
        for tracklet, one in assigned:
            if tracklet in self._tracks:
                track = self._tracks[tracklet]
                face = one.face.hidden(track.hidden_share(one.look, pts_s))
                self._continue(track, Seen(frame_index, pts, pts_s, face, place), one)
            else:
                self._tracks[tracklet] = self._begin(Seen(frame_index, pts, pts_s, one.face, place), one)
        for tracklet, one in assigned:
            self._reclaim(self._tracks[tracklet])
            self._recognise(tracklet, one, pts_s)
        self._bury()
        tracks = [self._tracks[tracklet] for tracklet, _ in assigned]
        return [
            (track.track_index, seen._replace(face=track.last.face))
            for track, seen in zip(tracks, faces, strict=True)
        ]

    def end_shot(self) -> None:
        """End all tracks: a cut or the end of the video comes before the next frame."""
        self._library.reset()
        self._bury()
        self._shot_index += 1
        self._shot_frames = 0

    def take_ended(self) -> list[FaceTrack]:
        """Return the tracks that have ended since this was last asked, by their indices.

        Those that are spurious are among them and marked.
        """
        ended, self._ended = sorted(self._ended, key=lambda track: track.track_index), []
        return ended

    def hand_on(self) -> Iterator[tuple[FaceTrack, list[Seen]]]:
        """Let go of boxes of tracks that are followed, as far as nothing that may come can change them."""
        for track in self._tracks.values():
            if self._is_settled(track):
                yield track, track.hand_on(keep=_KEPT)

    def _is_settled(self, track: FaceTrack) -> bool:
        """Say whether a track is neither spurious nor part of another, however it goes on.

        The conditions are those of `_bury`, `_reclaim` and `_recognise`, turned round.
        """
        is_old = self._shot_end_s - track.first.pts_s > self._config.young_s
        is_mixture = track.is_crowded and track.last.pts_s - track.first.pts_s < _MIXTURE_S
        return is_old and track.boxes >= self._config.min_hits and not is_mixture

    def _assign(self, found: list[Found], elapsed_s: float) -> list[tuple[OCSORTTracklet, Found]]:
        """Return the tracklet of every face: a new one where it is none of the followed."""
        boxes = np.array([one.box_xyxy for one in found]).reshape(-1, 4)
        self._likeness.expect(self._tracks, found)
        self._library.update(sv.Detections(xyxy=boxes), timestamp=elapsed_s)
        of_box = {tuple(t.last_observation): t for t in self._library.tracks if t.time_since_update == 0}
        return [(of_box[tuple(one.box_xyxy)], one) for one in found]

    def _begin(self, seen: Seen, found: Found) -> FaceTrack:
        track = FaceTrack(
            self._next_index,
            self._shot_index,
            [seen],
            Gallery(found.look, self._config.looks),
            clear=Gallery(found.look, self._config.looks),
            clear_s=seen.pts_s,
            # Nobody can have crossed before the shot's first frame.
            is_crowded=self._shot_frames > 1
            and (found.is_crowded or self._is_where_another_was(found, seen.pts_s)),
        )
        self._next_index += 1
        return track

    def _is_where_another_was(self, found: Found, now_s: float) -> bool:
        recent = (t.last for t in self._tracks.values() if now_s - t.last.pts_s <= _CROSSING_S)
        return any(iou(found.box_xyxy, _xyxy(last.face)) > self._config.crowded for last in recent)

    def _continue(self, track: FaceTrack, seen: Seen, found: Found) -> None:
        track.seen.append(seen)
        if not found.is_crowded:
            track.gallery.add(found.look)

    def _reclaim(self, track: FaceTrack) -> None:
        """Take over what was seen for a moment, as a stranger, just where and when a lost face came back."""
        if len(track.seen) < 2:
            return
        before, now = track.seen[-2:]
        for tracklet, other in list(self._tracks.items()):
            is_between = before.pts_s < other.first.pts_s and other.last.pts_s < now.pts_s
            is_moment = other.boxes < self._config.min_hits and now.pts_s - other.last.pts_s <= _CROSSING_S
            if is_between and is_moment and iou(_xyxy(other.last.face), _xyxy(now.face)) > _SAME_PLACE_IOU:
                track.seen.pop()
                track.take_over(other)
                track.seen.append(now)
                self._forget(tracklet)

    def _forget(self, tracklet: OCSORTTracklet) -> None:
        del self._tracks[tracklet]
        self._library.tracks = [kept for kept in self._library.tracks if kept is not tracklet]

    def _recognise(self, tracklet: OCSORTTracklet, found: Found, now_s: float) -> None:
        """Join a young track to one that was lost before it began, where the looks are the same."""
        track = self._tracks[tracklet]
        if found.is_crowded or now_s - track.first.pts_s > self._config.young_s:
            return
        best, best_distance = None, self._config.recognised
        for other, lost in self._tracks.items():
            if lost.last.pts_s >= track.first.pts_s:
                continue
            distance = lost.gallery.distance(found.look)
            if distance <= best_distance and self._can_become(lost, track, distance):
                best, best_distance = other, distance
        if best is not None:
            lost = self._tracks[best]
            lost.take_over(track)
            lost.gallery.add(found.look)
            self._forget(best)
            self._tracks[tracklet] = lost

    def _can_become(self, lost: FaceTrack, track: FaceTrack, distance: float) -> bool:
        """Say whether a face can have got from where it was lost to where a track begins."""
        gap_s = track.first.pts_s - lost.last.pts_s
        place, last = _xyxy(track.first.face), _xyxy(lost.last.face)
        # Who hurries by is further than expected, and looks just as a moment ago.
        is_same = distance <= _UNMISTAKABLE and gap_s <= _CROSSING_S
        reach = math.inf if is_same else self._config.reach + self._config.speed * gap_s
        return nearness(place, last, last, reach, gap_s) is not None

    def _bury(self) -> None:
        """Move tracks that the library has given up to the ended ones."""
        alive = set(self._library.tracks)
        for tracklet in [tracklet for tracklet in self._tracks if tracklet not in alive]:
            track = self._tracks.pop(tracklet)
            track.lasts_s = track.last.pts_s - track.first.pts_s + self._frame_s()
            track.clear = None
            is_short = track.boxes < min(self._config.min_hits, self._shot_frames)
            is_certain = track.sums.best_score >= self._config.certain_score
            is_mixture = track.is_crowded and (is_short or track.lasts_s < _MIXTURE_S)
            track.is_spurious = is_mixture or (is_short and not is_certain)
            self._ended.append(track)

    def _frame_s(self) -> float:
        """Return the mean seconds between frames of the shot so far."""
        if self._shot_frames < 2:
            return math.inf
        return (self._shot_end_s - self._shot_start_s) / (self._shot_frames - 1)


def _find(faces: Sequence[Sighted], crowded: float) -> list[Found]:
    boxes = [_xyxy(seen.face) for seen in faces]
    return [
        Found(
            seen.face,
            box,
            seen.look,
            any(iou(box, other) > crowded for other in boxes if other is not box),
        )
        for seen, box in zip(faces, boxes, strict=True)
    ]


def _xyxy(face: Face) -> Box:
    x, y, w, h = face.box_xywh_px
    return np.array([x, y, x + w, y + h])
