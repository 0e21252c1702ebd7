"""What the tests of drawn faces share: a face, and measures of pictures."""

import numpy as np
from numpy.typing import NDArray

from model.synthetic.face import Face, Shape
from model.synthetic.render import Rendered

PLAIN = Face(hair_style="buzz", masculinity=0.4, melanin=0.15)
SYMMETRIC = Face(shape=Shape(eye_tilt_mm=0.0), hair_style="bald")


def patch(rendered: Rendered, points: slice | list[int], grow: float = 0.0) -> NDArray[np.float64]:
    """Return the pixels [N, 3] of the box around some landmarks, grown by a share of its size."""
    xy = rendered.truth.landmarks_px[points]
    low, high = xy.min(0), xy.max(0)
    margin = grow * (high - low)
    left, top = np.floor(low - margin).astype(int)
    right, bottom = np.ceil(high + margin).astype(int) + 1
    return rendered.picture[top:bottom, left:right].reshape(-1, 3).astype(float)


def distance(rendered: Rendered, first: int, second: int) -> float:
    """Return the distance of two landmarks in pixels."""
    points = rendered.truth.landmarks_px
    return float(np.linalg.norm(points[first] - points[second]))
