"""Evidence: a small picture of what the model saw, kept beside the rows that it led to."""

from dataclasses import dataclass

import cv2
import numpy as np

from model.clip import FaceClip
from storage.records import Clip, evidence_path

SIDE_PX = 128
"""Side of one crop in the picture."""
JPEG_QUALITY = 88


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture and its path in the lake."""

    path: str
    data: bytes


def draw_evidence(record: Clip, clip: FaceClip) -> Picture:
    """Return the clip's crops side by side in order of time, the best frame underlined.

    For people to look at: it is scaled and compressed. What the model saw exactly is in `crops_sha256`, and a
    replay of the source under the recipe makes it again.
    """
    crops = [cv2.resize(crop, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA) for crop in clip.crops]
    strip = np.ascontiguousarray(np.concatenate(crops, axis=1)[..., ::-1])  # OpenCV writes BGR
    left = clip.best_frame * SIDE_PX
    cv2.rectangle(strip, (left, SIDE_PX - 4), (left + SIDE_PX - 1, SIDE_PX - 1), (255, 255, 255), cv2.FILLED)
    is_encoded, data = cv2.imencode(".jpg", strip, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert is_encoded, f"OpenCV could not encode a picture of shape {strip.shape}"
    return Picture(evidence_path(record.video_id, record.clip_id), data.tobytes())
