"""Two reader actors against one, one decoder thread each: video seconds per second.

    python -m benchmarks.scaling [--videos 24] [--rounds 3] [--archive FOLDER] > scaling.json
    python -m benchmarks.scale_sim --check scaling.json

The fleet is the real one, over Ray; the describer says nothing, so that what is measured is reading, Ray and
the driver's loop. Actors are up and have read a video before the clock starts. One and two readers take
turns.

Wall time says something only on a machine that has two cores to give. The processor time of the readers says
something anywhere: what a second reader costs on top of twice the work.

Measured with 2 x86-64 cores (AMD EPYC, no GPU), 2026-11-30, 24 rendered videos of 117 s in all, medians of
two rounds: one reader 14.1 s of video per second, two 25.6: 1.81 times, for 1.01 times the processor time.
The simulation predicts 27.5 from its stage costs, 1.07 times what was measured.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from model.synthetic.archive import ArchiveConfig, write_archive
from storage.archive import Take, list_sources
from storage.records import Source
from workers.clipper import ClipCut
from workers.describer import Described
from workers.fleet import Fleet, FleetConfig
from workers.outcome import Done, Job
from workers.reader import Reader, ReaderConfig, RowIds


class SilentDescriber:
    """Answers nothing, at once."""

    def describe(self, cuts: Sequence[ClipCut]) -> Described:
        return Described(tuple(cut.record for cut in cuts), (), (), (), 0.0)


def _is_ours(_job: Job, _video_id: str) -> bool:
    return True


def measure(archive: Path, readers: int) -> dict[str, float]:
    """Read an archive with so many readers."""
    config = replace(ReaderConfig(), decoder=replace(ReaderConfig().decoder, threads=1))
    jobs = [
        Job(
            Source(
                item.uri, item.size_bytes, item.etag, item.modified_at, datetime.now(UTC), "scan", "recipe"
            )
        )
        for item in list_sources([str(archive)])
        if isinstance(item.fate, Take)
    ]
    numbers = itertools.count()

    def new_ids() -> RowIds:
        return RowIds("recipe", f"attempt-{next(numbers)}", "scan")

    make_describer: Any = SilentDescriber
    with Fleet(FleetConfig(readers=readers, describers=1), partial(Reader, config), make_describer) as fleet:
        list(fleet.scan(jobs[:readers], new_ids, _is_ours))
        cpu_s, own_s, began_s = fleet.usage().cpu_s, time.process_time(), time.perf_counter()
        done = [end for end in fleet.scan(jobs, new_ids, _is_ours) if isinstance(end, Done)]
        wall_s = time.perf_counter() - began_s
        driver_cpu_s = time.process_time() - own_s
        actors_cpu_s = fleet.usage().cpu_s - cpu_s - driver_cpu_s
    assert len(done) == len(jobs), f"{len(done)} of {len(jobs)} videos were read"
    video_s = sum(end.video.duration_s for end in done)
    read_s = sum(end.video.read_s for end in done)
    return {
        "video_s": video_s,
        "video_s_per_s": video_s / wall_s,
        "wall_s": wall_s,
        "read_s": read_s,
        "between_s": max(0.0, wall_s * readers - read_s),
        "driver_cpu_s": driver_cpu_s,
        "actors_cpu_s": actors_cpu_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--videos", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--archive", type=Path, help="Folder of videos; rendered when not given.")
    arguments = parser.parse_args()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        archive = arguments.archive or Path(folder)
        if arguments.archive is None:
            config = ArchiveConfig(sizes_px=((640, 360),), seconds=(4.0, 6.0))
            write_archive(archive, arguments.videos, seed=3, config=config, processes=2)
        runs: dict[int, list[dict[str, float]]] = {1: [], 2: []}
        for _ in range(arguments.rounds):
            for readers, of_one in runs.items():
                of_one.append(measure(archive, readers))
    one, two = (
        {key: statistics.median(run[key] for run in of_one) for key in of_one[0]} for of_one in runs.values()
    )
    result = {
        "videos": arguments.videos,
        "video_s": one["video_s"],
        "two_over_one": round(two["video_s_per_s"] / one["video_s_per_s"], 3),
        "cpu_two_over_one": round(two["actors_cpu_s"] / one["actors_cpu_s"], 3),
        "one": one,
        "two": two,
        "load": os.getloadavg(),
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
