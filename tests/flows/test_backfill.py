"""A lake's own sources under another recipe, portion by portion, by a fleet that only plays."""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from flows.display.progress import ScanProgress
from flows.recipe import PinnedRecipe, Recipe
from flows.request import ScanRequest
from flows.run import ScanRun
from flows.steps import plan_scan, read_shard
from flows.summary import ScanSummary
from flows.usage import UsageError
from storage.backlog import Backlog
from storage.catalog import Catalog
from storage.lake import Lake
from tests.flows.played import PlayedFleet
from tests.flows.test_run import IDENTITY
from workers.trace import Trace


class Archive:
    """A folder that was scanned once, and its lake."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "archive"
        self.folder.mkdir()
        self.lake = Lake(folder / "lake")
        self.read: list[str] = []
        for age, name in enumerate(("new", "middle", "old", "copy of old", "broken", "note.txt")):
            path = self.folder / name
            path.write_text({"broken": "broken", "copy of old": "faces 1 old"}.get(name, f"faces 1 {name}"))
            changed_at = 1_700_000_000 - age * 1000
            os.utime(path, (changed_at, changed_at))
        self.scan(ScanRequest((str(self.folder),), self.lake.root))

    def scan(self, request: ScanRequest) -> ScanSummary:
        run, fleet = ScanRun(request), PlayedFleet()
        with ScanProgress("none") as progress:
            for shard in plan_scan(run, progress):
                read_shard(run, fleet, shard, progress, Trace(None))
        self.read = fleet.read
        return run.close()

    def backfill(self, limit: int | None = None, backlog: Backlog | None = None) -> ScanSummary:
        request = ScanRequest((), self.lake.root, limit=limit, backlog=backlog or Backlog())
        return self.scan(replace(request, tasks=("age",)))


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    def pin(request: ScanRequest) -> PinnedRecipe:
        return PinnedRecipe(Recipe(tasks=request.tasks or ("deepfake",)), "/nowhere", IDENTITY)

    monkeypatch.setattr(ScanRequest, "pin", pin)
    return Archive(tmp_path)


def test_each_run_goes_on_where_the_one_before_stopped(archive: Archive) -> None:
    first = archive.backfill(limit=2)
    # What failed before comes last; of two equal files one is read.
    assert archive.read == ["copy of old"]
    assert Counter(first.by_status) == Counter(done=1, duplicate=1, pending=3)
    assert first.listed == 5
    second = archive.backfill(limit=2)
    assert archive.read == ["middle", "new"]
    assert Counter(second.by_status) == Counter(done=3, duplicate=1, pending=1)
    third = archive.backfill(limit=2)
    assert archive.read == ["broken"]
    assert Counter(third.by_status) == Counter(done=3, duplicate=1, failed=1)
    assert archive.backfill().is_idle
    coverage = Catalog(archive.lake).view("coverage").to_pylist()
    assert [row["done"] for row in coverage] == [3, 3]
    assert not any(Catalog(archive.lake).run_checks().values())


def test_the_newest_first_and_only_what_matches(archive: Archive) -> None:
    archive.backfill(limit=1, backlog=Backlog("newest"))
    assert archive.read == ["new"]
    summary = archive.backfill(backlog=Backlog(source="*/*old"))
    assert (summary.listed, archive.read) == (2, ["copy of old"])


def test_what_is_gone_does_not_stand_in_the_way(archive: Archive) -> None:
    (archive.folder / "copy of old").unlink()
    summary = archive.backfill(limit=1)
    assert Counter(summary.by_status)["failed"] == 1
    archive.backfill(limit=1)
    assert archive.read == ["old"]


def test_a_backlog_is_that_of_a_lake(tmp_path: Path) -> None:
    request = ScanRequest((), str(tmp_path / "none"), backlog=Backlog())
    with pytest.raises(UsageError, match="a backlog is that of a lake"):
        request.list_sources()
