"""Faults of readers and of machines in the middle of real scans: the lake is that of an undisturbed one."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from flows.display.progress import ScanProgress
from flows.request import ScanRequest
from flows.retry import requeue
from flows.summary import STATUSES, ScanSummary
from storage.archive import Fetched
from storage.catalog import Catalog
from storage.lake import Lake
from storage.records import Video
from tests.flows.played_run import rows, scan_with
from tests.workers.machines import two_machines
from tests.workers.memory import little_memory
from workers.describer import Describer
from workers.fleet import Fleet, FleetConfig
from workers.outcome import Position
from workers.reader import Chunk, Reader, ReaderConfig, RowIds

pytestmark = [pytest.mark.real, pytest.mark.alone]

NONE = dict.fromkeys(STATUSES, 0)
SETTLED = NONE | {"done": 3, "no_face": 1, "skipped": 1}


class HurtReader(Reader):
    """Reads as a reader does, but for what files in a folder say of the videos of their names."""

    def __init__(self, config: ReaderConfig, faults: Path) -> None:
        super().__init__(config)
        self._faults = faults

    def read(self, fetched: Fetched, ids: RowIds) -> Iterator[Chunk | Video]:
        fault = self._faults / fetched.path.name
        match fault.read_text() if fault.exists() else "":
            case "crash":
                yield next(super().read(fetched, ids))
                os.kill(os.getpid(), signal.SIGKILL)
            case "no memory":
                parts = list(_without_memory(partial(super().read, fetched, ids)))
                raise AssertionError(f"it had memory enough for {len(parts)} parts")
            case "wait":
                (self._faults / f"waits-{os.getpid()}").touch()
                while fault.exists():
                    yield Chunk((), 0.0, None)
                    time.sleep(0.1)
                yield from super().read(fetched, ids)
            case _:
                yield from super().read(fetched, ids)


def _without_memory(read: Callable[[], Iterator[Chunk | Video]]) -> list[Chunk | Video]:
    """Read with no more memory than there is, of which all is taken that is free."""
    taken: list[bytes] = []
    with little_memory(0):
        try:
            for size_bytes in (1 << 20, 1 << 16, 1 << 12):
                _take(taken, size_bytes)
            return list(read())
        finally:
            taken.clear()


def _take(taken: list[bytes], size_bytes: int) -> None:
    try:
        while True:
            taken.append(bytes(size_bytes))
    except MemoryError:
        pass


class Watched(ScanProgress):
    """Calls whenever something is heard of a video."""

    def __init__(self, on_moved: Callable[[], None]) -> None:
        super().__init__("none")
        self._on_moved = on_moved

    def moved(self, position: Position) -> None:
        self._on_moved()


@dataclass(frozen=True)
class Scans:
    """Scans of the films by workers that stay the same on a cluster that stays the same."""

    cluster: Cluster
    fleet: Fleet
    request: ScanRequest
    faults: Path
    undisturbed: dict[str, list[str]]

    def scan(self, lake: Path, on_moved: Callable[[], None] = lambda: None) -> ScanSummary:
        request = ScanRequest(self.request.archives, str(lake), recipe=self.request.recipe)
        summary = scan_with(self.fleet, request, Watched(on_moved))
        assert not {name: found for name, found in Catalog(Lake(lake)).run_checks().items() if found}
        return summary

    def hurt(self, faults: Mapping[str, str]) -> None:
        for fault in self.faults.iterdir():
            fault.unlink()
        for name, fault in faults.items():
            (self.faults / name).write_text(fault)


@pytest.fixture(scope="module")
def scans(
    films: Path, brief: Path, undisturbed: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scans]:
    faults = tmp_path_factory.mktemp("faults")
    request = ScanRequest((str(films),), "nowhere", recipe=str(brief))
    pinned = request.pin()
    with (
        two_machines() as cluster,
        Fleet(
            FleetConfig(readers=2, is_cluster=True),
            partial(HurtReader, pinned.recipe.reader, faults),
            partial(Describer, pinned.describer()),
        ) as fleet,
    ):
        yield Scans(cluster, fleet, request, faults, undisturbed)


def test_a_reader_without_memory_and_a_video_that_kills_its_reader(scans: Scans, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    scans.hurt({"000.mp4": "crash", "001.mp4": "no memory"})
    assert scans.scan(lake).by_status == SETTLED | {"done": 1, "failed": 2}
    died, hungry = Catalog(Lake(lake)).query("from listings where status = 'failed' order by uri").to_pylist()
    assert (died["failure_error"], died["failure_attempt"], died["is_quarantined"]) == ("ReaderDied", 2, True)
    assert "out of memory" in hungry["reason"]
    assert (hungry["failure_attempt"], hungry["is_settled"]) == (1, False)

    scans.hurt({})
    summary = scans.scan(lake)
    assert (summary.planned, summary.by_status) == (1, SETTLED | {"done": 2, "failed": 1})
    assert [row.uri for row in requeue(Lake(lake), reason="readerdied")] == [died["uri"]]
    assert scans.scan(lake).by_status == SETTLED
    assert rows(str(lake)) == scans.undisturbed


def test_a_machine_that_is_lost_with_a_reader_at_work(scans: Scans, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    scans.hurt({"000.mp4": "wait", "001.mp4": "wait"})
    others = list(scans.cluster.worker_nodes)

    def lose_one() -> None:
        if others and len(list(scans.faults.glob("waits-*"))) == 2:  # one on each machine
            scans.cluster.remove_node(others.pop(), allow_graceful=False)
            scans.hurt({})

    assert scans.scan(lake, lose_one).by_status == SETTLED
    assert sum(node["Alive"] for node in ray.nodes()) == 1
    assert Catalog(Lake(lake)).view("failures").num_rows == 0
    assert rows(str(lake)) == scans.undisturbed
    assert scans.scan(lake).planned == 0
