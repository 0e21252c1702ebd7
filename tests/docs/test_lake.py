"""Every snippet of docs/lake.md runs on a made lake, and its list of views is complete."""

import re
import shlex
from pathlib import Path
from typing import Any

import duckdb
import pytest

from storage.catalog import Catalog, describe_views
from storage.lake import Lake
from storage.records import Forgotten
from tests.storage.rows import at, failure, recipe, source, video

TEXT = (Path(__file__).parents[2] / "docs" / "lake.md").read_text()


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


QUERIES = [shlex.split(line)[3] for block in snippets("console") for line in block.splitlines()]


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.chdir(tmp_path)
    lake = Lake("lake")
    lake.append([recipe(), source("/a.mp4", video_id="v1"), source("/b.mp4"), failure("/b.mp4")])
    lake.append(video("v1", "/a.mp4"))
    (tmp_path / "case.csv").write_text("uri,suspect\n/a.mp4,7\n")
    return lake


def test_every_query_runs_and_only_what_looks_for_faults_is_empty(lake: Lake) -> None:
    queries = [*QUERIES, *snippets("sql")]
    empty = [query for query in queries if not Catalog(lake).query(query).num_rows]
    assert len(queries) == 11
    assert [query.split("\n")[0] for query in empty] == [
        "select no_answer_reason, count(*) as clips, min(clip_id) as example",
        "select * from checks.keys_are_unique",
    ]


def test_every_python_snippet_runs(lake: Lake) -> None:
    values: dict[str, object] = {}
    for snippet in snippets("python"):
        exec(compile(snippet, "docs/lake.md", "exec"), values)
    assert values["faces"].to_pylist() == [{"uri": "/a.mp4", "tracks": 1}]  # pyright: ignore[reportAttributeAccessIssue]
    assert duckdb.execute("select count(*) from 'suspicious.parquet'").fetchone() == (0,)
    assert values["rows"] == [("v1-recipe-1-t0000", 0.0, 2.0, 0.9)]
    assert values["boxes"].num_rows == 2  # pyright: ignore[reportAttributeAccessIssue]


def test_plain_duckdb_shows_nothing_that_is_forgotten(lake: Lake) -> None:
    (snippet,) = (one for one in snippets("python") if "read_parquet" in one)

    def ids() -> list[str]:
        values: dict[str, Any] = {}
        exec(compile(snippet, "docs/lake.md", "exec"), values)
        return sorted(row[0] for row in values["rows"])

    lake.append(video("v2", "/c.mp4"))
    assert ids() == ["v1-recipe-1-t0000", "v2-recipe-1-t0000"]
    lake.append([Forgotten("v2", "receipt", at(1))])
    assert ids() == ["v1-recipe-1-t0000"]
    lake.append([Forgotten("v2", "receipt", at(2), is_lifted=True)])
    assert len(ids()) == 2


def test_the_list_of_views_is_complete() -> None:
    rows = [
        f"| `{view.name}` | {view.grain.rstrip('.')} | {', '.join(view.key)} |" for view in describe_views()
    ]
    assert re.findall(r"^\| `.*\|$", TEXT, re.MULTILINE) == rows
