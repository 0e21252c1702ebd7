import hashlib
from typing import Any

import numpy as np
import pytest

from model.clip import FaceClip

CROPS = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
LANDMARKS = np.zeros((2, 68, 2), np.float32)


def test_a_clip_knows_its_size() -> None:
    clip = FaceClip(CROPS, LANDMARKS, best_frame=1)
    assert (clip.frames, clip.size_px) == (2, 4)


def test_the_digest_is_of_the_pixels_whatever_their_layout() -> None:
    digest = FaceClip(CROPS, LANDMARKS, 0).crops_sha256()
    assert digest == hashlib.sha256(bytes(range(96))).hexdigest()
    assert FaceClip(np.asfortranarray(CROPS), LANDMARKS + 1, 1).crops_sha256() == digest
    changed = CROPS.copy()
    changed[1, 3, 3, 2] ^= 1
    assert FaceClip(changed, LANDMARKS, 0).crops_sha256() != digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"crops": CROPS.astype(np.float32)}, "give uint8 RGB"),
        ({"crops": CROPS[:, :3]}, r"of shape \[T, S, S, 3\]"),
        ({"crops": CROPS[0]}, r"of shape \[T, S, S, 3\]"),
        ({"crops": CROPS[:0], "landmarks_px": LANDMARKS[:0]}, "at least one frame"),
        ({"landmarks_px": LANDMARKS[:1]}, "one row of 68 points per frame"),
        ({"landmarks_px": LANDMARKS.astype(np.float64)}, "give float32"),
        ({"landmarks_px": np.full((2, 68, 2), np.nan, np.float32)}, "NaN or infinity"),
        ({"best_frame": 2}, "not one of the 2 frames"),
        ({"best_frame": -1}, "not one of the 2 frames"),
    ],
)
def test_a_bad_clip_says_what_is_wrong(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"crops": CROPS, "landmarks_px": LANDMARKS, "best_frame": 0}
    with pytest.raises(ValueError, match=message):
        FaceClip(**(good | change))
