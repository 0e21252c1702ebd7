"""What turns the parameters: AdamW all of them, or Muon the matrices of layers and AdamW the rest."""

from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import Optimizer

from model.training.config import TrainingConfig

_SHORT_MEMORY = (0.9, 0.98)
"""AdamW's beside Muon: runs of some hundred steps."""


def make_optimisers(
    learning: Iterable[tuple[str, nn.Parameter]], config: TrainingConfig, rate: float
) -> list[Optimizer]:
    """Return the optimisers of what learns, one or two, each of which has something to do.

    Muon (Jordan et al. 2024) makes the update of a matrix orthogonal. It is for matrices between hidden
    layers; embeddings, heads and vectors stay AdamW's. Scaled as by Liu et al. (2025, arXiv 2502.16982), both
    take the same rate.

    Args:
        learning: parameters by name; those of layers have `layers.` in it.
        config: which, and the weights' decay.
        rate: the highest learning rate.
    """
    named = list(learning)
    decay = config.weight_decay
    if config.optimiser == "adamw":
        return [torch.optim.AdamW([parameter for _, parameter in named], lr=rate, weight_decay=decay)]
    matrices = [parameter for name, parameter in named if "layers." in name and parameter.ndim == 2]
    taken = {id(parameter) for parameter in matrices}
    others = [parameter for _, parameter in named if id(parameter) not in taken]
    optimisers: list[Optimizer] = []
    if matrices:
        optimisers.append(
            torch.optim.Muon(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
        )
    if others:
        optimisers.append(torch.optim.AdamW(others, lr=rate, weight_decay=decay, betas=_SHORT_MEMORY))
    return optimisers
