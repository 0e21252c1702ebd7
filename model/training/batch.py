"""Examples side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from model.network.config import Kind
from model.network.splicing import IGNORED_LABEL
from model.training.example import Example, Examples
from model.training.study import Lessons


@dataclass(frozen=True, slots=True, eq=False)
class Visuals:
    """The pictures of some rows of a batch, of one kind, all with landmarks or none.

    Attributes:
        kind: image or video.
        rows: whose they are, in order.
        pixels: [B, 3, H, W] or [B, 3, T, H, W].
        landmarks: [B, 136] or [B, T, 136]; None when the branch does not take part.
    """

    kind: Kind
    rows: tuple[int, ...]
    pixels: Tensor
    landmarks: Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows of ids and labels, [S] int64 each, not padded, and their pictures.

    Kinds may be mixed, and so may rows with and without landmarks. (The official collator looks at the first
    row only: without landmarks there, those of all others are dropped.)
    """

    input_ids: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]
    visuals: tuple[Visuals, ...]

    @property
    def tokens(self) -> int:
        """Tokens of answers."""
        return sum(int((labels != IGNORED_LABEL).sum()) for labels in self.labels)

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Self:
        """Return the batch on a device."""

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=non_blocking)

        visuals = tuple(
            replace(
                group,
                pixels=moved(group.pixels),
                landmarks=None if group.landmarks is None else moved(group.landmarks),
            )
            for group in self.visuals
        )
        rows = tuple(map(moved, self.input_ids)), tuple(map(moved, self.labels))
        return type(self)(*rows, visuals)


def collate(examples: Sequence[Example]) -> Batch:
    """Return examples as a batch."""
    groups: dict[tuple[Kind, bool], list[int]] = {}
    for row, example in enumerate(examples):
        if example.kind is not None:
            groups.setdefault((example.kind, example.landmarks is not None), []).append(row)
    visuals: list[Visuals] = []
    for (kind, has_landmarks), rows in groups.items():
        pixels = [pixels for row in rows if (pixels := examples[row].pixels) is not None]
        points = [points for row in rows if (points := examples[row].landmarks) is not None]
        landmarks = torch.stack(points) if has_landmarks else None
        visuals.append(Visuals(kind, tuple(rows), torch.stack(pixels), landmarks))
    return Batch(
        tuple(example.input_ids for example in examples),
        tuple(example.labels for example in examples),
        tuple(visuals),
    )


def lessons(examples: Examples) -> Lessons:
    """Return what a run needs to know of examples."""
    modalities = [
        sample.kind if sample.landmarks is not None or sample.kind is None else f"{sample.kind} alone"
        for sample in examples.samples
    ]
    return Lessons(examples, modalities, [sample.words for sample in examples.samples], collate)
