from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.workers.faces import made_face
from workers.crop import CropSquare, crop_square

IMAGE: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)


def test_the_square_is_anchored_at_the_box_as_in_training() -> None:
    face = replace(made_face((0, 0, 1, 1)), detector_xywh_px=(30.7, 20.2, 50.0, 46.0))
    assert crop_square(face, 0.0, is_centred=False) == CropSquare(30, 20, 48)


def test_the_square_can_be_centred_with_a_margin() -> None:
    face = replace(made_face((0, 0, 1, 1)), detector_xywh_px=(30.0, 20.0, 60.0, 40.0))
    assert crop_square(face, 0.0, is_centred=True) == CropSquare(35, 15, 50)
    assert crop_square(face, 0.2, is_centred=True) == CropSquare(25, 5, 70)


def test_a_crop_is_the_square_scaled_bilinearly() -> None:
    square = CropSquare(10, 20, 64)
    np.testing.assert_array_equal(
        square.cut(IMAGE, 256), cv2.resize(IMAGE[20:84, 10:74], (256, 256), interpolation=cv2.INTER_LINEAR)
    )


@pytest.mark.parametrize("place", [(-20, -30), (130, 100), (-20, 90), (40, -50)])
def test_a_crop_is_black_beyond_the_picture(place: tuple[int, int]) -> None:
    left, top = place
    padded = np.pad(IMAGE, ((200, 200), (200, 200), (0, 0)))
    crop = CropSquare(left, top, 64).cut(IMAGE, 64)
    np.testing.assert_array_equal(crop, padded[200 + top : 264 + top, 200 + left : 264 + left])


@pytest.mark.parametrize("place", [(-64, 0), (160, 0), (0, 120), (0, -200), (-500, 500)])
def test_a_crop_off_the_picture_is_black(place: tuple[int, int]) -> None:
    assert not CropSquare(*place, 64).cut(IMAGE, 32).any()


def test_points_map_to_the_crop() -> None:
    square = CropSquare(10, 20, 64)
    points = np.array([[10, 20], [74, 84], [42, 52], [0, 20]], np.float32)
    np.testing.assert_allclose(square.to_crop(points, 256), [[0, 0], [256, 256], [128, 128], [-40, 0]])


def test_points_stay_on_what_they_mark() -> None:
    image = np.zeros((120, 160, 3), np.uint8)
    image[60:64, 50:54] = 255
    square = CropSquare(30, 40, 50)
    crop = square.cut(image, 256)
    rows, columns = np.nonzero(crop[..., 0] > 127)
    marked = square.to_crop(np.array([[52, 62]], np.float32), 256)[0]
    np.testing.assert_allclose((columns.mean() + 0.5, rows.mean() + 0.5), marked, atol=1)
