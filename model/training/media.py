"""Pictures and videos of samples: what reads them is given, as decoding is no matter of the model's."""

from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from model.clip import LANDMARKS
from model.preprocess import sampled_frames

LANDMARK_CROP_PX = 256
"""Side of the crop in whose pixels stored landmarks are, whatever the size of the picture."""


class Frames(NamedTuple):
    """Some frames of a video, evenly spread.

    Attributes:
        pictures: [T, H, W, 3] uint8 RGB.
        available: frames of the whole video.
    """

    pictures: NDArray[np.uint8]
    available: int


class Media(Protocol):
    """Reads the pictures of samples; errors are ValueErrors that name the file."""

    def image(self, path: Path) -> NDArray[np.uint8]:
        """Return a picture [H, W, 3] uint8 RGB."""
        ...

    def video(self, path: Path, frames: int) -> Frames:
        """Return as many frames of a video as `model.preprocess.sampled_frames` chooses."""
        ...


class StoredArrays:
    """Reads `.npy` files: uint8 RGB of [H, W, 3] for an image, of [T, H, W, 3] for a video."""

    def image(self, path: Path) -> NDArray[np.uint8]:
        """See `Media.image`."""
        return _stored(path, 3)

    def video(self, path: Path, frames: int) -> Frames:
        """See `Media.video`."""
        pictures = _stored(path, 4)
        return Frames(np.array(pictures[sampled_frames(len(pictures), frames)]), len(pictures))


def read_landmarks(path: Path) -> NDArray[np.float32]:
    """Return landmarks [..., 68, 2] float32 of a `.npy` file, in pixels of a crop of `LANDMARK_CROP_PX`.

    Raises:
        ValueError: it holds something else.
    """
    try:
        points = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is no .npy file of landmarks ({error})") from error
    if points.shape[-2:] != (LANDMARKS, 2) or points.dtype.kind not in "fiu" or not np.isfinite(points).all():
        raise ValueError(
            f"{path} holds {points.dtype} of shape {points.shape}, or what is not finite; landmarks are "
            f"numbers of shape [..., {LANDMARKS}, 2]"
        )
    return np.asarray(points, np.float32)


def _stored(path: Path, dimensions: int) -> NDArray[np.uint8]:
    try:
        pictures = np.load(path, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is no .npy file of pictures ({error})") from error
    if pictures.dtype != np.uint8 or pictures.ndim != dimensions or pictures.shape[-1] != 3:
        raise ValueError(f"{path} holds {pictures.dtype} of shape {pictures.shape}; give uint8 RGB")
    return pictures
