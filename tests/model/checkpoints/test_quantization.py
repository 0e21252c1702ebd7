"""What can be checked without bitsandbytes, which is for GPU users to install."""

from pathlib import Path
from typing import Any

import pytest
from torch import nn
from transformers import BitsAndBytesConfig

from model.checkpoints import quantization
from model.checkpoints.blueprint import Blueprint, draw_blueprint
from model.checkpoints.checkpoint import load_checkpoint
from model.checkpoints.quantization import Quantization, check_quantization
from model.network.config import LlmConfig

SIMPLE = Path(__file__).parents[1] / "data" / "parity" / "simple"


def nothing_found(name: str) -> None:
    assert name == "bitsandbytes"


def test_without_bitsandbytes_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantization, "find_spec", nothing_found)
    with pytest.raises(ValueError, match="4bit weights need bitsandbytes: install it, or load without"):
        load_checkpoint(SIMPLE, device="cpu", quantize="4bit")


def something_found(name: str) -> object:
    return name


def test_what_is_no_whole_block_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantization, "find_spec", something_found)
    odd = LlmConfig(hidden_size=128, intermediate_size=352, heads=4, kv_heads=4)
    with pytest.raises(ValueError, match=r"divisible by 64; this decoder's are \(128, 352\): try 8bit"):
        check_quantization("4bit", odd)
    check_quantization("8bit", odd)
    check_quantization("4bit", LlmConfig())
    check_quantization("none", odd)


class AskedError(Exception):
    """Ends loading where the layers would be replaced."""


@pytest.mark.parametrize("bits", ["8bit", "4bit"])
def test_only_the_decoders_blocks_are_quantized(bits: Quantization, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not the layer of nn.MultiheadAttention, say, which a replacement of all linear layers would break.
    found: list[tuple[nn.Module, BitsAndBytesConfig]] = []

    def replace_layers(module: nn.Module, *, quantization_config: BitsAndBytesConfig) -> None:
        found.append((module, quantization_config))
        raise AskedError

    def draw(*arguments: Any) -> Blueprint:
        drawn.append(draw_blueprint(*arguments))
        return drawn[-1]

    drawn: list[Blueprint] = []
    monkeypatch.setattr(quantization, "find_spec", something_found)
    monkeypatch.setattr("transformers.integrations.bitsandbytes.replace_with_bnb_linear", replace_layers)
    monkeypatch.setattr("model.checkpoints.checkpoint.draw_blueprint", draw)
    with pytest.raises(AskedError):
        load_checkpoint(SIMPLE, device="cpu", quantize=bits)
    (layers, config), (blueprint,) = found[0], drawn
    assert layers is blueprint.model.llm.model.layers
    assert (config.load_in_8bit, config.load_in_4bit) == (bits == "8bit", bits == "4bit")
