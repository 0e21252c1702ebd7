"""What listing an archive says of each object, and what fetching one gives."""

import errno
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Take:
    """The object may be a video or a picture: it is to be read."""


@dataclass(frozen=True, slots=True)
class Skip:
    """The object is none by its kind or name; it is never opened."""

    reason: str


@dataclass(frozen=True, slots=True)
class Fail:
    """The object, or the folder that `uri` names, could not be looked at: a failure of stage `list`."""

    error: str
    """Class name of the error."""
    message: str


Fate = Take | Skip | Fail


@dataclass(frozen=True, slots=True)
class Listed:
    """An object of an archive; the fields are those of `storage.records.Source`."""

    uri: str
    size_bytes: int | None
    etag: str | None
    modified_at: datetime | None
    fate: Fate


def has_password(address: str) -> bool:
    """Say whether an address carries a user or a password: it would be in tables, logs and process lists."""
    return _PASSWORD.match(address) is not None


_PASSWORD = re.compile(r"s3://[^/]*[:@]|[a-zA-Z0-9+.-]+://[^/]*@")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A source whose content can be read from `path` and is known by its hash."""

    video_id: str
    """SHA-256 of the content, 64 hex digits."""
    path: Path
    size_bytes: int
    etag: str | None
    """Version of what was hashed; differs from the listed one when the object changed in between."""
    is_spooled: bool
    """True when `path` is a copy in the spool folder, for the caller to delete."""


class ArchiveError(ValueError):
    """A place that was given as an archive cannot be one; nothing was listed."""


class UnreachableArchiveError(ArchiveError):
    """An archive that does not answer now: the same request may pass later."""


_ASKED_WRONGLY = {
    errno.EACCES,
    errno.EINVAL,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EPERM,
}


def may_pass(error: OSError) -> bool:
    """Say whether a place fails for a reason of its own, not for what was asked of it: it may pass."""
    return error.errno not in _ASKED_WRONGLY


class Archive(Protocol):
    """A kind of place that holds sources: folders, or a bucket."""

    def list(self, places: Sequence[str], exclude: Sequence[str]) -> Iterator[Listed]:
        """Yield every object under the places once, in a fixed order; raise ArchiveError before the first."""
        ...

    def fetch(self, uri: str, spool_dir: Path, etag: str | None = None) -> Fetched:
        """Make a source's content readable as a file and hash it; raise OSError when that fails."""
        ...

    def open(self, uri: str, etag: str | None = None) -> BinaryIO:
        """Return a source's content as a file to read some of; raise OSError when that fails."""
        ...
