"""How long planning takes over a million objects, and how much memory.

    python -m benchmarks.plan [--objects 1000000]

A made listing, as a bucket's, is planned against an empty lake and against one that knows every object; each
run is a process of its own, from its first import to the summary's counts, and asks on its way which contents
the lake knows. Prints JSON, with the machine and the date.
"""
# pyright: reportUnknownParameterType=false
# pyarrow comes without types.

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from flows.plan import Plan
from storage.archive import Fate, Listed, Skip, Take
from storage.inventory import Inventory
from storage.lake import Lake
from storage.tables import Rows, tables

START = datetime(2026, 1, 1, tzinfo=UTC)
RECIPE = "1b4f0e9851971998"
CHUNK_ROWS = 100_000
KINDS = 20
"""Of so many objects one is no video by its name, one has failed, one is a copy; the rest is done."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the plan.")
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--lake", help="Plan once into this lake, here; for the runs themselves.")
    arguments = parser.parse_args()
    if arguments.lake:
        print(json.dumps(plan_once(Lake(arguments.lake), arguments.objects)))
        return
    figures: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "objects": arguments.objects,
    }
    with tempfile.TemporaryDirectory() as folder:
        fill(Lake(Path(folder) / "full"), arguments.objects)
        for name in ("empty", "full"):
            command = [sys.executable, "-m", "benchmarks.plan", "--lake", f"{folder}/{name}"]
            command += ["--objects", str(arguments.objects)]
            figures[name] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    print(json.dumps(figures, indent=2))


def plan_once(lake: Lake, objects: int) -> dict[str, Any]:
    started_s = time.perf_counter()
    with Inventory(lake, RECIPE) as inventory:
        shards = Plan(inventory, "scan", RECIPE).shards(
            listing(objects), limit=None, on_listed=lambda _: None
        )
        planned_s = time.perf_counter() - started_s
        finished, lost = inventory.contents()  # as a night with one new video asks
        contents_s = time.perf_counter() - started_s - planned_s
        counts = inventory.outcomes()
        jobs = sum(len(shard) for shard in shards)
    assert inventory.listed == sum(counts.values()) == objects
    assert jobs == inventory.planned == counts.get("pending", 0)
    assert (content(3) in finished, content(1) in lost) == (not jobs, not jobs)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "planned": jobs,
        "plan_s": round(planned_s, 1),
        "contents_s": round(contents_s, 1),
        "all_s": round(time.perf_counter() - started_s, 1),
        "process_cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_rss_mib": round(usage.ru_maxrss / 1024),
    }


def listing(objects: int) -> Iterator[Listed]:
    take = Take()
    for number in range(objects):
        fate: Fate = Skip("text, by its ending .txt") if number % KINDS == 0 else take
        yield Listed(uri(number), 1_000_000 + number, etag(number), START, fate)


def fill(lake: Lake, objects: int) -> None:
    """Make a lake that knows every object, as nights of scans leave it."""
    for start in range(0, objects, CHUNK_ROWS):
        numbers = range(start, min(start + CHUNK_ROWS, objects))
        lake.append([Rows("sources", sources(numbers, is_read=False))])
        read = [number for number in numbers if number % KINDS]
        lake.append([Rows("sources", sources(read, is_read=True))])
        lake.append([Rows("failures", failures([number for number in read if number % KINDS == 1]))])
        lake.append([Rows("videos", videos([number for number in read if number % KINDS > 2]))])


def sources(numbers: range | list[int], *, is_read: bool) -> pa.Table:
    return columns(
        "sources",
        len(numbers),
        uri=[uri(number) for number in numbers],
        size_bytes=[1_000_000 + number for number in numbers],
        etag=[etag(number) for number in numbers],
        modified_at=START,
        listed_at=START + timedelta(hours=is_read),
        scan_id="scan",
        recipe_id=RECIPE,
        video_id=[content(number) if is_read else None for number in numbers],
        skip_reason=[None if number % KINDS else "text, by its ending .txt" for number in numbers],
    )


def failures(numbers: list[int]) -> pa.Table:
    return columns(
        "failures",
        len(numbers),
        uri=[uri(number) for number in numbers],
        video_id=[content(number) for number in numbers],
        recipe_id=RECIPE,
        scan_id="scan",
        size_bytes=[1_000_000 + number for number in numbers],
        etag=[etag(number) for number in numbers],
        stage="decode",
        error="UndecodableError",
        message="FFmpeg recognises no video container",
        attempt=1,
        is_retryable=False,
        is_quarantined=False,
        failed_at=START,
    )


def videos(numbers: list[int]) -> pa.Table:
    return columns(
        "videos",
        len(numbers),
        video_id=[content(number) for number in numbers],
        recipe_id=RECIPE,
        attempt_id=[f"attempt-{number:025}" for number in numbers],
        uri=[uri(number) for number in numbers],
        faces=[number % 3 for number in numbers],
        committed_at=START,
    )


def columns(name: str, rows: int, **values: Any) -> pa.Table:
    """Return rows of a table: lists as they are, other values in every row, what is not given is nothing."""
    nothing = {pa.string(): "", pa.int64(): 0, pa.float64(): 0.0, pa.bool_(): False}
    made: list[Any] = []
    for field in tables()[name].schema:
        value = values.get(field.name, None if field.nullable else nothing.get(field.type))
        made.append(pa.array(value if isinstance(value, list) else [value] * rows, field.type))
    return pa.Table.from_arrays(made, schema=tables()[name].schema)


def uri(number: int) -> str:
    return f"s3://archive-of-a-broadcaster/2026/{number // 10_000:04}/{number // 100:06}/{number:09}.mp4"


def etag(number: int) -> str:
    return f"{number * 2_654_435_761 % 2**128:032x}"


def content(number: int) -> str:
    """Return a content's hash; that of every twentieth object is its neighbour's."""
    number += number % KINDS == 2
    return f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**256:064x}"


if __name__ == "__main__":
    main()
