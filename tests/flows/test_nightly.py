"""What a night does after its scan, and how its command ends; scan and server are played."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from flows.cli import app
from flows.maintain import UnsoundLakeError, Upkeep
from flows.maintain import maintain as maintain_flow
from flows.nightly import Night, nightly
from flows.request import ScanRequest
from flows.server import ServerError
from flows.summary import ScanSummary
from flows.usage import UsageError
from storage.lake import Lake, LakeError
from storage.maintenance import MaintenanceAccount
from tests.flows.test_night import ACCOUNT
from tests.flows.test_summary import SUMMARY, failing
from tests.storage.rows import recipe, source, video

UNSOUND = UnsoundLakeError(replace(ACCOUNT, checks={"counts_match": 3}))


class Shown:
    """A night with a played scan; keeps what was asked of the scan and what was shown."""

    def __init__(self, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lake = lake
        self.asked: list[ScanRequest] = []
        self.shown: list[MaintenanceAccount | None] = []

        def scan(request: ScanRequest) -> ScanSummary:
            self.asked.append(request)
            return SUMMARY

        monkeypatch.setattr("flows.nightly.scan", scan)
        monkeypatch.setattr("flows.nightly.maintain", maintain_flow.fn)
        monkeypatch.setattr("flows.nightly.show_night", lambda _, account: self.shown.append(account))  # pyright: ignore

    def night(self, due_files: int, **asked: Any) -> Night:
        return nightly.fn(ScanRequest(("/a",), self.lake.root, **asked), Upkeep(due_files=due_files))


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shown:
    lake = Lake(tmp_path / "lake")
    lake.append([recipe(), source("/v1", video_id="v1"), *video("v1", "/v1")])
    lake.append([source("/v2")])
    return Shown(lake, monkeypatch)


def test_a_lake_is_maintained_when_it_is_due(shown: Shown) -> None:
    assert shown.night(due_files=3) == Night(SUMMARY, None)
    night = shown.night(due_files=2)
    assert night.account is not None
    assert shown.shown == [None, night.account]
    assert len(shown.lake.snapshot()["sources"].uris) == 1


def test_a_check_that_finds_something_fails_the_night_after_it_was_shown(shown: Shown) -> None:
    shown.lake.append(video("v3", "/v3")[-1:])
    with pytest.raises(UnsoundLakeError, match=r"counts_match \(1 rows\); facesift status"):
        shown.night(due_files=0)
    assert shown.shown[0] is not None


def test_a_night_whose_maintenance_is_refused_leaves_its_account(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    def maintain(*_: object) -> MaintenanceAccount:
        raise LakeError("could not compact: no space left")

    monkeypatch.setattr("flows.nightly.maintain", maintain)
    with pytest.raises(LakeError, match="no space left"):
        shown.night(due_files=0)
    assert shown.shown == [None]


def test_a_cluster_is_told_which_run_of_a_deployment_it_is(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefect.runtime.flow_run.id", "run-1", raising=False)
    shown.night(due_files=9, ray="http://head:8265")
    monkeypatch.setattr("prefect.runtime.deployment.id", "nightly", raising=False)
    shown.night(due_files=9, ray="http://head:8265")
    shown.night(due_files=9, ray="http://head:8265", run_key="tuesday")
    shown.night(due_files=9)
    assert [request.run_key for request in shown.asked] == [None, "run-1", "tuesday", None]


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """What runs `nightly --once` or `backfill` over a flow that returns or raises what it is given."""

    @contextmanager
    def no_server() -> Generator[None]:
        yield

    def run(command: str, end: Any, *options: str) -> tuple[int, str, str]:
        def flow(*_: object) -> Any:
            if isinstance(end, BaseException):
                raise end
            return end

        monkeypatch.setattr(f"flows.{command}.{command}", flow)
        monkeypatch.setattr("flows.server.temporary_server", no_server)
        monkeypatch.setattr(ScanRequest, "check", lambda _: None)  # pyright: ignore
        archives = [str(tmp_path), "--once"] if command == "nightly" else []
        result = CliRunner().invoke(app, [command, *archives, "--lake", "lake", *options])
        return result.exit_code, result.stdout, result.stderr

    return run


def test_the_command_prints_both_accounts(run: Run) -> None:
    code, text, _ = run("nightly", Night(SUMMARY, ACCOUNT))
    assert code == 0
    assert text.startswith("lake     /lake\n")
    assert "boxes   90            1      0            3" in text
    code, text, _ = run("nightly", Night(failing(2), None), "--json")
    said = json.loads(text)
    assert (code, said["scan"]["listed"], said["maintenance"]) == (1, failing(2).listed, None)


@pytest.mark.parametrize(
    ("raised", "code", "says"),
    [
        (UNSOUND, 1, "checks of /lake found what must not be: counts_match (3 rows)"),
        (LakeError("could not commit: no space left"), 1, "could not commit: no space left"),
        (ServerError("Prefect's server does not answer"), 1, "Prefect's server does not answer"),
        (UsageError("cannot list /nowhere"), 2, "cannot list /nowhere"),
        (KeyboardInterrupt(), 130, "the same command goes on"),
    ],
    ids=["unsound", "lake", "server", "usage", "interrupted"],
)
def test_what_ends_a_night_is_one_line_and_a_status(
    run: Run, raised: BaseException, code: int, says: str
) -> None:
    ended, _, error = run("nightly", raised)
    assert (ended, error.count("\n")) == (code, 1)
    assert says in error


def test_a_backfill_ends_like_a_scan(run: Run) -> None:
    code, text, _ = run("backfill", failing(1), "--first", "newest", "--limit", "3", "--json")
    assert (code, json.loads(text)["by_status"]["failed"]) == (1, 1)
    assert run("backfill", LakeError("no lake"))[0] == 1


@pytest.mark.parametrize("command", ["nightly", "backfill"])
def test_a_night_takes_the_options_of_a_scan(command: str) -> None:
    taken, given = (
        {option.name for option in get_command(app).commands[name].params}  # pyright: ignore
        for name in (command, "scan")
    )
    # A backlog has no archives to choose from.
    assert given - taken == ({"archives", "include", "exclude"} if command == "backfill" else set())


def test_what_a_night_is_asked_for_is_in_its_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[ScanRequest] = []

    def flow(request: ScanRequest, _: Upkeep) -> Night:
        asked.append(request)
        return Night(SUMMARY, None)

    monkeypatch.setattr("flows.nightly.nightly", flow)
    monkeypatch.setattr("flows.server.temporary_server", nullcontext)
    monkeypatch.setattr(ScanRequest, "check", lambda _: None)  # pyright: ignore
    card = tmp_path / "card.json"
    card.write_text("{}")
    options = ["--log", "-", "--profile", "t.json", "--gpus-per-describer", "0.5", "--calibration", str(card)]
    options += ["--queued-batches", "7", "--stall-seconds", "60"]
    result = CliRunner().invoke(app, ["nightly", "--once", str(tmp_path), "--lake", "lake", *options])
    assert result.exit_code == 0
    (request,) = asked
    assert (request.log, request.profile, request.gpu_share, request.calibration) == (
        "-",
        "t.json",
        0.5,
        "{}",
    )
    assert (request.queued_batches, request.stall_s, request.progress) == (7, 60.0, "none")


def test_a_schedule_is_not_ours(run: Run, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["nightly", str(tmp_path), "--lake", "lake"])
    assert result.exit_code == 2
    assert "give --once" in result.stderr
