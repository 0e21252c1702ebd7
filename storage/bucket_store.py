"""A store in a bucket."""

import errno
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from storage.objects import whole_body
from storage.s3 import (
    CHANGED,
    FAILURES,
    Address,
    bucket_arguments,
    client,
    error_code,
    keeps_versions,
    os_error,
    writing_arguments,
)
from storage.store import Kept


class BucketStore:
    """A store under a prefix of keys; S3 shows an object whole or not at all."""

    def __init__(self, address: Address) -> None:
        self._address = address

    @property
    def keeps_versions(self) -> bool | None:
        """Whether the bucket keeps versions of what is removed; None where it does not say."""
        with self._asking():
            return keeps_versions(self._address.bucket)

    def read(self, path: str, version: str | None = None) -> bytes | None:
        """Return a file's content, or None when there is none."""
        of_version = {"VersionId": version} if version is not None else {}
        try:
            return whole_body(lambda: self._client().get_object(**self._at(path), **of_version))
        except FAILURES as error:
            if error_code(error) == "NoSuchKey":
                return None
            raise os_error(error, self._address.uri) from error

    def create(self, path: str, data: bytes) -> bool:
        """Write a file unless there is one; say whether it was written."""
        try:
            self._client().put_object(**self._at(path), **writing_arguments(), Body=data, IfNoneMatch="*")
        except FAILURES as error:
            if error_code(error) in CHANGED:
                return False
            raise os_error(error, self._address.uri) from error
        return True

    def write(self, path: str, data: bytes) -> None:
        """Write or replace a file in one step."""
        with self._asking():
            self._client().put_object(**self._at(path), **writing_arguments(), Body=data)

    def names(self, folder: str = "") -> set[str]:
        """Return what lies right in a folder; of more than a thousand the first ones."""
        address = self._address
        below = f"{address.below}{folder}/" if folder else address.below
        with self._asking():
            answer = self._client().list_objects_v2(
                **bucket_arguments(address.bucket), Prefix=below, Delimiter="/"
            )
        keys = [item["Key"] for item in answer.get("Contents", ())]
        keys += [item["Prefix"] for item in answer.get("CommonPrefixes", ())]
        return {key.removeprefix(below).rstrip("/") for key in keys}

    def walk(self, folder: str) -> Iterator[Kept]:
        """Yield every object below a folder."""
        address = self._address
        arguments = {**bucket_arguments(address.bucket), "Prefix": f"{address.below}{folder}/"}
        with self._asking():
            for page in self._client().get_paginator("list_objects_v2").paginate(**arguments):
                for item in page.get("Contents", ()):
                    path = item["Key"].removeprefix(address.below)
                    yield Kept(path, item["Size"], item["LastModified"])

    def remove(self, path: str, written_before: datetime | None = None) -> bool:
        """Remove an object; of a bucket that keeps versions, its newest one."""
        try:
            head = self._client().head_object(**self._at(path))
            if written_before is not None and head["LastModified"] >= written_before:
                return False
            self._client().delete_object(**self._at(path))
        except FAILURES as error:
            if (failed := os_error(error, self._address.uri)).errno == errno.ENOENT:
                return False
            raise failed from error
        return True

    def earlier(self, folder: str) -> Iterator[Kept]:
        """Yield the versions of objects below a folder that are not the newest, or were deleted."""
        if not self.keeps_versions:
            return
        below = self._address.below
        for item, is_marker in self._versions(f"{below}{folder}/"):
            if not is_marker and not item["IsLatest"]:
                path = item["Key"].removeprefix(below)
                yield Kept(path, item["Size"], item["LastModified"], item["VersionId"])

    def purge(self, path: str) -> bool:
        """Remove an object with all of its versions, and what marks it as deleted."""
        if not self.keeps_versions:
            return self.remove(path)
        at, found = self._at(path), False
        for item, is_marker in list(self._versions(at["Key"])):
            if item["Key"] == at["Key"]:
                with self._asking():
                    self._client().delete_object(**at, VersionId=item["VersionId"])
                found |= not is_marker
        return found

    def _versions(self, prefix: str) -> Iterator[tuple[Any, bool]]:
        """Yield every version of the keys that begin so, and whether it only marks one as deleted."""
        arguments = {**bucket_arguments(self._address.bucket), "Prefix": prefix}
        with self._asking():
            for page in self._client().get_paginator("list_object_versions").paginate(**arguments):
                yield from ((item, False) for item in page.get("Versions", ()))
                yield from ((item, True) for item in page.get("DeleteMarkers", ()))

    @contextmanager
    def _asking(self) -> Generator[None]:
        """Let what S3 refuses be an OSError."""
        try:
            yield
        except FAILURES as error:
            raise os_error(error, self._address.uri) from error

    def _client(self) -> Any:
        return client(self._address.bucket)

    def _at(self, path: str) -> dict[str, str]:
        return {**bucket_arguments(self._address.bucket), "Key": self._address.below + path}
