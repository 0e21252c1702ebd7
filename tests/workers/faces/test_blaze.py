import numpy as np
import pytest

from model.synthetic.scene import sample_shot
from workers.faces.blaze import (
    FULL_RANGE,
    SHORT_RANGE,
    Blaze,
    BlazeFace,
    Candidates,
    Floats,
    anchor_centres,
    blend,
    decode,
    ious,
    suppress,
)
from workers.faces.window import Pyramid, Window


@pytest.mark.parametrize(("blaze", "rows"), [(SHORT_RANGE, 896), (FULL_RANGE, 2304)])
def test_anchors_are_as_many_as_the_networks_rows(blaze: Blaze, rows: int) -> None:
    centres = anchor_centres(blaze, blaze.input_px, blaze.input_px)
    assert centres.shape == (rows, 2)
    assert centres.min() > 0
    assert centres.max() < blaze.input_px


def test_anchors_run_along_rows_with_those_of_a_cell_together() -> None:
    centres = anchor_centres(SHORT_RANGE, 128, 128)
    np.testing.assert_allclose(centres[:4], [[4, 4], [4, 4], [12, 4], [12, 4]])
    np.testing.assert_allclose(centres[32], [4, 12])  # 16 cells of two to a row
    np.testing.assert_allclose(centres[512:519], [[8, 8]] * 6 + [[24, 8]])  # the coarse grid follows


def test_decode_places_boxes_and_keypoints_by_their_anchor() -> None:
    raw = np.zeros((3, 16), np.float32)
    raw[1, :4] = 2, -1, 10, 20
    raw[1, 4:6] = 3, 4
    logits = np.array([-5, 2, -1], np.float32)
    seen = decode(raw, logits, np.array([[0, 0], [50, 60], [0, 0]], np.float32), minimum_score=0.5)
    np.testing.assert_allclose(seen.boxes_xyxy_px, [[47, 49, 57, 69]])
    np.testing.assert_allclose(seen.scores, [1 / (1 + np.exp(-2))], rtol=1e-6)
    np.testing.assert_allclose(seen.keypoints_px[0, :2], [[53, 64], [50, 60]])


def test_ious_of_equal_half_and_distant_boxes() -> None:
    boxes = np.array([[0, 0, 10, 10]], np.float32)
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [3, 3, 3, 3]], np.float32)
    np.testing.assert_allclose(ious(boxes, others), [[1, 1 / 3, 0, 0]], atol=1e-6)


def test_suppress_keeps_the_best_of_each_place_best_first() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [40, 0, 50, 10], [2, 0, 12, 10]], np.float32)
    assert suppress(boxes, np.array([0.5, 0.9, 0.95, 0.9], np.float32), overlap=0.3) == [2, 1]


def test_suppress_does_not_let_a_suppressed_box_suppress() -> None:
    chain = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]], np.float32)
    assert suppress(chain, np.array([0.9, 0.8, 0.7], np.float32), overlap=0.3) == [0, 2]


def test_blend_averages_what_overlaps_by_score() -> None:
    boxes = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [50, 0, 60, 10]], np.float32)
    keypoints = np.stack([np.full((6, 2), n, np.float32) for n in (1, 5, 100)])
    box, points = blend(Candidates(boxes, np.array([0.75, 0.25, 0.9], np.float32), keypoints), 0, overlap=0.3)
    np.testing.assert_allclose(box, [0.5, 0, 10.5, 10])
    np.testing.assert_allclose(points, np.full((6, 2), 2.0))


@pytest.mark.parametrize("blaze", [SHORT_RANGE, FULL_RANGE])
def test_a_network_sees_the_same_in_a_window_that_it_was_not_made_for(blaze: Blaze) -> None:
    image, (truth,) = sample_shot(
        np.random.default_rng(2), size_px=(480, 270), seconds=2.0, people=1
    ).picture_at(1.0, 0)
    network, picture, scale = BlazeFace(blaze, 1), Pyramid(image), 480 / blaze.input_px
    best: list[Floats] = []
    for height in (blaze.input_px, blaze.input_px - 32, blaze.input_px + 64):
        window = Window(0, 135 - height * scale / 2, scale, blaze.input_px, height)
        seen = network.look(picture, window, 0.5)
        row = int(seen.scores.argmax())
        assert seen.scores[row] > 0.8
        best.append(seen.boxes_xyxy_px[row])
    assert (ious(np.stack(best), np.stack(best)) > 0.8).all()
    x, y, w, h = truth.box_xywh_px
    middle = (best[0][:2] + best[0][2:]) / 2
    np.testing.assert_allclose(middle, [x + w / 2, y + h / 2], atol=0.25 * w)


def test_only_the_sizes_that_were_used_last_are_kept() -> None:
    network, picture = BlazeFace(SHORT_RANGE, 1), Pyramid(np.zeros((64, 64, 3), np.uint8))
    for width in range(32, 32 * 12, 32):
        network.look(picture, Window(0, 0, 1, width, 32), 0.5)
    assert len(network._sized) < 8  # pyright: ignore[reportPrivateUsage]
