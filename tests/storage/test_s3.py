"""Archives and lakes in S3, against a server that speaks HTTP and obeys conditional puts."""

import io
import multiprocessing
import re
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from storage.archive import ArchiveError, Fail, Fetched, Skip, Take, fetch, list_sources, open_source
from storage.buckets import Buckets
from storage.catalog import Catalog
from storage.lake import Lake, LakeError
from storage.s3 import Address, client, forget, os_error
from tests.storage.faulty_s3 import Fault, faulty_s3
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


def test_an_object_of_parts_is_known_by_its_bytes(s3: Any, tmp_path: Path) -> None:
    parts = [b"a" * (5 << 20), b"b"]
    upload = s3.create_multipart_upload(Bucket="archive", Key="a.mp4")["UploadId"]
    done = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(
                Bucket="archive", Key="a.mp4", UploadId=upload, PartNumber=number, Body=part
            )["ETag"],
        }
        for number, part in enumerate(parts, 1)
    ]
    s3.complete_multipart_upload(
        Bucket="archive", Key="a.mp4", UploadId=upload, MultipartUpload={"Parts": done}
    )
    (listed,) = list_sources(["s3://archive"])
    assert listed.etag is not None
    assert listed.etag.endswith("-2")
    assert fetch(listed.uri, tmp_path, listed.etag).video_id == sha256(b"".join(parts)).hexdigest()


def test_a_body_that_breaks_off_is_gone_on_with_in_the_same_version(
    s3: Any, s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(range(256)) * 40_000  # 10 MB
    put(s3, "a.mp4", data=data)
    monkeypatch.setattr("storage.objects.PAUSE_S", 0.01)
    with faulty_s3(s3_server) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        forget()
        proxy.faults = [Fault("truncated", r"^GET /archive/a", times=4)]
        assert fetch("s3://archive/a.mp4", tmp_path).video_id == sha256(data).hexdigest()
        assert proxy.count(r"^GET /archive/a") == 5
        assert proxy.sent_bytes < 1.5 * len(data)  # from the beginning each time, it would be thrice

        proxy.faults = [Fault("truncated", r"^GET /archive/a", times=1)]
        put_then = threading.Timer(0, put, (s3, "a.mp4"), {"data": data[::-1]})

        def pause(_: float) -> None:
            put_then.start()
            put_then.join()

        monkeypatch.setattr("storage.objects.time.sleep", pause)
        with pytest.raises(OSError, match="changed after it was listed"):
            fetch("s3://archive/a.mp4", tmp_path)


def test_only_the_ranges_that_are_read_are_transferred(
    s3: Any, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(range(256)) * 80_000  # 20 MB
    put(s3, "a.mp4", data=data)
    with faulty_s3(s3_server) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        forget()
        with open_source("s3://archive/a.mp4") as file:
            assert file.read(10) == data[:10]
            file.seek(-3, io.SEEK_END)
            assert file.read() == data[-3:]
            assert file.seek(1000) == file.tell() == 1000
            assert file.read(300_000)[:10] == data[1000:1010]
            assert proxy.sent_bytes < 1 << 20
            put(s3, "a.mp4", data=data[::-1])
            file.seek(10_000_000)
            with pytest.raises(OSError, match="changed after it was listed"):
                file.read(10)
        with pytest.raises(FileNotFoundError):
            open_source("s3://archive/b.mp4")
        with pytest.raises(OSError, match="changed after it was listed"):
            open_source("s3://archive/a.mp4", "another")


def test_a_lake_is_encrypted_as_asked(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESIFT_S3_ENCRYPTION", "aws:kms")
    monkeypatch.setenv("FACESIFT_S3_KMS_KEY_ID", "key-1")
    forget()
    lake = Lake("s3://lakes/here")
    lake.append([recipe(), source("/a.mp4", video_id="v1"), *video("v1", "/a.mp4")])
    lake.put_evidence("evidence/a.jpg", b"picture")
    assert Catalog(lake).view("videos").num_rows == 1
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="lakes")["Contents"]]
    assert len(keys) > 15
    for key in keys:
        head = s3.head_object(Bucket="lakes", Key=key)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "key-1")


@pytest.mark.parametrize(
    "environment", [{"FACESIFT_S3_ENCRYPTION": "rot13"}, {"FACESIFT_S3_KMS_KEY_ID": "key-1"}]
)
def test_an_encryption_that_there_is_not_is_refused(
    environment: dict[str, str], s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    forget()
    with pytest.raises(LakeError, match="FACESIFT_S3_ENCRYPTION is"):
        Lake("s3://lakes/here")
    put(s3, "a.mp4")
    with pytest.raises(ArchiveError, match="FACESIFT_S3_ENCRYPTION is"):
        list_sources(["s3://archive"])


def test_an_endpoint_with_a_password_is_refused_and_not_repeated(
    s3_server: str, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.replace("://", "://ops:hunter2@"))
    forget()
    for refused, ask in ((LakeError, lambda: Lake("s3://lakes/here")), (ArchiveError, listed_archive)):
        with pytest.raises(refused, match="endpoint of the AWS settings") as said:
            ask()
        assert "hunter2" not in str(said.value)


def listed_archive() -> None:
    list_sources(["s3://archive"])


def test_public_buckets_are_read_unsigned_and_others_paid_for(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(s3, "a.mp4", ACL="public-read")
    asked: list[tuple[str, bool, bytes | None]] = []

    def note(request: Any, **_: Any) -> None:
        asked.append(
            (request.method, "Authorization" in request.headers, request.headers.get("x-amz-request-payer"))
        )

    for name, signed, payer in (
        ("FACESIFT_S3_PUBLIC_BUCKETS", False, None),
        ("FACESIFT_S3_REQUESTER_PAYS", True, b"requester"),
    ):
        monkeypatch.setenv(name, "other, arch*")
        forget()
        for bucket in ("archive", "lakes"):
            client(bucket).meta.events.register("before-send.s3", note)
        (listed,) = list_sources(["s3://archive"])
        fetch(listed.uri, tmp_path, listed.etag)
        of_archive, asked = asked, []
        assert len(of_archive) >= 3
        assert {(is_signed, pays) for _, is_signed, pays in of_archive if pays or not signed} == {
            (signed, payer)
        }
        assert not Lake("s3://lakes/here").exists
        assert {(is_signed, pays) for _, is_signed, pays in asked} == {(True, None)}
        asked = []
        monkeypatch.delenv(name)


def test_a_lake_is_queried_with_a_temporary_token(
    s3: Any, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Lake("s3://lakes/here").append([recipe(), source("/a.mp4", video_id="v1"), *video("v1", "/a.mp4")])
    monkeypatch.setenv("AWS_SESSION_TOKEN", "tok'en")
    with faulty_s3(s3_server) as proxy:
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        forget()
        ended = CliRunner().invoke(
            app, ["query", "select count(*) as n from videos", "--lake", "s3://lakes/here", "--format", "csv"]
        )
        assert (ended.exit_code, ended.stdout.splitlines()) == (0, ['"n"', "1"])
        assert proxy.count(r"^GET /lakes/here/videos/part-") > 0
        assert proxy.tokens == {"tok'en"}


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
