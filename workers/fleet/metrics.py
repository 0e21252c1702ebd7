"""What a scan tells Prometheus, through Ray: each machine's Ray has an endpoint that has all of it.

Ray puts `ray_` before every name; a counter's ends in `_total`. `infra/grafana-dashboard.json` shows them.
"""

import time
from collections.abc import Callable, Mapping
from typing import Literal

from ray.util.metrics import Counter, Gauge

from workers.outcome import Done, Duplicate, Failed, Outcome, Part

Role = Literal["reader", "describer"]

COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "facesift_videos": ("Sources that came to an end.", ("status",)),
    "facesift_video_seconds": ("Seconds of video read.", ()),
    "facesift_bytes_read": ("Bytes of sources fetched and hashed.", ()),
    "facesift_faces": ("Faces found, one per box.", ()),
    "facesift_clips": ("Clips cut.", ()),
    "facesift_findings": ("Scores of labels.", ()),
    "facesift_failures": ("Attempts that failed.", ("stage", "error")),
    "facesift_deaths": ("Actors that died or were killed for their silence.", ("role",)),
    "facesift_busy_seconds": ("Seconds in which actors worked, by what they did.", ("role", "work")),
    "facesift_gpu_seconds": ("Seconds in which describers worked, times the GPUs that they claim.", ()),
    "facesift_cpu_seconds": ("Processor time of the actors, told by themselves.", ("role",)),
}
"""Name, without what Ray adds; what it counts; its labels."""

GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "facesift_queued_batches": ("Batches of clips that wait for a describer.", ()),
    "facesift_waiting_bytes": ("Bytes of spans that wait for their turn.", ()),
    "facesift_actors": ("Actors that have a place and are up.", ("role",)),
    "facesift_actors_waiting": ("Actors that have no place yet, or start.", ("role",)),
    "facesift_actors_busy": ("Actors that have work.", ("role",)),
}
"""The same of what goes up and down."""


class Metrics:
    """The driver's: made when Ray is up, fed by the fleet."""

    def __init__(self) -> None:
        self._counters = {
            name: Counter(name, doc, tags)
            for name, (doc, tags) in COUNTERS.items()
            if name != "facesift_cpu_seconds"
        }
        self._gauges = {name: Gauge(name, doc, tags) for name, (doc, tags) in GAUGES.items()}

    def count(self, name: str, value: float = 1.0, **tags: str) -> None:
        """Add to a counter; nothing is not told."""
        if value > 0:
            self._counters[name].inc(value, tags)

    def show(self, name: str, value: float, **tags: str) -> None:
        """Set a gauge."""
        self._gauges[name].set(value, tags)

    def ended(self, outcome: Outcome) -> None:
        """Count an outcome."""
        match outcome:
            case Done(video=video):
                self.count("facesift_videos", status="done" if video.tracks else "no_face")
                self.count("facesift_video_seconds", video.duration_s)
                self.count("facesift_faces", video.faces)
                self.count("facesift_clips", video.clips)
                self.count("facesift_findings", video.findings)
            case Duplicate():
                self.count("facesift_videos", status="duplicate")
            case Failed() as failed:
                self.count("facesift_failures", stage=failed.stage, error=failed.error)
                if failed.is_last:
                    self.count("facesift_videos", status="failed")
            case Part():
                pass  # what its rows hold is counted with its video


class ProcessMeter:
    """An actor's: tells how much processor time its process has taken, its start included."""

    def __init__(self, role: Role, clock: Callable[[], float] = time.process_time) -> None:
        doc, tags = COUNTERS["facesift_cpu_seconds"]
        self._counter = Counter("facesift_cpu_seconds", doc, tags)
        self._tags = {"role": role}
        self._clock = clock
        self._told_s = 0.0

    def tell(self) -> float:
        """Tell what has been taken since the last time; return all that the process has taken so far."""
        cpu_s = self._clock()
        if cpu_s > self._told_s:
            self._counter.inc(cpu_s - self._told_s, self._tags)
        self._told_s = cpu_s
        return cpu_s
