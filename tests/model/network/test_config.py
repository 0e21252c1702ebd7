import pickle
from dataclasses import replace
from typing import Any

import pytest

from model.network.config import CheckpointError, FaceLlavaConfig, LlmConfig, TowerConfig


def test_the_defaults_are_the_released_sizes() -> None:
    config = FaceLlavaConfig()
    assert config.image_tokens == 256
    assert (config.frames, config.frame_tokens) == (8, 257)
    assert config.tower_hidden_size == 1024
    assert config.llm.head_size == 128


def test_token_counts_follow_the_tower() -> None:
    tower = TowerConfig(image_size=56, patch_size=14, frames=3, has_temporal_attention=True)
    config = FaceLlavaConfig(image_tower=tower, video_tower=tower)
    assert (config.image_tokens, config.frame_tokens, config.frames) == (16, 17, 3)
    assert replace(config, select_feature="cls_patch").image_tokens == 17


def test_pixels_beyond_the_last_whole_patch_make_no_patch() -> None:
    assert TowerConfig(image_size=60, patch_size=14).grid_size == 4


@pytest.mark.parametrize("kind", ["image", "video"])
def test_a_missing_tower_has_no_tokens(kind: str) -> None:
    changes: dict[str, Any] = {f"{kind}_tower": None}
    config = replace(FaceLlavaConfig(), **changes)
    with pytest.raises(ValueError, match=f"no {kind} tower"):
        _ = config.image_tokens if kind == "image" else config.frame_tokens


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cross_attention": "fancy"}, "cross-attention 'fancy'"),
        ({"select_feature": "cls"}, "select feature 'cls'"),
        ({"select_layer": -26}, "select layer -26"),
        ({"branch_heads": 3}, "3 branch heads"),
        ({"image_tower": None, "video_tower": None}, "neither"),
        ({"image_tower": TowerConfig(hidden_size=64)}, "differ in width"),
        ({"branch_scale": float("nan")}, "branch_scale nan"),
        ({"branch_scale": "0.1"}, "branch_scale '0.1'"),
        ({"select_layer": "last"}, "select layer 'last'"),
        ({"select_layer": -2.0}, "select layer -2.0"),
        ({"select_layer": True}, "select layer True"),
        ({"projector": "mlp999999999x_gelu"}, "projector 'mlp999999999x_gelu'"),
        ({"projector": None}, "projector None"),
        ({"max_length": 0}, "tokenizer_model_max_length 0"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(FaceLlavaConfig(), **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation": "nope"}, "'nope'"),
        ({"heads": 7}, "7 heads"),
        ({"patch_size": 300}, "300 px"),
        ({"patch_size": 0}, "patch_size 0 is no whole number from 1"),
        ({"layers": 10**9}, "num_hidden_layers 1000000000"),
        ({"hidden_size": None}, "hidden_size None"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps nan"),
        ({"channels": 4}, "RGB"),
        ({"has_temporal_attention": []}, r"add_time_attn \[\] is neither"),
    ],
)
def test_impossible_towers_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TowerConfig(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 10**12}, "hidden_size 1000000000000 is no whole number from 1 to 262,144"),
        ({"vocab_size": True}, "vocab_size True"),
        ({"intermediate_size": 12.5}, "intermediate_size 12.5"),
        ({"layers": 0}, "num_hidden_layers 0"),
        ({"heads": 3}, "4096 does not divide into 3 heads"),
        ({"kv_heads": 5}, "32 heads do not divide among 5"),
        ({"activation": 3}, "activation 3"),
        ({"rms_norm_eps": "1e-5"}, "rms_norm_eps '1e-5'"),
        ({"rope_theta": float("inf")}, "rope_theta inf"),
        ({"eos_token_id": 32000}, "eos_token_id 32000 is no token of 32,000"),
    ],
)
def test_impossible_decoders_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LlmConfig(**changes)


def test_checkpoint_errors_cross_processes() -> None:
    error = CheckpointError("some/where", ("one thing", "another"))
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error) == "checkpoint some/where: one thing; another"
    assert copy.problems == ("one thing", "another")
