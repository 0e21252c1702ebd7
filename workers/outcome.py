"""What the fleet is given and what it gives back: jobs and their outcomes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Self

from storage.records import Source, Video
from storage.tables import Rows
from workers.evidence import Picture
from workers.failure import WorkerError

Crash = Literal["ReaderDied", "ReaderStalled", "OutOfMemory", "DescriberDied", "DescriberStalled"]
CRASHES: Mapping[Crash, str] = {
    "ReaderDied": "the reader's process died while it read this video",
    "ReaderStalled": "the reader gave no sign of life over this video and was killed",
    "OutOfMemory": "the machine ran out of memory and the reader was killed",
    "DescriberDied": "the describer's process died twice over the same clips of this video",
    "DescriberStalled": "the describer gave no sign of life over clips of this video and was killed twice",
}
"""Errors of attempts that ended a process, and what they say; they count towards the quarantine."""
MAX_ATTEMPTS = 2
"""A source that crashes so often is quarantined."""


@dataclass(frozen=True, slots=True)
class Job:
    """One source to read: `attempt` counts from 1, over all scans of this version of the source."""

    source: Source
    attempt: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Rows of an attempt that are final, but count only when the attempt's `videos` row has come.

    Attributes:
        job: whose attempt it is.
        attempt_id: of the rows.
        rows: of any tables but `videos`.
        pictures: evidence that the rows name.
    """

    job: Job
    attempt_id: str
    rows: tuple[Rows, ...]
    pictures: tuple[Picture, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return sum(rows.nbytes for rows in self.rows) + sum(len(picture.data) for picture in self.pictures)


@dataclass(frozen=True, slots=True)
class Done:
    """A video that was read and described to its end; its other rows have all gone before, as parts."""

    job: Job
    video: Video
    """Its row."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A source whose content another source of this run, or the lake, already has."""

    job: Job
    video_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt that failed. `is_last` is False when the fleet itself tries again."""

    job: Job
    video_id: str | None
    stage: str
    error: str
    message: str
    is_retryable: bool
    is_quarantined: bool
    is_last: bool

    @classmethod
    def of(cls, job: Job, video_id: str | None, error: WorkerError) -> Self:
        """Return the end that an error makes of an attempt: the last one, for now at least."""
        return cls(
            *(job, video_id, error.stage, error.error, error.message),
            is_retryable=error.is_retryable,
            is_quarantined=False,
            is_last=True,
        )


Outcome = Part | Done | Duplicate | Failed
"""What a scan of the fleet yields; all but parts are ends of attempts."""
Claim = Callable[[Job, str], bool]
"""Given a job and its video_id, says whether the content is this job's to read (False: somebody has it)."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a video has been read, for a progress bar."""

    job: Job
    position_s: float
    duration_s: float | None
