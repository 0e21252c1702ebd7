"""The fleet: its actors from the first to the last."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

import ray
from ray.exceptions import RayError

from workers.fleet.actors import DescriberActor, ReaderActor
from workers.fleet.config import FleetConfig, FleetError
from workers.fleet.meter import Meter, Usage
from workers.fleet.places import find_places
from workers.fleet.post import Post
from workers.fleet.run import Run
from workers.fleet.shift import Shift
from workers.outcome import Claim, Job, Outcome, Position
from workers.reader import Reader, RowIds
from workers.trace import Trace

if TYPE_CHECKING:
    from workers.describer import Describer

LEAVE_S = 10.0
"""Readers may take so long to tidy up before they are ended."""

__all__ = ["Fleet", "FleetConfig", "FleetError"]


class Fleet:
    """Readers and describers over Ray; a context manager.

    Example:
        with Fleet(FleetConfig(), partial(Reader, reader), partial(Describer, describer)) as fleet:
            for outcome in fleet.scan(jobs, new_ids, claim):
                commit(outcome)
    """

    def __init__(
        self,
        config: FleetConfig,
        make_reader: Callable[[], Reader],
        make_describer: "Callable[[], Describer]",
    ) -> None:
        self._config = config
        self._make_reader = make_reader
        self._make_describer = make_describer
        self._trace = Trace(None)
        self._meter: Meter | None = None
        self._readers: list[Post] = []
        self._describers: list[Post] = []
        self._has_started_ray = False

    def __enter__(self) -> Self:
        if not ray.is_initialized():
            self._start_ray()
        try:
            places = find_places(self._config, ray.cluster_resources())
        except FleetError:
            if self._has_started_ray:
                ray.shutdown()
            raise
        reader = ray.remote(num_cpus=places.reader_cpus, max_restarts=0)(ReaderActor)
        describer = ray.remote(num_cpus=0, num_gpus=places.describer_gpus, max_restarts=0)(DescriberActor)
        make_reader = partial(reader.remote, self._make_reader)
        make_describer = partial(describer.remote, self._make_describer)
        self._describers = [
            Post(make_describer, make_describer(), "describer", number) for number in range(places.describers)
        ]
        self._readers = [
            Post(make_reader, make_reader(), "reader", number) for number in range(places.readers)
        ]
        self._meter = Meter(self._trace, places.describer_gpus)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A reader may still hold the copy of a video that it did not have to read.
        idle = [post.actor.leave.remote() for post in self._readers if post.is_up and not post.is_busy]
        if idle:
            ray.wait(idle, num_returns=len(idle), timeout=LEAVE_S)
        for post in self._readers + self._describers:
            ray.kill(post.actor)
        if self._has_started_ray:
            ray.shutdown()

    def traced(self, trace: Trace) -> Self:
        """Let what the actors do be written to a trace; to be said before they are started."""
        self._trace = trace
        return self

    def scan(
        self,
        jobs: Iterable[Job],
        new_ids: Callable[[], RowIds],
        claim: Claim,
        on_position: Callable[[Position], None] = lambda _: None,
        on_turn: Callable[[], None] = lambda: None,
    ) -> Iterator[Outcome]:
        """Read and describe every job; yield outcomes as they come.

        Args:
            jobs: pulled one by one, as readers get free.
            new_ids: makes the ids of one attempt.
            claim: asked with each video's content hash before it is read.
            on_position: told how far each video is.
            on_turn: called every second or oftener, whatever happens.

        Yields:
            For every job exactly one Done, Duplicate or Failed with `is_last`, and a Failed without `is_last`
            for each attempt that is repeated at once.

        Raises:
            FleetError: the actors do not come up.
        """
        assert self._meter is not None, "a fleet is a context manager"
        posts = self._readers, self._describers
        shift = Shift(self._config, posts, jobs=iter(jobs), new_ids=new_ids, meter=self._meter)
        try:
            for outcome in Run(shift, claim, on_position, on_turn).outcomes():
                self._meter.ended(outcome)
                yield outcome
            self._ask_usage(self._meter)
        finally:
            # After a run that was broken off, the next one must not meet actors in the middle of something.
            for post in self._readers + self._describers:
                post.ref = None
                if post.is_busy:
                    post.replace_actor()

    def usage(self) -> Usage:
        """Return what the actors have taken in all scans that have come to their end."""
        return self._meter.usage() if self._meter is not None else Usage()

    def _start_ray(self) -> None:
        if self._config.is_cluster:
            try:
                ray.init(address="auto", logging_level=logging.ERROR, log_to_driver=False)
            except ConnectionError as error:
                raise FleetError(
                    "no Ray cluster runs on this machine; `--ray auto` is for jobs of a cluster, give "
                    "http://HEAD:8265 elsewhere"
                ) from error
        else:
            try:
                ray.init(
                    address="local",
                    include_dashboard=False,
                    object_store_memory=self._config.object_store_bytes,
                    logging_level=logging.ERROR,
                    log_to_driver=False,
                )
            except Exception as error:  # Ray raises no narrower one when it takes too long
                ray.shutdown()
                raise FleetError(
                    f"Ray did not start on this machine: {error}; see that it has memory, room in its "
                    "temporary folder and time for it, and run the same again"
                ) from error
        self._has_started_ray = True

    def _ask_usage(self, meter: Meter) -> None:
        asked = {post.actor.took.remote(): post for post in self._readers + self._describers if post.is_up}
        answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=LEAVE_S) if asked else ([], [])
        for ref in answered:
            with suppress(RayError):  # it has died since
                meter.took(str(asked[ref].actor), ray.get(ref))
