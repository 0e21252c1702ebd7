"""The version of a file: whether it is still what it was when it was hashed."""

from storage.archive import Fetched
from workers.failure import TransientError, failure_of


class Version:
    """What tells a file from a later one of its name: size, modification time, inode.

    Args:
        fetched: The file, when it was hashed.
        uri: Of the source, for messages.

    Raises:
        TransientError: It has changed since it was hashed, or is gone.
    """

    def __init__(self, fetched: Fetched, uri: str) -> None:
        self._fetched, self._uri = fetched, uri
        self._seen = self._look()

    def check(self) -> None:
        """Raise a TransientError if the file has changed since this was made."""
        if self._look() != self._seen:
            raise TransientError(
                "decode", f"{self._uri} changed while it was read; the next scan reads it again"
            )

    def _look(self) -> tuple[int, int, int]:
        fetched = self._fetched
        try:
            status = fetched.path.stat()
        except OSError as error:
            raise failure_of(error, "decode", self._uri) from error
        is_same = status.st_size == fetched.size_bytes
        if not fetched.is_spooled and fetched.etag is not None:
            is_same = is_same and str(status.st_mtime_ns) == fetched.etag
        if not is_same:
            raise TransientError(
                "decode", f"{self._uri} changed after it was hashed; the next scan reads it again"
            )
        return status.st_size, status.st_mtime_ns, status.st_ino
