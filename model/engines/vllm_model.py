"""Face-LLaVA's decoder as vLLM runs it: a LLaMA that takes clips as ready visual tokens.

Towers, projector and landmark branch stay in `model.network.face_llava`. What they make of a clip enters as
one item of modality `image`: its visual tokens [tokens, width], in the order of their places in the prompt.
"""
# ruff: noqa: ARG002 - vLLM fixes the signatures

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor
from transformers import BatchFeature
from vllm.config.multimodal import MultiModalDummyOptions
from vllm.model_executor.models.interfaces import MultiModalEmbeddings, SupportsMultiModal
from vllm.model_executor.models.llama import LlamaForCausalLM
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.inputs import MultiModalFieldConfig, MultiModalKwargsItems
from vllm.multimodal.parse import MultiModalDataItems
from vllm.multimodal.processing import (
    BaseDummyInputsBuilder,
    BaseMultiModalProcessor,
    BaseProcessingInfo,
    PromptUpdate,
)

MODALITY = "image"
FIELD = "visual_tokens"
"""Name of a clip's tokens on their way to `embed_multimodal`, and of their highest number in the config."""


class _Sizes(BaseProcessingInfo):
    """How much of a prompt is visual."""

    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        return {MODALITY: None}

    def get_mm_max_tokens_per_item(self, seq_len: int, mm_counts: Mapping[str, int]) -> Mapping[str, int]:
        return {MODALITY: int(getattr(self.get_hf_config(), FIELD))}


class _NoDummies(BaseDummyInputsBuilder[_Sizes]):
    """There is no encoder whose memory would have to be measured with dummies."""

    def get_dummy_text(self, mm_counts: Mapping[str, int]) -> str:
        return ""

    def get_dummy_mm_data(
        self, seq_len: int, mm_counts: Mapping[str, int], mm_options: MultiModalDummyOptions
    ) -> dict[str, Any]:
        return {}


class _NoProcessor(BaseMultiModalProcessor[_Sizes]):
    """Prompts come with their visual tokens in place: there is nothing left to process."""

    requires_tokenizer = False

    def _get_mm_fields_config(
        self, hf_inputs: BatchFeature, hf_processor_mm_kwargs: Mapping[str, object]
    ) -> Mapping[str, MultiModalFieldConfig]:
        return {FIELD: MultiModalFieldConfig.batched(MODALITY)}

    def _get_prompt_updates(
        self,
        mm_items: MultiModalDataItems,
        hf_processor_mm_kwargs: Mapping[str, object],
        out_mm_kwargs: MultiModalKwargsItems,
    ) -> Sequence[PromptUpdate]:
        return []


@MULTIMODAL_REGISTRY.register_processor(_NoProcessor, info=_Sizes, dummy_inputs=_NoDummies)
class FaceLlavaDecoder(LlamaForCausalLM, SupportsMultiModal):
    """vLLM's LLaMA, with visual tokens in place of some of the prompt's embeddings."""

    def embed_multimodal(self, **kwargs: object) -> MultiModalEmbeddings:
        """Return the visual tokens per clip: they are ready."""
        return list(cast("Iterable[Tensor]", kwargs[FIELD]))

    def embed_input_ids(
        self,
        input_ids: Tensor,
        multimodal_embeddings: MultiModalEmbeddings | None = None,
        *,
        is_multimodal: Tensor | None = None,
    ) -> Tensor:
        """Return the embeddings [ids, width] of ids [ids], with visual tokens where `is_multimodal`."""
        embeddings: Tensor = self.model.embed_input_ids(input_ids)
        if multimodal_embeddings is None or is_multimodal is None or len(multimodal_embeddings) == 0:
            return embeddings
        embeddings[is_multimodal] = torch.cat(list(multimodal_embeddings)).to(embeddings.dtype)
        return embeddings
