"""Videos made for tests: each frame shows its own number, which survives any codec, scaling and turn."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt
from av import VideoFrame, VideoStream

from workers.video.numbering import VideoPacket

Image = npt.NDArray[np.uint8]
BITS = 10
MARK_RGB = (220, 60, 40)


def numbered(number: int, width_px: int = 160, height_px: int = 96) -> Image:
    """Return a picture whose upper half is the number in black and white bars, highest bit left.

    Below are a red square in the left corner, to tell what is turned or mirrored, and a moving grey one.
    """
    image = np.full((height_px, width_px, 3), 96, np.uint8)
    edges = np.linspace(0, width_px, BITS + 1).round().astype(int)
    for bit in range(BITS):
        image[: height_px // 2, edges[bit] : edges[bit + 1]] = 255 * (number >> (BITS - 1 - bit) & 1)
    side = height_px // 4
    left = side + number * 3 % (width_px - 2 * side)
    image[-side:, left : left + side] = 170
    image[-side:, :side] = MARK_RGB
    return image


def number_of(image: Image) -> int:
    """Return the number that a picture shows."""
    height_px, width_px = image.shape[:2]
    columns = ((np.arange(BITS) + 0.5) * width_px / BITS).astype(int)
    bits = image[height_px // 8 : height_px // 3, columns].mean((0, 2)) > 128
    return int("".join("1" if bit else "0" for bit in bits), 2)


def corner_of_mark(image: Image) -> str:
    """Return in which corner of a picture the red square is, e.g. `bottom left`."""
    red = image[..., 0].astype(int) - image[..., 2]
    height_px, width_px = red.shape
    halves = {"top": red[: height_px // 2], "bottom": red[height_px // 2 :]}
    row = max(halves, key=lambda name: int(halves[name].sum()))
    column = "left" if red[:, : width_px // 2].sum() > red[:, width_px // 2 :].sum() else "right"
    return f"{row} {column}"


def encode(
    path: Path,
    images: Iterable[Image],
    *,
    codec: str = "libx264",
    fps: int = 25,
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    container_format: str | None = None,
    container_options: dict[str, str] | None = None,
    prepare: Callable[[VideoStream], None] | None = None,
    color_range: int | None = None,
) -> Path:
    """Write a video; pts count in `time_base`, by default in frames."""
    pictures = list(images)
    base = time_base or Fraction(1, fps)
    defaults = {"g": "12", "bf": "2", "preset": "veryfast"} if codec == "libx264" else {}
    with av.open(str(path), "w", format=container_format, options=container_options or {}) as container:
        stream = cast("VideoStream", container.add_stream(codec, rate=fps))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = base
        stream.codec_context.options = defaults | (options or {})
        if color_range:
            stream.codec_context.color_range = color_range
        if prepare:
            prepare(stream)
        for number, image in enumerate(pictures):
            frame = VideoFrame.from_ndarray(image, format="rgba" if image.shape[2] == 4 else "rgb24")
            frame.pts = number if pts is None else pts[number]
            frame.time_base = base
            if color_range:
                frame = frame.reformat(format=pixel_format, dst_color_range=color_range)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def encode_numbers(path: Path, count: int, **options: Any) -> Path:
    """Write a video of `count` numbered frames."""
    return encode(path, (numbered(number) for number in range(count)), **options)


def packets_of(path: Path) -> list[VideoPacket]:
    """Return the packets of the first video stream, in decoding order."""
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(video=0) if packet.size]


def overwrite(path: Path, start: int, length: int, value: int = 0xFF) -> None:
    """Damage a stretch of bytes."""
    data = bytearray(path.read_bytes())
    data[start : start + length] = bytes([value]) * length
    path.write_bytes(data)


def truncate(path: Path, size_bytes: int) -> None:
    """Cut a file off."""
    path.write_bytes(path.read_bytes()[:size_bytes])


def encode_audio(path: Path, seconds: float = 0.5) -> Path:
    """Write a file with sound only."""
    with av.open(str(path), "w") as container:
        stream = cast("Any", container.add_stream("aac", rate=48_000))
        stream.layout = "mono"
        samples = np.zeros((1, int(seconds * 48_000)), np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def side_by_side(target: Path, sources: Sequence[Path], prepare: Callable[[VideoStream], None]) -> Path:
    """Copy the video streams of several files as they are into one; `prepare` is called with each."""
    with ExitStack() as stack:
        inputs = [stack.enter_context(av.open(str(source))) for source in sources]
        output = stack.enter_context(av.open(str(target), "w"))
        streams = [output.add_stream_from_template(source.streams.video[0]) for source in inputs]
        for stream in streams:
            prepare(stream)
        for source, stream in zip(inputs, streams, strict=True):
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    output.mux(packet)
    return target
