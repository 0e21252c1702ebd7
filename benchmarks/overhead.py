"""What Ray, Prefect and the lake cost: a scan against a plain loop over the same functions, in one run.

    python -m benchmarks.overhead [--videos 200] [--one-core]

Renders short videos once, then runs both as processes of their own, in turn, and prints wall seconds, CPU
seconds and peak memory of the whole process tree, the ratio, and the overhead per video. The loop reads and
describes in one process, one video after the other; both use the same recipe and checkpoint.

Measured on an idle machine with 2 x86-64 cores, 2026-11-29, 60 videos of 2 to 3 s, the demonstration
checkpoint that comes with facesift, medians of three rounds:

            wall s   CPU s   peak MiB
    loop      31.7    31.3        618
    scan      45.3    52.6      2,151

1.43 times the loop's wall time, 21 s of CPU more, most of which is the start of Prefect's server, Ray and
three workers. With 200 videos the second core makes up for that (2026-11-30, one round): loop 95.5 s, scan
97.9 s, 1.03 times; 32 s of CPU more, 0.16 s per video; 674 and 2,264 MiB.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from flows.request import ScanRequest
from model.synthetic.archive import ArchiveConfig, write_archive
from storage.archive import Take, list_sources
from storage.records import Source, Video
from workers.describer import Describer
from workers.reader import Reader, RowIds


class Tree:
    """Watches a process and all its descendants."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.peak_bytes = 0
        self._cpu_s: dict[int, float] = {}
        self._root = psutil.Process(process.pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            total = 0
            try:
                members = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            for member in members:
                try:
                    total += member.memory_full_info().pss  # shared pages once
                    times = member.cpu_times()
                    self._cpu_s[member.pid] = times.user + times.system
                except psutil.Error:
                    continue
            self.peak_bytes = max(self.peak_bytes, total)

    def end(self) -> float:
        self._ended.set()
        self._thread.join()
        return sum(self._cpu_s.values())


def measure(command: list[str]) -> dict[str, float]:
    started_s = time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    tree = Tree(process)
    code = process.wait()
    wall_s = time.perf_counter() - started_s
    cpu_s = tree.end()
    assert code == 0, f"{command} ended with {code}"
    return {"wall_s": wall_s, "cpu_s": cpu_s, "peak_mib": tree.peak_bytes / 2**20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--archive", type=Path, help="Folder of videos; rendered when not given.")
    parser.add_argument("--one-core", action="store_true", help="Give both one core: wall time is then work.")
    parser.add_argument("--loop", action="store_true", help="Run the plain loop over --archive, unmeasured.")
    arguments = parser.parse_args()
    if arguments.loop:
        loop(arguments.archive)
        return
    if arguments.one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        archive = arguments.archive or render(Path(folder) / "archive", arguments.videos)
        runs: dict[str, list[dict[str, float]]] = {"loop": [], "scan": []}
        for number in range(arguments.rounds):
            lake = str(Path(folder) / f"lake-{number}")
            python = [sys.executable]
            runs["loop"].append(measure([*python, __file__, "--loop", "--archive", str(archive)]))
            runs["scan"].append(measure([*python, "-m", "flows", "scan", str(archive), "--lake", lake]))
        report(runs, arguments.videos)


def loop(archive: Path) -> None:
    """Read and describe every video, one after the other, and keep nothing."""
    pinned = ScanRequest((str(archive),), "").pin()
    reader, describer = Reader(pinned.recipe.reader), Describer(pinned.describer())
    rows = 0
    for item in list_sources([str(archive)]):
        if not isinstance(item.fate, Take):
            continue
        source = Source(
            item.uri,
            item.size_bytes,
            item.etag,
            item.modified_at,
            datetime.now(UTC),
            "scan",
            pinned.recipe_id,
        )
        for part in reader.read(reader.fetch(source), RowIds(pinned.recipe_id, "attempt", "scan")):
            if isinstance(part, Video):
                rows += 1
                continue
            rows += sum(len(of_table) for of_table in part.rows)
            if part.cuts:
                described = describer.describe(part.cuts)
                rows += len(described.clips) + len(described.answers) + len(described.findings)
    print(rows)


def render(folder: Path, videos: int) -> Path:
    config = ArchiveConfig(sizes_px=((320, 240), (640, 360)), seconds=(2.0, 3.0))
    write_archive(folder, videos, seed=11, config=config, processes=os.cpu_count() or 1)
    return folder


def report(runs: dict[str, list[dict[str, float]]], videos: int) -> None:
    def middle(name: str, figure: str) -> float:
        return statistics.median(run[figure] for run in runs[name])

    for name, of_name in runs.items():
        figures = ", ".join(f"{figure} {middle(name, figure):.1f}" for figure in of_name[0])
        print(f"{name}: {figures}  (medians of {len(of_name)})")
    ratio = middle("scan", "wall_s") / middle("loop", "wall_s")
    extra_s = (middle("scan", "cpu_s") - middle("loop", "cpu_s")) / videos
    result: dict[str, Any] = {
        "videos": videos,
        "scan_wall_over_loop_wall": round(ratio, 3),
        "scan_cpu_over_loop_cpu": round(middle("scan", "cpu_s") / middle("loop", "cpu_s"), 3),
        "load": os.getloadavg(),
        "extra_cpu_s_per_video": round(extra_s, 3),
        "hardware": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "runs": runs,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
