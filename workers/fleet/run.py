"""One scan of the fleet: the loop that gives work, waits for replies, and lets them be followed."""

import time
from collections.abc import Callable, Iterator

import ray
from ray.exceptions import ActorUnavailableError, ObjectLostError, RayError, RayTaskError

from workers.fleet.attempt import Ref
from workers.fleet.census import Census
from workers.fleet.dispatcher import Dispatcher
from workers.fleet.mishaps import LOOK_S, Mishaps
from workers.fleet.replies import Replies
from workers.fleet.shift import Shift
from workers.outcome import Claim, Outcome, Position


class Run:
    """The event loop of one `Fleet.scan`: every awaited reply has the step that follows it.

    Args:
        shift: who works, and on what.
        claim: see `Fleet.scan`.
        on_position: see `Fleet.scan`.
        on_turn: see `Fleet.scan`.
    """

    def __init__(
        self,
        shift: Shift,
        claim: Claim,
        on_position: Callable[[Position], None],
        on_turn: Callable[[], None],
    ) -> None:
        self._shift = shift
        self._dispatcher = Dispatcher(shift, Replies(shift, claim, on_position))
        self._mishaps = Mishaps(shift)
        self._census = Census(shift)
        self._on_turn = on_turn

    def outcomes(self) -> Iterator[Outcome]:
        """Yield outcomes as they come, until there is no work."""
        while self._shift.has_work:
            self._dispatcher.give_work()
            refs = self._shift.refs
            if refs:
                ready, _ = ray.wait(refs, num_returns=1, timeout=1.0)
                for ref in ready:
                    yield from self._take(ref)
            elif self._mishaps.has_missing:
                time.sleep(LOOK_S)
            else:
                assert not self._shift.has_work, "there is work that nobody has"
                return
            yield from self._mishaps.settle_missing()
            self._mishaps.kill_silent()
            self._census.check_places()
            self._census.show()
            self._on_turn()

    def _take(self, ref: Ref) -> Iterator[Outcome]:
        post, attempt, then = self._shift.replied(ref)
        if post.is_stalled:  # the reply came after all, from an actor that has been killed since
            yield from self._mishaps.died(post, RayError("killed for its silence"))
            return
        try:
            value = ray.get(ref)
        except RayTaskError as error:
            post.is_up = True
            if attempt is not None:
                yield from self._mishaps.raised(post, attempt, error.cause)
        except ObjectLostError:
            yield from self._mishaps.lost(post, attempt)
        except ActorUnavailableError as error:
            yield from self._mishaps.unavailable(post, attempt, error)
        except RayError as error:
            yield from self._mishaps.died(post, error)
        else:
            post.is_up = True
            yield from then(value)
