"""The shape of a head at rest."""

from dataclasses import replace

import numpy as np
import pytest

from model.synthetic.face import Face, Shape
from model.synthetic.head import head_of
from model.synthetic.landmarks import landmarks_of
from tests.model.synthetic.faces import SYMMETRIC


def _sizes(face: Face) -> dict[str, float]:
    points = landmarks_of(face, head_of(face).points)
    nose_to_chin = float(points[33, 1] - points[8, 1])
    return {
        "jaw": float(points[12, 0] - points[4, 0]),
        "mouth": float(points[54, 0] - points[48, 0]),
        "eyes": float(np.linalg.norm(points[45] - points[36])),
        "nose": float(points[30, 2] - points[27, 2]),
        "lower": nose_to_chin,
        "upper": float(points[27, 1] - points[33, 1]),
    }


def test_an_average_head_has_human_proportions() -> None:
    sizes = _sizes(Face())
    assert 85 < sizes["eyes"] < 98  # biocular breadth, mm
    assert 46 < sizes["mouth"] < 56
    assert 55 < sizes["lower"] < 72
    assert 40 < sizes["upper"] < 55
    assert 18 < sizes["nose"] < 34


def test_a_head_without_tilt_is_symmetric() -> None:
    points = landmarks_of(SYMMETRIC, head_of(SYMMETRIC).points)
    mirrored = points[:17][::-1] * np.array([-1, 1, 1])
    np.testing.assert_allclose(points[:17], mirrored, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "size"),
    [("jaw_width", "jaw"), ("mouth_width", "mouth"), ("nose_height", "nose"), ("lower_face", "lower")],
)
def test_a_shape_parameter_changes_its_measure(name: str, size: str) -> None:
    small, large = (_sizes(Face(shape=replace(Shape(), **{name: value})))[size] for value in (0.9, 1.1))
    assert large > small * 1.03


def test_children_have_short_faces_and_flat_noses() -> None:
    child, adult = _sizes(Face(age_years=4)), _sizes(Face(age_years=30))
    assert child["lower"] < 0.93 * adult["lower"]
    assert child["nose"] < 0.85 * adult["nose"]


@pytest.mark.parametrize(
    "field", [{"age_years": 0}, {"age_years": 91}, {"masculinity": 1.2}, {"melanin": -0.1}]
)
def test_an_impossible_face_is_refused(field: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(field))):
        replace(Face(), **field)  # pyright: ignore[reportArgumentType] - the values are wrong on purpose
