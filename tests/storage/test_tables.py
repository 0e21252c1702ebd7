from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest

from storage.records import VOCABULARY, Box, Failure, Record, Shot, Source, Track
from storage.tables import Rows, Table, gathered, table_of, tables, to_arrow

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def shot(**changes: object) -> Shot:
    values: dict[str, object] = {
        "video_id": "v",
        "recipe_id": "r",
        "attempt_id": "a",
        "shot_index": 0,
        "start_frame": 0,
        "start_s": 0.0,
    }
    return Shot(**{**values, **changes})  # pyright: ignore[reportArgumentType]


def source(**changes: object) -> Source:
    values: dict[str, object] = {
        "uri": "/a.mp4",
        "size_bytes": 3,
        "etag": "1",
        "modified_at": NOON,
        "listed_at": NOON,
        "scan_id": "s",
        "recipe_id": "r",
    }
    return Source(**{**values, **changes})  # pyright: ignore[reportArgumentType]


def test_every_record_class_has_one_table() -> None:
    assert {table.record for table in tables().values()} == set(Record.__args__)


def test_videos_are_committed_last_and_children_before_parents() -> None:
    order = list(tables())
    assert order[-1] == "videos"
    assert order.index("boxes") < order.index("tracks")
    assert order.index("findings") < order.index("clips")


def test_a_table_has_grain_key_and_the_fields_in_order() -> None:
    table = table_of(Track)
    assert (table.name, table.grain, table.key) == (
        "tracks",
        "A face followed within one shot.",
        ("track_id",),
    )
    assert [column.name for column in table.columns] == [field.name for field in fields(Track)]


@pytest.mark.parametrize("table", tables().values(), ids=lambda table: table.name)
def test_keys_are_columns(table: Table) -> None:
    assert table.grain.endswith(".")
    assert set(table.key) <= {column.name for column in table.columns}


def test_types_and_documentation_come_from_the_fields() -> None:
    columns = {column.name: column for column in table_of(Box).columns}
    assert columns["frame_index"].doc == "Of the decoded video in presentation order, from 0."
    assert columns["track_id"].doc == VOCABULARY["track_id"]
    assert columns["landmarks_px"].sql_type == "float[]"
    schema = table_of(Box).schema
    assert schema.field("pts").type == pa.int64()
    assert schema.field("score").type == pa.float64()
    assert schema.field("landmarks_px").type.value_type == pa.float32()
    failure = table_of(Failure).schema
    assert failure.field("failed_at").type == pa.timestamp("us", "UTC")
    assert failure.field("is_quarantined").type == pa.bool_()
    assert failure.field("video_id").nullable
    assert not failure.field("uri").nullable


def test_rows_become_arrow() -> None:
    box = Box("t", "v", "r", "a", 4, 400, 0.4, 1.5, 2.5, 3.0, 4.0, 0.9, 0.8, 12.0, 1.0, 2.0, 3.0, (1.5, 2.25))
    table = to_arrow([box, box])
    assert table.schema == table_of(Box).schema
    assert table.to_pylist()[1] == {field.name: getattr(box, field.name) for field in fields(Box)} | {
        "landmarks_px": [1.5, 2.25]
    }


def test_a_time_is_stored_in_utc() -> None:
    row = source(listed_at=datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2))))
    assert to_arrow([row]).column("listed_at").to_pylist() == [NOON]


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"sources\.modified_at holds a time without a zone"):
        to_arrow([source(modified_at=datetime(2026, 3, 1, 12))])


def test_none_is_refused_where_it_may_not_be() -> None:
    assert to_arrow([source(etag=None)]).column("etag").null_count == 1
    with pytest.raises(ValueError, match=r"shots\.start_s may not be None"):
        to_arrow([shot(), shot(start_s=None)])


def test_mixed_and_missing_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="got Shot, Source"):
        to_arrow([shot(), source()])
    with pytest.raises(ValueError, match="got none"):
        to_arrow([])


def test_rows_in_columns_are_the_same_rows() -> None:
    shots = [shot(shot_index=number, start_s=number / 3) for number in range(3)]
    kept = Rows.of(shots)
    assert (kept.table, len(kept), kept.records()) == ("shots", 3, shots)
    assert kept.nbytes > 0
    box = Box("t", "v", "r", "a", 5, 2560, 0.2, *(0.1,) * 4, *(0.5,) * 6, landmarks_px=(0.5, 1.25) * 68)
    assert Rows.of([box, box]).records() == [box, box]
    assert Rows.of([source()]).records() == [source()]


def test_records_and_columns_of_a_table_are_committed_together() -> None:
    gone = gathered([source(), Rows.of([shot()]), shot(shot_index=1), Rows.of([shot(shot_index=2)])])
    assert list(gone) == ["sources", "shots"]
    assert sorted(gone["shots"]["shot_index"].to_pylist()) == [0, 1, 2]
    with pytest.raises(ValueError, match="start_s may not be None"):
        gathered([Rows.of([shot()]), shot(start_s=None)])
