"""The towers against a plain restatement in float64 that loops over tokens and frames."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModel

from model.network.config import TowerConfig
from model.network.tower import VisionTower, acting_layers

WIDE_GRID = TowerConfig(
    hidden_size=24,
    intermediate_size=40,
    layers=3,
    heads=3,
    image_size=64,
    patch_size=4,
    layer_norm_eps=1e-3,
    frames=3,
    has_temporal_attention=True,
)
"""16x16 patches, three frames, and an eps that shows."""

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2))),
    "quick_gelu": lambda x: x / (1 + torch.exp(-1.702 * x)),
}


def build_tower(config: TowerConfig, select_layer: int = -2) -> VisionTower:
    torch.manual_seed(3)
    tower = VisionTower(config, select_layer).double().eval()
    for parameter in tower.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return tower


class Restatement:
    """The tower's formulas, one token at a time."""

    def __init__(self, tower: VisionTower):
        self.weights = tower.state_dict()
        self.config = tower.config

    def norm(self, x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        variance = (centred**2).mean(-1, keepdim=True)
        scaled = centred / torch.sqrt(variance + self.config.layer_norm_eps)
        return scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def linear(self, x: Tensor, name: str) -> Tensor:
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def attention(self, x: Tensor, name: str) -> Tensor:
        """Attend within one sequence [S, D]."""
        q, k, v = (self.linear(x, f"{name}.{part}_proj") for part in "qkv")
        size = x.shape[-1] // self.config.heads
        heads = [slice(start, start + size) for start in range(0, x.shape[-1], size)]
        mixed = [torch.softmax(q[:, h] @ k[:, h].T / math.sqrt(size), -1) @ v[:, h] for h in heads]
        return self.linear(torch.cat(mixed, -1), f"{name}.out_proj")

    def embed(self, picture: Tensor) -> Tensor:
        kernel, size = self.weights["embeddings.patch_embedding.weight"], self.config.patch_size
        tokens = [self.weights["embeddings.class_embedding"]]
        for row in range(self.config.grid_size):
            for column in range(self.config.grid_size):
                patch = picture[:, row * size : (row + 1) * size, column * size : (column + 1) * size]
                tokens.append((kernel * patch).sum((1, 2, 3)))
        return torch.stack(tokens) + self.weights["embeddings.position_embedding.weight"]

    def video(self, frames: Tensor, layers: int) -> Tensor:
        """Encode one video [T, C, H, W] to [T, N, D]."""
        states = torch.stack([self.norm(self.embed(frame), "pre_layrnorm") for frame in frames])
        for index in range(layers):
            name = f"encoder.layers.{index}"
            if self.config.has_temporal_attention:
                states = states + self.weights[f"{name}.temporal_embedding"][0][:, None]
                for token in range(states.shape[1]):
                    through_time = self.norm(states[:, token], f"{name}.temporal_layer_norm1")
                    attended = self.attention(through_time, f"{name}.temporal_attn")
                    states[:, token] = states[:, token] + attended
            for frame in range(len(states)):
                x = states[frame]
                x = x + self.attention(self.norm(x, f"{name}.layer_norm1"), f"{name}.self_attn")
                hidden = self.linear(self.norm(x, f"{name}.layer_norm2"), f"{name}.mlp.fc1")
                x = x + self.linear(ACTIVATIONS[self.config.activation](hidden), f"{name}.mlp.fc2")
                states[frame] = x
        return states


@pytest.mark.parametrize("activation", ["gelu", "quick_gelu"])
@pytest.mark.parametrize("select_layer", [-2, -1, 1, 0])
def test_a_video_tower_of_another_size(activation: str, select_layer: int) -> None:
    config = replace(WIDE_GRID, activation=activation)
    tower = build_tower(config, select_layer)
    pixels = torch.randn(2, 3, 3, 64, 64, dtype=torch.float64)
    layers = {-2: 2, -1: 3, 1: 1, 0: 0}[select_layer]
    with torch.no_grad():
        actual = tower.encode_video(pixels)
        expected = torch.stack([Restatement(tower).video(video.transpose(0, 1), layers) for video in pixels])
    assert actual.shape == (2, 3, 257, 24)
    torch.testing.assert_close(actual, expected, atol=1e-9, rtol=1e-9)


def test_an_image_tower_is_clip() -> None:
    config = TowerConfig(
        hidden_size=32,
        intermediate_size=48,
        layers=3,
        heads=2,
        image_size=42,
        patch_size=14,
        activation="quick_gelu",
    )
    tower = build_tower(config)
    reference = CLIPVisionModel(
        CLIPVisionConfig(
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=3,
            num_attention_heads=2,
            image_size=42,
            patch_size=14,
            hidden_act="quick_gelu",
        )
    ).double()
    names = {name.removeprefix("vision_model."): name for name in reference.state_dict()}
    state = {names[name]: value for name, value in tower.state_dict().items()}
    reference.load_state_dict(state, strict=False)
    pixels = torch.randn(2, 3, 42, 42, dtype=torch.float64)
    with torch.no_grad():
        states = reference.eval()(pixels, output_hidden_states=True).hidden_states
        assert states is not None
        torch.testing.assert_close(tower.encode_image(pixels, "cls_patch"), states[-2])
        torch.testing.assert_close(tower.encode_image(pixels, "patch"), states[-2][:, 1:])


def test_videos_do_not_see_each_other() -> None:
    tower = build_tower(WIDE_GRID)
    pixels = torch.randn(2, 3, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        alone = torch.cat([tower.encode_video(pixels[:1]), tower.encode_video(pixels[1:])])
        torch.testing.assert_close(tower.encode_video(pixels), alone)


def test_the_wrong_number_of_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 3 frames, not 2"):
        build_tower(WIDE_GRID).encode_video(torch.zeros(3, 3, 2, 64, 64, dtype=torch.float64))


def test_pictures_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"pictures of \(3, 64, 64\), not \(3, 56, 64\)"):
        build_tower(WIDE_GRID).encode_image(torch.zeros(1, 3, 56, 64, dtype=torch.float64), "patch")


def test_layers_that_never_act_are_not_built() -> None:
    assert [acting_layers(WIDE_GRID, select) for select in (-4, -2, -1, 0, 3)] == [0, 2, 3, 0, 3]
    assert not any("layers.2" in name or "post" in name for name in build_tower(WIDE_GRID).state_dict())
