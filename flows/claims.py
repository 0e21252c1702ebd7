"""Claims: each content is read once, however many sources hold it."""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from storage.records import Failure
from workers.outcome import Done, Duplicate, Failed, Job, Outcome, Part

SAME_CONTENT = "(same content as "


class Lost(Protocol):
    """The contents that failed finally, and how each did."""

    def __contains__(self, video_id: object, /) -> bool: ...

    def __getitem__(self, video_id: str, /) -> Failure: ...


class Claims:
    """Decides which source reads a content, and lets the others share its fate.

    Args:
        done: video ids that the lake holds under this recipe.
        lost: those that failed finally under it, and how; the same bytes would fail again, or kill again.
    """

    def __init__(self, done: Container[str], lost: Lost) -> None:
        self._done = done
        self._lost = lost
        self._owners: dict[str, str] = {}
        self._failed: dict[str, Failed] = {}
        self._read: set[str] = set()
        self._waiting: defaultdict[str, dict[str, Duplicate]] = defaultdict(dict)

    def restart(self, jobs: Iterable[Job]) -> None:
        """Forget how these jobs ended, because none of it was committed: they are about to be read again."""
        uris = {job.source.uri for job in jobs}
        self._waiting.clear()
        for video_id, owner in self._owners.items():
            if owner in uris:
                self._read.discard(video_id)
                self._failed.pop(video_id, None)

    def claim(self, job: Job, video_id: str) -> bool:
        """Say whether this job is to read the content: its fate is not known, and it has no other owner."""
        if video_id in self._done or video_id in self._lost:
            return False
        return self._owners.setdefault(video_id, job.source.uri) == job.source.uri

    def settle(self, outcome: Outcome) -> Iterator[Outcome]:
        """Pass an outcome on; hold a duplicate back until the source that reads its content has an end.

        Yields:
            The outcome, if its fate is known, and the duplicates that waited for it: as Duplicate when the
            content was read, as Failed when it could not be.
        """
        match outcome:
            case Duplicate(video_id=video_id) if video_id in self._done or video_id in self._read:
                yield outcome
            case Duplicate(video_id=video_id) if video_id in self._lost:
                yield _lost(outcome, self._lost[video_id])
            case Duplicate(video_id=video_id) if video_id in self._failed:
                yield _shared(outcome, self._failed[video_id])
            case Duplicate(video_id=video_id):
                # By uri: a shard that is tried again brings the same duplicate again.
                self._waiting[video_id][outcome.job.source.uri] = outcome
            case Done():
                yield from self._end(outcome.video.video_id, outcome)
            case Failed(is_last=True):
                yield from self._end(outcome.video_id or self._content_of(outcome.job), outcome)
            case Failed() | Part():
                yield outcome

    def _content_of(self, job: Job) -> str | None:
        """Return what a job claimed: its second attempt may have failed before it was known again."""
        uri = job.source.uri
        return next((video_id for video_id, owner in self._owners.items() if owner == uri), None)

    def _end(self, video_id: str | None, fate: Done | Failed) -> Iterator[Outcome]:
        if video_id is None:
            yield fate
            return
        if isinstance(fate, Failed):
            self._failed[video_id] = fate
        else:
            self._read.add(video_id)
        yield fate
        for duplicate in self._waiting.pop(video_id, {}).values():
            yield _shared(duplicate, fate)


def _shared(duplicate: Duplicate, fate: Done | Failed) -> Duplicate | Failed:
    """Return what becomes of a duplicate when its content has met its fate."""
    if isinstance(fate, Done):
        return duplicate
    message = f"{fate.message} {SAME_CONTENT}{fate.job.source.uri})"
    return replace(fate, job=duplicate.job, message=message)


def _lost(duplicate: Duplicate, failure: Failure) -> Failed:
    """Return the failure of a source whose content failed finally in an earlier scan."""
    message = failure.message
    if failure.uri != duplicate.job.source.uri and SAME_CONTENT not in message:
        message = f"{message} {SAME_CONTENT}{failure.uri})"
    return Failed(
        duplicate.job,
        duplicate.video_id,
        failure.stage,
        failure.error,
        message,
        is_retryable=False,
        is_quarantined=failure.is_quarantined,
        is_last=True,
    )
