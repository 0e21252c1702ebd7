"""Training a stage: from a checkpoint and an instruction file to a checkpoint."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from flows.training.media import MediaFiles
from flows.usage import UsageError
from model.checkpoints.checkpoint import Checkpoint, load_checkpoint
from model.checkpoints.hub import fetch
from model.network.config import CheckpointError
from model.prompting.prompts import Prompter
from model.prompting.tokenizer import load_tokenizer
from model.training.batch import lessons
from model.training.config import Stage, TrainingConfig
from model.training.example import Examples
from model.training.export import export
from model.training.learner import Learner
from model.training.media import Media
from model.training.run import Run, Step, make_accelerator
from model.training.sample import DataError, Sample, read_samples
from model.training.state import CHECKPOINT, RunError, RunFolder
from model.training.study import Lessons

Tell = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What to train.

    Attributes:
        stage: which parts learn.
        data: instruction file, see `model.training.sample`.
        root: what the paths in it are relative to.
        checkpoint: directory or hub id to start from.
        out: folder of the run; a run that is in it already goes on.
        config: how.
    """

    stage: Stage
    data: Path
    root: Path
    checkpoint: str
    out: Path
    config: TrainingConfig = field(default_factory=TrainingConfig)


@dataclass(frozen=True, slots=True)
class Trained:
    """What training came to.

    Attributes:
        checkpoint: directory of the result.
        samples: what it was trained on.
        steps: of the optimiser.
        resumed_at: step that it went on from; 0 when it began.
        loss: mean over the last tenth of the steps.
    """

    checkpoint: Path
    samples: int
    steps: int
    resumed_at: int
    loss: float


def train(request: TrainRequest, tell: Tell = lambda _: None, media: Media | None = None) -> Trained:
    """Train one stage, or go on with it, and write its checkpoint.

    Args:
        request: what.
        tell: called after each step, in every process.
        media: reads pictures; None reads files.

    Raises:
        UsageError: data, checkpoint, settings or folder cannot be used.
        ValueError: a file of a sample is damaged.
        FloatingPointError: the loss is no number any more.
    """
    config = request.config
    try:
        ready = _prepare(request, media)
        description = _describe(request, ready.loaded)
        folder = RunFolder(request.out, description)
        accelerator = make_accelerator(config)
    except (DataError, CheckpointError, RunError, ValueError) as error:
        raise UsageError(str(error)) from error
    run = Run(ready.learner, ready.lessons, request.stage, config, folder=folder, accelerator=accelerator)
    resumed_at = run.resume()
    run.train(tell)
    directory = request.out / CHECKPOINT
    losses = [entry["loss"] for entry in folder.read_log()]
    last = losses[-max(1, len(losses) // 10) :]
    loss = sum(last) / len(last)
    if accelerator.is_main_process:
        card = {
            **description,
            "samples": ready.samples,
            "steps": run.steps,
            "loss": loss,
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "software": {name: version(name) for name in ("torch", "transformers", "accelerate", "peft")},
        }
        export(ready.learner.merge(), ready.start, directory, card, getattr(torch, config.weights_dtype))
    accelerator.wait_for_everyone()
    return Trained(directory, ready.samples, run.steps, resumed_at, loss)


@contextmanager
def shown(steps: str) -> Generator[Tell]:
    """Show a bar with the loss on standard error while steps are told."""
    columns = (
        TextColumn(steps),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(steps, total=None, loss=float("nan"))
        yield lambda step: bar.update(task, total=step.steps, completed=step.step, loss=step.loss)


@dataclass(frozen=True, slots=True)
class _Ready:
    learner: Learner
    lessons: Lessons
    loaded: Checkpoint
    start: Path
    samples: int


def _prepare(request: TrainRequest, media: Media | None) -> _Ready:
    config = request.config
    samples = read_samples(request.data, request.root)
    start = fetch(request.checkpoint)
    # Weights in float32 on the CPU: Accelerate places them, and what lies still is made smaller here.
    loaded = load_checkpoint(start, dtype="float32", device="cpu")
    prompter = Prompter(load_tokenizer(loaded.tokenizer_path), config.template)
    _check_samples(request, samples, loaded)
    learner = Learner(
        loaded.model,
        request.stage,
        dtype=getattr(torch, config.dtype),
        lora=config.lora,
        is_checkpointing=config.is_checkpointing,
    )
    examples = Examples(samples, loaded.config, prompter, media or MediaFiles())
    return _Ready(learner, lessons(examples), loaded, start, len(samples))


def _check_samples(request: TrainRequest, samples: list[Sample], loaded: Checkpoint) -> None:
    """Refuse samples from which nothing would be learned, or that this network cannot look at."""
    towers = {"image": loaded.config.image_tower, "video": loaded.config.video_tower}
    for kind, tower in towers.items():
        if tower is None and any(sample.kind == kind for sample in samples):
            raise UsageError(f"{request.data} has samples with a {kind}; the checkpoint has no tower for it")
    pointless = [sample.number for sample in samples if sample.landmarks is None]
    if request.stage == "1" and pointless:
        raise UsageError(
            f"{request.data}: {len(pointless)} of {len(samples)} samples, the first of them {pointless[0]}, "
            "have no landmarks_2d, and stage 1 trains the landmark branch alone; leave them out"
        )
    has_branch = loaded.config.cross_attention != "none"
    if not has_branch and len(pointless) < len(samples):
        raise UsageError(
            f"{request.data} has landmarks_2d, and the checkpoint no landmark branch; leave them out"
        )


def _describe(request: TrainRequest, loaded: Checkpoint) -> dict[str, Any]:
    """Return what makes the run this run; what cannot change its result is left out."""
    changing = {part.name for part in fields(TrainingConfig) if part.metadata.get("changes_results", True)}
    settings = {name: value for name, value in asdict(request.config).items() if name in changing}
    return {
        "stage": request.stage,
        "start": loaded.model_id,
        "data_sha256": sha256(request.data.read_bytes()).hexdigest(),
        **settings,
        "batch_size": request.config.batch_size_in(request.stage),
        "learning_rate": request.config.learning_rate_in(request.stage),
    }
