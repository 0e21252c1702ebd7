"""Archives: the places that hold sources, chosen by the scheme of their uri.

The door to all of them: what `list_sources` and `fetch` give and raise is imported from here, wherever it is
defined; which kind of place it came from is nobody's business.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from storage.folders import Folders, place_uri
from storage.listing import (
    Archive,
    ArchiveError,
    Fail,
    Fate,
    Fetched,
    Listed,
    Skip,
    Take,
    UnreachableArchiveError,
    has_password,
)
from storage.patterns import Patterns

__all__ = [
    "ArchiveError",
    "Fail",
    "Fate",
    "Fetched",
    "Listed",
    "Patterns",
    "Skip",
    "Take",
    "UnreachableArchiveError",
    "archive_uri",
    "fetch",
    "is_local",
    "list_sources",
    "open_source",
]

EVERYTHING = Patterns()


def list_sources(
    archives: Sequence[str], exclude: Sequence[str | Path] = (), patterns: Patterns = EVERYTHING
) -> Iterator[Listed]:
    """List every object of the archives once, in a fixed order, as a stream.

    Args:
        archives: files, folders (searched to any depth), `file://` and `s3://` uris; repeated and nested ones
            add nothing.
        exclude: folders or `s3://` uris to leave out, such as the lake.
        patterns: which objects are meant. What could not be looked at is told even so: it may hold some.

    Returns:
        An iterator; a million names are never held at once.

    Raises:
        ArchiveError: there is no such archive; raised by this call, before anything is listed.
        UnreachableArchiveError: the same of one that does not answer now.
    """
    if not archives or not all(archives):
        raise ArchiveError("an archive has no name; name at least one file or folder")
    if any(map(has_password, archives)):
        raise ArchiveError("an archive's address has a password in it; leave it out and use a profile")
    by_scheme = groupby(sorted(archives, key=_scheme), key=_scheme)
    listings = [
        _archive(scheme).list(list(places), [str(path) for path in exclude]) for scheme, places in by_scheme
    ]
    return (listed for listing in listings for listed in listing if _is_meant(listed, patterns))


def _is_meant(listed: Listed, patterns: Patterns) -> bool:
    if isinstance(listed.fate, Fail):
        return not patterns.leaves_out(listed.uri)
    return patterns.means(listed.uri)


def fetch(uri: str, spool_dir: Path, etag: str | None = None) -> Fetched:
    """Make a source readable as a file and hash its content with SHA-256; a local file is read in place.

    Args:
        uri: as listed.
        spool_dir: where a copy goes, if one is needed.
        etag: as listed, so that another version need not be read; None takes what is there.

    Raises:
        OSError: it vanished, may not be read, changed while it was read, or could not be copied.
    """
    return _archive(_scheme(uri)).fetch(uri, spool_dir, etag)


def open_source(uri: str, etag: str | None = None) -> BinaryIO:
    """Return a source as a file to read some of: of an object in S3 only the ranges that are read are sent.

    Args:
        uri: as listed.
        etag: as listed; None takes what is there.

    Raises:
        OSError: it vanished or may not be read; so may the file's methods.
    """
    return _archive(_scheme(uri)).open(uri, etag)


def archive_uri(archive: str) -> str:
    """Return an archive as the uri that its source has where it is one, wherever one stands.

    Example:
        >>> archive_uri("file:///archive/a%20b.mp4"), archive_uri("s3://bucket/folder/")
        ('/archive/a b.mp4', 's3://bucket/folder')
    """
    return place_uri(archive) if is_local(archive) else archive.rstrip("/")


def is_local(uri: str) -> bool:
    """Return whether a source is read where it lies, so that `fetch` makes no copy."""
    return _scheme(uri) == "file"


def _scheme(uri: str) -> str:
    scheme, separator, _ = uri.partition("://")
    return scheme if separator and scheme.isalnum() else "file"


def _archive(scheme: str) -> Archive:
    match scheme:
        case "file":
            return Folders()
        case "s3":
            from storage.buckets import Buckets  # noqa: PLC0415 - boto3 takes half a second to import

            return Buckets()
        case _:
            raise ArchiveError(
                f"no archive is known by {scheme}://; give a path, or a uri of file:// or s3://"
            )
