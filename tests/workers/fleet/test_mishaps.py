"""Whose fault it is, with actors that are only names."""

import itertools
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.exceptions import ActorDiedError, ObjectLostError, OutOfMemoryError

from tests.workers.misbehaving import source
from workers.fleet import FleetConfig
from workers.fleet import mishaps as module
from workers.fleet.attempt import Attempt, Batch, Division, Span
from workers.fleet.mishaps import MAX_LOSSES, Mishaps
from workers.fleet.post import Post
from workers.fleet.shift import Shift
from workers.outcome import Failed, Job, Outcome
from workers.reader import RowIds
from workers.video.spans import Spans

NUMBERS = itertools.count()
NODES = [{"NodeID": name, "Alive": name != "gone"} for name in ("here", "gone", "there")]


class Meter:
    def died(self, role: str) -> None:
        """Count nothing."""


@pytest.fixture
def shift(monkeypatch: pytest.MonkeyPatch) -> Shift:
    monkeypatch.setattr(module.ray, "nodes", lambda: NODES)
    monkeypatch.setattr(module, "LOOK_S", 0.0)
    monkeypatch.setattr(ray, "kill", kill)
    monkeypatch.setattr(ray, "get_runtime_context", lambda: SimpleNamespace(get_node_id=lambda: "here"))
    meter: Any = Meter()
    posts = ([post(), post()], [post("describer")])
    return Shift(FleetConfig(), posts, jobs=iter(()), new_ids=ids, meter=meter)


def kill(actor: object) -> None:
    """Do nothing: it is only a name."""


def ids() -> RowIds:
    return RowIds("recipe", f"a{next(NUMBERS)}", "scan")


def post(role: Any = "reader", node_id: str = "here") -> Post:
    return Post(lambda: f"actor {next(NUMBERS)}", "actor", role, node_id=node_id, is_up=True)


def attempt(number: int = 1) -> Attempt:
    return Attempt(Job(source("v"), number), ids())


def ended(outcomes: Iterator[Outcome]) -> list[tuple[str, bool, bool]]:
    """Return error, whether the source is quarantined, and whether that was its last attempt."""
    found = list(outcomes)
    assert all(isinstance(outcome, Failed) for outcome in found)
    return [(one.error, one.is_quarantined, one.is_last) for one in found if isinstance(one, Failed)]


def lost_object() -> ObjectLostError:
    return ObjectLostError("00" * 28, None, "")


def test_a_death_counts_against_the_video(shift: Shift) -> None:
    reader, mishaps = shift.readers[0], Mishaps(shift)
    reader.attempt = attempt()
    assert ended(mishaps.died(reader, ActorDiedError())) == [("ReaderDied", False, False)]
    assert [job.attempt for job in shift.again] == [2]
    assert (reader.attempt, reader.is_up, reader.node_id) == (None, False, "")
    reader.attempt, reader.is_up = attempt(2), True
    assert ended(mishaps.died(reader, OutOfMemoryError("full"))) == [("OutOfMemory", True, True)]
    assert len(shift.again) == 1


def test_a_machine_that_is_lost_counts_against_nothing(shift: Shift) -> None:
    mishaps = Mishaps(shift)
    reader, helper = shift.readers
    (describer,) = shift.describers
    for one in shift.posts:
        one.node_id = "gone"
    reader.attempt = whole = attempt()
    division = Division(Spans(10.0, 60.0, (1, 1), 0, "grey"))
    number = division.hand_out(helper)
    assert number == 0
    helper.span, helper.is_looking = Span(attempt(), division, number, None), True
    describer.batch = batch = Batch(attempt(), 0, "cuts", 3)
    for one in shift.posts:
        assert ended(mishaps.died(one, ActorDiedError())) == []
        assert not one.is_idle
    assert ended(mishaps.settle_missing()) == []
    assert not mishaps.has_missing
    assert list(shift.again) == [whole.job]
    assert whole.has_failed
    assert (division.has_lost, division.hand_out(helper)) == (True, 0)
    assert (list(shift.batches), batch.deaths) == ([batch], 0)


def test_nobody_waits_while_a_machine_may_be_lost(shift: Shift, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now_s=0.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now_s))
    mishaps = Mishaps(shift)
    (lone, lost), (describer,) = shift.readers, shift.describers
    for one in shift.posts:
        one.node_id = "there"
        one.attempt = attempt()
    assert [ended(mishaps.died(one, ActorDiedError())) for one in (lone, lost)] == [[], []]
    assert ended(mishaps.settle_missing()) == []
    assert (lone.is_idle, describer.is_idle, shift.has_work) == (False, True, True)
    lost.node_id = "gone"  # it turns out so
    assert ended(mishaps.settle_missing()) == []
    assert ([job.attempt for job in shift.again], lost.is_busy, lone.is_missing) == ([1], False, True)
    clock.now_s = module.NOTICE_S + 1.0
    assert ended(mishaps.settle_missing()) == [("ReaderDied", False, False)]
    assert ([job.attempt for job in shift.again], mishaps.has_missing) == ([1, 2], False)


def test_what_lay_on_a_lost_machine_is_made_again(shift: Shift) -> None:
    mishaps = Mishaps(shift)
    (describer,) = shift.describers
    of_batch = attempt()
    describer.batch = Batch(of_batch, 0, "cuts", 3)
    assert ended(mishaps.raised(describer, of_batch, lost_object())) == []
    assert (describer.batch, list(shift.again), of_batch.has_failed) == (None, [of_batch.job], True)
    assert ended(mishaps.lost(describer, of_batch)) == []  # a second batch of the same attempt
    assert len(shift.again) == 1


def test_what_goes_down_with_machine_after_machine_is_left_to_the_next_scan(shift: Shift) -> None:
    mishaps = Mishaps(shift)
    (describer,) = shift.describers
    for _ in range(MAX_LOSSES):
        assert ended(mishaps.lost(describer, attempt())) == []
    assert ended(mishaps.lost(describer, attempt())) == [("NodeDied", False, True)]
    assert len(shift.again) == MAX_LOSSES


def test_shortage_of_memory_is_the_machines_fault(shift: Shift) -> None:
    reader = shift.readers[0]
    reader.attempt = of_reader = attempt()
    (failure,) = Mishaps(shift).raised(reader, of_reader, MemoryError())
    assert isinstance(failure, Failed)
    assert (failure.error, failure.is_retryable) == ("MemoryError", True)


def test_nothing_is_concluded_while_an_actor_is_only_unavailable(shift: Shift) -> None:
    reader, mishaps = shift.readers[0], Mishaps(shift)
    reader.actor = SimpleNamespace(ready=SimpleNamespace(remote=lambda: "sign"))
    reader.attempt = of_reader = attempt()
    assert ended(mishaps.unavailable(reader, of_reader, ActorDiedError())) == []
    assert (shift.refs, reader.attempt) == (["sign"], of_reader)
    # It was there after all; what became of the work is not known, and it is done again.
    _, _, then = shift._awaited["sign"]  # pyright: ignore[reportPrivateUsage]
    assert ended(then("here")) == []
    assert list(shift.again) == [of_reader.job]
