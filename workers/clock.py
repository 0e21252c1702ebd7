"""A stopwatch for work that is handed back and forth."""

import time
from collections.abc import Generator
from contextlib import contextmanager


class Stopwatch:
    """Counts wall-clock seconds from its making, except while stopped."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self._started_s

    @contextmanager
    def stopped(self) -> Generator[None]:
        """Do not count what happens inside, such as a `yield`."""
        paused_s = time.monotonic()
        try:
            yield
        finally:
            self._started_s += time.monotonic() - paused_s
