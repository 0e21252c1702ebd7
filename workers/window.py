"""Squares that a network looks at: the whole picture, tiles, close-ups. All may reach beyond the picture."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_OVERLAP = 0.2
"""Least share of a tile's side that neighbours have in common: a face up to this size lies whole in one."""
_EDGE = 1 / 18
"""Share of a tile by which tiles reach beyond the picture: networks miss faces at their input's edge."""


@dataclass(frozen=True, slots=True)
class Window:
    """An upright square, in pixels of the picture."""

    left_px: float
    top_px: float
    side_px: float

    def draw(self, image: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
        """Return the square's pixels scaled to [size_px, size_px, 3] uint8 RGB; black beyond the picture.

        Args:
            image: [H, W, 3] uint8 RGB.
            size_px: side of the result.
        """
        scale = self.side_px / size_px
        height, width = image.shape[:2]
        left, right = max(0, math.floor(self.left_px)), min(width, math.ceil(self.left_px + self.side_px))
        top, bottom = max(0, math.floor(self.top_px)), min(height, math.ceil(self.top_px + self.side_px))
        drawn = np.zeros((size_px, size_px, 3), np.uint8)
        if right <= left or bottom <= top:
            return drawn
        x0, x1 = _span((left - self.left_px) / scale, (right - self.left_px) / scale, size_px)
        y0, y1 = _span((top - self.top_px) / scale, (bottom - self.top_px) / scale, size_px)
        part = _shrunk(image[top:bottom, left:right], scale)
        drawn[y0:y1, x0:x1] = cv2.resize(part, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        return drawn


def _shrunk(part: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Return a picture halved as often as it can be before it is scaled down by `scale`.

    Averaging keeps small faces alive where sampling every n-th pixel would lose them, and halving is ten
    times faster than OpenCV's averaging at any scale.
    """
    while scale >= 2 and min(part.shape[:2]) > 1:
        height, width = part.shape[0] // 2, part.shape[1] // 2
        # An odd last row or column is left out: the fast way is for even sizes.
        even = part[: 2 * height, : 2 * width]
        part = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        scale /= 2
    return part


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    """Return the pixels that a stretch covers: at least one, within 0..size."""
    start = min(max(0, round(low)), size - 1)
    return start, min(max(start + 1, round(high)), size)


def whole(image: NDArray[np.uint8]) -> Window:
    """Return the smallest square around a picture [H, W, 3]."""
    height, width = image.shape[:2]
    side = max(height, width)
    return Window((width - side) / 2, (height - side) / 2, side)


def tiles(width_px: int, height_px: int, tile_px: int) -> list[Window]:
    """Return overlapping squares that cover a picture; none when the picture is no larger than a tile.

    A picture narrower than half a tile gets tiles of its own narrow side, down to a quarter of `tile_px`, so
    that the faces of a panorama are not shrunk away.
    """
    if max(width_px, height_px) <= tile_px:
        return []
    narrow_px = min(width_px, height_px)
    side_px = tile_px if narrow_px > tile_px // 2 else max(narrow_px, tile_px // 4)
    tops, lefts = _starts(height_px, side_px), _starts(width_px, side_px)
    return [Window(left, top, side_px) for top in tops for left in lefts]


def _starts(length_px: int, tile_px: int) -> list[float]:
    covered_px = length_px + 2 * _EDGE * tile_px
    gaps = max(0, math.ceil((covered_px - tile_px) / (tile_px * (1 - _OVERLAP))))
    first_px = (length_px - max(covered_px, tile_px)) / 2
    return [first_px + n * (covered_px - tile_px) / max(1, gaps) for n in range(gaps + 1)]


def close_up(box_xyxy_px: NDArray[np.float32], sides: float) -> Window:
    """Return the square around a box [4] whose side is that many of the box's longer sides."""
    x0, y0, x1, y1 = (float(value) for value in box_xyxy_px)
    side = max(1.0, max(x1 - x0, y1 - y0) * sides)
    return Window((x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side)
