"""What S3 is asked with: addresses, credentials, encryption, who pays."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from flows.cli import app
from storage.archive import ArchiveError, fetch, list_sources
from storage.catalog import Catalog
from storage.lake import Lake, LakeError
from storage.s3 import Address, client, forget, open_in_duckdb, os_error
from tests.storage.buckets import put
from tests.storage.faulty_s3 import faulty_s3
from tests.storage.rows import recipe, source, video

pytestmark = pytest.mark.real


def test_addresses() -> None:
    assert Address.of("s3://bucket/a/b") == Address("bucket", "a/b")
    assert Address.of("s3://bucket").uri == "s3://bucket"
    assert Address.of("s3://bucket/a b%20").uri == "s3://bucket/a b%20"


def test_a_denial_is_a_permission_error() -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "GetObject")
    assert isinstance(os_error(denied, "s3://a/b"), PermissionError)


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


def test_credentials_that_cannot_be_renewed_are_an_error_of_the_lake(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=60)).strftime("%Y-%m-%dT%H:%M:%SZ")  # renewed each time
    keys = {"Version": 1, "AccessKeyId": "key", "SecretAccessKey": "secret", "Expiration": soon}
    given, says = tmp_path / "keys.json", tmp_path / "says"
    given.write_text(json.dumps(keys))
    says.write_text(f"cat '{given}' || {{ printf 'no\\ntoken' >&2; exit 1; }}")
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = /bin/sh '{says}'\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    forget()
    lake = Lake("s3://lakes/here")
    lake.append([recipe()])
    given.unlink()
    with pytest.raises(
        LakeError, match=r"could not commit 1 rows .*: .*no AWS credentials to be had: .*no token"
    ):
        lake.append([recipe("other")])
    with pytest.raises(LakeError, match=r"could not write evidence/a\.jpg to .*: .*credentials .*no token"):
        lake.put_evidence("evidence/a.jpg", b"picture")
    with pytest.raises(LakeError, match="cannot read s3://lakes/here"):
        lake.snapshot()
    with pytest.raises(PermissionError, match="no AWS credentials to be had"):
        open_in_duckdb(duckdb.connect(), "lakes")
