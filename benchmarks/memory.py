"""Memory over the length of a video: of the reader, and of the driver of a scan.

    python -m benchmarks.memory [--lengths 10,600,7200] [--people 1,8] [--sample-fps 1]
    python -m benchmarks.memory --scan [--lengths 10,1800] [--people 8] [--sample-fps 2]

Ten seconds of drawn people who sway and talk, 640x360 at 8 fps, are written again and again into one file,
its packets as they are: nobody ever leaves, there is no cut, and a track lasts as long as the video. Each
reading is one of a fresh process, by a bare loop over `Reader.read`, and its figure is the peak of that
process's resident memory (VmHWM), libraries and networks included.

`--scan` runs `facesift scan` over each video twice, by one reader in one piece and by two that divide it into
spans of 30 s, and prints the peaks of the processes: the driver (Prefect's server is another process), the
larger reader, the describer, and raylet, which holds Ray's object store. Then it compares the rows of the two
lakes to the bit, but for ids of attempts and scans and for times, and runs all checks over both.

So that two hours can be afforded, few frames a second are sampled, and the bare loop's detector remembers
what it found in a picture when the same one comes again, as it does every ten seconds; detection has no
memory of its own. Memory depends on how many frames are looked at, so the columns give frames and boxes.

Readers, measured on an AMD EPYC (x86-64), 2 CPUs, 2026-11-30, peak MiB, one look a second:

    1 person   10 s: 284   10 minutes: 293   2 hours: 300   (7,200 boxes)
    8 people   10 s: 337   10 minutes: 353   2 hours: 356   (57,600 boxes)

233 MiB of each are there before the first frame. What still grows, some 8 MiB in two hours, is not the rows:
they were 47 MiB for one person before they were handed on, 6.5 KiB each.

Scans of 8 people, two looks a second, same machine and day; in one piece and divided, all rows equal:

    length                  driver   larger reader  describer
    10 s        whole          844             402        757
    30 minutes  whole          902             442        796
    30 minutes  divided        891             468        748
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import psutil
from numpy.random import default_rng
from numpy.typing import NDArray

from model.synthetic.scene import sample_shot
from storage.catalog import Catalog
from storage.folders import file_uri
from storage.lake import Lake
from storage.records import Source, Video
from workers import reader as reader_module
from workers.faces.detector import DetectorConfig, FaceDetector, load_detector
from workers.faces.face import Face
from workers.reader import Reader, ReaderConfig, RowIds
from workers.video.decoder import DecoderConfig

FPS, LOOP_S, SIZE_PX = 8, 10, (640, 360)
COMPARED = ("videos", "shots", "tracks", "boxes", "clips", "answers", "findings")
OTHERWISE = {"attempt_id", "scan_id", "committed_at", "read_s", "describe_s"}
"""Columns in which two scans of one video differ."""


def write_loop(path: Path, people: int) -> None:
    """Draw people who stay; of eight frames seven can be left undecoded."""
    shot = sample_shot(default_rng(4), SIZE_PX, float(LOOP_S), people)
    options = {"g": str(4 * FPS), "bf": "7", "preset": "veryfast", "crf": "20"}
    options["x264-params"] = "b-pyramid=none:b-adapt=0:scenecut=0"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height = SIZE_PX
        stream.pix_fmt = "yuv420p"
        stream.codec_context.options = options
        for number in range(LOOP_S * FPS):
            # There and back, so that nobody jumps where the loop begins again.
            place = min(number, LOOP_S * FPS - number)
            picture, _ = shot.picture_at(place / FPS, number)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def repeat(loop: Path, path: Path, seconds: float) -> Path:
    """Write a video again and again into one file, its packets as they are."""
    with av.open(str(path), "w") as out:
        with av.open(str(loop)) as container:
            stream = out.add_stream_from_template(container.streams.video[0])
        shift, base = 0, Fraction(1)
        while shift * base < seconds:
            with av.open(str(loop)) as container:
                source = container.streams.video[0]
                base = source.time_base or base
                for packet in container.demux(source):
                    if packet.size and packet.pts is not None and packet.dts is not None:
                        packet.pts += shift
                        packet.dts += shift
                        packet.stream = stream
                        out.mux(packet)
                shift += round(LOOP_S / base)
    return path


class Remembering:
    """A detector that looks only once at equal pictures."""

    def __init__(self, detector: FaceDetector) -> None:
        self._detector = detector
        self.batch = detector.batch
        self._found: dict[int, list[Face]] = {}

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        keys = [zlib.crc32(image.tobytes()) for image in images]
        for key, image in zip(keys, images, strict=True):
            if key not in self._found:
                (self._found[key],) = self._detector.detect([image])
        return [self._found[key] for key in keys]


def load_remembering(config: DetectorConfig) -> Remembering:
    return Remembering(load_detector(config))


def read(video: Path, sample_fps: float) -> dict[str, float]:
    """Read a video and keep nothing; return figures."""
    started_s = time.process_time()
    reader_module.load_detector = load_remembering
    reader = Reader(ReaderConfig(decoder=DecoderConfig(sample_fps=sample_fps)))
    ready_mib = peak_mib()
    now = datetime.now(UTC)
    source = Source(file_uri(video.absolute()), video.stat().st_size, None, None, now, "memory", "memory")
    for part in reader.read(reader.fetch(source), RowIds("memory", "memory", "memory")):
        if isinstance(part, Video):
            return {
                "frames": part.frames_sampled,
                "boxes": part.faces,
                "tracks": part.tracks,
                "cpu_s": time.process_time() - started_s,
                "ready_mib": ready_mib,
                "peak_mib": peak_mib(),
            }
    raise AssertionError("a reader ends with the video's row")


def peak_mib(pid: int | str = "self") -> float:
    """Return the peak of a process's resident memory; rusage would count its parent's before exec."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def watch_readers(folder: Path, people: list[int], lengths_s: list[float], sample_fps: float) -> None:
    print(
        f"{'people':>8}{'length':>10}{'frames':>8}{'boxes':>8}{'CPU s':>8}{'started MiB':>13}{'peak MiB':>10}"
    )
    for count in people:
        loop = folder / f"loop-{count}.mp4"
        write_loop(loop, count)
        for length_s in lengths_s:
            path = repeat(loop, folder / "video.mp4", length_s)
            command = [sys.executable, "-m", "benchmarks.memory", "--run", str(path)]
            ended = subprocess.run(
                [*command, "--sample-fps", str(sample_fps)],
                env=environment(),
                capture_output=True,
                check=True,
            )
            run = json.loads(ended.stdout)
            cells = (run["frames"], run["boxes"], run["cpu_s"])
            figures = "".join(f"{cell:8,.0f}" for cell in cells)
            print(
                f"{count:>8}{length_s:>8g} s{figures}{run['ready_mib']:>11,.0f}{run['peak_mib']:>10,.0f}",
                flush=True,
            )


class Peaks:
    """The largest resident memory of the processes below one, by what they are, looked at again and again."""

    def __init__(self, root: int) -> None:
        self._root = psutil.Process(root)
        self._ended = threading.Event()
        self.mib: defaultdict[str, float] = defaultdict(float)
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            try:
                members = [(self._root, "driver")]
                members += [(child, _kind(child)) for child in self._root.children(recursive=True)]
            except psutil.Error:
                continue
            for member, kind in members:
                try:
                    self.mib[kind] = max(self.mib[kind], peak_mib(member.pid))
                except (OSError, StopIteration):
                    continue

    def end(self) -> dict[str, float]:
        self._ended.set()
        self._thread.join()
        return {kind: self.mib[kind] for kind in ("driver", "reader", "describer", "raylet")}


def _kind(process: psutil.Process) -> str:
    title = " ".join(process.cmdline())
    names = {"ReaderActor": "reader", "DescriberActor": "describer", "raylet/raylet": "raylet"}
    return next((kind for name, kind in names.items() if name in title), "other")


def scan(video: Path, lake: Path, readers: int, span_s: float, sample_fps: float) -> dict[str, Any]:
    """Scan one video; return the peaks of the processes."""
    recipe = lake.with_suffix(".toml")
    recipe.write_text(f"[reader.decoder]\nsample_fps = {sample_fps}\nspan_s = {span_s}\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "flows",
        "scan",
        str(video),
        "--lake",
        str(lake),
        "--recipe",
        str(recipe),
    ]
    started_s = time.monotonic()
    process = subprocess.Popen(
        [*command, "--readers", str(readers), "--json"], env=environment(), stdout=subprocess.PIPE, text=True
    )
    peaks = Peaks(process.pid)
    printed, _ = process.communicate()
    figures = peaks.end()
    if process.returncode:
        sys.exit(f"the scan ended with {process.returncode}: {printed}")
    summary = json.loads(printed)
    return figures | {"wall_s": time.monotonic() - started_s, "faces": summary["faces"]}


def watch_scans(folder: Path, people: int, lengths_s: list[float], sample_fps: float) -> None:
    loop = folder / "loop.mp4"
    write_loop(loop, people)
    kinds = {"driver": 9, "reader": 9, "describer": 11, "raylet": 9}
    heads = "".join(f"{kind:>{width}}" for kind, width in kinds.items())
    print(f"{'length':>10}{'':>10}{'boxes':>9}{heads}  MiB")
    for length_s in lengths_s:
        path = repeat(loop, folder / "video.mp4", length_s)
        lakes = folder / f"whole-{length_s:g}", folder / f"split-{length_s:g}"
        ways = (("whole", 1, float("inf")), ("split", 2, 30.0))
        for lake, (name, readers, span_s) in zip(lakes, ways, strict=True):
            run = scan(path, lake, readers, span_s, sample_fps)
            cells = "".join(f"{run[kind]:>{width},.0f}" for kind, width in kinds.items())
            took = f"{run['wall_s']:,.0f} s"
            print(f"{length_s:>8g} s{name:>10}{run['faces']:>9,}{cells}  {took}", flush=True)
        for table, rows in compare(*lakes).items():
            print(f"{'':10}{table:>10}{rows:>9,} rows, equal")


def compare(first: Path, second: Path) -> dict[str, int]:
    """Return how many rows each table has, the same in both lakes; end where they differ."""
    counts: dict[str, int] = {}
    for table in COMPARED:
        ours, theirs = (_rows(lake, table) for lake in (first, second))
        if ours != theirs:
            sys.exit(
                f"{table} differ: {len(ours)} and {len(theirs)} rows, {len(set(ours) ^ set(theirs))} in one"
            )
        counts[table] = len(ours)
    for lake in (first, second):
        offences = {name: count for name, count in Catalog(Lake.open(lake)).run_checks().items() if count}
        if offences:
            sys.exit(f"{lake} offends {offences}")
    return counts


def _rows(lake: Path, table: str) -> list[str]:
    rows = Catalog(Lake.open(lake)).view(table).to_pylist()
    kept = ({name: value for name, value in row.items() if name not in OTHERWISE} for row in rows)
    # By the digits that make the same bits: repr of a float is exact.
    return sorted(repr(sorted(row.items())) for row in kept)


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scan", action="store_true", help="whole scans, not only the reader")
    parser.add_argument("--lengths", help="seconds [default: 10,600,7200, of scans 10,1800]")
    parser.add_argument("--people", help="[default: 1,8, of scans 8]")
    parser.add_argument("--sample-fps", type=float, help="[default: 1, of scans 2]")
    parser.add_argument("--run", type=Path, help="read one video in this process, for this script")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    sample_fps = options.sample_fps or (2.0 if options.scan else 1.0)
    if options.run:
        print(json.dumps(read(options.run, sample_fps)))
        return
    lengths = options.lengths or ("10,1800" if options.scan else "10,600,7200")
    lengths_s = [float(length) for length in lengths.split(",")]
    people = [int(count) for count in (options.people or ("8" if options.scan else "1,8")).split(",")]
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} CPUs, {datetime.now(UTC):%Y-%m-%d}, {sample_fps:g} frames a second")
    with tempfile.TemporaryDirectory() as folder:
        if options.scan:
            watch_scans(Path(folder), people[0], lengths_s, sample_fps)
        else:
            watch_readers(Path(folder), people, lengths_s, sample_fps)


if __name__ == "__main__":
    main()
