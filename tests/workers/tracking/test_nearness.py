import numpy as np
import pytest

from workers.tracking.nearness import Box, iou, nearness

BOX = np.array([100.0, 100, 200, 200])


def moved(right_px: float) -> Box:
    return np.array([100 + right_px, 100, 200 + right_px, 200])


def test_iou_of_boxes() -> None:
    assert iou(BOX, BOX) == 1
    assert iou(BOX, moved(50)) == pytest.approx(1 / 3)
    assert iou(BOX, BOX + 100) == 0
    assert iou(BOX, np.array([200.0, 200, 100, 100])) == 0


def test_nearness_falls_to_the_reach() -> None:
    assert nearness(BOX, BOX, BOX, reach=0.5, lost_s=0.1) == 1
    assert nearness(moved(25), BOX, BOX, reach=0.5, lost_s=0.1) == pytest.approx(0.5)
    assert nearness(moved(51), BOX, BOX, reach=0.5, lost_s=0.1) is None


def test_nearness_takes_the_nearer_of_last_and_expected_place() -> None:
    expected = moved(300)
    assert nearness(moved(300), BOX, expected, reach=0.5, lost_s=0.1) == 1
    assert nearness(BOX, BOX, expected, reach=0.5, lost_s=0.1) == 1


def test_a_face_does_not_change_its_size_at_once() -> None:
    twice = np.array([50.0, 50, 250, 250])
    assert nearness(twice, BOX, BOX, reach=1, lost_s=0.1) is None
    assert nearness(twice, BOX, BOX, reach=1, lost_s=1.0) is not None
