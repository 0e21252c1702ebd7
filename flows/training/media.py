"""The pictures of training samples, read with what a scan reads with."""

from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from model.preprocess import sampled_frames
from model.training.media import Frames, StoredArrays
from workers.failure import WorkerError
from workers.video.decoder import Decoder, DecoderConfig


@dataclass(frozen=True, slots=True)
class MediaFiles:
    """Reads image and video files, and pictures that are stored as `.npy` arrays."""

    stored: StoredArrays = field(default_factory=StoredArrays)
    decoder: Decoder = field(default_factory=lambda: Decoder(DecoderConfig(sample_fps=inf)))

    def image(self, path: Path) -> NDArray[np.uint8]:
        """See `model.training.media.Media.image`."""
        if path.suffix == ".npy":
            return self.stored.image(path)
        try:
            with Image.open(path) as image:
                return np.asarray(image.convert("RGB"), np.uint8)
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise ValueError(f"{path} cannot be read as a picture ({error})") from error

    def video(self, path: Path, frames: int) -> Frames:
        """See `model.training.media.Media.video`; every frame of the file counts."""
        if path.suffix == ".npy":
            return self.stored.video(path, frames)
        try:
            with self.decoder.open(path) as video:
                pictures = [frame.image for frame in video]
        except WorkerError as error:
            raise ValueError(f"{path} cannot be decoded ({error})") from error
        return Frames(
            np.stack([pictures[place] for place in sampled_frames(len(pictures), frames)]), len(pictures)
        )
