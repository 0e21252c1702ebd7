"""The fleet: its actors from the first to the last."""

import logging
import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Self

import ray

from workers.describer import Describer
from workers.fleet.actors import DescriberActor, ReaderActor
from workers.fleet.config import FleetConfig, FleetError
from workers.fleet.post import Post
from workers.fleet.run import Run
from workers.outcome import Claim, Job, Outcome, Position
from workers.reader import Reader, RowIds

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
        self, config: FleetConfig, make_reader: Callable[[], Reader], make_describer: Callable[[], Describer]
    ) -> None:
        self._config = config
        self._make_reader = make_reader
        self._make_describer = make_describer
        self._readers: list[Post] = []
        self._describers: list[Post] = []
        self._has_started_ray = False

    def __enter__(self) -> Self:
        if not ray.is_initialized():
            ray.init(
                address="local",
                include_dashboard=False,
                object_store_memory=self._config.object_store_bytes,
                logging_level=logging.ERROR,
                log_to_driver=False,
            )
            self._has_started_ray = True
        resources = ray.cluster_resources()
        cpus, gpus = max(1.0, resources.get("CPU", 1.0)), resources.get("GPU", 0.0)
        readers = self._config.readers or int(cpus)
        together = self._config.gpus_per_describer
        describers = self._config.describers or max(1, int(gpus) // together)
        # Shares, so that every actor asked for finds a place: one that waits for ever would look like a
        # stalled one. A describer without a GPU shares the CPUs with the readers, for which it mostly waits.
        reader = ray.remote(num_cpus=_share(cpus, readers), max_restarts=0)(ReaderActor)
        if gpus and together > 1 and describers * together > gpus:
            if self._has_started_ray:
                ray.shutdown()
            raise FleetError(f"{describers} describers of {together} GPUs need more than the {gpus:g} here")
        share = together if gpus and together > 1 else _share(gpus, describers)
        describer = ray.remote(num_cpus=0, num_gpus=share, max_restarts=0)(DescriberActor)
        make_reader = partial(reader.remote, self._make_reader)
        make_describer = partial(describer.remote, self._make_describer)
        self._describers = [Post(make_describer, make_describer()) for _ in range(describers)]
        self._readers = [Post(make_reader, make_reader()) for _ in range(readers)]
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
        run = Run(
            self._config, self._readers, self._describers, iter(jobs), new_ids, claim, on_position, on_turn
        )
        try:
            yield from run.outcomes()
        finally:
            # After a run that was broken off, the next one must not meet actors in the middle of something.
            for post in self._readers + self._describers:
                post.ref = None
                if post.is_busy:
                    post.replace_actor()


def _share(resources: float, actors: int) -> float:
    """Return what each actor may claim so that all find a place: no GPU or CPU is shared by more than needed.

    Ray counts in ten-thousandths and rounds; a sum above what is there would leave the last one waiting.
    """
    if not resources:
        return 0.0
    together = math.ceil(actors / max(1.0, math.floor(resources)))
    return math.floor(10_000 / together) / 10_000
