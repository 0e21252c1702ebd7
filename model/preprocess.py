"""Pixels and landmarks as Face-LLaVA was trained on them.

The official transforms use torchvision and pytorchvideo; these give the same numbers with torch alone:
a video is normalised, then scaled bilinearly without antialiasing; a picture is scaled bicubically with
antialiasing, then normalised. Shapes: T frames, C channels, H height, W width, P = 136 landmark numbers.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from model.clip import FaceClip

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
"""Per channel, RGB, of values 0..1."""


@dataclass(frozen=True, slots=True)
class Preprocess:
    """Sizes that a checkpoint asks for, and the transforms to them.

    Attributes:
        video_size_px: side of the video tower's input.
        image_size_px: side of the image tower's input.
        frames: frames that the video tower takes.
    """

    video_size_px: int
    image_size_px: int
    frames: int

    def video(self, clip: FaceClip) -> tuple[Tensor, Tensor]:
        """Return the pixels [C, T, H, W] and the landmarks [T, P] of `frames` frames, float32."""
        chosen = sampled_frames(clip.frames, self.frames)
        return (
            video_pixels(clip.crops[chosen], self.video_size_px),
            landmark_numbers(clip.landmarks_px[chosen], clip.size_px),
        )

    def image(self, clip: FaceClip) -> tuple[Tensor, Tensor]:
        """Return the pixels [C, H, W] and the landmarks [P] of the clip's best frame, float32."""
        best = clip.best_frame
        return (
            image_pixels(clip.crops[best], self.image_size_px),
            landmark_numbers(clip.landmarks_px[best], clip.size_px),
        )


def sampled_frames(available: int, wanted: int) -> NDArray[np.int64]:
    """Return the official choice of `wanted` of `available` frames: evenly spaced, both ends, truncated."""
    return np.linspace(0, available - 1, wanted).astype(np.int64)


def video_pixels(frames: NDArray[np.uint8], size_px: int) -> Tensor:
    """Return [T, H, W, 3] uint8 RGB as normalised float32 [C, T, size, size].

    The short side is scaled to `size_px` (bilinear, half-pixel centres, no antialiasing), the rest is cut off
    around the centre.
    """
    pixels_TCHW = normalised(_unit_range(frames).permute(0, 3, 1, 2))
    height, width = pixels_TCHW.shape[-2:]
    # pytorchvideo floors the long side in floating point.
    if width < height:
        scaled = (math.floor(height / width * size_px), size_px)
    else:
        scaled = (size_px, math.floor(width / height * size_px))
    pixels_TCHW = F.interpolate(pixels_TCHW, size=scaled, mode="bilinear", align_corners=False)
    return _centre(pixels_TCHW, size_px).permute(1, 0, 2, 3).contiguous()


def image_pixels(picture: NDArray[np.uint8], size_px: int, *, is_padded: bool = False) -> Tensor:
    """Return [H, W, 3] uint8 RGB as normalised float32 [C, size, size].

    The short side is scaled to `size_px` (bicubic, antialiased), the rest is cut off around the centre;
    with `is_padded` the picture is first squared with the mean colour, so that nothing is cut off, as
    official training does (`image_aspect_ratio pad`) and inference does not.
    """
    squared = _padded(picture) if is_padded else picture
    pixels_1CHW = _unit_range(squared).permute(2, 0, 1)[None]
    height, width = pixels_1CHW.shape[-2:]
    long_px = int(size_px * max(height, width) / min(height, width))
    scaled = (long_px, size_px) if width < height else (size_px, long_px)
    if (height, width) != scaled:
        pixels_1CHW = F.interpolate(
            pixels_1CHW, size=scaled, mode="bicubic", align_corners=False, antialias=True
        )
    return normalised(_centre(pixels_1CHW, size_px))[0].contiguous()


def landmark_numbers(landmarks_px: NDArray[np.float32], crop_size_px: int) -> Tensor:
    """Return [..., 68, 2] points in crop pixels as [..., 136] fractions of the crop: x0 y0 x1 y1 ..."""
    return torch.from_numpy(landmarks_px / np.float32(crop_size_px)).flatten(-2)


def normalised(pixels: Tensor) -> Tensor:
    """Return [..., C, H, W] of 0..1 with CLIP's mean and deviation taken out."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
    return (pixels - mean) / std


def _unit_range(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pixels.astype(np.float32) / np.float32(255))


def _centre(pixels: Tensor, size_px: int) -> Tensor:
    top, left = (round((side - size_px) / 2) for side in pixels.shape[-2:])
    return pixels[..., top : top + size_px, left : left + size_px]


def _padded(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    side = max(height, width)
    squared = np.empty((side, side, 3), np.uint8)
    squared[:] = [int(mean * 255) for mean in CLIP_MEAN]
    top, left = (side - height) // 2, (side - width) // 2
    squared[top : top + height, left : left + width] = picture
    return squared
