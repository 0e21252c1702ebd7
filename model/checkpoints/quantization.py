"""8-bit and 4-bit weights for the decoder, through transformers' bitsandbytes integration.

Only the linear layers of the decoder's blocks are quantised: they are 86% of the released model. Never
quantised are the embeddings and the head, the towers, the projector and the landmark branch. (Quantising
every linear layer, as the released inference does, would break the branch: nn.MultiheadAttention reads the
weight of its `out_proj` directly, which in 4 bits is packed.)
"""

from importlib.util import find_spec
from typing import Literal, cast

import torch
from torch import Tensor, nn
from transformers import BitsAndBytesConfig, PreTrainedModel

from model.network.config import LlmConfig

Quantization = Literal["8bit", "4bit"]

_LAYERS: dict[Quantization, str] = {"8bit": "Linear8bitLt", "4bit": "Linear4bit"}
"""Names of bitsandbytes' classes, which cannot be imported everywhere."""

_BLOCK = 64
"""Weights that share a scale in NF4; bitsandbytes' CPU kernels fail on rows that are not whole blocks."""


def check_quantization(quantization: Quantization | Literal["none"], sizes: LlmConfig) -> None:
    """Find out whether a decoder's weights can be quantised here.

    Raises:
        ValueError: bitsandbytes is not installed, or a width is not whole blocks of 4-bit weights.
    """
    if quantization == "none":
        return
    if find_spec("bitsandbytes") is None:
        raise ValueError(
            f"{quantization} weights need bitsandbytes: install it, or load without quantisation"
        )
    widths = (sizes.hidden_size, sizes.intermediate_size)
    if quantization == "4bit" and any(width % _BLOCK for width in widths):
        raise ValueError(
            f"4bit weights need widths divisible by {_BLOCK}; this decoder's are {widths}: try 8bit"
        )


def quantize_layers(
    decoder: nn.Module, sizes: LlmConfig, quantization: Quantization, dtype: torch.dtype
) -> None:
    """Replace a decoder's linear layers, still without weights, by quantised ones.

    4 bits are NF4 with double quantisation, as in the released inference; 8 bits are LLM.int8().

    Args:
        decoder: module of the decoder's blocks.
        sizes: of the decoder.
        quantization: how many bits.
        dtype: of the arithmetic.

    Raises:
        ValueError: see `check_quantization`.
    """
    check_quantization(quantization, sizes)
    from transformers.integrations.bitsandbytes import replace_with_bnb_linear  # noqa: PLC0415

    config = BitsAndBytesConfig(
        load_in_4bit=quantization == "4bit",
        load_in_8bit=quantization == "8bit",
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
    )
    replace_with_bnb_linear(decoder, quantization_config=config)


def is_quantized_layer(module: nn.Module) -> bool:
    """Tell whether `quantize_layers` made this module."""
    return type(module).__name__ in _LAYERS.values()


def quantize_weight(llm: PreTrainedModel, name: str, weight: Tensor) -> nn.Parameter:
    """Return the quantised form of a weight, on the weight's device.

    Args:
        llm: in which `quantize_layers` replaced the layers.
        name: of the parameter in it.
        weight: not quantised.
    """
    from transformers.integrations.bitsandbytes import Bnb4bitQuantize, Bnb8bitQuantize  # noqa: PLC0415

    is_4bit = type(llm.get_submodule(name.rpartition(".")[0])).__name__ == _LAYERS["4bit"]
    convert = Bnb4bitQuantize(None).convert if is_4bit else Bnb8bitQuantize(None).convert
    return cast("nn.Parameter", convert({name: [weight]}, model=llm, full_layer_name=name)[name])
