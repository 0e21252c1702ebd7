"""What a decoder is told and what it gives: its configuration, frames, and the facts of a video."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """How videos are decoded and when one is given up."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    backend: Literal["pyav", "decord"] = "pyav"
    """The decoder that is tried first."""
    is_decord_tried: bool = True
    """Try decord, where it is installed, on a file that PyAV cannot open or gets no frame from."""
    sample_fps: float = 8.0
    """Frames per second of video that are handed on, at most; inf hands on every frame."""
    threads: int = 1
    """Decoding threads per video. Above 1, the pixels of damaged frames depend on the number, and pictures
    that the decoder filled in are not counted; spans are decoded by one."""
    max_pixels: int = 8192 * 4320
    """Pixels of one frame; a larger one is a decompression bomb."""
    max_memory_bytes: int = 4 << 30
    """Bytes that the decoder's pictures and read-ahead packets may take."""
    max_frames: int = 10_000_000
    """Frames after which the rest of a video is left unread."""
    max_seconds: float = 6 * 3600.0
    """Wall-clock seconds of decoding after which the rest of a video is left unread; what is done with the
    frames meanwhile does not count."""
    span_s: float = field(default=30.0, metadata={"changes_results": False})
    """Seconds of video that one reader takes at a time where several read one long video; inf never does."""

    def __post_init__(self) -> None:
        if not self.sample_fps > 0:
            raise ValueError(f"decoder.sample_fps is {self.sample_fps}; give a positive number, or inf")
        for name in ("threads", "max_pixels", "max_memory_bytes", "max_frames", "max_seconds", "span_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"decoder.{name} is {getattr(self, name)}; give a positive number")


@dataclass(frozen=True, slots=True)
class Frame:
    """A sampled frame.

    `index` counts the frames of the video in presentation order from 0 (`timeline`); `pts` counts
    the stream's time base and `pts_s` is the same in seconds; `image` [H, W, 3] uint8 RGB is upright with
    square pixels.
    """

    index: int
    pts: int
    pts_s: float
    image: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a video once it was decoded; the fields are those of `storage.records.Video`."""

    container: str
    codec: str
    pixel_format: str
    width_px: int
    height_px: int
    fps: float | None
    duration_s: float
    rotation_deg: int
    sample_aspect_ratio: str
    time_base: str
    start_pts: int
    decoder: str
    frames_decoded: int
    frames_sampled: int
    packets_damaged: int
    is_partial: bool
    partial_reason: str | None


@dataclass(frozen=True, slots=True)
class Header:
    """What a container says of its video stream, before a frame is decoded."""

    container: str
    codec: str
    pixel_format: str
    fps: float | None
    sample_aspect_ratio: Fraction
    time_base: Fraction
    duration_s: float | None
    """Stated length of the video stream; None where nothing is stated of it alone."""
    file_duration_s: float | None
    """Stated length of the whole file, of which sound may be longer."""

    @property
    def sample_aspect_ratio_text(self) -> str:
        """Width of a pixel to its height, e.g. `4:3`."""
        return f"{self.sample_aspect_ratio.numerator}:{self.sample_aspect_ratio.denominator}"

    @property
    def time_base_text(self) -> str:
        """Seconds per unit of pts, e.g. `1/1000`."""
        return f"{self.time_base.numerator}/{self.time_base.denominator}"
