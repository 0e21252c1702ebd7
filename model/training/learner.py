"""What of a Face-LLaVA learns in a stage, and the loss that it learns from.

Shapes: N visual tokens of a picture, D width of the LLM
"""

from collections.abc import Iterator
from typing import cast

import torch
from peft import LoraConfig as PeftConfig
from peft import PeftModelForCausalLM, get_peft_model
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from model.network.face_llava import FaceLlava
from model.training.batch import Batch
from model.training.config import LoraConfig, Stage

BRANCH = ("landmarks_projector", "global_landmarks_projector", "landmarks_cross_attn")
"""Parts that stage 1 trains: the landmark branch of `model.network.face_llava.FaceLlava`."""
_TOWERS = ("image_tower.", "video_tower.")
_ADAPTED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class Learner(nn.Module):
    """A Face-LLaVA of which some parts learn, in float32; the others lie still.

    Args:
        model: as loaded; it is changed in place.
        stage: which parts.
        dtype: of the arithmetic, in which what lies still is kept.
        lora: adapters instead of the decoder's own weights.
        is_checkpointing: whether the decoder's activations are computed again for the gradients.

    Raises:
        ValueError: there is nothing that could learn.
    """

    def __init__(
        self,
        model: FaceLlava,
        stage: Stage,
        *,
        dtype: torch.dtype = torch.float32,
        lora: LoraConfig | None = None,
        is_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        if stage == "1" and model.landmarks_cross_attn is None:
            raise ValueError("stage 1 trains the landmark branch, and this model has none; train stage 2")
        if stage == "1" and lora is not None:
            raise ValueError("stage 1 trains the landmark branch alone; leave lora to stage 2")
        self.model = model
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(_learns(name, stage, has_adapters=lora is not None))
        if lora is not None:
            adapted = PeftConfig(
                r=lora.rank,
                lora_alpha=lora.alpha,
                lora_dropout=lora.dropout,
                target_modules=list(_ADAPTED),
                task_type="CAUSAL_LM",
            )
            model.llm = cast("LlamaForCausalLM", get_peft_model(model.llm, adapted))
        for parameter in model.parameters():
            parameter.data = parameter.data.to(torch.float32 if parameter.requires_grad else dtype)
        if is_checkpointing:
            model.llm.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})

    def forward(self, batch: Batch) -> Tensor:
        """Return the official loss, mean cross entropy of the answers' tokens; what is too long is cut."""
        loss = self.model(batch.input_ids, self.pictures(batch), labels=batch.labels, overflow="cut").loss
        assert loss is not None, "a batch has labels"
        return loss

    def pictures(self, batch: Batch) -> list[Tensor]:
        """Return the visual tokens [N, D] of every picture, in reading order of the rows."""
        of_row: dict[int, list[Tensor]] = {}
        for group in batch.visuals:
            if group.kind == "video":
                encoded = self.model.encode_video(group.pixels, group.landmarks)
                of_row |= zip(group.rows, (list(video) for video in encoded), strict=True)
            else:
                encoded = self.model.encode_image(group.pixels, group.landmarks)
                of_row |= zip(group.rows, ([image] for image in encoded), strict=True)
        return [picture for row in range(len(batch.input_ids)) for picture in of_row.get(row, [])]

    def learning(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield what learns, by name."""
        return (pair for pair in self.named_parameters() if pair[1].requires_grad)

    def merge(self) -> FaceLlava:
        """Return the model with its adapters merged into the decoder's weights; the learning is over."""
        if isinstance(self.model.llm, PeftModelForCausalLM):
            self.model.llm = cast("LlamaForCausalLM", self.model.llm.merge_and_unload())
        return self.model.eval().requires_grad_(requires_grad=False)


def _learns(name: str, stage: Stage, *, has_adapters: bool) -> bool:
    if name.startswith(BRANCH):
        return True
    if stage == "1" or name.startswith(_TOWERS):
        return False
    return not (has_adapters and name.startswith("llm."))
