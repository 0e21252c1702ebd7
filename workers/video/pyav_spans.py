"""Decoding the spans of a video apart from each other, with PyAV."""

import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from av import VideoFrame
from av import error as av_error

from workers.clock import Stopwatch
from workers.video.account import Account, facts_of
from workers.video.canvas import Canvas, Image
from workers.video.demuxer import Demuxer
from workers.video.exif import mirrored_turn
from workers.video.frames import DecoderConfig, Frame
from workers.video.numbering import VideoPacket, by_timestamp
from workers.video.span_cutter import SpanCutter
from workers.video.spans import Seam, SpanEnd, Spans, UnsplittableError
from workers.video.timeline import Place, Sampler

_UNFLAGGED = frozenset({"hevc", "mjpeg"})
"""Codecs of which FFmpeg does not flag the pictures in which it conceals damage, but can be told to refuse
them. Told so of H.264, where it flags them, it would refuse whole files with open groups of pictures too."""


class SpannedVideo:
    """A video of which spans are decoded, in ascending order; others may be left out.

    The whole file is gone through, packet by packet, but only the asked spans are decoded: so frames have
    the numbers, timestamps and pixels that they have in one pass over the whole. Whatever could make a
    difference, above all damage, is an `UnsplittableError`.

    Args:
        path: A file.
        config: The decoder's configuration.
        spans: What opening the video gave.

    Raises:
        SourceError: As `workers.video.pyav_decoder.PyavVideo`.
        TransientError: The file cannot be read.
    """

    def __init__(self, path: Path, config: DecoderConfig, spans: Spans) -> None:
        self._clock, self._spent_s = Stopwatch(), 0.0
        self._path = path
        self._config = config
        self._spans = spans
        # With several threads a picture may come before the flag that says that it is damaged.
        self._demuxer = Demuxer(path, replace(config, threads=1))
        if self._demuxer.header.codec in _UNFLAGGED:
            context = self._demuxer.stream.codec_context
            context.options = context.options | {"err_detect": "explode"}
        try:
            self._prepare()
        except BaseException:
            self._demuxer.close()
            raise

    def _prepare(self) -> None:
        header = self._demuxer.header
        turn = mirrored_turn(self._path)
        self._canvas = Canvas(header.sample_aspect_ratio, self._config.max_pixels, header.codec, turn)
        self._canvas.size_px = self._spans.size_px
        self._account = Account(self._spans.pixel_format)
        self._numbering = by_timestamp(
            header, self._config, Sampler(header.time_base, self._config.sample_fps)
        )
        numbered = self._numbering.numbered(_checked(self._demuxer.packets()))
        length = self._spans.length_s / header.time_base
        self._cutter = SpanCutter(numbered, self._numbering.timeline, length)
        self._begins: Seam | None = None
        self._ends: Seam | None = None
        self._last_index, self._last_pts = -1, None

    def close(self) -> None:
        """Release the file."""
        self._demuxer.close()

    def frames(self, number: int) -> Iterator[Frame]:
        """Yield the sampled frames of a span; ask `end` when they have ended.

        Raises:
            UnsplittableError: The video has to be read in one piece.
        """
        self._clock = Stopwatch()
        yield from self._decoded(number)
        self._spent_s += self._clock.seconds

    def _decoded(self, number: int) -> Iterator[Frame]:
        cutter, context = self._cutter, self._demuxer.stream.codec_context
        self._begins = self._ends = None
        if context.is_open:
            context.flush_buffers()
        for packet, place in cutter.packets(number):
            # Pictures before the first key frame may refer to what is not there; they are another span's.
            is_ours = place is not None and place.index is not None and place.index >= cutter.first_index
            if place is not None and is_ours:
                self._numbering.expect(place)
            is_needed = place is None or place.is_wanted or self._is_at_seam(place)
            context.skip_frame = "DEFAULT" if is_needed else "NONREF"
            yield from self._yielded(self._sent(packet, is_ours=is_ours))
            self._check_limits()
        context.skip_frame = "DEFAULT"
        yield from self._yielded(self._sent(None, is_ours=True))
        self._numbering.finish()
        self._check_damage()
        is_begun = cutter.is_empty or self._begins is not None
        if not is_begun or (cutter.end_index is not None and self._ends is None):
            raise UnsplittableError("a key frame gives no picture")

    def end(self) -> SpanEnd:
        """Return how the latest span meets its neighbours, and the video's facts where it is the last."""
        if not self._cutter.is_at_end:
            return SpanEnd(self._begins, self._ends, None)
        numbering = self._numbering
        facts = facts_of(
            self._demuxer.header,
            self._account,
            size_px=self._spans.size_px,
            rotation_deg=self._spans.rotation_deg,
            frames=numbering.frames,
            damaged=0,
            span_pts=numbering.span_pts,
        )
        self._check_damage()
        return SpanEnd(self._begins, self._ends, facts)

    def _is_at_seam(self, place: Place) -> bool:
        return place.index in (self._cutter.first_index, self._cutter.end_index)

    def _yielded(self, pictures: list[VideoFrame]) -> Iterator[Frame]:
        for place, picture in chain.from_iterable(map(self._numbering.placed, pictures)):
            assert place.index is not None
            if picture.is_corrupt:
                raise UnsplittableError(f"frame {place.index} is damaged")
            if picture.interlaced_frame:
                raise UnsplittableError(f"frame {place.index} is interlaced")
            image = self._image(picture) if place.is_wanted or self._is_at_seam(place) else None
            if image is not None and place.index == self._cutter.first_index:
                self._begins = Seam(place.index, zlib.crc32(image.tobytes()))
            if image is not None and place.index == self._cutter.end_index:
                self._ends = Seam(place.index, zlib.crc32(image.tobytes()))
            elif image is not None and place.is_wanted:
                self._check_order(place)
                pts_s = float(place.pts * self._demuxer.header.time_base)
                with self._clock.stopped():
                    yield Frame(place.index, place.pts, pts_s, image)

    def _image(self, picture: VideoFrame) -> Image:
        image = self._canvas.paint(picture)
        if self._canvas.rotation_deg != self._spans.rotation_deg:
            raise UnsplittableError("its pictures change their turn")
        return image

    def _sent(self, packet: "VideoPacket | None", *, is_ours: bool) -> list[VideoFrame]:
        try:
            return self._demuxer.stream.codec_context.decode(packet)
        except av_error.FFmpegError as error:
            if is_ours:
                raise UnsplittableError(f"a packet is damaged ({type(error).__name__})") from error
            return []

    def _check_order(self, place: Place) -> None:
        index = -1 if place.index is None else place.index
        if index <= self._last_index or (self._last_pts is not None and place.pts <= self._last_pts):
            raise UnsplittableError(f"frame {index} comes after frame {self._last_index}")
        self._last_index, self._last_pts = index, place.pts

    def _check_limits(self) -> None:
        if self._spent_s + self._clock.seconds > self._config.max_seconds:
            raise UnsplittableError(f"it takes over decoder.max_seconds={self._config.max_seconds:g}")
        if self._numbering.frames > self._config.max_frames:
            raise UnsplittableError(f"it has over decoder.max_frames={self._config.max_frames}")

    def _check_damage(self) -> None:
        if self._numbering.is_disordered:
            raise UnsplittableError("its pictures do not come in the order of their timestamps")
        if self._numbering.lost or self._demuxer.errors or self._demuxer.stopped:
            raise UnsplittableError("it is damaged")


def _checked(packets: Iterator[VideoPacket]) -> Iterator[VideoPacket]:
    for packet in packets:
        if packet.has_sidedata("new_extradata"):
            raise UnsplittableError("the decoder is told of another stream half way")
        yield packet
