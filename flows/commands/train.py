"""The command that trains."""

import os
import sys
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from flows.commands.ending import ending
from flows.usage import UsageError

if TYPE_CHECKING:
    from flows.train import Trained, TrainRequest
    from flows.training.demonstration import Demonstration, DemonstrationRequest
    from model.training.config import Stage

T = TypeVar("T")


def train(  # noqa: PLR0917 - typer gives names to them all
    stage: Annotated[
        str,
        typer.Option(
            help="1: the landmark branch; 2: all but the towers; demonstration: a small model from nothing.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder of the run; one that was killed goes on.", show_default=False)
    ],
    data: Annotated[
        Path | None, typer.Option(help="Conversations, a JSON file of the official layout.")
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="Folder that the paths in it start from.", file_okay=False)
    ] = None,
    checkpoint: Annotated[str | None, typer.Option(help="Where to start: a directory or a hub id.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings, as TOML; the paper's where it has none.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.1, help="Of a demonstration: for everything.", show_default="57.0"),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of a demonstration.", show_default="1")] = None,
    shuffle_labels: Annotated[
        bool,
        typer.Option(help="Of a demonstration: give each clip another one's labels; it must learn nothing."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train one stage of Face-LLaVA, or make the demonstration checkpoint; the result is OUT/checkpoint.

    Run it again with the same arguments to go on where it was killed. For several GPUs, start it with
    `accelerate launch -m flows train ...`.
    Exit status: 0 when it has been trained, 1 when that failed, 2 for bad usage, 130 when it was interrupted.
    """
    from flows.display.output import to_json
    from flows.recipe_file import read_config
    from model.training.config import TrainingConfig

    with ending(OSError, ValueError, FloatingPointError, goes_on="the same command goes on"):
        if stage == "demonstration":
            from flows.training.demonstration import DemonstrationRequest

            makes_own = f"stage {stage} makes its own data"
            _refuse_given(makes_own, data=data, root=root, checkpoint=checkpoint, config=config)
            asked = DemonstrationRequest(out, processes=os.cpu_count() or 1, is_shuffled=shuffle_labels)
            asked = asked if minutes is None else replace(asked, minutes=minutes)
            made = _make(asked if seed is None else replace(asked, seed=seed))
        else:
            from flows.train import TrainRequest

            parsed = _stage(stage)
            differs = f"stage {stage} is no demonstration: its seed and length are keys of --config"
            _refuse_given(differs, minutes=minutes, seed=seed, shuffle_labels=shuffle_labels or None)
            request = TrainRequest(
                stage=parsed,
                data=_given(stage, "data", data),
                root=_given(stage, "root", root),
                checkpoint=_given(stage, "checkpoint", checkpoint),
                out=out,
                config=read_config(TrainingConfig, config) if config else TrainingConfig(),
            )
            made = _train(request)
    typer.echo(to_json(asdict(made)) if as_json else str(made.checkpoint))


def _stage(name: str) -> "Stage":
    from model.training.config import parse_stage

    try:
        return parse_stage(name)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _given(stage: str, name: str, value: T | None) -> T:
    if value is None:
        raise UsageError(f"stage {stage} needs --{name}")
    return value


def _refuse_given(reason: str, **given: object) -> None:
    needless = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]
    if needless:
        raise UsageError(f"{reason}; leave out {', '.join(needless)}")


def _train(request: "TrainRequest") -> "Trained":
    from flows.train import shown, train

    with shown(f"stage {request.stage}") if sys.stderr.isatty() else nullcontext() as tell:
        trained = train(request, tell or (lambda _: None))
    again = f", {trained.resumed_at} of them before it was killed" if trained.resumed_at else ""
    text = f"{trained.steps} steps on {trained.samples} samples{again}; loss {trained.loss:.4f}"
    typer.echo(text, err=True)
    return trained


def _make(request: "DemonstrationRequest") -> "Demonstration":
    from flows.training.demonstration import make_demonstration

    made = make_demonstration(request, lambda step, done: typer.echo(f"{step}: {done}", err=True))
    typer.echo(f"learned from {made.clips} clips in {sum(made.minutes.values()):.0f} minutes", err=True)
    return made
