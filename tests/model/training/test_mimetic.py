from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from model.demonstration import DEMONSTRATION_CONFIG
from model.network.config import LlmConfig, TowerConfig
from model.network.face_llava import FaceLlava
from model.network.tower import VisionTower
from model.training.mimetic import begin_mimetic, begin_near

TOWER = TowerConfig(hidden_size=64, intermediate_size=128, layers=2, heads=2, image_size=112)


def begun(seed: int = 0) -> VisionTower:
    torch.manual_seed(seed)
    tower = VisionTower(TOWER, -2)
    begin_mimetic(tower, torch.Generator().manual_seed(seed))
    return tower


def weight(tower: VisionTower, end: str) -> Tensor:
    (found,) = [tensor for name, tensor in tower.state_dict().items() if name.endswith(f"0.{end}.weight")]
    return found


def test_tokens_attend_to_their_likes_and_values_take_themselves_off() -> None:
    tower = begun()
    likeness = weight(tower, "self_attn.q_proj").T @ weight(tower, "self_attn.k_proj")
    values = weight(tower, "self_attn.out_proj") @ weight(tower, "self_attn.v_proj")
    for product, diagonal in ((likeness, 1), (values, -1)):
        others = product - product.diagonal().diag()
        assert diagonal * product.diagonal().mean() > 5 * others.abs().mean()


def test_patches_know_their_places() -> None:
    (places,) = [module.weight for module in begun().modules() if isinstance(module, torch.nn.Embedding)]
    grid = places[1:].detach().unflatten(0, (8, 8))
    here = grid[3, 3]
    near = [float((here - grid[place]).norm()) for place in ((3, 4), (4, 3))]
    far = [float((here - grid[place]).norm()) for place in ((3, 7), (7, 3), (0, 0))]
    assert max(near) < min(far)


def test_the_same_seed_begins_alike() -> None:
    first, same, other = begun(), begun(), begun(1)
    assert all((first.state_dict()[name] == tensor).all() for name, tensor in same.state_dict().items())
    assert not (weight(first, "self_attn.q_proj") == weight(other, "self_attn.q_proj")).all()


@pytest.mark.parametrize(
    "llm",
    [
        DEMONSTRATION_CONFIG.llm,
        replace(DEMONSTRATION_CONFIG.llm, hidden_size=256, heads=4, kv_heads=2, rope_theta=1e6),
    ],
    ids=["demonstration", "grouped"],
)
def test_words_attend_to_the_words_before_them(llm: LlmConfig) -> None:
    torch.manual_seed(0)
    decoder = FaceLlava(replace(DEMONSTRATION_CONFIG, llm=llm)).llm
    begin_near(decoder, llm, torch.Generator().manual_seed(0))
    words = torch.randint(3, llm.vocab_size, (1, 60))
    layer: Any = decoder.model.layers[0]
    with torch.no_grad():
        hidden = layer.input_layernorm(decoder.model.embed_tokens(words))
        size = llm.head_size
        query, key = (
            projection(hidden)[None, ..., :size]
            for projection in (layer.self_attn.q_proj, layer.self_attn.k_proj)
        )
        turns = decoder.model.rotary_emb(hidden, torch.arange(60)[None])
        query, key = apply_rotary_pos_emb(query, key, *turns)
        scores = (query[0, 0, -1] @ key[0, 0].T / size**0.5).flip(0)
    assert scores[:5].min() > scores[25:].max() + 2
