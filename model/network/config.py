"""The whole model's sizes and settings; `model.checkpoints.layout` reads and writes the official files.

Nothing has a fixed size; the defaults are those of Face-LLaVA-7B.
"""

import math
import re
from dataclasses import dataclass
from typing import Literal, get_args

from transformers.activations import ACT2FN

BranchKind = Literal["simple", "masked", "geometric"]
"""Variants of the landmark branch, see model.network.cross_attention."""
CrossAttentionKind = Literal["none", BranchKind]
Kind = Literal["image", "video"]

_RGB = 3


class CheckpointError(Exception):
    """A checkpoint that cannot be used, with everything that was found wrong with it.

    Attributes:
        checkpoint: directory or hub id.
        problems: one sentence each.
    """

    def __init__(self, checkpoint: str, problems: tuple[str, ...]):
        super().__init__(checkpoint, problems)
        self.checkpoint = checkpoint
        self.problems = problems

    def __str__(self) -> str:
        return f"checkpoint {self.checkpoint}: " + "; ".join(self.problems)


class IncompleteError(CheckpointError):
    """A checkpoint of which whole files are not on this machine; the problems name them all."""


def _check_sizes(of: str, limit: int, **sizes: object) -> None:
    """Refuse what is no count: a model of absurd sizes would take for ever to build, even without weights."""
    for name, value in sizes.items():
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= limit:
            raise ValueError(f"{of} {name} {value!r} is no whole number from 1 to {limit:,}")


def _check_number(of: str, name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{of} {name} {value!r} is no finite number from 0")


def _check_activation(of: str, name: object) -> None:
    if not isinstance(name, str) or name not in ACT2FN:
        raise ValueError(f"{of} activation {name!r} is not known to transformers")


@dataclass(frozen=True, slots=True)
class LlmConfig:
    """Sizes of the LLaMA decoder; the defaults are Vicuna-7B v1.5."""

    vocab_size: int = 32000
    hidden_size: int = 4096
    intermediate_size: int = 11008
    layers: int = 32
    heads: int = 32
    kv_heads: int = 32
    activation: str = "silu"
    rms_norm_eps: float = 1e-5
    max_positions: int = 4096
    rope_theta: float = 10000.0
    bos_token_id: int = 1
    eos_token_id: int = 2
    pad_token_id: int = 0

    def __post_init__(self) -> None:
        _check_sizes(
            "decoder", 1 << 22, vocab_size=self.vocab_size, max_position_embeddings=self.max_positions
        )
        _check_sizes(
            "decoder", 1 << 18, hidden_size=self.hidden_size, intermediate_size=self.intermediate_size
        )
        _check_sizes(
            "decoder",
            1024,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.kv_heads,
        )
        _check_number("decoder", "rms_norm_eps", self.rms_norm_eps)
        _check_number("decoder", "rope_theta", self.rope_theta)
        _check_activation("decoder", self.activation)
        if self.hidden_size % (2 * self.heads):
            raise ValueError(
                f"decoder width {self.hidden_size} does not divide into {self.heads} heads of even width"
            )
        if self.heads % self.kv_heads:
            raise ValueError(
                f"decoder's {self.heads} heads do not divide among {self.kv_heads} key-value heads"
            )
        for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
            token: object = getattr(self, name)
            if not isinstance(token, int) or not -1 <= token < self.vocab_size:
                raise ValueError(f"decoder {name} {token!r} is no token of {self.vocab_size:,}")

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.heads


@dataclass(frozen=True, slots=True)
class TowerConfig:
    """Sizes of one LanguageBind vision tower; the defaults are its image tower, ViT-L/14."""

    hidden_size: int = 1024
    intermediate_size: int = 4096
    layers: int = 24
    heads: int = 16
    channels: int = 3
    image_size: int = 224
    """Side of the square picture, pixels."""
    patch_size: int = 14
    activation: str = "gelu"
    layer_norm_eps: float = 1e-5
    frames: int = 1
    """Frames per video; temporal attention works on exactly so many."""
    has_temporal_attention: bool = False

    def __post_init__(self) -> None:
        _check_sizes("tower", 1 << 16, hidden_size=self.hidden_size, intermediate_size=self.intermediate_size)
        _check_sizes("tower", 1 << 13, image_size=self.image_size, patch_size=self.patch_size)
        _check_sizes(
            "tower",
            1024,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_frames=self.frames,
        )
        _check_number("tower", "layer_norm_eps", self.layer_norm_eps)
        _check_activation("tower", self.activation)
        if self.has_temporal_attention not in (True, False):
            raise ValueError(f"tower add_time_attn {self.has_temporal_attention!r} is neither true nor false")
        if self.channels != _RGB:
            raise ValueError(f"tower num_channels {self.channels!r} is not {_RGB}: pictures are RGB")
        if self.hidden_size % self.heads:
            raise ValueError(f"tower width {self.hidden_size} does not divide into {self.heads} heads")
        if self.patch_size > self.image_size:
            raise ValueError(f"tower patches of {self.patch_size} px exceed its {self.image_size} px picture")

    @property
    def grid_size(self) -> int:
        """Patches along one side of the picture."""
        return self.image_size // self.patch_size

    @property
    def patches(self) -> int:
        """Patches of one picture, CLS not counted."""
        return self.grid_size**2


@dataclass(frozen=True, slots=True)
class FaceLlavaConfig:
    """Everything that fixes the network's arithmetic; the defaults are Face-LLaVA-7B as released."""

    llm: LlmConfig = LlmConfig()
    image_tower: TowerConfig | None = TowerConfig()
    video_tower: TowerConfig | None = TowerConfig(frames=8, has_temporal_attention=True)
    image_tower_id: str | None = "LanguageBind/LanguageBind_Image"
    video_tower_id: str | None = "LanguageBind/LanguageBind_Video_merge"
    select_layer: int = -2
    """Index into the towers' hidden states: 0 is the embedding, -1 the last layer's output."""
    select_feature: Literal["patch", "cls_patch"] = "patch"
    """Whether the image keeps its CLS token; a video always does."""
    projector: str = "mlp2x_gelu"
    """`linear` or `mlp<depth>x_gelu`."""
    cross_attention: CrossAttentionKind = "simple"
    """Variant of the landmark branch, see `cross_attention`; `none` is Video-LLaVA without faces."""
    branch_scale: float = 0.1
    """Factor on the landmark branch before the residual. The official config does not hold it: its code says
    0.1 since 29 Sep 2025 and 0.001 before; which of them the released weights expect is not known."""
    branch_heads: int = 8
    branch_layer_norm_eps: float = 1e-5
    max_length: int | None = 3072
    """Longest spliced sequence, tokens (`tokenizer_model_max_length`)."""
    weights_dtype: str = "float16"
    """Name of the torch dtype in which the checkpoint was saved."""
    is_marked_demonstration: bool = False
    """True when config.json says that the answers mean nothing on real people."""

    def __post_init__(self) -> None:
        if not self._towers:
            raise ValueError("the model has neither an image tower nor a video tower")
        if len({tower.hidden_size for tower in self._towers}) > 1:
            raise ValueError("the image tower and the video tower differ in width but share one projector")
        for tower in self._towers:
            layer: object = self.select_layer
            if type(layer) is not int or layer not in range(-tower.layers - 1, tower.layers + 1):
                raise ValueError(
                    f"select layer {self.select_layer!r} does not exist in {tower.layers} layers"
                )
        if self.select_feature not in ("patch", "cls_patch"):
            raise ValueError(f"select feature {self.select_feature!r} is neither 'patch' nor 'cls_patch'")
        if not re.fullmatch(r"linear|mlp[1-9]\d?x_gelu", str(self.projector)):
            raise ValueError(f"projector {self.projector!r} is neither 'linear' nor 'mlp<depth>x_gelu'")
        if self.max_length is not None:
            _check_sizes("model", 1 << 22, tokenizer_model_max_length=self.max_length)
        self._check_branch()

    def _check_branch(self) -> None:
        if self.cross_attention not in get_args(CrossAttentionKind):
            raise ValueError(
                f"cross-attention {self.cross_attention!r} is none of {get_args(CrossAttentionKind)}"
            )
        if self.cross_attention != "none" and self.llm.hidden_size % self.branch_heads:
            raise ValueError(
                f"width {self.llm.hidden_size} does not divide into {self.branch_heads} branch heads"
            )
        _check_number("model", "branch_scale", self.branch_scale)

    @property
    def _towers(self) -> list[TowerConfig]:
        return [tower for tower in (self.image_tower, self.video_tower) if tower is not None]

    @property
    def tower_hidden_size(self) -> int:
        """Width of the towers' features (`mm_hidden_size`)."""
        return self._towers[0].hidden_size

    @property
    def image_tokens(self) -> int:
        """Tokens that replace the placeholder of an image: 256 for ViT-L/14 at 224 px."""
        if self.image_tower is None:
            raise ValueError("this model has no image tower")
        return self.image_tower.patches + (self.select_feature == "cls_patch")

    @property
    def frame_tokens(self) -> int:
        """Tokens that replace the placeholder of one video frame: 257 for ViT-L/14 at 224 px."""
        if self.video_tower is None:
            raise ValueError("this model has no video tower")
        return self.video_tower.patches + 1

    @property
    def frames(self) -> int:
        """Frames, and so placeholders, of a video."""
        if self.video_tower is None:
            raise ValueError("this model has no video tower")
        return self.video_tower.frames
