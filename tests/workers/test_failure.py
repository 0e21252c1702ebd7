import errno
import pickle

import pytest

from tests.workers.memory import little_memory
from workers.failure import SPARE_BYTES, SourceError, TransientError, WorkerError, failure_of, lacks_memory


@pytest.mark.parametrize("kind", [SourceError, TransientError])
def test_survives_pickling(kind: type[WorkerError]) -> None:
    error = kind("decode", "no frame in a.mp4", "InvalidDataError")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (copy.stage, copy.message, copy.cause) == ("decode", "no frame in a.mp4", "InvalidDataError")
    assert copy.is_retryable is (kind is TransientError)
    assert str(copy) == "decode: no frame in a.mp4"


def test_survives_ray() -> None:
    from ray import cloudpickle  # noqa: PLC0415  importing Ray takes seconds
    from ray.exceptions import RayTaskError  # noqa: PLC0415

    error = TransientError("fetch", "gone", "FileNotFoundError")
    sent = cloudpickle.dumps(RayTaskError("read", "traceback", error))  # pyright: ignore[reportPrivateImportUsage]
    raised = cloudpickle.loads(sent).as_instanceof_cause()
    assert isinstance(raised, TransientError)
    assert str(raised.cause) == "fetch: gone"  # which is what the fleet goes by


@pytest.mark.parametrize(
    ("error", "kind", "word"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file"), TransientError, "disappeared after listing"),
        (OSError(errno.ENOSPC, "No space left on device"), TransientError, "no space left"),
        (OSError(errno.EIO, "Input/output error"), TransientError, "device"),
        (PermissionError(errno.EACCES, "Permission denied"), TransientError, "not permitted"),
        (ConnectionResetError(errno.ECONNRESET, "reset by peer"), TransientError, "reset by peer"),
        (OSError("strange"), TransientError, "strange"),
        (MemoryError(), TransientError, "out of memory"),
        (ValueError("broken header"), SourceError, "broken header"),
        (KeyError("x"), SourceError, "x"),
    ],
)
def test_maps_exceptions(error: Exception, kind: type[WorkerError], word: str) -> None:
    failure = failure_of(error, "fetch", "s3://b/k.mp4")
    assert type(failure) is kind
    assert failure.stage == "fetch"
    assert failure.error == type(error).__name__
    assert word in failure.message
    assert "s3://b/k.mp4" in failure.message


def test_what_fails_without_memory_is_not_the_fault_of_the_bytes() -> None:
    error = RuntimeError("failed to prepare")  # as LiteRT says it
    with little_memory(SPARE_BYTES // 2):
        assert lacks_memory()
        failure = failure_of(error, "detect", "a.mp4")
    assert not lacks_memory()
    assert isinstance(failure, TransientError)
    assert (failure.stage, failure.error) == ("detect", "RuntimeError")
    assert "out of memory at a.mp4" in failure.message
    assert isinstance(failure_of(error, "detect", "a.mp4"), SourceError)


def test_a_failure_stands_for_itself() -> None:
    failure = SourceError("decode", "bomb")
    assert failure_of(failure, "detect", "a.mp4") is failure
    assert failure.error == "SourceError"
