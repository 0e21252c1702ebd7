"""Where a lake's few plain files lie: its marker and its evidence. The tables are Delta's."""

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a store."""

    path: str
    """From the store's folder, with `/`."""
    size_bytes: int
    written_at: datetime
    version: str | None = None
    """Of a bucket that keeps versions: which one, where it is not the newest."""


class Store(Protocol):
    """A folder of files, here or in a bucket; paths are relative, with `/`."""

    @property
    def keeps_versions(self) -> bool | None:
        """Whether it keeps what is removed or replaced; None when that cannot be found out."""
        ...

    def read(self, path: str, version: str | None = None) -> bytes | None:
        """Return a file's content, or that of a version of it that is kept; None when there is none."""
        ...

    def create(self, path: str, data: bytes) -> bool:
        """Write a file unless there is one; say whether it was written. One of two writers at once wins."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Write or replace a file; a reader sees the old content or the new, never a part."""
        ...

    def names(self, folder: str = "") -> set[str]:
        """Return what lies right in a folder, files on their way to their name left out; nothing for none."""
        ...

    def walk(self, folder: str) -> Iterator[Kept]:
        """Yield every file below a folder, files on their way to their name included; nothing for none."""
        ...

    def remove(self, path: str, written_before: datetime | None = None) -> bool:
        """Remove a file if it is there, and was not written anew since; say whether it was removed."""
        ...

    def earlier(self, folder: str) -> Iterator[Kept]:
        """Yield what is still kept, below a folder, of files that were removed or replaced."""
        ...

    def purge(self, path: str) -> bool:
        """Remove a file and all that is still kept of it; say whether there was anything."""
        ...


class FolderStore:
    """A store in a local folder, which is made when the first file is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def keeps_versions(self) -> bool:
        """False: what is removed is gone."""
        return False

    def read(self, path: str, version: str | None = None) -> bytes | None:
        """Return a file's content, or None when there is none."""
        assert version is None
        try:
            return (self._folder / path).read_bytes()
        except FileNotFoundError:
            return None

    def create(self, path: str, data: bytes) -> bool:
        """Write a file unless there is one; say whether it was written."""
        part = self._written(path, data)
        try:
            # Unlike a rename, a link is refused where the name is taken.
            (self._folder / path).hardlink_to(part)
        except FileExistsError:
            return False
        finally:
            part.unlink()
        return True

    def write(self, path: str, data: bytes) -> None:
        """Write or replace a file in one step."""
        self._written(path, data).replace(self._folder / path)

    def names(self, folder: str = "") -> set[str]:
        """Return what lies right in a folder."""
        path = self._folder / folder
        if not path.exists():
            return set()
        return {name for name in os.listdir(path) if not _is_part(name)}  # noqa: PTH208 - raises for a file

    def walk(self, folder: str) -> Iterator[Kept]:
        """Yield every file below a folder."""
        for parent, _, names in os.walk(self._folder / folder):
            for name in names:
                path = Path(parent, name)
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue  # removed since its folder was read
                written_at = datetime.fromtimestamp(status.st_mtime, UTC)
                yield Kept(path.relative_to(self._folder).as_posix(), status.st_size, written_at)

    def remove(self, path: str, written_before: datetime | None = None) -> bool:
        """Remove a file, and its folder when that is empty then."""
        target = self._folder / path
        try:
            if written_before is not None and target.stat().st_mtime >= written_before.timestamp():
                return False
            target.unlink()
        except FileNotFoundError:
            return False
        with suppress(OSError):
            target.parent.rmdir()  # refused for a folder that holds anything
        return True

    def earlier(self, folder: str) -> Iterator[Kept]:  # noqa: ARG002 - the same for all
        """Yield nothing: what is removed is gone."""
        yield from ()

    def purge(self, path: str) -> bool:
        """Remove a file."""
        return self.remove(path)

    def _written(self, path: str, data: bytes) -> Path:
        """Write the data under a name of its own, beside the one that it is to have."""
        target = self._folder / path
        part = target.with_name(f".{uuid.uuid4().hex}.part")
        try:
            _write_below(part, data)
        except FileNotFoundError:
            _write_below(part, data)  # the folder was empty, and `remove` has taken it away in between
        except OSError:
            part.unlink(missing_ok=True)
            raise
        return part


def _write_below(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _is_part(name: str) -> bool:
    return name.startswith(".") and name.endswith(".part")
