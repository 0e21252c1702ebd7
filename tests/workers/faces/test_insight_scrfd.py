from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from insightface.model_zoo.scrfd import SCRFD

from tests.workers.packs import scrfd
from workers.faces.insight_scrfd import Image, Scrfd, Sighting

CPU = ["CPUExecutionProvider"]


def loaded(folder: Path, model: Any, input_px: int = 320) -> Scrfd:
    onnx.save_model(model, str(folder / "det.onnx"))
    return Scrfd(folder / "det.onnx", input_px, onnxruntime.SessionOptions(), CPU)


def blotchy(seed: int, size_px: tuple[int, int]) -> Image:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (8, 10, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, size_px, interpolation=cv2.INTER_LINEAR), np.uint8)


def assert_same(sightings: Sequence[Sighting], others: Sequence[Sighting]) -> None:
    for sighting, other in zip(sightings, others, strict=True):
        for part, of_other in zip(sighting, other, strict=True):
            np.testing.assert_allclose(part, of_other, atol=1e-3)


@pytest.mark.parametrize("size_px", [(640, 360), (300, 300), (200, 410)])
def test_it_sees_what_insightface_sees(size_px: tuple[int, int], tmp_path: Path) -> None:
    ours = loaded(tmp_path, scrfd())
    theirs: Any = SCRFD(str(tmp_path / "det.onnx"))
    image = blotchy(1, size_px)
    longer = max(size_px)
    padded = tuple(-(-round(side * 320 / longer) // 32) * 32 for side in size_px)
    theirs.prepare(-1, det_thresh=0.3, input_size=padded)
    expected, keypoints = theirs.detect(np.ascontiguousarray(image[..., ::-1]))
    (seen,) = ours.look([image], 0.3)
    assert len(expected) > 3
    np.testing.assert_allclose(seen.boxes_xyxy_px, expected[:, :4], atol=1e-3)
    np.testing.assert_allclose(seen.scores, expected[:, 4], atol=1e-5)
    np.testing.assert_allclose(seen.keypoints_px, keypoints, atol=1e-3)


@pytest.mark.parametrize(("batch", "rank"), [(1, 2), ("n", 2), ("n", 3)])
def test_pictures_give_together_what_they_give_alone(batch: int | str, rank: int, tmp_path: Path) -> None:
    detector = loaded(tmp_path, scrfd(batch, rank))
    assert detector.is_batched
    images = [blotchy(seed, (640, 360)) for seed in range(3)]
    images.insert(1, blotchy(9, (200, 300)))
    together = detector.look(images, 0.3)
    assert len({len(sighting.scores) for sighting in together}) > 1
    assert_same(together, [sighting for image in images for sighting in detector.look([image], 0.3)])


def test_a_model_that_mixes_pictures_up_is_run_on_one_at_a_time(tmp_path: Path) -> None:
    model = scrfd()
    for node in model.graph.node:
        if node.op_type == "Transpose":
            node.attribute[0].ints[:] = [0, 2, 3, 1]
    detector = loaded(tmp_path, model)
    assert not detector.is_batched
    images = [blotchy(seed, (640, 360)) for seed in range(2)]
    alone = [sighting for image in images for sighting in detector.look([image], 0.3)]
    assert_same(detector.look(images, 0.3), alone)


def test_a_model_of_a_fixed_size_keeps_it(tmp_path: Path) -> None:
    image = np.zeros((100, 400, 3), np.uint8)
    image[40:80, 80:120] = (255, 0, 0)
    (seen,) = loaded(tmp_path, scrfd(px=160)).look([image], 0.5)
    assert ((seen.boxes_xyxy_px[0, :2] < (100, 60)) & (seen.boxes_xyxy_px[0, 2:] > (100, 60))).all()


def test_a_picture_without_faces_shows_none(tmp_path: Path) -> None:
    (seen,) = loaded(tmp_path, scrfd()).look([np.zeros((50, 70, 3), np.uint8)], 0.5)
    assert (seen.boxes_xyxy_px.shape, seen.scores.shape, seen.keypoints_px.shape) == ((0, 4), (0,), (0, 5, 2))
