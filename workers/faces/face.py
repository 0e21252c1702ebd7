"""A face found in a frame, and the measures taken of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

SHARPNESS_PX = 96
"""Side to which a face is scaled before its sharpness is measured, so that faces of all sizes compare."""
SHARPNESS_KNEE = 100.0
"""Sharpness at which its share of the quality is a half: about a face of 40 px in a compressed video."""


_TICKS = (np.arange(24) + 0.5) / 24
_SQUARE = np.stack(np.meshgrid(_TICKS, _TICKS), axis=-1).reshape(-1, 2)
_GRID = _SQUARE[np.square(_SQUARE - 0.5).sum(axis=1) <= 0.25]
"""Points [P, 2] of the ellipse in a unit box, at which it is asked what hides it."""

Box = tuple[float, float, float, float]
"""Left, top, width, height."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face in one frame, in pixels of that frame.

    Attributes:
        box_xywh_px: left, top, width, height of the tight box around the 468 points of the face mesh: from
            ear to ear and from the hairline to the chin. It is what tracks and the `boxes` table hold. It
            may reach beyond the picture.
        detector_xywh_px: the square that MediaPipe's short-range detector gives when it sees the face close
            up: from the brows to the chin. It is the basis of the crops, as in the model's training.
        score: detector's confidence, 0..1.
        landmarks_px: [68, 2] float32, iBUG points (x, y).
        sharpness: variance of the Laplacian of the face at 96 px, grey 0..255.
        yaw_deg: turn of the head, positive when the nose points to the picture's right.
        pitch_deg: nod, positive when looking up.
        roll_deg: tilt, positive clockwise as seen in the picture.
        quality: 0..1, see `quality`.
        occlusion: estimated share of the face that is hidden, 0..1: what `hidden_shares` sees, or what the
            tracker sees by `Gallery.hidden_share`, whichever is more.
        identity: [D] float32, of unit length: who it is, to a network trained to tell; None without one.
    """

    box_xywh_px: Box
    detector_xywh_px: Box
    score: float
    landmarks_px: NDArray[np.float32]
    sharpness: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    quality: float
    occlusion: float = 0.0
    identity: NDArray[np.float32] | None = None

    @property
    def size_px(self) -> float:
        """Shorter side of the box."""
        return min(self.box_xywh_px[2:])

    def hidden(self, share: float) -> Self:
        """Return the same face with at least that share of it hidden."""
        if share <= self.occlusion:
            return self
        shown = (1 - share) / (1 - self.occlusion)
        return replace(self, occlusion=share, quality=self.quality * shown)


class Located(NamedTuple):
    """Where a detector sees a face and how it is held: what is measured of it starts here. See `Face`."""

    box_xywh_px: Box
    detector_xywh_px: Box
    score: float
    landmarks_px: NDArray[np.float32]
    pose_deg: tuple[float, float, float]
    """Yaw, pitch, roll."""
    identity: NDArray[np.float32] | None = None


def measure(image: NDArray[np.uint8], located: Sequence[Located]) -> list[Face]:
    """Return the faces of a picture [H, W, 3] uint8 RGB, all of them given at once: they hide each other."""
    hidden = hidden_shares([one.box_xywh_px for one in located], image.shape[1], image.shape[0])
    return [_measured(image, one, share) for one, share in zip(located, hidden, strict=True)]


def _measured(image: NDArray[np.uint8], one: Located, occlusion: float) -> Face:
    yaw_deg, pitch_deg, roll_deg = one.pose_deg
    sharpness = face_sharpness(image, one.box_xywh_px)
    size_px = min(one.box_xywh_px[2:])
    return Face(
        box_xywh_px=one.box_xywh_px,
        detector_xywh_px=one.detector_xywh_px,
        score=one.score,
        landmarks_px=one.landmarks_px,
        sharpness=sharpness,
        yaw_deg=yaw_deg,
        pitch_deg=pitch_deg,
        roll_deg=roll_deg,
        quality=quality(one.score, size_px, sharpness, yaw_deg, pitch_deg) * (1 - occlusion),
        occlusion=occlusion,
        identity=one.identity,
    )


def quality(score: float, size_px: float, sharpness: float, yaw_deg: float, pitch_deg: float) -> float:
    """Return how much a face shows, 0..1: confidence x size x sharpness x frontality; `measure` takes the
    hidden share off.

    Size grows up to 96 px and counts in full from there; sharpness s counts s / (s + 100); frontality is the
    cosine of the angle between the face and the camera. A large sharp frontal face has about 0.8.
    """
    size = min(1.0, size_px / SHARPNESS_PX)
    sharp = sharpness / (sharpness + SHARPNESS_KNEE)
    frontal = math.cos(math.radians(yaw_deg)) * math.cos(math.radians(pitch_deg))
    return min(1.0, max(0.0, score * size * sharp * frontal))


def hidden_shares(boxes_xywh_px: Sequence[Box], width_px: int, height_px: int) -> list[float]:
    """Return per face of a picture the share of it that lies beyond the edge or behind a nearer face.

    A face is taken for the ellipse in its box, and the larger of two for the nearer. What else may hide a
    face is not seen here.
    """
    if not boxes_xywh_px:
        return []
    boxes = np.array(boxes_xywh_px)
    points = boxes[:, None, :2] + _GRID * boxes[:, None, 2:]
    is_hidden = ((points < 0) | (points >= (width_px, height_px))).any(axis=2)
    centres, radii = boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:] / 2
    areas = boxes[:, 2] * boxes[:, 3]
    for centre, radius, area in zip(centres, radii, areas, strict=True):
        is_within = np.square((points - centre) / radius).sum(axis=2) <= 1
        is_hidden |= is_within & (areas < area)[:, None]
    return is_hidden.mean(axis=1).tolist()


def face_sharpness(image: NDArray[np.uint8], box_xywh_px: Box) -> float:
    """Return the variance of the Laplacian of the box's part inside the picture, scaled to 96 px.

    Args:
        image: [H, W, 3] uint8 RGB.
        box_xywh_px: may reach beyond the picture; 0.0 is returned when nothing of it lies inside.
    """
    x, y, w, h = box_xywh_px
    left, top = max(0, math.floor(x)), max(0, math.floor(y))
    part = image[top : max(top, math.ceil(y + h)), left : max(left, math.ceil(x + w))]
    if part.size == 0:
        return 0.0
    shrinks = min(part.shape[:2]) > SHARPNESS_PX
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    grey = cv2.cvtColor(
        cv2.resize(part, (SHARPNESS_PX, SHARPNESS_PX), interpolation=method), cv2.COLOR_RGB2GRAY
    )
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())
