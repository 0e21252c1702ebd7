"""The square around a face that the model looks at.

As it was trained: the box is that of MediaPipe's face detector, the side (w + h) / 2, the anchor its top left
corner, the scaling OpenCV's bilinear one.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.faces.face import Face
from workers.faces.mesh import Square


@dataclass(frozen=True, slots=True)
class CropSquare:
    """A square of the picture in whole pixels; it may reach beyond the picture.

    It is turned clockwise about its centre by `angle_deg`, 0 as in training.
    """

    left_px: int
    top_px: int
    side_px: int
    angle_deg: float = 0.0

    def cut(self, image: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
        """Return the square's pixels, scaled to [size_px, size_px, 3] uint8 RGB, of a picture [H, W, 3].

        What lies beyond the picture is black.
        """
        if self.angle_deg:
            return self._cut_turned(image, size_px)
        return _scaled(self._part(image), size_px)

    def patch(self, image: NDArray[np.uint8], size_px: int) -> "Patch":
        """Return the square's pixels for crops of a size to be made of them later."""
        is_small = self.side_px < size_px and not self.angle_deg
        return Patch(self, self._part(image).copy() if is_small else self.cut(image, size_px))

    def _part(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        right, bottom = self.left_px + self.side_px, self.top_px + self.side_px
        part = image[max(0, self.top_px) : max(0, bottom), max(0, self.left_px) : max(0, right)]
        if part.shape[:2] != (self.side_px, self.side_px):
            top, left = max(0, -self.top_px), max(0, -self.left_px)
            padded = np.zeros((self.side_px, self.side_px, 3), np.uint8)
            if self.top_px < height and self.left_px < width:
                padded[top : top + part.shape[0], left : left + part.shape[1]] = part
            part = padded
        return part

    def to_crop(self, points_px: NDArray[np.float32], size_px: int) -> NDArray[np.float32]:
        """Return points [N, 2] of the picture in pixels of a crop of the given size."""
        if self.angle_deg:
            to_crop = cv2.invertAffineTransform(self._turned.to_picture(size_px))
            return (points_px @ to_crop[:, :2].T + to_crop[:, 2]).astype(np.float32)
        origin = np.array([self.left_px, self.top_px], np.float32)
        return (points_px - origin) * np.float32(size_px / self.side_px)

    def _cut_turned(self, image: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
        to_picture = self._turned.to_picture(size_px)
        # Pixels are looked up at their centres, as scaling does.
        to_picture[:, 2] += to_picture[:, :2] @ (0.5, 0.5) - 0.5
        turned = cv2.warpAffine(
            image, to_picture, (size_px, size_px), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        return np.asarray(turned, np.uint8)

    @property
    def _turned(self) -> Square:
        half_px = self.side_px / 2
        return Square(
            self.left_px + half_px, self.top_px + half_px, self.side_px, math.radians(self.angle_deg)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A square and its pixels [n, n, 3] uint8 RGB: as they are where it is small, else of the crop's size."""

    square: CropSquare
    pixels: NDArray[np.uint8]

    def crop(self, size_px: int) -> NDArray[np.uint8]:
        """Return what `CropSquare.cut` gives of the picture; the size is that with which this was made."""
        return self.pixels if self.pixels.shape[0] == size_px else _scaled(self.pixels, size_px)


def _scaled(part: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    scaled = cv2.resize(part, (size_px, size_px), interpolation=cv2.INTER_LINEAR)
    return np.asarray(scaled, np.uint8)


def crop_square(face: Face, margin: float, *, is_centred: bool, is_aligned: bool = False) -> CropSquare:
    """Return the square to cut for a face.

    Args:
        face: its `detector_xywh_px` is the box; it is nearly square, so that side and place hardly depend on
            the anchor.
        margin: added on every side, in sides of the square.
        is_centred: centre the square on the box, where training anchored it at the top left.
        is_aligned: turn the square so that the eyes are level, where training left it upright.
    """
    x, y, w, h = face.detector_xywh_px
    side = (w + h) / 2
    if is_centred:
        x, y = x + (w - side) / 2, y + (h - side) / 2
    left, top = int(np.floor(x - margin * side)), int(np.floor(y - margin * side))
    angle_deg = _eyes_angle_deg(face.landmarks_px) if is_aligned else 0.0
    return CropSquare(left, top, max(1, int(side * (1 + 2 * margin))), angle_deg)


def _eyes_angle_deg(landmarks_px: NDArray[np.float32]) -> float:
    left, right = landmarks_px[36:42].mean(axis=0), landmarks_px[42:48].mean(axis=0)
    return math.degrees(math.atan2(float(right[1] - left[1]), float(right[0] - left[0])))
