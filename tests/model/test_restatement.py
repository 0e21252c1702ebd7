"""Networks of other sizes and settings than the official tensors have, against their formulas."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from model.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from model.network.config import FaceLlavaConfig, LlmConfig, TowerConfig
from model.network.face_llava import FaceLlava
from tests.model.restatement import Restatement

TOWER = TowerConfig(hidden_size=24, intermediate_size=40, layers=3, heads=3, image_size=32, patch_size=8)
LLM = LlmConfig(50, hidden_size=32, intermediate_size=44, layers=2, heads=4, kv_heads=4, rms_norm_eps=1e-6)
PLAIN = FaceLlavaConfig(
    llm=LLM, image_tower=TOWER, video_tower=replace(TOWER, frames=8, has_temporal_attention=True)
)
assert PLAIN.video_tower is not None
CASES = {
    "grouped queries, five frames, linear projector": replace(
        PLAIN,
        llm=replace(LLM, heads=8, kv_heads=2, rope_theta=5e4, activation="gelu"),
        video_tower=replace(PLAIN.video_tower, frames=5, layer_norm_eps=1e-3, activation="quick_gelu"),
        projector="linear",
    ),
    "masked, a 16x16 grid, three projector layers": replace(
        PLAIN,
        video_tower=replace(PLAIN.video_tower, frames=2, image_size=32, patch_size=2),
        cross_attention="masked",
        projector="mlp3x_gelu",
    ),
    "no temporal attention, towers that differ, another state": replace(
        PLAIN,
        image_tower=replace(TOWER, heads=2, layers=2, activation="relu", image_size=27, patch_size=9),
        video_tower=replace(PLAIN.video_tower, has_temporal_attention=False, layers=5),
        select_layer=-3,
        branch_scale=0.7,
    ),
}


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a checkpoint in which every number is random, norms and biases included."""
    torch.manual_seed(3)
    model = FaceLlava(request.param)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = parameter[0].numel() ** -0.5 if parameter.ndim > 1 and "embed" not in name else 0.3
            parameter.copy_(
                torch.randn(parameter.shape) * scale + ("norm" in name and name.endswith("weight"))
            )
    save_checkpoint(model, tmp_path)
    return tmp_path


def close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual.double(), expected, atol=3e-4, rtol=1e-4)


@torch.no_grad()
def test_any_network_is_what_its_formulas_say(directory: Path) -> None:
    model = load_checkpoint(directory, "float32", "cpu").model
    weights = load_file(directory / "model.safetensors")
    truth = Restatement(model.config, {name: tensor.double() for name, tensor in weights.items()})
    for kind in ("video", "image"):
        tower = model.config.video_tower if kind == "video" else model.config.image_tower
        assert tower is not None
        frames = tower.frames if kind == "video" else 1
        pixels, landmarks = torch.randn(frames, 3, *[tower.image_size] * 2), torch.rand(frames, 136)
        features = truth.tower(kind, pixels.double())[:, kind == "image" :]
        guided = truth.guide(truth.project(features), landmarks.double())
        if kind == "video":
            trace = model.trace_video(pixels.transpose(0, 1)[None], landmarks[None])
            pictures = list(trace.encoded[0])
        else:
            trace = model.trace_image(pixels, landmarks)
            pictures = [trace.encoded[0]]
        close(trace.features.flatten(0, -3), features)
        close(trace.encoded.flatten(0, -3), guided)
        ids = torch.tensor([1, 7, *[-200] * frames, 9, 4])
        words = truth.weights["model.embed_tokens.weight"][ids[ids >= 0]]
        embeddings = torch.cat([words[:2], guided.flatten(0, 1), words[2:]])
        close(model([ids], pictures).logits[0], truth.decode(embeddings))
