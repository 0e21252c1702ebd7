import cv2
import numpy as np
import pytest

from workers.face import face_sharpness, quality


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
