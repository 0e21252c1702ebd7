"""Triangles to pixels."""

import numpy as np

from model.synthetic.chart import Floats, Ints
from model.synthetic.raster import rasterise


def _facing(points: Floats, triangles: Ints) -> Ints:
    """Return the triangles turned so that they face the camera."""
    a, b, c = (points[triangles[:, k], :2] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    return np.where((area < 0)[:, None], triangles, triangles[:, ::-1]).astype(np.int32)


def test_random_triangles_match_a_search_of_every_pixel() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-5, 35, (60, 3)).astype(np.float32)
    triangles = _facing(points, np.arange(60, dtype=np.int32).reshape(20, 3))
    fragments = rasterise(points, triangles, 30, 30)
    drawn = np.full(900, -np.inf)
    drawn[fragments.pixel] = fragments.depth
    expected = np.full((30, 30), -np.inf)
    for a, b, c in points[triangles].astype(float):
        for row in range(30):
            for column in range(30):
                matrix = np.array([[a[0], b[0], c[0]], [a[1], b[1], c[1]], [1, 1, 1]])
                weights = np.linalg.solve(matrix, [column + 0.5, row + 0.5, 1])
                if (weights >= 0).all():
                    expected[row, column] = max(expected[row, column], weights @ [a[2], b[2], c[2]])
    is_border = np.isinf(drawn) != np.isinf(expected.ravel())  # a hair's breadth of tolerance at the edges
    assert is_border.mean() < 0.01
    both = ~np.isinf(drawn) & ~np.isinf(expected.ravel())
    assert both.sum() > 300
    assert (np.abs(drawn[both] - expected.ravel()[both]) < 0.05).mean() > 0.99


def test_neighbours_leave_no_gap() -> None:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:9, 0:9].astype(np.float32) * 4
    inner = (slice(1, -1), slice(1, -1))
    x[inner] += rng.uniform(-1.5, 1.5, (7, 7))
    y[inner] += rng.uniform(-1.5, 1.5, (7, 7))
    points = np.stack([x.ravel(), y.ravel(), np.zeros(81)], -1).astype(np.float32)
    index = np.arange(81).reshape(9, 9)
    cells = [index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]]
    triangles = np.concatenate(
        [np.stack([cells[k].ravel() for k in three], -1) for three in ((0, 1, 2), (0, 2, 3))]
    )
    fragments = rasterise(points, triangles.astype(np.int32), 32, 32)
    assert sorted(fragments.pixel.tolist()) == list(range(32 * 32))
    np.testing.assert_allclose(fragments.weights.sum(1), 1, atol=1e-4)


def test_backs_and_what_lies_behind_are_not_drawn() -> None:
    points = np.array([[0, 0, 5], [0, 20, 5], [20, 20, 5]], np.float32)
    front = np.array([[0, 1, 2]], np.int32)
    assert len(rasterise(points, front, 20, 20).pixel) > 100
    assert len(rasterise(points, front[:, ::-1].copy(), 20, 20).pixel) == 0
    assert len(rasterise(points, front, 20, 20, np.full(400, 6, np.float32)).pixel) == 0
