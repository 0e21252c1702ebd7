"""Towers that begin as trained ones are: tokens know their places, and attend to their likes.

From small random numbers a small tower has learned next to nothing from 40,000 pictures (an expression UAR of
0.18 at chance 0.14, on rendered faces); from here, with the same pictures, 0.54.

Shapes: D width of a tower, E of a head, N patches
"""

import math

import torch
from torch import Tensor, nn

from model.tower import Attention, VisionTower

_LIKENESS = (0.7, 0.7)
"""Shares of noise and of the identity in queries times keys."""
_VALUES = (0.4, -0.4)
"""The same, in outputs times values."""
_PLACE = 0.5
"""Size of a place's numbers."""


@torch.no_grad()
def begin_mimetic(tower: VisionTower, generator: torch.Generator) -> None:
    """Give a tower's spatial attention and positions a beginning, in place.

    Attention: Trockman and Kolter 2023 (arXiv 2305.09828), section 3. Positions: sines and cosines of row and
    column, as Beyer et al. 2022 (arXiv 2205.01580) keep them for good; here they go on learning.
    """
    for name, module in tower.named_modules():
        if isinstance(module, Attention) and name.endswith("self_attn"):
            _begin_attention(module, generator)
    for module in tower.modules():
        if isinstance(module, nn.Embedding):
            module.weight[1:] = _PLACE * _places(len(module.weight) - 1, module.weight.shape[1])


def _begin_attention(attention: Attention, generator: torch.Generator) -> None:
    width = attention.q_proj.in_features
    size = width // attention.heads
    for head in range(attention.heads):
        left, sizes, right = _factors(width, _LIKENESS, generator)
        rows = slice(head * size, (head + 1) * size)
        attention.q_proj.weight[rows] = (left[:, :size] * sizes[:size].sqrt()).T
        attention.k_proj.weight[rows] = (right[:, :size] * sizes[:size].sqrt()).T
    left, sizes, right = _factors(width, _VALUES, generator)
    attention.out_proj.weight.copy_(left * sizes.sqrt())
    attention.v_proj.weight.copy_((right * sizes.sqrt()).T)


def _factors(
    width: int, shares: tuple[float, float], generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Return U [D, D], S [D] and V [D, D] of noise plus a multiple of the identity."""
    noise = torch.randn(width, width, generator=generator) / math.sqrt(width)
    left, sizes, right = torch.linalg.svd(shares[0] * noise + shares[1] * torch.eye(width))
    return left, sizes, right.T


def _places(patches: int, width: int) -> Tensor:
    """Return sines and cosines [N, D] of the columns and rows of a square grid."""
    side = math.isqrt(patches)
    row, column = (torch.arange(patches) // side, torch.arange(patches) % side)
    rates = 10_000.0 ** -(torch.arange(width // 4) / (width // 4))
    angles = [place[:, None] * rates for place in (column, row)]
    waves = torch.cat([wave for angle in angles for wave in (angle.sin(), angle.cos())], dim=1)
    return nn.functional.pad(waves, (0, width - waves.shape[1]))
