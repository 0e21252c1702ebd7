"""Parts of a picture that a network looks at: the whole, tiles, close-ups. All may reach beyond its edges."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_OVERLAP = 0.2
"""Share of the network's own input that neighbours have in common: a face up to this size is whole in one."""
_EDGE = 1 / 18
"""Share of it by which windows reach beyond the picture: networks miss faces at their input's edge."""
_STEP_PX = 32
"""Networks halve their input five times: its sides are multiples of this."""
_SLACK = 0.1
"""Share of a step that is not worth another one."""
_MOST_PX = 227
"""Side up to which a tile is as good as one of the size that the network was trained on. (On windows of 320 x
352 it missed a quarter of the faces of 45 px in 1080p.)"""


class Pyramid:
    """A picture [H, W, 3] uint8 RGB and its halves, each made once, when it is first looked at.

    What is scaled down is drawn from the half that is still at least as fine. Averaging keeps small faces
    alive where sampling every n-th pixel would lose them, and halving is ten times faster than OpenCV's
    averaging at any scale.
    """

    def __init__(self, image: NDArray[np.uint8]) -> None:
        self.image = image
        self._levels = [image]

    def level(self, scale: float) -> tuple[NDArray[np.uint8], int]:
        """Return the picture halved as often as it can be before it is scaled down by `scale`.

        Returns:
            its pixels, and how many of the whole picture's go along one of them: 1, 2, 4, ...
        """
        wanted = math.floor(math.log2(scale)) if scale > 1 else 0
        while len(self._levels) <= wanted and min(self._levels[-1].shape[:2]) > 1:
            self._levels.append(_half(self._levels[-1]))
        level = min(wanted, len(self._levels) - 1)
        return self._levels[level], 2**level


def _half(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[0] // 2, image.shape[1] // 2
    # An odd last row or column is left out: the fast way is for even sizes.
    even = image[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True, slots=True)
class Window:
    """An upright part of a picture as a network sees it.

    Attributes:
        left_px: of the picture.
        top_px: of the picture.
        scale: pixels of the picture along one of the network's.
        width: in pixels of the network.
        height: in pixels of the network.
    """

    left_px: float
    top_px: float
    scale: float
    width: int
    height: int

    def draw(self, picture: Pyramid) -> NDArray[np.uint8]:
        """Return its pixels [height, width, 3] uint8 RGB; black beyond the picture."""
        image, halved = picture.level(self.scale)
        left, right = _touched(self.left_px / halved, self.width * self.scale / halved, image.shape[1])
        top, bottom = _touched(self.top_px / halved, self.height * self.scale / halved, image.shape[0])
        drawn = np.zeros((self.height, self.width, 3), np.uint8)
        if right <= left or bottom <= top:
            return drawn
        x0, x1 = (round((x * halved - self.left_px) / self.scale) for x in (left, right))
        y0, y1 = (round((y * halved - self.top_px) / self.scale) for y in (top, bottom))
        x0, x1 = _span(x0, x1, self.width)
        y0, y1 = _span(y0, y1, self.height)
        part = image[top:bottom, left:right]
        drawn[y0:y1, x0:x1] = cv2.resize(part, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        return drawn


def _touched(start: float, length: float, limit: int) -> tuple[int, int]:
    return max(0, math.floor(start)), min(limit, math.ceil(start + length))


def _span(low: int, high: int, size: int) -> tuple[int, int]:
    """Return the pixels that a stretch covers: at least one, within 0..size."""
    start = min(max(0, low), size - 1)
    return start, min(max(start + 1, high), size)


def whole(width_px: int, height_px: int, input_px: int) -> Window:
    """Return a picture in its middle, the longer side of it as long as the network's own input.

    Along the shorter side there is room beyond the picture's edges, but no more of it than is of use.
    """
    scale = max(width_px, height_px) / input_px
    room = 2 * _EDGE * input_px
    width, height = (min(input_px, _stepped(side / scale + room)) for side in (width_px, height_px))
    return Window((width_px - width * scale) / 2, (height_px - height * scale) / 2, scale, width, height)


def tiles(width_px: int, height_px: int, tile_px: int, input_px: int) -> list[Window]:
    """Return windows that cover a picture and overlap; none when it is no larger than a tile.

    Args:
        width_px: of the picture.
        height_px: of the picture.
        tile_px: pixels of the picture that fill the network's own input. A picture narrower than half of it
            is seen larger, its narrow side filling the input, up to four times: the faces of a panorama are
            not shrunk away.
        input_px: side of the network's own input. The windows may be larger than that.
    """
    if max(width_px, height_px) <= tile_px:
        return []
    narrow_px = min(width_px, height_px)
    side_px = tile_px if narrow_px > tile_px // 2 else max(narrow_px, tile_px // 4)
    scale = side_px / input_px
    lefts, width = _stretches(width_px / scale, input_px)
    tops, height = _stretches(height_px / scale, input_px)
    return [Window(left * scale, top * scale, scale, width, height) for top in tops for left in lefts]


def _stretches(length: float, input_px: int) -> tuple[list[float], int]:
    """Return where stretches begin that cover a length and its edges, and how long each is, in its pixels."""
    covered, overlap = length + 2 * _EDGE * input_px, _OVERLAP * input_px
    count = max(1, math.ceil((covered - overlap) / (_MOST_PX - overlap)))
    size = _stepped((covered + (count - 1) * overlap) / count)
    if count == 1:
        return [(length - size) / 2], size
    first = (length - covered) / 2
    return [first + n * (covered - size) / (count - 1) for n in range(count)], size


def _stepped(length: float) -> int:
    return max(1, math.ceil(length / _STEP_PX - _SLACK)) * _STEP_PX


def close_up(box_xyxy_px: NDArray[np.float32], sides: float, input_px: int) -> Window:
    """Return the square around a box [4] whose side is that many of the box's longer sides."""
    x0, y0, x1, y1 = (float(value) for value in box_xyxy_px)
    side = max(1.0, max(x1 - x0, y1 - y0) * sides)
    return Window((x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side / input_px, input_px, input_px)
