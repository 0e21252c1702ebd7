import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.plan import SHARD_SOURCES, Plan, Shard
from storage.archive import Fail, Fate, Listed, Skip, Take
from storage.catalog import Catalog
from storage.inventory import Inventory
from storage.lake import Lake
from storage.records import Failure

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RECIPE = "r" * 16


def listed(uri: str, etag: str | None = "1", fate: Fate | None = None) -> Listed:
    return Listed(uri, None if etag is None else 10, etag, NOW, fate or Take())


def plan(
    lake: Lake, items: Sequence[Listed], limit: int | None = None, recipe_id: str = RECIPE
) -> dict[str, int]:
    """Plan a listing; return the attempt of every planned uri."""
    with Inventory(lake, recipe_id) as inventory:
        shards = Plan(inventory, "scan", recipe_id).shards(items, limit=limit, on_listed=lambda _: None)
        return {job.source.uri: job.attempt for shard in shards for job in shard.remaining()}


def failure(
    uri: str, error: str, *, is_retryable: bool, attempt: int = 1, is_quarantined: bool = False
) -> Failure:
    return Failure(
        uri, None, RECIPE, "scan", 10, "1", "decode", error, "why", attempt, is_retryable, is_quarantined, NOW
    )


def statuses(lake: Lake) -> dict[str, str]:
    return {row["uri"]: row["status"] for row in Catalog(lake).view("sources").to_pylist()}


def recorded(lake: Lake) -> dict[str, int]:
    """How many rows the lake has of the sources and failures."""
    counts = "select (select count(*) from raw.sources) as sources, count(*) as failures from raw.failures"
    return Catalog(lake).query(counts).to_pylist()[0]


def test_everything_new_is_recorded_and_planned(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    items = [
        listed("/a.mp4"),
        listed("/notes.txt", fate=Skip("text, by its ending .txt")),
        listed("/broken", fate=Fail("FileNotFoundError", "broken link")),
    ]
    assert plan(lake, items) == {"/a.mp4": 1}
    assert statuses(lake) == {"/a.mp4": "pending", "/notes.txt": "skipped", "/broken": "failed"}


def test_a_second_listing_records_nothing_and_a_changed_source_is_new(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    broken = listed("/broken", etag=None, fate=Fail("FileNotFoundError", "broken link"))
    items = [listed("/a.mp4"), listed("/notes.txt", fate=Skip("text")), broken]
    plan(lake, items)
    assert recorded(lake) == {"sources": 3, "failures": 1}
    assert plan(lake, items) == {"/a.mp4": 1}
    assert recorded(lake) == {"sources": 3, "failures": 1}
    assert plan(lake, [listed("/a.mp4", etag="2")]) == {"/a.mp4": 1}
    assert recorded(lake) == {"sources": 4, "failures": 1}


def test_what_cannot_be_looked_at_for_another_reason_is_recorded_again(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    for error in ("FileNotFoundError", "PermissionError", "PermissionError"):
        assert plan(lake, [listed("/x", etag=None, fate=Fail(error, "why"))]) == {}
    assert recorded(lake) == {"sources": 2, "failures": 2}
    (row,) = Catalog(lake).view("sources").to_pylist()
    assert row["reason"] == "list: PermissionError: why"
    assert plan(lake, [listed("/x")]) == {"/x": 1}  # it can be looked at again
    assert statuses(lake) == {"/x": "pending"}


def test_a_change_of_what_is_skipped_is_recorded_although_the_source_is_the_same(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    taken, skipped = listed("/a.dat"), listed("/a.dat", fate=Skip("data, by its ending .dat"))
    for item, jobs, status in (
        (taken, {"/a.dat": 1}, "pending"),
        (skipped, {}, "skipped"),
        (skipped, {}, "skipped"),
        (taken, {"/a.dat": 1}, "pending"),
        (taken, {"/a.dat": 1}, "pending"),
    ):
        assert plan(lake, [item]) == jobs
        assert statuses(lake) == {"/a.dat": status}
    assert recorded(lake)["sources"] == 3


def test_what_is_settled_is_left_alone(tmp_path: Path) -> None:
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
    items = [listed(name) for name in names]
    assert plan(lake, items) == {"/again": 1, "/crashed": 2}
    assert plan(lake, items, recipe_id="s" * 16) == dict.fromkeys(names, 1)


def test_a_changed_source_has_all_its_attempts_again(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    plan(lake, [listed("/crashed"), listed("/final")])
    lake.append(
        [
            failure("/crashed", "ReaderDied", is_retryable=True),
            failure("/final", "InvalidDataError", is_retryable=False),
        ]
    )
    assert plan(lake, [listed("/crashed", etag="2"), listed("/final", etag="2")]) == {
        "/crashed": 1,
        "/final": 1,
    }
    assert set(statuses(lake).values()) == {"pending"}


def test_a_version_that_comes_back_is_what_it_was(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    plan(lake, [listed("/final")])
    lake.append([failure("/final", "InvalidDataError", is_retryable=False)])
    plan(lake, [listed("/final", etag=None, fate=Fail("OSError", "stale"))])
    plan(lake, [listed("/final")])
    assert plan(lake, [listed("/final")]) == {}
    (row,) = Catalog(lake).view("sources").to_pylist()
    assert row["reason"] == "decode: InvalidDataError: why"


def test_what_is_over_the_limit_stays_pending(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    items = [listed("/a.txt", fate=Skip("text")), *(listed(f"/{n}") for n in range(5))]
    assert plan(lake, items, limit=2) == {"/0": 1, "/1": 1}
    assert len(statuses(lake)) == 6
    assert plan(lake, items[2:], limit=9) == {f"/{n}": 1 for n in range(1, 5)}
    assert set(statuses(lake).values()) == {"pending", "skipped"}


def test_a_shard_forgets_what_has_ended(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    items = [listed("/a"), listed("/b")]
    with Inventory(lake, RECIPE) as inventory:
        (shard,) = Plan(inventory, "scan", RECIPE).shards(items, limit=None, on_listed=lambda _: None)
    assert isinstance(shard, Shard)
    first, second = shard.remaining()
    assert shard.settle(first)
    assert not shard.settle(first)
    assert shard.remaining() == [second]
    assert len(shard) == 1


def test_long_listings_come_in_shards_and_tell_how_far_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.inventory.CHUNK_ROWS", 400)
    items = [listed(f"/{n}") for n in range(SHARD_SOURCES + 1)]
    told: list[int] = []
    with Inventory(Lake(tmp_path / "lake"), RECIPE) as inventory:
        shards = Plan(inventory, "scan", RECIPE).shards(iter(items), limit=None, on_listed=told.append)
        assert (len(shards), shards.sources) == (2, SHARD_SOURCES + 1)
        for _ in range(2):  # a flow goes through them once, a progress bar before it
            planned = [[job.source.uri for job in shard.remaining()] for shard in shards]
            assert [len(uris) for uris in planned] == [SHARD_SOURCES, 1]
            assert [shard.name for shard in shards] == ["shard 1 of 2", "shard 2 of 2"]
            assert [*planned[0], *planned[1]] == [item.uri for item in items]
    assert told == [400, 800, SHARD_SOURCES + 1]


def test_an_object_that_is_listed_twice_counts_once_and_a_failure_is_what_counts(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    broken = listed("/b", etag=None, fate=Fail("OSError", "broke off"))
    with Inventory(lake, RECIPE) as inventory:
        items = [listed("/a"), listed("/b"), listed("/a"), broken]
        shards = Plan(inventory, "scan", RECIPE).shards(items, limit=None, on_listed=lambda _: None)
        assert [job.source.uri for shard in shards for job in shard.remaining()] == ["/a"]
        assert (inventory.listed, inventory.planned) == (2, 1)
        assert inventory.outcomes() == {"pending": 1, "failed": 1}
    assert recorded(lake) == {"sources": 2, "failures": 1}


def test_a_place_whose_listing_broke_off_is_no_failure_once_it_is_complete(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    torn = listed("s3://b/a/", etag=None, fate=Fail("ClientError", "listing broke off"))
    plan(lake, [listed("s3://b/a/1"), torn])
    assert statuses(lake) == {"s3://b/a/1": "pending", "s3://b/a/": "failed"}
    plan(lake, [listed("s3://b/other")])  # says nothing of that place
    assert statuses(lake)["s3://b/a/"] == "failed"
    for _ in range(2):
        plan(lake, [listed("s3://b/a/1"), listed("s3://b/a/2")])
        assert statuses(lake)["s3://b/a/"] == "skipped"
    assert recorded(lake)["sources"] == 5
    plan(lake, [listed("s3://b/a/1"), torn])
    assert statuses(lake)["s3://b/a/"] == "failed"


def test_an_empty_archive_has_nothing_to_read(tmp_path: Path) -> None:
    assert plan(Lake(tmp_path / "lake"), []) == {}


def test_a_listing_that_breaks_off_has_recorded_what_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.inventory.CHUNK_ROWS", 2)

    def torn() -> Iterator[Listed]:
        yield from (listed(f"/{n}") for n in range(3))
        raise OSError("gone")

    lake = Lake(tmp_path / "lake")
    with Inventory(lake, RECIPE) as inventory, pytest.raises(OSError, match="gone"):
        Plan(inventory, "scan", RECIPE).shards(torn(), limit=None, on_listed=lambda _: None)
    assert statuses(lake) == {"/0": "pending", "/1": "pending"}


def test_an_erasure_while_it_is_planned_takes_no_file_from_under_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(tmp_path / "lake")
    plan(lake, [listed("/a.mp4"), listed("/b.mp4")])
    lake.append([failure("/a.mp4", "InvalidDataError", is_retryable=False)])
    snapshot, calls = lake.snapshot, itertools.count()
    file, away = Path(snapshot()["failures"].uris[0]), tmp_path / "away"

    def racing() -> Any:
        match next(calls):
            case 0:
                file.rename(away)
            case 1:
                away.rename(file)
            case _:
                pass
        return snapshot()

    with Inventory(lake, RECIPE) as inventory:
        monkeypatch.setattr(lake, "snapshot", racing)
        shards = Plan(inventory, "scan", RECIPE).shards(
            [listed("/a.mp4"), listed("/b.mp4")], limit=None, on_listed=lambda _: None
        )
        assert [job.source.uri for shard in shards for job in shard.remaining()] == ["/b.mp4"]


@pytest.mark.parametrize("part_rows", [1, 2, 1_000_000])
def test_what_is_learnt_in_parts_is_the_same(part_rows: int, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    items = [listed(f"/{number}.mp4") for number in range(9)]
    plan(lake, items)
    lake.append([failure(f"/{n}.mp4", "InvalidDataError", is_retryable=n % 2 == 1) for n in range(6)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("storage.inventory.PART_ROWS", part_rows)
        assert sorted(plan(lake, items)) == [f"/{number}.mp4" for number in (1, 3, 5, 6, 7, 8)]


def test_what_is_planned_in_little_memory_is_the_same(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    items = [listed(f"s3://bucket/{'long/' * 120}{number:08}.mp4") for number in range(60_000)]
    with Inventory(lake, RECIPE, memory_bytes=64 << 20) as inventory:
        shards = Plan(inventory, "scan", RECIPE).shards(items, limit=None, on_listed=lambda _: None)
        uris = [job.source.uri for shard in shards for job in shard.remaining()]
    assert uris == [item.uri for item in items]
