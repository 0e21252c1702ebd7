"""Which samples go together, and in which order: by modality and length, anew in every epoch."""

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler

_MEGA = 50
"""Batches per process whose samples are sorted by length together, as in the official sampler."""


class BatchOrder(Sampler[list[int]]):
    """Batches of one modality and of similar length; nothing but seed and epoch decides them.

    Samples are shuffled, cut into stretches, sorted by length within each, and cut into batches; then the
    batches are shuffled, always so many at a time as there are processes, which take one each: they are of
    one modality and of similar length, so that no process waits for another. The rest of a modality that
    fills no batch is a smaller one.

    Args:
        modalities: of the samples.
        lengths: of the samples.
        batch_size: samples of a batch.
        processes: how many take batches from this order, in turns.
        seed: of the shuffling.
    """

    def __init__(
        self,
        modalities: Sequence[str | None],
        lengths: Sequence[int],
        batch_size: int,
        *,
        processes: int = 1,
        seed: int = 0,
    ) -> None:
        self.epoch = 0
        self.batch_size = None  # Accelerate: they differ in size
        self.drop_last = False
        self._lengths = lengths
        self._size = batch_size
        self._processes = processes
        self._seed = seed
        self._groups: dict[str | None, list[int]] = {}
        for index, modality in enumerate(modalities):
            self._groups.setdefault(modality, []).append(index)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order is to come; Accelerate calls it, too."""
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(-(-len(group) // self._size) for group in self._groups.values())

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self.epoch)
        blocks: list[list[list[int]]] = []
        for group in self._groups.values():
            shuffled = [group[place] for place in torch.randperm(len(group), generator=generator).tolist()]
            mega = self._size * self._processes * _MEGA
            batches: list[list[int]] = []
            for start in range(0, len(shuffled), mega):
                stretch = sorted(shuffled[start : start + mega], key=self._lengths.__getitem__, reverse=True)
                batches += [stretch[at : at + self._size] for at in range(0, len(stretch), self._size)]
            blocks += [batches[at : at + self._processes] for at in range(0, len(batches), self._processes)]
        # Blocks that not every process has a batch of come last, so that the others stay in step.
        whole = [block for block in blocks if len(block) == self._processes]
        rest = [block for block in blocks if len(block) < self._processes]
        for place in torch.randperm(len(whole), generator=generator).tolist():
            yield from whole[place]
        for block in rest:
            yield from block
