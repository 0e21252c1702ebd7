"""The loop: batches through a learner, steps of AdamW along a cosine, states to begin again from."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, DistributedType, set_seed
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import get_cosine_schedule_with_warmup

from model.splicing import IGNORED_LABEL
from model.training.batch import Batch, collate
from model.training.config import Stage, TrainingConfig
from model.training.example import Examples
from model.training.learner import Learner
from model.training.order import BatchOrder
from model.training.state import Position, RunFolder

_LEARNED = "learned.safetensors"
_SHARDED = (DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM)


@dataclass(frozen=True, slots=True)
class Step:
    """What is told after a step of the optimiser.

    Attributes:
        step: from 1.
        steps: of the whole run.
        epoch: from 0.
        loss: mean over its batches and processes.
        learning_rate: with which it was made.
        gradient_norm: before it was shortened.
        tokens: of answers, in all processes.
        seconds: since the step before.
        waited_s: of these, until batches were there.
    """

    step: int
    steps: int
    epoch: int
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens: int
    seconds: float
    waited_s: float


class Run:
    """One stage on one set of examples, on as many processes as `accelerate launch` has started.

    Args:
        learner: what learns.
        examples: what from.
        stage: which defaults count.
        config: how.
        folder: where it is logged and where states are kept.
        accelerator: of `make_accelerator`.
    """

    def __init__(
        self,
        learner: Learner,
        examples: Examples,
        stage: Stage,
        config: TrainingConfig,
        *,
        folder: RunFolder,
        accelerator: Accelerator,
    ) -> None:
        self.accelerator = accelerator
        self._config, self._folder = config, folder
        self._order = BatchOrder(
            [_modality(sample.kind, sample.landmarks) for sample in examples.samples],
            [sample.words for sample in examples.samples],
            config.batch_size_in(stage),
            processes=self.accelerator.num_processes,
            seed=config.seed,
        )
        loader = DataLoader(
            examples,
            batch_sampler=self._order,
            collate_fn=collate,
            num_workers=config.loader_processes,
            # Of its own: else every start of an epoch, and so every resumption, would turn dropout's dice.
            generator=torch.Generator(),
            pin_memory=self.accelerator.device.type == "cuda",
        )
        optimiser = torch.optim.AdamW(
            [parameter for _, parameter in learner.learning()],
            lr=config.learning_rate_in(stage),
            weight_decay=config.weight_decay,
        )
        per_process = -(-len(self._order) // self.accelerator.num_processes)
        self.steps = config.steps or -(-per_process // config.accumulation) * config.epochs
        schedule = get_cosine_schedule_with_warmup(
            optimiser, math.ceil(self.steps * config.warmup_share), self.steps
        )
        self._learner, self._optimiser, self._loader, self._schedule = self.accelerator.prepare(
            learner, optimiser, loader, schedule
        )
        self._position = Position()
        self.accelerator.register_for_checkpointing(self._position)
        if self.accelerator.distributed_type not in _SHARDED:
            self._keep_states_small(learner)

    def resume(self) -> int:
        """Go to the newest state and return its step, 0 at the start."""
        if self.accelerator.is_main_process:
            self._folder.begin()
        self.accelerator.wait_for_everyone()
        state = self._folder.newest_state()
        if state is not None:
            self.accelerator.load_state(str(state))
        if self.accelerator.is_main_process:
            self._folder.rewind_log(self._position.step)
        self.accelerator.wait_for_everyone()
        return self._position.step

    def train(self, tell: Callable[[Step], None] = lambda _: None) -> Learner:
        """Take all steps that are left, and return what has learned."""
        self._learner.train()
        while self._position.step < self.steps:
            self._train_epoch(tell)
            if self._position.step < self.steps:
                self._position.epoch += 1
                self._position.batches = 0
        return cast("Learner", self.accelerator.unwrap_model(self._learner))

    def _train_epoch(self, tell: Callable[[Step], None]) -> None:
        loader = self._loader
        loader.set_epoch(self._position.epoch)  # or its next pass would be the first one again
        if self._position.batches:
            loader = self.accelerator.skip_first_batches(loader, self._position.batches)
        self._order.set_epoch(self._position.epoch)
        started, waited_s, losses, tokens = time.perf_counter(), 0.0, list[Tensor](), 0
        asked = started
        for taken in loader:
            batch = cast("Batch", taken)
            waited_s += time.perf_counter() - asked
            with self.accelerator.accumulate(self._learner):
                loss = self._learner(batch)
                self.accelerator.backward(loss)
                losses.append(loss.detach())
                tokens += _answer_tokens(batch)
                norm = None
                if self.accelerator.sync_gradients:
                    norm = self.accelerator.clip_grad_norm_(
                        self._learner.parameters(), self._config.max_gradient_norm
                    )
                self._optimiser.step()
                self._optimiser.zero_grad()
            self._position.batches += 1
            if norm is not None:
                rate = self._schedule.get_last_lr()[0]
                self._schedule.step()
                self._position.step += 1
                now = time.perf_counter()
                tell(
                    self._account(
                        losses,
                        rate=float(rate),
                        norm=float(norm),
                        tokens=tokens,
                        seconds=now - started,
                        waited_s=waited_s,
                    )
                )
                started, waited_s, losses, tokens = now, 0.0, [], 0
                if self._position.step % self._config.save_steps == 0 or self._position.step == self.steps:
                    self._save()
                if self._position.step == self.steps:
                    return
            asked = time.perf_counter()

    def _account(
        self, losses: list[Tensor], *, rate: float, norm: float, tokens: int, seconds: float, waited_s: float
    ) -> Step:
        own = torch.tensor([float(torch.stack(losses).mean()), tokens], dtype=torch.float64)
        both = cast("Tensor", self.accelerator.reduce(own.to(self.accelerator.device), "sum")).cpu()
        step = Step(
            step=self._position.step,
            steps=self.steps,
            epoch=self._position.epoch,
            loss=float(both[0]) / self.accelerator.num_processes,
            learning_rate=rate,
            gradient_norm=norm,
            tokens=int(both[1]),
            seconds=seconds,
            waited_s=waited_s,
        )
        if not math.isfinite(step.loss):
            raise FloatingPointError(
                f"the loss of step {step.step} is {step.loss}; lower learning_rate, or train in float32"
            )
        if self.accelerator.is_main_process:
            self._folder.log({name: getattr(step, name) for name in Step.__slots__ if name != "steps"})
        return step

    def _save(self) -> None:
        part = self._folder.part_of(self._position.step)
        self.accelerator.save_state(str(part))
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            self._folder.keep(self._position.step, self._config.kept_states)
        self.accelerator.wait_for_everyone()

    def _keep_states_small(self, learner: Learner) -> None:
        """Save of the network only what learns: the rest is in the checkpoint that it started from."""

        def save(_: list[Any], weights: list[dict[str, Tensor]], directory: str) -> None:
            if weights:
                learned = learner.without_still(weights.pop())
                if self.accelerator.is_main_process:
                    save_file(
                        {name: tensor.contiguous() for name, tensor in learned.items()},
                        Path(directory) / _LEARNED,
                    )

        def load(models: list[Any], directory: str) -> None:
            models.clear()
            learner.load_state_dict(load_file(Path(directory) / _LEARNED), strict=False)

        self.accelerator.register_save_state_pre_hook(save)
        self.accelerator.register_load_state_pre_hook(load)


def make_accelerator(config: TrainingConfig) -> Accelerator:
    """Seed what is random, and return what places the run on the processes and devices that there are."""
    set_seed(config.seed)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    return Accelerator(
        mixed_precision="bf16" if config.dtype == "bfloat16" else "no",
        gradient_accumulation_steps=config.accumulation,
        step_scheduler_with_optimizer=False,  # one step of the schedule per step, whatever the processes
        # A batch without landmarks leaves the branch without gradients.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )


def _modality(kind: str | None, landmarks: Path | None) -> str | None:
    return kind if landmarks is not None or kind is None else f"{kind} without landmarks"


def _answer_tokens(batch: Batch) -> int:
    return sum(int((labels != IGNORED_LABEL).sum()) for labels in batch.labels)
