"""Grids of points, alone and together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from model.synthetic.chart import Floats, Ints, grid_triangles


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A surface: `points` [N, 3] mm, `triangles` [M, 3], `uv` [N, 2] texture pixels, `shade` [N] 0..1.

    `shade` darkens what lies deep. `is_skin`: light travels in it, and it has the relief of the chart.
    """

    points: Floats
    triangles: Ints
    uv: Floats
    shade: Floats
    is_skin: bool = False

    def moved(self, points: Floats) -> "Part":
        """Return the same surface elsewhere."""
        return replace(self, points=points.astype(np.float32))


def grid_part(points: Floats, uv: Floats, shade: Floats | float = 1.0, *, is_skin: bool = False) -> Part:
    """Return a surface from a grid of points [R, C, 3]; from its front rows go down and columns right."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    shades = np.broadcast_to(np.asarray(shade, np.float32), (rows, columns)).reshape(-1)
    return Part(
        points.reshape(-1, 3).astype(np.float32),
        grid_triangles(index[:-1], index[1:]),
        uv.reshape(-1, 2).astype(np.float32),
        shades.astype(np.float32),
        is_skin,
    )


def flipped(part: Part) -> Part:
    """Return the surface seen from its other side."""
    return replace(part, triangles=np.ascontiguousarray(part.triangles[:, ::-1]))


def rotation(yaw_rad: float, pitch_rad: float, roll_rad: float) -> Floats:
    """Return the matrix [3, 3] that turns to the picture's right, up, and clockwise in the picture."""
    cy, cp, cr = np.cos([yaw_rad, pitch_rad, roll_rad])
    sy, sp, sr = np.sin([yaw_rad, pitch_rad, roll_rad])
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    tilt = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return (tilt @ turn @ nod).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Several surfaces in one.

    `points`, `normals` [N, 3], `triangles` [M, 3], `uv` [N, 2], `shade` [N]; `skin` [N]: 1 where light
    travels in the surface, else 0.
    """

    points: Floats
    normals: Floats
    triangles: Ints
    uv: Floats
    shade: Floats
    skin: Floats


def merge(parts: Sequence[Part]) -> Mesh:
    """Return all surfaces as one mesh with normals."""
    offsets = np.cumsum([0, *(len(part.points) for part in parts)])[:-1].tolist()
    points = np.concatenate([part.points for part in parts])
    triangles = np.concatenate([part.triangles + offset for part, offset in zip(parts, offsets, strict=True)])
    return Mesh(
        points=points,
        normals=vertex_normals(points, triangles),
        triangles=triangles.astype(np.int32),
        uv=np.concatenate([part.uv for part in parts]),
        shade=np.concatenate([part.shade for part in parts]),
        skin=np.concatenate([np.full(len(part.points), part.is_skin, np.float32) for part in parts]),
    )


def vertex_normals(points: Floats, triangles: Ints) -> Floats:
    """Return unit normals [N, 3]: the mean over the touching triangles, weighted by area."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    flat = np.cross(b - a, c - a)
    corners = triangles.ravel()
    sums = [np.bincount(corners, np.repeat(flat[:, axis], 3), len(points)) for axis in range(3)]
    normals = np.stack(sums, -1)
    return (normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)).astype(np.float32)
