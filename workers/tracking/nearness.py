"""Where a face can be next: overlaps and distances of single boxes, [4] float64 as x0 y0 x1 y1."""

import math

import numpy as np
from numpy.typing import NDArray

Box = NDArray[np.float64]

_SCALE_CHANGE = 0.35
"""Logarithm of the ratio of sizes between one moment and the next; half as much again per second lost."""


def iou(box: Box, other: Box) -> float:
    """Return the intersection over union of two boxes; 0 when one is inside out."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = (box[2] - box[0]) * (box[3] - box[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return float(width * height / (area - width * height))


def nearness(box: Box, last: Box, expected: Box, reach: float, lost_s: float) -> float | None:
    """Return how near a box is to where a face was or is expected: 1 for there, 0 for as far as it can be.

    Args:
        box: of a face now.
        last: where the followed face was seen last.
        expected: where it should be now; long after, this is a guess that may be far off or inside out.
        reach: face sizes that it can be away.
        lost_s: seconds since it was seen.

    Returns:
        None when it is out of reach or of another size.
    """
    size = math.sqrt((last[2] - last[0]) * (last[3] - last[1]))
    scale = math.log(math.sqrt((box[2] - box[0]) * (box[3] - box[1])) / size)
    if abs(scale) > _SCALE_CHANGE + lost_s / 2:
        return None
    centre = (box[:2] + box[2:]) / 2
    step = min(math.dist(centre, (place[:2] + place[2:]) / 2) for place in (last, expected)) / size
    return None if step > reach else 1 - step / reach
