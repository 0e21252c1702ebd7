"""Lakes in S3, against a server that speaks HTTP and obeys conditional puts."""

import multiprocessing
from typing import Any

import pytest

from storage.catalog import Catalog
from storage.lake import Lake, LakeError, UnreachableLakeError
from storage.s3 import forget
from tests.storage.buckets import put, uris
from tests.storage.faulty_s3 import Fault, faulty_s3
from tests.storage.rows import recipe, source, video

pytestmark = pytest.mark.real


def test_a_lake_lives_in_a_bucket(s3: Any) -> None:
    lake = Lake("s3://archive/results/lake/")
    assert not lake.exists
    lake.append([recipe(), source("/a.mp4", video_id="v1"), *video("v1", "/a.mp4")])
    lake.append([*video("v2", "/b.mp4")])
    lake = Lake.open("s3://archive/results/lake")
    assert set(Catalog(lake).view("videos")["video_id"].to_pylist()) == {"v1", "v2"}
    assert Catalog(lake).view("sources", status="done")["uri"].to_pylist() == ["/a.mp4"]
    assert set(Catalog(lake).run_checks().values()) == {0}
    lake.put_evidence("evidence/a.jpg", b"picture")
    assert lake.read_evidence("evidence/a.jpg") == b"picture"
    assert lake.read_evidence("evidence/b.jpg") is None
    put(s3, "a.mp4")
    assert uris("s3://archive", exclude=(lake.root,)) == ["a.mp4"]


def test_a_prefix_with_something_else_is_no_lake(s3: Any) -> None:
    put(s3, "videos/a.mp4")
    with pytest.raises(LakeError, match="not empty and no lake"):
        Lake("s3://archive/videos")
    with pytest.raises(LakeError, match="there is no lake"):
        Lake.open("s3://archive/lake")
    with pytest.raises(LakeError, match="cannot open s3://nowhere/lake"):
        Lake("s3://nowhere/lake")
    assert not Lake("s3://archive/vid").exists


def test_a_body_that_breaks_off_is_asked_for_again(
    s3: Any, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.objects.PAUSE_S", 0.01)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "3")
    Lake("s3://lakes/here").put_evidence("evidence/a.jpg", b"picture" * 9)
    with faulty_s3(s3_server) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        forget()
        proxy.faults = [Fault("truncated", r"lake\.json$", times=2), Fault("reset body", r"a\.jpg$", times=1)]
        lake = Lake.open("s3://lakes/here")
        assert lake.read_evidence("evidence/a.jpg") == b"picture" * 9
        assert [fault.happened for fault in proxy.faults] == [2, 1]
        proxy.faults = [Fault("truncated", "")]
        with pytest.raises(UnreachableLakeError, match=r"cannot open s3://lakes/here as a lake: S3 says"):
            Lake.open("s3://lakes/here")
        assert proxy.faults[0].happened == 3


def test_a_table_in_a_bucket_that_lost_its_log_is_an_error(s3: Any) -> None:
    lake = Lake("s3://archive/lake")
    lake.append([recipe(), source("/a.mp4")])
    for item in s3.list_objects_v2(Bucket="archive", Prefix="lake/sources/_delta_log/")["Contents"]:
        s3.delete_object(Bucket="archive", Key=item["Key"])
    with pytest.raises(LakeError, match=r"cannot read s3://archive/lake/sources: its folder _delta_log"):
        lake.snapshot()


def _append_many(root: str, start: Any, process: int, appends: int) -> None:
    start.wait()
    for number in range(appends):
        name = f"p{process}-{number}"
        Lake(root).append(video(name, f"/{name}.mp4", attempt_id=name))


def test_two_processes_make_a_lake_in_a_bucket_and_append_at_once(s3: Any) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2, timeout=30)
    root = "s3://archive/lake"
    processes = [context.Process(target=_append_many, args=(root, start, index, 3)) for index in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(180)
    assert [process.exitcode for process in processes] == [0, 0]
    lake = Lake.open(root)
    assert set(Catalog(lake).view("videos")["video_id"].to_pylist()) == {
        f"p{process}-{number}" for process in range(2) for number in range(3)
    }
    assert Catalog(lake).run_checks()["counts_match"] == 0
