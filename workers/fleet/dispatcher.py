"""The dispatcher: gives every actor that awaits nothing its next piece of work."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from storage.archive import Fetched
from workers.fleet.actors import SpanTask
from workers.fleet.attempt import Attempt, Division, Ref, Span
from workers.fleet.meter import Work
from workers.fleet.post import Post
from workers.fleet.replies import Replies
from workers.fleet.shift import Shift

START_S = 300.0
"""An actor may take so long to start: it imports its libraries from a disk that may be slow."""
SLOWEST_FETCH_BYTES_PER_S = 5e6
"""A source may take so long to hash, to arrive or to be gone through up to a span, without a sign of life."""


class Dispatcher:
    """Knows what comes first: videos that are begun, then new ones, then helping with long ones.

    Args:
        shift: whose actors get the work.
        replies: told what comes of it.
    """

    def __init__(self, shift: Shift, replies: Replies) -> None:
        self._shift = shift
        self._replies = replies

    def give_work(self) -> None:
        """Give every actor that awaits nothing its next piece of work."""
        for post in self._shift.posts:
            if not post.is_up and post.is_idle:
                # One that waits for a place is not silent.
                extra_s = math.inf if self._shift.config.is_elastic else START_S
                ready = post.actor.ready.remote()
                self._shift.expect(
                    post, None, "start", ready, partial(self._replies.ready, post), extra_s=extra_s
                )
        for reader in self._shift.readers:
            if reader.is_idle:
                self._assign_reader(reader)
        for describer in self._shift.describers:
            while describer.is_idle and self._shift.batches:
                batch = self._shift.batches.popleft()
                if not batch.attempt.has_failed:
                    describer.batch = batch
                    described = describer.actor.describe.remote(batch.cuts)
                    then = partial(self._replies.described, describer, batch)
                    extra_s = batch.clips * self._shift.config.patience_per_clip_s
                    self._shift.expect(describer, batch.attempt, "describe", described, then, extra_s=extra_s)

    def _assign_reader(self, reader: Post) -> None:
        self._release(reader)
        attempt, helped = reader.attempt, reader.helped
        if helped is not None and helped.is_over:
            self._shift.expect(
                reader, None, "tidy", reader.actor.leave.remote(), partial(self._replies.left, reader)
            )
        elif attempt is None:
            self._assign_free(reader)
        elif not attempt.is_begun:
            begun = reader.actor.begin.remote(attempt.fetched, attempt.ids, is_whole=attempt.is_whole)
            self._shift.expect(reader, attempt, "open", begun, partial(self._replies.begun, attempt))
        elif attempt.division is not None:
            self._assign_divided(reader, attempt, attempt.division)
        elif self._shift.has_room:
            self._advance(reader, attempt, reader.actor.advance, ())

    def _release(self, reader: Post) -> None:
        """Take from a reader what is over or failed elsewhere; there is no use in reading on."""
        span, attempt = reader.span, reader.attempt
        if span is not None and span.attempt.is_over:
            reader.span = None
        if attempt is not None and attempt.is_unsplittable and not attempt.has_failed:
            attempt.has_failed = True
            reader.attempt = Attempt(
                attempt.job, self._shift.new_ids(), attempt.fetched, attempt.node_id, is_whole=True
            )
        elif attempt is not None and attempt.is_over:
            reader.attempt = None

    def _assign_free(self, reader: Post) -> None:
        """Let a reader go on with its span, or give it a lost span, else a video, else any span."""
        if reader.span is None:
            reader.span = self._span_of(reader, lambda division: division.has_lost)
        if reader.span is None and (job := self._shift.take_job()) is not None:
            attempt = reader.attempt = Attempt(job, self._shift.new_ids(), node_id=reader.node_id)
            reader.helped = None
            fetched = reader.actor.fetch.remote(job.source)
            then = partial(self._replies.fetched, reader, attempt)
            self._shift.expect(reader, attempt, "fetch", fetched, then, extra_s=_extra_s(attempt))
            return
        if reader.span is None:
            # Beyond the length that the header tells, a video's own reader goes on alone.
            reader.span = self._span_of(reader, lambda division: division.spans_left > 0)
        self._look(reader)

    def _assign_divided(self, reader: Post, attempt: Attempt, division: Division) -> None:
        """Let a video's own reader take what is due, or else look at a span itself."""
        if self._shift.has_room and (attempt.is_taking or division.is_complete):
            self._advance(reader, attempt, reader.actor.advance, ())
        elif self._shift.has_room and (stretch := division.take()) is not None:
            attempt.is_taking = True
            self._advance(reader, attempt, reader.actor.take, (stretch,))
        else:
            if reader.span is None and (number := division.hand_out(None)) is not None:
                reader.span = Span(attempt, division, number, division.last_index(number))
            self._look(reader)

    def _span_of(self, helper: Post, is_wanted: Callable[[Division], bool]) -> Span | None:
        """Take the next span of the first of the wanted videos that has one left for this helper."""
        for attempt in self._shift.divided:
            division = cast("Division", attempt.division)
            number = division.hand_out(helper) if is_wanted(division) else None
            if number is not None:
                return Span(attempt, division, number, division.last_index(number))
        return None

    def _look(self, reader: Post) -> None:
        span = reader.span
        if span is None:
            return
        is_due = span.number == span.division.turn and self._shift.has_room
        if not is_due and self._shift.waiting_bytes >= self._shift.config.ahead_bytes:
            return
        attempt = span.attempt
        task = SpanTask(
            source=attempt.job.source,
            fetched=cast("Fetched", attempt.fetched),
            is_here=reader.node_id == attempt.node_id,
            attempt_id=attempt.ids.attempt_id,
            spans=span.division.spans,
            number=span.number,
            after_index=span.after_index,
        )
        if attempt is not reader.attempt:
            reader.helped = attempt
        look, stretch = reader.actor.look.options(num_returns=2).remote(task)
        extra_s = 0.0 if span.is_begun else _extra_s(attempt)
        then = partial(self._replies.looked, reader, span, stretch)
        self._shift.expect(reader, attempt, "look", look, then, extra_s=extra_s)
        span.is_begun = reader.is_looking = True

    def _advance(self, reader: Post, attempt: Attempt, call: Any, values: tuple[Ref, ...]) -> None:
        step, cuts = call.options(num_returns=2).remote(*values)
        work: Work = "take" if values else "read"
        self._shift.expect(reader, attempt, work, step, partial(self._replies.stepped, attempt, cuts))


def _extra_s(attempt: Attempt) -> float:
    return (attempt.job.source.size_bytes or 0) / SLOWEST_FETCH_BYTES_PER_S
