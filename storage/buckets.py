"""Buckets as archives: every object under their prefixes once."""

import hashlib
import re
import uuid
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from storage.endings import skip_reason
from storage.listing import (
    ArchiveError,
    Fail,
    Fate,
    Fetched,
    Listed,
    Skip,
    Take,
    UnreachableArchiveError,
    may_pass,
)
from storage.objects import ObjectContent, ObjectFile, version_of
from storage.s3 import FAILURES, Address, bucket_arguments, client, keeps_versions, os_error

_FROZEN = {"GLACIER", "DEEP_ARCHIVE"}


class Buckets:
    """Archives in S3: `s3://bucket`, `s3://bucket/folder` or `s3://bucket/one/object.mp4`."""

    def list(self, places: Sequence[str], exclude: Sequence[str] = ()) -> Iterator[Listed]:
        """Yield every object of the places once, in the order of their keys, a page at a time.

        Raises:
            ArchiveError: there is no such bucket, no object at a place, no permission, or no answer; before
                the first.
        """
        roots = sorted({Address.of(place.rstrip("/")) for place in places}, key=lambda root: root.uri)
        for root in roots:
            _check(root)
        outermost = [root for root in roots if not any(other.holds(root) for other in roots if other != root)]
        left_out = [Address.of(uri.rstrip("/")) for uri in exclude if uri.startswith("s3://")]
        return chain.from_iterable(_objects(root, left_out) for root in outermost)

    def fetch(self, uri: str, spool_dir: Path, etag: str | None = None) -> Fetched:
        """Copy an object into the spool folder and hash it on the way.

        All of it is read, whatever its size: a video is known by the hash of all its bytes, and no ETag tells
        that.

        Args:
            uri: of the object.
            spool_dir: where the copy goes, under a name of ours.
            etag: as listed; None takes what is there.

        Raises:
            OSError: it is gone, may not be read, is another version by now, or S3 or the spool folder failed;
                no copy is left.
        """
        address = Address.of(uri)
        content = ObjectContent(address, etag)
        spool_dir.mkdir(parents=True, exist_ok=True)
        path = spool_dir / f"{uuid.uuid4().hex}{_ending(address.key)}"
        try:
            digest, size_bytes = hashlib.sha256(), 0
            with path.open("wb") as copy:
                for chunk in content.chunks():
                    digest.update(chunk)
                    size_bytes += copy.write(chunk)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Fetched(digest.hexdigest(), path, size_bytes, content.etag, is_spooled=True)

    def open(self, uri: str, etag: str | None = None) -> BinaryIO:
        """Return an object as a file, of which only what is read is transferred."""
        return ObjectFile(Address.of(uri), etag)  # pyright: ignore[reportReturnType] - a raw file reads bytes


def _check(root: Address) -> None:
    """Raise unless there is something to list."""
    try:
        below = client(root.bucket).list_objects_v2(
            **bucket_arguments(root.bucket), Prefix=root.below, MaxKeys=1
        )
        is_there = "Contents" in below or bool(_itself(root))
    except (*FAILURES, ValueError) as error:
        is_wrong = isinstance(error, ValueError) or not may_pass(os_error(error, root.uri))
        raise (ArchiveError if is_wrong else UnreachableArchiveError)(
            f"cannot list {root.uri}: {error}; check the name and your AWS settings"
        ) from error
    if not is_there:
        raise ArchiveError(
            f"cannot list {root.uri}: no object is there; give an object or a folder of objects"
        )


def _objects(root: Address, left_out: Sequence[Address]) -> Iterator[Listed]:
    try:
        for item in _items(root):
            address = Address(root.bucket, item["Key"])
            if not any(folder.holds(address) for folder in left_out):
                yield _listed(address, item)
    except FAILURES as error:
        # What came before is listed; the next scan goes on with the rest. With its slash, the place's uri is
        # that of no object but its marker.
        yield Listed(
            f"s3://{root.bucket}/{root.below}",
            *(None, None, None),
            Fail(type(error).__name__, f"listing broke off: {error}"),
        )


def _items(root: Address) -> Iterator[Any]:
    """Yield what S3 says of the newest version of every object, a page at a time."""
    yield from _itself(root)
    arguments = {**bucket_arguments(root.bucket), "Prefix": root.below}
    if keeps_versions(root.bucket):  # else their ETags will do
        for page in client(root.bucket).get_paginator("list_object_versions").paginate(**arguments):
            yield from (item for item in page.get("Versions", ()) if item["IsLatest"])
    else:
        for page in client(root.bucket).get_paginator("list_objects_v2").paginate(**arguments):
            yield from page.get("Contents", ())


def _itself(root: Address) -> Sequence[Any]:
    """Return the object of this very key, if there is one: of all keys that begin so, it is the first."""
    if not root.key:
        return []
    arguments = {**bucket_arguments(root.bucket), "Prefix": root.key, "MaxKeys": 1}
    if keeps_versions(root.bucket):
        found = client(root.bucket).list_object_versions(**arguments).get("Versions", ())
        return [item for item in found if item["Key"] == root.key and item["IsLatest"]]
    found = client(root.bucket).list_objects_v2(**arguments).get("Contents", ())
    return [item for item in found if item["Key"] == root.key]


def _listed(address: Address, item: Any) -> Listed:
    name = address.key.rpartition("/")[2]
    reason = skip_reason(name) if name else "a folder's marker"
    if item.get("StorageClass") in _FROZEN:
        reason = reason or f"in cold storage ({item['StorageClass']}); restore it"
    fate: Fate = Skip(reason) if reason else Take()
    uri = f"s3://{address.bucket}/{address.key}"
    return Listed(uri, item["Size"], version_of(item), item["LastModified"], fate)


def _ending(key: str) -> str:
    """Return a key's ending, by which decoders guess; of all else in a key nothing becomes part of a path."""
    found = re.search(r"\.[A-Za-z0-9]{1,8}$", key)
    return found[0] if found else ""
