"""Buckets as archives: every object under their prefixes once."""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from storage.endings import skip_reason
from storage.folders import UnreadableSourceError
from storage.listing import ArchiveError, Fail, Fate, Fetched, Listed, Skip, Take
from storage.s3 import FAILURES, Address, client, os_error

_CHUNK_BYTES = 1 << 20
_FROZEN = {"GLACIER", "DEEP_ARCHIVE"}


class Buckets:
    """Archives in S3: `s3://bucket`, `s3://bucket/folder` or `s3://bucket/one/object.mp4`."""

    def list(self, places: Sequence[str], exclude: Sequence[str] = ()) -> Iterator[Listed]:
        """Yield every object of the places once, in the order of their keys, a page at a time.

        Raises:
            ArchiveError: there is no such bucket, no object at a place, or no permission; before the first.
        """
        roots = sorted({Address.of(place.rstrip("/")) for place in places}, key=lambda root: root.uri)
        for root in roots:
            _check(root)
        outermost = [root for root in roots if not any(other.holds(root) for other in roots if other != root)]
        left_out = [Address.of(uri.rstrip("/")) for uri in exclude if uri.startswith("s3://")]
        return chain.from_iterable(_objects(root, left_out) for root in outermost)

    def fetch(self, uri: str, spool_dir: Path) -> Fetched:
        """Copy an object into the spool folder and hash it on the way.

        Raises:
            OSError: it is gone, may not be read, or S3 or the spool folder failed; no copy is left.
        """
        address = Address.of(uri)
        spool_dir.mkdir(parents=True, exist_ok=True)
        path = spool_dir / f"{uuid.uuid4().hex}{PurePosixPath(address.key).suffix[:16]}"
        try:
            answer = client().get_object(Bucket=address.bucket, Key=address.key)
            digest, size_bytes = hashlib.sha256(), 0
            with path.open("wb") as copy:
                for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
                    digest.update(chunk)
                    size_bytes += copy.write(chunk)
            return Fetched(digest.hexdigest(), path, size_bytes, _etag(answer), is_spooled=True)
        except FAILURES as error:
            path.unlink(missing_ok=True)
            if "InvalidObjectState" in str(error):
                raise UnreadableSourceError(f"{uri} is in cold storage; restore it and scan again") from error
            raise os_error(error, uri) from error
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _check(root: Address) -> None:
    """Raise unless there is something to list."""
    try:
        below = client().list_objects_v2(Bucket=root.bucket, Prefix=root.below, MaxKeys=1)
        is_there = "Contents" in below or bool(_itself(root))
    except FAILURES as error:
        raise ArchiveError(
            f"cannot list {root.uri}: {error}; check the name and your AWS settings"
        ) from error
    if not is_there:
        raise ArchiveError(
            f"cannot list {root.uri}: no object is there; give an object or a folder of objects"
        )


def _objects(root: Address, left_out: Sequence[Address]) -> Iterator[Listed]:
    pages = client().get_paginator("list_objects_v2").paginate(Bucket=root.bucket, Prefix=root.below)
    try:
        for item in chain(_itself(root), chain.from_iterable(page.get("Contents", ()) for page in pages)):
            address = Address(root.bucket, item["Key"])
            if not any(folder.holds(address) for folder in left_out):
                yield _listed(address, item)
    except FAILURES as error:
        # What came before is listed; the next scan goes on with the rest.
        yield Listed(root.uri, None, None, None, Fail(type(error).__name__, f"listing broke off: {error}"))


def _itself(root: Address) -> Sequence[Any]:
    """Return the object of this very key, if there is one: of all keys that begin so, it is the first."""
    if not root.key:
        return []
    answer = client().list_objects_v2(Bucket=root.bucket, Prefix=root.key, MaxKeys=1)
    return [item for item in answer.get("Contents", ()) if item["Key"] == root.key]


def _listed(address: Address, item: Any) -> Listed:
    name = address.key.rpartition("/")[2]
    reason = skip_reason(name) if name else "a folder's marker"
    if item.get("StorageClass") in _FROZEN:
        reason = reason or f"in cold storage ({item['StorageClass']}); restore it"
    fate: Fate = Skip(reason) if reason else Take()
    uri = f"s3://{address.bucket}/{address.key}"
    return Listed(uri, item["Size"], _etag(item), item["LastModified"], fate)


def _etag(answer: Any) -> str:
    return answer["ETag"].strip('"')
