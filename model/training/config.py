"""How a stage is trained; what is left open is the paper's."""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

from model.prompting.prompts import TemplateName

Stage = Literal["1", "2"]
"""1: only the landmark projectors and the cross-attention learn; 2: all but the towers."""


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """Low-rank adapters in place of the decoder's own weights."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    rank: int = 128
    alpha: int = 256
    """Their factor is alpha / rank."""
    dropout: float = 0.05

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha < 1 or not 0 <= self.dropout < 1:
            raise ValueError(
                f"lora rank {self.rank}, alpha {self.alpha}, dropout {self.dropout}: give numbers from 1, a "
                "dropout from 0 to below 1"
            )


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """A stage's settings; those that are not set are the published script's of that stage.

    Those scripts ran on 7 GPUs, with a batch of 24 in stage 1 and of 16 in stage 2 on each. They tune the
    decoder fully, where the paper's figure marks it as LoRA-tuned; `lora` has an older script's settings.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    epochs: int = 1
    """Passes over the data."""
    batch_size: int | None = None
    """Samples per process and forward pass; 24 in stage 1, 16 in stage 2."""
    accumulation: int = 1
    """Forward passes per step of the optimiser."""
    learning_rate: float | None = None
    """At its highest; 1e-4 in stage 1, 2e-5 in stage 2, 2e-4 with LoRA."""
    warmup_share: float = 0.03
    """Share of the steps in which the learning rate rises; after them it falls along a cosine to 0."""
    weight_decay: float = 0.0
    optimiser: Literal["adamw", "muon"] = "adamw"
    """`muon` turns the matrices of layers by Muon, which makes more of few steps from random weights."""
    max_gradient_norm: float = 1.0
    """Gradients that are longer together are shortened to it; inf never does."""
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    """Of the arithmetic; what learns is kept in float32."""
    weights_dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    """Of the result's weights."""
    is_checkpointing: bool = True
    """Compute the decoder's activations again for the gradients instead of keeping them."""
    lora: LoraConfig | None = None
    """In stage 2: adapters for the decoder, merged into its weights at the end; None tunes it fully."""
    template: TemplateName = "training"
    """Wording around a conversation, `training` as the official one, or `inference`."""
    steps: int | None = None
    """Steps of the optimiser after which to stop; the schedule ends there, too."""
    seed: int = 42
    """Of the order of the samples, of fresh weights and of dropout."""
    save_steps: int = 500
    """Steps between two states that a killed run can begin again from."""
    kept_states: int = 1
    """States that are kept, the newest ones."""
    loader_processes: int = field(default=0, metadata={"changes_results": False})
    """Processes that read pictures ahead; 0 reads them in between."""
    threads: int | None = field(default=None, metadata={"changes_results": False})
    """Of torch on the CPU; None leaves them as they are."""

    def __post_init__(self) -> None:
        counts = {
            "epochs": self.epochs,
            "batch_size": 1 if self.batch_size is None else self.batch_size,
            "accumulation": self.accumulation,
            "steps": 1 if self.steps is None else self.steps,
            "save_steps": self.save_steps,
            "kept_states": self.kept_states,
            "threads": 1 if self.threads is None else self.threads,
        }
        for name, count in counts.items():
            if count < 1:
                raise ValueError(f"training {name} is {count}; give 1 or more")
        rate = 1.0 if self.learning_rate is None else self.learning_rate
        if not (math.isfinite(rate) and rate > 0 and self.max_gradient_norm > 0):
            raise ValueError(
                f"training learning_rate {rate} and max_gradient_norm {self.max_gradient_norm}: give numbers "
                "above 0"
            )
        if not 0 <= self.warmup_share <= 1 or not self.weight_decay >= 0 or self.loader_processes < 0:
            raise ValueError(
                f"training warmup_share {self.warmup_share} must be from 0 to 1, weight_decay "
                f"{self.weight_decay} and loader_processes {self.loader_processes} from 0"
            )

    def batch_size_in(self, stage: Stage) -> int:
        """Return the samples per process and forward pass."""
        return self.batch_size or {"1": 24, "2": 16}[stage]

    def learning_rate_in(self, stage: Stage) -> float:
        """Return the highest learning rate."""
        published = {"1": 1e-4, "2": 2e-5 if self.lora is None else 2e-4}
        return published[stage] if self.learning_rate is None else self.learning_rate


def parse_stage(name: str) -> Stage:
    """Return the stage of a name.

    Raises:
        ValueError: there is none.
    """
    for stage in get_args(Stage):
        if name == stage:
            return stage
    raise ValueError(f"there is no stage {name!r}; stages are {', '.join(get_args(Stage))}")
