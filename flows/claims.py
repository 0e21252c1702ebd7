"""Claims: each content is read once, however many sources hold it."""

from collections import defaultdict
from collections.abc import Container, Iterator
from dataclasses import replace

from workers.outcome import Done, Duplicate, Failed, Job, Outcome


class Claims:
    """Decides which source reads a content, and lets the others share its fate.

    Args:
        done: video ids that the lake holds under this recipe.
    """

    def __init__(self, done: Container[str]) -> None:
        self._done = done
        self._owners: dict[str, str] = {}
        self._failed: dict[str, Failed] = {}
        self._read: set[str] = set()
        self._waiting: defaultdict[str, dict[str, Duplicate]] = defaultdict(dict)

    def claim(self, job: Job, video_id: str) -> bool:
        """Say whether this job is to read the content: the lake lacks it, and no other source claimed it."""
        if video_id in self._done:
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
            case Duplicate(video_id=video_id) if video_id in self._failed:
                yield _shared(outcome, self._failed[video_id])
            case Duplicate(video_id=video_id):
                # By uri: a shard that is tried again brings the same duplicate again.
                self._waiting[video_id][outcome.job.source.uri] = outcome
            case Done():
                yield from self._end(outcome.reading.video.video_id, outcome)
            case Failed(video_id=str() as video_id, is_last=True):
                yield from self._end(video_id, outcome)
            case Failed():
                yield outcome

    def _end(self, video_id: str, fate: Done | Failed) -> Iterator[Outcome]:
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
    message = f"{fate.message} (same content as {fate.job.source.uri})"
    return replace(fate, job=duplicate.job, message=message)
