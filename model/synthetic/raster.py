"""Triangles to pixels: a z-buffer in NumPy, all triangles at once."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from model.synthetic.chart import Floats, Ints

_PIECE = 16384


@dataclass(frozen=True, slots=True)
class Fragments:
    """The visible pixels: `pixel` [P] flat index, `corners` [P, 3] vertices, `weights` [P, 3], `depth` [P].

    Depth grows towards the camera.
    """

    pixel: Ints
    corners: Ints
    weights: Floats
    depth: Floats

    def blend(self, values: Floats, piece: slice) -> Floats:
        """Return vertex values [N, K] interpolated at a piece of the pixels, [P, K]."""
        corners, weights = self.corners[piece], self.weights[piece]
        blended = values.take(corners[:, 0], 0) * weights[:, :1]
        for corner in (1, 2):
            term = values.take(corners[:, corner], 0)
            term *= weights[:, corner : corner + 1]
            blended += term
        return blended


def rasterise(
    points: Floats, triangles: Ints, height: int, width: int, behind: Floats | None = None
) -> Fragments:
    """Return the pixels whose centres lie in triangles that face the camera, the nearest one each.

    Args:
        points: [N, 3] x, y in pixels (y down) and depth that grows towards the camera.
        triangles: [M, 3], clockwise on the screen (y down) when they face the camera.
        height: Of the picture.
        width: Of the picture.
        behind: Depth [H * W] that a pixel must exceed; None for none.
    """
    corner = points[triangles]
    x, y = corner[..., 0], corner[..., 1]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    (x_low, x_high), (y_low, y_high) = _extent(x), _extent(y)
    top = np.maximum(np.ceil(y_low - 0.5), 0)
    bottom = np.minimum(np.floor(y_high - 0.5), height - 1)
    is_inside = (bottom >= top) & (x_high > 0) & (x_low < width)
    keep = np.flatnonzero((area < -1e-6) & is_inside)
    x, y, top = x[keep], y[keep], top[keep].astype(np.int32)
    planes = _weight_planes(x, y, 1 / area[keep])

    # One span per triangle and row, from its first pixel to its last: no pixel outside is looked at.
    of_row, step = _runs(bottom[keep].astype(np.int32) - top + 1)
    row = top.take(of_row) + step
    spans = _spans(planes, of_row, row.astype(np.float32), width)
    z0, z1, z2 = (points[:, 2].take(triangles[:, k].take(keep)) for k in range(3))
    rise1, rise2 = z1 - z0, z2 - z0
    starts = z0.take(of_row) + rise1.take(of_row) * spans.weight1 + rise2.take(of_row) * spans.weight2
    slopes = (rise1 * planes[3] + rise2 * planes[6]).take(of_row)
    begins = row * np.int32(width) + spans.first

    nearest = np.full(height * width, -np.inf, np.float32) if behind is None else behind.copy()
    winner = np.full(height * width, -1, np.int32)
    # in pieces that stay in the processor's cache
    ends = np.cumsum(spans.counts)
    borders = np.searchsorted(ends, np.arange(0, int(ends[-1]) + _PIECE, _PIECE)) if len(ends) else [0]
    for low, high in pairwise([0, *borders, len(ends)]):
        of_span, step = _runs(spans.counts[low:high])
        of_span += np.int32(low)
        pixel = begins.take(of_span) + step
        depth = starts.take(of_span) + slopes.take(of_span) * step.astype(np.float32)
        if behind is not None:
            is_before = np.flatnonzero(depth > behind.take(pixel))
            of_span, pixel, depth = of_span.take(is_before), pixel.take(is_before), depth.take(is_before)
        np.maximum.at(nearest, pixel, depth)
        seen = np.flatnonzero(depth >= nearest.take(pixel))
        winner[pixel.take(seen)] = of_span.take(seen)  # of equals the last: one fragment per pixel
    drawn = np.flatnonzero(winner >= 0).astype(np.int32)
    won = winner.take(drawn)
    steps = (drawn % np.int32(width) - spans.first.take(won)).astype(np.float32)
    of = of_row.take(won)
    weights = np.empty((len(drawn), 3), np.float32)
    weights[:, 1] = spans.weight1.take(won) + planes[3].take(of) * steps
    weights[:, 2] = spans.weight2.take(won) + planes[6].take(of) * steps
    weights[:, 0] = 1 - weights[:, 1] - weights[:, 2]
    return Fragments(drawn, triangles.take(keep.take(of), 0), weights, nearest.take(drawn))


@dataclass(frozen=True, slots=True, eq=False)
class _Spans:
    """Pixels of rows [R]: the first column, how many, and the second and third weight at the first."""

    first: Ints
    counts: Ints
    weight1: Floats
    weight2: Floats


def _extent(values: Floats) -> tuple[Floats, Floats]:
    """Return least and greatest of each row of [M, 3]; faster than a reduction over so short an axis."""
    a, b, c = values[:, 0], values[:, 1], values[:, 2]
    return np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)


def _weight_planes(x: Floats, y: Floats, inverse_area: Floats) -> Floats:
    """Return [9, M]: per corner a, b, c of its weight a * column + b * row + c at pixel centres."""
    planes = np.empty((9, len(x)), np.float32)
    for corner, (after, before) in enumerate(((1, 2), (2, 0), (0, 1))):
        a = (y[:, after] - y[:, before]) * inverse_area
        b = (x[:, before] - x[:, after]) * inverse_area
        planes[3 * corner], planes[3 * corner + 1] = a, b
        planes[3 * corner + 2] = 0.5 * (a + b) - a * x[:, after] - b * y[:, after]
    return planes


def _runs(counts: Ints) -> tuple[Ints, Ints]:
    """Return, for runs of the given lengths laid end to end, each element's run and place in it."""
    of = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    starts = (np.cumsum(counts) - counts).astype(np.int32)
    return of, np.arange(len(of), dtype=np.int32) - starts[of]


def _spans(planes: Floats, of_row: Ints, row: Floats, width: int) -> _Spans:
    low = np.zeros(len(row), np.float32)
    high = np.full(len(row), width - 1, np.float32)
    slopes: list[Floats] = []
    values: list[Floats] = []
    infinite = np.float32(np.inf)
    for corner in range(3):
        a, b, c = (planes[3 * corner + k].take(of_row) for k in range(3))
        value = b * row + c
        with np.errstate(divide="ignore", invalid="ignore"):
            border = -value / a
        np.maximum(low, np.where(a > 0, border, -infinite), out=low)
        # a level edge lets all of its row through, or nothing
        limit = np.where(value < 0, np.float32(-1), infinite)
        np.minimum(high, np.where(a < 0, border, np.where(a == 0, limit, infinite)), out=high)
        slopes.append(a)
        values.append(value)
    # a hair's breadth of tolerance, so that no pixel falls between two triangles
    first, last = np.ceil(low - 1e-3).astype(np.int32), np.floor(high + 1e-3).astype(np.int32)
    at_first = [values[k] + slopes[k] * first.astype(np.float32) for k in (1, 2)]
    return _Spans(first, np.maximum(last - first + 1, 0), *at_first)
