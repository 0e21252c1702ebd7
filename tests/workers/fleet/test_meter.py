"""What the fleet tells Prometheus and its summary, without a Ray: the metrics are kept in a list."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from storage.listing import Fetched
from tests.storage.rows import source, video
from tests.workers.misbehaving import always
from workers.fleet import meter, metrics
from workers.fleet.attempt import Attempt
from workers.fleet.meter import Meter
from workers.fleet.replies import Replies
from workers.outcome import Done, Duplicate, Failed, Job
from workers.reader import RowIds
from workers.trace import Trace

Told = dict[tuple[str, ...], float]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    values: Told = {}

    class Kept:
        def __init__(self, name: str, doc: str, tags: tuple[str, ...]) -> None:
            assert doc.endswith(".")
            self.name, self.tags = name, tags

        def _key(self, tags: dict[str, str] | None) -> tuple[str, ...]:
            assert set(tags or {}) == set(self.tags)
            return (self.name, *(tags or {}).values())

        def inc(self, value: float, tags: dict[str, str] | None = None) -> None:
            assert value > 0
            values[self._key(tags)] = values.get(self._key(tags), 0.0) + value

        def set(self, value: float, tags: dict[str, str] | None = None) -> None:
            values[self._key(tags)] = value

    monkeypatch.setattr(metrics, "Counter", Kept)
    monkeypatch.setattr(metrics, "Gauge", Kept)
    return values


class Clock:
    def __init__(self, *times_s: float) -> None:
        self._times_s = iter(times_s)

    def __call__(self) -> float:
        return next(self._times_s)


def test_outcomes_are_counted_by_what_became_of_them(told: Told) -> None:
    counted = metrics.Metrics()
    job = Job(source("/a.mp4"))
    rows: Any = video("f" * 64, "/a.mp4")[-1]
    row = replace(rows, faces=84, tracks=2, clips=3, findings=195, duration_s=5.0)
    counted.ended(Done(job, row))
    counted.ended(Duplicate(job, "f" * 64))
    for is_last in (False, True):
        counted.ended(
            Failed(
                job,
                None,
                "decode",
                "ReaderDied",
                "it died",
                is_retryable=False,
                is_quarantined=is_last,
                is_last=is_last,
            )
        )
    assert told == {
        ("facesift_videos", "done"): 1,
        ("facesift_videos", "duplicate"): 1,
        ("facesift_videos", "failed"): 1,
        ("facesift_failures", "decode", "ReaderDied"): 2,
        ("facesift_video_seconds",): 5,
        ("facesift_faces",): 84,
        ("facesift_clips",): 3,
        ("facesift_findings",): 195,
    }


def test_work_is_paid_for_by_the_gpus_that_were_claimed(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    # Made at 0; a fetch ends at 10, a batch at 14, the fleet is looked at at 20.
    clocks = SimpleNamespace(monotonic=Clock(0.0, 10.0, 14.0, 20.0), process_time=Clock(3.0))
    monkeypatch.setattr(meter, "time", clocks)
    counted = Meter(Trace(None), 0.5)
    attempt = Attempt(Job(source("/a.mp4")), RowIds("recipe", "attempt", "scan"))
    counted.replied("reader 0", "reader", "fetch", attempt, 8.0)
    assert ("facesift_bytes_read",) not in told  # it may have failed
    shift: Any = SimpleNamespace(meter=counted)
    reader: Any = SimpleNamespace()
    fetched = Fetched("f" * 64, Path("/a.mp4"), 1000, None, is_spooled=False)
    assert list(Replies(shift, always, lambda _: None).fetched(reader, attempt, fetched)) == []
    counted.replied("describer 0", "describer", "describe", attempt, 12.0)
    counted.turn(queued=2, waiting_bytes=7, actors={"reader": (4, 3, 1), "describer": (2, 2, 1)})
    counted.took("one", 20.0)
    counted.took("one", 21.0)
    counted.took("two", 6.0)
    usage = counted.usage()
    assert (usage.cpu_s, usage.gpu_s, usage.gpu_held_s) == (30.0, 1.0, 20.0)
    assert told["facesift_bytes_read",] == 1000
    assert told["facesift_gpu_seconds",] == 1.0
    assert told["facesift_busy_seconds", "reader", "fetch"] == 2.0
    assert told["facesift_queued_batches",] == 2
    assert (told["facesift_actors", "reader"], told["facesift_actors_waiting", "reader"]) == (3, 1)


def test_an_actor_tells_its_processor_time_once(told: Told) -> None:
    counted = metrics.ProcessMeter("reader", Clock(2.0, 2.0, 5.0))
    assert [counted.tell() for _ in range(3)] == [2.0, 2.0, 5.0]
    assert told == {("facesift_cpu_seconds", "reader"): 5.0}
