"""A lake that the first facesift wrote (commit b9aeba1): read, added to, maintained and erased from.

It was made by that commit's own `Lake` and `tests/storage/rows.py`; since then tables have got columns, and
the lake has got tables.
"""

import tarfile
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake

from storage.catalog import Catalog
from storage.erasable import find_video
from storage.erasure import Eraser
from storage.lake import Lake
from storage.maintenance import MaintenanceConfig, maintain
from storage.receipt import Receipt
from storage.records import Forgotten
from storage.tables import tables, to_arrow
from tests.storage.rows import at, recipe, source, video
from tests.storage.test_erasure import everywhere

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


def test_an_older_erasure_is_finished_whether_or_not_it_was_written_down(lake: Lake) -> None:
    kept = tables()["erasures"].schema
    for name in ("uri_sha256s", "is_finished"):
        kept = kept.remove(kept.get_field_index(name))
    lake.append([source("/archive/new.mp4"), source("/archive/new.mp4", video_id=NEW, minutes=2)])
    lake.append(video(NEW, "/archive/new.mp4"))
    ends = [
        Receipt("ended", "video", "0", at(1), ("c" * 64,)),
        Receipt("unsure", "video", "0", at(1), ("d" * 64,), is_sure_of_versions=False),
    ]
    rows = to_arrow([receipt.row(()) for receipt in ends]).select(kept.names)
    write_deltalake(f"{lake.root}/erasures", rows)
    lake.append([Forgotten(receipt.video_ids[0], receipt.receipt_id, at(1)) for receipt in ends])
    # That one was killed, which wrote no row before its end.
    lake.append([Forgotten(NEW, "killed", at(3))])
    receipts = {receipt.receipt_id: receipt for receipt in Eraser(lake).erase_late()}
    assert receipts.keys() == {"unsure", "killed"}
    assert (receipts["killed"].selected_by, receipts["killed"].rows["videos"]) == ("unknown", 1)
    # The first facesift's tables have statistics in their logs, which no erasure changes.
    assert "/archive/new.mp4" not in everywhere(lake, but=("_delta_log",))
    assert Catalog(lake).view("clips").num_rows == 1  # though columns of it are in no file any more
    assert Catalog(lake).view("erasures")["is_finished"].to_pylist() == [True] * 3
    assert Eraser(lake).erase_late() == []
