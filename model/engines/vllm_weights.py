"""The decoder's weights for vLLM, from the same files under the same names as everywhere else."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from torch import Tensor, nn
from vllm.config import ModelConfig
from vllm.model_executor.model_loader.base_loader import BaseModelLoader
from vllm.model_executor.models.llama import LlamaForCausalLM

from model.checkpoints.weights import find_weights, read_headers, read_tensors
from model.network.config import CheckpointError

_PREFIXES = ("model.embed_tokens.", "model.layers.", "model.norm.", "lm_head.")
"""What the official names of the decoder's tensors begin with."""


class DecoderLoader(BaseModelLoader):
    """Reads the decoder's tensors one by one, and none of the towers'.

    That they are finite is known: `load_checkpoint` has looked at them.
    """

    def download_model(self, model_config: ModelConfig) -> None:
        """Do nothing: the checkpoint is in a directory by now."""

    def load_weights(self, model: nn.Module, model_config: ModelConfig) -> None:
        """Fill the decoder.

        Raises:
            CheckpointError: a tensor is missing.
        """
        loaded = cast("LlamaForCausalLM", model).load_weights(_decoder_tensors(Path(model_config.model)))
        missing = sorted({name for name, _ in model.named_parameters()} - loaded)
        if missing:
            raise CheckpointError(model_config.model, (f"{len(missing)} missing: {', '.join(missing)}",))


def _decoder_tensors(directory: Path) -> Iterator[tuple[str, Tensor]]:
    for path in find_weights(directory):
        yield from read_tensors(path, [h.name for h in read_headers(path) if _is_of_decoder(h.name)])


def _is_of_decoder(name: str) -> bool:
    """Tell whether an official tensor acts in the decoder: saved rotary frequencies do not."""
    return name.startswith(_PREFIXES) and not name.endswith(".rotary_emb.inv_freq")
