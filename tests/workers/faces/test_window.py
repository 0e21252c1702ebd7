import numpy as np
import pytest

from workers.faces.window import Pyramid, Window, close_up, tiles, whole


def test_a_window_inside_the_picture_is_its_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    np.testing.assert_array_equal(Window(10, 5, 1, 20, 30).draw(Pyramid(image)), image[5:35, 10:30])


def test_a_window_is_black_beyond_the_picture() -> None:
    drawn = Window(-10, -10, 1, 20, 20).draw(Pyramid(np.full((40, 60, 3), 200, np.uint8)))
    assert (drawn[10:, 10:] == 200).all()
    assert drawn.sum() == 200 * 3 * 100


def test_a_window_off_the_picture_is_black() -> None:
    assert not Window(100, 0, 1.25, 16, 16).draw(Pyramid(np.full((40, 60, 3), 200, np.uint8))).any()


@pytest.mark.parametrize(
    "size", [(16, 16), (2000, 64), (64, 2000), (1, 1), (641, 3), (640, 360), (1080, 1920)]
)
def test_the_whole_of_any_picture_fills_the_window_along_its_longer_side(size: tuple[int, int]) -> None:
    window = whole(*size, 128)
    drawn = window.draw(Pyramid(np.full((*size[::-1], 3), 255, np.uint8)))
    assert max(window.width, window.height) == 128
    assert window.width % 32 == window.height % 32 == 0
    rows, columns = drawn.any(axis=(1, 2)).sum(), drawn.any(axis=(0, 2)).sum()
    assert max(rows, columns) == 128
    shorter = 128 * min(size) / max(size)
    assert min(rows, columns) == pytest.approx(max(1, shorter), abs=1)
    # Networks miss faces at their input's edge: there is some room along the shorter side.
    assert min(window.width, window.height) >= min(128, shorter + 10)


@pytest.mark.parametrize("size", [(16, 16), (640, 360), (640, 640)])
def test_no_tiles_for_a_picture_no_larger_than_one(size: tuple[int, int]) -> None:
    assert tiles(*size, tile_px=640, input_px=192) == []


@pytest.mark.parametrize(
    "size", [(641, 360), (960, 540), (1280, 720), (1920, 1080), (2000, 64), (64, 2000), (7680, 4320)]
)
def test_every_face_up_to_the_overlap_lies_whole_in_a_tile(size: tuple[int, int]) -> None:
    width, height = size
    windows = tiles(width, height, 640, 192)
    face = 0.2 * 192 * windows[0].scale - 2 * windows[0].scale
    rng = np.random.default_rng(0)
    for x, y in rng.uniform([0, 0], [max(1, width - face), max(1, height - face)], (200, 2)):
        assert any(
            w.left_px <= x
            and w.top_px <= y
            and x + min(face, width) <= w.left_px + w.width * w.scale
            and y + min(face, height) <= w.top_px + w.height * w.scale
            for w in windows
        )


def test_tiles_are_few_and_reach_beyond_the_picture_on_all_sides() -> None:
    windows = tiles(1920, 1080, 640, 192)
    assert [(w.width, w.height) for w in windows] == [(224, 192)] * 6
    assert all(w.scale == pytest.approx(640 / 192) for w in windows)
    assert min(w.left_px for w in windows) < -30
    assert min(w.top_px for w in windows) < -30
    assert max(w.left_px + w.width * w.scale for w in windows) > 1920 + 30
    assert max(w.top_px + w.height * w.scale for w in windows) > 1080 + 30


def test_a_panorama_is_seen_as_large_as_its_narrow_side_allows() -> None:
    assert tiles(2000, 200, 640, 192)[0].scale == pytest.approx(200 / 192)
    assert tiles(2000, 64, 640, 192)[0].scale == pytest.approx(160 / 192)


def test_a_close_up_is_centred_on_its_box() -> None:
    window = close_up(np.array([100, 50, 140, 70], np.float32), sides=2.0, input_px=96)
    assert (window.left_px, window.top_px) == (80, 20)
    assert window.scale * window.width == window.scale * window.height == pytest.approx(80)


def test_a_pyramid_halves_as_often_as_it_is_asked_and_once_each() -> None:
    image = np.random.default_rng(0).integers(0, 256, (41, 60, 3), np.uint8)
    picture = Pyramid(image)
    assert picture.level(0.5)[0] is picture.level(1.99)[0] is image
    half, halved = picture.level(3.9)
    assert (half.shape, halved) == ((20, 30, 3), 2)
    np.testing.assert_allclose(half[3, 7], image[6:8, 14:16].mean(axis=(0, 1)), atol=1)
    assert picture.level(2.0)[0] is half
    least, halved = picture.level(1000.0)
    assert (least.shape, halved) == ((1, 1, 3), 32)


@pytest.mark.parametrize("left", [100.0, 101.0, 103.0, 107.3])
def test_a_square_is_drawn_where_it_is_from_any_level(left: float) -> None:
    image = np.zeros((600, 800, 3), np.uint8)
    image[:, 400:] = 250
    drawn = Window(left, 0, 10, 60, 60).draw(Pyramid(image))
    edge = 60 - drawn[30, :, 0].sum() / 250
    assert edge == pytest.approx((400 - left) / 10, abs=0.6)
