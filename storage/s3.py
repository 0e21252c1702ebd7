"""S3, for archives and for lakes: one place for addresses, credentials and errors.

Region, credentials and endpoint are found as boto3 finds them (environment, profile, role); deltalake and
DuckDB, which have clients of their own, are given what boto3 found.
"""

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import boto3
import duckdb
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from storage.store import Kept

_CONFIG = Config(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=10, read_timeout=60)
_ERRNOS = {
    "NoSuchKey": errno.ENOENT,
    "NoSuchBucket": errno.ENOENT,
    "404": errno.ENOENT,
    "AccessDenied": errno.EACCES,
    "403": errno.EACCES,
}
FAILURES = (ClientError, BotoCoreError)
"""What boto3 raises."""


@dataclass(frozen=True, slots=True)
class Address:
    """A bucket and a key in it, or a prefix of keys without a slash at its end."""

    bucket: str
    key: str

    @classmethod
    def of(cls, uri: str) -> Self:
        """Return what `s3://bucket/key` names."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return cls(bucket, key)

    @property
    def uri(self) -> str:
        """`s3://bucket/key`; the key as it is, not encoded."""
        return f"s3://{self.bucket}/{self.key}".removesuffix("/")

    @property
    def below(self) -> str:
        """What the keys below this one begin with."""
        return f"{self.key}/" if self.key else ""

    def holds(self, other: Self) -> bool:
        """Say whether the other is this one or below it: `a/b` is below `a`, `ab` is not."""
        return other.bucket == self.bucket and (other.key == self.key or other.key.startswith(self.below))


@cache
def client() -> Any:
    """Return this process's client; it may be shared by threads."""
    return boto3.client("s3", config=_CONFIG)


def delta_options() -> dict[str, str]:
    """Return the options with which deltalake reaches S3; asked anew each time, as credentials may expire."""
    keys = _credentials()
    endpoint: str = client().meta.endpoint_url
    return {
        "AWS_REGION": client().meta.region_name or "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": str(endpoint.startswith("http://")).lower(),
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        # Of two commits of one version the second is refused, and done again as the next version.
        "AWS_CONDITIONAL_PUT": "etag",
    } | ({"AWS_SESSION_TOKEN": keys.token} if keys.token else {})


def open_in_duckdb(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a DuckDB connection read S3, by the extension that PyPI carries; nothing is downloaded."""
    spec = find_spec("duckdb_extension_httpfs")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    (extension,) = Path(folders[0]).glob(f"extensions/v{duckdb.__version__}/httpfs.duckdb_extension")
    connection.load_extension(str(extension))
    keys = _credentials()
    scheme, _, host = client().meta.endpoint_url.partition("://")
    values = {
        "key_id": keys.access_key,
        "secret": keys.secret_key,
        "session_token": keys.token or "",
        "region": client().meta.region_name or "us-east-1",
        "endpoint": host,
        "url_style": "vhost" if host.endswith("amazonaws.com") else "path",
        "use_ssl": str(scheme == "https").lower(),
    }
    settings = ", ".join(f"{name} '{value.replace(chr(39), chr(39) * 2)}'" for name, value in values.items())
    connection.execute(f"create or replace secret lake (type s3, {settings})")


def os_error(error: Exception, uri: str) -> OSError:
    """Return the OSError that a failure of boto3 amounts to: not there, not permitted, or unreachable."""
    code: str = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    return OSError(_ERRNOS.get(code, errno.EIO), f"S3 says {error}", uri)


class BucketStore:
    """A store under a prefix of keys; S3 shows an object whole or not at all."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def read(self, path: str) -> bytes | None:
        """Return a file's content, or None when there is none."""
        try:
            return client().get_object(**self._at(path))["Body"].read()
        except client().exceptions.NoSuchKey:
            return None
        except FAILURES as error:
            raise os_error(error, self._address.uri) from error

    def create(self, path: str, data: bytes) -> bool:
        """Write a file unless there is one; say whether it was written."""
        try:
            client().put_object(**self._at(path), Body=data, IfNoneMatch="*")
        except FAILURES as error:
            if "PreconditionFailed" in str(error) or "ConditionalRequestConflict" in str(error):
                return False
            raise os_error(error, self._address.uri) from error
        return True

    def write(self, path: str, data: bytes) -> None:
        """Write or replace a file in one step."""
        try:
            client().put_object(**self._at(path), Body=data)
        except FAILURES as error:
            raise os_error(error, self._address.uri) from error

    def names(self, folder: str = "") -> set[str]:
        """Return what lies right in a folder; of more than a thousand the first ones."""
        address = self._address
        below = f"{address.below}{folder}/" if folder else address.below
        try:
            answer = client().list_objects_v2(Bucket=address.bucket, Prefix=below, Delimiter="/")
        except FAILURES as error:
            raise os_error(error, address.uri) from error
        keys = [item["Key"] for item in answer.get("Contents", ())]
        keys += [item["Prefix"] for item in answer.get("CommonPrefixes", ())]
        return {key.removeprefix(below).rstrip("/") for key in keys}

    def walk(self, folder: str) -> Iterator[Kept]:
        """Yield every object below a folder."""
        address = self._address
        pages = (
            client()
            .get_paginator("list_objects_v2")
            .paginate(Bucket=address.bucket, Prefix=f"{address.below}{folder}/")
        )
        try:
            for page in pages:
                for item in page.get("Contents", ()):
                    path = item["Key"].removeprefix(address.below)
                    yield Kept(path, item["Size"], item["LastModified"])
        except FAILURES as error:
            raise os_error(error, address.uri) from error

    def remove(self, path: str, written_before: datetime | None = None) -> bool:
        """Remove an object; of a bucket that keeps versions, its newest one."""
        try:
            head = client().head_object(**self._at(path))
            if written_before is not None and head["LastModified"] >= written_before:
                return False
            client().delete_object(**self._at(path))
        except FAILURES as error:
            if (failed := os_error(error, self._address.uri)).errno == errno.ENOENT:
                return False
            raise failed from error
        return True

    def _at(self, path: str) -> dict[str, str]:
        return {"Bucket": self._address.bucket, "Key": self._address.below + path}


def _credentials() -> Any:
    found = boto3.Session().get_credentials()
    if found is None:
        raise PermissionError(
            errno.EACCES,
            "no AWS credentials found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile",
        )
    return found.get_frozen_credentials()
