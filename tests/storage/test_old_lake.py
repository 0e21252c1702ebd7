"""A lake that the first facesift wrote (commit b9aeba1): read, added to, maintained and erased from.

It was made by that commit's own `Lake` and `tests/storage/rows.py`; since then tables have got columns, and
the lake has got tables.
"""

import tarfile
from pathlib import Path

import pytest
from deltalake import DeltaTable

from storage.catalog import Catalog
from storage.erasable import find_video
from storage.erasure import Eraser
from storage.lake import Lake
from storage.maintenance import MaintenanceConfig, maintain
from storage.tables import tables
from tests.storage.rows import recipe, source, video

OLD, NEW = "a" * 64, "b" * 64
AT_ONCE = MaintenanceConfig(keep_h=0, abandoned_h=0, safe_h=0)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    with tarfile.open(Path(__file__).parent / "data" / "lake-of-b9aeba1.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    return Lake.open(tmp_path / "lake")


def columns(lake: Lake, table: str) -> set[str]:
    return {field.name for field in DeltaTable(f"{lake.root}/{table}").schema().fields}


def test_it_is_older_than_this_facesift(lake: Lake) -> None:
    lacking = {
        name
        for name, table in tables().items()
        if not Path(lake.root, name).exists() or columns(lake, name) != set(table.schema.names)
    }
    assert {"shots", "tracks", "boxes", "clips", "forgotten", "erasures"} <= lacking
    assert not {"gaps", "gap_s", "person_id"} & columns(lake, "tracks")


def test_every_view_shows_it(lake: Lake) -> None:
    with Catalog(lake).connect() as connection:
        views = connection.sql(
            "select view_name from duckdb_views() where schema_name = 'main' and not internal"
        )
        counts = {name: len(connection.sql(f"from {name}").fetchall()) for (name,) in views.fetchall()}
    assert (counts["videos"], counts["tracks"], counts["boxes"], counts["findings"]) == (1, 1, 2, 11)
    assert Catalog(lake).view("coverage")["adds_up"].to_pylist() == [True]
    (track,) = Catalog(lake).view("tracks").to_pylist()
    assert (track["gaps"], track["person_id"]) == (None, None)


def test_what_is_added_has_the_new_columns_and_the_old_rows_stay(lake: Lake) -> None:
    lake.append([source("/archive/new.mp4", video_id=NEW), *video(NEW, "/archive/new.mp4")])
    rows = {row["video_id"]: row for row in Catalog(lake).view("tracks").to_pylist()}
    assert (rows[OLD]["gaps"], rows[NEW]["gaps"]) == (None, 0)
    assert columns(lake, "tracks") == set(tables()["tracks"].schema.names)
    lake.append(video("c" * 64, "/archive/newer.mp4"))
    assert Catalog(lake).view("tracks").num_rows == 3


def test_it_is_maintained_and_erased_from(lake: Lake) -> None:
    lake.append([recipe(), source("/archive/new.mp4", video_id=NEW), *video(NEW, "/archive/new.mp4")])
    before = {
        name: Catalog(lake).view(name).to_pylist() for name in ("videos", "tracks", "boxes", "findings")
    }
    account = maintain(lake, AT_ONCE)
    assert {table.name: table.files_after for table in account.tables}["tracks"] == 1
    for name, rows in before.items():
        assert sorted(map(str, Catalog(lake).view(name).to_pylist())) == sorted(map(str, rows))
    receipt = Eraser(lake).erase(find_video(lake, OLD))
    assert (receipt.rows["videos"], receipt.files_left) == (1, ())
    assert Catalog(lake).view("videos")["video_id"].to_pylist() == [NEW]
    assert maintain(lake, AT_ONCE).checks["counts_match"] == 0
