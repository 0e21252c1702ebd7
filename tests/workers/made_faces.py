"""Made faces: people as patterns, pasted into pictures, with the `Face` that a detector would give."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.clipper import ClipperConfig, patch_of
from workers.faces.appearance import look_of
from workers.faces.face import Face
from workers.sight import Sighted

Image = NDArray[np.uint8]
Box = tuple[float, float, float, float]

# Eyes, lips and the rest at roughly human places in a unit box: all that looks and crops depend on.
_LANDMARKS = np.full((68, 2), 0.5, np.float32)
_LANDMARKS[:17] = np.stack([np.linspace(0, 1, 17), 0.5 + 0.5 * np.sin(np.linspace(0, np.pi, 17))], axis=1)
_LANDMARKS[36:42] = (0.3, 0.35)
_LANDMARKS[42:48] = (0.7, 0.35)
_LANDMARKS[48:68] = (0.5, 0.75)


def made_face(
    box: Box, *, score: float = 0.9, sharpness: float = 300.0, quality: float = 0.5, roll_deg: float = 0.0
) -> Face:
    x, y, w, h = box
    landmarks = _LANDMARKS * np.array([w, h], np.float32) + np.array([x, y], np.float32)
    return Face(
        box_xywh_px=box,
        detector_xywh_px=(x, y + (h - w) / 2, w, w),
        score=score,
        landmarks_px=landmarks,
        sharpness=sharpness,
        yaw_deg=0.0,
        pitch_deg=0.0,
        roll_deg=roll_deg,
        quality=quality,
    )


def sighted(face: Face, image: Image, config: ClipperConfig | None = None) -> Sighted:
    """Return what a scout tells of a face of a picture."""
    return Sighted(face, look_of(image, face), patch_of(image, face, config or ClipperConfig()))


def pattern(person: int, size: tuple[int, int]) -> Image:
    """Return what a person looks like [h, w, 3]: blots that are the same at every size."""
    blots = np.random.default_rng(person).integers(0, 256, (6, 6, 3), np.uint8)
    return np.asarray(cv2.resize(blots, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def picture(people: Mapping[int, Box], size: tuple[int, int] = (640, 360)) -> Image:
    """Return a picture [H, W, 3] of people, later ones before earlier ones."""
    width, height = size
    image = np.full((height, width, 3), 110, np.uint8)
    for person, (x, y, w, h) in people.items():
        # The pattern is larger than the box, as hair and ears are.
        left, top = round(x - w / 2), round(y - h / 2)
        drawn = pattern(person, (round(2 * w), round(2 * h)))
        into = image[max(0, top) : top + drawn.shape[0], max(0, left) : left + drawn.shape[1]]
        into[...] = drawn[max(0, -top) :, max(0, -left) :][: into.shape[0], : into.shape[1]]
    return image
