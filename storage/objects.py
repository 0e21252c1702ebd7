"""The content of objects in S3: one version of it, whole and in order, or in ranges."""

import io
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import HTTPClientError, IncompleteReadError

from storage.folders import UnreadableSourceError
from storage.s3 import CHANGED, FAILURES, Address, attempts, bucket_arguments, client, error_code, os_error

CHUNK_BYTES = 1 << 20
"""Of a body that is read as a whole."""
BLOCK_BYTES = 1 << 18
"""Asked for at once of an object that is read in ranges."""
PAUSE_S = 1.0
"""Before a body that broke off is asked for again, at most; twice as long before each further time."""

_BREAKS = (HTTPClientError, IncompleteReadError)
"""What a body ends with that breaks off; botocore repeats requests, and not bodies."""


class ObjectContent:
    """The bytes of one version of an object; the request for them is made at once.

    Args:
        address: of the object.
        etag: the version id or ETag that it was listed with; None takes what is there.

    Raises:
        OSError: it is gone, may not be read, is another version by now, or S3 failed.
    """

    def __init__(self, address: Address, etag: str | None = None) -> None:
        self._address = address
        self._arguments = {**bucket_arguments(address.bucket), "Key": address.key}
        answer = self._get({})
        self._body: Any = answer["Body"]
        self.size_bytes: int = answer["ContentLength"]
        self.etag = version_of(answer)
        """Version id where the bucket keeps versions, else ETag."""
        if etag is not None and etag not in (self.etag, _plain_etag(answer)):
            self._body.close()
            raise _changed(address)
        self.etag = etag or self.etag
        # All further requests are for this very version.
        self._pin = pin(answer)

    def chunks(self) -> Iterator[bytes]:
        """Yield all bytes in order, once; a body that breaks off is gone on with where it did.

        Raises:
            OSError: it breaks off time and again without a byte in between, or became another version.
        """
        done_bytes, idle_breaks = 0, 0
        while True:
            before_bytes = done_bytes
            try:
                for chunk in self._body.iter_chunks(CHUNK_BYTES):
                    done_bytes += len(chunk)
                    yield chunk
                if done_bytes >= self.size_bytes:
                    return
                raise IncompleteReadError(actual_bytes=done_bytes, expected_bytes=self.size_bytes)
            except _BREAKS as error:
                idle_breaks = 0 if done_bytes > before_bytes else idle_breaks + 1
                if idle_breaks >= attempts():
                    raise os_error(error, self._address.uri) from error
                time.sleep(random.uniform(0, PAUSE_S * 2**idle_breaks))  # noqa: S311 - no secret
            except FAILURES as error:
                raise os_error(error, self._address.uri) from error
            finally:
                self._body.close()
            self._body = self._get({**self._pin, "Range": f"bytes={done_bytes}-"})["Body"]

    def _get(self, more: dict[str, str]) -> Any:
        try:
            return client(self._address.bucket).get_object(**self._arguments, **more)
        except FAILURES as error:
            raise _failure(error, self._address) from error


class ObjectFile(io.RawIOBase):
    """An object as a file that can be sought in: only the ranges that are asked for are read.

    Args:
        address: of the object.
        etag: as for `ObjectContent`.

    Raises:
        OSError: as `ObjectContent`; later too, when the object becomes another version meanwhile.
    """

    def __init__(self, address: Address, etag: str | None = None) -> None:
        super().__init__()
        self._address = address
        self._arguments = {**bucket_arguments(address.bucket), "Key": address.key}
        try:
            head = client(address.bucket).head_object(**self._arguments)
        except FAILURES as error:
            raise _failure(error, address) from error
        if etag is not None and etag not in (version_of(head), _plain_etag(head)):
            raise _changed(address)
        self._pin = pin(head)
        self.size_bytes: int = head["ContentLength"]
        self.read_bytes = 0
        """What has been read so far, over the network."""
        self._position = 0
        self._block_start, self._block = 0, b""

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be sought in."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place; nothing is read yet."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size_bytes}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def tell(self) -> int:
        """Return the place."""
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Read what comes next; 0 bytes at the end."""
        view = memoryview(buffer).cast("B")
        within = self._position - self._block_start
        if not 0 <= within < len(self._block):
            self._block_start, self._block = self._position, self._range(self._position)
            within = 0
        data = self._block[within : within + len(view)]
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _range(self, start: int) -> bytes:
        if start >= self.size_bytes:
            return b""
        stop = min(start + BLOCK_BYTES, self.size_bytes)
        arguments = {**self._arguments, **self._pin, "Range": f"bytes={start}-{stop - 1}"}
        try:
            data = whole_body(lambda: client(self._address.bucket).get_object(**arguments))
        except FAILURES as error:
            raise _failure(error, self._address) from error
        self.read_bytes += len(data)
        return data


def whole_body(ask: Callable[[], Any]) -> bytes:
    """Return the body of an answer, which is asked for again when it breaks off.

    Args:
        ask: for something small; one answer each time.

    Raises:
        ClientError, BotoCoreError: it is refused, or breaks off time and again.
    """
    for breaks in range(attempts()):
        answer = ask()
        try:
            return answer["Body"].read()
        except _BREAKS:
            if breaks == attempts() - 1:
                raise
        time.sleep(random.uniform(0, PAUSE_S * 2**breaks))  # noqa: S311 - no secret
    raise AssertionError("the last try returns or raises")


def version_of(answer: Any) -> str:
    """Return what changes whenever an object does: its version id where the bucket keeps any, else its ETag.

    An ETag is opaque: that of an object which was uploaded in parts, or is encrypted, is no MD5 of anything.
    """
    version = answer.get("VersionId")
    # What was written while the bucket kept no versions has the id "null", and is replaced under it.
    return version if version and version != "null" else _plain_etag(answer)


def pin(answer: Any) -> dict[str, str]:
    """Return what a request says that wants this very version and no other."""
    version = answer.get("VersionId")
    of_version = {"VersionId": version} if version and version != "null" else {}
    return {"IfMatch": answer["ETag"], **of_version}


def _plain_etag(answer: Any) -> str:
    return answer["ETag"].strip('"')


def _changed(address: Address) -> UnreadableSourceError:
    return UnreadableSourceError(f"{address.uri} changed after it was listed; the next scan reads it")


def _failure(error: Exception, address: Address) -> OSError:
    code = error_code(error)
    if code in CHANGED:
        return _changed(address)
    if code == "InvalidObjectState":
        return UnreadableSourceError(f"{address.uri} is in cold storage; restore it and scan again")
    return os_error(error, address.uri)
