"""The commands that read a lake, by the command line: what they refuse, and with which status."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.summary import DEMONSTRATION_NOTICE
from storage.lake import Lake
from tests.storage.rows import recipe, source, video

QUERY = ("query", "select 1")


def run(*arguments: str | Path, **environment: str) -> tuple[int, str, str]:
    result = CliRunner(env=environment).invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lake that is the current folder: what takes no name for it would find it."""
    lake = Lake(tmp_path / 'it\'s a "lake" größe 日本')
    lake.append([recipe(), source("/a.mp4", video_id="v1"), *video("v1", "/a.mp4")])
    monkeypatch.chdir(lake.root)
    return Path(lake.root)


@pytest.mark.parametrize("command", [QUERY, ("status",), ("report",)], ids=lambda command: command[0])
def test_a_lake_without_a_name_is_bad_usage(lake: Path, command: tuple[str, ...]) -> None:
    code, _, error = run(*command, "--lake", "")
    assert (code, error) == (2, "facesift: the name of the lake is empty; give a folder\n")
    assert run(*command, FACESIFT_LAKE="")[0] == 2


def test_a_lake_of_any_name_is_read(lake: Path, tmp_path: Path) -> None:
    code, text, _ = run("query", "select uri, tracks from videos", "--lake", lake)
    assert (code, text) == (0, "uri     tracks\n/a.mp4       1\n(1 row)\n")
    assert run("status", "--lake", lake)[0] == 0
    page = tmp_path / "page.html"
    assert run("report", "--lake", lake, "-o", page) == (0, f"wrote {page}\n", "")
    assert "größe 日本" in page.read_text()


def test_a_name_that_no_lake_can_have_is_bad_usage(tmp_path: Path) -> None:
    code, _, error = run("status", "--lake", tmp_path / "100%")
    assert code == 2
    assert "'%' has a meaning of its own in the paths of Delta tables; give another folder" in error


def test_a_damaged_lake_is_one_line_that_says_what_to_do(lake: Path) -> None:
    shutil.rmtree(lake / "videos" / "_delta_log")
    for command in (QUERY, ("status",), ("report",), ("retry",), ("maintain",)):
        code, _, error = run(*command, "--lake", lake)
        assert code == 1
        assert f"cannot read {lake}/videos: its folder _delta_log" in error
        assert error.count("\n") == 1


@pytest.mark.parametrize(
    "sql", ["create table t as from videos", "copy videos to 'out.csv'", "select 1; select 2", ""]
)
def test_a_query_that_does_more_than_read_is_bad_usage(lake: Path, sql: str) -> None:
    code, text, error = run("query", sql, "--lake", lake)
    assert (code, text, error.count("\n")) == (2, "", 1)
    assert not (lake / "out.csv").exists()


def test_results_go_to_a_file(lake: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    select = ("query", "select uri from videos", "--lake", lake, "-o", path, "--format")
    assert run(*select, "parquet") == (0, "", f"{DEMONSTRATION_NOTICE}\n")
    assert parquet.read_table(path)["uri"].to_pylist() == ["/a.mp4"]
    assert run(*select, "json") == (0, "", f"{DEMONSTRATION_NOTICE}\n")
    assert json.loads(path.read_text()) == [{"uri": "/a.mp4"}]
    code, _, error = run("query", "select 1", "--lake", lake, "-o", tmp_path / "none" / "rows.csv")
    assert code == 74
    assert "No such file" in error
    for fmt in ("csv", "parquet"):
        code, _, error = run("query", "from videos", "--lake", lake, "-o", "/dev/full", "--format", fmt)
        assert code == 74
        assert "facesift: cannot write /dev/full: No space left on device\n" in error


def test_tables_are_listed_for_programs() -> None:
    code, text, _ = run("tables", "--json")
    views = {view["name"]: view for view in json.loads(text)}
    assert code == 0
    assert views["clips"]["key"] == ["clip_id"]
    assert "clips_unanswered" in [column["name"] for column in views["coverage"]["columns"]]
