"""Scans one after the other over an archive that changes in between, by a fleet that only plays."""

import ast
import json
import os
import platform
import shutil
import sys
from collections import Counter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from flows.display.progress import ScanProgress
from flows.recipe import PinnedRecipe, Recipe
from flows.request import ScanRequest
from flows.run import SOFTWARE, ScanRun
from flows.steps import plan_scan, read_shard
from flows.summary import STATUSES, ScanSummary
from model.checkpoints.identity import CheckpointIdentity, Fingerprint
from model.network.config import FaceLlavaConfig
from storage.catalog import Catalog
from storage.lake import Lake
from tests.flows.played import PlayedFleet
from workers.trace import Trace

IDENTITY = CheckpointIdentity(
    "model-1", Fingerprint("12" * 32, (), is_demonstration=True), config=FaceLlavaConfig(), directory=Path()
)
CHECKS = ("coverage_adds_up", "keys_are_unique", "failures_are_listed", "counts_match")


class Nights:
    """An archive, its lake, and a scan whenever one is asked for."""

    def __init__(self, folder: Path) -> None:
        self.archive = folder / "archive"
        self.archive.mkdir()
        self.lake = Lake(folder / "lake")
        self.read: list[str] = []
        """Names of what the last scan read."""

    def run(self, limit: int | None = None, archive: Path | None = None) -> ScanRun:
        return ScanRun(ScanRequest((str(archive or self.archive),), self.lake.root, limit=limit))

    def scan(self, limit: int | None = None) -> ScanSummary:
        """Scan, and compare the account with what the lake says."""
        run, fleet = self.run(limit), PlayedFleet()
        with ScanProgress("none") as progress:
            for shard in plan_scan(run, progress):
                read_shard(run, fleet, shard, progress, Trace(None))
        summary, self.read = run.close(), sorted(fleet.read)

        assert summary.adds_up
        statuses = self.check()
        there = {str(path) for path in self.archive.rglob("*")}
        assert Counter(summary.by_status) == Counter(statuses[uri] for uri in there)
        failed = {uri for uri in there if statuses[uri] == "failed"}
        assert {failure.uri for failure in summary.failures} == failed
        return summary

    def check(self) -> dict[str, str]:
        """Run the checks and compare the coverage with the listings; return the status of every uri."""
        with Catalog(self.lake).connect() as lake:
            for name in CHECKS:
                assert lake.sql(f"from checks.{name}").fetchall() == []
            statuses: dict[str, str] = dict(lake.sql("select uri, status from listings").fetchall())
            (counts,) = lake.sql(f"select {', '.join(STATUSES)} from coverage").fetchall()
        assert Counter(statuses.values()) == Counter(dict(zip(STATUSES, counts, strict=True)))
        return statuses

    def by_name(self) -> dict[str, str]:
        """Status and reason, by the name of the file."""
        return {
            Path(row["uri"]).name: f"{row['status']}: {row['reason']}" if row["reason"] else row["status"]
            for row in Catalog(self.lake).view("listings").to_pylist()
        }

    def write(self, name: str, words: str) -> Path:
        (self.archive / name).write_text(words)
        return self.archive / name


@pytest.fixture
def nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nights:
    def pin(_: ScanRequest) -> PinnedRecipe:
        return PinnedRecipe(Recipe(), "/nowhere", IDENTITY)

    monkeypatch.setattr(ScanRequest, "pin", pin)
    return Nights(tmp_path)


def test_a_first_scan_and_one_over_the_same_again(nights: Nights) -> None:
    contents = {"a": "faces 2", "b": "faces 1", "c": "faces 0", "x": "broken", "y": "flaky", "z": "misfit"}
    for name, words in {**contents, "n.txt": ""}.items():
        nights.write(name, words)
    summary = nights.scan()
    counts = {"done": 2, "no_face": 1, "failed": 3, "duplicate": 0, "skipped": 1, "pending": 0}
    assert summary.by_status == counts
    assert (summary.listed, summary.planned, summary.videos_read, summary.tracks) == (7, 6, 3, 3)
    assert (summary.faces, summary.clips, summary.video_s) == (6, 3, 30.0)
    assert summary.reasons == {
        "commit: UnicodeEncodeError": 1,
        "decode: InvalidDataError": 1,
        "decode: OSError": 1,
    }
    assert all(failure.is_new for failure in summary.failures)
    assert summary.exit_code == 1

    again = nights.scan()
    assert again.by_status == counts
    assert nights.read == ["y"]  # only what may pass by itself is tried again
    assert [(Path(failure.uri).name, failure.is_new) for failure in again.failures] == [
        *(("y", True), ("x", False), ("z", False))
    ]
    assert again.videos_read == again.faces == 0


def test_every_change_of_an_archive_between_two_scans(nights: Nights) -> None:
    """Each file has the name of what happens to it after the first night."""
    archive, elsewhere = nights.archive, nights.archive.parent
    for name in ("changed", "copied", "deleted", "held", "moved", "overwritten", "touched", "vanished"):
        nights.write(name, f"faces 1 in {name}")
    for name in ("lost", "mended", "touched lost"):
        nights.write(name, f"broken {name}")
    for name in ("deleted flaky", "mended flaky"):
        nights.write(name, f"flaky {name}")
    nights.write("broken later", "faces 0")
    shutil.copy(archive / "held", archive / "held copy")
    (archive / "link").symlink_to(archive / "linked later")
    first = nights.scan()
    assert Counter(first.by_status) == Counter(done=8, no_face=1, failed=6, duplicate=1)
    assert len(nights.read) == 14

    for name in ("touched", "touched lost"):
        os.utime(archive / name)
    nights.write("changed", "faces 0 after the change")
    for name in ("copied", "lost"):
        shutil.copy(archive / name, archive / f"{name} copy")
    for name in ("deleted", "deleted flaky"):
        (archive / name).unlink()
    nights.write("held", "faces 1 of another")
    (archive / "moved").rename(archive / "moved away")
    shutil.copy(archive / "copied", archive / "overwritten")
    (archive / "vanished").rename(elsewhere / "vanished")
    for name in ("mended", "mended flaky"):
        nights.write(name, f"faces 1 in {name}, at last")
    shutil.copy(archive / "lost", archive / "broken later")
    nights.write("linked later", "faces 1 behind a link")
    second = nights.scan()
    assert nights.read == ["changed", "held", "link", "mended", "mended flaky"]
    assert Counter(second.by_status) == Counter(done=7, no_face=1, failed=4, duplicate=4)
    by_name = nights.by_name()
    assert by_name == {
        "broken later": f"failed: decode: InvalidDataError: no frame (same content as {archive}/lost)",
        "changed": "no_face",
        "copied": "done",
        "copied copy": f"duplicate: same content as {archive}/copied",
        # What is no longer there keeps what is known of it.
        "deleted": "done",
        "deleted flaky": "failed: decode: OSError: stale",
        "held": "done",
        "held copy": "done",  # its result is its own now
        "link": "done",
        "linked later": f"duplicate: same content as {archive}/link",
        "lost": "failed: decode: InvalidDataError: no frame",
        "lost copy": f"failed: decode: InvalidDataError: no frame (same content as {archive}/lost)",
        "mended": "done",
        "mended flaky": "done",
        "moved": "done",
        "moved away": f"duplicate: same content as {archive}/moved",
        "overwritten": f"duplicate: same content as {archive}/copied",
        "touched": "done",
        "touched lost": "failed: decode: InvalidDataError: no frame",
        "vanished": "done",
    }
    assert second.listed == 16

    (elsewhere / "vanished").rename(archive / "vanished")
    third = nights.scan()
    assert nights.read == []
    assert Counter(third.by_status) == Counter(second.by_status) + Counter(done=1)
    assert nights.by_name() == by_name
    assert not any(failure.is_new for failure in third.failures)


def test_what_is_over_the_limit_is_pending_until_its_turn_comes(nights: Nights) -> None:
    for name in "abc":
        nights.write(name, f"faces 1 in {name}")
    for name in "de":
        nights.write(name, "faces 1 in a")
    nights.write("b", "flaky")
    assert Counter(nights.scan(limit=2).by_status) == Counter(done=1, failed=1, pending=3)
    # The one that failed is in its turn again, before what was never tried.
    summary = nights.scan(limit=2)
    assert nights.read == ["b", "c"]
    assert Counter(summary.by_status) == Counter(done=2, failed=1, pending=2)
    summary = nights.scan()
    assert nights.read == ["b"]
    assert Counter(summary.by_status) == Counter(done=2, failed=1, duplicate=2)


def test_what_another_scan_did_meanwhile_counts(nights: Nights) -> None:
    for name in "abc":
        nights.write(name, f"faces 1 in {name}")
    run = nights.run(limit=1)
    with ScanProgress("none") as progress:
        (shard,) = plan_scan(run, progress)
        nights.scan()
        read_shard(run, PlayedFleet(), shard, progress, Trace(None))
    summary = run.close()
    assert Counter(summary.by_status) == Counter(done=3)
    assert nights.by_name() == dict.fromkeys("abc", "done")
    nights.check()
    assert len(Catalog(nights.lake).view("videos").to_pylist()) == 3


def test_one_lake_holds_the_scans_of_several_archives(
    nights: Nights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights.write("a", "faces 1")
    nights.scan()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "copy").write_text("faces 1")
    monkeypatch.chdir(tmp_path)
    run = nights.run(archive=Path("other"))
    with ScanProgress("none") as progress:
        for shard in plan_scan(run, progress):
            read_shard(run, PlayedFleet(), shard, progress, Trace(None))
    summary = run.close()
    assert (summary.listed, Counter(summary.by_status)) == (1, Counter(duplicate=1))
    (scan,) = [row for row in Catalog(nights.lake).view("scans").to_pylist() if row["scan_id"] == run.scan_id]
    assert (scan["sources_listed"], scan["sources_planned"]) == (1, 1)
    # By the name that its sources have: what names one is found when that is to be erased.
    assert scan["archives"] == [str(tmp_path / "other")]
    assert scan["finished_at"] >= scan["started_at"]


def test_a_scan_of_an_empty_folder_ends_well(nights: Nights) -> None:
    run = nights.run()
    with ScanProgress("none") as progress:
        assert not plan_scan(run, progress)
    summary = run.close()
    assert (summary.listed, summary.exit_code, summary.adds_up) == (0, 0, True)


MAKES_NO_RESULT = {
    *("model", "workers", "storage"),  # facesift
    *("ray", "requests", "huggingface_hub", "httpx2", "safetensors"),  # move what is there, unchanged
    *("PIL", "google"),  # frames of an evaluation, without loss; the error of a damaged model
}


def test_a_scan_records_the_version_of_everything_that_makes_its_results(nights: Nights) -> None:
    root = Path(__file__).parents[2]
    rooms = (
        "workers",
        "model/engines",
        "model/network",
        "model/prompting",
        "model/parsing",
        "model/checkpoints",
    )
    used: set[str] = set()
    for path in (path for room in rooms for path in (root / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            match node:
                case ast.Import(names=names):
                    used |= {name.name.partition(".")[0] for name in names}
                case ast.ImportFrom(module=str(module), level=0):
                    used.add(module.partition(".")[0])
                case _:
                    pass
    packages = packages_distributions()
    for name in used - sys.stdlib_module_names - MAKES_NO_RESULT:
        assert set(packages.get(name, [name])) & set(SOFTWARE), name
    nights.write("a", "faces 0")
    nights.scan()
    (software,) = Catalog(nights.lake).query("select distinct software from scans")["software"].to_pylist()
    assert json.loads(software)["python"] == platform.python_version()
    assert {"scipy", "sentencepiece"} <= json.loads(software).keys()
