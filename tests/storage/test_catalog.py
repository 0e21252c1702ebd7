from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from storage.catalog import Catalog, QueryError, View, describe_views
from storage.lake import Lake
from storage.statements import check_statements, view_statements
from storage.tables import tables
from tests.storage.rows import RECIPE, MadeTables, recipe, source, video


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    lake.append([recipe(), source("/a.mp4", video_id="v1"), *video("v1", "/a.mp4")])
    return lake


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Over rows of one video, for queries that change nothing."""
    rows = [recipe(), source("/a.mp4", video_id="v1"), *video("v1", "/a.mp4")]
    return Catalog(MadeTables(tmp_path_factory.mktemp("made"), rows))


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


READING = [
    "select 1",
    "with v as (from videos) from v;",
    "from coverage",
    "values (1), (2)",
    "table videos",
    "describe videos",
    "summarize findings",
    "show tables",
    "pragma version",
    "pivot findings on question using count(*)",
    "with p as (pivot findings on question using count(*)) from p",
    "-- é\nselect 1 -- ;",
    "explain select 1",
    "explain analyze from videos",
    "explain (format json) (select 1)",
    "/* é */ explain analyze values (1)",
]

WRITING = {
    "create table t (a int)": "CREATE",
    "create table t as select 1": "CREATE",
    "create table t as (pivot findings on question using count(*))": "CREATE",
    "insert into t values (1)": "INSERT",
    "update t set a = 1": "UPDATE",
    "delete from t": "DELETE",
    "drop view videos": "DROP",
    "alter table t add column b int": "ALTER",
    "copy videos to '{file}'": "COPY",
    "copy (pivot findings on question using count(*)) to '{file}'": "COPY",
    "explain analyze copy videos to '{file}'": "COPY",
    "/* é */ explain (analyze) copy videos to '{file}'": "COPY",
    "export database '{file}'": "EXPORT",
    "attach '{file}'": "ATTACH",
    "install httpfs": "LOAD",
    "load httpfs": "LOAD",
    "pragma enable_profiling": "PRAGMA",
    "set threads = 1": "SET",
    "use raw": "SET",
    "call pragma_version()": "CALL",
    "checkpoint": "CALL",
    "vacuum": "VACUUM",
    "begin": "TRANSACTION",
    "prepare p as select 1": "PREPARE",
}


@pytest.mark.parametrize("sql", READING)
def test_whatever_reads_is_a_query(catalog: Catalog, sql: str) -> None:
    assert catalog.query(sql).num_rows


@pytest.mark.parametrize(("sql", "kind"), WRITING.items())
def test_whatever_does_more_than_read_is_no_query(
    catalog: Catalog, sql: str, kind: str, tmp_path: Path
) -> None:
    file = tmp_path / "written"
    with pytest.raises(QueryError, match=rf"a query only reads, and this is {kind}; give a select"):
        catalog.query(sql.format(file=file))
    assert not file.exists()


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("", "no statement"),
        ("-- nothing", "no statement"),
        (";;", "no statement"),
        ("select 1; select 2", "2 statements in this SQL; give them one at a time"),
        ("select 1; drop view videos; select 2", "3 statements"),
        ("pivot findings on question using count(*); select 1", "2 statements"),
    ],
)
def test_a_query_is_one_statement(catalog: Catalog, sql: str, says: str) -> None:
    with pytest.raises(QueryError, match=says):
        catalog.query(sql)


def test_a_query_may_read_the_files_of_the_user(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("uri,label\n/a.mp4,fake\n")
    rows = catalog.query(f"select label, tracks from read_csv('{path}') inner join videos using (uri)")
    assert rows.to_pylist() == [{"label": "fake", "tracks": 1}]


def test_a_query_cannot_change_how_it_is_run(catalog: Catalog) -> None:
    (row,) = catalog.query("select current_setting('lock_configuration') as is_locked").to_pylist()
    assert row == {"is_locked": True}


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


@pytest.mark.parametrize("view", describe_views(), ids=lambda view: view.name)
def test_every_column_is_explained_and_nothing_else(view: View) -> None:
    assert [column.name for column in view.columns if not column.doc] == []
    (statement,) = (one for one in view_statements() if one.name == view.name)
    assert set(statement.docs) <= {column.name for column in view.columns}


def test_a_column_is_explained_by_what_it_is_here_not_by_a_namesake() -> None:
    docs = {(view.name, column.name): column.doc for view in describe_views() for column in view.columns}
    assert docs["sources", "status"] == "done, no_face, failed, duplicate, skipped or pending."
    assert docs["predictions", "status"] == "scored, no_face, refused, unparsable or failed."
    assert docs["track_summary", "quality"] == docs["tracks", "quality"] != docs["clips", "quality"]


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
