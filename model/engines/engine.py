"""What answers questions about face clips; `torch_engine` and `vllm_engine` beside it implement it."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, Self

from model.answers import Answer
from model.clip import FaceClip
from model.network.config import BranchKind, LlmConfig
from model.prompting.prompts import TemplateName
from model.prompting.questions import Question

if TYPE_CHECKING:
    from model.checkpoints.checkpoint import Checkpoint


EngineKind = Literal["torch", "vllm"]


@dataclass(frozen=True, slots=True)
class VllmConfig:
    """How vLLM runs the decoder; nothing here changes a result but for rounding."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    gpu_memory_utilization: float = 0.8
    """Share of a GPU's memory for decoder and cache; the towers need the rest."""
    tensor_parallel_size: int = 1
    """GPUs that share one decoder."""
    max_num_seqs: int = 256
    """Prompts computed at once."""
    max_model_len: int | None = None
    """Longest prompt with its text, tokens; None is the model's own."""
    cpu_cache_gib: float = 4.0
    """Memory for keys and values where there is no GPU."""
    is_eager: bool = False
    """Run without compiling the decoder first, as on the CPU always; starts sooner, runs slower."""

    def __post_init__(self) -> None:
        counts = (
            self.tensor_parallel_size,
            self.max_num_seqs,
            1 if self.max_model_len is None else self.max_model_len,
        )
        if min(counts) < 1:
            raise ValueError(f"engine vllm: sizes {counts} must be 1 or more")
        if not 0 < self.gpu_memory_utilization <= 1 or not self.cpu_cache_gib > 0:
            raise ValueError(
                f"engine vllm: gpu_memory_utilization {self.gpu_memory_utilization} must be between 0 and 1, "
                f"and cpu_cache_gib {self.cpu_cache_gib} above 0"
            )


_DEVICE = re.compile(r"[a-z]+(:\d{1,3})?")


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How the model is run."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    kind: EngineKind = "torch"
    """What runs the decoder, `torch` or `vllm`. Part of the identity of results: the engines agree in
    float32, but in half precision rounding may turn a word of a text."""
    vllm: VllmConfig = field(default_factory=VllmConfig, metadata={"changes_results": False})
    """Settings of the vLLM engine."""
    device: str = field(default="auto", metadata={"changes_results": False})
    """Where it runs: `auto` (CUDA when there is one), `cpu`, `cuda`, `cuda:1`, ..."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of weights and activations: `float32`, `bfloat16`, `float16`, or `auto`, which is
    bfloat16 on CUDA and float32 elsewhere."""
    quantization: Literal["none", "8bit", "4bit"] = "none"
    """Bits of the decoder's linear layers: `8bit`, `4bit` or `none`."""
    cross_attention: BranchKind | None = None
    """Variant of the landmark branch, `simple`, `masked` or `geometric`, see `model.network.cross_attention`;
    None is the checkpoint's own. `masked` and `geometric` have the same weights, `simple` others."""
    branch_scale: float | None = None
    """Factor on the landmark branch; None is the checkpoint's own."""
    batch_clips: int = field(default=4, metadata={"changes_results": False})
    """Clips computed at once; bounds the memory."""
    max_new_tokens: int = 96
    """Longest text per question."""
    template: TemplateName = "inference"
    """Wording around a question, `inference` or `training`; see `model.prompting.prompts.TEMPLATES`."""
    tree_tokens: int = field(default=1024, metadata={"changes_results": False})
    """Most tokens of answers scored in one forward pass; bounds the memory."""
    threads: int | None = field(default=None, metadata={"changes_results": False})
    """Of torch on the CPU, process-wide; None leaves them as they are."""

    def __post_init__(self) -> None:
        if self.kind == "vllm" and self.quantization != "none":
            raise ValueError(
                f"the vLLM engine does not quantise ({self.quantization}); leave quantization at none"
            )
        if not _DEVICE.fullmatch(self.device):
            raise ValueError(
                f"engine device {self.device!r} is none; give auto, cpu, cuda, cuda:1 or the like"
            )
        if self.branch_scale is not None and not math.isfinite(self.branch_scale):
            raise ValueError(f"engine branch_scale is {self.branch_scale}; give a finite number, such as 0.1")
        for name, value in (("batch_clips", self.batch_clips), ("max_new_tokens", self.max_new_tokens)):
            if value < 1:
                raise ValueError(f"engine {name} is {value}; give 1 or more")
        if self.tree_tokens < 1 or (self.threads is not None and self.threads < 1):
            raise ValueError(
                f"engine tree_tokens {self.tree_tokens} and threads {self.threads} must be 1 or more"
            )

    @property
    def gpus(self) -> int:
        """GPUs that one engine works on together."""
        return self.vllm.tensor_parallel_size if self.kind == "vllm" else 1


class EngineError(Exception):
    """The model gives no finite result for one clip.

    Attributes:
        clip_index: position in the list that was given to `describe`.
        stage: `encode` or `score`.
        message: what happened and what to do.
    """

    def __init__(self, clip_index: int, stage: Literal["encode", "score"], message: str) -> None:
        super().__init__(clip_index, stage, message)
        self.clip_index = clip_index
        self.stage = stage
        self.message = message

    def __str__(self) -> str:
        return f"clip {self.clip_index}, {self.stage}: {self.message}"

    @classmethod
    def not_finite(cls, clip_index: int, stage: Literal["encode", "score"], dtype: object) -> Self:
        """Return the error of a clip whose numbers overflowed."""
        what = "visual features" if stage == "encode" else "likelihoods"
        return cls(clip_index, stage, f"{what} not finite in {dtype}; try float32, and check the landmarks")


class EngineDiedError(Exception):
    """The engine is gone, and all that it was asked with it; only a new process can ask again.

    Attributes:
        message: what is known.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NoReplyError(Exception):
    """The engine lives, but has not answered what it was asked; it may the next time.

    Attributes:
        message: what is known.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


ClipAnswers = list[Answer] | EngineError
"""Of one clip: an answer per question, or why there is none. The error is returned, not raised, so that one
bad clip does not take the others' answers with it."""


class Engine(Protocol):
    """Answers questions about clips."""

    def describe(self, clips: Sequence[FaceClip], questions: Sequence[Question]) -> list[ClipAnswers]:
        """Return per clip the answers in the order of the questions, or the error of that clip.

        The answers about a clip do not depend on the other clips of the list but for rounding. With torch
        the same list gives the same bits again; with vLLM, timing decides what is computed together.

        Raises:
            ValueError: when a question cannot be asked of this model: its prompt is too long, its answers are
                not told apart by their tokens, or the model has no tower for its view.
            EngineDiedError: the engine is gone.
        """
        ...


def check_engine(config: EngineConfig) -> None:
    """Refuse, before anything starts, an engine that is not installed.

    Raises:
        ValueError: it is not; the message says how to install it.
    """
    if config.kind == "vllm" and find_spec("vllm") is None:
        raise ValueError(
            "engine.kind is vllm, and vLLM is not installed here: `make gpu-vllm` installs it on a machine "
            'with an NVIDIA GPU, see docs/engines.md; without it, set engine.kind to "torch"'
        )


def check_decoder(decoder: LlmConfig, config: EngineConfig) -> None:
    """Refuse a decoder that an engine cannot run, which vLLM itself says only once it is started.

    Raises:
        ValueError: it cannot.
    """
    if config.kind == "vllm" and decoder.activation != "silu":
        raise ValueError(
            f"vLLM runs decoders with silu only, and this one has {decoder.activation}; "
            'set engine.kind to "torch"'
        )


def open_engine(checkpoint: "Checkpoint", config: EngineConfig) -> Engine:
    """Return the engine that a configuration asks for, over a loaded checkpoint.

    Args:
        checkpoint: for vLLM, loaded without its decoder.
        config: what to run, and how.

    Raises:
        ValueError: when the tokenizer and the model do not belong together, or the engine is not installed.
        EngineDiedError: vLLM does not start.
    """
    if config.kind == "vllm":
        check_engine(config)
        from model.engines.vllm_engine import VllmEngine  # noqa: PLC0415 - an extra

        return VllmEngine(checkpoint, config)
    from model.engines.torch_engine import TorchEngine  # noqa: PLC0415 - the interface does not load its implementation

    return TorchEngine(checkpoint.model, checkpoint.tokenizer_path, config)
