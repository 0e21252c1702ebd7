"""Face-region guided cross-attention (FRGCA): visual tokens look at the landmark tokens of their frame.

All variants end alike: `b = LayerNorm(v + attention)`, `v + branch_scale * Linear(b)`. The number of visual
tokens does not change, and the landmark tokens themselves never reach the LLM. The attention differs:

simple      nn.MultiheadAttention without mask; what both published training scripts use.
masked      Separate projections, none behind the attention, and a region-patch-proximity mask added to the
            scaled scores: the softmax over the regions of minus the distance between a patch's centre and a
            region's centroid. As released, the grid holds (row, column) but is compared with (x, y), so patch
            (i, j) gets the distances of patch (j, i). The swap is kept: weights were trained with it.
geometric   The paper's geometry on the parameters of `masked`: the grid is (x, y), and minus the distance
            itself, in sides of the crop (0 to sqrt 2), is added to the scaled scores before the softmax, so
            that nearer regions weigh more. Weights trained this way are not published.

CLS lies nowhere: its distances are 0, which favours no region. `masked` on an image with landmarks does not
run in the official code (its mask expects a time axis, and has 257 rows where an image has 256 tokens). Here
an image is one frame, and its mask has one row per patch, and one for CLS only if the image keeps CLS.

Shapes:
    B batch, T frames (1 for an image), N visual tokens of a frame, R regions, D width, A heads, E width of a
    head, P landmark coordinates
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.network.config import FaceLlavaConfig
from model.network.landmarks import region_centroids


def proximity_mask(landmarks_BTP: Tensor, tokens: int, kind: Literal["masked", "geometric"]) -> Tensor:
    """Return the additive region-patch-proximity mask [B, T, N, R], float32.

    Args:
        landmarks_BTP: x0 y0 x1 y1 ... in 0..1 of the crop.
        tokens: N, a square grid's patches in row-major order, with or without CLS in front.
        kind: see above.

    Raises:
        ValueError: the tokens are no square grid.
    """
    grid_size = math.isqrt(tokens)
    has_cls = tokens == grid_size**2 + 1
    if not has_cls and tokens != grid_size**2:
        raise ValueError(f"{tokens} visual tokens are no square grid of patches, with or without CLS")
    centroids_BTR2 = region_centroids(landmarks_BTP.float())
    centres = (torch.arange(grid_size, device=landmarks_BTP.device) + 0.5) / grid_size
    rows_GG, columns_GG = torch.meshgrid(centres, centres, indexing="ij")
    axes = (rows_GG, columns_GG) if kind == "masked" else (columns_GG, rows_GG)
    patches_N2 = torch.stack(axes, dim=-1).flatten(0, 1)
    distance_BTNR = (patches_N2[:, None] - centroids_BTR2[..., None, :, :]).norm(dim=-1)
    if has_cls:
        distance_BTNR = F.pad(distance_BTNR, (0, 0, 1, 0))
    return torch.softmax(-distance_BTNR, dim=-1) if kind == "masked" else -distance_BTNR


class SimpleAttention(nn.Module):
    """Attention over all regions alike, then residual and LayerNorm."""

    def __init__(self, width: int, heads: int, eps: float):
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln = nn.LayerNorm(width, eps=eps)

    def forward(self, visual_BTND: Tensor, tokens_BTRD: Tensor) -> Tensor:
        """Return LayerNorm(v + attention) [B, T, N, D]."""
        frames = visual_BTND.shape[:2]
        v_FND, l_FRD = visual_BTND.flatten(0, 1), tokens_BTRD.flatten(0, 1)
        a_FND: Tensor = self.attn(v_FND, l_FRD, l_FRD, need_weights=False)[0]
        return self.ln(v_FND + a_FND).unflatten(0, frames)


class MaskedAttention(nn.Module):
    """Attention with an additive mask, without output projection, then residual and LayerNorm."""

    def __init__(self, width: int, heads: int, eps: float):
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.ln = nn.LayerNorm(width, eps=eps)

    def forward(self, visual_BTND: Tensor, tokens_BTRD: Tensor, mask_BTNR: Tensor) -> Tensor:
        """Return LayerNorm(v + attention) [B, T, N, D]."""
        q_BTANE = self._split(self.q_proj(visual_BTND))
        k_BTARE = self._split(self.k_proj(tokens_BTRD))
        v_BTARE = self._split(self.v_proj(tokens_BTRD))
        mask_BT1NR = mask_BTNR.to(q_BTANE.dtype)[:, :, None]
        a_BTANE = F.scaled_dot_product_attention(q_BTANE, k_BTARE, v_BTARE, attn_mask=mask_BT1NR)
        return self.ln(visual_BTND + a_BTANE.transpose(-2, -3).flatten(-2))

    def _split(self, x_BTSD: Tensor) -> Tensor:
        return x_BTSD.unflatten(-1, (self.heads, -1)).transpose(-2, -3)


class CrossAttention(nn.Module):
    """The landmark branch around either attention."""

    def __init__(self, config: FaceLlavaConfig):
        super().__init__()
        kind = config.cross_attention
        self.mask_kind: Literal["masked", "geometric"] | None = (
            kind if kind == "masked" or kind == "geometric" else None  # noqa: PLR1714 (narrows the type)
        )
        self.scale = config.branch_scale
        width = config.llm.hidden_size
        attention = SimpleAttention if self.mask_kind is None else MaskedAttention
        self.cross_attn = attention(width, config.branch_heads, config.branch_layer_norm_eps)
        self.linear_proj = nn.Linear(width, width)

    def forward(
        self, visual_BTND: Tensor, tokens_BTRD: Tensor, landmarks_BTP: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Attend and add to the residual stream.

        Args:
            visual_BTND: projected visual tokens.
            tokens_BTRD: landmark tokens, local plus global.
            landmarks_BTP: the landmarks themselves, for the mask.

        Returns:
            Encoded tokens [B, T, N, D], the block before the output linear [B, T, N, D], and the mask
            [B, T, N, R] or None.
        """
        if self.mask_kind is None:
            mask_BTNR, block_BTND = None, self.cross_attn(visual_BTND, tokens_BTRD)
        else:
            mask_BTNR = proximity_mask(landmarks_BTP, visual_BTND.shape[2], self.mask_kind)
            block_BTND = self.cross_attn(visual_BTND, tokens_BTRD, mask_BTNR)
        return visual_BTND + self.scale * self.linear_proj(block_BTND), block_BTND, mask_BTNR
