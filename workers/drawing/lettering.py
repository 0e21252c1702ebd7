"""Text in pictures, with the fonts that OpenCV carries: any script, nothing to install."""

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.drawing.palette import Colour

_FONT = "sans"


def write_text(
    image: NDArray[np.uint8],
    text: str,
    left_base_px: tuple[int, int],
    colour: Colour,
    *,
    size_px: int = 14,
    weight: int = 400,
) -> None:
    """Write a line of text into a picture [H, W, 3] uint8 RGB.

    Args:
        image: written into.
        text: what does not fit into the picture is cut off.
        left_base_px: where the line begins.
        colour: of the text.
        size_px: height of the letters and what is above and below them.
        weight: 400 is regular, 700 bold.
    """
    cv2.putText(image, text, left_base_px, colour, cv2.FontFace(_FONT), size_px, weight)


def text_width_px(text: str, *, size_px: int = 14, weight: int = 400) -> int:
    """Return how wide a line of text is."""
    rectangle = cv2.getTextSize((0, 0), text, (0, 0), cv2.FontFace(_FONT), size_px, weight)
    return rectangle[2]


def shortened(text: str, width_px: int, *, size_px: int = 14, weight: int = 400) -> str:
    """Return the text, or as much of its end as fits a width."""
    if text_width_px(text, size_px=size_px, weight=weight) <= width_px:
        return text
    for start in range(1, len(text)):
        tail = "…" + text[start:]
        if text_width_px(tail, size_px=size_px, weight=weight) <= width_px:
            return tail
    return "…"
