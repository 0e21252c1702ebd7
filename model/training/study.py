"""Who learns from what: what a run asks of a module and of its data."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from torch import nn
from torch.utils.data import Dataset

from model.checkpoint import resolve_device
from model.training.order import BatchOrder


class Student(Protocol):
    """A module some of whose parameters learn; called with a batch, it returns the loss."""

    def learning(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield what learns, by name."""
        ...


@dataclass(frozen=True, slots=True)
class Lessons:
    """What a student learns from.

    Attributes:
        examples: by number.
        modalities: of each, for `model.training.order`.
        lengths: of each, likewise.
        collate: makes a batch of some; the batch has `tokens`, the answers' tokens in it, and `to(device)`.
    """

    examples: Dataset[Any]
    modalities: Sequence[str | None]
    lengths: Sequence[int]
    collate: Callable[[list[Any]], Any]


def seconds_per_step(
    student: Student, lessons: Lessons, batch_size: int, dtype: str, batches: int = 4
) -> float:
    """Return how long a batch takes in this process, the mean of some of every modality after a first one."""
    device = resolve_device("auto")
    module, taken_s, last = cast("nn.Module", student).to(device).train(), 0.0, -1
    order = list(BatchOrder(lessons.modalities, lessons.lengths, batch_size))
    for last, place in enumerate([0, *range(0, len(order), max(1, len(order) // batches))][: batches + 1]):
        started = time.perf_counter()
        batch = lessons.collate([lessons.examples[index] for index in order[place]]).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype == "bfloat16"):
            loss = module(batch)
        loss.backward()
        module.zero_grad()
        float(loss.detach())  # waits for the device
        taken_s += (time.perf_counter() - started) if last else 0.0
    return taken_s / max(1, last)
