"""What answers questions about face clips; implemented in torch by `model.torch_engine`."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from model.answers import Answer
from model.clip import FaceClip
from model.config import BranchKind
from model.prompts import TemplateName
from model.questions import Question

if TYPE_CHECKING:
    from model.checkpoint import Checkpoint


_DEVICE = re.compile(r"[a-z]+(:\d{1,3})?")


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How the model is run.

    Attributes:
        device: for `load_checkpoint`: `auto` (CUDA when there is one), `cpu`, `cuda`, `cuda:1`, ...
        dtype: for `load_checkpoint`: of weights and activations; `auto`: bfloat16 on CUDA, float32 elsewhere.
        quantization: for `load_checkpoint`: bits of the decoder's linear layers, `8bit`, `4bit` or `none`.
        cross_attention: for `load_checkpoint`: variant of the landmark branch, see `model.cross_attention`;
            None is the checkpoint's own. `masked` and `geometric` have the same weights, `simple` others.
        branch_scale: for `load_checkpoint`: factor on the landmark branch; None is the checkpoint's own.
        batch_clips: clips computed at once; bounds the memory.
        max_new_tokens: longest text per question.
        template: wording of the conversation, see `model.prompts.TEMPLATES`.
        tree_tokens: most tokens of answers scored in one forward pass; bounds the memory.
        threads: of torch on the CPU, process-wide; None leaves them as they are.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    device: str = field(default="auto", metadata={"changes_results": False})
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    quantization: Literal["none", "8bit", "4bit"] = "none"
    cross_attention: BranchKind | None = None
    branch_scale: float | None = None
    batch_clips: int = field(default=4, metadata={"changes_results": False})
    max_new_tokens: int = 96
    template: TemplateName = "inference"
    tree_tokens: int = field(default=1024, metadata={"changes_results": False})
    threads: int | None = field(default=None, metadata={"changes_results": False})

    def __post_init__(self) -> None:
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


ClipAnswers = list[Answer] | EngineError
"""Of one clip: an answer per question, or why there is none. The error is returned, not raised, so that one
bad clip does not take the others' answers with it."""


class Engine(Protocol):
    """Answers questions about clips."""

    def describe(self, clips: Sequence[FaceClip], questions: Sequence[Question]) -> list[ClipAnswers]:
        """Return per clip the answers in the order of the questions, or the error of that clip.

        The answers about a clip do not depend on the other clips of the list but for rounding, and the same
        list gives the same bits again.

        Raises:
            ValueError: when a question cannot be asked of this model: its prompt is too long, its answers are
                not told apart by their tokens, or the model has no tower for its view.
        """
        ...


def open_engine(checkpoint: "Checkpoint", config: EngineConfig) -> Engine:
    """Return the torch engine over a loaded checkpoint.

    Raises:
        ValueError: when the tokenizer and the model do not belong together.
    """
    from model.torch_engine import TorchEngine  # noqa: PLC0415 - the interface does not load its implementation

    return TorchEngine(checkpoint.model, checkpoint.tokenizer_path, config)
