"""What can be checked without bitsandbytes, which is for GPU users to install."""

from pathlib import Path

import pytest
from torch import nn

from model.checkpoints import quantization
from model.checkpoints.checkpoint import load_checkpoint
from model.checkpoints.quantization import check_quantization, is_quantized_layer
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


def test_ordinary_layers_are_not_quantized() -> None:
    # Nor is the layer of nn.MultiheadAttention that a replacement of all linear layers would break.
    assert not is_quantized_layer(nn.Linear(2, 2))
    assert not is_quantized_layer(nn.MultiheadAttention(4, 2).out_proj)
