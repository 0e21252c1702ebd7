"""The whole reader against the official preparation of Face-LLaVA's input.

    python benchmarks/reader.py [--seconds 20] [--height 360] [--rounds 3] [--video FILE]

The official preparation of a video, as its authors' tool for cropping faces does it: FFmpeg writes every
frame at 24 fps as PNG; each PNG is read, MediaPipe's short-range detector called on it, the frame given up
unless there is exactly one face, the square at the face scaled to 256x256 and written as PNG; FFmpeg joins
those into a video. Here the detector's network runs in LiteRT without MediaPipe's graph around it, at about
the same cost (2.7 ms of CPU per 640x360 frame against 1.9 in MediaPipe 0.10.21). The reader decodes, finds
cuts, detects with three networks, follows faces, measures 68 landmarks (which the official tool does not
make) and cuts clips, under the default recipe.

Both run in processes of their own, in turn, on the same clip, twice: the second run counts, as of a reader
that reads one video after another. CPU seconds include FFmpeg's. Without an `ffmpeg` program PyAV does its
steps; the output says so.

Measured on an AMD EPYC (x86-64), 2 CPUs, nothing else running, 2026-11-30, FFmpeg 5.1; per second of video,
best of two or three rounds. The reader is one thread, FFmpeg takes both CPUs:

                                              CPU seconds             by the clock
                                          official  ours  ratio   official  ours  ratio
    rendered face, 640x360, 12 s             0.47  0.050    9.3      0.31  0.050    6.3
    filmed face, 640x360, 20 s               0.59  0.057   10.4      0.38  0.057    6.6
    filmed face, 640x360, 2.4 s              0.49  0.059    8.2      0.35  0.059    5.9
    photograph pasted in, 640x360, 10 s      0.59  0.070    8.5      0.40  0.070    5.7
    four photographs, 960x540, 15 s          0.98  0.159    6.2      0.61  0.159    3.8
    rendered face, 1920x1080, 6 s            2.54  0.251   10.2      1.53  0.251    6.1

Where there are four faces the official tool gives most frames up (it kept 125 of 360), while the reader
follows all.

Of ours about half is inference: per frame one look of the short-range network, one of the full-range one (and
six at its tiles in 1080p), about one close-up per face and one pass of the mesh. Of the official, writing and
reading PNG is most: filmed pictures cost it more than rendered ones.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from model.synthetic.film import sample_film
from model.synthetic.mp4 import write_mp4
from storage.folders import file_uri
from storage.records import Source, Video
from workers.faces.blaze import SHORT_RANGE, BlazeFace, blend, suppress
from workers.faces.window import Pyramid, whole
from workers.reader import Reader, ReaderConfig, RowIds

Image = NDArray[np.uint8]
OFFICIAL_FPS, CROP_PX = 24, 256
IDS = RowIds("benchmark", "benchmark", "benchmark")


class Clock:
    """CPU and wall seconds of this process and its ended children."""

    def __init__(self) -> None:
        self._wall_s, self._cpu_s = time.perf_counter(), _cpu_s()

    def elapsed(self) -> dict[str, float]:
        return {"wall_s": time.perf_counter() - self._wall_s, "cpu_s": _cpu_s() - self._cpu_s}


def _cpu_s() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def official(video: Path) -> dict[str, float]:
    """Prepare a video as the official tool does."""
    detector = BlazeFace(SHORT_RANGE, 1)
    with tempfile.TemporaryDirectory() as folder:
        frames, crops = Path(folder, "frames"), Path(folder, "crops")
        frames.mkdir()
        crops.mkdir()
        extract, join = (ffmpeg_extract, ffmpeg_join) if has_ffmpeg() else (pyav_extract, pyav_join)
        clock = Clock()
        extract(video, frames)
        kept = 0
        for path in sorted(frames.iterdir()):
            image = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)
            crop = official_crop(detector, image)
            if crop is not None:
                kept += 1
                cv2.imwrite(str(crops / path.name), cv2.cvtColor(crop, cv2.COLOR_RGB2BGR))
        join(crops, Path(folder, "crops.mp4"))
        return clock.elapsed() | {"kept": kept}


def official_crop(detector: BlazeFace, image: Image) -> Image | None:
    """Return the square at the only face [256, 256, 3], or None where there is not exactly one."""
    height, width = image.shape[:2]
    seen = detector.look(Pyramid(image), whole(width, height, detector.input_px), 0.5)
    faces = suppress(seen.boxes_xyxy_px, seen.scores, 0.3)
    if len(faces) != 1:
        return None
    box, _ = blend(seen, faces[0], 0.3)
    left, top = int(box[0]), int(box[1])
    side = int((box[2] - box[0] + box[3] - box[1]) / 2)
    part = image[max(0, top) : top + side, max(0, left) : left + side]
    return np.asarray(cv2.resize(part, (CROP_PX, CROP_PX)), np.uint8) if part.size else None


def has_ffmpeg() -> bool:
    return shutil.which("ffmpeg") is not None


def ffmpeg_extract(video: Path, frames: Path) -> None:
    ffmpeg("-i", str(video), "-vf", f"fps={OFFICIAL_FPS}", str(frames / "%05d.png"))


def ffmpeg_join(crops: Path, out: Path) -> None:
    ffmpeg(
        *("-framerate", str(OFFICIAL_FPS), "-pattern_type", "glob", "-i", str(crops / "*.png")),
        *("-c:v", "libx264", "-pix_fmt", "yuv420p", str(out)),
    )


def ffmpeg(*arguments: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True)


def pyav_extract(video: Path, frames: Path) -> None:
    """Write frames at 24 fps: of each tick the last frame before it."""
    number, latest = 0, None
    with av.open(str(video)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in container.decode(video=0):
            while latest is not None and frame.time >= (number + 0.5) / OFFICIAL_FPS:
                number += 1
                cv2.imwrite(str(frames / f"{number:05}.png"), latest.to_ndarray(format="bgr24"))
            latest = frame


def pyav_join(crops: Path, out: Path) -> None:
    with av.open(str(out), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(OFFICIAL_FPS))
        stream.width = stream.height = CROP_PX
        stream.pix_fmt = "yuv420p"
        for path in sorted(crops.iterdir()):
            image = cv2.imread(str(path))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(image, np.uint8), "bgr24")))
        container.mux(stream.encode(None))


def ours(video: Path) -> dict[str, float]:
    """Read a video."""
    reader = Reader(ReaderConfig())
    now = datetime.now(UTC)
    source = Source(
        file_uri(video.absolute()), video.stat().st_size, None, None, now, "benchmark", "benchmark"
    )
    clock = Clock()
    clips = 0
    for part in reader.read(reader.fetch(source), IDS):
        if isinstance(part, Video):
            counts = {"faces": part.faces, "tracks": part.tracks, "frames": part.frames_sampled}
            return clock.elapsed() | counts | {"clips": clips}
        clips += len(part.cuts)
    raise AssertionError("a reader ends with the video's row")


def write_clip(path: Path, seconds: float, size_px: tuple[int, int]) -> None:
    """Render somebody who talks."""
    film = sample_film(default_rng(4), path.name, size_px=size_px, seconds=seconds, people=1, has_cut=False)
    write_mp4(path, (picture for picture, _ in film.pictures()), film.fps, film.crf)


def in_a_process(*arguments: str) -> dict[str, float]:
    """Run this file with arguments; return the figures that it prints."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if ended.returncode:
        sys.exit(f"{' '.join(command)} ended with {ended.returncode}\n{ended.stderr}")
    return json.loads(ended.stdout)


def compare(clip: Path, rounds: int) -> None:
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        seconds = float((stream.duration or 0) * (stream.time_base or 0))
        rate = float(stream.average_rate or 0)
        print(f"{clip.name}: {stream.width}x{stream.height}, {rate:g} fps, {seconds:.1f} s")
    runs: dict[str, list[dict[str, float]]] = {"official": [], "ours": []}
    for _ in range(rounds):
        for name, of_name in runs.items():
            of_name.append(in_a_process("--run", name, "--video", str(clip)))
    best = {
        name: {key: min(run[key] for run in of_name) for key in ("cpu_s", "wall_s")}
        for name, of_name in runs.items()
    }
    medians = {
        name: {key: statistics.median(run[key] for run in of_name) for key in ("cpu_s", "wall_s")}
        for name, of_name in runs.items()
    }
    print(f"per second of video, best (median) of {rounds} rounds; PNG and encoding by {encoder()}")
    print(f"{'':12}{'CPU s':>18}{'wall s':>18}")
    for name in runs:
        cells = (
            f"{best[name][key] / seconds:9.4f} ({medians[name][key] / seconds:.4f})"
            for key in ("cpu_s", "wall_s")
        )
        print(f"{name:12}" + "".join(cells))
    cpu, wall = (best["official"][key] / best["ours"][key] for key in ("cpu_s", "wall_s"))
    print(f"{'ratio':12}{cpu:9.2f}{'':9}{wall:9.2f}")
    print(json.dumps(runs))


def encoder() -> str:
    if not has_ffmpeg():
        return "PyAV (there is no ffmpeg program)"
    return " ".join(
        subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True).stdout.split()[:3]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the clip that is rendered")
    parser.add_argument("--height", type=int, default=360, help="of the clip that is rendered, 16:9")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--video", type=Path, help="a video of your own instead of the rendered one")
    parser.add_argument("--run", choices=["official", "ours"], help="run one contender once, for this script")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    contenders: dict[str, Callable[[], dict[str, float]]] = {
        "official": lambda: official(options.video),
        "ours": lambda: ours(options.video),
    }
    if options.run:
        contenders[options.run]()
        print(json.dumps(contenders[options.run]()))
        return
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, {datetime.now(UTC):%Y-%m-%d}"
    )
    with tempfile.TemporaryDirectory() as folder:
        clip = options.video or Path(folder, "talking.mp4")
        if options.video is None:
            write_clip(clip, options.seconds, (options.height * 16 // 9, options.height))
        compare(clip, options.rounds)


if __name__ == "__main__":
    main()
