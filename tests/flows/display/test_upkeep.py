"""maintain and forget by the command line, and what a later scan does with what was forgotten."""

import json
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.display.progress import ScanProgress
from flows.steps import plan_scan, read_shard
from storage.catalog import Catalog
from storage.lake import Lake, LakeError
from storage.statements import check_statements
from tests.flows.played import PlayedFleet
from tests.flows.test_run import Nights, nights
from tests.storage.rows import recipe, scan, source, video
from workers.trace import Trace

__all__ = ["nights"]

ANNA = "a" * 64


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    lake.append([recipe(), source("/anna.mp4", video_id=ANNA), *video(ANNA, "/anna.mp4")])
    return lake


def test_maintain_says_what_it_did_and_whether_checks_pass(lake: Lake) -> None:
    code, text, _ = run("maintain", "--lake", lake.root)
    assert code == 0
    assert "no table had anything to be done" in text
    assert "erased   nothing" in text
    lake.append(video("b" * 64, "/b.mp4", attempt_id="2")[-1:])
    code, text, _ = run("maintain", "--lake", lake.root, "--keep-hours", "0")
    assert code == 1
    assert "check counts_match found 1 row" in text
    assert [line.split() for line in text.splitlines() if "videos" in line] == [
        ["videos", "2", "1", "0", "2"]
    ]
    code, text, _ = run("maintain", "--lake", lake.root, "--json")
    assert (code, json.loads(text)["checks"]["counts_match"]) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "one of --video, --source, --before"),
        (("--video", ANNA, "--source", "*"), "one of --video, --source, --before"),
        (("--source", "*"), "give --yes"),
        (("--video", ANNA, "--grace-hours", "1e9"), "give hours from 0"),
        (("--video", ""), "one of --video, --source, --before"),
        (("--source", "", "--yes"), "one of --video, --source, --before"),
        (("--lift",), "name it with --video"),
        (("--lift", "--video", ANNA, "--dry-run"), "and nothing else"),
        (("--lift", "--video", ANNA), "is not forgotten"),
    ],
)
def test_forget_refuses_what_is_not_clear(lake: Lake, arguments: tuple[str, ...], says: str) -> None:
    code, _, error = run("forget", "--lake", lake.root, *arguments)
    assert code == 2
    assert says in error
    assert Catalog(lake).view("videos").num_rows == 1


def test_both_want_a_lake(tmp_path: Path) -> None:
    for command in (("maintain",), ("forget", "--video", ANNA, "--yes")):
        code, _, error = run(*command, "--lake", tmp_path / "none")
        assert code == 2
        assert "there is no lake" in error


def test_forget_shows_asks_erases_and_prints_a_receipt(lake: Lake) -> None:
    lake.append([scan()])
    code, text, _ = run("forget", "--lake", lake.root, "--source", "/ann*", "--dry-run")
    assert code == 0
    assert "1 content of 1 source\n  1 row of videos\n" in text
    code, text, error = run("forget", "--lake", lake.root, "--video", ANNA, "--grace-hours", "1", "--yes")
    receipt = json.loads(text)
    assert (code, receipt["video_ids"], receipt["rows"]["videos"]) == (0, [ANNA], 1)
    assert f"erased rows are still in {len(receipt['files_left'])} old files; from " in error
    assert "1 scan without an end" in error
    code, _, error = run("forget", "--lake", lake.root, "--before", "2020-01-01", "--yes")
    assert (code, error.partition(";")[0]) == (0, "the lake holds nothing of it")
    assert run("forget", "--lake", lake.root, "--video", ANNA, "--lift")[0] == 0
    assert Catalog(lake).view("forgotten").num_rows == 0


def test_a_name_full_of_signs_means_itself_alone(lake: Lake) -> None:
    odd = '/a/it\'s "x" [1]*?\n;-- ü.mp4'
    ids = {odd: "b" * 64, odd.replace("[1]", "1"): "c" * 64, "/a/[2].mp4": "d" * 64}
    lake.append([source(uri, video_id=video_id) for uri, video_id in ids.items()])
    for uri, meant in ((odd, "b" * 64), ("[[]2].mp4", "d" * 64), ("anna.mp4", ANNA)):
        code, text, _ = run("forget", "--lake", lake.root, "--source", uri, "--yes")
        assert (code, json.loads(text)["video_ids"]) == (0, [meant])
    assert Catalog(lake).view("sources")["video_id"].to_pylist() == ["c" * 64]


@pytest.mark.parametrize(
    ("asked", "is_erased"),
    [("2026-03-01T02:01:00+02:00", False), ("2026-02-28T23:06:00-01:00", True), ("2999-12-31", True)],
)
def test_a_time_is_taken_in_its_zone(lake: Lake, asked: str, *, is_erased: bool) -> None:
    code, text, _ = run("forget", "--lake", lake.root, "--before", asked, "--yes")
    assert (code, bool(text)) == (0, is_erased)
    for odd in ("yesterday", "2026-13-01", "2026-03-01 12:00"):
        assert run("forget", "--lake", lake.root, "--before", odd, "--yes")[0] == 2


def test_a_name_in_an_error_colours_no_terminal(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise LakeError("could not delete \x1b[31mrows\nrun the same command again")

    monkeypatch.setattr("storage.maintenance.maintain", refuse)
    monkeypatch.setattr("storage.erasure.Eraser.erase", refuse)
    for command in (("maintain",), ("forget", "--video", ANNA, "--yes")):
        code, _, error = run(*command, "--lake", lake.root)
        assert code == 1
        assert error == "facesift: could not delete \\x1b[31mrows\nrun the same command again\n"


def test_the_same_again_finishes_what_was_broken_off(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    lake.put_evidence(f"evidence/{ANNA}/1.jpg", b"picture")
    asked = ("forget", "--lake", lake.root, "--source", "/anna.mp4", "--yes")
    with monkeypatch.context() as patched:
        patched.setattr("storage.store.FolderStore.purge", die)  # the rows are gone by then
        assert run(*asked)[0] == 130
    assert lake.read_evidence(f"evidence/{ANNA}/1.jpg")
    code, _, error = run(*asked[:-1], "--dry-run")
    assert (code, error.splitlines()[0]) == (
        0,
        "not finished yet: 1 earlier; facesift maintain goes on with it",
    )
    code, text, error = run(*asked)
    assert (code, json.loads(text)["pictures"], json.loads(text)["selected_by"]) == (0, 1, "source")
    assert "finished now" in error
    assert lake.read_evidence(f"evidence/{ANNA}/1.jpg") is None
    code, text, error = run(*asked)
    assert (code, text, error.partition(";")[0]) == (0, "", "the lake holds nothing of it")


def test_a_forgotten_content_is_not_read_again_under_any_name(nights: Nights) -> None:
    nights.write("anna", "faces 1 anna")
    nights.write("bert", "faces 1 bert")
    nights.scan()
    assert run("forget", "--lake", nights.lake.root, "--source", "*/anna", "--yes")[0] == 0
    nights.write("anna again", "faces 1 anna")
    summary = nights.scan()
    assert nights.read == []
    assert (summary.by_status["skipped"], summary.by_status["done"]) == (2, 1)
    assert nights.by_name()["anna"] == nights.by_name()["anna again"] == "skipped: forgotten"
    assert nights.scan().is_idle  # and it was not even hashed


def test_a_lake_of_the_first_facesift_takes_a_scan_and_maintenance(nights: Nights, tmp_path: Path) -> None:
    data = Path(__file__).parents[2] / "storage" / "data" / "lake-of-b9aeba1.tar.xz"
    with tarfile.open(data) as packed:
        packed.extractall(tmp_path, filter="data")
    nights.write("new", "faces 2")
    night = nights.run()
    with ScanProgress("none") as progress:
        for shard in plan_scan(night, progress):
            read_shard(night, PlayedFleet(), shard, progress, Trace(None))
    assert night.close().by_status["done"] == 1
    videos = Catalog(Lake(nights.lake.root)).view("video_summary").to_pylist()
    assert sorted(row["tracks"] for row in videos) == [1, 2]
    code, text, _ = run("maintain", "--lake", nights.lake.root)
    checks = len(check_statements())
    assert (code, f"{checks} of {checks} pass" in text) == (0, True), text
