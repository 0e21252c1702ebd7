"""Maintenance of a lake in a bucket, and erasure from it, against a server that speaks HTTP."""

from typing import Any

import pytest

from storage.catalog import Catalog
from storage.erasable import find_video
from storage.erasure import Eraser
from storage.lake import Lake
from storage.maintenance import MaintenanceConfig, maintain
from storage.records import Video
from tests.storage.rows import recipe, source, video

pytestmark = pytest.mark.real

ANNA, BERT = "a" * 64, "b" * 64


def test_a_lake_in_a_bucket_is_maintained_and_erased_from(s3: Any) -> None:
    lake = Lake("s3://archive/lake")
    lake.append([recipe(), source("/a", video_id=ANNA), source("/b", video_id=BERT), *video(ANNA, "/a")])
    dead = [row for row in video("c" * 64, "/c", attempt_id="dead") if not isinstance(row, Video)]
    lake.append([*video(BERT, "/b"), *dead])
    for video_id in (ANNA, BERT):
        lake.put_evidence(f"evidence/{video_id}/{video_id}-recipe-1-t0000-c00.jpg", b"picture")
    lake.put_evidence("evidence/cc/x.jpg", b"picture")

    account = maintain(lake, MaintenanceConfig(keep_h=0, abandoned_h=0, safe_h=0))
    assert (account.attempts_erased, account.is_sound) == (1, True)
    assert {table.name: table.files_after for table in account.tables}["boxes"] == 1

    receipt = Eraser(lake).erase(find_video(lake, ANNA))
    assert (receipt.rows["videos"], receipt.rows["boxes"], receipt.files_left) == (1, 2, ())
    assert Catalog(lake).view("videos")["video_id"].to_pylist() == [BERT]
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="archive")["Contents"]]
    assert not any(ANNA in key for key in keys)
    data = [
        key
        for key in keys
        if key.startswith("lake/boxes/") and key.endswith(".parquet") and "_delta_log" not in key
    ]
    assert len(data) == 1
    assert not any(Catalog(lake).run_checks().values())
