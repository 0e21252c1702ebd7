"""Frames per second of decoding and sampling: our decoder against plain PyAV, decord, OpenCV and torchcodec.

Every contender gives the same frames of the same film as RGB arrays, and each frame's number is read from its
picture. Rounds are interleaved and the best of each counts. Two figures: by the clock, and per second of
processor time over all threads, which says more on a busy machine.

    python benchmarks/decode.py [--seconds 12] [--rounds 5] [--sample-fps 8] [--video FILE]

Skipping frames that nothing refers to is where the gain comes from: there is none in a film without them.

torchcodec takes part when it can be imported: it wants an FFmpeg of the system, so that it is no dependency
(`pip install --no-deps --target DIR torchcodec==0.13.0`, then `PYTHONPATH=DIR`).

Measured on an AMD EPYC (x86-64), 2 CPUs, nothing else running, 2026-11-30, 12 s of film, 5 rounds, FFmpeg 5.1
for torchcodec; frames per second, best of the rounds (multiples of PyAV):

                        by the clock                per second of processor time
                        360p          1080p         360p          1080p
    facesift, 1 thread  1,875 (1.07)  236 (0.94)    1,875 (1.50)  236 (1.42)
    facesift, 2 threads 1,891 (1.08)  272 (1.09)    1,504 (1.20)  224 (1.35)
    plain PyAV          1,750 (1.00)  251 (1.00)    1,250 (1.00)  166 (1.00)
    decord              1,237 (0.71)  112 (0.45)      828 (0.66)   71 (0.43)
    OpenCV              1,803 (1.03)  216 (0.86)    1,075 (0.86)  140 (0.84)
    torchcodec          1,417 (0.81)  122 (0.49)    1,416 (1.13)  122 (0.74)

PyAV (here), OpenCV and decord decode with as many threads as there are CPUs; one thread of ours, the default,
competes by the clock where others keep the CPUs busy, as a fleet's other readers do. Where they idle, give
`decoder.threads = 2`.
"""

import argparse
import importlib
import importlib.util
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import cv2
import decord
import numpy as np
import numpy.typing as npt
from av.video.reformatter import VideoReformatter

from workers.video.decoder import Decoder, DecoderConfig

Image = npt.NDArray[np.uint8]
FPS, BITS = 25, 12
# Three B-frames between others, as hardware encoders and streaming services make them.
ENCODING = {"preset": "veryfast", "crf": "23", "x264-params": "bframes=3:b-adapt=0"}
SIZES = {"360p": (640, 360), "1080p": (1920, 1080)}


def write_film(path: Path, size_px: tuple[int, int], frames: int) -> None:
    """Write noise that drifts, each frame with its number in bars on top."""
    width, height = size_px
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 8, width // 8 + 40, 3), np.uint8)
    wide = np.asarray(cv2.resize(coarse, (width + 320, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options=ENCODING)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            image = wide[:, number % 320 : number % 320 + width].copy()
            for bit in range(BITS):
                left, right = bit * width // BITS, (bit + 1) * width // BITS
                image[: height // 8, left:right] = 255 * (number >> bit & 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def number_of(image: Image) -> int:
    """Return the number in the bars."""
    height, width = image.shape[:2]
    row = image[height // 16].mean(axis=1) > 128
    return sum(int(row[(2 * bit + 1) * width // (2 * BITS)]) << bit for bit in range(BITS))


def ours(path: Path, sample_fps: float, threads: int) -> Iterator[Image]:
    with Decoder(DecoderConfig(sample_fps=sample_fps, threads=threads)).open(path) as video:
        for frame in video:
            yield frame.image


def plain_pyav(path: Path, wanted: list[int]) -> Iterator[Image]:
    """Every frame decoded, the wanted ones turned into RGB."""
    chosen, reformatter = set(wanted), VideoReformatter()
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for number, frame in enumerate(container.decode(video=0)):
            if number in chosen:
                yield np.asarray(reformatter.reformat(frame, format="rgb24").to_ndarray(), np.uint8)


def with_decord(path: Path, wanted: list[int]) -> Iterator[Image]:
    reader: Any = decord.VideoReader(str(path), ctx=decord.cpu(0))
    for start in range(0, len(wanted), 8):
        yield from reader.get_batch(wanted[start : start + 8]).asnumpy()


def with_opencv(path: Path, wanted: list[int]) -> Iterator[Image]:
    chosen, capture = set(wanted), cv2.VideoCapture(str(path))
    number = 0
    while capture.grab():
        if number in chosen:
            _, image = capture.retrieve()
            yield np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
        number += 1


def with_torchcodec(path: Path, wanted: list[int]) -> Iterator[Image]:
    from torchcodec.decoders import VideoDecoder  # pyright: ignore[reportMissingImports] # noqa: PLC0415

    decoder: Any = VideoDecoder(str(path), dimension_order="NHWC")
    for start in range(0, len(wanted), 8):
        yield from decoder.get_frames_at(wanted[start : start + 8]).data.numpy()


def has_torchcodec() -> bool:
    """Say whether torchcodec is there and finds its FFmpeg."""
    if importlib.util.find_spec("torchcodec") is None:
        return False
    try:
        importlib.import_module("torchcodec.decoders")
    except (ImportError, OSError, RuntimeError):
        return False
    return True


def contenders(path: Path, sample_fps: float, wanted: list[int]) -> dict[str, Callable[[], Iterator[Image]]]:
    every: dict[str, Callable[[], Iterator[Image]]] = {
        "facesift, 1 thread": lambda: ours(path, sample_fps, 1),
        "facesift, 2 threads": lambda: ours(path, sample_fps, 2),
        "plain PyAV": lambda: plain_pyav(path, wanted),
        "decord": lambda: with_decord(path, wanted),
        "OpenCV": lambda: with_opencv(path, wanted),
    }
    if has_torchcodec():
        every["torchcodec"] = lambda: with_torchcodec(path, wanted)
    return every


def compare(name: str, path: Path, sample_fps: float, rounds: int, *, is_numbered: bool) -> None:
    with Decoder(DecoderConfig(sample_fps=sample_fps)).open(path) as video:
        wanted = [frame.index for frame in video]
    every = contenders(path, sample_fps, wanted)
    clock: dict[str, list[float]] = {contender: [] for contender in every}
    work: dict[str, list[float]] = {contender: [] for contender in every}
    for _ in range(rounds):
        for contender, frames in every.items():
            started_s, worked_s, seen = time.perf_counter(), time.process_time(), 0
            for number, image in zip(wanted, frames(), strict=True):
                seen += 1
                if is_numbered and number_of(image) != number:
                    sys.exit(f"{contender} gave frame {number_of(image)} for {number} of {name}")
            clock[contender].append(seen / (time.perf_counter() - started_s))
            work[contender].append(seen / (time.process_time() - worked_s))
    print(f"\n{name}: {len(wanted)} frames, best (median) of {rounds} rounds")
    base_clock, base_work = max(clock["plain PyAV"]), max(work["plain PyAV"])
    print(f"{'':22}{'frames/s':>18}{'x PyAV':>8}{'per CPU second':>20}{'x PyAV':>8}")
    for contender in every:
        by_clock, by_work = max(clock[contender]), max(work[contender])
        medians = statistics.median(clock[contender]), statistics.median(work[contender])
        print(
            f"{contender:22}{by_clock:9.0f} ({medians[0]:5.0f}) {by_clock / base_clock:8.2f}"
            f"{by_work:12.0f} ({medians[1]:5.0f}) {by_work / base_work:8.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=12, help="length of the film")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sample-fps", type=float, default=8.0)
    parser.add_argument("--video", type=Path, help="a video of your own instead of the made films")
    options = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, {datetime.now(UTC):%Y-%m-%d}"
    print(f"{machine}, Python {platform.python_version()}, PyAV {av.__version__}")
    if not has_torchcodec():
        print("torchcodec cannot be imported: left out")
    if options.video:
        compare(options.video.name, options.video, options.sample_fps, options.rounds, is_numbered=False)
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, size_px in SIZES.items():
            path = Path(folder) / f"{name}.mp4"
            write_film(path, size_px, options.seconds * FPS)
            compare(name, path, options.sample_fps, options.rounds, is_numbered=True)


if __name__ == "__main__":
    main()
