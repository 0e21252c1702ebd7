"""Where a lake's few plain files lie: its marker and its evidence. The tables are Delta's."""

import os
import uuid
from pathlib import Path
from typing import Protocol


class Store(Protocol):
    """A folder of files, here or in a bucket; paths are relative, with `/`."""

    def read(self, path: str) -> bytes | None:
        """Return a file's content, or None when there is none."""
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


class FolderStore:
    """A store in a local folder, which is made when the first file is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> bytes | None:
        """Return a file's content, or None when there is none."""
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

    def _written(self, path: str, data: bytes) -> Path:
        """Write the data under a name of its own, beside the one that it is to have."""
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{uuid.uuid4().hex}.part")
        try:
            part.write_bytes(data)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        return part


def _is_part(name: str) -> bool:
    return name.startswith(".") and name.endswith(".part")
