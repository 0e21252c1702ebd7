"""Face-LLaVA with its decoder in vLLM: our module sees, vLLM speaks.

clips -> pixels, landmarks -> visual tokens (torch) -> one prefix per clip and view, computed once by vLLM
                                                         |-> nodes whose predictions are read -> scores
                                                         `-> open prompts -> texts
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from vllm.platforms import current_platform

from model.checkpoints.checkpoint import Checkpoint
from model.clip import FaceClip
from model.engines.encoder import ClipEncoder
from model.engines.engine import ClipAnswers, EngineConfig, EngineError
from model.engines.interview import Interview, Outcomes, are_finite
from model.engines.visual_prefix import BadVisualError, visual_prefix
from model.engines.vllm_decoder import CacheUse, Prompt, Reply, VllmDecoder
from model.prompting.plan import Plan
from model.prompting.questions import Question
from model.prompting.token_tree import TokenTree

_BATCHES_AHEAD = 2
"""Batches of clips that vLLM may have in hand while the next is encoded."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A clip in vLLM's hands.

    Attributes:
        replies: per root of the plan, to the prompts of `_prompts`.
    """

    replies: tuple["Future[list[Reply]]", ...]


class VllmEngine:
    """Answers questions with the decoder in vLLM; see `model.engines.engine.Engine`.

    Args:
        checkpoint: without its decoder, on the device and in the dtype in which both shall run.
        config: for both.

    Raises:
        ValueError: the tokenizer and the model do not belong together, or this vLLM cannot use the device.
        EngineDiedError: vLLM does not start.
    """

    def __init__(self, checkpoint: Checkpoint, config: EngineConfig) -> None:
        if config.threads is not None:
            torch.set_num_threads(config.threads)
        model = checkpoint.model
        _check_device(model.device)
        self._config = config
        self._width = model.config.llm.hidden_size
        self._interview = Interview(model.config, checkpoint.tokenizer_path, config)
        self._encoder = ClipEncoder(model.eval())
        if model.device.type == "cuda":
            torch.cuda.empty_cache()  # vLLM measures what is free
        self._decoder = VllmDecoder(
            checkpoint.tokenizer_path.parent, model.config, model.dtype, model.device, config.vllm
        )

    @property
    def cache_use(self) -> CacheUse:
        """How much of the prompts vLLM found computed."""
        return self._decoder.cache_use

    def close(self) -> None:
        """End vLLM's processes."""
        self._decoder.close()

    @torch.inference_mode()
    def describe(self, clips: Sequence[FaceClip], questions: Sequence[Question]) -> list[ClipAnswers]:
        """See `model.engines.engine.Engine.describe`."""
        if not questions:
            return [[] for _ in clips]
        plan = self._interview.plan(tuple(questions))
        priors = self._interview.priors(plan, lambda: self._ask_blank(plan))
        prompts = _prompts(plan, self._config.max_new_tokens)
        ahead = _BATCHES_AHEAD * self._config.batch_clips
        asked: deque[_Asked | EngineError] = deque()
        results: list[ClipAnswers] = []
        for start in range(0, len(clips), self._config.batch_clips):
            asked += self._ask_batch(plan, prompts, clips[start : start + self._config.batch_clips], start)
            while len(asked) > ahead:
                results.append(self._take(plan, priors, asked.popleft(), len(results)))
        while asked:
            results.append(self._take(plan, priors, asked.popleft(), len(results)))
        return results

    def _ask_batch(
        self, plan: Plan, prompts: Sequence[Sequence[Prompt]], clips: Sequence[FaceClip], start: int
    ) -> list[_Asked | EngineError]:
        """Encode clips at once and send their prompts; `start` is the position of the first clip."""
        visuals = [self._encoder.encode(root.view, clips) for root in plan.roots]
        asked: list[_Asked | EngineError] = []
        for row in range(len(clips)):
            of_clip = [visual[row] for visual in visuals]
            if not all(bool(visual.isfinite().all()) for visual in of_clip):
                asked.append(EngineError.not_finite(start + row, "encode", self._encoder.dtype))
                continue
            try:
                asked.append(self._ask(plan, prompts, of_clip))
            except BadVisualError as error:
                asked.append(EngineError(start + row, "encode", str(error)))
        return asked

    def _ask(self, plan: Plan, prompts: Sequence[Sequence[Prompt]], visuals: Sequence[Tensor]) -> _Asked:
        """Send one clip's prompts; `visuals` are, per root, its visual tokens [images, N, D]."""
        # All are looked at before any is sent.
        prefixes = [
            visual_prefix(root.prefix, list(visual), self._width)
            for root, visual in zip(plan.roots, visuals, strict=True)
        ]
        return _Asked(tuple(map(self._decoder.ask, prefixes, prompts)))

    def _take(self, plan: Plan, priors: Outcomes, asked: _Asked | EngineError, position: int) -> ClipAnswers:
        """Wait for a clip's replies and read them."""
        if isinstance(asked, EngineError):
            return asked
        replies = [of_root.result() for of_root in asked.replies]
        of_root = [iter(replies_of_root) for replies_of_root in replies]
        outcomes = _read_outcomes(plan, of_root)
        if not are_finite(outcomes):
            return EngineError.not_finite(position, "score", self._encoder.dtype)
        texts = [self._interview.tokenizer.decode(next(of_root[root]).tokens) for root, _ in _writing(plan)]
        return self._interview.answers(plan, outcomes, priors, texts)

    def _ask_blank(self, plan: Plan) -> Outcomes:
        visuals = [self._encoder.encode_blank(root.view)[0] for root in plan.roots]
        asked = self._ask(plan, _prompts(plan, most_tokens=0), visuals)
        return _read_outcomes(plan, [iter(of_root.result()) for of_root in asked.replies])


def _prompts(plan: Plan, most_tokens: int) -> list[list[Prompt]]:
    """Return the prompts per root: every node whose predictions are read, then the texts to write, if any."""
    prompts: list[list[Prompt]] = [[] for _ in plan.roots]
    for tree in plan.scoring:
        for position, node in enumerate(tree.nodes.tolist()):
            scored = tuple(tree.pairs[tree.pairs[:, 0] == position, 1].tolist())
            prompts[int(tree.tree.roots[node])].append(Prompt(_path(tree.tree, node), scored))
    if most_tokens:
        for root, ids in _writing(plan):
            prompts[root].append(Prompt(ids, most_tokens=most_tokens))
    return prompts


def _writing(plan: Plan) -> list[tuple[int, tuple[int, ...]]]:
    """Return root and ids of each writer's prompt."""
    leaves = [path[-1] for path in plan.paths]
    return [(int(plan.writing.roots[leaf]), _path(plan.writing, leaf)) for leaf in leaves]


def _path(tree: TokenTree, node: int) -> tuple[int, ...]:
    """Return the tokens from a root's end to a node: a node sees its ancestors, and parents come first."""
    return tuple(tree.tokens[tree.is_visible[node]].tolist())


def _read_outcomes(plan: Plan, replies: Sequence[Iterator[Reply]]) -> Outcomes:
    """Return the outcomes' log-likelihoods; takes from the replies per root what `_prompts` asked first."""
    sequences: list[NDArray[np.float64]] = []
    for tree in plan.scoring:
        log_probs = np.empty(len(tree.pairs))
        for position, node in enumerate(tree.nodes):
            log_probs[tree.pairs[:, 0] == position] = next(replies[int(tree.tree.roots[node])]).log_probs
        sequences.append(tree.log_probs(log_probs))
    return plan.outcomes(sequences)


def _check_device(device: torch.device) -> None:
    """Refuse a device that vLLM would not use: it takes the first of the kind that it was built for."""
    kind = str(current_platform.device_type)
    if device.type != kind or device.index:
        raise ValueError(
            f"the vLLM engine cannot use device {device}: the vLLM that is installed uses {kind}; "
            "choose a GPU with CUDA_VISIBLE_DEVICES"
        )
