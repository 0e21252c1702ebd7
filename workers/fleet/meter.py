"""What the fleet knows of its own work: metrics, spans for a trace, and what a scan has cost."""

import time
from dataclasses import dataclass
from typing import Literal

from workers.fleet.attempt import Attempt
from workers.fleet.metrics import Metrics, Role
from workers.outcome import Outcome
from workers.trace import Trace

Work = Literal["start", "fetch", "open", "read", "look", "take", "tidy", "describe"]
"""What an actor is asked for: `read` gives the next clips and rows, `look` sees a stretch of a span, `take`
puts it to those before."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the actors have taken.

    Attributes:
        cpu_s: processor time of readers, describers and driver; of an actor that died, as far as it is known.
            Ray's and Prefect's own processes are not in it.
        gpu_s: seconds in which describers worked, times the GPUs that they claim.
        gpu_held_s: seconds in which they had a place, times the same: what is paid for.
    """

    cpu_s: float = 0.0
    gpu_s: float = 0.0
    gpu_held_s: float = 0.0


class Meter:
    """Is told of every reply by the fleet's loop.

    Args:
        trace: where spans go.
        describer_gpus: that each describer claims.
    """

    def __init__(self, trace: Trace, describer_gpus: float) -> None:
        self._trace = trace
        self._gpus = describer_gpus
        self._metrics = Metrics()
        self._gpu_s = self._gpu_held_s = 0.0
        self._cpu_s: dict[str, float] = {}
        self._held_until_s = time.monotonic()

    def replied(self, who: str, role: Role, work: Work, attempt: Attempt | None, began_s: float) -> None:
        """Count what an actor has done since it was asked."""
        ended_s = time.monotonic()
        if work != "start":
            self._metrics.count("facesift_busy_seconds", ended_s - began_s, role=role, work=work)
        if work == "describe":
            self._gpu_s += self._gpus * (ended_s - began_s)
            self._metrics.count("facesift_gpu_seconds", self._gpus * (ended_s - began_s))
        facts: dict[str, str] = {}
        if attempt is not None:
            facts["uri"] = attempt.job.source.uri.encode(errors="backslashreplace").decode()
            facts["video_id"] = attempt.fetched.video_id if attempt.fetched else ""
        self._trace.add(who, work, began_s, ended_s, **facts)

    def fetched(self, size_bytes: int) -> None:
        """Count a source that has been fetched and hashed."""
        self._metrics.count("facesift_bytes_read", size_bytes)

    def died(self, role: Role) -> None:
        """Count a death."""
        self._metrics.count("facesift_deaths", role=role)

    def ended(self, outcome: Outcome) -> None:
        """Count an outcome."""
        self._metrics.ended(outcome)

    def turn(self, *, queued: int, waiting_bytes: int, actors: "dict[Role, tuple[int, int, int]]") -> None:
        """Show how things stand.

        Args:
            queued: batches that wait for a describer.
            waiting_bytes: of spans that wait for their turn.
            actors: of each role how many there are, are up and have work.
        """
        now_s = time.monotonic()
        self._gpu_held_s += self._gpus * actors["describer"][1] * (now_s - self._held_until_s)
        self._held_until_s = now_s
        self._metrics.show("facesift_queued_batches", queued)
        self._metrics.show("facesift_waiting_bytes", waiting_bytes)
        for role, (places, up, busy) in actors.items():
            self._metrics.show("facesift_actors", up, role=role)
            self._metrics.show("facesift_actors_waiting", places - up, role=role)
            self._metrics.show("facesift_actors_busy", busy, role=role)

    def took(self, actor_id: str, cpu_s: float) -> None:
        """Note all the processor time that an actor has taken so far."""
        self._cpu_s[actor_id] = cpu_s

    def usage(self) -> Usage:
        """Return what the actors have taken so far."""
        return Usage(sum(self._cpu_s.values()) + time.process_time(), self._gpu_s, self._gpu_held_s)
