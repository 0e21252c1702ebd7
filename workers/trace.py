"""A trace: who did what when, as a file that Perfetto and chrome://tracing open."""

import json
import logging
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

LOG = logging.getLogger("facesift.fleet")


class Trace:
    """Writes spans as they end; a context manager. One without a path writes nothing.

    The file is JSON in Chrome's trace event format: complete events (`ph` X), times in microseconds since the
    trace was begun, a thread per actor. It is readable even when its writer was killed, for viewers ask for
    no closing bracket. A disk that is full ends the trace and nothing else.

    Args:
        path: of the file; what it held is replaced.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: IO[str] | None = path.open("w", encoding="utf-8") if path else None
        self._began_s = time.monotonic()
        self._threads: dict[str, int] = {}
        self._lock = threading.Lock()
        if self._file is not None:
            self._file.write("[")
            self._write(
                {"name": "process_name", "ph": "M", "pid": 1, "args": {"name": "facesift"}}, is_first=True
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        try:
            self._file.write("\n]\n")
            self._file.close()
        except OSError as full:
            self._give_up(full)
        self._file = None

    def add(self, who: str, what: str, began_s: float, ended_s: float, **facts: Any) -> None:
        """Write a span that has ended.

        Args:
            who: the actor, a line of the picture.
            what: was done.
            began_s: by `time.monotonic`.
            ended_s: by the same.
            facts: shown beside it, such as the video.
        """
        if self._file is None:
            return
        with self._lock:
            if who not in self._threads:
                self._threads[who] = len(self._threads) + 1
                name = {"name": "thread_name", "ph": "M", "pid": 1, "tid": self._threads[who]}
                self._write({**name, "args": {"name": who}})
            self._write(
                {
                    "name": what,
                    "ph": "X",
                    "pid": 1,
                    "tid": self._threads[who],
                    "ts": round((began_s - self._began_s) * 1e6),
                    "dur": round((ended_s - began_s) * 1e6),
                    "args": facts,
                }
            )

    def _write(self, event: dict[str, Any], *, is_first: bool = False) -> None:
        if self._file is None:
            return
        try:
            self._file.write(("\n" if is_first else ",\n") + json.dumps(event))
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Write no more: what is traced must not end because its trace finds no room."""
        LOG.warning("the trace ends early: %s", error)
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # what was not written yet fails once more
                file.close()
