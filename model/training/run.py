"""The loop: batches through a learner, steps of the optimisers along a cosine, states to begin again from."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, DistributedType, set_seed
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import get_cosine_schedule_with_warmup

from model.training.config import Stage, TrainingConfig
from model.training.optimisers import make_optimisers
from model.training.order import BatchOrder
from model.training.state import Position, RunFolder
from model.training.study import Lessons, Student

_LEARNED = "learned.safetensors"
_REFUSED = (DistributedType.FSDP, DistributedType.MEGATRON_LM, DistributedType.DEEPSPEED)
"""The first two give no process the whole model, and the last one wants to choose the batches itself."""


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
        model_s: of these, forward and backward through the model and the optimiser's step.
    """

    step: int
    steps: int
    epoch: int
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens: int
    seconds: float
    model_s: float


@dataclass(slots=True)
class _Tally:
    """What is counted until a step of the optimiser is complete."""

    began_s: float
    ended_s: float = 0.0
    model_s: float = 0.0
    rate: float = 0.0
    tokens: int = 0
    losses: list[float] = field(default_factory=list[float])


class Run:
    """A student and its lessons, on as many processes as `accelerate launch` has started.

    Args:
        student: what learns, a module.
        lessons: what from.
        stage: which defaults count.
        config: how.
        folder: where it is logged and where states are kept.
        accelerator: of `make_accelerator`.
    """

    def __init__(
        self,
        student: Student,
        lessons: Lessons,
        stage: Stage,
        config: TrainingConfig,
        *,
        folder: RunFolder,
        accelerator: Accelerator,
    ) -> None:
        learner = cast("nn.Module", student)
        self.accelerator = accelerator
        self._config, self._folder = config, folder
        self._order = BatchOrder(
            lessons.modalities,
            lessons.lengths,
            config.batch_size_in(stage),
            processes=self.accelerator.num_processes,
            seed=config.seed,
        )
        loader = DataLoader(
            lessons.examples,
            batch_sampler=self._order,
            collate_fn=lessons.collate,
            num_workers=config.loader_processes,
            # Of its own: else every start of an epoch, and so every resumption, would turn dropout's dice.
            generator=torch.Generator(),
            pin_memory=self.accelerator.device.type == "cuda",
        )
        optimisers = make_optimisers(student.learning(), config, config.learning_rate_in(stage))
        per_process = -(-len(self._order) // self.accelerator.num_processes)
        self.steps = config.steps or -(-per_process // config.accumulation) * config.epochs
        warmup = math.ceil(self.steps * config.warmup_share)
        schedules = [get_cosine_schedule_with_warmup(each, warmup, self.steps) for each in optimisers]
        self._learner, self._loader, *prepared = self.accelerator.prepare(
            learner, loader, *optimisers, *schedules
        )
        self._optimisers, self._schedules = prepared[: len(optimisers)], prepared[len(optimisers) :]
        self._position = Position()
        self.accelerator.register_for_checkpointing(self._position)
        self._keep_states_small(student)

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

    def train(self, tell: Callable[[Step], None] = lambda _: None) -> None:
        """Take all steps that are left."""
        self._learner.train()
        while self._position.step < self.steps:
            self._train_epoch(tell)
            if self._position.step < self.steps:
                self._position.epoch += 1
                self._position.batches = 0

    def _train_epoch(self, tell: Callable[[Step], None]) -> None:
        loader = self._loader
        loader.set_epoch(self._position.epoch)  # or its next pass would be the first one again
        if self._position.batches:
            loader = self.accelerator.skip_first_batches(loader, self._position.batches)
        self._order.set_epoch(self._position.epoch)
        tally = _Tally(time.perf_counter())
        for batch in loader:
            norm = self._learn(batch, tally)
            self._position.batches += 1
            if norm is None:
                continue
            self._position.step += 1
            tell(self._account(tally, norm))
            tally = _Tally(tally.ended_s)
            if self._position.step % self._config.save_steps == 0 or self._position.step == self.steps:
                self._save()
            if self._position.step == self.steps:
                return

    def _learn(self, batch: Any, tally: "_Tally") -> float | None:
        """Learn from a batch; return the gradients' length when it completes a step of the optimiser."""
        began_s, norm = time.perf_counter(), None
        with self.accelerator.accumulate(self._learner):
            loss = self._learner(batch)
            self.accelerator.backward(loss)
            if self.accelerator.sync_gradients:
                norm = self.accelerator.clip_grad_norm_(
                    self._learner.parameters(), self._config.max_gradient_norm
                )
            for optimiser in self._optimisers:
                optimiser.step()
                optimiser.zero_grad()
        tally.losses.append(float(loss.detach()))  # waits for the device
        tally.tokens += batch.tokens
        tally.rate = float(self._schedules[0].get_last_lr()[0])
        tally.ended_s = time.perf_counter()
        tally.model_s += tally.ended_s - began_s
        if norm is None:
            return None
        for schedule in self._schedules:
            schedule.step()
        return float(norm)

    def _account(self, tally: "_Tally", norm: float) -> Step:
        own = torch.tensor([sum(tally.losses) / len(tally.losses), tally.tokens], dtype=torch.float64)
        both = cast("Tensor", self.accelerator.reduce(own.to(self.accelerator.device), "sum")).cpu()
        step = Step(
            step=self._position.step,
            steps=self.steps,
            epoch=self._position.epoch,
            loss=float(both[0]) / self.accelerator.num_processes,
            learning_rate=tally.rate,
            gradient_norm=norm,
            tokens=int(both[1]),
            seconds=tally.ended_s - tally.began_s,
            model_s=tally.model_s,
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

    def _keep_states_small(self, student: Student) -> None:
        """Save of the network only what learns: the rest is in the checkpoint that it started from."""

        def save(_: list[Any], weights: list[dict[str, Tensor]], directory: str) -> None:
            if weights:
                state = weights.pop()
                names = [name for name, _ in student.learning()]
                if self.accelerator.is_main_process:
                    save_file({name: state[name].contiguous() for name in names}, Path(directory) / _LEARNED)

        def load(models: list[Any], directory: str) -> None:
            models.clear()
            cast("nn.Module", student).load_state_dict(load_file(Path(directory) / _LEARNED), strict=False)

        self.accelerator.register_save_state_pre_hook(save)
        self.accelerator.register_load_state_pre_hook(load)


def make_accelerator(config: TrainingConfig) -> Accelerator:
    """Seed what is random, and return what places the run on the processes and devices that there are.

    Raises:
        ValueError: they are to work together in another way than DDP's.
    """
    set_seed(config.seed)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    try:
        accelerator = Accelerator(
            mixed_precision="bf16" if config.dtype == "bfloat16" else "no",
            gradient_accumulation_steps=config.accumulation,
            step_scheduler_with_optimizer=False,  # one step of the schedule per step, whatever the processes
            # A batch without landmarks leaves the branch without gradients.
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
        )
    except ImportError as error:  # of what this machine's `accelerate config` asks for
        raise ValueError(str(error)) from error
    if accelerator.distributed_type in _REFUSED:
        raise ValueError(
            f"training does not run under {accelerator.distributed_type.value}; choose DDP (multi-GPU "
            "without DeepSpeed, FSDP and Megatron-LM) in `accelerate config`"
        )
    return accelerator
