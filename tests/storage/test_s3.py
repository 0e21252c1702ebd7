"""Archives and lakes in S3, against a server that speaks HTTP and obeys conditional puts."""

import multiprocessing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from storage.archive import ArchiveError, Fail, Fetched, Skip, Take, fetch, list_sources
from storage.buckets import Buckets
from storage.catalog import Catalog
from storage.lake import Lake, LakeError
from storage.s3 import Address, os_error
from tests.storage.rows import recipe, source, video

pytestmark = pytest.mark.real


def put(s3: Any, *keys: str, data: bytes = b"12345", **options: str) -> None:
    for key in keys:
        s3.put_object(Bucket="archive", Key=key, Body=data, **options)


def uris(*places: str, exclude: tuple[str, ...] = ()) -> list[str]:
    return [listed.uri.removeprefix("s3://archive/") for listed in list_sources(places, exclude)]


def test_objects_are_listed_with_their_version(s3: Any) -> None:
    put(s3, "a/b.mp4")
    (listed,) = list_sources(["s3://archive"])
    head = s3.head_object(Bucket="archive", Key="a/b.mp4")
    assert (listed.uri, listed.size_bytes, listed.fate) == ("s3://archive/a/b.mp4", 5, Take())
    assert listed.etag == head["ETag"].strip('"')
    assert listed.modified_at is not None
    assert listed.modified_at.utcoffset() is not None


def test_a_prefix_is_a_folder_and_not_the_beginning_of_a_name(s3: Any) -> None:
    put(s3, "a", "a/1.mp4", "a/b/2.mp4", "ab/3.mp4", "z.mp4")
    assert uris("s3://archive/a") == uris("s3://archive/a/") == ["a", "a/1.mp4", "a/b/2.mp4"]
    assert uris("s3://archive/z.mp4") == ["z.mp4"]
    assert uris("s3://archive/a", "s3://archive/a/b", "s3://archive/z.mp4", "s3://archive/a") == [
        *("a", "a/1.mp4", "a/b/2.mp4", "z.mp4")
    ]
    assert uris("s3://archive", exclude=("s3://archive/a",)) == ["ab/3.mp4", "z.mp4"]


def test_any_key_is_listed_and_fetched(s3: Any, tmp_path: Path) -> None:
    keys = [
        "with space.mp4",
        "it's 100%41.mp4",
        "größe 日本.mp4",
        "a//b.mp4",
        "plus+and&.mp4",
        "?*[a].mp4",
        "no ending",
    ]
    for key in keys:
        put(s3, key, data=key.encode())
    assert sorted(uris("s3://archive")) == sorted(keys)
    for key in keys:
        assert fetch(f"s3://archive/{key}", tmp_path).video_id == sha256(key.encode()).hexdigest()


def _page_of_three(params: dict[str, Any], **_: Any) -> None:
    params["MaxKeys"] = 3


def test_more_than_a_page_is_listed_in_order(s3: Any) -> None:
    s3.meta.events.register("provide-client-params.s3.ListObjectsV2", _page_of_three)
    put(s3, *(f"{number}.mp4" for number in range(8)))
    assert uris("s3://archive") == [f"{number}.mp4" for number in range(8)]


def test_what_is_no_video_is_skipped_with_a_reason(s3: Any) -> None:
    put(s3, "a/", "a/notes.txt")
    put(s3, "a/old.mp4", StorageClass="GLACIER")
    assert {listed.uri.rpartition("/")[2]: listed.fate for listed in list_sources(["s3://archive"])} == {
        "": Skip("a folder's marker"),
        "notes.txt": Skip("text, by its ending .txt"),
        "old.mp4": Skip("in cold storage (GLACIER); restore it"),
    }


@pytest.mark.parametrize("place", ["s3://nowhere", "s3://archive/nowhere", "s3://"])
def test_an_archive_that_is_not_there_is_refused_before_the_first(s3: Any, place: str) -> None:
    put(s3, "a.mp4")
    with pytest.raises(ArchiveError, match=f"cannot list {place}"):
        list_sources(["s3://archive", place])


def test_a_listing_that_breaks_off_is_a_failure(s3: Any) -> None:
    s3.meta.events.register("provide-client-params.s3.ListObjectsV2", _page_of_three)
    put(s3, *(f"{number}.mp4" for number in range(8)))
    listing = list_sources(["s3://archive"])
    next(listing)
    s3.meta.events.register("before-send.s3.ListObjectsV2", _fail)
    *first, last = listing
    assert len(first) == 2
    assert last.uri == "s3://archive/"
    assert isinstance(last.fate, Fail)
    assert "broke off" in last.fate.message


def _fail(**_: Any) -> None:
    from botocore.exceptions import EndpointConnectionError  # noqa: PLC0415

    raise EndpointConnectionError(endpoint_url="http://gone")


def test_an_object_is_spooled_and_hashed(s3: Any, tmp_path: Path) -> None:
    data = b"frame" * 700_000
    put(s3, "a/b.mp4", data=data)
    (listed,) = list_sources(["s3://archive"])
    fetched = fetch(listed.uri, tmp_path / "spool")
    expected = Fetched(sha256(data).hexdigest(), fetched.path, len(data), listed.etag, is_spooled=True)
    assert fetched == expected
    assert fetched.path.read_bytes() == data
    assert fetched.path.suffix == ".mp4"


def test_what_cannot_be_fetched_raises_an_os_error_and_leaves_nothing(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"S3 says .*gone\.mp4"):
        fetch("s3://archive/gone.mp4", tmp_path)
    put(s3, "frozen.mp4", StorageClass="GLACIER")
    with pytest.raises(OSError, match="cold storage"):
        Buckets().fetch("s3://archive/frozen.mp4", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_denial_is_a_permission_error() -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "GetObject")
    assert isinstance(os_error(denied, "s3://a/b"), PermissionError)


def test_addresses() -> None:
    assert Address.of("s3://bucket/a/b") == Address("bucket", "a/b")
    assert Address.of("s3://bucket").uri == "s3://bucket"
    assert Address.of("s3://bucket/a b%20").uri == "s3://bucket/a b%20"


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
