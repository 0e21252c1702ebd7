from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.workers.made_faces import made_face
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


def test_a_turned_square_shows_the_eyes_level() -> None:
    upright = made_face((200, 120, 64, 80))
    centre = np.array([232.0, 160.0])
    for angle_deg in (25.0, -40.0):
        a = np.radians(angle_deg)
        turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        points = ((upright.landmarks_px - centre) @ turn.T + centre).astype(np.float32)
        square = crop_square(replace(upright, landmarks_px=points), 0.0, is_centred=True, is_aligned=True)
        assert square.angle_deg == pytest.approx(angle_deg, abs=1e-3)
        eyes = square.to_crop(points[[36, 45]], 128)
        assert eyes[0, 1] == pytest.approx(eyes[1, 1], abs=1e-3)
        assert eyes[0, 0] < eyes[1, 0]


def test_pixels_of_a_turned_square_are_where_its_landmarks_say() -> None:
    image = np.zeros((300, 400, 3), np.uint8)
    spots = np.array([[215.0, 130.0], [250.0, 150.0], [230.0, 185.0]], np.float32)
    for number, (x, y) in enumerate(spots.astype(int).tolist()):
        image[y - 2 : y + 3, x - 2 : x + 3, number] = 255
    square = CropSquare(180, 110, 100, 30.0)
    crop = square.cut(image, 200)
    # A pixel's centre is half a pixel from its corner, at which points count.
    places = square.to_crop(spots + 0.5, 200)
    for number, place in enumerate(places):
        y, x = np.nonzero(crop[..., number] > 128)
        np.testing.assert_allclose((x.mean() + 0.5, y.mean() + 0.5), place, atol=0.6)


def test_a_square_that_is_not_turned_is_cut_as_in_training() -> None:
    image = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    face = made_face((200, 120, 64, 80))
    square = crop_square(face, 0.1, is_centred=True, is_aligned=True)
    assert square.angle_deg == 0
    np.testing.assert_array_equal(
        square.cut(image, 96), crop_square(face, 0.1, is_centred=True).cut(image, 96)
    )
