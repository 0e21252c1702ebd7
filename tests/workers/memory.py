"""Memory that a process does not get, or should not take."""

import resource
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def little_memory(spare_bytes: int) -> Generator[None]:
    """Let this process have so much more memory than it has, and none beyond."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (used_pages * resource.getpagesize() + spare_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def growth_bytes(work: Callable[[], None]) -> int:
    """Return how much more memory this process holds at most while it works."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak
    before_bytes = _peak_bytes()
    work()
    return _peak_bytes() - before_bytes


def _peak_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
