"""Face-LLaVA once more, in float64 and by its formulas, from the official names of the weights.

Shares no arithmetic with `model`: patches are cut by hand, attention is written out, LLaMA is not
transformers'. Slow, and for one video or picture at a time.

Shapes as in `face_llava`: T frames, N tokens, C width of a tower, D of the LLM, R regions, L length.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from model.network.config import FaceLlavaConfig, TowerConfig
from model.network.landmarks import REGIONS

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": lambda x: x * (1 + torch.erf(x / math.sqrt(2))) / 2,
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "silu": lambda x: x * torch.sigmoid(x),
    "relu": lambda x: x.clamp(min=0),
}


@dataclass(frozen=True, slots=True)
class Restatement:
    """The network of a configuration with float64 weights by official names."""

    config: FaceLlavaConfig
    weights: Mapping[str, Tensor]

    def linear(self, name: str, x: Tensor) -> Tensor:
        bias = self.weights.get(f"{name}.bias")
        product = x @ self.weights[f"{name}.weight"].T
        return product if bias is None else product + bias

    def norm(self, name: str, x: Tensor, eps: float) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + eps)
        return scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def attention(self, name: str, x: Tensor, heads: int) -> Tensor:
        q, k, v = (split(self.linear(f"{name}.{part}_proj", x), heads) for part in "qkv")
        return self.linear(f"{name}.out_proj", attend(q, k, v))

    def tower(self, kind: str, pixels_TCHW: Tensor) -> Tensor:
        """Return features [T, N, C] with CLS."""
        tower = self.config.video_tower if kind == "video" else self.config.image_tower
        assert tower is not None
        prefix, side = f"model.{kind}_tower.{kind}_tower.", tower.patch_size
        kernel = self.weights[f"{prefix}embeddings.patch_embedding.weight"].flatten(1)
        patches = [
            pixels_TCHW[:, :, side * i : side * (i + 1), side * j : side * (j + 1)].flatten(1) @ kernel.T
            for i in range(tower.grid_size)
            for j in range(tower.grid_size)
        ]
        cls = self.weights[f"{prefix}embeddings.class_embedding"].expand(len(pixels_TCHW), -1)
        x_TNC = torch.stack([cls, *patches], 1)
        x_TNC = x_TNC + self.weights[f"{prefix}embeddings.position_embedding.weight"]
        states = [self.norm(f"{prefix}pre_layrnorm", x_TNC, tower.layer_norm_eps)]
        acting = range(tower.layers + 1)[self.config.select_layer]
        for number in range(acting):
            states.append(self.layer(f"{prefix}encoder.layers.{number}.", tower, states[-1]))
        return states[-1]

    def layer(self, prefix: str, tower: TowerConfig, x_TNC: Tensor) -> Tensor:
        eps = tower.layer_norm_eps
        if tower.has_temporal_attention:
            x_NTC = x_TNC.transpose(0, 1) + self.weights[f"{prefix}temporal_embedding"]
            seen = self.norm(f"{prefix}temporal_layer_norm1", x_NTC, eps)
            x_TNC = (x_NTC + self.attention(f"{prefix}temporal_attn", seen, tower.heads)).transpose(0, 1)
        x_TNC = x_TNC + self.attention(
            f"{prefix}self_attn", self.norm(f"{prefix}layer_norm1", x_TNC, eps), tower.heads
        )
        wide = self.linear(f"{prefix}mlp.fc1", self.norm(f"{prefix}layer_norm2", x_TNC, eps))
        return x_TNC + self.linear(f"{prefix}mlp.fc2", ACTIVATIONS[tower.activation](wide))

    def project(self, x: Tensor) -> Tensor:
        if self.config.projector == "linear":
            return self.linear("model.mm_projector", x)
        for number in range(int(self.config.projector[3])):
            x = self.linear(f"model.mm_projector.{2 * number}", ACTIVATIONS["gelu"](x) if number else x)
        return x

    def guide(self, v_TND: Tensor, landmarks_TP: Tensor) -> Tensor:
        """Return the visual tokens after the landmark branch."""
        prefix, points_TK2 = "model.landmarks_cross_attn.", landmarks_TP.unflatten(-1, (68, 2))
        local = [
            self.linear(f"model.landmarks_projector.region_layers.{name}", points_TK2[:, part].flatten(1))
            for name, part in REGIONS.items()
        ]
        l_TRD = torch.stack(local, 1) + self.linear("model.global_landmarks_projector", landmarks_TP)[:, None]
        if self.config.cross_attention == "simple":
            packed = zip(
                self.weights[f"{prefix}cross_attn.attn.in_proj_weight"].chunk(3),
                self.weights[f"{prefix}cross_attn.attn.in_proj_bias"].chunk(3),
                (v_TND, l_TRD, l_TRD),
                strict=True,
            )
            q, k, v = (split(x @ weight.T + bias, 8) for weight, bias, x in packed)
            a_TND = self.linear(f"{prefix}cross_attn.attn.out_proj", attend(q, k, v))
        else:
            q, k, v = (
                split(self.linear(f"{prefix}cross_attn.{part}_proj", x), 8)
                for part, x in (("q", v_TND), ("k", l_TRD), ("v", l_TRD))
            )
            a_TND = attend(q, k, v, self.proximity(points_TK2, v_TND.shape[1])[:, None])
        block = self.norm(f"{prefix}cross_attn.ln", v_TND + a_TND, 1e-5)
        return v_TND + self.config.branch_scale * self.linear(f"{prefix}linear_proj", block)

    def proximity(self, points_TK2: Tensor, tokens: int) -> Tensor:
        """Return the released mask [T, N, R]: (row, column) of a patch against (x, y) of a region."""
        side = math.isqrt(tokens)
        centroids = [points_TK2[:, part].mean(1) for part in REGIONS.values()]
        distance = points_TK2.new_zeros(len(points_TK2), tokens, len(REGIONS))
        for token in range(tokens - side**2, tokens):
            row, column = divmod(token - (tokens - side**2), side)
            place = points_TK2.new_tensor([(row + 0.5) / side, (column + 0.5) / side])
            for region, centroid_T2 in enumerate(centroids):
                distance[:, token, region] = ((centroid_T2 - place) ** 2).sum(-1).sqrt()
        return torch.softmax(-distance, -1)

    def decode(self, x_LD: Tensor) -> Tensor:
        """Return logits [L, V] of spliced embeddings."""
        llm = self.config.llm
        rates = llm.rope_theta ** (-torch.arange(0, llm.head_size, 2).double() / llm.head_size)
        turn_LE = torch.polar(torch.ones(()).double(), torch.arange(len(x_LD))[:, None] * rates)
        future_LL = torch.full((len(x_LD), len(x_LD)), -math.inf).double().triu(1)
        for number in range(llm.layers):
            prefix = f"model.layers.{number}."
            seen = self.root_mean_square(f"{prefix}input_layernorm", x_LD)
            q, k, v = (
                split(self.linear(f"{prefix}self_attn.{part}_proj", seen), heads)
                for part, heads in (("q", llm.heads), ("k", llm.kv_heads), ("v", llm.kv_heads))
            )
            k, v = (x.repeat_interleave(llm.heads // llm.kv_heads, 0) for x in (rotate(k, turn_LE), v))
            attended = attend(rotate(q, turn_LE), k, v, future_LL)
            x_LD = x_LD + self.linear(f"{prefix}self_attn.o_proj", attended)
            seen = self.root_mean_square(f"{prefix}post_attention_layernorm", x_LD)
            gate = ACTIVATIONS[llm.activation](self.linear(f"{prefix}mlp.gate_proj", seen))
            x_LD = x_LD + self.linear(
                f"{prefix}mlp.down_proj", gate * self.linear(f"{prefix}mlp.up_proj", seen)
            )
        return self.root_mean_square("model.norm", x_LD) @ self.weights["lm_head.weight"].T

    def root_mean_square(self, name: str, x: Tensor) -> Tensor:
        mean = (x**2).mean(-1, keepdim=True)
        return x / torch.sqrt(mean + self.config.llm.rms_norm_eps) * self.weights[f"{name}.weight"]


def split(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(-2, -3)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | float = 0.0) -> Tensor:
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + mask
    return (torch.softmax(scores, -1) @ v).transpose(-2, -3).flatten(-2)


def rotate(x: Tensor, turn_LE: Tensor) -> Tensor:
    """Turn the pairs (i, i + half) of every head."""
    turned = torch.complex(*x.chunk(2, -1)) * turn_LE
    return torch.cat([turned.real, turned.imag], -1)
