"""The chart: a fixed grid of rows and columns wrapped around the head, cut open at the eyes and the mouth.

A point of the head has an angle `theta` (degrees around the vertical axis; 0 is the middle of the face,
positive towards the picture's right) and a height `t` (millimetres along the middle of the face; 0 is the
line through the eyes, positive up). Eyes and mouth are slits: the vertices along them exist twice, above
and below, so that displacing the two copies opens them. Textures are painted on the chart, whatever the
shape or expression is.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
"""Reals: float32 wherever speed matters; NumPy mixes float64 in without harm."""
Ints = NDArray[np.int32]

EYE_INNER_DEG, EYE_OUTER_DEG = 13.0, 39.0
MOUTH_CORNER_DEG = 25.0
EYE_T, MOUTH_T = 0.0, -63.0
TOP_T, BOTTOM_T = 122.0, -134.0

_HALF_COLUMNS_DEG = (
    2.5, 5, 7.5, 10, EYE_INNER_DEG, 15.5, 18, 20.5, 23, MOUTH_CORNER_DEG, 27, 29.5, 32, 34.5, 37,
    EYE_OUTER_DEG, 42, 46, 51, 57, 63, 70, 78, 87, 97, 110, 125, 142, 160, 180,
)  # fmt: skip
_ROWS_T = (
    TOP_T, 120.5, 117, 112, 105, 97, 88, 79, 70, 61, 53, 46, 39, 33, 28, 24, 20.5, 17, 14, 11.5, 9, 7, 5,
    3.2, 1.5, EYE_T, -1.5, -3.2, -5, -7, -9.5, -12, -15, -18, -21, -24, -27, -29.5, -31.5, -33.5, -35.5,
    -37, -38.5, -40, -41.5, -43, -45, -47.5, -50, -52.5, -55, -57, -59, -60.8, -62, MOUTH_T, -64, -65.5,
    -67.5, -69.5, -72, -74.5, -77.5, -81, -85, -90, -95, -100, -104, -107, -110, -113, -117, -122, -128,
    BOTTOM_T,
)  # fmt: skip

MM_PER_DEG = 1.22
"""Of the chart across the middle of an average face."""
TEXTURE_PX = 768
TEXTURE_SIZE = (TEXTURE_PX, TEXTURE_PX)
KEPT = 6
"""Identities whose textures are kept, about 45 MB each: more than the people of a shot."""
"""Side of the square of the texture that holds the chart."""
_FRONT_DEG, _SIDE_SHARE = 60.0, 0.25
_MAX_U_DEG = _FRONT_DEG + (180 - _FRONT_DEG) * _SIDE_SHARE


def texture_xy(theta_deg: Floats, t: Floats) -> Floats:
    """Return where chart points lie in the texture, [..., 2] pixels; sides and back are compressed."""
    side = np.abs(theta_deg)
    u_deg = np.sign(theta_deg) * np.where(
        side < _FRONT_DEG, side, _FRONT_DEG + (side - _FRONT_DEG) * _SIDE_SHARE
    )
    x = (u_deg / _MAX_U_DEG + 1) / 2 * (TEXTURE_PX - 1)
    y = (TOP_T - t) / (TOP_T - BOTTOM_T) * (TEXTURE_PX - 1)
    return np.stack([x, y], -1).astype(np.float32)


@cache
def texture_chart() -> tuple[Floats, Floats]:
    """Return `theta` in degrees of the texture's columns [1, S] and `t` of its rows [S, 1]."""
    line = np.arange(TEXTURE_PX, dtype=np.float32)
    u_deg = (line / (TEXTURE_PX - 1) * 2 - 1) * _MAX_U_DEG
    side = np.abs(u_deg)
    theta = np.sign(u_deg) * np.where(side < _FRONT_DEG, side, _FRONT_DEG + (side - _FRONT_DEG) / _SIDE_SHARE)
    t = TOP_T - line / (TEXTURE_PX - 1) * (TOP_T - BOTTOM_T)
    return theta[None].astype(np.float32), t[:, None].astype(np.float32)


@dataclass(frozen=True, slots=True)
class Slit:
    """An opening: its two corners and the vertices between them, from the picture's left to its right."""

    left: int
    right: int
    upper: Ints
    lower: Ints


@dataclass(frozen=True, slots=True)
class Chart:
    """The grid's vertices and triangles.

    `theta_deg`, `t` [N] float32; `is_below_eye`, `is_below_mouth` [N] bool: on or under the lower border of
    the slit; `triangles` [M, 3] int32, counter-clockwise from outside with y up; `columns_deg`, `rows_t`:
    of the grid.
    """

    theta_deg: Floats
    t: Floats
    is_below_eye: NDArray[np.bool_]
    is_below_mouth: NDArray[np.bool_]
    triangles: Ints
    eyes: tuple[Slit, Slit]
    mouth: Slit
    columns_deg: Floats
    rows_t: Floats

    def nearest(self, theta_deg: float, t: float) -> int:
        """Return the vertex of the regular grid that is nearest to a chart point."""
        row = int(np.argmin(np.abs(self.rows_t - t)))
        return row * len(self.columns_deg) + int(np.argmin(np.abs(self.columns_deg - theta_deg)))


@cache
def chart() -> Chart:
    """Return the chart; the same object each time."""
    half = np.array(_HALF_COLUMNS_DEG, np.float32)
    columns = np.concatenate([-half[::-1], [0], half]).astype(np.float32)
    rows = np.array(_ROWS_T, np.float32)
    index = np.arange(len(rows) * len(columns), dtype=np.int32).reshape(len(rows), len(columns))
    below = index.copy()  # the copy that the cells under a slit use
    thetas, ts = np.meshgrid(columns, rows)
    theta, t = [thetas.ravel()], [ts.ravel()]
    slits: list[Slit] = []
    count = index.size
    bands = (
        (EYE_T, -EYE_OUTER_DEG, -EYE_INNER_DEG),
        (EYE_T, EYE_INNER_DEG, EYE_OUTER_DEG),
        (MOUTH_T, -MOUTH_CORNER_DEG, MOUTH_CORNER_DEG),
    )
    for slit_t, left_deg, right_deg in bands:
        row = int(np.flatnonzero(rows == slit_t)[0])
        left, right = (int(np.flatnonzero(columns == edge)[0]) for edge in (left_deg, right_deg))
        inside = slice(left + 1, right)
        copies = np.arange(count, count + right - left - 1, dtype=np.int32)
        count += len(copies)
        below[row, inside] = copies
        theta.append(columns[inside])
        t.append(np.full(len(copies), slit_t, np.float32))
        slits.append(Slit(int(index[row, left]), int(index[row, right]), index[row, inside].copy(), copies))
    t_all = np.concatenate(t).astype(np.float32)
    is_copy = np.arange(count) >= index.size
    return Chart(
        theta_deg=np.concatenate(theta).astype(np.float32),
        t=t_all,
        is_below_eye=(t_all < EYE_T) | (is_copy & (t_all == EYE_T)),
        is_below_mouth=(t_all < MOUTH_T) | (is_copy & (t_all == MOUTH_T)),
        triangles=grid_triangles(below[:-1], index[1:]),
        eyes=(slits[0], slits[1]),
        mouth=slits[2],
        columns_deg=columns,
        rows_t=rows,
    )


def grid_triangles(top: Ints, bottom: Ints) -> Ints:
    """Return two triangles per cell of a grid from its cells' upper and lower corners, [R, C] each."""
    a, b, c, d = top[:, :-1], top[:, 1:], bottom[:, :-1], bottom[:, 1:]
    return np.concatenate([np.stack(three, -1).reshape(-1, 3) for three in ((a, c, d), (a, d, b))]).astype(
        np.int32
    )
