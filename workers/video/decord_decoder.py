"""Decoding with decord: the second decoder, for files of which PyAV makes nothing."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import decord
import numpy as np

from workers.clock import Stopwatch
from workers.failure import SourceError, UndecodableError
from workers.video.canvas import Image
from workers.video.frames import DecoderConfig, Facts, Frame, Header
from workers.video.probe import check_size, choose_stream, open_container, read_header
from workers.video.timeline import Sampler

_BATCH_FRAMES = 8
_UNKNOWN = Header(
    container="unknown",
    codec="unknown",
    pixel_format="unknown",
    fps=None,
    sample_aspect_ratio=Fraction(1),
    time_base=Fraction(1, 1_000_000),
    duration_s=None,
    file_duration_s=None,
)


class DecordVideo:
    """A video opened for one pass with decord, with the interface of `workers.video.pyav_decoder.PyavVideo`.

    Its limits (decord 0.6.0): timestamps are single-precision seconds from the first frame, so pts are
    rounded and start at 0; it repeats the frame before a damaged one instead of telling, so damage is not
    counted; it turns pictures itself, so `rotation_deg` is 0; it knows neither AV1 nor images nor raw
    streams; it does not deinterlace; it indexes the whole file on opening, and its FFmpeg cannot be told a
    largest frame, so sizes are checked only where PyAV reads the header.

    Args:
        path: A file.
        config: The decoder's configuration.

    Raises:
        UndecodableError: decord cannot open it.
        SourceError: It is too large to decode.
    """

    def __init__(self, path: Path, config: DecoderConfig) -> None:
        self._clock = Stopwatch()
        self._name = path.name
        self._config = config
        self._header = _header(path, config)
        decord.logging.set_level(decord.logging.QUIET)
        try:
            self._reader: Any = decord.VideoReader(str(path), ctx=decord.cpu(0), num_threads=config.threads)
            self._seconds = np.asarray(self._reader.get_frame_timestamp(range(len(self._reader))))[:, :2]
            if self._header.fps is None:
                self._header = replace(self._header, fps=float(self._reader.get_avg_fps()))
        except (decord.DECORDError, RuntimeError, AssertionError, IndexError, UnicodeEncodeError) as error:
            # The last: decord takes only names that are UTF-8.
            message = f"{path.name}: decord cannot open it either"
            raise UndecodableError("decode", message, type(error).__name__) from error
        self._size_px: tuple[int, int] | None = None
        self._sampled = 0
        self._frames = min(len(self._seconds), config.max_frames)
        """Up to where the video is read."""
        self._stopped: str | None = None

    def close(self) -> None:
        """Release the file."""
        self._reader = None

    def __iter__(self) -> Iterator[Frame]:
        """Yield the sampled frames in presentation order."""
        wanted = self._wanted()
        for start in range(0, len(wanted), _BATCH_FRAMES):
            indices = wanted[start : start + _BATCH_FRAMES]
            try:
                images: Image = self._reader.get_batch(indices).asnumpy()
                self._reader.seek(0)  # without it decord reads on into memory without bound
            except decord.DECORDError as error:
                self._frames = indices[0]
                self._stopped = f"decord stopped at frame {indices[0]} ({type(error).__name__})"
                return
            for index, image in zip(indices, images, strict=True):
                pts = self._pts(index)
                self._sampled += 1
                frame = Frame(index, pts, float(pts * self._header.time_base), self._squared(image))
                with self._clock.stopped():
                    yield frame
            is_left = start + _BATCH_FRAMES < len(wanted)
            if is_left and self._clock.seconds > self._config.max_seconds:
                self._frames = indices[-1] + 1
                self._stopped = f"not read further after decoder.max_seconds={self._config.max_seconds:g}"
                return

    def _wanted(self) -> list[int]:
        sampler = Sampler(self._header.time_base, self._config.sample_fps)
        if len(self._seconds) > self._frames:
            self._stopped = f"frames after decoder.max_frames={self._frames} were left unread"
        return [index for index in range(self._frames) if sampler.picks(self._pts(index))]

    def _pts(self, index: int) -> int:
        return round(float(self._seconds[index, 0]) / self._header.time_base)

    def _squared(self, image: Image) -> Image:
        if self._size_px is None:
            # decord has turned the picture; the aspect ratio is of the unturned one.
            width_px = max(1, round(image.shape[1] * self._header.sample_aspect_ratio))
            self._size_px = (width_px, image.shape[0])
            if width_px * image.shape[0] > self._config.max_pixels:
                raise SourceError("decode", f"{self._name}: a frame exceeds decoder.max_pixels")
        if image.shape[1::-1] == self._size_px:
            return np.ascontiguousarray(image)
        return np.asarray(cv2.resize(image, self._size_px), np.uint8)

    @property
    def stated_duration_s(self) -> float | None:
        """Length of the video by decord's index."""
        return float(self._seconds[-1, 1] - self._seconds[0, 0])

    @property
    def spans(self) -> None:
        """A video that only decord can read is read in one piece."""
        return None

    def facts(self) -> Facts:
        """Return what is known of the video, complete once the iteration has ended.

        Raises:
            UndecodableError: No frame could be decoded.
        """
        if self._size_px is None:
            raise UndecodableError("decode", f"{self._name}: decord decodes no frame ({self._stopped})")
        header, frames = self._header, self._frames
        return Facts(
            container=header.container,
            codec=header.codec,
            pixel_format=header.pixel_format,
            width_px=self._size_px[0],
            height_px=self._size_px[1],
            fps=header.fps,
            duration_s=float(self._seconds[frames - 1, 1] - self._seconds[0, 0]),
            rotation_deg=0,
            sample_aspect_ratio=header.sample_aspect_ratio_text,
            time_base=header.time_base_text,
            start_pts=self._pts(0),
            decoder=f"decord {decord.__version__}",
            frames_decoded=frames,
            frames_sampled=self._sampled,
            packets_damaged=0,
            is_partial=self._stopped is not None,
            partial_reason=self._stopped,
        )


def _header(path: Path, config: DecoderConfig) -> Header:
    try:
        with open_container(path, config) as container:
            stream = choose_stream(container, path.name)
            check_size(stream, config, path.name)
            return read_header(container, stream)
    except UndecodableError:
        return _UNKNOWN
