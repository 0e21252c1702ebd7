"""Face clips with known truth, as the readers would cut them: what a demonstration model is trained on."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from model.clip import FaceClip
from model.synthetic.canvas import Picture
from model.synthetic.face import Face
from model.synthetic.render import Truth
from model.synthetic.scene import Person, sample_shot

FRAMES = 8

# The square that the crops are made from is the detector's. Measured on 200 drawn faces, in shares of the
# true box: side 0.957 (deviation 0.04), centre 0.498 across and 0.525 down (deviation 0.04, 0.03).
_SIDE, _ACROSS, _DOWN = 0.957, 0.498, 0.525
_SIDE_SPREAD, _PLACE_SPREAD = 0.04, 0.03


@dataclass(frozen=True, slots=True, eq=False)
class LabelledClip:
    """A clip and the person whom it shows."""

    clip: FaceClip
    person: Person


def sample_clip(
    rng: Generator,
    size_px: int = 224,
    *,
    face: Face | None = None,
    seconds: float = 2.0,
    picture_px: int = 320,
    manipulated_share: float = 0.0,
) -> LabelledClip:
    """Return a random clip of eight crops, spread over `seconds` after the expression has built up.

    Args:
        rng: Source of everything random.
        size_px: Side of the crops.
        face: Of whom; None samples an identity. Its textures take half of the time, and are kept for a while.
        seconds: From the first to the last frame.
        picture_px: Side of the pictures that they are cut from; a face is about a third as wide.
        manipulated_share: Probability that the face is a forgery.
    """
    size, faces = (picture_px, picture_px), (face,) if face else ()
    shot = sample_shot(rng, size, seconds + 1, 1, faces=faces, manipulated_share=manipulated_share)
    side = _SIDE * (1 + _SIDE_SPREAD * float(np.clip(rng.normal(), -2, 2)))
    across, down = (np.array([_ACROSS, _DOWN]) + _PLACE_SPREAD * np.clip(rng.normal(size=2), -2, 2)).tolist()
    quality = int(rng.integers(45, 96))
    crops: list[Picture] = []
    landmarks: list[NDArray[np.float32]] = []
    for frame in range(FRAMES):
        picture, (truth,) = shot.picture_at(1 + seconds * frame / (FRAMES - 1), frame)
        crop, points = _cut(_compressed(picture, quality), truth, side, (across, down), size_px)
        crops.append(crop)
        landmarks.append(points)
    return LabelledClip(
        FaceClip(np.stack(crops), np.stack(landmarks), best_frame=FRAMES // 2), shot.people[0]
    )


def _compressed(picture: Picture, quality: int) -> Picture:
    """Return the picture with the losses of a JPEG, which stand for those of a video."""
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert bgr is not None, "OpenCV cannot read the JPEG that it has just written"
    return np.ascontiguousarray(bgr[..., ::-1], np.uint8)


def _cut(
    picture: Picture, truth: Truth, share: float, centre: tuple[float, float], size_px: int
) -> tuple[Picture, NDArray[np.float32]]:
    x, y, w, h = truth.box_xywh_px
    side = round(share * (w + h) / 2)
    left, top = round(x + centre[0] * w - side / 2), round(y + centre[1] * h - side / 2)
    room = side  # what lies beyond the picture is black, as in the readers' crops
    padded = cv2.copyMakeBorder(picture, room, room, room, room, cv2.BORDER_CONSTANT)
    part = padded[top + room : top + room + side, left + room : left + room + side]
    crop = np.asarray(cv2.resize(part, (size_px, size_px), interpolation=cv2.INTER_LINEAR), np.uint8)
    points = (truth.landmarks_px - np.array([left, top], np.float32)) * np.float32(size_px / side)
    return crop, points.astype(np.float32)
