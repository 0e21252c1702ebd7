"""Replies: what becomes of what an actor says, when all is well."""

from collections.abc import Callable, Iterator
from typing import cast

from storage.archive import Fetched
from storage.records import Video
from workers.failure import SourceError
from workers.fleet.actors import Look, Step
from workers.fleet.answered import Answered, first_reason, is_mute, with_answers
from workers.fleet.attempt import Attempt, Batch, Division, Ref, Span
from workers.fleet.ending import failed
from workers.fleet.post import Post
from workers.fleet.shift import Shift
from workers.outcome import Claim, Done, Duplicate, Outcome, Part, Position
from workers.video.spans import Spans


class Replies:
    """One method per kind of reply; each yields the outcomes that follow.

    Args:
        shift: to which the replies go.
        claim: asked with each video's content hash before it is read.
        on_position: told how far each video is.
    """

    def __init__(self, shift: Shift, claim: Claim, on_position: Callable[[Position], None]) -> None:
        self._shift = shift
        self._claim = claim
        self._on_position = on_position

    def ready(self, post: Post, node_id: str) -> Iterator[Outcome]:
        """An actor is up."""
        post.node_id = node_id
        yield from ()

    def left(self, reader: Post, _: None) -> Iterator[Outcome]:
        """A reader has released the video that it helped with."""
        reader.helped = None
        yield from ()

    def fetched(self, reader: Post, attempt: Attempt, fetched: Fetched) -> Iterator[Outcome]:
        """A source has been hashed."""
        attempt.fetched = fetched
        self._shift.meter.fetched(fetched.size_bytes)
        if not self._claim(attempt.job, fetched.video_id):
            reader.attempt = None
            yield Duplicate(attempt.job, fetched.video_id)

    def begun(self, attempt: Attempt, spans: Spans | None) -> Iterator[Outcome]:
        """A video has been opened."""
        attempt.is_begun = True
        attempt.division = Division(spans) if spans is not None else None
        yield from ()

    def looked(self, reader: Post, span: Span, stretch: Ref, look: Look) -> Iterator[Outcome]:
        """A stretch of a span has been seen."""
        span.division.add(span.number, stretch, look)
        if look.is_span_end:
            reader.span = None
        yield from ()

    def stepped(self, attempt: Attempt, cuts: Ref, step: Step) -> Iterator[Outcome]:
        """A video has been read on, or to its end."""
        self._on_position(Position(attempt.job, step.position_s, step.duration_s))
        attempt.is_taking &= not step.is_taken
        if step.clips:
            self._shift.batches.append(Batch(attempt, attempt.batches, cuts, step.clips))
            attempt.batches += 1
        if step.rows and not attempt.has_failed:
            yield Part(attempt.job, attempt.ids.attempt_id, step.rows)
        if step.video is not None:
            attempt.video = step.video
            yield from self._finish(attempt)

    def described(self, describer: Post, batch: Batch, answered: Answered) -> Iterator[Outcome]:
        """A batch of clips has been described."""
        describer.batch, attempt = None, batch.attempt
        attempt.accounts[batch.order] = answered.account
        if not attempt.has_failed:
            yield Part(attempt.job, attempt.ids.attempt_id, answered.rows, answered.pictures)
        yield from self._finish(attempt)

    def _finish(self, attempt: Attempt) -> Iterator[Outcome]:
        if not attempt.is_complete:
            return
        accounts = [account for _, account in sorted(attempt.accounts.items())]
        if is_mute(accounts):
            message = f"no clip has an answer: {first_reason(accounts)}"
            yield from failed(attempt, SourceError("describe", message, "EngineError"))
        else:
            yield Done(attempt.job, with_answers(cast("Video", attempt.video), accounts))
