"""Folders as archives: every file under them once, whatever its name."""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote_from_bytes, unquote_to_bytes

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

_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class UnreadableSourceError(OSError):
    """A source is there but cannot be read as a file, or changed while it was read."""


def file_uri(path: Path) -> str:
    """Return the uri of a file: its absolute path, or a percent-encoded `file://` when that is not UTF-8."""
    name = os.fsencode(path)
    try:
        return name.decode()
    except UnicodeDecodeError:
        return "file://" + quote_from_bytes(name)


def file_path(uri: str) -> Path:
    """Return the path that a uri of `file_uri`, or any `file://` uri of this machine, stands for."""
    if uri.startswith("file://"):
        return Path(os.fsdecode(unquote_to_bytes(uri.removeprefix("file://"))))
    return Path(uri)


def place_uri(place: str) -> str:
    """Return the uri under which a file would be listed that is given as an archive of its own."""
    return file_uri(_absolute(file_path(place)))


class Folders:
    """Archives on this machine's file systems."""

    def list(self, places: Sequence[str], exclude: Sequence[str] = ()) -> Iterator[Listed]:
        """Yield every file under the places once, folder by folder, sorted by the bytes of their names.

        One folder's names are held in memory at a time, and those of the folders above it.

        Args:
            places: files and folders; one inside another adds nothing.
            exclude: folders to leave out.

        Raises:
            ArchiveError: a place is not there, or its disk fails; before anything is yielded.
        """
        roots = {_absolute(file_path(place)): None for place in places}
        real_roots = {root: _real(root) for root in sorted(roots, key=os.fsencode)}
        outermost: list[Path] = []
        seen: set[Path] = set()
        for root, real in real_roots.items():
            if real not in seen and not any(parent in real.parents for parent in real_roots.values()):
                outermost.append(root)
            seen.add(real)
        left_out = {_identity(path.stat()) for path in map(file_path, exclude) if path.is_dir()}
        return _Walk(frozenset(seen), left_out).under(outermost)

    def fetch(self, uri: str, spool_dir: Path, etag: str | None = None) -> Fetched:  # noqa: ARG002
        """Hash a file where it lies.

        Nothing is spooled; whether it is still what was listed shows in the version that is returned.

        Raises:
            OSError: it cannot be opened or read, is no regular file, or changed while it was read.
        """
        path = file_path(uri)
        # A pipe that took the file's place after the listing must not block the open.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise UnreadableSourceError(
                    f"{uri} is no regular file any more; scan again to list what it is"
                )
            digest = hashlib.file_digest(file, "sha256", _bufsize=1 << 20)
            after = os.fstat(file.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise UnreadableSourceError(f"{uri} changed while it was read; scan again when it is complete")
        return Fetched(digest.hexdigest(), path, after.st_size, str(after.st_mtime_ns), is_spooled=False)

    def open(self, uri: str, etag: str | None = None) -> BinaryIO:  # noqa: ARG002 - cheap to read anyway
        """Return a file to read from.

        Raises:
            OSError: it cannot be opened.
        """
        return file_path(uri).open("rb")


class _Walk:
    """One pass over folders, which visits each once.

    Args:
        real_roots: where the archives really lie.
        visited: identities of folders not to enter.
    """

    def __init__(self, real_roots: frozenset[Path], visited: set[tuple[int, int]]) -> None:
        self._real_roots = real_roots
        self._visited = visited

    def under(self, roots: Sequence[Path]) -> Iterator[Listed]:
        # A stack instead of recursion: folders may be nested deeper than Python's calls.
        stack = [iter(roots)]
        while stack:
            path = next(stack[-1], None)
            is_root = len(stack) == 1
            if path is None:
                stack.pop()
                continue
            try:
                status = path.stat()
                if stat.S_ISDIR(status.st_mode):
                    if self._enters(path, status, is_root=is_root):
                        stack.append(_entries(path))
                    continue
            except OSError as error:
                if _is_link(path) or not isinstance(error, FileNotFoundError):
                    yield _failed(path, error)
                continue  # else it was deleted since its folder was read
            yield _listed(path, status)

    def _enters(self, path: Path, status: os.stat_result, *, is_root: bool) -> bool:
        """Say whether to descend, and remember having done so."""
        identity = _identity(status)
        if identity in self._visited:
            return False
        # What lies in the archives is listed where it lies, so that its uri does not depend on links to it;
        # a link to a folder around an archive leads in a circle.
        if path.is_symlink() and not is_root:
            real = path.resolve()
            for root in self._real_roots:
                if real == root or root in real.parents or real in root.parents:
                    return False
        self._visited.add(identity)
        return True


def _entries(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        names = sorted((entry.name for entry in entries), key=os.fsencode)
    return (folder / name for name in names)


def _listed(path: Path, status: os.stat_result) -> Listed:
    kind = _SPECIAL.get(stat.S_IFMT(status.st_mode))
    reason = kind or skip_reason(path.name)
    fate: Fate = Skip(reason) if reason else Take()
    return Listed(
        uri=file_uri(path),
        size_bytes=status.st_size,
        etag=str(status.st_mtime_ns),
        modified_at=_time(status.st_mtime_ns),
        fate=fate,
    )


def _failed(path: Path, error: OSError) -> Listed:
    message = error.strerror or str(error)
    if _is_link(path):
        message = f"{message}: a link to {os.fsencode(path.readlink()).decode(errors='backslashreplace')}"
    return Listed(file_uri(path), None, None, None, Fail(type(error).__name__, message))


def _is_link(path: Path) -> bool:
    return os.path.islink(path)  # noqa: PTH114 - Path.is_symlink() raises where a folder may not be searched


def _absolute(path: Path) -> Path:
    # `..` is taken out by name, as a shell does, so that the uri is the one that the user would write.
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute() keeps `..`


def _real(root: Path) -> Path:
    try:
        return root.resolve(strict=True)
    except ValueError as error:
        raise ArchiveError(f"cannot list {file_uri(root)!r}: no file's name has a null byte in it") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: a link to itself, before Python 3.13
        reason = error.strerror if isinstance(error, OSError) else "a link that leads to itself"
        kind = UnreachableArchiveError if isinstance(error, OSError) and may_pass(error) else ArchiveError
        raise kind(
            f"cannot list {file_uri(root)}: {reason}; give a file or a folder that this user can read"
        ) from error


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _time(nanoseconds: int) -> datetime | None:
    """Return a time, or None when the file system states one outside the years 1 to 9999."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return None
