"""How fast faces are drawn, and whether the detector finds them where they are.

    python -m benchmarks.render [faces, 100]

Draws random people on random backgrounds in one thread, and looks for them with the embedded detector. Prints
processor time per face by size and per new identity, recall, false faces, and how far the detector's
landmarks are from the truth, in shares of the distance between the pupils.

Measured on x86-64, 2 CPUs shared with other work (load 5), 2026-11, one thread, processor time, a picture of
480 x 360 with shoulders, shadows, hair and wrinkles; detector with its defaults:

    48 px   25 ms, 40 faces/s        a new identity 284 ms
    100 px  33 ms, 30 faces/s        found 200 of 200 at IoU > 0.5, mean 0.868, least 0.76
    160 px  40 ms, 25 faces/s        false faces: 0 on empty backgrounds, 0 beside people
    240 px  57 ms, 17 faces/s        landmarks off by 0.049 (jaw 0.072, brows 0.041, nose 0.033, eyes 0.032,
                                     mouth 0.050)
"""

import sys
import time

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from model.synthetic.background import sample_background
from model.synthetic.camera import Pose, View
from model.synthetic.expression import EXPRESSIONS, Expression
from model.synthetic.face import Face
from model.synthetic.people import sample_face
from model.synthetic.render import Moment, draw, render_face
from model.synthetic.scene import sample_action_units, sample_light
from model.synthetic.shading import Light
from workers.faces.detector import DetectorConfig, FaceDetector, load_detector

_FACE_MM, _PUPILS_MM = 142, 63
_SIZES_PX = (48, 100, 160, 240)
_GROUPS = {
    "jaw": slice(0, 17),
    "brows": slice(17, 27),
    "nose": slice(27, 36),
    "eyes": slice(36, 48),
    "mouth": slice(48, 68),
}


def _moment(rng: Generator, expression: str, x_px: float, y_px: float, face_px: float) -> Moment:
    pose = Pose(float(rng.uniform(-35, 35)), float(rng.uniform(-10, 10)), float(rng.uniform(-10, 10)))
    units = sample_action_units(rng, expression)
    return Moment(pose, View(x_px, y_px, face_px / _FACE_MM), Expression(action_units=units))


def _time() -> None:
    for size in _SIZES_PX:
        rng, spent = default_rng(0), []
        face = sample_face(rng)
        for number in range(24):
            picture = np.full((360, 480, 3), 120, np.uint8)
            moment = _moment(rng, list(EXPRESSIONS)[number % 7], 240, 170, size)
            start = time.process_time()
            draw(picture, face, moment, Light())
            spent.append(time.process_time() - start)
        least, middle = min(spent[4:]), float(np.median(spent[4:]))
        rate = f"{1 / middle:.1f} faces/s"
        print(f"{size:4d} px  median {1000 * middle:5.1f} ms, least {1000 * least:5.1f} ms: {rate}")
    rng = default_rng(1)
    faces = [sample_face(rng) for _ in range(8)]
    start = time.process_time()
    for face in faces:
        render_face(face, size=96)
    print(f"a new identity {1000 * (time.process_time() - start) / len(faces):.0f} ms")


def _iou(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(0.0, wide) * max(0.0, high)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def _look(detector: FaceDetector, rng: Generator, number: int) -> tuple[int, int, float, np.ndarray]:
    """Return false faces on the background, extra ones beside the person, the best IoU and errors [68]."""
    picture = sample_background(rng, 480, 360).at(0)
    false = len(detector.detect([picture])[0])
    face_px = float(rng.uniform(48, 220))
    x_px = float(rng.uniform(0.8 * face_px, 480 - 0.8 * face_px))
    y_px = float(rng.uniform(0.9 * face_px, max(360 - 0.9 * face_px, 0.9 * face_px + 1)))
    face: Face = sample_face(rng)
    moment = _moment(rng, list(EXPRESSIONS)[number % 7], x_px, y_px, face_px)
    truth = draw(picture, face, moment, sample_light(rng))
    noisy = np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
    (found,) = detector.detect([noisy])
    best = max(found, key=lambda one: _iou(one.box_xywh_px, truth.box_xywh_px), default=None)
    if best is None:
        return false, 0, 0.0, np.full(68, np.nan)
    error = np.linalg.norm(best.landmarks_px - truth.landmarks_px, axis=1) / (
        _PUPILS_MM * moment.view.px_per_mm
    )
    return false, len(found) - 1, _iou(best.box_xywh_px, truth.box_xywh_px), error


def _detect(faces: int) -> None:
    detector, rng = load_detector(DetectorConfig()), default_rng(2)
    looks = [_look(detector, rng, number) for number in range(faces)]
    ious = np.array([look[2] for look in looks])
    errors = np.stack([look[3] for look in looks])
    hits = int((ious > 0.5).sum())
    print(f"found {hits} of {faces} at IoU > 0.5; mean IoU {ious.mean():.3f}, least {ious.min():.2f}")
    on_empty, beside = (sum(look[kind] for look in looks) for kind in (0, 1))
    print(f"false faces on empty backgrounds {on_empty}, beside people {beside}")
    parts = ", ".join(f"{name} {np.nanmean(errors[:, points]):.3f}" for name, points in _GROUPS.items())
    print(f"landmarks off by {np.nanmean(errors):.3f} of the pupils' distance ({parts})")


if __name__ == "__main__":
    cv2.setNumThreads(1)
    _time()
    _detect(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
