import cv2
import numpy as np
import pytest

from workers.faces.face import Located, face_sharpness, hidden_shares, measure, quality


def test_quality_is_a_share() -> None:
    assert quality(1.0, 1000, 1e9, 0, 0) == pytest.approx(1.0, abs=1e-6)
    assert quality(0.0, 1000, 1e9, 0, 0) == 0
    assert quality(1.0, 1000, 1e9, 120, 0) == 0


@pytest.mark.parametrize(
    "worse", [(0.5, 96, 300, 0, 0), (0.9, 48, 300, 0, 0), (0.9, 96, 30, 0, 0), (0.9, 96, 300, -50, 0)]
)
def test_quality_falls_with_doubt_distance_blur_and_turning(worse: tuple[float, ...]) -> None:
    assert quality(*worse) < quality(0.9, 96, 300, 0, 0)


def test_blur_lowers_sharpness_and_size_does_not() -> None:
    blots = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    sharp = np.asarray(cv2.resize(blots, (96, 96), interpolation=cv2.INTER_NEAREST), np.uint8)
    blurred = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 4), np.uint8)
    large = np.asarray(cv2.resize(sharp, (384, 384), interpolation=cv2.INTER_NEAREST), np.uint8)
    whole = face_sharpness(sharp, (0, 0, 96, 96))
    assert face_sharpness(blurred, (0, 0, 96, 96)) < whole / 100
    assert face_sharpness(large, (0, 0, 384, 384)) == pytest.approx(whole, rel=0.01)


def test_sharpness_is_that_of_the_part_inside_the_picture() -> None:
    image = np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8)
    assert face_sharpness(image, (-20, -20, 40, 40)) == face_sharpness(image, (0, 0, 20, 20))
    assert face_sharpness(image, (60, 0, 20, 20)) == 0
    assert face_sharpness(image, (-60, -60, 20, 20)) == 0


def test_what_lies_beyond_the_picture_is_hidden() -> None:
    assert hidden_shares([], 100, 100) == []
    inside, half, outside = hidden_shares([(10, 10, 40, 50), (-20, 10, 40, 50), (200, 10, 40, 50)], 100, 100)
    assert (inside, outside) == (0, 1)
    assert half == pytest.approx(0.5, abs=0.05)


def test_the_nearer_of_two_faces_hides_the_other() -> None:
    assert hidden_shares([(10, 10, 40, 40), (100, 10, 60, 60)], 300, 200) == [0, 0]
    small, large = hidden_shares([(30, 20, 40, 40), (40, 10, 60, 60)], 300, 200)
    assert large == 0
    assert 0.4 < small < 1


def test_a_hidden_face_is_worth_less() -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    points = np.zeros((68, 2), np.float32)

    def located(box: tuple[float, float, float, float]) -> Located:
        return Located(box, box, 0.9, points, (10.0, 5.0, 0.0))

    (alone,) = measure(image, [located((30, 20, 40, 40))])
    behind, _ = measure(image, [located((30, 20, 40, 40)), located((40, 10, 60, 60))])
    assert alone.quality == quality(0.9, 40, alone.sharpness, 10, 5)
    assert behind.quality == pytest.approx(alone.quality * (1 - behind.occlusion))
    assert 0 < behind.occlusion < 1
