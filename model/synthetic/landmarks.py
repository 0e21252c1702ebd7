"""The truth about a drawn face: its 68 iBUG points and its box.

The points are attached to the chart. Where iBUG leaves room (the jaw, the sides of the nose) they lie where a
468-point face mesh reduced to 68 points puts them on average, so that truth and measurement mean the same
places.
"""

from functools import lru_cache

import numpy as np

from model.synthetic.chart import Floats, Ints, Slit, chart
from model.synthetic.face import Face
from model.synthetic.tones import lip_edges

_JAW = (
    (-78, -2), (-78, -17), (-78, -34), (-78, -58), (-74, -84), (-63, -103), (-48, -104), (-26, -103),
    (0, -105.5),
)  # fmt: skip
_BROW = ((-50, 17.5), (-42, 21), (-32, 24), (-22.5, 23.5), (-10.5, 20.5))
_NOSE = ((0, 1.5), (0, -11.5), (0, -23), (0, -31.5), (-10, -40.5), (-6, -44), (0, -45), (6, -44), (10, -40.5))
_EYE_UPPER_DEG, _EYE_LOWER_DEG = (31.5, 21.5), (21, 30.5)
_LIPS_UPPER_DEG, _LIPS_LOWER_DEG = (-25, -14, -6, 0, 6, 14, 25), (16, 8, 0, -8, -16)
_INNER_UPPER_DEG, _INNER_LOWER_DEG = (-23, -7, 0, 7, 23), (7, 0, -7)

_BOX_SIDE_DEG, _BOX_TOP_T, _BOX_BOTTOM_T = 78.0, 54.0, -107.0


def landmarks_of(face: Face, points: Floats) -> Floats:
    """Return the 68 points [68, K] from the skin's positions [N, K], in space or in the picture."""
    vertices, weights = _attachment(face)
    return (points[vertices] * weights[..., None]).sum(1).astype(np.float32)


def box_of(screen: Floats) -> tuple[float, float, float, float]:
    """Return left, top, width, height of the box around a face: ear to ear, below the hairline to the chin.

    This is what the tight box around a face mesh shows. `screen` [N, 2 or 3]: the skin's points in pixels.
    """
    xy = screen[_box_vertices(), :2]
    (left, top), (right, bottom) = xy.min(0).tolist(), xy.max(0).tolist()
    return left, top, right - left, bottom - top


@lru_cache(maxsize=1)
def _box_vertices() -> Ints:
    grid = chart()
    inside = (np.abs(grid.theta_deg) <= _BOX_SIDE_DEG) & (grid.t <= _BOX_TOP_T) & (grid.t >= _BOX_BOTTOM_T)
    return np.flatnonzero(inside).astype(np.int32)


@lru_cache(maxsize=64)
def _attachment(face: Face) -> tuple[Ints, Floats]:
    """Return the vertices [68, 4] that carry each point, and their weights [68, 4]."""
    grid = chart()
    upper, _ = lip_edges(face, np.array(_LIPS_UPPER_DEG, np.float32))
    _, lower = lip_edges(face, np.array(_LIPS_LOWER_DEG, np.float32))
    lift = face.shape.brow_height_mm
    carried = [_on_grid(*place) for place in _JAW + tuple((-angle, t) for angle, t in _JAW[-2::-1])]
    carried += [
        _on_grid(angle, t + lift) for angle, t in _BROW + tuple((-angle, t) for angle, t in _BROW[::-1])
    ]
    carried += [_on_grid(*place) for place in _NOSE]
    left, right = grid.eyes
    carried += [_at(left.left), *(_on_slit(left, -angle, True) for angle in _EYE_UPPER_DEG), _at(left.right)]
    carried += [_on_slit(left, -angle, False) for angle in _EYE_LOWER_DEG]
    carried += [
        _at(right.left),
        *(_on_slit(right, angle, True) for angle in _EYE_UPPER_DEG[::-1]),
        _at(right.right),
    ]
    carried += [_on_slit(right, angle, False) for angle in _EYE_LOWER_DEG[::-1]]
    carried += [_on_grid(angle, t) for angle, t in zip(_LIPS_UPPER_DEG, upper.tolist(), strict=True)]
    carried += [_on_grid(angle, t) for angle, t in zip(_LIPS_LOWER_DEG, lower.tolist(), strict=True)]
    carried += [_on_slit(grid.mouth, angle, True) for angle in _INNER_UPPER_DEG]
    carried += [_on_slit(grid.mouth, angle, False) for angle in _INNER_LOWER_DEG]
    vertices, weights = zip(*carried, strict=True)
    return np.array(vertices, np.int32), np.array(weights, np.float32)


Carrier = tuple[tuple[int, ...], tuple[float, ...]]


def _at(vertex: int) -> Carrier:
    return (vertex,) * 4, (1.0, 0.0, 0.0, 0.0)


def _on_grid(theta_deg: float, t: float) -> Carrier:
    grid = chart()
    columns, rows = grid.columns_deg, grid.rows_t
    column = int(np.clip(np.searchsorted(columns, theta_deg, "right") - 1, 0, len(columns) - 2))
    row = int(np.clip(np.searchsorted(-rows, -t, "right") - 1, 0, len(rows) - 2))
    a = float((theta_deg - columns[column]) / (columns[column + 1] - columns[column]))
    b = float((rows[row] - t) / (rows[row] - rows[row + 1]))
    first = row * len(columns) + column
    below = first + len(columns)
    return (first, first + 1, below, below + 1), ((1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b)


def _on_slit(slit: Slit, theta_deg: float, is_upper: bool) -> Carrier:
    between = slit.upper if is_upper else slit.lower
    line = np.concatenate([[slit.left], between, [slit.right]])
    angles = chart().theta_deg[line]
    k = int(np.clip(np.searchsorted(angles, theta_deg, "right") - 1, 0, len(line) - 2))
    a = float((theta_deg - angles[k]) / (angles[k + 1] - angles[k]))
    return (int(line[k]), int(line[k + 1]), int(line[k]), int(line[k])), (1 - a, a, 0.0, 0.0)
