"""A sheet to draw on: text, boxes and pictures at places in pixels."""

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.drawing.lettering import text_width_px, write_text
from workers.drawing.palette import Colour

GROUND: Colour = (250, 250, 247)
INK: Colour = (28, 30, 36)
QUIET: Colour = (104, 108, 118)
FAINT: Colour = (222, 222, 216)
STRONG: Colour = (13, 118, 110)
PLAIN: Colour = (158, 178, 188)
ALERT: Colour = (246, 190, 60)
ALERT_INK: Colour = (64, 40, 0)


class Paper:
    """A light sheet.

    Attributes:
        image: [H, W, 3] uint8 RGB.
    """

    def __init__(self, width: int, height: int) -> None:
        self.image: NDArray[np.uint8] = np.full((height, width, 3), GROUND, np.uint8)

    def write(
        self, text: str, left_base: tuple[int, int], colour: Colour, size_px: int = 14, weight: int = 400
    ) -> None:
        """Write a line; what does not fit is cut off."""
        write_text(self.image, text, left_base, colour, size_px=size_px, weight=weight)

    def fill(self, box: tuple[int, int, int, int], colour: Colour) -> None:
        """Fill a box: left, top, width, height."""
        left, top, width, height = box
        self.image[top : top + height, left : left + width] = colour

    def bar(self, box: tuple[int, int, int, int], colour: Colour) -> None:
        """Draw a bar with round ends: left, top, width, height."""
        left, top, width, height = box
        if width < 1:
            return
        radius = min(height, width) / 2
        # The centre of a pixel is at whole numbers, and its edge is half a pixel further.
        y = top + height / 2 - 0.5
        for x in (left + radius - 0.5, left + width - radius - 0.5):
            self.dot((x, y), radius - 0.5, colour)
        self.fill((round(left + radius), top, round(width - 2 * radius), height), colour)

    def dot(self, centre: tuple[float, float], radius: float, colour: Colour) -> None:
        """Draw a disc."""
        x, y = (round(16 * at) for at in centre)
        cv2.circle(self.image, (x, y), round(16 * radius), colour, cv2.FILLED, cv2.LINE_AA, shift=4)

    def paste(self, picture: NDArray[np.uint8], left_top: tuple[int, int]) -> None:
        """Put a picture [h, w, 3] down."""
        left, top = left_top
        self.image[top : top + picture.shape[0], left : left + picture.shape[1]] = picture

    @staticmethod
    def width_of(text: str, size_px: int = 14, weight: int = 400) -> int:
        """Return how wide a line is."""
        return text_width_px(text, size_px=size_px, weight=weight)

    @classmethod
    def shorten(cls, text: str, width: int, size_px: int = 14, weight: int = 400) -> str:
        """Return a line that fits a width; what is too much is cut off its end."""
        if cls.width_of(text, size_px, weight) <= width:
            return text
        low, high = 0, len(text)  # text[:low] fits, text[:high] does not
        while high - low > 1:
            middle = (low + high) // 2
            fits = cls.width_of(text[:middle] + "…", size_px, weight) <= width
            low, high = (middle, high) if fits else (low, middle)
        return text[:low] + "…"

    @classmethod
    def wrap(cls, text: str, width: int, size_px: int = 14) -> list[str]:
        """Return the lines of a text, broken at spaces, and within words that are wider than a line."""
        lines: list[str] = []
        line = ""
        for word in text.split():
            longer = f"{line} {word}" if line else word
            if cls.width_of(longer, size_px) <= width:
                line = longer
                continue
            if line:
                lines.append(line)
            *whole, line = cls._pieces(word, width, size_px)
            lines += whole
        return [*lines, line]

    @classmethod
    def _pieces(cls, word: str, width: int, size_px: int) -> list[str]:
        pieces = [""]
        for letter in word:
            if pieces[-1] and cls.width_of(pieces[-1] + letter, size_px) > width:
                pieces.append("")
            pieces[-1] += letter
        return pieces
