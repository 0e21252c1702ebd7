from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from flows.plan import Plan, Shard
from flows.summary import Tally
from storage.archive import Fail, Fate, Listed, Skip, Take
from storage.catalog import Catalog
from storage.lake import Lake
from storage.records import Failure

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RECIPE = "r" * 16


def listed(uri: str, etag: str = "1", fate: Fate | None = None) -> Listed:
    return Listed(uri, 10, etag, NOW, fate or Take())


def plan(
    lake: Lake, items: Sequence[Listed], limit: int | None = None, recipe_id: str = RECIPE
) -> tuple[dict[str, int], Tally]:
    """Plan a listing; return the attempt of every planned uri, and the counts."""
    tally = Tally()
    shards = Plan(lake, "scan", recipe_id, tally).shards(items, limit=limit, on_listed=lambda _: None)
    return {job.source.uri: job.attempt for shard in shards for job in shard.remaining()}, tally


def failure(
    uri: str, error: str, *, is_retryable: bool, attempt: int = 1, is_quarantined: bool = False
) -> Failure:
    return Failure(
        uri, None, RECIPE, "scan", 10, "1", "decode", error, "why", attempt, is_retryable, is_quarantined, NOW
    )


def statuses(lake: Lake) -> dict[str, str]:
    return {row["uri"]: row["status"] for row in Catalog(lake).view("sources").to_pylist()}


def test_everything_new_is_recorded_and_planned(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    items = [
        listed("/a.mp4"),
        listed("/notes.txt", fate=Skip("text, by its ending .txt")),
        listed("/broken", fate=Fail("FileNotFoundError", "broken link")),
    ]
    jobs, tally = plan(lake, items)
    assert jobs == {"/a.mp4": 1}
    assert tally.listed == 3
    assert tally.by_status == {"skipped": 1, "failed": 1}
    assert [failure.uri for failure in tally.failures] == ["/broken"]
    assert statuses(lake) == {"/a.mp4": "pending", "/notes.txt": "skipped", "/broken": "failed"}


def test_a_second_listing_records_nothing_and_a_changed_source_is_new(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    items = [listed("/a.mp4"), listed("/notes.txt", fate=Skip("text"))]
    plan(lake, items)
    before = Catalog(lake).query("select count(*) as n from raw.sources").to_pylist()
    jobs, _ = plan(lake, items)
    assert jobs == {"/a.mp4": 1}
    assert Catalog(lake).query("select count(*) as n from raw.sources").to_pylist() == before
    jobs, _ = plan(lake, [listed("/a.mp4", etag="2")])
    assert jobs == {"/a.mp4": 1}
    assert Catalog(lake).query("select count(*) as n from raw.sources").to_pylist() != before


def test_what_is_settled_is_counted_and_left_alone(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    names = ("/final", "/again", "/crashed", "/quarantined")
    plan(lake, [listed(name) for name in names])
    lake.append(
        [
            failure("/final", "InvalidDataError", is_retryable=False),
            failure("/again", "TransientError", is_retryable=True),
            failure("/crashed", "ReaderDied", is_retryable=True),
            failure("/quarantined", "ReaderDied", is_retryable=False, attempt=2, is_quarantined=True),
        ]
    )
    jobs, tally = plan(lake, [listed(name) for name in names])
    assert jobs == {"/again": 1, "/crashed": 2}
    assert tally.by_status == {"failed": 2}
    assert [(found.uri, found.error, found.is_new) for found in tally.failures] == [
        ("/final", "InvalidDataError", False),
        ("/quarantined", "ReaderDied", False),
    ]
    jobs, _ = plan(lake, [listed(name) for name in names], recipe_id="s" * 16)
    assert jobs == dict.fromkeys(names, 1)


def test_what_is_over_the_limit_stays_pending(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    jobs, tally = plan(lake, [listed(f"/{n}") for n in range(5)], limit=2)
    assert jobs == {"/0": 1, "/1": 1}
    assert tally.by_status == {"pending": 3}
    assert set(statuses(lake).values()) == {"pending"}


def test_a_shard_forgets_what_has_ended(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    tally = Tally()
    items = [listed("/a"), listed("/b")]
    (shard,) = Plan(lake, "scan", RECIPE, tally).shards(items, limit=None, on_listed=lambda _: None)
    assert isinstance(shard, Shard)
    first, second = shard.remaining()
    shard.settle(first)
    shard.settle(first)
    assert shard.remaining() == [second]
    assert len(shard) == 1
