"""How long a night takes that finds nothing new: the whole program, over a lake that knows every object.

    python -m benchmarks.night [--objects 100000] [--rounds 3]

Makes a folder of so many files and a lake in which each of them has its result, then runs `facesift nightly
--once` over both and prints, of each round, wall seconds, CPU seconds and peak memory of all its processes
(Prefect's server is one), as JSON with the machine and the date.

Measured with 2 x86-64 cores (AMD EPYC, no GPU), 2026-11-30, 100,000 objects, two rounds: 14.8 and 15.2 s of
wall clock, 12.7 and 13.1 s of CPU, at most 975 MiB.
"""
# pyright: reportUnknownParameterType=false
# pyarrow comes without types.

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pyarrow as pa

from benchmarks.overhead import measure
from benchmarks.plan import CHUNK_ROWS, columns, content
from flows.request import ScanRequest
from storage.archive import list_sources
from storage.catalog import Catalog
from storage.lake import Lake
from storage.listing import Listed
from storage.records import RecipeRecord
from storage.tables import Rows

FOLDER_FILES = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="Time a night without news.")
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        archive, lake = Path(folder) / "archive", Path(folder) / "lake"
        make_files(archive, arguments.objects)
        fill(archive, lake)
        command = [sys.executable, "-m", "flows", "nightly", "--once", str(archive), "--lake", str(lake)]
        rounds = [measure(command) for _ in range(arguments.rounds)]
        nights = Catalog(Lake(lake)).query("select sources_listed, sources_planned from scans").to_pylist()
    assert nights == [{"sources_listed": arguments.objects, "sources_planned": 0}] * arguments.rounds
    figures = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cpus": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "objects": arguments.objects,
        "rounds": rounds,
    }
    print(json.dumps(figures, indent=2))


def make_files(archive: Path, objects: int) -> None:
    for number in range(objects):
        path = archive / f"{number // FOLDER_FILES:04}" / f"{number:09}.mp4"
        if number % FOLDER_FILES == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(b"x")


def fill(archive: Path, lake: Path) -> None:
    """Make a lake that has a result of every file, as a first night leaves it."""
    pinned = ScanRequest((str(archive),), str(lake)).pin()
    recipe_id, now = pinned.recipe_id, datetime.now(UTC)
    made = Lake(lake)
    made.append([RecipeRecord(recipe_id, pinned.recipe_json, "demonstration", True, now)])
    numbered = enumerate(list_sources([str(archive)]))
    while chunk := list(islice(numbered, CHUNK_ROWS)):
        numbers, listed = [number for number, _ in chunk], [item for _, item in chunk]
        made.append([Rows("sources", sources(numbers, listed, recipe_id, now))])
        made.append([Rows("videos", videos(numbers, listed, recipe_id, now))])


def sources(numbers: list[int], listed: list[Listed], recipe_id: str, now: datetime) -> pa.Table:
    return columns(
        "sources",
        len(listed),
        uri=[item.uri for item in listed],
        size_bytes=[item.size_bytes for item in listed],
        etag=[item.etag for item in listed],
        modified_at=[item.modified_at for item in listed],
        listed_at=now,
        scan_id="scan",
        recipe_id=recipe_id,
        video_id=[content(10 * number) for number in numbers],
    )


def videos(numbers: list[int], listed: list[Listed], recipe_id: str, now: datetime) -> pa.Table:
    return columns(
        "videos",
        len(listed),
        video_id=[content(10 * number) for number in numbers],
        recipe_id=recipe_id,
        attempt_id=[f"attempt-{number:025}" for number in numbers],
        uri=[item.uri for item in listed],
        committed_at=now,
    )


if __name__ == "__main__":
    main()
