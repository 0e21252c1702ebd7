"""What vLLM makes of the prompts of a parity directory, see `model.checkpoints.parity`."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor
from vllm.platforms import current_platform

from model.checkpoints.parity_cases import Continuation, ContinuePrompts
from model.engines.engine import VllmConfig
from model.engines.visual_prefix import visual_prefix
from model.engines.vllm_decoder import Prompt, VllmDecoder
from model.network.config import FaceLlavaConfig
from model.network.splicing import PLACEHOLDER_ID


@contextmanager
def open_continuer(directory: Path, network: FaceLlavaConfig) -> Generator[ContinuePrompts, None, None]:
    """Run the decoder of a checkpoint in vLLM, in float32, and hand out what continues prompts."""
    config = VllmConfig(max_num_seqs=16, cpu_cache_gib=0.5)
    device = torch.device(current_platform.device_type)
    decoder = VllmDecoder(directory, network, torch.float32, device, config)
    vocabulary = tuple(range(network.llm.vocab_size))

    def continue_prompts(
        prompts: Sequence[tuple[Tensor, Sequence[Tensor]]], steps: int
    ) -> list[Continuation]:
        asked = [_split(ids.tolist()) for ids, _ in prompts]
        futures = [
            decoder.ask(
                visual_prefix(prefix, pictures, network.llm.hidden_size),
                [Prompt(suffix, vocabulary, steps, goes_on=True)],
            )
            for (prefix, suffix), (_, pictures) in zip(asked, prompts, strict=True)
        ]
        replies = [future.result()[0] for future in futures]
        return [Continuation(reply.tokens, torch.tensor(reply.log_probs)) for reply in replies]

    try:
        yield continue_prompts
    finally:
        decoder.close()


def _split(ids: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the ids up to the last picture, and those behind it."""
    end = len(ids) - ids[::-1].index(PLACEHOLDER_ID)
    return tuple(ids[:end]), tuple(ids[end:])
