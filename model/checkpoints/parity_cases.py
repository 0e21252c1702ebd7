"""What a checkpoint makes of the inputs of a parity directory, see `model.checkpoints.parity`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from transformers import DynamicCache

from model.network.config import Kind
from model.network.face_llava import FaceLlava, VisualTrace

DECODED = ("encoded", "logits", "generated_ids")
"""What a case ends in."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """What a decoder says behind a prompt: greedy ids, and the log-probabilities [V] of the first of them."""

    ids: tuple[int, ...]
    log_probs: Tensor


ContinuePrompts = Callable[[Sequence[tuple[Tensor, Sequence[Tensor]]], int], list[Continuation]]
"""Takes prompts (ids, pictures) and a number of ids to write, eos or not."""


class Cases:
    """Every tensor that the inputs allow to compute, under the names of expected.safetensors.

    Args:
        model: in float32; without its decoder when something else continues prompts.
        inputs: of inputs.safetensors.
        expected: of expected.safetensors: how many ids to generate.
        mixed_visuals: kind and row of the mixed batch's pictures, in reading order.
        continue_prompts: the decoder, where it is not the model's own.
    """

    def __init__(
        self,
        model: FaceLlava,
        inputs: Mapping[str, Tensor],
        expected: Mapping[str, Tensor],
        mixed_visuals: Sequence[tuple[Kind, int]] | None,
        continue_prompts: ContinuePrompts | None,
    ):
        self._model = model
        self._inputs = inputs
        self._expected = expected
        self._mixed_visuals = mixed_visuals
        self._continue_prompts = continue_prompts

    def compute(self) -> Iterator[tuple[str, Tensor]]:
        """Yield names and tensors.

        Raises:
            KeyError: the inputs lack something that a case needs.
            ValueError, IndexError, RuntimeError: they do not fit the model.
        """
        for kind in ("video", "image"):
            if f"{kind}_pixels" not in self._inputs:
                continue
            plain = self._trace(kind, has_landmarks=False)
            yield f"{kind}.tower_features", plain.features
            yield f"{kind}.projected", plain.projected
            yield from self._decode(kind, kind, plain)
            if self._has_landmarks(kind):
                guided = self._trace(kind, has_landmarks=True)
                yield from self._guidance(kind, guided)
                yield from self._decode(kind, f"{kind}_landmarks", guided)
        if "mixed_input_ids" in self._inputs and self._continue_prompts is None:
            yield from self._mixed()

    def _has_landmarks(self, kind: str) -> bool:
        return f"{kind}_landmarks" in self._inputs and self._model.config.cross_attention != "none"

    def _trace(self, kind: str, *, has_landmarks: bool) -> VisualTrace:
        trace = self._model.trace_video if kind == "video" else self._model.trace_image
        landmarks = self._inputs[f"{kind}_landmarks"] if has_landmarks else None
        return trace(self._inputs[f"{kind}_pixels"], landmarks)

    def _guidance(self, kind: str, trace: VisualTrace) -> Iterator[tuple[str, Tensor]]:
        """Yield what only landmarks bring about."""
        found = {
            f"{kind}.landmark_local": trace.landmark_local,
            f"{kind}.landmark_global": trace.landmark_global,
            f"{kind}.landmark_tokens": trace.landmark_tokens,
            f"{kind}_landmarks.rpp_mask": trace.proximity_mask,
            f"{kind}_landmarks.cross_attn_block": trace.block,
        }
        yield from ((name, tensor) for name, tensor in found.items() if tensor is not None)

    def _decode(self, kind: str, case: str, trace: VisualTrace) -> Iterator[tuple[str, Tensor]]:
        """Yield the visual tokens, and what the LLM says to them when there are prompts."""
        yield f"{case}.encoded", trace.encoded
        prompts = self._inputs.get(f"{kind}_input_ids")
        if prompts is None:
            return
        pictures = [self._pictures(kind, trace, row) for row in range(len(prompts))]
        name = f"{case}.generated_ids"
        steps = self._expected[name].shape[-1] if name in self._expected else 1
        if self._continue_prompts is not None:
            found = self._continue_prompts(list(zip(prompts, pictures, strict=True)), steps)
            yield name, torch.tensor([continuation.ids for continuation in found])
            yield f"{case}.next_log_probs", torch.stack([continuation.log_probs for continuation in found])
            return
        output = self._model(prompts, [picture for row in pictures for picture in row], overflow="cut")
        yield f"{case}.logits", output.logits
        answers = [self._generate(ids, row, steps) for ids, row in zip(prompts, pictures, strict=True)]
        yield name, torch.tensor(answers)

    def _pictures(self, kind: str, trace: VisualTrace, row: int) -> list[Tensor]:
        """Return a row's pictures [N, D]: the frames of a video, or the one image."""
        return list(trace.encoded[row]) if kind == "video" else [trace.encoded[row]]

    def _generate(self, ids: Tensor, pictures: list[Tensor], steps: int) -> list[int]:
        """Return greedy ids for one prompt alone, one by one with a key-value cache."""
        llm = self._model.llm
        embeds = self._model.splice([ids], pictures, overflow="cut").inputs_embeds
        cache = DynamicCache(config=llm.config)
        answer: list[int] = []
        for _ in range(steps):
            output = llm(inputs_embeds=embeds, past_key_values=cache, use_cache=True, logits_to_keep=1)
            answer.append(int(cast("Tensor", output.logits)[0, -1].argmax()))
            embeds = self._model.embed_tokens(torch.tensor([answer[-1:]]))
        return answer

    def _mixed(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the ragged batch; every sample in it has landmarks."""
        order = self._mixed_visuals
        if order is None:
            raise ValueError("meta.json has no notes.mixed_visuals_in_order")
        kinds = {kind for kind, _ in order}
        traces = {kind: self._trace(kind, has_landmarks=self._has_landmarks(kind)) for kind in kinds}
        output = self._model(
            self._inputs["mixed_input_ids"],
            [picture for kind, row in order for picture in self._pictures(kind, traces[kind], row)],
            self._inputs["mixed_attention_mask"],
            self._inputs["mixed_labels"],
            overflow="cut",
        )
        mask = output.spliced.attention_mask
        yield "mixed.logits", output.logits.where(mask[..., None], 0.0)
        yield "mixed.expanded_attention_mask", mask
        yield "mixed.expanded_labels", output.spliced.labels
        yield "mixed.loss", output.loss[None]
