"""Faces of a picture, by an ensemble of small networks with the face mesh as landmarker and part of the gate.

Candidates come from the short-range detector on the whole picture, the full-range one on the whole picture
and, where the picture is larger than a tile, the full-range one on overlapping tiles. Each is then looked at
close up by the short-range detector, which says again whether there is a face and where exactly, and the mesh
is laid on that; a second time where the first shows that the face is held otherwise. What counts is the
evidence of all three together: the mesh alone misses profiles and motion blur, the detectors alone see faces
in clouds. A picture with many small faces is a crowd, and is looked at again in finer tiles.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.faces.blaze import (
    FULL_RANGE,
    SHORT_RANGE,
    BlazeFace,
    Candidates,
    Floats,
    blend,
    ious,
    join,
    suppress,
)
from workers.faces.detection import DetectorConfig
from workers.faces.face import Face, Located, measure
from workers.faces.mesh import Mesh, Points, landmarks_68, pose_deg, square_of_detection
from workers.faces.window import Pyramid, close_up, tiles, whole

# A box is imprecise where it is a few pixels of the network's input; it yields to that of another network, or
# tile, in which the face is larger.
_PRECISE_PX = 24
_SAME_PLACE_IOU = 0.3

# The short-range network's score from which a place counts in which the full-range one sees nothing. Of 128
# such places below it one was a face; in pictures of 640 pixels they were two thirds of all places that were
# none.
_SHORT_ALONE = 0.35

# The close-up shows this many sides of the candidate's box, at the size of face at which the network is best;
# its answer must touch what it was asked about. (Twice the area gives the same scores and boxes.)
_CLOSE_UP_SIDES = 1.65
_CLOSE_UP_PX = 96
_CLOSE_UP_SCORE = 0.1
_CLOSE_UP_IOU = 0.2

# Presence in the mesh's first pass from which a second one has not been seen to recover, and from which none
# is needed where the square was right.
_HOPELESS = 0.005
_SURE = 0.9

# A face is small that is less than this part of a tile wide: below that, some begin to be missed.
_SMALL = 10

# The networks' shares of the evidence.
_ENSEMBLE, _CLOSE_UP, _MESH = 0.4, 0.4, 0.2


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A candidate after its close-up."""

    ensemble_score: float
    score: float
    box_xyxy_px: Floats
    eyes_px: Floats


class EmbeddedDetector:
    """Finds faces with the models that the mediapipe wheel carries.

    Deterministic: the same picture gives the same faces. Not for several threads at once.
    """

    batch = 1

    def __init__(self, config: DetectorConfig) -> None:
        """Load the networks.

        Raises:
            ModelFileError: the mediapipe wheel, which carries the models, is not installed as locked.
        """
        # On crops of this size waking OpenCV's threads takes longer than the work.
        cv2.setNumThreads(config.num_threads)
        self._config = config
        self._short = BlazeFace(SHORT_RANGE, config.num_threads)
        self._full = BlazeFace(FULL_RANGE, config.num_threads)
        self._mesh = Mesh(config.num_threads)

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        """Return per picture [H, W, 3] uint8 RGB its faces, those of the most evidence first."""
        return [self._detect(image) for image in images]

    def _detect(self, image: NDArray[np.uint8]) -> list[Face]:
        picture = Pyramid(image)
        located = self._locate(picture, self._config.tile_px)
        if self._is_crowd(located):
            located = self._locate(picture, self._config.tile_px // 2)
        faces = measure(image, located)
        return [face for face in faces if face.size_px >= self._config.min_face_px][: self._config.max_faces]

    def _is_crowd(self, located: Sequence[Located]) -> bool:
        """Say whether there are so many small faces that smaller ones are to be expected, too."""
        least, small_px = self._config.crowd_faces, self._config.tile_px / _SMALL
        return least > 0 and sum(min(one.box_xywh_px[2:]) < small_px for one in located) >= least

    def _locate(self, picture: Pyramid, tile_px: int) -> list[Located]:
        found = [(place, self._lay_mesh(picture.image, place)) for place in self._places(picture, tile_px)]
        seen = [(place, points) for place, points in found if points is not None]
        if not seen:
            return []
        boxes = np.stack([points.box_xyxy_px for _, points in seen])
        ranks = np.array([_evidence(place, points.presence) for place, points in seen], np.float32)
        return [_located(*seen[row]) for row in suppress(boxes, ranks, self._config.overlap)]

    def _places(self, picture: Pyramid, tile_px: int) -> list[_Place]:
        candidates = self._candidates(picture, tile_px)
        places = (self._look_close(picture, candidates, row) for row in range(len(candidates)))
        return [place for place in places if place is not None]

    def _candidates(self, picture: Pyramid, tile_px: int) -> Candidates:
        """Return one candidate per place: the most precise box, and the highest score of any."""
        height, width = picture.image.shape[:2]
        short, full = self._short, self._full
        looks = [(network, whole(width, height, network.input_px)) for network in (short, full)]
        looks += [(full, tile) for tile in tiles(width, height, tile_px, full.input_px)]
        seen = [network.look(picture, window, self._config.candidate_score) for network, window in looks]
        ranks = [
            found.scores * np.minimum(1, _longer_sides(found.boxes_xyxy_px) / (window.scale * _PRECISE_PX))
            for (_, window), found in zip(looks, seen, strict=True)
        ]
        every = join(seen)
        rows = suppress(every.boxes_xyxy_px, np.concatenate(ranks), _SAME_PLACE_IOU)
        is_same = ious(every.boxes_xyxy_px[rows], every.boxes_xyxy_px) > _SAME_PLACE_IOU
        scores = np.where(is_same, every.scores, 0).max(axis=1, initial=0)
        is_of_full = np.repeat([network is full for network, _ in looks], [len(found) for found in seen])
        kept = np.flatnonzero((scores >= _SHORT_ALONE) | (is_same & is_of_full).any(axis=1))
        chosen = np.array(rows, np.intp)[kept]
        return Candidates(every.boxes_xyxy_px[chosen], scores[kept], every.keypoints_px[chosen])

    def _look_close(self, picture: Pyramid, candidates: Candidates, row: int) -> _Place | None:
        box = candidates.boxes_xyxy_px[row]
        seen = self._short.look(picture, close_up(box, _CLOSE_UP_SIDES, _CLOSE_UP_PX), _CLOSE_UP_SCORE)
        if not len(seen):
            return None
        overlaps = ious(box[None], seen.boxes_xyxy_px)[0]
        best = int(np.argmax(seen.scores * np.minimum(overlaps, _SAME_PLACE_IOU)))
        if overlaps[best] < _CLOSE_UP_IOU:
            return None
        blended, keypoints = blend(seen, best, _SAME_PLACE_IOU)
        return _Place(float(candidates.scores[row]), float(seen.scores[best]), blended, keypoints[:2])

    def _lay_mesh(self, image: NDArray[np.uint8], place: _Place) -> Points | None:
        """Return the mesh on a place, or None when it is no face."""
        if _evidence(place, 1.0) < self._config.evidence:
            return None
        square = square_of_detection(place.box_xyxy_px, *place.eyes_px)
        points = self._mesh.look(image, square)
        if points.presence < _HOPELESS and _evidence(place, 0.0) < self._config.evidence:
            return None
        if points.presence < _SURE or square.off(points.square) > self._config.settled:
            points = self._mesh.look_again(image, points)
        agreement = float(ious(place.box_xyxy_px[None], points.box_xyxy_px[None])[0, 0])
        is_face = _evidence(place, points.presence) >= self._config.evidence
        return points if is_face and agreement >= self._config.agreement else None


def _longer_sides(boxes_xyxy_px: Floats) -> Floats:
    return (boxes_xyxy_px[:, 2:] - boxes_xyxy_px[:, :2]).max(axis=1)


def _evidence(place: _Place, presence: float) -> float:
    return _ENSEMBLE * place.ensemble_score + _CLOSE_UP * place.score + _MESH * presence


def _located(place: _Place, points: Points) -> Located:
    return Located(
        box_xywh_px=_xywh(points.box_xyxy_px),
        detector_xywh_px=_xywh(place.box_xyxy_px),
        score=max(place.ensemble_score, place.score),
        landmarks_px=landmarks_68(points.points_px),
        pose_deg=pose_deg(points.points_px),
    )


def _xywh(box_xyxy_px: Floats) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(value) for value in box_xyxy_px)
    return x0, y0, x1 - x0, y1 - y0
