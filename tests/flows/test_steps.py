from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flows.steps
from flows.request import ScanRequest
from flows.run import ScanRun
from flows.steps import SHARD_RETRIES, scan_here
from tests.flows.played import PlayedFleet
from tests.flows.played_run import play
from workers.fleet import FleetError
from workers.fleet.meter import Usage
from workers.outcome import Outcome


class FailingFleet(PlayedFleet):
    """Fails so often before it plays."""

    def __init__(self, errors: list[Exception]) -> None:
        super().__init__()
        self.errors = errors

    def scan(self, *args: Any, **kwargs: Any) -> Iterator[Outcome]:
        if self.errors:
            raise self.errors.pop()
        yield from super().scan(*args, **kwargs)

    def usage(self) -> Usage:
        return Usage()


@pytest.fixture
def request_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScanRequest:
    play(monkeypatch)
    monkeypatch.setattr(flows.steps, "SHARD_RETRY_DELAY_S", 0.0)
    (tmp_path / "a.mp4").write_text("faces 1")
    return ScanRequest((str(tmp_path / "a.mp4"),), str(tmp_path / "lake"))


def with_fleet(fleet: PlayedFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(_: ScanRun) -> PlayedFleet:
        return fleet

    monkeypatch.setattr(ScanRun, "fleet", make)


def test_a_shard_that_fails_is_read_again(request_here: ScanRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    with_fleet(FailingFleet([OSError("away")] * SHARD_RETRIES), monkeypatch)
    assert scan_here(request_here).by_status["done"] == 1


@pytest.mark.parametrize(
    "errors",
    [[OSError("away")] * (SHARD_RETRIES + 2), [FleetError("no workers"), FleetError("no workers")]],
    ids=["not for ever", "not when workers do not start"],
)
def test_but_not_always(
    errors: list[Exception], request_here: ScanRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = FailingFleet(errors)
    with_fleet(fleet, monkeypatch)
    with pytest.raises(type(errors[0])):
        scan_here(request_here)
    assert len(fleet.errors) == 1
