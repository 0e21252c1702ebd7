from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from storage.catalog import Catalog, View, describe_views
from storage.lake import Lake
from storage.statements import check_statements, view_statements
from storage.tables import tables
from tests.storage.rows import RECIPE, recipe, source, video


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    lake.append([recipe(), source("/a.mp4", video_id="v1"), *video("v1", "/a.mp4")])
    return lake


def test_an_empty_lake_has_every_table_and_view_with_its_columns(tmp_path: Path) -> None:
    with Catalog(Lake(tmp_path)).connect() as connection:
        for name, table in tables().items():
            described = connection.execute(f"describe raw.{name}").fetchall()
            assert [row[:2] for row in described] == [
                (column.name, column.sql_type.upper()) for column in table.columns
            ]
        for view in view_statements():
            assert connection.execute(f"from {view.name}").fetchall() == []


def test_a_stored_table_has_the_types_of_an_empty_one(lake: Lake) -> None:
    with Catalog(lake).connect() as connection:
        for name, table in tables().items():
            described = connection.execute(f"describe raw.{name}").fetchall()
            assert {row[0]: row[1] for row in described} == {
                column.name: column.sql_type.upper() for column in table.columns
            }


def test_a_query_takes_parameters_and_gives_arrow(lake: Lake) -> None:
    rows = Catalog(lake).query("select uri, committed_at from videos where video_id = ?", ["v1"])
    assert rows["uri"].to_pylist() == ["/a.mp4"]
    assert rows.schema.field("committed_at").type == pa.timestamp("us", "UTC")
    assert Catalog(lake).query("select 1 as n where $x = 2", {"x": 3}).num_rows == 0


def test_a_view_is_filtered_by_values(lake: Lake) -> None:
    catalog = Catalog(lake)
    assert catalog.view("sources").num_rows == 1
    assert catalog.view("sources", recipe_id=RECIPE, status="done").num_rows == 1
    assert catalog.view("sources", recipe_id="'; drop table x; --").num_rows == 0


def test_a_wrong_statement_is_duckdbs_own_error(lake: Lake) -> None:
    with pytest.raises(duckdb.BinderException, match="faec"):
        Catalog(lake).query("select faec from videos")


def test_a_connection_sees_the_lake_as_it_was(lake: Lake) -> None:
    catalog = Catalog(lake)
    with catalog.connect() as before:
        lake.append(video("v2", "/b.mp4"))
        assert before.sql("select count(*) from videos").fetchall() == [(1,)]
    with catalog.connect() as after:
        assert after.sql("select count(*) from videos").fetchall() == [(2,)]


def test_nothing_is_fetched_from_the_network(lake: Lake) -> None:
    with Catalog(lake).connect() as connection:
        settings = "autoinstall_known_extensions", "autoload_known_extensions"
        for setting in settings:
            assert connection.execute(f"select current_setting('{setting}')").fetchone() == (False,)
        with pytest.raises(duckdb.Error):
            connection.sql("from read_csv('http://127.0.0.1:1/a.csv')")


def test_a_lake_without_damage_passes_every_check(lake: Lake) -> None:
    assert Catalog(lake).run_checks() == dict.fromkeys([check.name for check in check_statements()], 0)


def test_a_check_counts_the_rows_that_offend_it(lake: Lake) -> None:
    first, *rest = video("v2", "/b.mp4", tracks=2)
    lake.append(rest[:1] + rest[2:])  # without the shot and one box
    del first
    checks = Catalog(lake).run_checks()
    assert {name: rows for name, rows in checks.items() if rows} == {
        "children_have_parents": 2,
        "counts_match": 1,
    }


def test_views_are_described_with_grain_key_and_documentation() -> None:
    views = {view.name: view for view in describe_views()}
    assert set(views) == {view.name for view in view_statements()}
    boxes = views["boxes"]
    assert (boxes.grain, boxes.key) == ("A face in a sampled frame.", ("track_id", "frame_index"))
    docs = {column.name: (column.sql_type, column.doc) for column in boxes.columns}
    assert docs["score"] == ("double", "Detector score, 0..1.")
    assert docs["landmarks_px"][0] == "float[]"


@pytest.mark.parametrize("view", describe_views(), ids=lambda view: view.name)
def test_every_view_states_its_grain_and_a_key_of_its_columns(view: View) -> None:
    assert view.grain.endswith(".")
    assert view.key
    assert set(view.key) <= {column.name for column in view.columns}


def test_a_view_comes_after_those_that_it_selects_from() -> None:
    order = [view.name for view in view_statements()]
    assert order.index("videos") < order.index("tracks") < order.index("track_summary")
    assert order.index("listings") < order.index("sources")


def test_the_grain_is_a_comment_in_the_database(lake: Lake) -> None:
    with Catalog(lake).connect() as connection:
        comment = connection.sql(
            "select comment from duckdb_views() where view_name = 'tracks' and schema_name = 'main'"
        )
        assert comment.fetchall() == [("A face followed within one shot.",)]
