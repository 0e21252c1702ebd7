"""Opening a video with PyAV: which stream is read, and what its header says."""

from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Literal, cast

import av
from av import VideoStream
from av import error as av_error
from av.codec.context import CodecContext
from av.container import InputContainer
from av.stream import Disposition

from workers.failure import SourceError, TransientError, UndecodableError, failure_of, lacks_memory
from workers.video.frames import DecoderConfig, Header
from workers.video.timeline import REORDER_FRAMES

# Playlists would read other files, and addresses.
_PLAYLISTS = {"concat", "dash", "hls", "imf", "rtp", "rtsp", "sdp"}
# FFmpeg draws the letters of text files as pictures.
_TEXT = {"adf", "bin", "idf", "tty", "xbin"}
_BY_NAME_ALONE = "image2"
"""What FFmpeg takes a file for whose name looks like a pattern of pictures' names."""
_ABSURD_ASPECT_RATIO = 8
_FIELD_ORDERS_INTERLACED = range(2, 6)
"""AVFieldOrder TT, BB, TB, BT; 0 is unknown and 1 progressive."""


def open_container(
    path: Path, config: DecoderConfig, *, is_edit_list_followed: bool = True
) -> InputContainer:
    """Open a file of any container that FFmpeg knows.

    Args:
        path: a file.
        config: the decoder's configuration.
        is_edit_list_followed: whether only those parts of MP4 and QuickTime are seen that they say are shown.

    Raises:
        SourceError: It is not a video file, or it is empty, text, or a playlist of other files.
        TransientError: It cannot be read now.
    """
    try:
        # "file:" keeps a colon in the name from being read as a protocol.
        container = _opened(f"file:{path}", config, is_edit_list_followed=is_edit_list_followed)
        if container.format.name == _BY_NAME_ALONE:
            container.close()
            container = _opened(path.open("rb"), config)
    except av_error.ExitError as error:
        message = f"{path.name}: opening took over {config.max_seconds} s; raise decoder.max_seconds"
        raise TransientError("decode", message, "ExitError") from error
    except (av_error.FFmpegError, ValueError) as error:
        check_readable(path)
        if not path.stat().st_size:
            raise SourceError("decode", f"{path.name}: the file is empty") from error
        raise _unrecognised(path.name, error) from error
    kind = container.format.name.split(",")[0]
    if kind in _PLAYLISTS or kind in _TEXT:
        container.close()
        what = "a playlist" if kind in _PLAYLISTS else "text"
        raise SourceError("decode", f"{path.name}: {what} ({container.format.name}), not a video")
    return container


def _opened(
    file: str | BinaryIO, config: DecoderConfig, *, is_edit_list_followed: bool = True
) -> InputContainer:
    options = decoder_options(config)  # for the decoders with which FFmpeg looks at the first pictures
    return av.open(
        file,
        mode="r",
        options=options if is_edit_list_followed else options | {"ignore_editlist": "1"},
        container_options={"protocol_whitelist": "file"},
        metadata_errors="replace",
        timeout=config.max_seconds,
    )


def check_header(file: BinaryIO, name: str, config: DecoderConfig) -> None:
    """Refuse what holds no video, as opening it would, reading no more of it than its header.

    Raises:
        SourceError: It is not a video file.
        OSError: The file cannot be read.
    """
    try:
        with av.open(
            file,
            mode="r",
            options=decoder_options(config),
            container_options={"protocol_whitelist": "none"},  # what a playlist names is not opened
            metadata_errors="replace",
        ) as container:
            choose_stream(container, name)
    except (av_error.FFmpegError, ValueError) as error:
        raise _unrecognised(name, error) from error


def _unrecognised(name: str, error: Exception) -> UndecodableError:
    message = f"{name}: FFmpeg recognises no video container ({_said(error)})"
    return UndecodableError("decode", message, type(error).__name__)


def check_readable(path: Path) -> None:
    """Read a file to its end: FFmpeg tells of broken content by the same codes as of a broken disk.

    Raises:
        TransientError: The system cannot read it, or has no memory.
    """
    check_memory(path)
    try:
        with path.open("rb") as file:
            while file.read(1 << 20):
                pass
    except OSError as error:
        raise failure_of(error, "decode", path.name) from error


def check_memory(path: Path) -> None:
    """Ask for memory: FFmpeg tells of broken content by the same codes as of a machine that has none.

    Raises:
        TransientError: There is none.
    """
    if lacks_memory():
        raise failure_of(MemoryError(), "decode", path.name)


def decoder_options(config: DecoderConfig, stream: VideoStream | None = None) -> dict[str, str]:
    """Return FFmpeg options that bound pictures of which the header does not tell.

    Args:
        config: The decoder's configuration.
        stream: What is decoded; None where its format is not known, and the smallest is assumed.
    """
    bits_per_pixel = 8 if stream is None else _bits_per_pixel(stream)
    affordable_pixels = config.max_memory_bytes // _pixel_bytes(bits_per_pixel, config)
    # FFmpeg compares after rounding the width up to a multiple of 64.
    return {"max_pixels": str(2 * min(config.max_pixels, affordable_pixels))}


def choose_stream(container: InputContainer, name: str) -> VideoStream:
    """Return the video stream to read: marked default first, then largest picture, then more than one frame
    (an animated AVIF has its first as a still, too), then lowest index.

    Cover pictures and thumbnails do not count, nor do streams without a decoder.

    Raises:
        SourceError: There is none.
    """
    covers = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & covers]
    decodable = [stream for stream in streams if _has_decoder(stream)]
    if not decodable:
        if streams:
            raise UndecodableError("decode", f"{name}: FFmpeg has no decoder for its video codec")
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "none"
        raise SourceError("decode", f"{name}: no video stream (streams: {kinds})")
    return min(decodable, key=_rank)


def _has_decoder(stream: VideoStream) -> bool:
    return cast("CodecContext | None", stream.codec_context) is not None


def _rank(stream: VideoStream) -> tuple[bool, int, bool, int]:
    area_px = stream.codec_context.width * stream.codec_context.height
    return not stream.disposition & Disposition.default, -area_px, stream.frames == 1, stream.index


def read_header(container: InputContainer, stream: VideoStream) -> Header:
    """Return what the header says; rates and durations may lie and are only compared, never relied on."""
    context = stream.codec_context
    container_name = container.format.name
    is_picture = container_name.endswith("_pipe") or container_name == "image2"
    rate = None if is_picture else stream.average_rate
    time_base = stream.time_base or Fraction(1, 1_000_000)
    duration_s = float(stream.duration * time_base) if stream.duration else None
    if duration_s is None and container.duration and len(container.streams) == 1:
        duration_s = container.duration / av.time_base
    return Header(
        container=container_name,
        codec=context.codec.canonical_name,
        pixel_format=context.pix_fmt or "unknown",
        fps=float(rate) if rate else None,
        sample_aspect_ratio=_aspect_ratio(stream),
        time_base=time_base,
        duration_s=duration_s,
        file_duration_s=container.duration / av.time_base if container.duration else None,
    )


def scan_of(stream: VideoStream) -> Literal["progressive", "interlaced"]:
    """Return how the header says that pictures are scanned; unknown counts as progressive."""
    is_interlaced = stream.codec_context.field_order in _FIELD_ORDERS_INTERLACED
    return "interlaced" if is_interlaced else "progressive"


def check_size(stream: VideoStream, config: DecoderConfig, name: str) -> None:
    """Refuse a picture too large to decode, from the header alone.

    Raises:
        SourceError: A frame has more than `max_pixels`, or the decoder's pictures would need more than
            `max_memory_bytes`.
    """
    context = stream.codec_context
    pixels = context.width * context.height
    if pixels > config.max_pixels:
        size = f"{context.width}x{context.height}"
        raise SourceError("decode", f"{name}: frames of {size} exceed decoder.max_pixels={config.max_pixels}")
    needed_bytes = pixels * _pixel_bytes(_bits_per_pixel(stream), config)
    if needed_bytes > config.max_memory_bytes:
        limit = f"decoder.max_memory_bytes={config.max_memory_bytes}"
        raise SourceError("decode", f"{name}: decoding needs about {needed_bytes} bytes, over {limit}")


def _bits_per_pixel(stream: VideoStream) -> int:
    pixel_format = stream.codec_context.format
    return pixel_format.bits_per_pixel if pixel_format else 24


def _pixel_bytes(bits_per_pixel: int, config: DecoderConfig) -> int:
    # The reference pictures of the largest H.264 or HEVC decoder, one in work per thread, and two RGB copies.
    return bits_per_pixel * (REORDER_FRAMES + config.threads + 1) // 8 + 6


def _aspect_ratio(stream: VideoStream) -> Fraction:
    stated = stream.sample_aspect_ratio
    ratio = Fraction(stated) if stated else Fraction(1)
    # No camera or disc goes beyond 8:1; there it is a header's mistake.
    is_absurd = not Fraction(1, _ABSURD_ASPECT_RATIO) <= ratio <= _ABSURD_ASPECT_RATIO
    return Fraction(1) if is_absurd else ratio


def _said(error: Exception) -> str:
    said = getattr(error, "strerror", None)
    return said if isinstance(said, str) else str(error)
