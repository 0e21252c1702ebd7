"""Lakes with litter in them: what goes, what stays, who is not disturbed."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable

from storage.catalog import Catalog
from storage.delta import DeltaTables
from storage.lake import Lake, LakeError
from storage.maintenance import MaintenanceConfig, is_due, maintain
from storage.records import Record, Scan, Video
from tests.storage.rows import recipe, scan, source, video

AT_ONCE = MaintenanceConfig(keep_h=0, abandoned_h=0, safe_h=0)
"""Nothing is too young, and no scan is alive."""
SAFE_NOW = MaintenanceConfig(safe_h=0)
"""What is young is safe from nothing but the scans that may be alive."""


def attempt(video_id: str, attempt_id: str) -> list[Record]:
    """Return the rows of a try that was killed before its last."""
    return [
        row for row in video(video_id, f"/{video_id}", attempt_id=attempt_id) if not isinstance(row, Video)
    ]


def run(scan_id: str, started_at: datetime, finished_at: datetime | None = None) -> Scan:
    return replace(scan(), scan_id=scan_id, started_at=started_at, finished_at=finished_at)


def ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


def rows(lake: Lake) -> dict[str, list[Any]]:
    """Return what every view shows."""
    with Catalog(lake).connect() as connection:
        views = ("listings", "videos", "tracks", "boxes", "clips", "answers", "findings", "scans")
        return {name: connection.sql(f"from {name} order by all").fetchall() for name in views}


def attempts(lake: Lake) -> set[str]:
    with Catalog(lake).connect() as connection:
        return {one for (one,) in connection.sql("select distinct attempt_id from raw.boxes").fetchall()}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake of three commits, of which every scan has ended."""
    lake = Lake(tmp_path / "lake")
    lake.append([recipe(), run("scan-1", ago(9), ago(8)), source("/v1", video_id="v1")])
    lake.append([source("/v2", video_id="v2"), *video("v1", "/v1")])
    lake.append(video("v2", "/v2"))
    return lake


def test_what_a_lake_shows_stays_and_its_files_become_few(lake: Lake) -> None:
    shown, before = rows(lake), lake.snapshot()
    assert is_due(lake, files=2)
    assert not is_due(lake, files=3)
    path = Catalog(lake).view("clips")["evidence"][0].as_py()
    lake.put_evidence(path, b"picture")
    account = maintain(lake, SAFE_NOW)
    assert rows(lake) == shown
    assert lake.read_evidence(path) == b"picture"
    assert account.is_sound
    counts = {table.name: (table.files_before, table.files_after) for table in account.tables}
    assert counts["sources"] == counts["boxes"] == counts["videos"] == (2, 1)
    assert counts["failures"] == (0, 0)
    # Whoever holds the list of files from before reads on.
    assert duckdb.execute("select count(*) from read_parquet($1)", [before["boxes"].uris]).fetchone() == (4,)


def test_old_files_and_litter_go_when_their_time_is_over(lake: Lake) -> None:
    before = lake.snapshot()["boxes"].uris
    litter, young = (Path(lake.root, "boxes", f"part-{number}.parquet") for number in range(2))
    litter.write_bytes(b"half")
    os.utime(litter, (0, 0))
    young.write_bytes(b"on its way into the table")
    maintain(lake)
    assert all(Path(uri).exists() for uri in before)
    assert (litter.exists(), young.exists()) == (False, True)
    (boxes,) = (table for table in maintain(lake, AT_ONCE).tables if table.name == "boxes")
    assert boxes.files_removed == len(before) == 2
    assert not any(Path(uri).exists() for uri in before)
    assert young.exists()
    assert len(rows(lake)["boxes"]) == 4


@pytest.mark.parametrize(
    ("scans", "config", "is_erased"),
    [
        ([], SAFE_NOW, True),
        ([], MaintenanceConfig(), False),  # too young
        ([run("killed", ago(200))], SAFE_NOW, True),
        ([run("running", ago(2))], SAFE_NOW, False),
        ([run("running", ago(2))], AT_ONCE, True),
        ([run("ended", ago(2)), run("ended", ago(2), ago(1))], SAFE_NOW, True),
    ],
    ids=["no scan", "young", "killed", "running", "forced", "ended"],
)
def test_a_try_without_an_end_goes_unless_its_scan_may_be_running(
    lake: Lake, scans: list[Scan], config: MaintenanceConfig, is_erased: bool
) -> None:
    shown = rows(lake)["boxes"]
    lake.append([*scans, *attempt("v3", "dead")])
    lake.put_evidence("evidence/v3/x.jpg", b"picture")
    account = maintain(lake, config)
    assert account.attempts_erased == account.pictures_erased == int(is_erased)
    assert ("dead" in attempts(lake)) is not is_erased
    assert Path(lake.root, "evidence", "v3").exists() is not is_erased
    assert rows(lake)["boxes"] == shown


def test_a_long_scan_that_still_commits_is_alive(lake: Lake) -> None:
    lake.append([run("long", ago(400)), *attempt("v3", "dead")])
    of_it = [
        replace(row, scan_id="long", committed_at=ago(1))
        for row in video("v4", "/v4")
        if isinstance(row, Video)
    ]
    lake.append(of_it)
    assert maintain(lake, SAFE_NOW).attempts_erased == 0


def test_a_lake_that_offends_a_check_is_not_sound(lake: Lake) -> None:
    lake.append([row for row in video("v3", "/v3", attempt_id="torn") if isinstance(row, Video)])
    account = maintain(lake)
    assert account.checks["counts_match"] == 1
    assert not account.is_sound
    assert account.as_dict()["is_sound"] is False


def test_appends_and_changes_at_once_lose_nothing(lake: Lake) -> None:
    stop = threading.Event()
    appended: list[str] = []

    def append() -> None:
        while not stop.is_set():
            video_id = f"w{len(appended)}"
            lake.append([source(f"/{video_id}", video_id=video_id), *video(video_id, f"/{video_id}")])
            appended.append(video_id)

    writer = threading.Thread(target=append)
    writer.start()
    try:
        assert maintain(lake, replace(AT_ONCE, keep_h=1)).is_sound
    finally:
        stop.set()
        writer.join()
    assert appended
    assert {row[0] for row in rows(lake)["videos"]} == {"v1", "v2", *appended}
    assert not any(Catalog(lake).run_checks().values())


def test_two_changes_of_the_same_rows_are_made_one_after_the_other(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.delta.CHANGE_PAUSE_S", 0.0)
    tries: list[int] = []

    def change(between: Callable[[], object]) -> Callable[[DeltaTable], Any]:
        def delete(table: DeltaTable) -> Any:
            tries.append(table.version())
            if len(tries) == 1:
                between()
            return table.delete("video_id = 'v1'")

        return delete

    def compact() -> None:
        DeltaTable(f"{lake.root}/boxes").optimize.compact()

    deleted = lake.delta.change("boxes", change(compact))
    assert deleted is not None
    assert (deleted["num_deleted_rows"], len(tries)) == (2, 2)
    assert len(DeltaTable(f"{lake.root}/boxes").to_pyarrow_table()) == 2
    assert lake.delta.change("predictions", change(compact)) is None


def test_a_table_that_does_not_take_it_is_named(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(DeltaTables, "change", fail)
    with pytest.raises(LakeError, match=r"could not bring .*into order: no space left.*run the same command"):
        maintain(lake)


@pytest.mark.parametrize("hours", [-1.0, float("nan"), float("inf")])
def test_hours_are_hours(hours: float) -> None:
    with pytest.raises(ValueError, match="give hours from 0"):
        MaintenanceConfig(keep_h=hours)
