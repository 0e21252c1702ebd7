"""The log of a scan: JSON lines, for machines that collect them. For people there is the progress.

Each line has `time`, `level`, `message` and `scan_id`; what is about a source has `uri`, `stage` and, where
its content is known, `video_id`. The loggers are Python's own, `facesift.scan` and `facesift.fleet`.
"""

import json
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from flows.summary import ScanSummary
from workers.outcome import Done, Duplicate, Failed, Outcome, Part

ROOT = logging.getLogger("facesift")
LOG = logging.getLogger("facesift.scan")
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest of one is what it was given as `extra`."""


class ScanLog:
    """Takes what is logged during a scan; a context manager. A full disk ends the log and nothing else.

    Args:
        target: file, to whose end it is written; `-` is standard error; None writes nothing.
        scan_id: of every line.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, target: str | None, scan_id: str) -> None:
        self._handler = _handler(target)
        self._handler.setFormatter(JsonLine(scan_id))

    def __enter__(self) -> Self:
        ROOT.addHandler(self._handler)
        ROOT.setLevel(logging.INFO)
        ROOT.propagate = False  # Prefect's console would show it all once more
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            LOG.error("scan ended early", extra={"error": type(error).__name__, "reason": str(error)})
        ROOT.removeHandler(self._handler)
        self._handler.close()


def _handler(target: str | None) -> logging.Handler:
    if target is None:
        return logging.NullHandler()
    if target == "-":
        return logging.StreamHandler(sys.stderr)
    return _LogFile(Path(target), encoding="utf-8")


class _LogFile(logging.FileHandler):
    """Gives up once when the file takes no more: what is logged must not end for want of room in its log."""

    _has_given_up = False

    def emit(self, record: logging.LogRecord) -> None:
        if not self._has_given_up:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - as logging names it
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self._has_given_up = True
        print(f"facesift: the log {self.baseFilename} ends early: {error}", file=sys.stderr)  # noqa: T201

    def close(self) -> None:
        with suppress(OSError):  # what was not written yet fails once more
            super().close()


class JsonLine(logging.Formatter):
    """Writes a record as one line of JSON."""

    def __init__(self, scan_id: str) -> None:
        super().__init__()
        self._scan_id = scan_id

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "scan_id": self._scan_id,
        }
        given = {name: value for name, value in vars(record).items() if name not in _PLAIN}
        line |= {name: value for name, value in given.items() if not name.startswith("_")}  # Ray adds its own
        if record.exc_info:
            line["stack"] = self.formatException(record.exc_info)
        # Escapes keep a name that is no UTF-8, and line breaks in one, inside the line.
        return json.dumps(line, default=str)


def log_outcome(outcome: Outcome) -> None:
    """Log what became of a source, once it is in the lake."""
    job = outcome.job
    facts: dict[str, Any] = {"uri": job.source.uri, "attempt": job.attempt}
    match outcome:
        case Done(video=video):
            facts |= {"video_id": video.video_id, "stage": "commit", "video_s": round(video.duration_s, 3)}
            facts |= {"faces": video.faces, "clips": video.clips, "findings": video.findings}
            facts |= {"read_s": round(video.read_s, 3), "describe_s": round(video.describe_s, 3)}
            LOG.info("video done", extra=facts)
        case Duplicate(video_id=video_id):
            LOG.info("content known", extra={**facts, "video_id": video_id, "stage": "fetch"})
        case Failed() as failed:
            facts |= {"video_id": failed.video_id, "stage": failed.stage, "error": failed.error}
            facts |= {"reason": failed.message, "is_last": failed.is_last}
            facts |= {"is_retryable": failed.is_retryable, "is_quarantined": failed.is_quarantined}
            LOG.warning("attempt failed", extra=facts)
        case Part():
            pass  # rows that count for nothing yet


def log_end(summary: ScanSummary) -> None:
    """Log the account of a scan, without its failures, which have lines of their own."""
    facts = {name: value for name, value in summary.as_dict().items() if name not in {"failures", "scan_id"}}
    LOG.info("scan ended", extra=facts)
