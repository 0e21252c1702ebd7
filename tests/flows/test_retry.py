from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.claims import Claims
from flows.cli import app
from flows.plan import Plan
from flows.retry import requeue
from storage.archive import Listed, Take
from storage.catalog import Catalog
from storage.inventory import Inventory
from storage.lake import Lake
from storage.records import Failure
from workers.outcome import Job

NOW = datetime(2026, 1, 1, tzinfo=UTC)
URIS = ("/a/dead.mp4", "/a/torn.mp4", "/b/torn.mp4")
BASE = Failure("", None, "r" * 16, "scan", 10, "1", "decode", "", "why", 1, False, False, NOW)


def plan(lake: Lake) -> dict[str, Job]:
    listed = [Listed(uri, 10, "1", NOW, Take()) for uri in URIS]
    with Inventory(lake, BASE.recipe_id) as inventory:
        shards = Plan(inventory, "scan", BASE.recipe_id).shards(listed, limit=None, on_listed=lambda _: None)
        return {job.source.uri: job for shard in shards for job in shard.remaining()}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake in which every source has failed for good; of two with one content, one was read."""
    lake = Lake(tmp_path / "lake")
    sources = {uri: job.source for uri, job in plan(lake).items()}
    dead, torn, copy = URIS
    lake.append(
        [
            replace(sources[torn], video_id="v" * 64, listed_at=datetime.now(UTC)),
            replace(sources[copy], video_id="v" * 64, listed_at=datetime.now(UTC)),
            replace(BASE, uri=dead, error="ReaderDied", attempt=2, is_quarantined=True),
            replace(BASE, uri=torn, error="InvalidDataError", message="No frame", video_id="v" * 64),
            replace(BASE, uri=copy, error="InvalidDataError", message="No frame", video_id="v" * 64),
        ]
    )
    assert plan(lake) == {}
    return lake


@pytest.mark.parametrize(
    ("reason", "source", "uris"),
    [
        (None, None, URIS),
        ("readerdied", None, URIS[:1]),
        ("no FRAME", None, URIS[1:]),
        (None, "/b/*", URIS[2:]),
        (None, "torn.mp4", URIS[1:]),
        (None, "/[ab]/dead.mp4", URIS[:1]),
        ("ReaderDied", "/b/*", ()),
    ],
)
def test_what_is_asked_for_is_planned_again(
    reason: str | None, source: str | None, uris: Sequence[str], lake: Lake
) -> None:
    assert {row.uri for row in requeue(lake, reason=reason, source=source)} == set(uris)
    assert set(plan(lake)) == set(uris)
    assert requeue(lake, reason=reason, source=source) == []


def test_a_quarantined_source_has_all_its_attempts_again(lake: Lake) -> None:
    requeue(lake, reason="ReaderDied")
    assert plan(lake)[URIS[0]].attempt == 1


def test_a_content_is_read_again_by_whoever_is_asked_for(lake: Lake) -> None:
    requeue(lake, source=URIS[2])
    (job,) = plan(lake).values()
    with Inventory(lake, BASE.recipe_id) as inventory:
        assert Claims(*inventory.contents()).claim(job, "v" * 64)


def test_another_recipe_is_left_alone_and_nothing_is_lost(lake: Lake) -> None:
    assert requeue(lake, recipe_id="x" * 16) == []
    requeue(lake)
    assert Catalog(lake).query("select count(*) as n from failures where attempt > 0").to_pylist() == [
        {"n": 3}
    ]
    assert {row["status"] for row in Catalog(lake).view("sources").to_pylist()} == {"failed"}
    assert set(Catalog(lake).run_checks().values()) == {0}


def test_the_command_says_what_it_did(lake: Lake, tmp_path: Path) -> None:
    where = ["--lake", str(tmp_path / "lake")]
    done = CliRunner().invoke(app, ["retry", *where, "--reason", "InvalidData"])
    assert (done.exit_code, done.output) == (
        0,
        "2 sources are tried again by the next scan\n  2 decode: InvalidDataError\n",
    )
    again = CliRunner().invoke(app, ["retry", *where, "--reason", "InvalidData"])
    assert (again.exit_code, again.output) == (0, "nothing that failed for good is meant\n")
    assert CliRunner().invoke(app, ["retry", "--lake", str(tmp_path / "none")]).exit_code == 2
    empty = CliRunner().invoke(app, ["retry", *where, "--reason", ""])  # of a variable that is not set
    assert (empty.exit_code, "leave it out" in empty.output) == (2, True)
