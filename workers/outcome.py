"""What the fleet is given and what it gives back: jobs and their outcomes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from storage.records import AnswerRecord, Clip, Finding, Source
from workers.describer import Described
from workers.evidence import Picture
from workers.reader import Reading

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


@dataclass(frozen=True, slots=True)
class Done:
    """A video that was read and described to its end."""

    job: Job
    reading: Reading
    described: tuple[Described, ...]
    """In the order of the clips."""

    @property
    def clips(self) -> tuple[Clip, ...]:
        """Rows of all clips."""
        return tuple(row for part in self.described for row in part.clips)

    @property
    def unanswered(self) -> tuple[str, ...]:
        """Why clips have no answers, one reason per such clip."""
        return tuple(row.no_answer_reason for row in self.clips if row.no_answer_reason is not None)

    @property
    def answers(self) -> tuple[AnswerRecord, ...]:
        """Rows of all clips."""
        return tuple(row for part in self.described for row in part.answers)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Rows of all clips."""
        return tuple(row for part in self.described for row in part.findings)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Evidence of all clips."""
        return tuple(picture for part in self.described for picture in part.pictures)

    @property
    def describe_s(self) -> float:
        """Seconds in the describer."""
        return sum(part.describe_s for part in self.described)


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


Outcome = Done | Duplicate | Failed
Claim = Callable[[Job, str], bool]
"""Given a job and its video_id, says whether the content is this job's to read (False: somebody has it)."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a video has been read, for a progress bar."""

    job: Job
    position_s: float
    duration_s: float | None
