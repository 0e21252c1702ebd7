"""LanguageBind's vision towers: a CLIP ViT, for videos with temporal attention in every layer.

Both towers are frozen. The features are `hidden_states[select_layer]`, so the layers behind it and the final
LayerNorm never act and are not built.

Shapes:
    B pictures or videos, T frames, F = B*T pictures, C channels, H W pixels, N = 1 + patches tokens (CLS
    first), D width, A heads, E width of a head, S any sequence
"""

from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.activations import ACT2FN

from model.network.config import TowerConfig


class Embeddings(nn.Module):
    """Patches and CLS, each with its learned position."""

    def __init__(self, config: TowerConfig):
        super().__init__()
        self.class_embedding = nn.Parameter(torch.zeros(config.hidden_size))
        self.patch_embedding = nn.Conv2d(
            config.channels, config.hidden_size, config.patch_size, stride=config.patch_size, bias=False
        )
        self.position_embedding = nn.Embedding(1 + config.patches, config.hidden_size)

    def forward(self, pixels_FCHW: Tensor) -> Tensor:
        """Return tokens [F, N, D] of normalised pixels [F, C, H, W]."""
        patches_FND = self.patch_embedding(pixels_FCHW).flatten(2).transpose(1, 2)
        cls_F1D = self.class_embedding.expand(len(pixels_FCHW), 1, -1)
        return torch.cat([cls_F1D, patches_FND], dim=1) + self.position_embedding.weight


class Attention(nn.Module):
    """Multi-head self-attention with the separate projections of CLIP's checkpoints."""

    def __init__(self, config: TowerConfig):
        super().__init__()
        self.heads = config.heads
        self.q_proj = nn.Linear(config.hidden_size, config.hidden_size)
        self.k_proj = nn.Linear(config.hidden_size, config.hidden_size)
        self.v_proj = nn.Linear(config.hidden_size, config.hidden_size)
        self.out_proj = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x_BSD: Tensor) -> Tensor:
        """Return the attended sequence [B, S, D]."""
        q_BASE, k_BASE, v_BASE = (
            projection(x_BSD).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        a_BASE = F.scaled_dot_product_attention(q_BASE, k_BASE, v_BASE)
        return self.out_proj(a_BASE.transpose(1, 2).flatten(-2))


class Mlp(nn.Module):
    """Two linear layers around the configured activation."""

    def __init__(self, config: TowerConfig):
        super().__init__()
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.activation = ACT2FN[config.activation]
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x_FND: Tensor) -> Tensor:
        """Return [F, N, D]."""
        return self.fc2(self.activation(self.fc1(x_FND)))


class Layer(nn.Module):
    """A pre-norm layer; with temporal attention, each token first looks at its likes in all frames."""

    def __init__(self, config: TowerConfig):
        super().__init__()
        self.frames = config.frames
        self.has_temporal_attention = config.has_temporal_attention
        if config.has_temporal_attention:
            self.temporal_embedding = nn.Parameter(torch.zeros(1, config.frames, config.hidden_size))
            self.temporal_layer_norm1 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
            self.temporal_attn = Attention(config)
        self.layer_norm1 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.self_attn = Attention(config)
        self.layer_norm2 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.mlp = Mlp(config)

    def forward(self, x_FND: Tensor) -> Tensor:
        """Return the next hidden state [F, N, D]; F runs over videos, then over each one's frames."""
        if self.has_temporal_attention:
            x_FND = self._attend_frames(x_FND)
        x_FND = x_FND + self.self_attn(self.layer_norm1(x_FND))
        return x_FND + self.mlp(self.layer_norm2(x_FND))

    def _attend_frames(self, x_FND: Tensor) -> Tensor:
        videos, tokens = len(x_FND) // self.frames, x_FND.shape[1]
        x_BTND = x_FND.unflatten(0, (videos, self.frames))
        x_BTD = x_BTND.transpose(1, 2).flatten(0, 1)  # batch = videos * tokens
        # The embedding stays in the residual stream, in every layer: it is not only the attention's input.
        x_BTD = x_BTD + self.temporal_embedding
        x_BTD = x_BTD + self.temporal_attn(self.temporal_layer_norm1(x_BTD))
        return x_BTD.unflatten(0, (videos, tokens)).transpose(1, 2).flatten(0, 1)


class Encoder(nn.Module):
    """The layers up to the selected hidden state."""

    def __init__(self, config: TowerConfig, layers: int):
        super().__init__()
        self.layers = nn.ModuleList([Layer(config) for _ in range(layers)])

    def forward(self, x_FND: Tensor) -> Tensor:
        """Return the last layer's hidden state [F, N, D]."""
        for layer in self.layers:
            x_FND = layer(x_FND)
        return x_FND


class VisionTower(nn.Module):
    """One tower up to `hidden_states[select_layer]`, CLS included."""

    def __init__(self, config: TowerConfig, select_layer: int):
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        # The misspelt name is CLIP's own and is that of the weights.
        self.pre_layrnorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.encoder = Encoder(config, acting_layers(config, select_layer))

    def forward(self, pixels_FCHW: Tensor) -> Tensor:
        """Return features [F, N, D] of pictures [F, C, H, W], normalised pixels of the configured size.

        Raises:
            ValueError: the pictures have another size than the tower.
        """
        side = self.config.image_size
        if pixels_FCHW.shape[1:] != (self.config.channels, side, side):
            wanted, got = (self.config.channels, side, side), tuple(pixels_FCHW.shape[1:])
            raise ValueError(f"the tower takes pictures of {wanted}, not {got}")
        return self.encoder(self.pre_layrnorm(self.embeddings(pixels_FCHW)))

    def encode_image(self, pixels_BCHW: Tensor, select_feature: Literal["patch", "cls_patch"]) -> Tensor:
        """Return image features [B, N, D], without CLS for `patch`."""
        features_BND = cast("Tensor", self(pixels_BCHW))
        return features_BND[:, 1:] if select_feature == "patch" else features_BND

    def encode_video(self, pixels_BCTHW: Tensor) -> Tensor:
        """Return video features [B, T, N, D]; CLS is always kept.

        Raises:
            ValueError: temporal attention is configured for another number of frames. (The official code
                would silently take two videos of 4 frames for one of 8.)
        """
        videos, _, frames = pixels_BCTHW.shape[:3]
        if self.config.has_temporal_attention and frames != self.config.frames:
            raise ValueError(f"the video tower takes {self.config.frames} frames, not {frames}")
        features_FND = cast("Tensor", self(pixels_BCTHW.transpose(1, 2).flatten(0, 1)))
        return features_FND.unflatten(0, (videos, frames))


def acting_layers(config: TowerConfig, select_layer: int) -> int:
    """Return how many encoder layers act on `hidden_states[select_layer]`; state 0 is the embedding."""
    return select_layer if select_layer >= 0 else config.layers + 1 + select_layer
