"""A face found in a frame, and the measures taken of it."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SHARPNESS_PX = 96
"""Side to which a face is scaled before its sharpness is measured, so that faces of all sizes compare."""
SHARPNESS_KNEE = 100.0
"""Sharpness at which its share of the quality is a half: about a face of 40 px in a compressed video."""


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
    """

    box_xywh_px: tuple[float, float, float, float]
    detector_xywh_px: tuple[float, float, float, float]
    score: float
    landmarks_px: NDArray[np.float32]
    sharpness: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    quality: float

    @property
    def size_px(self) -> float:
        """Shorter side of the box."""
        return min(self.box_xywh_px[2:])


def quality(score: float, size_px: float, sharpness: float, yaw_deg: float, pitch_deg: float) -> float:
    """Return how much a face shows, 0..1: confidence x size x sharpness x frontality.

    Size grows up to 96 px and counts in full from there; sharpness s counts s / (s + 100); frontality is the
    cosine of the angle between the face and the camera. A large sharp frontal face has about 0.8.
    """
    size = min(1.0, size_px / SHARPNESS_PX)
    sharp = sharpness / (sharpness + SHARPNESS_KNEE)
    frontal = math.cos(math.radians(yaw_deg)) * math.cos(math.radians(pitch_deg))
    return min(1.0, max(0.0, score * size * sharp * frontal))


def face_sharpness(image: NDArray[np.uint8], box_xywh_px: tuple[float, float, float, float]) -> float:
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
