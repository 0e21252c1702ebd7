"""Decoding with PyAV (FFmpeg): every frame once, in presentation order, from whatever can be read."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Self

import av
from av import VideoFrame
from av import error as av_error

from workers.canvas import Canvas, Deinterlacer
from workers.clock import Stopwatch
from workers.failure import UndecodableError
from workers.frames import DecoderConfig, Facts, Frame
from workers.numbering import AsDecoded, ByTimestamp, VideoPacket, frame_duration_pts, read_ahead
from workers.probe import (
    check_readable,
    check_size,
    choose_stream,
    decoder_options,
    open_container,
    read_header,
    scan_of,
)
from workers.timeline import Place, Sampler, Timeline

_FIELD_CONTAINERS = {"mpeg", "mpegts", "h264", "hevc", "mpegvideo"}
"""Where a packet may hold a single field, so that packets are not frames."""
_DEMUX_ERRORS_AT_A_TIME = 16
"""Unreadable packets in a row after which the rest of a file is given up."""


class PyavVideo:
    """A video opened for one pass; iterate once, then ask `facts`.

    Damage costs what is damaged: a packet that cannot be decoded is counted and the next one is tried. Limits
    of time and number of frames end the pass and mark the video as partial. Frames that sampling skips
    undecoded count as decoded unless their packets are found damaged.

    Args:
        path: A file.
        config: The decoder's configuration.
        is_interlaced: Whether pictures are known to be interlaced; None asks the header.

    Raises:
        SourceError: Not a video, without a video stream, or too large to decode.
        TransientError: The file cannot be read.
    """

    def __init__(self, path: Path, config: DecoderConfig, *, is_interlaced: bool | None = None) -> None:
        self._clock = Stopwatch()
        self._path, self._name = path, path.name
        self._config = config
        self._container = open_container(path, config)
        try:
            self._stream = choose_stream(self._container, path.name)
            check_size(self._stream, config, path.name)
            self._header = read_header(self._container, self._stream)
            self._prepare(is_interlaced)
        except BaseException:
            self._container.close()
            raise

    def _prepare(self, is_interlaced: bool | None) -> None:
        config, stream, header = self._config, self._stream, self._header
        context = stream.codec_context
        # With one thread the pixels of damaged frames do not depend on timing.
        context.thread_type = "AUTO" if config.threads > 1 else "NONE"
        context.thread_count = config.threads
        # The header was checked; this bounds what a stream switches to later.
        context.options = decoder_options(config)
        self._canvas = Canvas(header.sample_aspect_ratio, config.max_pixels, header.codec)
        self.is_interlaced = scan_of(stream) == "interlaced" if is_interlaced is None else is_interlaced
        self._deinterlacer = Deinterlacer() if self.is_interlaced else None
        self._errors = self._demux_errors = self._sampled = 0
        self._last: Place | None = None
        self._stopped: str | None = None
        self.is_flagged_interlaced = False
        """Whether a decoded picture was interlaced."""
        self._pixel_format = header.pixel_format
        sampler = Sampler(header.time_base, config.sample_fps)
        packets = self._demuxed()
        first, is_timed = read_ahead(packets)
        self._packets = chain(first, packets)
        is_fields = self.is_interlaced and header.container in _FIELD_CONTAINERS
        if is_timed and not is_fields:
            self._numbering = ByTimestamp(
                Timeline(header.time_base, sampler),
                config.max_memory_bytes,
                is_altref_hidden=header.codec == "vp8",
            )
        else:
            self._numbering = AsDecoded(sampler, frame_duration_pts(stream, header.time_base))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the sampled frames in presentation order."""
        last_index, last_pts = -1, None
        for place, picture in self._pictures():
            if not place.is_wanted or place.index is None:
                continue
            # Broken timestamps can repeat or go back; what follows relies on the growth of time and number.
            if place.index <= last_index or (last_pts is not None and place.pts <= last_pts):
                continue
            last_index, last_pts = place.index, place.pts
            if self._sampled == 0:
                self._pixel_format = picture.format.name
            image = self._canvas.paint(picture)
            self._sampled += 1
            frame = Frame(place.index, place.pts, float(place.pts * self._header.time_base), image)
            with self._clock.stopped():
                yield frame

    def _pictures(self) -> Iterator[tuple[Place, VideoFrame]]:
        for place, picture in self._decoded():
            if self._deinterlacer is None:
                yield place, picture
            else:
                yield from self._deinterlacer.add(place, picture)
        if self._deinterlacer is not None:
            yield from self._deinterlacer.finish()

    def _decoded(self) -> Iterator[tuple[Place, VideoFrame]]:
        context = self._stream.codec_context
        for packet, is_wanted in self._numbering.packets(self._packets):
            # yadif looks at the pictures before and after, so there nothing is skipped.
            is_needed = is_wanted or self._deinterlacer is not None
            context.skip_frame = "DEFAULT" if is_needed else "NONREF"
            yield from self._placed(self._sent(packet))
            if self._is_over_limit():
                return
        context.skip_frame = "DEFAULT"
        yield from self._placed(self._sent(None))
        self._numbering.finish()

    def _placed(self, pictures: list[VideoFrame]) -> Iterator[tuple[Place, VideoFrame]]:
        for picture in pictures:
            self.is_flagged_interlaced = self.is_flagged_interlaced or picture.interlaced_frame
            place = self._numbering.place(picture)
            if place is None or place.index is None:
                continue
            if place.index >= self._config.max_frames:
                self._stopped = f"frames after decoder.max_frames={self._config.max_frames} were left unread"
                return
            self._last = place
            yield place, picture

    def _is_over_limit(self) -> bool:
        if self._stopped is None and self._clock.seconds > self._config.max_seconds:
            self._stopped = f"not read further after decoder.max_seconds={self._config.max_seconds:g}"
        return self._stopped is not None

    def _sent(self, packet: "VideoPacket | None") -> list[VideoFrame]:
        try:
            return self._stream.codec_context.decode(packet)
        except av_error.FFmpegError:  # also its MemoryError: broken headers ask for absurd amounts
            self._errors += 1
            return []

    def _demuxed(self) -> Iterator[VideoPacket]:
        errors_in_a_row = 0
        while errors_in_a_row < _DEMUX_ERRORS_AT_A_TIME:
            try:
                for packet in self._container.demux(self._stream):
                    errors_in_a_row = 0
                    if packet.size:  # flushing is done by whoever stops sending
                        yield packet
            except av_error.ExitError:
                self._stopped = f"a packet took over decoder.max_seconds={self._config.max_seconds:g} to read"
                return
            except IndexError:
                return  # of PyAV at the end of a file in which streams appeared late
            except av_error.FFmpegError:
                if not self._demux_errors:  # once: it reads the whole file
                    check_readable(self._path)
                self._demux_errors += 1
                errors_in_a_row += 1
            else:
                return

    @property
    def stated_duration_s(self) -> float | None:
        """Length of the video as the header states it; it may lie."""
        return self._header.duration_s

    def facts(self) -> Facts:
        """Return what is known of the video, complete once the iteration has ended.

        Raises:
            UndecodableError: No frame could be decoded.
        """
        numbering, header = self._numbering, self._header
        last = self._last
        if self._canvas.size_px is None or last is None or last.index is None:
            damaged = self._errors + self._demux_errors
            reason = self._stopped or (f"{damaged} packets are damaged" if damaged else "it holds none")
            raise UndecodableError("decode", f"{self._name}: no frame could be decoded ({reason})")
        start_pts, end_pts = numbering.span_pts
        frames = numbering.frames
        if self._stopped is not None:
            frames = last.index + 1
            end_pts = last.pts + last.duration
        damaged = max(self._errors, numbering.lost) + self._demux_errors
        is_timed = isinstance(numbering, ByTimestamp)
        reason = self._partial_reason(damaged, frames, start_pts, end_pts)
        return Facts(
            container=header.container,
            codec=header.codec,
            pixel_format=self._pixel_format,
            width_px=self._canvas.size_px[0],
            height_px=self._canvas.size_px[1],
            fps=header.fps,
            duration_s=float((end_pts - start_pts) * header.time_base),
            rotation_deg=self._canvas.rotation_deg,
            sample_aspect_ratio=f"{header.sample_aspect_ratio.numerator}:{header.sample_aspect_ratio.denominator}",
            time_base=f"{header.time_base.numerator}/{header.time_base.denominator}",
            start_pts=start_pts,
            decoder=f"pyav {av.__version__}",
            frames_decoded=max(self._sampled, frames - damaged) if is_timed else frames,
            frames_sampled=self._sampled,
            packets_damaged=damaged,
            is_partial=reason is not None,
            partial_reason=reason,
        )

    def _partial_reason(self, damaged: int, frames: int, start_pts: int, end_pts: int) -> str | None:
        if self._stopped is not None:
            return self._stopped
        reasons: list[str] = []
        if damaged:
            reasons.append(f"{damaged} of {frames} packets are damaged")
        stated_s, time_base = self._header.duration_s, self._header.time_base
        # Containers state either the length or the end; the last frame's duration is often unknown.
        end_s = float(max(end_pts, end_pts - start_pts) * time_base)
        frame_s = 1 / self._header.fps if self._header.fps else 0.0
        if stated_s is not None and end_s + frame_s + 0.5 < stated_s:
            reasons.append(f"the file ends at {end_s:.3f} s of the {stated_s:.3f} s that its header states")
        return "; ".join(reasons) or None
