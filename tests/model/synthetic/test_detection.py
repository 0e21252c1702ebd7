"""Drawn faces are faces to the detector that the readers use, and backgrounds are not."""

import numpy as np
import pytest

from model.synthetic.background import KINDS, sample_background
from model.synthetic.camera import Pose, View
from model.synthetic.expression import EXPRESSIONS, Expression
from model.synthetic.people import sample_face
from model.synthetic.render import Moment, draw
from model.synthetic.scene import sample_action_units, sample_light
from workers.faces.detector import DetectorConfig, FaceDetector, load_detector

_EYES_MM = 63


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return load_detector(DetectorConfig())


def _iou(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(0.0, wide) * max(0.0, high)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


@pytest.mark.parametrize("seed", range(7))
def test_a_drawn_face_is_found_where_it_is(detector: FaceDetector, seed: int) -> None:
    rng = np.random.default_rng(seed)
    picture = sample_background(rng, 320, 240).at(0)
    units = sample_action_units(rng, list(EXPRESSIONS)[seed])
    pose = Pose(float(rng.uniform(-30, 30)), float(rng.uniform(-8, 8)), float(rng.uniform(-8, 8)))
    px_per_mm = float(rng.uniform(0.35, 0.9))  # faces of 50 to 130 px
    moment = Moment(pose, View(160, 115, px_per_mm), Expression(action_units=units))
    truth = draw(picture, sample_face(rng), moment, sample_light(rng))
    ((face,),) = detector.detect([picture])
    assert _iou(face.box_xywh_px, truth.box_xywh_px) > 0.6
    error = np.linalg.norm(face.landmarks_px - truth.landmarks_px, axis=1).mean()
    assert error < 0.1 * _EYES_MM * px_per_mm
    assert abs(face.yaw_deg - pose.yaw_deg) < 12


@pytest.mark.parametrize("kind", KINDS)
def test_a_background_has_no_face(detector: FaceDetector, kind: str) -> None:
    assert detector.detect([sample_background(np.random.default_rng(1), 320, 240, kind).at(0)]) == [[]]
