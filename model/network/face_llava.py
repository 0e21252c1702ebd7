"""Face-LLaVA: towers, projector, landmark branch and LLM.

    pixels --> tower --> projector --> visual tokens --(+ landmark branch)--> into the prompt --> LLaMA
    landmarks --> region projector + global projector --> landmark tokens --^

Chaubey, Guan, Soleymani: Face-LLaVA, arXiv 2504.07198, its architecture figure. Sizes and names follow the
released code and weights, which differ from the paper where `landmarks` and `cross_attention` say so.

Shapes:
    B batch, T frames, C channels (of pixels or tower), H W pixels, N visual tokens of a picture, R landmark
    regions, D width of the LLM, P landmark coordinates (x0 y0 x1 y1 ..., 0..1 of the crop), L spliced length,
    V vocabulary
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from model.network.config import FaceLlavaConfig, LlmConfig
from model.network.cross_attention import CrossAttention
from model.network.landmarks import POINTS, RegionProjector
from model.network.splicing import IGNORED_LABEL, Spliced, splice
from model.network.tower import VisionTower


@dataclass(frozen=True, slots=True)
class VisualTrace:
    """What the vision side computes on the way; of an image, everything lacks T."""

    features: Tensor
    """[B, T, N, width of the tower], before the projector."""
    projected: Tensor
    """[B, T, N, D]."""
    encoded: Tensor
    """[B, T, N, D], what goes into the LLM."""
    landmark_local: Tensor | None = None
    """[B, T, R, D]; this and what follows are None without landmarks."""
    landmark_global: Tensor | None = None
    """[B, T, D]."""
    landmark_tokens: Tensor | None = None
    """[B, T, R, D], local plus global."""
    proximity_mask: Tensor | None = None
    """[B, T, N, R], additive; None for the variant without."""
    block: Tensor | None = None
    """[B, T, N, D], LayerNorm(v + attention), before the branch's output linear."""


@dataclass(frozen=True, slots=True)
class Output:
    """What the model says to a spliced batch."""

    logits: Tensor
    """[B, L, V]; those of padding mean nothing."""
    loss: Tensor | None
    """Mean cross entropy of the next token in float32, IGNORED_LABEL left out; None without labels."""
    spliced: Spliced


class FaceLlava(nn.Module):
    """The network, with the official parameter names but for the prefixes (see model.checkpoints.weights)."""

    def __init__(self, config: FaceLlavaConfig):
        super().__init__()
        self.config = config
        width = config.llm.hidden_size
        self.llm = LlamaForCausalLM(llama_config(config.llm))
        self.image_tower = config.image_tower and VisionTower(config.image_tower, config.select_layer)
        self.video_tower = config.video_tower and VisionTower(config.video_tower, config.select_layer)
        self.mm_projector = _build_projector(config.projector, config.tower_hidden_size, width)
        self.landmarks_projector = self.global_landmarks_projector = self.landmarks_cross_attn = None
        if config.cross_attention != "none":
            self.landmarks_projector = RegionProjector(width)
            self.global_landmarks_projector = nn.Linear(2 * POINTS, width)
            self.landmarks_cross_attn = CrossAttention(config)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the vision side and of the embeddings."""
        return next(self.mm_projector.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """The device that holds the weights."""
        return next(self.mm_projector.parameters()).device

    @property
    def has_decoder(self) -> bool:
        """Whether the LLM is here, and not elsewhere."""
        return hasattr(self, "llm")

    def drop_decoder(self) -> None:
        """Forget the LLM and its memory: what is left makes visual tokens for a decoder elsewhere."""
        del self.llm

    def encode_video(self, pixels_BCTHW: Tensor, landmarks_BTP: Tensor | None = None) -> Tensor:
        """Return visual tokens [B, T, N, D] of normalised pixels; N counts CLS and patches.

        Without landmarks the face branch is skipped, as in the released inference script.

        Raises:
            ValueError: sizes differ from the configuration, or there are landmarks and no branch for them.
        """
        return self.trace_video(pixels_BCTHW, landmarks_BTP).encoded

    def encode_image(self, pixels_BCHW: Tensor, landmarks_BP: Tensor | None = None) -> Tensor:
        """Return visual tokens [B, N, D] of normalised pixels; N counts patches, and CLS for `cls_patch`."""
        return self.trace_image(pixels_BCHW, landmarks_BP).encoded

    def trace_video(self, pixels_BCTHW: Tensor, landmarks_BTP: Tensor | None = None) -> VisualTrace:
        """Encode a video and return every intermediate tensor."""
        if self.video_tower is None:
            raise ValueError("this model has no video tower")
        with torch.no_grad():  # the towers are frozen
            features_BTNC = self.video_tower.encode_video(pixels_BCTHW.to(self.device, self.dtype))
        return self._trace(features_BTNC, landmarks_BTP)

    def trace_image(self, pixels_BCHW: Tensor, landmarks_BP: Tensor | None = None) -> VisualTrace:
        """Encode an image, as one frame, and return every intermediate tensor."""
        if self.image_tower is None:
            raise ValueError("this model has no image tower")
        with torch.no_grad():
            pixels_BCHW = pixels_BCHW.to(self.device, self.dtype)
            features_BNC = self.image_tower.encode_image(pixels_BCHW, self.config.select_feature)
        trace = self._trace(features_BNC[:, None], None if landmarks_BP is None else landmarks_BP[:, None])
        tensors: dict[str, Tensor | None] = {
            field.name: getattr(trace, field.name) for field in fields(trace)
        }
        return replace(
            trace, **{name: tensor[:, 0] for name, tensor in tensors.items() if tensor is not None}
        )

    def _trace(self, features_BTNC: Tensor, landmarks_BTP: Tensor | None) -> VisualTrace:
        projected_BTND = cast("Tensor", self.mm_projector(features_BTNC))
        if landmarks_BTP is None:
            return VisualTrace(features_BTNC, projected_BTND, encoded=projected_BTND)
        if (
            self.landmarks_projector is None
            or self.global_landmarks_projector is None
            or self.landmarks_cross_attn is None
        ):
            raise ValueError("this model has no landmark branch; encode without landmarks")
        wanted = (*features_BTNC.shape[:2], 2 * POINTS)
        if landmarks_BTP.shape != wanted:
            raise ValueError(f"landmarks are {tuple(landmarks_BTP.shape)}; these pictures need {wanted}")
        landmarks_BTP = landmarks_BTP.to(self.device)
        local_BTRD = cast("Tensor", self.landmarks_projector(landmarks_BTP.to(self.dtype)))
        global_BTD = cast("Tensor", self.global_landmarks_projector(landmarks_BTP.to(self.dtype)))
        tokens_BTRD = local_BTRD + global_BTD[..., None, :]
        encoded_BTND, block_BTND, mask_BTNR = self.landmarks_cross_attn(
            projected_BTND, tokens_BTRD, landmarks_BTP
        )
        return VisualTrace(
            features_BTNC,
            projected_BTND,
            encoded=encoded_BTND,
            landmark_local=local_BTRD,
            landmark_global=global_BTD,
            landmark_tokens=tokens_BTRD,
            proximity_mask=mask_BTNR,
            block=block_BTND,
        )

    def embed_tokens(self, ids: Tensor) -> Tensor:
        """Return embeddings [..., D] of token ids [...] int64."""
        return cast("Tensor", self.llm.get_input_embeddings()(ids.to(self.device)))

    def splice(
        self,
        input_ids: Tensor | Sequence[Tensor],
        visuals: Sequence[Tensor],
        attention_mask: Tensor | None = None,
        labels: Tensor | Sequence[Tensor] | None = None,
        overflow: Literal["error", "cut"] = "error",
    ) -> Spliced:
        """Replace the placeholders of prompts by pictures [N, D]; see model.network.splicing.splice."""
        return splice(
            self.embed_tokens,
            input_ids,
            visuals,
            attention_mask,
            labels,
            max_length=self.config.max_length,
            overflow=overflow,
        )

    def forward(
        self,
        input_ids: Tensor | Sequence[Tensor],
        visuals: Sequence[Tensor],
        attention_mask: Tensor | None = None,
        labels: Tensor | Sequence[Tensor] | None = None,
        overflow: Literal["error", "cut"] = "error",
    ) -> Output:
        """Return the logits of every spliced position, and the loss when there are labels.

        The arguments are those of model.network.splicing.splice.
        """
        spliced = self.splice(input_ids, visuals, attention_mask, labels, overflow)
        decoded = self.llm(
            inputs_embeds=spliced.inputs_embeds,
            attention_mask=spliced.attention_mask,
            position_ids=spliced.position_ids,
            use_cache=False,
        )
        logits_BLV = cast("Tensor", decoded.logits)
        loss = None
        if spliced.labels is not None:
            scores, targets = logits_BLV[:, :-1].flatten(0, 1).float(), spliced.labels[:, 1:].flatten()
            loss = F.cross_entropy(scores, targets.to(self.device), ignore_index=IGNORED_LABEL)
        return Output(logits_BLV, loss, spliced)


def llama_config(config: LlmConfig) -> LlamaConfig:
    """Return the decoder's configuration as transformers and vLLM take it."""
    return LlamaConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        intermediate_size=config.intermediate_size,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.kv_heads,
        hidden_act=config.activation,
        rms_norm_eps=float(config.rms_norm_eps),
        max_position_embeddings=config.max_positions,
        rope_parameters={"rope_type": "default", "rope_theta": float(config.rope_theta)},
        bos_token_id=config.bos_token_id,
        eos_token_id=config.eos_token_id,
        pad_token_id=config.pad_token_id,
        attn_implementation="sdpa",  # pyright: ignore[reportCallIssue] # an extra of PreTrainedConfig
    )


def _build_projector(kind: str, features: int, width: int) -> nn.Module:
    """Build the one projector that both towers share (`mm_projector_type`)."""
    if kind == "linear":
        return nn.Linear(features, width)
    depth = int(kind.removeprefix("mlp").removesuffix("x_gelu"))  # FaceLlavaConfig has checked the name
    layers: list[nn.Module] = [nn.Linear(features, width)]
    for _ in range(depth - 1):
        layers += [nn.GELU(), nn.Linear(width, width)]
    return nn.Sequential(*layers)
