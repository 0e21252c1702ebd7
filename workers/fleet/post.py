"""A place for an actor: who holds it, what it works on, since when it has been silent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray

from workers.fleet.attempt import Attempt, Batch, Ref, Span
from workers.fleet.meter import Work
from workers.fleet.metrics import Role

Actor = Any
"""ray.actor.ActorHandle, which knows no methods."""


@dataclass(eq=False, slots=True)
class Post:
    """Keeps its actor's place when the actor dies."""

    make: Callable[[], Actor]
    actor: Actor
    role: Role = "reader"
    number: int = 0
    attempt: Attempt | None = None
    """Of a reader: the video that it reads or puts together."""
    span: Span | None = None
    """Of a reader: what it looks at, of its own video or to help with another."""
    helped: Attempt | None = None
    """Of a reader: the video of another one that it holds open, to look at its spans."""
    batch: Batch | None = None
    """Of a describer: the clips that it has in hand."""
    ref: Ref = None
    """The reply that is awaited; None while there is nothing to wait for."""
    work: Work = "start"
    """What the reply is about."""
    since_s: float = 0.0
    patience_s: float = 0.0
    starts: int = 1
    node_id: str = ""
    """Its machine."""
    is_up: bool = False
    """Whether this actor has said that it is ready; before that it gets no work."""
    is_stalled: bool = False
    is_doubted: bool = False
    """Whether nothing was heard of this actor, and it was asked for a sign of life since."""
    is_missing: bool = False
    """Whether this actor has died, and it is not known yet whether its machine has."""
    is_looking: bool = False
    """Whether the reply that is awaited is about its span."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.role} {self.number}"

    @property
    def is_idle(self) -> bool:
        """Whether its actor can be asked for something."""
        return self.ref is None and not self.is_missing

    @property
    def is_busy(self) -> bool:
        """Whether it works on anything, or is to go on with it."""
        work = (self.attempt, self.span, self.helped, self.batch)
        return any(piece is not None for piece in work)

    def replace_actor(self) -> None:
        """Make a fresh actor; what the old one worked on is forgotten."""
        ray.kill(self.actor)
        self.starts = 1 if self.is_up else self.starts + 1
        self.actor = self.make()
        self.attempt = self.span = self.helped = self.batch = self.ref = None
        self.is_up = self.is_stalled = self.is_doubted = self.is_missing = False
        self.node_id = ""
