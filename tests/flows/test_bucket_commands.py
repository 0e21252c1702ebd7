"""The operators' commands on a lake in a bucket, by the command line, against a server that speaks HTTP."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.request import ScanRequest
from flows.usage import UsageError
from storage.archive import UnreachableArchiveError
from storage.lake import Lake, UnreachableLakeError
from storage.records import evidence_path
from storage.s3 import forget
from tests.storage.faulty_s3 import Fault, faulty_s3
from tests.storage.rows import failure, recipe, source, video

pytestmark = pytest.mark.real

ANNA = "a" * 64
LAKE = "s3://lakes/of films/größe"


def run(*arguments: str | Path, expect: int = 0) -> str:
    ended = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert ended.exit_code == expect, f"{ended.exit_code}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout or ended.stderr


def run_on(lake: str, command: str, *arguments: str | Path) -> Any:
    return json.loads(run(command, *arguments, "--lake", lake))


@pytest.fixture
def filled(s3: Any) -> Any:
    """A lake with a video, a picture, and a source that has failed for good; a client to look into it."""
    lake = Lake(LAKE)
    anna, broken = "s3://archive/anna.mp4", "s3://archive/b.mp4"
    # Without faces: each table more takes a second of all these commands.
    lake.append([recipe(), source(anna, video_id=ANNA), *video(ANNA, anna, tracks=0)])
    lake.append([source(broken), failure(broken)])
    lake.put_evidence(evidence_path(ANNA, "clip"), b"picture")
    return s3


def test_an_operator_goes_through_all_of_them(filled: Any, tmp_path: Path) -> None:
    found = run_on(LAKE, "status", "--json")
    assert (found["adds_up"], found["coverage"][0]["failed"]) == (True, 1)
    assert "\n  key: video_id, recipe_id\n" in run("tables")
    select = ("query", "select uri, status from sources order by uri", "--format", "json")
    assert [row["status"] for row in run_on(LAKE, *select)] == ["no_face", "failed"]
    page = tmp_path / "page.html"
    assert run("report", "--lake", LAKE, "-o", page) == f"wrote {page}\n"
    assert "s3://archive/b.mp4" in page.read_text()

    assert run("retry", "--lake", LAKE, "--reason", "sourceerror") == (
        "1 source is tried again by the next scan\n  1 decode: SourceError\n"
    )
    account = run_on(LAKE, "maintain", "--keep-hours", "0", "--json")
    failures = next(table for table in account["tables"] if table["name"] == "failures")
    assert (account["is_sound"], failures["files_before"], failures["files_after"]) == (True, 2, 1)

    assert run("forget", "--lake", LAKE, "--source", "*/anna*", "--dry-run").startswith(
        "1 content of 1 source\n"
    )
    receipt = run_on(LAKE, "forget", "--source", "*/anna*", "--yes")
    assert (receipt["rows"]["videos"], receipt["pictures"], receipt["is_sure_of_versions"]) == (1, 1, True)
    assert not any(ANNA in item["Key"] for item in filled.list_objects_v2(Bucket="lakes")["Contents"])
    assert run_on(LAKE, *select) == [{"uri": "s3://archive/b.mp4", "status": "failed"}]


def test_a_bucket_that_does_not_answer_is_no_bad_usage(
    s3: Any, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Lake(LAKE).append([recipe()])
    s3.put_object(Bucket="archive", Key="a.mp4", Body=b"film")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with faulty_s3(s3_server) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        forget()
        proxy.faults = [Fault("slow down", r"^GET /lakes/of films/")]
        request = ScanRequest(("s3://archive",), LAKE)
        for command in ("status", "report", "retry", "maintain", "forget --video x", "query 1"):
            said = run(*command.split(), "--lake", LAKE, expect=1)
            assert said.startswith(f"facesift: cannot open {LAKE} as a lake: S3 says ")
            assert (said.count("\n"), "SlowDown" in said) == (1, True)
            assert "there is no lake" in run(*command.split(), "--lake", "s3://lakes/none", expect=2)
        with pytest.raises(UnreachableLakeError):
            request.check()
        proxy.faults = [Fault("slow down", r"^GET /archive")]
        with pytest.raises(UnreachableArchiveError):
            request.check()
        for wrong in (
            replace(request, archives=("s3://none",)),
            replace(request, archives=(__file__,), lake="s3://none"),
        ):
            with pytest.raises(UsageError, match=r"cannot (list|open) s3://none"):
                wrong.check()
