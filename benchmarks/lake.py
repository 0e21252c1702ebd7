"""How long the lake takes to commit, and to tell what is done; `benchmarks.plan` times the plan itself.

    python -m benchmarks.lake [--sources 100000] [--commits 200]

Prints JSON, with the machine and the date.
"""
# pyright: reportUnknownLambdaType=false
# pyarrow comes without types.

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

from storage.archive import list_sources
from storage.catalog import Catalog
from storage.lake import Lake
from storage.records import Box, Failure, RecipeRecord, Record, Shot, Source, Track, Video, track_id

START = datetime(2026, 1, 1, tzinfo=UTC)
RECIPE = "1b4f0e9851971998"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the lake.")
    parser.add_argument("--sources", type=int, default=100_000)
    parser.add_argument("--commits", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = {
            **append_times(Lake(Path(folder) / "appends"), arguments.commits),
            **plan_times(Lake(Path(folder) / "plan"), arguments.sources),
            **listing_times(Path(folder) / "archive"),
        }
    machine = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
    }
    print(json.dumps(machine | figures, indent=2))


def append_times(lake: Lake, commits: int) -> dict[str, float]:
    """Commit one video after the other: five tables each, 500 boxes."""
    times_s = [timed(lambda: lake.append(one_video(number)))[0] for number in range(commits)]  # noqa: B023
    query_s, _ = timed(lambda: Catalog(lake).query("select count(*), avg(score) from boxes"))
    return {
        "append_first_20_s": round(median(times_s[:20]), 4),
        "append_last_20_s": round(median(times_s[-20:]), 4),
        f"query_boxes_in_{commits}_files_s": round(query_s, 4),
    }


def plan_times(lake: Lake, sources: int) -> dict[str, float]:
    """Of so many sources, 90 percent have a result, 5 percent are copies, 5 percent have failed."""
    rows: list[Record] = [RecipeRecord(RECIPE, "{}", "model", True, START)]
    for number in range(sources):
        rows += settled_source(number)
    append_s, _ = timed(lambda: lake.append(rows))
    settled = "select count(*) as sources from listings where is_settled"
    settled_s, rows = timed(lambda: Catalog(lake).query(settled).to_pylist())
    assert rows == [{"sources": sources}]
    coverage_s, _ = timed(lambda: Catalog(lake).view("coverage"))
    return {
        "sources": sources,
        "append_all_s": round(append_s, 3),
        "listings_s": round(settled_s, 3),
        "coverage_s": round(coverage_s, 3),
    }


def listing_times(folder: Path, files: int = 20_000) -> dict[str, float]:
    """List empty files in folders of a hundred."""
    for number in range(files):
        path = folder / f"{number // 100:04}" / f"{number:06}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    listing_s, listed = timed(lambda: sum(1 for _ in list_sources([str(folder)])))
    return {"files": listed, "list_sources_s": round(listing_s, 3)}


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = act()
    return time.perf_counter() - started, result


def one_video(number: int) -> list[Record]:
    ids = (video_id(number), RECIPE, f"attempt-{number}")
    of_track = track_id(*ids[:2], 0)
    landmarks = (1.5,) * 136
    return [
        source(number, ids[0]),
        Shot(*ids, 0, 0, 0.0),
        Track(of_track, *ids, 0, 0, 0.0, 20.0, 0, 499, 500, 0.9, None),
        *(
            Box(of_track, *ids, frame, frame, 0.04 * frame, 1, 2, 64, 80, 0.9, 0.8, 99, 1, 2, 3, landmarks)
            for frame in range(500)
        ),
        video(number, 500),
    ]


def settled_source(number: int) -> list[Record]:
    listed = source(number, None)
    match number % 20:
        case 0:
            failed = Failure(
                uri=listed.uri,
                video_id=None,
                recipe_id=RECIPE,
                scan_id="scan",
                size_bytes=listed.size_bytes,
                etag=listed.etag,
                stage="decode",
                error="SourceError",
                message="no frames",
                attempt=1,
                is_retryable=False,
                is_quarantined=False,
                failed_at=listed.listed_at,
            )
            return [listed, failed]
        case 1:
            return [listed, source(number, video_id(number + 1))]
        case _:
            return [listed, source(number, video_id(number)), video(number, 3)]


def source(number: int, of_video: str | None) -> Source:
    uri = f"/archive/{number // 100:04}/{number:08}.mp4"
    listed_at = START + timedelta(milliseconds=number)
    return Source(uri, 1_000_000 + number, str(number), START, listed_at, "scan", RECIPE, of_video)


def video(number: int, faces: int) -> Video:
    return Video(
        video_id=video_id(number),
        recipe_id=RECIPE,
        attempt_id=f"attempt-{number}",
        scan_id="scan",
        uri=source(number, None).uri,
        size_bytes=1_000_000 + number,
        container="mov,mp4",
        codec="h264",
        pixel_format="yuv420p",
        width_px=640,
        height_px=360,
        fps=25.0,
        duration_s=20.0,
        rotation_deg=0,
        sample_aspect_ratio="1:1",
        time_base="1/12800",
        start_pts=0,
        decoder="pyav",
        frames_decoded=500,
        frames_sampled=500,
        packets_damaged=0,
        is_partial=False,
        partial_reason=None,
        faces=faces,
        tracks=1,
        clips=0,
        findings=0,
        read_s=1.0,
        describe_s=0.0,
        committed_at=START + timedelta(seconds=number),
    )


def video_id(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


if __name__ == "__main__":
    main()
