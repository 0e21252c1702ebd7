"""One vLLM engine and the requests that it is sent.

vLLM runs in processes of its own; what talks to it lives on an event loop in a thread of ours. Every prompt
about a clip begins with the same ids and visual tokens. These travel once, under the hash of their content,
and their keys and values stay in vLLM's prefix cache while the prompts come in.
"""

import asyncio
import itertools
import os
import tempfile
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from model.engines.engine import EngineDiedError, NoReplyError, VllmConfig
from model.engines.visual_prefix import VisualPrefix
from model.network.config import FaceLlavaConfig
from model.network.face_llava import llama_config

os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")

from vllm import SamplingParams
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.exceptions import VLLMClientError
from vllm.inputs import MultiModalInput, mm_input
from vllm.multimodal.inputs import (
    MultiModalBatchedField,
    MultiModalFieldElem,
    MultiModalKwargsItem,
    MultiModalKwargsItems,
    PlaceholderRange,
)
from vllm.outputs import RequestOutput
from vllm.sampling_params import MAX_LOGPROB_TOKEN_IDS, RequestOutputKind
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

from model.engines.vllm_model import FIELD, MODALITY
from model.engines.vllm_plugin import ARCHITECTURE, LOAD_FORMAT, OWNER, register

_T = TypeVar("_T")

_WAITING = 1.1
"""Requests sent per place in vLLM's batch: the few that wait keep it full."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request behind a visual prefix.

    Attributes:
        ids: what follows the prefix; at least one.
        scored: tokens whose log-probabilities as the next one are asked for.
        most_tokens: longest continuation.
        goes_on: whether it goes on behind eos, to `most_tokens`.
    """

    ids: tuple[int, ...]
    scored: tuple[int, ...] = ()
    most_tokens: int = 1
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What vLLM says to a prompt.

    Attributes:
        tokens: the greedy continuation, without the eos that ends it.
        log_probs: natural logarithms of the model's own probabilities of the scored tokens, in their order.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]


@dataclass(slots=True)
class CacheUse:
    """Tokens of prompts so far, and how many of them were found computed."""

    prompt_tokens: int = 0
    cached_tokens: int = 0


class VllmDecoder:
    """The decoder of one checkpoint, run by vLLM.

    Attributes:
        cache_use: grows with every reply.

    Args:
        directory: of the checkpoint.
        network: its sizes.
        dtype: of weights and activations.
        device: `cpu` or a GPU's.
        config: see there.

    Raises:
        EngineDiedError: vLLM does not start.
    """

    def __init__(
        self,
        directory: Path,
        network: FaceLlavaConfig,
        dtype: torch.dtype,
        device: torch.device,
        config: VllmConfig,
    ) -> None:
        self.cache_use = CacheUse()
        self._eos_id = network.llm.eos_token_id
        self._numbers = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vllm", daemon=True)
        self._thread.start()
        self._places = asyncio.Semaphore(round(_WAITING * config.max_num_seqs))
        os.environ[OWNER] = str(os.getpid())
        register()
        start = _start(_arguments(directory, network, dtype, device, config), network)
        try:
            self._llm = self._run(start).result()
        except Exception as error:
            raise EngineDiedError(f"vLLM does not start: {type(error).__name__}: {error}") from error

    def ask(self, prefix: VisualPrefix, prompts: Sequence[Prompt]) -> "Future[list[Reply]]":
        """Send prompts about one clip; all share the computation of its prefix.

        The future raises EngineDiedError when the engine dies, and NoReplyError when one request fails.
        """
        return self._run(self._ask_all(prefix, prompts))

    def close(self) -> None:
        """End vLLM's processes; the decoder cannot be used any more."""
        self._run(self._end()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._llm.shutdown(timeout=0.0)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, _T]) -> "Future[_T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _ask_all(self, prefix: VisualPrefix, prompts: Sequence[Prompt]) -> list[Reply]:
        return await asyncio.gather(*(self._ask(prefix, prompt) for prompt in prompts))

    async def _ask(self, prefix: VisualPrefix, prompt: Prompt) -> Reply:
        """Ask one prompt, in several requests when it scores more tokens than one request may."""
        parts = [
            prompt.scored[start : start + MAX_LOGPROB_TOKEN_IDS]
            for start in range(0, len(prompt.scored), MAX_LOGPROB_TOKEN_IDS)
        ] or [()]
        requests = [
            replace(prompt, scored=scored, most_tokens=1 if number else prompt.most_tokens)
            for number, scored in enumerate(parts)
        ]
        first, *others = await asyncio.gather(*(self._request(prefix, request) for request in requests))
        log_probs = sum((other.log_probs for other in others), first.log_probs)
        return Reply(first.tokens, log_probs)

    async def _request(self, prefix: VisualPrefix, prompt: Prompt) -> Reply:
        params = SamplingParams(
            temperature=0.0,
            max_tokens=prompt.most_tokens,
            logprob_token_ids=list(prompt.scored) or None,
            stop_token_ids=[] if prompt.goes_on else [self._eos_id],
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        async with self._places:
            # Nothing may be awaited between the look into the cache and the sending: vLLM's other end keeps
            # its copy of the cache in step by the order in which requests arrive.
            requested = self._llm.generate(self._input(prefix, prompt.ids), params, str(next(self._numbers)))
            try:
                output = [output async for output in requested][-1]
            except EngineDeadError as error:
                raise EngineDiedError("vLLM's engine died; its log, above, may say of what") from error
            except (EngineGenerateError, VLLMClientError) as error:
                raise NoReplyError(f"{type(error).__name__}: {error}") from error
        return self._read(output, prompt)

    def _input(self, prefix: VisualPrefix, ids: tuple[int, ...]) -> MultiModalInput:
        """Return a whole prompt; its visual tokens are left out when vLLM has them."""
        item = MultiModalKwargsItem(
            {FIELD: MultiModalFieldElem(data=prefix.tokens, field=MultiModalBatchedField())}
        )
        hashes = {MODALITY: [prefix.digest]}
        items: dict[str, list[MultiModalKwargsItem | None]] = {MODALITY: [item]}
        self._llm.input_processor.inject_into_mm_cache(hashes, items)
        place = PlaceholderRange(prefix.start, len(prefix.is_visual), prefix.is_visual)
        return mm_input([*prefix.ids, *ids], MultiModalKwargsItems(items), hashes, {MODALITY: [place]})

    def _read(self, output: RequestOutput, prompt: Prompt) -> Reply:
        self.cache_use.prompt_tokens += len(output.prompt_token_ids or ())
        self.cache_use.cached_tokens += output.num_cached_tokens or 0
        completion = output.outputs[0]
        tokens = tuple(token for token in completion.token_ids if prompt.goes_on or token != self._eos_id)
        if not prompt.scored:
            return Reply(tokens, ())
        if completion.logprobs is None:
            raise NoReplyError("vLLM returned no log-probabilities")
        of_first = completion.logprobs[0]
        return Reply(tokens, tuple(of_first[token].logprob for token in prompt.scored))


def _arguments(
    directory: Path, network: FaceLlavaConfig, dtype: torch.dtype, device: torch.device, config: VllmConfig
) -> dict[str, Any]:
    """Return vLLM's arguments but for the decoder's configuration."""
    arguments: dict[str, Any] = {
        "model": str(directory),
        "load_format": LOAD_FORMAT,
        "dtype": str(dtype).removeprefix("torch."),
        "skip_tokenizer_init": True,
        "generation_config": "vllm",  # none but what each request says
        "enable_prefix_caching": True,
        "enable_mm_embeds": True,
        "limit_mm_per_prompt": {MODALITY: 0},  # none but as visual tokens
        "tensor_parallel_size": config.tensor_parallel_size,
        "max_num_seqs": config.max_num_seqs,
        "max_model_len": config.max_model_len or network.llm.max_positions,
        "enforce_eager": config.is_eager,
        "disable_log_stats": True,
    }
    if device.type == "cpu":
        # Blocks as small as the kernel takes them: prompts share whole blocks only.
        on_cpu = {"kv_cache_memory_bytes": int(config.cpu_cache_gib * 2**30), "block_size": 32}
        return {**arguments, **on_cpu, "enforce_eager": True}
    return {**arguments, "gpu_memory_utilization": config.gpu_memory_utilization}


async def _start(arguments: dict[str, Any], network: FaceLlavaConfig) -> AsyncLLM:
    """Start vLLM; it reads the decoder's configuration from a directory, and then keeps it."""
    decoder = llama_config(network.llm)
    decoder.architectures = [ARCHITECTURE]
    clip = network.frames * network.frame_tokens if network.video_tower else 0
    picture = network.image_tokens if network.image_tower else 0
    setattr(decoder, FIELD, max(clip, picture))
    with tempfile.TemporaryDirectory() as directory:
        decoder.save_pretrained(directory)
        return AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments, hf_config_path=directory))
