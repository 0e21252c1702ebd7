"""Who learns from what: what a run asks of a module and of its data."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import nn
from torch.utils.data import Dataset


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
