"""What listing an archive says of each object, and what fetching one gives."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import translate
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


class Patterns:
    """Which objects of the archives are meant, by their uris.

    `*` stands for any letters, slashes too, `?` for one letter, `[ab]` for one of these. A pattern without a
    slash is one of names, any other one of whole uris. Upper and lower case differ.

    Args:
        include: what is listed matches one of them; without any, everything is.
        exclude: what is listed matches none of them.

    Example:
        >>> Patterns(["*.mp4"], ["*/proxies/*"]).means("s3://bucket/proxies/a.mp4")
        False
    """

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        self._include = _matcher(include)
        self._exclude = _matcher(exclude)

    def means(self, uri: str) -> bool:
        """Say whether an object is meant."""
        return not self.leaves_out(uri) and (self._include is None or _matches(self._include, uri))

    def leaves_out(self, uri: str) -> bool:
        """Say whether an object is left out by name."""
        return self._exclude is not None and _matches(self._exclude, uri)


def meant_by(pattern: str, is_source: Callable[[str], bool]) -> Callable[[str], bool]:
    """Return what says whether a source is meant by one pattern, as the options `--source` take it.

    The whole uri of a source means that source alone: a name may have brackets and stars in it. Any other
    pattern is one of whole uris, and without a slash one of names, too.

    Args:
        pattern: as `*/night/*.mp4`, of the letters that `Patterns` knows.
        is_source: says whether there is a source of this uri.

    Example:
        >>> list(filter(meant_by("a[1].mp4", lambda _: False), ["/x/a1.mp4", "/x/a[1].mp4"]))
        ['/x/a1.mp4']
        >>> list(filter(meant_by("/x/a[1].mp4", lambda _: True), ["/x/a1.mp4", "/x/a[1].mp4"]))
        ['/x/a[1].mp4']
    """
    if is_source(pattern):
        return pattern.__eq__
    match = re.compile(translate(pattern)).match
    if "/" in pattern:
        return lambda uri: match(uri) is not None
    return lambda uri: match(uri) is not None or match(uri.rpartition("/")[2]) is not None


def has_password(address: str) -> bool:
    """Say whether an address carries a user or a password: it would be in tables, logs and process lists."""
    return _PASSWORD.match(address) is not None


_PASSWORD = re.compile(r"s3://[^/]*[:@]|[a-zA-Z0-9+.-]+://[^/]*@")
_Matcher = tuple[re.Pattern[str] | None, re.Pattern[str] | None]


def _matcher(patterns: Sequence[str]) -> _Matcher | None:
    """Return the patterns of names and those of uris, as one expression each."""
    of_names = "|".join(translate(pattern) for pattern in patterns if "/" not in pattern)
    of_uris = "|".join(translate(pattern) for pattern in patterns if "/" in pattern)
    if not patterns:
        return None
    return re.compile(of_names) if of_names else None, re.compile(of_uris) if of_uris else None


def _matches(matcher: _Matcher, uri: str) -> bool:
    of_names, of_uris = matcher
    return bool((of_names and of_names.match(uri.rpartition("/")[2])) or (of_uris and of_uris.match(uri)))


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
