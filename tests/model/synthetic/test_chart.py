"""The grid around a head."""

import numpy as np

from model.synthetic.chart import TEXTURE_PX, chart, texture_chart, texture_xy


def test_slits_have_two_banks_of_one_place() -> None:
    grid = chart()
    for slit in (*grid.eyes, grid.mouth):
        assert np.array_equal(grid.theta_deg[slit.upper], grid.theta_deg[slit.lower])
        assert not set(slit.upper.tolist()) & set(slit.lower.tolist())
        assert np.all(np.diff(grid.theta_deg[slit.upper]) > 0)


def test_no_triangle_spans_a_slit() -> None:
    grid = chart()
    for slit in (*grid.eyes, grid.mouth):
        upper, lower = set(slit.upper.tolist()), set(slit.lower.tolist())
        for triangle in grid.triangles.tolist():
            assert not (upper & set(triangle) and lower & set(triangle))


def test_every_edge_belongs_to_at_most_two_triangles() -> None:
    triangles = chart().triangles
    edges = np.sort(
        np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1
    )
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert counts.max() == 2


def test_texture_places_and_pixels_agree() -> None:
    theta, t = texture_chart()
    rows, columns = np.array([0, 100, 400, 767]), np.array([0, 50, 383, 767])
    places = texture_xy(theta[0, columns], t[rows, 0])
    np.testing.assert_allclose(places, np.stack([columns, rows], -1), atol=0.01)
    assert theta.shape == (1, TEXTURE_PX)
    assert abs(float(theta[0, 0]) + 180) < 0.5
