"""The face mesh: 468 points with depth and a presence; of them the 68 iBUG landmarks and the head's pose.

The network sees an upright square around a face, half as large again as the face's box and turned so that the
eyes are level (Kartynnik et al. 2019, arXiv 1907.06724). Run again on the square around its own points it
corrects a box that was off.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.faces.litert import Network

Floats = NDArray[np.float32]

INPUT_PX = 192
MARGIN = 1.5
"""Side of the network's square in sides of the face's box."""

# The square around the mesh's own points, measured by that around a detector's box: larger, and higher up by
# a share of its side. Medians over 458 faces; deviations are 4% and 1.5%.
_GROWTH = 1.08
_LIFT = 0.026

# Outer corners of the eyes, from the picture's left to its right on an upright face.
_EYES = [33, 263]

# 68 iBUG points as points of the mesh; a pair stands for its middle. The mesh has no jaw contour at the ears,
# nor a row of nose points, where iBUG has them; this map came closest to another landmarker's points.
_JAW = (127, 234, 93, (132, 58), (58, 172), 136, 150, 176, 152, 400, 379, 365, (397, 288), 361, 323, 454, 356)
_BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
_NOSE = ((168, 6), (197, 195), 5, 4, 75, 97, 2, 326, 305)
_EYELIDS = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
_MOUTH = (61, 39, 37, 0, 267, 269, 291, 321, 314, 17, 84, 91, 78, 82, 13, 312, 308, 317, 14, 87)
_PAIRS = np.array(
    [p if isinstance(p, tuple) else (p, p) for p in (*_JAW, *_BROWS, *_NOSE, *_EYELIDS, *_MOUTH)], np.intp
)

# Pairs of points that lie level on an upright face, from left to right in the picture, and pairs one above
# the other as seen from the side: hairline and nose, bridge and lip. Not the chin, which goes with the jaw.
_ACROSS = np.array([(234, 454), (33, 263), (61, 291), (127, 356)], np.intp)
_DOWN = np.array([(10, 2), (168, 17)], np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """A mesh."""

    points_px: Floats
    """[468, 3]: x, y in picture pixels and depth in the same unit, smaller is nearer."""
    presence: float
    """0..1, the network's belief that its square shows a face."""

    @property
    def box_xyxy_px(self) -> Floats:
        """The tight box [4] around all points."""
        xy = self.points_px[:, :2]
        return np.concatenate([xy.min(axis=0), xy.max(axis=0)])

    @property
    def square(self) -> "Square":
        """The network's square for the face that these points show."""
        left_eye_px, right_eye_px = self.points_px[_EYES, :2]
        return square_around(self.box_xyxy_px, left_eye_px, right_eye_px)


@dataclass(frozen=True, slots=True)
class Square:
    """A turned square of the picture: its centre, side, and clockwise angle in radians."""

    x_px: float
    y_px: float
    side_px: float
    angle: float

    def to_picture(self, size_px: int) -> NDArray[np.float64]:
        """Return the affine map [2, 3] from a crop of the given size to picture pixels."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        scale, half = self.side_px / size_px, self.side_px / 2
        return np.array(
            [
                [scale * cos, -scale * sin, self.x_px - half * (cos - sin)],
                [scale * sin, scale * cos, self.y_px - half * (sin + cos)],
            ]
        )

    def off(self, other: "Square") -> float:
        """Return how far corners are from those of another square, at most, in sides of this one."""
        corners, others = (square.to_picture(1) @ _CORNERS for square in (self, other))
        return float(np.linalg.norm(corners - others, axis=0).max()) / self.side_px


_CORNERS = np.array([[0, 1, 0, 1], [0, 0, 1, 1], [1, 1, 1, 1]], np.float64)


def square_around(box_xyxy_px: Floats, left_eye_px: Floats, right_eye_px: Floats) -> Square:
    """Return the network's square for a face: eyes are named by where they are in the picture."""
    x0, y0, x1, y1 = (float(value) for value in box_xyxy_px)
    dx, dy = (float(value) for value in right_eye_px - left_eye_px)
    side_px = max(1.0, MARGIN * max(x1 - x0, y1 - y0))
    return Square((x0 + x1) / 2, (y0 + y1) / 2, side_px, math.atan2(dy, dx))


def square_of_detection(box_xyxy_px: Floats, left_eye_px: Floats, right_eye_px: Floats) -> Square:
    """Return about the square that the mesh's own points will give, for a face as a detector sees it."""
    square = square_around(box_xyxy_px, left_eye_px, right_eye_px)
    lift_px = _LIFT * square.side_px
    return Square(
        square.x_px + math.sin(square.angle) * lift_px,
        square.y_px - math.cos(square.angle) * lift_px,
        square.side_px * _GROWTH,
        square.angle,
    )


def landmarks_68(points_px: Floats) -> Floats:
    """Return the 68 iBUG points [68, 2] float32 of mesh points [468, 3]."""
    return points_px[_PAIRS, :2].mean(axis=1)


def pose_deg(points_px: Floats) -> tuple[float, float, float]:
    """Return yaw, pitch and roll of mesh points [468, 3] in degrees, with the signs of `face.Face`.

    The head's axes are the directions from one side of the face to the other and from hairline to lip; the
    angles are those of turning by roll last (R = Rz Ry Rx), so that a tilted head's yaw is its own. On drawn
    heads turned by up to 30 degrees the mean error is 1.4, 3.8 (people's profiles differ) and 0.4 degrees.
    """
    return angles_deg(_direction(points_px, _ACROSS), _direction(points_px, _DOWN))


def angles_deg(across: NDArray[np.float64], down: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return yaw, pitch and roll of a head by its axes [3] of unit length.

    Args:
        across: from the picture's left of an upright face to its right; x, y and depth, smaller is nearer.
        down: from forehead to chin; what it has of `across` does not count.
    """
    down = down - across * float(down @ across)
    down /= np.linalg.norm(down)
    away = np.cross(across, down)
    yaw = math.asin(max(-1.0, min(1.0, float(across[2]))))
    pitch = math.atan2(-float(down[2]), float(away[2]))
    roll = math.atan2(float(across[1]), float(across[0]))
    return math.degrees(yaw), math.degrees(pitch), math.degrees(roll)


def _direction(points_px: Floats, pairs: NDArray[np.intp]) -> NDArray[np.float64]:
    ends = points_px[pairs].astype(np.float64)
    direction = (ends[:, 1] - ends[:, 0]).sum(axis=0)
    return direction / max(float(np.linalg.norm(direction)), 1e-9)


class Mesh:
    """The landmark network."""

    def __init__(self, num_threads: int) -> None:
        """Load the network; see `workers.faces.litert.model_path` for what can fail."""
        self._network = Network("face_landmark", num_threads)

    def look(self, image: NDArray[np.uint8], square: Square) -> Points:
        """Return the mesh seen in a square of the picture [H, W, 3] uint8 RGB.

        Beyond the picture's edge the square shows the edge's pixels drawn out.
        """
        to_picture = square.to_picture(INPUT_PX)
        crop = cv2.warpAffine(
            image,
            to_picture,
            (INPUT_PX, INPUT_PX),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        points, presence = self._network(crop.astype(np.float32)[None] / np.float32(255))
        points = points.reshape(-1, 3).astype(np.float64)
        xy = points[:, :2] @ to_picture[:, :2].T + to_picture[:, 2]
        depth = points[:, 2:] * (square.side_px / INPUT_PX)
        return Points(
            np.concatenate([xy, depth], axis=1).astype(np.float32), 1 / (1 + math.exp(-presence.item()))
        )

    def look_again(self, image: NDArray[np.uint8], points: Points) -> Points:
        """Return the mesh seen in the square around an earlier one's points."""
        return self.look(image, points.square)
