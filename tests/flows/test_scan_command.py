"""How `facesift scan` ends, with a flow that is played."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.request import ScanRequest
from flows.summary import ScanSummary
from flows.usage import UsageError
from storage.archive import UnreachableArchiveError
from storage.lake import LakeError
from tests.flows.test_summary import SUMMARY, failing
from workers.fleet import FleetError

Scan = Callable[..., tuple[int, str, str]]


@pytest.fixture
def scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scan:
    """What runs `facesift scan` with options, over a flow that returns or raises what it is given."""
    asked: list[ScanRequest] = []

    @contextmanager
    def no_server() -> Generator[None]:
        yield

    def run(end: ScanSummary | BaseException, *options: str) -> tuple[int, str, str]:
        def flow(request: ScanRequest) -> ScanSummary:
            asked.append(request)
            sys.stdout.write("a worker has died\n")
            if isinstance(end, BaseException):
                raise end
            return end

        monkeypatch.setattr("flows.scan.scan", flow)
        monkeypatch.setattr("flows.server.temporary_server", no_server)
        monkeypatch.setattr(ScanRequest, "check", lambda self: None)  # pyright: ignore[reportUnknownLambdaType]
        result = CliRunner().invoke(app, ["scan", str(tmp_path), "--lake", "lake", *options])
        return result.exit_code, result.stdout, result.stderr

    return run


def test_a_summary_is_all_that_is_on_standard_output(scan: Scan) -> None:
    code, out, error = scan(SUMMARY)
    assert code == 0
    assert out.startswith("lake     /lake\n")
    assert "a worker has died" in error
    assert "a worker has died" not in out
    code, out, _ = scan(SUMMARY, "--json")
    assert code == 0
    assert out.startswith("{")


def test_a_failed_source_makes_it_1(scan: Scan) -> None:
    code, out, _ = scan(failing(3))
    assert code == 1
    assert "failed (3)" in out
    assert scan(replace(SUMMARY, listed=99))[0] == 1


@pytest.mark.parametrize(
    ("raised", "code", "says"),
    [
        (
            KeyboardInterrupt(),
            130,
            "facesift: interrupted; the same command goes on where this one stopped\n",
        ),
        (LakeError("could not commit: no space left"), 1, "facesift: could not commit: no space left\n"),
        (FleetError("a worker does not start: no libGL"), 1, "facesift: a worker does not start: no libGL\n"),
        (UsageError("cannot list /nowhere"), 2, "facesift: cannot list /nowhere\n"),
        (UnreachableArchiveError("cannot list /stale"), 1, "facesift: cannot list /stale\n"),
    ],
    ids=["interrupted", "lake", "fleet", "usage", "archive"],
)
def test_what_breaks_a_scan_off_is_one_line_and_a_status(
    scan: Scan, raised: BaseException, code: int, says: str
) -> None:
    assert scan(raised, "--json") == (code, "", f"a worker has died\n{says}")
