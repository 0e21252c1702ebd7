"""Rectangles of the picture that a network looks at: the whole, tiles, and close-ups."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MINIMUM_OVERLAP = 0.25
"""Share of a tile's side that neighbours have in common: a face up to this size lies whole in one of them."""


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle inside a picture."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int

    def of(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the window's part [h, w, 3] of a picture [H, W, 3], a view."""
        bottom, right = self.top_px + self.height_px, self.left_px + self.width_px
        return image[self.top_px : bottom, self.left_px : right]


def whole(image: NDArray[np.uint8]) -> Window:
    """Return the window that is all of a picture [H, W, 3]."""
    return Window(0, 0, image.shape[1], image.shape[0])


def tiles(width_px: int, height_px: int, tile_px: int) -> list[Window]:
    """Return overlapping square windows that cover a picture; none when the picture is no larger than a tile.

    A picture narrower than a tile gets tiles of its own narrow side, down to a quarter of `tile_px`, so that
    the faces of a panorama are not shrunk away.
    """
    if max(width_px, height_px) <= tile_px:
        return []
    side_px = min(tile_px, max(min(width_px, height_px), tile_px // 4))
    wide, high = min(side_px, width_px), min(side_px, height_px)
    return [
        Window(left, top, wide, high) for top in _starts(height_px, high) for left in _starts(width_px, wide)
    ]


def _starts(length_px: int, tile_px: int) -> list[int]:
    gaps = math.ceil((length_px - tile_px) / (tile_px * (1 - MINIMUM_OVERLAP)))
    return [round(i * (length_px - tile_px) / max(1, gaps)) for i in range(gaps + 1)]


def close_up(image: NDArray[np.uint8], box_xyxy_px: NDArray[np.float32], sides: float) -> Window | None:
    """Return the part inside the picture of a square around a box, its side in sides of the box.

    Returns:
        None when less than two pixels of it lie inside.
    """
    x0, y0, x1, y1 = (float(value) for value in box_xyxy_px)
    x, y, half = (x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, y1 - y0) * sides / 2
    left, top = max(0, round(x - half)), max(0, round(y - half))
    right, bottom = min(image.shape[1], round(x + half)), min(image.shape[0], round(y + half))
    if right - left < 2 or bottom - top < 2:
        return None
    return Window(left, top, right - left, bottom - top)
