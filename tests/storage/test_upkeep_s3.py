"""Maintenance of a lake in a bucket, and erasure from it, against a server that speaks HTTP."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.catalog import Catalog
from storage.erasable import find_sources, find_video
from storage.erasure import Eraser
from storage.lake import Lake, LakeError
from storage.maintenance import MaintenanceConfig, maintain
from storage.records import Box, Clip, Erasure, Video
from storage.s3 import forget
from tests.storage.faulty_s3 import Fault, faulty_s3
from tests.storage.rows import recipe, scan, source, video

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


def keep_versions(s3: Any) -> None:
    s3.put_bucket_versioning(Bucket="archive", VersioningConfiguration={"Status": "Enabled"})


def contents(s3: Any) -> str:
    """Return every version of every object, except the logs, as one text; rows in the clear."""
    text = ""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket="archive"):
        for item in page.get("Versions", ()):
            if "_delta_log" in item["Key"]:
                continue
            key, version = item["Key"], item["VersionId"]
            data = s3.get_object(Bucket="archive", Key=key, VersionId=version)["Body"].read()
            is_rows = key.endswith(".parquet")
            text += f"{key}\n{pq.read_table(pa.BufferReader(data)).to_pylist() if is_rows else data}\n"
        text += "".join(f"{item['Key']}\n" for item in page.get("DeleteMarkers", ()))
    return text


FEW = (Box, Clip, Video)
"""Tables enough for what is asked here."""


def filled(s3: Any) -> Lake:
    lake = Lake("s3://archive/lake")
    lake.append([recipe(), source("/anna.mp4"), source("/anna.mp4", video_id=ANNA, minutes=2)])
    lake.append([source("/b", video_id=BERT), replace(scan(), archives=("/anna.mp4", "/b"))])
    lake.append([row for row in (*video(ANNA, "/anna.mp4"), *video(BERT, "/b")) if isinstance(row, FEW)])
    for video_id in (ANNA, BERT):
        lake.put_evidence(f"evidence/{video_id}/{video_id}-recipe-1-t0000-c00.jpg", b"picture")
    return lake


def test_what_a_bucket_keeps_of_removed_objects_is_erased_too(s3: Any) -> None:
    keep_versions(s3)
    lake = filled(s3)
    lake.put_evidence(f"evidence/{ANNA}/{ANNA}-recipe-1-t0000-c00.jpg", b"another picture")
    lake.append([*video(BERT, "/b", recipe_id="other"), recipe("other")])
    # What maintenance has removed, the bucket still has.
    maintain(lake, MaintenanceConfig(keep_h=0, abandoned_h=0, safe_h=0))
    assert len(lake.snapshot()["boxes"].uris) == 1
    assert "/anna.mp4" in contents(s3)
    objects = len(list(lake.store.earlier("boxes")))
    assert objects == 2

    receipt = Eraser(lake).erase(find_sources(lake, "/anna.mp4"))
    assert receipt.is_sure_of_versions
    assert receipt.pictures == 1
    text = contents(s3)
    assert "/anna.mp4" not in text
    assert f"evidence/{ANNA}" not in text
    assert "another picture" not in text
    # Old files without a row of hers stay where the bucket keeps them.
    assert len(list(lake.store.earlier("boxes"))) == 1
    assert Catalog(lake).view("videos")["video_id"].to_pylist() == [BERT, BERT]


def test_old_files_that_had_to_wait_leave_no_version_behind(s3: Any) -> None:
    keep_versions(s3)
    lake = filled(s3)
    receipt = Eraser(lake, grace_h=2).erase(find_video(lake, ANNA))
    assert receipt.files_left
    (row,) = Catalog(lake).view("erasures").to_pylist()
    now = datetime.now(UTC)
    lake.append([Erasure(**row | {"left_until": now, "written_at": now})])
    # They leave as any old file would, before their time as erased ones is looked at.
    for left in receipt.files_left:
        assert lake.store.remove(left.path)
    assert "/anna.mp4" in contents(s3)
    assert Eraser(lake).finish() == len(receipt.files_left)
    assert "/anna.mp4" not in contents(s3)


def test_a_bucket_that_does_not_say_whether_it_keeps_versions_is_told_of_and_finished_when_it_does(
    s3: Any, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_versions(s3)
    filled(s3)
    with faulty_s3(s3_server) as proxy:
        proxy.faults = [Fault("denied", r"[?&]versioning")]
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        forget()
        lake = Lake.open("s3://archive/lake")
        receipt = Eraser(lake).erase(find_video(lake, ANNA))
        assert not receipt.is_sure_of_versions
        assert receipt.as_dict()["is_sure_of_versions"] is False
        assert "/anna.mp4" in contents(s3)
        proxy.faults = []
        assert [one.receipt_id for one in Eraser(lake).erase_late()] == [receipt.receipt_id]
    text = contents(s3)
    assert "/anna.mp4" not in text
    assert f"evidence/{ANNA}" not in text


@pytest.mark.parametrize("refused", [r"^DELETE", r"[?&]prefix=lake/evidence"])
def test_what_s3_refuses_in_the_middle_is_one_line_and_finished_by_maintenance(
    refused: str, s3: Any, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(s3)
    with faulty_s3(s3_server) as proxy:
        proxy.faults = [Fault("denied", refused)]
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        forget()
        lake = Lake.open("s3://archive/lake")
        with pytest.raises(
            LakeError, match=r"could not erase all of it from s3://archive/lake: S3 says .*Denied"
        ):
            Eraser(lake).erase(find_video(lake, ANNA))
        assert proxy.faults[0].happened
        assert Catalog(lake).view("videos")["video_id"].to_pylist() == [BERT]
        with pytest.raises(LakeError, match=r"could not maintain s3://archive/lake: S3 says .*Denied"):
            maintain(lake)
        proxy.faults = []
        assert len(maintain(lake).late_receipts) == 1
    text = contents(s3)
    assert "/anna.mp4" not in text
    assert f"evidence/{ANNA}" not in text


def test_an_old_file_that_s3_does_not_give_now_is_not_taken_for_a_torn_one(
    s3: Any, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = filled(s3)
    lake.append(
        [recipe("other"), *(row for row in video(BERT, "/b", recipe_id="other") if isinstance(row, Box))]
    )
    paths = {uri.removeprefix("s3://archive/") for uri in lake.snapshot()["boxes"].uris}
    maintain(lake)
    with faulty_s3(s3_server) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        forget()
        lake = Lake.open("s3://archive/lake")
        found = find_video(lake, ANNA)
        proxy.faults = [Fault("internal", rf"^HEAD /archive/({'|'.join(paths)})")]
        with pytest.raises(LakeError, match="could not erase all of it"):
            Eraser(lake).erase(found)
        assert proxy.faults[0].happened
        assert {item["Key"] for item in s3.list_objects_v2(Bucket="archive")["Contents"]} >= paths
        proxy.faults = []
        maintain(lake)
    (still_there,) = {item["Key"] for item in s3.list_objects_v2(Bucket="archive")["Contents"]} & paths
    data = s3.get_object(Bucket="archive", Key=still_there)["Body"].read()
    assert set(pq.read_table(pa.BufferReader(data))["video_id"].to_pylist()) == {BERT}
