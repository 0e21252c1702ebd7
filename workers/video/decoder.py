"""Decoding videos: PyAV first, decord where PyAV makes nothing of a file; animated WebP with Pillow."""

import importlib.util
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Protocol, Self

from workers.failure import UndecodableError, failure_of
from workers.video.frames import DecoderConfig, Facts, Frame
from workers.video.pyav_decoder import PyavVideo
from workers.video.pyav_spans import SpannedVideo
from workers.video.spans import SpanEnd, Spans
from workers.video.webp_decoder import WebpVideo, is_animated_webp

__all__ = ["Decoder", "DecoderConfig", "Facts", "Frame", "SpanEnd", "SpannedVideo", "Spans", "Video"]


class _Backend(Protocol):
    @property
    def stated_duration_s(self) -> float | None: ...
    @property
    def spans(self) -> Spans | None: ...
    def __iter__(self) -> Iterator[Frame | None]: ...
    def facts(self) -> Facts: ...
    def close(self) -> None: ...


class Video:
    """A video of which at least one frame can be decoded; iterate once, then ask `facts`, then close.

    Args:
        backend: The decoder's view of the file.
        first: Its first sampled frame.
        rest: The frames after that, and signs of life.
    """

    def __init__(self, backend: _Backend, first: Frame, rest: Iterator[Frame | None]) -> None:
        self._backend = backend
        self._frames = chain([first], rest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._backend.close()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the sampled frames in presentation order.

        Raises:
            SourceError: A limit that is not benign was exceeded.
            TransientError: The file could not be read further.
        """
        return (frame for frame in self._frames if frame is not None)

    def with_signs(self) -> Iterator[Frame | None]:
        """Yield the same, and None now and then where frames are decoded and none is sampled."""
        return self._frames

    @property
    def stated_duration_s(self) -> float | None:
        """Length of the video as its header states it, for showing progress; it may lie."""
        return self._backend.stated_duration_s

    @property
    def spans(self) -> Spans | None:
        """How several readers may divide the video; None where it has to be read in one piece."""
        return self._backend.spans

    def facts(self) -> Facts:
        """Return what is known of the video, complete once the iteration has ended."""
        return self._backend.facts()


class Decoder:
    """Opens videos of any container and codec that the backends know.

    A frame comes once, in presentation order, with exact pts where the file has them. What cannot be decoded
    is counted and left out. What could be decoded only with damaged parts filled in is kept, and counted
    where FFmpeg flags it; kept too are the pictures that refer to damaged ones, up to the next key frame,
    which nothing flags. The same file and configuration give the same frames.

    Args:
        config: Sampling, limits and backend.
    """

    def __init__(self, config: DecoderConfig) -> None:
        self.config = config

    def open(self, path: Path) -> Video:
        """Open a video and decode its first frame.

        Args:
            path: A file, whatever its name says.

        Raises:
            SourceError: No decoder gets a frame from it, it has no video stream, or it exceeds a limit.
            TransientError: The file cannot be read now.
        """
        if self.config.backend == "decord":
            return self._with_decord(path)
        try:
            return self._with_pyav(path)
        except UndecodableError as error:
            if not self.config.is_decord_tried or importlib.util.find_spec("decord") is None:
                raise
            try:
                return self._with_decord(path)
            except UndecodableError:
                raise error from None  # PyAV's reason says more

    def open_spans(self, path: Path, spans: Spans) -> SpannedVideo:
        """Open a video to decode spans of it.

        Args:
            path: A file that `open` has opened, here or elsewhere.
            spans: What that gave.

        Raises:
            SourceError: It is not that file.
            TransientError: The file cannot be read now.
        """
        try:
            return SpannedVideo(path, self.config, spans)
        except (OSError, MemoryError) as error:
            raise failure_of(error, "decode", path.name) from error

    def _with_pyav(self, path: Path) -> Video:
        try:
            if is_animated_webp(path):
                return _begun(WebpVideo(path, self.config))
            return _begun(PyavVideo(path, self.config))
        except (OSError, MemoryError) as error:
            raise failure_of(error, "decode", path.name) from error

    def _with_decord(self, path: Path) -> Video:
        from workers.video.decord_decoder import DecordVideo  # noqa: PLC0415  decord has no wheel for every platform

        try:
            return _begun(DecordVideo(path, self.config))
        except (OSError, MemoryError) as error:
            raise failure_of(error, "decode", path.name) from error


def _begun(backend: _Backend) -> Video:
    rest = iter(backend)
    try:
        first = next((frame for frame in rest if frame is not None), None)
    except BaseException:
        backend.close()
        raise
    if first is not None:
        return Video(backend, first, rest)
    with closing(backend):
        backend.facts()
    raise UndecodableError("decode", "no frame was sampled")
