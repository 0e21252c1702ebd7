"""The tensors of official checkpoints that never influence a result."""

from collections.abc import Iterator

import torch

from model.checkpoints.weights import tower_prefix
from model.network.config import FaceLlavaConfig, Kind, TowerConfig
from model.network.tower import VisionTower, acting_layers

Shapes = dict[str, tuple[int, ...] | None]
"""By official name; None where any shape will do."""


def dormant_groups(config: FaceLlavaConfig) -> tuple[Shapes, ...]:
    """Return what a checkpoint may hold or not, each group as a whole: one with a hole in it is damaged."""
    return (*_of_decoder(config), *_of_branch(config), *_of_towers(config))


def _of_decoder(config: FaceLlavaConfig) -> Iterator[Shapes]:
    half = (config.llm.head_size // 2,)
    yield {f"model.layers.{layer}.self_attn.rotary_emb.inv_freq": half for layer in range(config.llm.layers)}
    yield {"model.rotary_emb.inv_freq": half}


def _of_branch(config: FaceLlavaConfig) -> Iterator[Shapes]:
    if config.cross_attention != "none":
        width = (config.llm.hidden_size,)
        yield {f"model.landmarks_cross_attn.ln.{part}": width for part in ("weight", "bias")}


def _of_towers(config: FaceLlavaConfig) -> Iterator[Shapes]:
    """Yield the layers behind the selected state, and what comes after or beside all layers."""
    towers: dict[Kind, TowerConfig | None] = {"image": config.image_tower, "video": config.video_tower}
    for kind, sizes in towers.items():
        if sizes is None:
            continue
        prefix = tower_prefix(kind)
        with torch.device("meta"):
            whole = VisionTower(sizes, select_layer=-1).state_dict()
        for layer in range(acting_layers(sizes, config.select_layer), sizes.layers):
            start = f"encoder.layers.{layer}."
            yield {
                prefix + name: tuple(value.shape) for name, value in whole.items() if name.startswith(start)
            }
        yield {f"{prefix}post_layernorm.{part}": (sizes.hidden_size,) for part in ("weight", "bias")}
        yield {f"{prefix}embeddings.position_ids": None}
