"""Configurations in the official checkpoint layout, as `model.checkpoints.layout` reads them."""

import json
from pathlib import Path
from typing import Any

from model.checkpoints.layout import DEMONSTRATION_KEY
from model.network.config import FaceLlavaConfig, TowerConfig
from model.network.landmarks import POINTS


def write_config(config: FaceLlavaConfig, directory: Path) -> None:
    """Write config.json and the towers' configurations in the official layout; `read_config` reads them back.

    Two fields are ours, and the official loader ignores them: `branch_scale` and the mark of a demonstration.
    """
    files = {"config.json": _official(config)}
    for kind, tower in (("image", config.image_tower), ("video", config.video_tower)):
        if tower is not None:
            files[f"{kind}_tower_config.json"] = _tower(kind, tower)
    for name, content in files.items():
        (directory / name).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _official(config: FaceLlavaConfig) -> dict[str, Any]:
    llm = config.llm
    official: dict[str, Any] = {
        "architectures": ["LlavaLlamaForCausalLM"],
        "model_type": "llava",
        "vocab_size": llm.vocab_size,
        "hidden_size": llm.hidden_size,
        "intermediate_size": llm.intermediate_size,
        "num_hidden_layers": llm.layers,
        "num_attention_heads": llm.heads,
        "num_key_value_heads": llm.kv_heads,
        "hidden_act": llm.activation,
        "rms_norm_eps": llm.rms_norm_eps,
        "max_position_embeddings": llm.max_positions,
        "rope_theta": llm.rope_theta,
        "rope_scaling": None,
        "tie_word_embeddings": False,
        "bos_token_id": llm.bos_token_id,
        "eos_token_id": llm.eos_token_id,
        "pad_token_id": llm.pad_token_id,
        "mm_hidden_size": config.tower_hidden_size,
        "mm_image_tower": config.image_tower_id if config.image_tower else None,
        "mm_video_tower": config.video_tower_id if config.video_tower else None,
        "mm_projector_type": config.projector,
        "use_mm_proj": True,
        "mm_use_im_patch_token": False,
        "mm_use_im_start_end": False,
        "mm_vision_select_feature": config.select_feature,
        "mm_vision_select_layer": config.select_layer,
        "use_landmark_tokens": False,
        "tokenizer_model_max_length": config.max_length,
        "tokenizer_padding_side": "right",
        "torch_dtype": config.weights_dtype,
        "transformers_version": "4.31.0",
        "branch_scale": config.branch_scale,
    }
    if config.cross_attention != "none":
        official |= {
            "landmarks_hidden_size": 2 * POINTS,
            "landmarks_projector_type": "landmarks_region_projector",
            "global_landmarks_projector_type": "linear",
            "cross_attn_type": config.cross_attention,
        }
    if config.is_marked_demonstration:
        official[DEMONSTRATION_KEY] = True
    return official


def _tower(kind: str, tower: TowerConfig) -> dict[str, Any]:
    return {
        "architectures": ["CLIPModel"],
        "model_type": f"LanguageBind{kind.capitalize()}",
        "vision_config": {
            "model_type": "clip_vision_model",
            "hidden_size": tower.hidden_size,
            "intermediate_size": tower.intermediate_size,
            "num_hidden_layers": tower.layers,
            "num_attention_heads": tower.heads,
            "num_channels": tower.channels,
            "image_size": tower.image_size,
            "patch_size": tower.patch_size,
            "hidden_act": tower.activation,
            "layer_norm_eps": tower.layer_norm_eps,
            "num_frames": tower.frames,
            "add_time_attn": tower.has_temporal_attention,
            "lora_r": 0,
        },
    }
