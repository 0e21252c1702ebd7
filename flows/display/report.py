"""The report: a page with a lake's coverage, failures and faces, for people who would rather look."""
# pyright: reportUnknownParameterType=false
# pyarrow comes without types.

import base64
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pyarrow.compute import field

from flows.status import read_status
from flows.summary import DEMONSTRATION_NOTICE, STATUSES, printable
from storage.catalog import Catalog
from storage.lake import Lake

Key = tuple[str, str]
"""video_id and recipe_id."""


def draw_report(lake: Lake, *, videos: int = 100) -> str:
    """Return the page as HTML in one file, pictures included.

    Args:
        lake: whose results.
        videos: show at most so many; the highest deepfake scores first. The page says how many there are.
    """
    catalog = Catalog(lake).frozen()
    status = read_status(catalog)
    found = catalog.view("video_summary")
    found = found.filter(field("tracks") > 0)
    found = found.sort_by(
        [("deepfake_score", "descending"), ("uri", "ascending"), ("recipe_id", "ascending")]
    )
    shown: list[dict[str, Any]] = found.slice(0, videos).to_pylist()
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
        failed_checks=status.failed_checks,
        videos=shown,
        videos_in_all=found.num_rows,
        clips=_clips(lake, catalog, shown),
    )


def _clips(
    lake: Lake, catalog: Catalog, videos: Sequence[Mapping[str, Any]]
) -> Mapping[Key, Sequence[Mapping[str, Any]]]:
    """Return the clips of some videos in order, each with its picture and its answers."""
    answers: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for answer in _of(videos, catalog.view("answers")):
        answers[answer["clip_id"]].append(answer)
    clips: defaultdict[Key, list[Mapping[str, Any]]] = defaultdict(list)
    for clip in sorted(_of(videos, catalog.view("clip_summary")), key=lambda clip: clip["clip_id"]):
        said = answers[clip["clip_id"]]
        whole = clip | {"picture": _picture(lake, clip["evidence"]), "answers": said}
        clips[clip["video_id"], clip["recipe_id"]].append(whole)
    return clips


def _of(videos: Sequence[Mapping[str, Any]], rows: pa.Table) -> list[dict[str, Any]]:
    """Return the rows that belong to some videos under their recipes."""
    keys = {(video["video_id"], video["recipe_id"]) for video in videos}
    ids = pa.array([video_id for video_id, _ in keys], pa.string())
    found: list[dict[str, Any]] = rows.filter(field("video_id").isin(ids)).to_pylist()
    return [row for row in found if (row["video_id"], row["recipe_id"]) in keys]


def _picture(lake: Lake, evidence: str | None) -> str | None:
    data = lake.read_evidence(evidence) if evidence else None
    return base64.b64encode(data).decode() if data else None
