"""A reader's own folder for copies of sources, which somebody removes even when the reader was killed.

A process holds a lock beside its folder for as long as it lives; whoever makes a spool in the same place
removes the folders whose lock nobody holds. The kernel lets go of a dead process's locks, whatever killed it.
"""

import fcntl
import os
import shutil
import uuid
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_PREFIX = "facesift-spool-"
_LOCK = ".lock"


class Spool:
    """A folder in a place that all readers of a machine share; made when it is first asked for.

    Args:
        place: a folder, made if it is not there; on a disk of this machine.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._made: Path | None = None
        self._removed: Callable[[], object] = lambda: None
        remove_abandoned(place)

    @property
    def folder(self) -> Path:
        """This process's own folder.

        Raises:
            OSError: it cannot be made.
        """
        if self._made is None:
            self._place.mkdir(parents=True, exist_ok=True)
            lock, descriptor = _locked(self._place)
            folder = lock.with_suffix("")
            # Without this, an ordinary end would leave it to the next reader.
            self._removed = weakref.finalize(self, _remove, lock, descriptor)
            folder.mkdir(mode=0o700)
            self._made = folder
        return self._made

    def release(self) -> None:
        """Remove the folder, until it is asked for again."""
        self._removed()
        self._made = None


def remove_abandoned(place: Path) -> list[Path]:
    """Remove the folders of readers that are dead; return them. What cannot be removed is left."""
    removed: list[Path] = []
    for lock in sorted(place.glob(f"{_PREFIX}*{_LOCK}")):
        with suppress(OSError):  # it is another user's, or was removed by another reader just now
            descriptor = os.open(lock, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(lock)
                removed.append(lock.with_suffix(""))
            finally:
                os.close(descriptor)
    return removed


def _locked(place: Path) -> tuple[Path, int]:
    """Make a lock and hold it; return its path and descriptor."""
    while True:
        lock = place / f"{_PREFIX}{uuid.uuid4().hex}{_LOCK}"
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Between the two somebody may have taken it for a dead one's, and removed it.
        if lock.exists():
            return lock, descriptor
        os.close(descriptor)


def _remove(lock: Path, descriptor: int | None = None) -> None:
    folder = lock.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():  # else whoever comes tries again
        lock.unlink(missing_ok=True)
    if descriptor is not None:
        os.close(descriptor)
