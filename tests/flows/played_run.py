"""Scans with a played fleet, everything else real; also a program, to be killed or to run out of disk.

python -m tests.flows.played_run ARCHIVE LAKE
"""

import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from flows.display.progress import ScanProgress
from flows.recipe import PinnedRecipe, Recipe
from flows.request import ScanRequest
from flows.run import ScanRun
from flows.steps import plan_scan, read_shard
from flows.summary import ScanSummary
from model.checkpoints.identity import CheckpointIdentity, Fingerprint
from model.network.config import FaceLlavaConfig
from storage.catalog import Catalog
from storage.lake import Lake, LakeError
from tests.flows.played import PlayedFleet
from workers.fleet import Fleet
from workers.trace import Trace

IDENTITY = CheckpointIdentity(
    "model-1", Fingerprint("12" * 32, (), is_demonstration=True), config=FaceLlavaConfig(), directory=Path()
)
DIFFERS = {"attempt_id", "scan_id", "committed_at", "read_s", "describe_s"}
CHECKS = ("coverage_adds_up", "keys_are_unique", "failures_are_listed", "counts_match")
VIEWS = ("videos", "shots", "tracks", "boxes", "clips", "answers", "findings")


def play(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let scans need no checkpoint."""

    def pin(_: ScanRequest) -> PinnedRecipe:
        return PinnedRecipe(Recipe(), "/nowhere", IDENTITY)

    monkeypatch.setattr(ScanRequest, "pin", pin)


def scan_with(fleet: Fleet, request: ScanRequest, progress: ScanProgress | None = None) -> ScanSummary:
    """Scan with workers that may have scanned before; coverage adds up."""
    run = ScanRun(request)
    with progress or ScanProgress("none") as shown:
        for shard in plan_scan(run, shown):
            read_shard(run, fleet, shard, shown, Trace(None))
    summary = run.close()
    assert summary.adds_up
    return summary


def scan_once(archive: str, lake: str, spool_dir: Path = Path("/nowhere")) -> ScanSummary:
    return scan_with(PlayedFleet(spool_dir), ScanRequest((archive,), lake))


def rows(lake: str, apart_from: Collection[str] = ()) -> dict[str, list[str]]:
    """Every row that a video led to, and what became of each source.

    Args:
        lake: where.
        apart_from: columns that are left out, with those that differ from run to run.
    """
    left_out = DIFFERS | set(apart_from)
    catalog = Catalog(Lake.open(lake)).frozen()
    found: dict[str, list[str]] = {}
    for view in VIEWS:
        kept = catalog.view(view).to_pylist()
        found[view] = sorted(str({k: v for k, v in row.items() if k not in left_out}) for row in kept)
    statuses = catalog.query(
        "select uri, status, reason, video_id from sources where not ends_with(uri, '/')"
    )
    found["sources"] = sorted(map(str, statuses.to_pylist()))
    assert offending(catalog) == []
    return found


def offending(catalog: Catalog) -> list[str]:
    """Return the checks that find something; made rows do not pass those of contents."""
    return [name for name, count in catalog.run_checks().items() if count and name in CHECKS]


def main(archive: str, lake: str) -> None:
    """Scan, a commit every few outcomes; a lake that takes no rows is one line and status 1."""
    with pytest.MonkeyPatch.context() as patched:
        play(patched)
        patched.setattr("flows.committer.FLUSH_OUTCOMES", 4)
        sys.stdout.write("began\n")
        sys.stdout.flush()
        try:
            scan_once(archive, lake)
        except LakeError as error:
            sys.stdout.write(f"{error}\n")
            raise SystemExit(1) from error


if __name__ == "__main__":
    main(*sys.argv[1:])
