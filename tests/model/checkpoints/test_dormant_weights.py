from dataclasses import replace

import pytest

from model.checkpoints.dormant_weights import dormant_groups
from model.network.config import FaceLlavaConfig

SHAPES = {name: shape for group in dormant_groups(FaceLlavaConfig()) for name, shape in group.items()}


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("model.layers.0.self_attn.rotary_emb.inv_freq", (64,)),
        ("model.landmarks_cross_attn.ln.weight", (4096,)),
        ("model.image_tower.image_tower.post_layernorm.bias", (1024,)),
        ("model.video_tower.video_tower.encoder.layers.23.mlp.fc1.weight", (4096, 1024)),
        ("model.video_tower.video_tower.embeddings.position_ids", None),
    ],
)
def test_what_never_acts_has_a_shape(name: str, shape: tuple[int, ...] | None) -> None:
    assert SHAPES[name] == shape


@pytest.mark.parametrize(
    "name",
    [
        "model.layers.0.self_attn.rotary_emb.inv_frequency",
        "model.landmarks_cross_attn.cross_attn.ln.weight",
        "model.image_tower.image_tower.pre_layrnorm.bias",
        "model.video_tower.video_tower.encoder.layers.22.mlp.fc1.weight",
        "model.video_tower.video_tower.encoder.layers.24.mlp.fc1.weight",  # no such layer
        "model.video_tower.image_tower.post_layernorm.bias",
        "model.layers.23.mlp.up_proj.weight",
    ],
)
def test_nothing_else_is_dormant(name: str) -> None:
    assert name not in SHAPES


def test_a_state_of_no_layer_leaves_all_layers_dormant() -> None:
    config = replace(FaceLlavaConfig(), select_layer=0, video_tower=None, cross_attention="none")
    names = {name for group in dormant_groups(config) for name in group}
    assert "model.image_tower.image_tower.encoder.layers.0.mlp.fc2.bias" in names
    assert not any("video_tower" in name or "cross_attn" in name for name in names)
