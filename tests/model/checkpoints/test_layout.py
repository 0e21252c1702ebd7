import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.checkpoints.layout import parse_config, read_config
from model.checkpoints.layout_text import write_config
from model.network.config import CheckpointError, FaceLlavaConfig, LlmConfig, TowerConfig

PARITY = Path(__file__).parents[1] / "data" / "parity"
SMALL_TOWER = TowerConfig(
    hidden_size=64, intermediate_size=128, layers=3, heads=4, image_size=56, activation="quick_gelu"
)


def official(**changes: Any) -> dict[str, Any]:
    return json.loads((PARITY / "simple" / "config.json").read_text()) | changes


def tower(**changes: Any) -> dict[str, Any]:
    content = json.loads((PARITY / "simple" / "video_tower_config.json").read_text())
    return content | {"vision_config": content["vision_config"] | changes}


def test_reads_what_the_official_class_wrote() -> None:
    config = read_config(PARITY / "masked")
    assert config.llm == LlmConfig(
        vocab_size=512, hidden_size=128, intermediate_size=256, layers=2, heads=4, kv_heads=4
    )
    assert config.image_tower == TowerConfig(
        hidden_size=64, intermediate_size=128, layers=2, heads=4, image_size=56
    )
    assert config.video_tower == TowerConfig(
        hidden_size=64,
        intermediate_size=128,
        layers=3,
        heads=4,
        image_size=56,
        frames=8,
        has_temporal_attention=True,
    )
    assert (config.cross_attention, config.branch_scale, config.select_layer) == ("masked", 0.1, -2)
    assert (config.max_length, config.weights_dtype) == (3072, "float32")


@pytest.mark.parametrize(
    "config",
    [
        FaceLlavaConfig(),
        FaceLlavaConfig(branch_scale=0.001, cross_attention="geometric", is_marked_demonstration=True),
        FaceLlavaConfig(cross_attention="none", max_length=None, select_feature="cls_patch", select_layer=-1),
        FaceLlavaConfig(
            llm=LlmConfig(hidden_size=64, heads=4, kv_heads=2, rms_norm_eps=1e-6, rope_theta=5e5),
            image_tower=None,
            image_tower_id=None,
            video_tower=replace(SMALL_TOWER, frames=4, has_temporal_attention=True, layer_norm_eps=1e-6),
            projector="mlp3x_gelu",
        ),
    ],
    ids=["released", "geometric", "plain", "video only"],
)
def test_what_is_written_is_read_back(config: FaceLlavaConfig, tmp_path: Path) -> None:
    write_config(config, tmp_path)
    assert read_config(tmp_path) == config


def test_writes_the_official_fields(tmp_path: Path) -> None:
    write_config(read_config(PARITY / "simple"), tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    official_fields = official()
    training_only = {
        "freeze_mm_mlp_adapter",
        "tune_mm_mlp_adapter",
        "tune_landmarks_mlp_adapter",
        "mm_projector_lr",
        "image_aspect_ratio",
        "initializer_range",
        "pretraining_tp",
        "use_cache",
    }
    assert official_fields.keys() - written.keys() == training_only
    assert {name: written[name] for name in official_fields if name not in training_only} == {
        name: value for name, value in official_fields.items() if name not in training_only
    }
    assert written.keys() - official_fields.keys() == {"branch_scale", "rope_theta"}


def test_absent_tower_fields_have_the_class_defaults() -> None:
    vision = {"hidden_size": 64, "num_attention_heads": 4}
    config = parse_config(official(), {"vision_config": vision}, tower())
    assert config.image_tower is not None
    assert config.image_tower.activation == "quick_gelu"
    assert config.image_tower.patch_size == 32
    assert config.image_tower.layers == 12


def test_without_landmark_fields_there_is_no_branch() -> None:
    content = {name: value for name, value in official().items() if "landmarks" not in name}
    del content["cross_attn_type"]
    assert parse_config(content, tower(), tower()).cross_attention == "none"


def test_reset_landmark_fields_are_made_good_by_hand(tmp_path: Path) -> None:
    reset = ("landmarks_projector_type", "global_landmarks_projector_type", "cross_attn_type")
    write_checkpoint(tmp_path, official(**dict.fromkeys(reset)))
    assert read_config(tmp_path).cross_attention == "none"
    changed = read_config(tmp_path, changes={"cross_attn_type": "simple", "branch_scale": 0.001})
    assert (changed.cross_attention, changed.branch_scale) == ("simple", 0.001)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"landmarks_projector_type": "linear"}, "landmarks_projector_type 'linear'"),
        ({"global_landmarks_projector_type": "mlp"}, "global_landmarks_projector_type 'mlp'"),
        ({"landmarks_projector_type": ["linear"]}, "landmarks_projector_type .'linear'."),
        ({"global_landmarks_projector_type": {}}, "global_landmarks_projector_type {}"),
        ({"mm_vision_select_feature": ["patch"]}, "select feature .'patch'. is neither"),
        ({"cross_attn_type": None}, "no cross_attn_type: name the variant"),
        ({"cross_attn_type": "fancy"}, "cross-attention 'fancy'"),
        ({"use_landmark_tokens": True}, "use_landmark_tokens"),
        ({"rope_scaling": {"type": "linear", "factor": 4.0}}, "rope_scaling"),
        ({"rope_parameters": {"rope_theta": 1e4, "rope_type": "linear", "factor": 4.0}}, "rope_parameters"),
        ({"rope_parameters": {"partial_rotary_factor": 0.5}}, "rope_parameters"),
        ({"tie_word_embeddings": True}, "tie_word_embeddings"),
        ({"landmarks_hidden_size": 956}, "956"),
        ({"mm_hidden_size": 1024}, "mm_hidden_size 1024"),
        ({"text_config": {}}, "transformers conversion"),
    ],
)
def test_what_the_model_does_not_do_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_config(official(**changes), tower(), tower())


def test_theta_is_read_where_newer_versions_write_it() -> None:
    content = official(rope_parameters={"rope_theta": 5e5, "rope_type": "default"})
    assert parse_config(content, tower(), tower()).llm.rope_theta == 5e5


def write_checkpoint(directory: Path, config: dict[str, Any], *, has_towers: bool = True) -> None:
    (directory / "config.json").write_text(json.dumps(config))
    for kind in ("image", "video") if has_towers else ():
        (directory / f"{kind}_tower_config.json").write_text(json.dumps(tower()))


def test_a_missing_size_is_named(tmp_path: Path) -> None:
    content = official()
    del content["intermediate_size"]
    write_checkpoint(tmp_path, content)
    with pytest.raises(CheckpointError, match="no field 'intermediate_size'"):
        read_config(tmp_path)


@pytest.mark.parametrize(("text", "message"), [("{", "not JSON"), ("[1]", "not a JSON object")])
def test_broken_json_is_named(tmp_path: Path, text: str, message: str) -> None:
    write_checkpoint(tmp_path, official())
    (tmp_path / "video_tower_config.json").write_text(text)
    with pytest.raises(CheckpointError, match=f"video_tower_config\\.json is {message}"):
        read_config(tmp_path)


def test_towers_are_described_elsewhere_if_not_here(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, official(), has_towers=False)
    with pytest.raises(CheckpointError, match=r"image_tower_config\.json"):
        read_config(tmp_path)
    asked: list[str] = []

    def find_tower(tower_id: str) -> Path:
        asked.append(tower_id)
        (tmp_path / "tower").mkdir(exist_ok=True)
        (tmp_path / "tower" / "config.json").write_text(json.dumps(tower(hidden_act="quick_gelu")))
        return tmp_path / "tower"

    config = read_config(tmp_path, find_tower)
    assert asked == ["LanguageBind/LanguageBind_Image", "LanguageBind/LanguageBind_Video_merge"]
    assert config.video_tower is not None
    assert config.video_tower.activation == "quick_gelu"


@pytest.mark.parametrize("name", [5, ["tower"], True])
def test_a_tower_is_named_by_a_text(name: object, tmp_path: Path) -> None:
    write_checkpoint(tmp_path, official(mm_image_tower=name))
    (tmp_path / "image_tower_config.json").unlink()
    with pytest.raises(CheckpointError, match=r"mm_image_tower .* is no folder or hub id"):
        read_config(tmp_path, lambda tower_id: tmp_path / tower_id)
