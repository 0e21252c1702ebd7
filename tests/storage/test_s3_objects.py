"""Reading objects of S3, whole and in ranges, against a server that speaks HTTP."""

import io
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from storage.archive import Fetched, fetch, list_sources, open_source
from storage.buckets import Buckets
from storage.s3 import forget
from tests.storage.buckets import put
from tests.storage.faulty_s3 import Fault, faulty_s3

pytestmark = pytest.mark.real


def test_an_object_is_spooled_and_hashed(s3: Any, tmp_path: Path) -> None:
    data = b"frame" * 700_000
    put(s3, "a/b.mp4", data=data)
    (listed,) = list_sources(["s3://archive"])
    fetched = fetch(listed.uri, tmp_path / "spool")
    expected = Fetched(sha256(data).hexdigest(), fetched.path, len(data), listed.etag, is_spooled=True)
    assert fetched == expected
    assert fetched.path.read_bytes() == data
    assert fetched.path.suffix == ".mp4"


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


def test_what_cannot_be_fetched_raises_an_os_error_and_leaves_nothing(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"S3 says .*gone\.mp4"):
        fetch("s3://archive/gone.mp4", tmp_path)
    put(s3, "frozen.mp4", StorageClass="GLACIER")
    with pytest.raises(OSError, match="cold storage"):
        Buckets().fetch("s3://archive/frozen.mp4", tmp_path)
    assert list(tmp_path.iterdir()) == []


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
