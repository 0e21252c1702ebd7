import numpy as np
import pytest

from workers.window import Window, close_up, tiles, whole


def test_a_window_inside_the_picture_is_its_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    np.testing.assert_array_equal(Window(10, 5, 20).draw(image, 20), image[5:25, 10:30])


def test_a_window_is_black_beyond_the_picture() -> None:
    drawn = Window(-10, -10, 20).draw(np.full((40, 60, 3), 200, np.uint8), 20)
    assert (drawn[10:, 10:] == 200).all()
    assert drawn.sum() == 200 * 3 * 100


def test_a_window_off_the_picture_is_black() -> None:
    assert not Window(100, 0, 20).draw(np.full((40, 60, 3), 200, np.uint8), 16).any()


@pytest.mark.parametrize("size", [(16, 16), (2000, 64), (64, 2000), (1, 1), (641, 3)])
def test_the_whole_of_any_picture_fills_the_square_along_its_longer_side(size: tuple[int, int]) -> None:
    width, height = size
    image = np.full((height, width, 3), 255, np.uint8)
    drawn = whole(image).draw(image, 128)
    rows, columns = drawn.any(axis=(1, 2)).sum(), drawn.any(axis=(0, 2)).sum()
    assert max(rows, columns) == 128
    assert min(rows, columns) == max(1, round(128 * min(size) / max(size)))


@pytest.mark.parametrize("size", [(16, 16), (640, 360), (640, 640)])
def test_no_tiles_for_a_picture_no_larger_than_one(size: tuple[int, int]) -> None:
    assert tiles(*size, tile_px=640) == []


@pytest.mark.parametrize("size", [(641, 360), (960, 540), (1920, 1080), (2000, 64), (64, 2000), (7680, 4320)])
def test_every_face_up_to_the_overlap_lies_whole_in_a_tile(size: tuple[int, int]) -> None:
    width, height = size
    windows = tiles(width, height, 640)
    side = windows[0].side_px
    face = 0.2 * side - 1
    rng = np.random.default_rng(0)
    for x, y in rng.uniform([0, 0], [max(1, width - face), max(1, height - face)], (200, 2)):
        assert any(
            w.left_px <= x
            and w.top_px <= y
            and x + min(face, width) <= w.left_px + side
            and y + min(face, height) <= w.top_px + side
            for w in windows
        )


def test_tiles_reach_beyond_the_picture_on_all_sides() -> None:
    windows = tiles(1920, 1080, 640)
    assert len(windows) == 8
    assert min(w.left_px for w in windows) < -30
    assert min(w.top_px for w in windows) < -30
    assert max(w.left_px + w.side_px for w in windows) > 1920 + 30
    assert max(w.top_px + w.side_px for w in windows) > 1080 + 30


def test_a_close_up_is_centred_on_its_box() -> None:
    window = close_up(np.array([100, 50, 140, 70], np.float32), sides=2.0)
    assert (window.left_px, window.top_px, window.side_px) == (80, 20, 80)
