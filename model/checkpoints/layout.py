"""The official checkpoint layout of configurations; `model.checkpoints.layout_text` writes it.

`config.json` holds the fields of LlavaConfig as transformers 4.31 writes them. The towers' sizes are not
among them: they come from `image_tower_config.json` and `video_tower_config.json` beside it, in the layout of
the LanguageBind hub repositories, or from those repositories' own `config.json`.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast, get_args

from model.network.config import (
    BranchKind,
    CheckpointError,
    CrossAttentionKind,
    FaceLlavaConfig,
    IncompleteError,
    Kind,
    LlmConfig,
    TowerConfig,
)
from model.network.landmarks import POINTS

CONFIG_FILE = "config.json"
DEMONSTRATION_KEY = "facesift_demonstration"
"""Key of config.json that marks a checkpoint whose answers mean nothing on real people."""


def find_configs(directory: Path, find_tower: Callable[[str], Path] | None = None) -> dict[str, Path]:
    """Return the files that fix a checkpoint's sizes, by the names that they have in its own directory.

    Args:
        directory: holds config.json and, unless `find_tower` helps out, the towers' configurations.
        find_tower: takes `mm_image_tower` or `mm_video_tower` to a directory whose config.json describes it.

    Raises:
        CheckpointError: there is no config.json, it is no JSON object, or it names a tower by no text.
        IncompleteError: a tower's configuration is missing.
    """
    try:
        official = _read_json(directory / CONFIG_FILE)
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(str(directory), (str(error),)) from error
    files = {CONFIG_FILE: directory / CONFIG_FILE}
    missing: list[str] = []
    for kind in get_args(Kind):
        name, tower_id = f"{kind}_tower_config.json", official.get(f"mm_{kind}_tower")
        if tower_id is None:
            continue
        if not isinstance(tower_id, str):
            raise CheckpointError(str(directory), (f"mm_{kind}_tower {tower_id!r} is no folder or hub id",))
        if (directory / name).exists() or find_tower is None:
            files[name] = directory / name
        else:
            try:
                files[name] = find_tower(tower_id) / CONFIG_FILE
            except CheckpointError as error:
                missing.append(f"{name} is missing, and {tower_id} {'; '.join(error.problems)}")
                continue
        if not files[name].exists():
            missing.append(f"{name} is missing in {directory}")
    if missing:
        raise IncompleteError(str(directory), tuple(missing))
    return files


def read_config(
    directory: Path,
    find_tower: Callable[[str], Path] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> FaceLlavaConfig:
    """Read a checkpoint directory's configuration.

    Args:
        directory: see `find_configs`.
        find_tower: see `find_configs`.
        changes: fields that count instead of those in config.json.

    Raises:
        CheckpointError: a file is missing, is no JSON, or describes something else than a Face-LLaVA.
    """
    files = find_configs(directory, find_tower)
    try:
        official = {**_read_json(files[CONFIG_FILE]), **(changes or {})}
        image, video = (
            _read_json(files[name]) if name in files else None
            for name in ("image_tower_config.json", "video_tower_config.json")
        )
        return _accept(changes or {}, parse_config(official, image, video))
    except KeyError as error:
        file = "a tower's configuration" if error.args[0] == "vision_config" else "config.json"
        raise CheckpointError(str(directory), (f"{file} has no field {error.args[0]!r}",)) from error
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(str(directory), (str(error),)) from error


def _accept(changes: Mapping[str, Any], config: FaceLlavaConfig) -> FaceLlavaConfig:
    if "branch_scale" in changes and config.cross_attention == "none":
        raise ValueError("a branch_scale was asked for, but the checkpoint has no landmark branch")
    return config


def parse_config(
    official: Mapping[str, Any], image_tower: Mapping[str, Any] | None, video_tower: Mapping[str, Any] | None
) -> FaceLlavaConfig:
    """Turn the official JSON objects into a configuration.

    Raises:
        KeyError: a field that fixes a size is missing.
        ValueError: a field asks for something that this model does not do.
    """
    _refuse_unsupported(official)
    config = FaceLlavaConfig(
        llm=_parse_llm(official),
        image_tower=None if image_tower is None else _parse_tower(image_tower),
        video_tower=None if video_tower is None else _parse_tower(video_tower),
        image_tower_id=official.get("mm_image_tower"),
        video_tower_id=official.get("mm_video_tower"),
        select_layer=official.get("mm_vision_select_layer", -2),
        select_feature=official.get("mm_vision_select_feature", "patch"),
        projector=official.get("mm_projector_type", "linear"),
        cross_attention=_parse_cross_attention(official),
        branch_scale=official.get("branch_scale", 0.1),
        max_length=official.get("tokenizer_model_max_length"),
        weights_dtype=official.get("torch_dtype") or official.get("dtype") or "float32",
        is_marked_demonstration=bool(official.get(DEMONSTRATION_KEY, False)),
    )
    if official.get("mm_hidden_size", config.tower_hidden_size) != config.tower_hidden_size:
        raise ValueError(
            f"mm_hidden_size {official['mm_hidden_size']} is not the towers' {config.tower_hidden_size}"
        )
    return config


def setting_changes(branch_scale: float | None, cross_attention: BranchKind | None) -> dict[str, Any]:
    """Return the fields of config.json that are asked for otherwise; None leaves a field as it is."""
    settings = {"branch_scale": branch_scale, "cross_attn_type": cross_attention}
    return {name: value for name, value in settings.items() if value is not None}


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"{path.name} is missing in {path.parent}") from error
    except ValueError as error:
        raise ValueError(f"{path.name} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise TypeError(f"{path.name} is not a JSON object")
    return cast("Mapping[str, Any]", content)


def _refuse_unsupported(official: Mapping[str, Any]) -> None:
    if "text_config" in official:
        raise ValueError(
            "config.json is a transformers conversion (it has a text_config), not the official layout"
        )
    if official.get("rope_scaling") is not None:
        raise ValueError(f"rope_scaling {official['rope_scaling']!r} is not supported; Face-LLaVA has none")
    scaling = {name: value for name, value in _rope(official).items() if name != "rope_theta"}
    if scaling not in ({}, {"rope_type": "default"}):
        raise ValueError(f"rope_parameters {scaling!r} are not supported; Face-LLaVA has only a rope_theta")
    for field in ("use_landmark_tokens", "mm_use_im_start_end", "tie_word_embeddings"):
        if official.get(field):
            raise ValueError(f"{field} is not supported; the released model has it off")
    if official.get("landmarks_hidden_size", 2 * POINTS) != 2 * POINTS:
        raise ValueError(f"landmarks_hidden_size {official['landmarks_hidden_size']} is not {2 * POINTS}")


def _parse_cross_attention(official: Mapping[str, Any]) -> CrossAttentionKind:
    """Return the landmark branch's variant; a config without its fields is Video-LLaVA's and has none."""
    projector = official.get("landmarks_projector_type")
    kind = official.get("cross_attn_type")
    if projector is None and kind is None:
        return "none"
    # The official loader can reset these fields to None, so that what it saves lacks them; then
    # cross_attn_type, given by hand, tells alone.
    if projector not in (None, "landmarks_region_projector"):
        raise ValueError(f"landmarks_projector_type {projector!r} is not 'landmarks_region_projector'")
    if official.get("global_landmarks_projector_type") not in (None, "linear"):
        value = official.get("global_landmarks_projector_type")
        raise ValueError(f"global_landmarks_projector_type {value!r} is not 'linear'")
    if kind is None:
        raise ValueError("there is a landmarks_projector_type but no cross_attn_type: name the variant")
    return cast("CrossAttentionKind", kind)  # FaceLlavaConfig checks it


def _rope(official: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return where newer versions of transformers write theta and scaling."""
    rope = official.get("rope_parameters")
    if not isinstance(rope, dict | None):
        raise TypeError(f"rope_parameters {rope!r} is not an object")
    return cast("Mapping[str, Any]", rope or {})


def _parse_llm(official: Mapping[str, Any]) -> LlmConfig:
    # rope_theta and the token ids have the defaults of LlamaConfig 4.31, which knew no other theta.
    return LlmConfig(
        vocab_size=official["vocab_size"],
        hidden_size=official["hidden_size"],
        intermediate_size=official["intermediate_size"],
        layers=official["num_hidden_layers"],
        heads=official["num_attention_heads"],
        kv_heads=official.get("num_key_value_heads") or official["num_attention_heads"],
        activation=official.get("hidden_act", "silu"),
        rms_norm_eps=official["rms_norm_eps"],
        max_positions=official.get("max_position_embeddings", 2048),
        rope_theta=_rope(official).get("rope_theta", official.get("rope_theta", 10000.0)),
        bos_token_id=official.get("bos_token_id", 1),
        eos_token_id=official.get("eos_token_id", 2),
        pad_token_id=official.get("pad_token_id") or 0,
    )


def _parse_tower(content: Mapping[str, Any]) -> TowerConfig:
    """Read `vision_config`; absent fields have the defaults of LanguageBind's class, not those of ViT-L."""
    vision: Mapping[str, Any] = content["vision_config"]
    if not isinstance(vision, dict):
        raise TypeError(f"a tower's vision_config is {type(vision).__name__}, not an object")
    return TowerConfig(
        hidden_size=vision.get("hidden_size", 768),
        intermediate_size=vision.get("intermediate_size", 3072),
        layers=vision.get("num_hidden_layers", 12),
        heads=vision.get("num_attention_heads", 12),
        channels=vision.get("num_channels", 3),
        image_size=vision.get("image_size", 224),
        patch_size=vision.get("patch_size", 32),
        activation=vision.get("hidden_act", "quick_gelu"),
        layer_norm_eps=vision.get("layer_norm_eps", 1e-5),
        frames=vision.get("num_frames", 1),
        has_temporal_attention=vision.get("add_time_attn", False),
    )
