"""Face clips as the towers see them, made once and kept as arrays: what `model.training.priming` learns from.

OUT/frames.npy      [clips, 8, S, S, 3] uint8 RGB, as the video tower gets them
OUT/pictures.npy    the same frames, as the image tower gets them
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.network.config import FaceLlavaConfig
from model.preprocess import CLIP_MEAN, CLIP_STD, image_pixels, video_pixels

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Frames of clips, [clips, T, S, S, 3] uint8 RGB, mapped from disk.

    Attributes:
        frames: scaled as the video tower's.
        stills: scaled as the image tower's.
    """

    frames: Pixels
    stills: Pixels

    def __len__(self) -> int:
        return len(self.frames)


def prepare_pictures(crops: Sequence[Path], network: FaceLlavaConfig, directory: Path) -> Pictures:
    """Scale the crops of clips for both towers, unless it has been done.

    Args:
        crops: `.npy` files of [T, S, S, 3] uint8 RGB.
        network: with both towers.
        directory: where the arrays are kept.
    """
    video, image = network.video_tower, network.image_tower
    assert video is not None, "a demonstration has both towers"
    assert image is not None, "a demonstration has both towers"
    paths = directory / "frames.npy", directory / "pictures.npy"
    shapes = [(len(crops), video.frames, side, side, 3) for side in (video.image_size, image.image_size)]
    if not all(_is_done(path, shape) for path, shape in zip(paths, shapes, strict=True)):
        parts = [path.with_suffix(".part.npy") for path in paths]
        frames, stills = (
            np.lib.format.open_memmap(part, "w+", np.uint8, shape)
            for part, shape in zip(parts, shapes, strict=True)
        )
        for number, path in enumerate(crops):
            of_clip: Pixels = np.load(path)
            frames[number] = _stored(video_pixels(of_clip, video.image_size).transpose(0, 1))
            stills[number] = _stored(torch.stack([image_pixels(crop, image.image_size) for crop in of_clip]))
        del frames, stills  # written
        for part, path in zip(parts, paths, strict=True):
            part.rename(path)
    mapped = [np.load(path, mmap_mode="r") for path in paths]
    return Pictures(*mapped)


def _is_done(path: Path, shape: tuple[int, ...]) -> bool:
    return path.exists() and np.load(path, mmap_mode="r").shape == shape


def _stored(pixels_TCHW: Tensor) -> Pixels:
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
    unit = pixels_TCHW * std + mean
    return (unit * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
