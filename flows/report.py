"""The report: a page with a lake's coverage, failures and faces, for people who would rather look."""

import base64
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from flows.status import read_status
from flows.summary import DEMONSTRATION_NOTICE, STATUSES, printable
from storage.catalog import Catalog
from storage.lake import Lake


def draw_report(lake: Lake, *, videos: int = 100) -> str:
    """Return the page as HTML in one file, pictures included.

    Args:
        lake: whose results.
        videos: show at most so many; the highest deepfake scores first. The page says how many there are.
    """
    catalog = Catalog(lake)
    status = read_status(catalog)
    found: list[dict[str, Any]] = [row for row in catalog.view("video_summary").to_pylist() if row["tracks"]]
    found.sort(key=lambda row: (-(row["deepfake_score"] or 0.0), row["uri"]))
    shown = found[:videos]
    keys = {(row["video_id"], row["recipe_id"]) for row in shown}
    clips: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for clip in catalog.view("clip_summary").to_pylist():
        key = (clip["video_id"], clip["recipe_id"])
        if key in keys:
            clips[key].append(clip | {"picture": _picture(lake, clip["evidence"])})
    for of_video in clips.values():
        of_video.sort(key=lambda clip: clip["clip_id"])
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["printable"] = printable
    return environment.get_template("report.html.j2").render(
        lake=lake.root,
        notice=DEMONSTRATION_NOTICE if status.is_demonstration else None,
        made_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        statuses=STATUSES,
        coverage=status.coverage,
        failures=status.failures_by_reason,
        videos=shown,
        videos_in_all=len(found),
        clips=clips,
    )


def _picture(lake: Lake, evidence: str | None) -> str | None:
    data = lake.read_evidence(evidence) if evidence else None
    return base64.b64encode(data).decode() if data else None
