"""How attempts end that do not end well."""

from collections.abc import Iterator

from workers.failure import WorkerError
from workers.fleet.attempt import Attempt
from workers.outcome import CRASHES, Crash, Failed


def failed(attempt: Attempt, error: WorkerError) -> Iterator[Failed]:
    """Mark an attempt as failed and tell of it, unless it has failed before."""
    if attempt.has_failed:
        return
    attempt.has_failed = True
    yield Failed.of(attempt.job, attempt.fetched.video_id if attempt.fetched else None, error)


def crashed(attempt: Attempt, crash: Crash, *, is_last: bool) -> Iterator[Failed]:
    """Mark an attempt as ended by the death of an actor and tell of it, unless it has failed before."""
    if attempt.has_failed:
        return
    attempt.has_failed = True
    yield Failed(
        attempt.job,
        attempt.fetched.video_id if attempt.fetched else None,
        "describe" if crash.startswith("Describer") else "decode",
        crash,
        CRASHES[crash],
        is_retryable=not is_last,
        is_quarantined=is_last,
        is_last=is_last,
    )


def crash_of(*, is_stalled: bool, is_memory: bool) -> Crash:
    """Return what ended a reader."""
    if is_memory:
        return "OutOfMemory"
    return "ReaderStalled" if is_stalled else "ReaderDied"
