"""Failures: whether trying again can help is in the type.

`SourceError` says that the bytes are at fault: the same bytes fail again. `TransientError` says that the
world is: a full disk, a file that vanished, an unreachable store. Both carry the stage at which it happened
and cross process borders whole, because every argument is passed to `Exception.__init__`.
"""

import errno
import mmap
from typing import ClassVar, Literal

Stage = Literal["list", "fetch", "decode", "detect", "describe", "commit"]
SPARE_BYTES = 128 << 20
"""Of memory: what one picture of the largest size takes that is decoded."""
SHOWN_LETTERS = 300
"""Of an error of somebody else's, in a log or in a message of ours."""


class WorkerError(Exception):
    """A failure that becomes a row of `failures`; raise one of its two kinds.

    Args:
        stage: What was being done.
        message: What failed, where, and what to do about it.
        cause: Class name of the exception underneath, None when there was none.
    """

    is_retryable: ClassVar[bool]

    def __init__(self, stage: Stage, message: str, cause: str | None = None) -> None:
        # File names need not be UTF-8; what crosses processes and lands in a table must be.
        message = message.encode("utf-8", "backslashreplace").decode("utf-8")
        super().__init__(stage, message, cause)
        self.stage: Stage = stage
        self.message = message
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.stage}: {self.message}"

    @property
    def error(self) -> str:
        """Class name to record: of the exception underneath, or of this one."""
        return self.cause or type(self).__name__


class SourceError(WorkerError):
    """The source is at fault; the same bytes fail again."""

    is_retryable = False


class UndecodableError(SourceError):
    """A source of which one decoder makes nothing; another decoder may."""


class TransientError(WorkerError):
    """The world is at fault; the next try may succeed."""

    is_retryable = True


def failure_of(error: Exception, stage: Stage, subject: str) -> WorkerError:
    """Return the failure that an exception stands for; a `WorkerError` stands for itself.

    Operating system errors and memory shortage are transient: disks get emptied, permissions granted, stores
    come back. Everything else is final: the same bytes under the same code raise it again, unless there is no
    memory to be had just now.

    Args:
        error: What was caught.
        stage: What was being done.
        subject: The file or object it was done to, for the message.
    """
    if isinstance(error, WorkerError):
        return error
    cause = type(error).__name__
    if isinstance(error, OSError):
        return TransientError(stage, f"{_reason(error)}: {subject}", cause)
    if isinstance(error, MemoryError) or lacks_memory():
        message = f"out of memory at {subject}; give the worker more memory or lower decoder.max_memory_bytes"
        return TransientError(stage, message, cause)
    return SourceError(stage, f"{subject}: {error}" if str(error) else subject, cause)


def lacks_memory() -> bool:
    """Say whether this process does not get the memory for one more picture.

    It has to be asked for: a library that did not get it says that a packet is damaged, or that a model
    cannot be prepared.
    """
    try:
        mmap.mmap(-1, SPARE_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError:
        return True
    return False


def one_line(text: str) -> str:
    """Return what somebody else's error says as one line of bearable length."""
    return " ".join(text.split())[:SHOWN_LETTERS]


_REASONS = {
    errno.ENOENT: "disappeared after listing; the next scan lists it again if it returns",
    errno.ENOSPC: "no space left to spool it; free the spool directory",
    errno.EDQUOT: "disk quota exceeded; free the spool directory",
    errno.EIO: "the device failed to read it; check the disk",
    errno.EACCES: "not permitted to read it; grant it to the user of the workers",
    errno.EPERM: "not permitted to read it; grant it to the user of the workers",
    errno.EMFILE: "too many open files; raise `ulimit -n`",
    errno.ESTALE: "its network file system was remounted",
}


def _reason(error: OSError) -> str:
    code = error.errno
    return _REASONS.get(code, str(error)) if code is not None else str(error) or type(error).__name__
