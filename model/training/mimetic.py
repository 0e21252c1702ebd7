"""Small networks that begin as trained ones are: patches know their places and attend to their likes, words
attend to the words before them.

From small random numbers a small tower has learned next to nothing from 40,000 pictures (an expression UAR of
0.18 at chance 0.14, on rendered faces); from here, with the heads of `model.training.priming` and half of the
pictures, 0.54. A decoder that is to find the one label in the question just asked needs two thirds of the
steps.

Shapes: D width of a tower or decoder, E of a head, N patches
"""

import math
from typing import cast

import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from model.network.config import LlmConfig
from model.network.tower import Attention, VisionTower

_LIKENESS = (0.7, 0.7)
"""Shares of noise and of the identity in queries times keys."""
_VALUES = (0.4, -0.4)
"""The same, in outputs times values."""
_PLACE = 0.5
"""Size of a place's numbers."""
_NEAR = 6.0
"""How much likelier, as a logarithm, a word attends to itself than to a word far away."""
_NEAR_RATES = (0.04, 0.25)
"""Turns of rotary positions, radians per token, that make about the last eight words near."""


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


@torch.no_grad()
def begin_near(decoder: LlamaForCausalLM, config: LlmConfig, generator: torch.Generator) -> None:
    """Let two fifths of each layer's heads attend to the last words, in place.

    All words get a direction in common, which queries and keys of these heads turn into one vector; what the
    rotary positions leave of their product falls with the distance.
    """
    size = config.head_size
    common = torch.randn(config.hidden_size, generator=generator)
    common /= common.norm()
    words = cast("Tensor", decoder.get_input_embeddings().weight)
    words += words.std() * math.sqrt(config.hidden_size) * common
    near = _near(config) * math.sqrt(2 * _NEAR * math.sqrt(size) / config.hidden_size)
    for name, projection in decoder.named_modules():
        if isinstance(projection, nn.Linear) and name.endswith(("q_proj", "k_proj")):
            heads = projection.out_features // size
            for head in range(max(1, 2 * heads // 5)):
                projection.weight[head * size : (head + 1) * size] += torch.outer(near, common)


def _near(config: LlmConfig) -> Tensor:
    """Return a unit vector [E] whose rotary turns are as slow as `_NEAR_RATES` say."""
    half = config.head_size // 2
    rates = config.rope_theta ** -(torch.arange(half) / half)
    low, high = _NEAR_RATES
    is_near = (rates >= low) & (rates <= high)
    if not is_near.any():
        is_near[(rates - low).abs().argmin()] = True
    vector = torch.cat([is_near.float(), torch.zeros(config.head_size - half)])  # pairs are half a head apart
    return vector / vector.norm()


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
