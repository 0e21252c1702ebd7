"""Decoding animated WebP with Pillow: FFmpeg has no decoder for it, only for a single picture."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from workers.clock import Stopwatch
from workers.failure import SourceError, UndecodableError
from workers.video.account import Account, facts_of
from workers.video.frames import DecoderConfig, Facts, Frame, Header
from workers.video.probe import check_readable
from workers.video.timeline import Place, Sampler

_TIME_BASE = Fraction(1, 1000)
_HEADER_BYTES = 30
_ANIMATION = 0x02
"""Among the flags of the chunk VP8X, RFC 9649 2.7."""
_BYTES_PER_PIXEL = 16
"""Two canvases, a frame and a picture made of it."""


def is_animated_webp(path: Path) -> bool:
    """Return whether a file is a WebP of several frames, as its header tells.

    Raises:
        OSError: The file cannot be read.
    """
    header = _header(path)
    is_extended = header[:4] == b"RIFF" and header[8:16] == b"WEBPVP8X" and len(header) == _HEADER_BYTES
    return is_extended and bool(header[20] & _ANIMATION)


class WebpVideo:
    """An animated WebP opened for one pass, with the interface of `workers.video.pyav_decoder.PyavVideo`.

    Each picture is drawn over those before it; where the result is transparent, the colours below are taken.
    What is damaged ends the pass. After a frame that lasts no time comes the next one a millisecond later.

    Args:
        path: A file of which `is_animated_webp` is true. All of it is read into memory.
        config: The decoder's configuration.

    Raises:
        SourceError: It is broken, or too large to decode.
        TransientError: It cannot be read.
    """

    def __init__(self, path: Path, config: DecoderConfig) -> None:
        self._clock = Stopwatch()
        self._name, self._config = path.name, config
        self._check_size(path)
        try:
            self._image = Image.open(path, formats=["WEBP"])
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            check_readable(path)
            message = f"{path.name}: Pillow cannot open this animated WebP"
            raise UndecodableError("decode", message, type(error).__name__) from error
        self._frames = int(getattr(self._image, "n_frames", 1))
        self._account = Account("rgba" if self._image.mode == "RGBA" else "rgb24")
        self._damaged = 0

    def _check_size(self, path: Path) -> None:
        header, config = _header(path), self._config
        width_px, height_px = (int.from_bytes(header[at : at + 3], "little") + 1 for at in (24, 27))
        pixels = width_px * height_px
        if pixels > config.max_pixels:
            limit = f"decoder.max_pixels={config.max_pixels}"
            raise SourceError("decode", f"{path.name}: frames of {width_px}x{height_px} exceed {limit}")
        needed_bytes = 2 * path.stat().st_size + _BYTES_PER_PIXEL * pixels
        if needed_bytes > config.max_memory_bytes:
            limit = f"decoder.max_memory_bytes={config.max_memory_bytes}"
            raise SourceError(
                "decode", f"{path.name}: decoding needs about {needed_bytes} bytes, over {limit}"
            )

    def close(self) -> None:
        """Release the file."""
        self._image.close()

    def __iter__(self) -> Iterator[Frame | None]:
        """Yield the sampled frames in presentation order, and None for each of the others."""
        account, sampler = self._account, Sampler(_TIME_BASE, self._config.sample_fps)
        for index in range(self._frames):
            account.stopped = self._stopped(index)
            if account.stopped is not None:
                return
            try:
                self._image.seek(index)
                self._image.load()
            except (EOFError, OSError, ValueError):
                self._damaged = self._frames - index
                return
            pts = int(self._image.info["timestamp"])
            if account.last is not None:
                pts = max(pts, account.last.pts + 1)
            account.last = Place(pts, int(self._image.info["duration"]), index, sampler.picks(pts))
            frame = None
            if account.last.is_wanted:
                account.sampled += 1
                image = np.array(self._image.convert("RGB"), np.uint8)
                frame = Frame(index, pts, float(pts * _TIME_BASE), image)
            with self._clock.stopped():
                yield frame

    def _stopped(self, index: int) -> str | None:
        config = self._config
        if index >= config.max_frames:
            return f"frames after decoder.max_frames={config.max_frames} were left unread"
        if index and self._clock.seconds > config.max_seconds:
            return f"not read further after decoder.max_seconds={config.max_seconds:g}"
        return None

    @property
    def stated_duration_s(self) -> None:
        """Its header does not state it."""
        return None

    @property
    def spans(self) -> None:
        """Frames refer to all before them: it is read in one piece."""
        return None

    def facts(self) -> Facts:
        """Return what is known of the video, complete once the iteration has ended.

        Raises:
            UndecodableError: No frame could be decoded.
        """
        last = self._account.last
        if last is None:
            message = f"{self._name}: no frame could be decoded (damaged packets: {self._damaged})"
            raise UndecodableError("decode", message)
        facts = facts_of(
            Header(
                container="webp_pipe",  # FFmpeg's name for it
                codec="webp",
                pixel_format=self._account.pixel_format,
                fps=None,
                sample_aspect_ratio=Fraction(1),
                time_base=_TIME_BASE,
                duration_s=None,
                file_duration_s=None,
            ),
            self._account,
            size_px=self._image.size,
            rotation_deg=0,
            frames=self._frames,
            damaged=self._damaged,
            span_pts=(0, last.pts + last.duration),
        )
        return replace(facts, decoder=f"pillow {PIL.__version__}")


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEADER_BYTES)
