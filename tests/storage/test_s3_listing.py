"""Listing archives in S3, against a server that speaks HTTP."""

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from storage.archive import (
    ArchiveError,
    Fail,
    Skip,
    Take,
    UnreachableArchiveError,
    fetch,
    list_sources,
)
from storage.s3 import forget
from tests.storage.buckets import put, uris
from tests.storage.faulty_s3 import Fault, faulty_s3

pytestmark = pytest.mark.real


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
        "tab\t.mp4",
        "/leading.mp4",
        "a/../../../../etc/passwd.mp4",
        "..",
        "a/.",
        "x.mp4/../y",
        "name.m p 4",
        "k" * 1000,
    ]
    for key in keys:
        put(s3, key, data=key.encode())
    assert sorted(uris("s3://archive")) == sorted(keys)
    for key in keys:
        fetched = fetch(f"s3://archive/{key}", tmp_path / "spool")
        assert fetched.video_id == sha256(key.encode()).hexdigest()
        assert fetched.path.parent == tmp_path / "spool"
        assert re.fullmatch(r"[0-9a-f]{32}(\.[A-Za-z0-9]+)?", fetched.path.name)
    assert [path.name for path in tmp_path.iterdir()] == ["spool"]
    assert uris("s3://archive/a/..", "s3://archive//leading.mp4") == ["/leading.mp4", keys[9]]


def _page_of_three(params: dict[str, Any], **_: Any) -> None:
    params["MaxKeys"] = 3


def test_more_than_a_page_is_listed_in_order(s3: Any) -> None:
    s3.meta.events.register("provide-client-params.s3.ListObjectsV2", _page_of_three)
    put(s3, *(f"{number}.mp4" for number in range(8)))
    assert uris("s3://archive") == [f"{number}.mp4" for number in range(8)]


def test_ten_thousand_objects_are_listed_in_the_order_of_their_keys(s3: Any) -> None:
    from moto.s3.models import s3_backends  # noqa: PLC0415

    bucket = s3_backends["123456789012"]["aws"]
    keys = [f"{number % 100:02}/{number:05}.mp4" for number in range(9_998)] + [
        "two\nlines.mp4",
        "\x7f\x85.mp4",
    ]
    for key in keys:
        bucket.put_object("archive", key, b"")
    assert uris("s3://archive") == sorted(keys)


def test_of_a_bucket_that_keeps_versions_the_newest_of_each_is_listed_by_its_id(
    s3: Any, tmp_path: Path
) -> None:
    put(s3, "before.mp4")
    s3.put_bucket_versioning(Bucket="archive", VersioningConfiguration={"Status": "Enabled"})
    for data in (b"old", b"new"):
        put(s3, "a.mp4", "deleted.mp4", data=data)
    s3.delete_object(Bucket="archive", Key="deleted.mp4")
    versions = {one.uri.rpartition("/")[2]: one.etag for one in list_sources(["s3://archive"])}
    newest = s3.head_object(Bucket="archive", Key="a.mp4")
    plain = s3.head_object(Bucket="archive", Key="before.mp4")["ETag"].strip('"')
    assert versions == {"a.mp4": newest["VersionId"], "before.mp4": plain}
    assert [one.etag for one in list_sources(["s3://archive/a.mp4"])] == [newest["VersionId"]]

    fetched = fetch("s3://archive/a.mp4", tmp_path, versions["a.mp4"])
    assert (fetched.path.read_bytes(), fetched.etag) == (b"new", newest["VersionId"])
    # One who was listed by its ETag, where nobody may ask for versions.
    assert fetch("s3://archive/a.mp4", tmp_path, newest["ETag"].strip('"')).etag == newest["ETag"].strip('"')
    put(s3, "a.mp4", data=b"newer")
    with pytest.raises(OSError, match="changed after it was listed"):
        fetch("s3://archive/a.mp4", tmp_path, versions["a.mp4"])


def test_where_versions_may_not_be_asked_for_etags_will_do_and_nowhere_else(
    s3: Any, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    put(s3, "a.mp4")
    with faulty_s3(s3_server) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        forget()
        proxy.faults = [Fault("denied", r"\?versioning")]
        assert uris("s3://archive") == ["a.mp4"]
        proxy.faults = [Fault("slow down", r"\?versioning")]
        (broken,) = list_sources(["s3://archive"])
        assert isinstance(broken.fate, Fail)


def test_what_is_no_video_is_skipped_with_a_reason(s3: Any) -> None:
    put(s3, "a/", "a/notes.txt")
    put(s3, "a/old.mp4", StorageClass="GLACIER")
    assert {listed.uri.rpartition("/")[2]: listed.fate for listed in list_sources(["s3://archive"])} == {
        "": Skip("a folder's marker"),
        "notes.txt": Skip("text, by its ending .txt"),
        "old.mp4": Skip("in cold storage (GLACIER); restore it"),
    }


@pytest.mark.parametrize("place", ["s3://nowhere", "s3://archive/nowhere", "s3://", "s3://No Bucket!"])
def test_an_archive_that_is_not_there_is_refused_before_the_first(s3: Any, place: str) -> None:
    put(s3, "a.mp4")
    with pytest.raises(ArchiveError, match=f"cannot list {place}") as caught:
        list_sources(["s3://archive", place])
    assert not isinstance(caught.value, UnreachableArchiveError)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("slow down", UnreachableArchiveError), ("reset", UnreachableArchiveError), ("denied", ArchiveError)],
)
def test_an_archive_that_does_not_answer_is_told_from_one_that_refuses(
    fault: str, kind: type[Exception], s3: Any, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with faulty_s3(s3_server) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        forget()
        proxy.faults = [Fault(fault, r"^GET /archive\?list-type")]
        with pytest.raises(ArchiveError, match="cannot list s3://archive") as caught:
            list_sources(["s3://archive"])
        assert type(caught.value) is kind


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
