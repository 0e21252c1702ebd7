"""A face clip: what the model looks at."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LANDMARKS = 68
"""iBUG points per face."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceClip:
    """Square crops of one face in order of time, with its landmarks.

    Attributes:
        crops: [T, S, S, 3] uint8 RGB.
        landmarks_px: [T, 68, 2] float32, (x, y) in pixels of the crop; points may lie outside of it.
        best_frame: position, 0..T-1, of the frame that stands for the clip where one picture is asked for.

    Raises:
        ValueError: when an array has another shape or type, or a landmark is not finite.
    """

    crops: NDArray[np.uint8]
    landmarks_px: NDArray[np.float32]
    best_frame: int

    def __post_init__(self) -> None:
        shape = self.crops.shape
        if self.crops.dtype != np.uint8 or len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3:
            raise ValueError(
                f"FaceClip: crops are {self.crops.dtype} {shape}; give uint8 RGB of shape [T, S, S, 3]"
            )
        if 0 in shape:
            raise ValueError(f"FaceClip: crops of shape {shape} hold no pixels; give at least one frame")
        if self.landmarks_px.dtype != np.float32 or self.landmarks_px.shape != (shape[0], LANDMARKS, 2):
            raise ValueError(
                f"FaceClip: landmarks_px are {self.landmarks_px.dtype} {self.landmarks_px.shape}; "
                f"give float32 of shape {(shape[0], LANDMARKS, 2)}, one row of 68 points per frame"
            )
        if not np.isfinite(self.landmarks_px).all():
            raise ValueError(
                "FaceClip: landmarks_px hold NaN or infinity; drop the frame that they came from"
            )
        if not 0 <= self.best_frame < shape[0]:
            raise ValueError(f"FaceClip: best_frame {self.best_frame} is not one of the {shape[0]} frames")

    @property
    def frames(self) -> int:
        """Number of crops, T."""
        return self.crops.shape[0]

    @property
    def size_px(self) -> int:
        """Side of a crop, S."""
        return self.crops.shape[1]

    def crops_sha256(self) -> str:
        """Return the SHA-256 of the crops' bytes in [T, S, S, 3] order, 64 hex digits.

        Equal pixels give equal digests whatever the array's memory layout.
        """
        return hashlib.sha256(np.ascontiguousarray(self.crops).tobytes()).hexdigest()
