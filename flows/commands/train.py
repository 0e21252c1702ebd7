"""The command that trains."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.ending import INTERRUPTED, refuse


def train(  # noqa: PLR0917 - typer gives names to them all
    stage: Annotated[
        str, typer.Option(help="1: the landmark branch; 2: all but the towers.", show_default=False)
    ],
    data: Annotated[
        Path, typer.Option(help="Conversations, a JSON file of the official layout.", show_default=False)
    ],
    root: Annotated[
        Path,
        typer.Option(help="Folder that the paths in it start from.", show_default=False, file_okay=False),
    ],
    checkpoint: Annotated[
        str, typer.Option(help="Where to start: a directory or a hub id.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option(help="Folder of the run; one that was killed goes on.", show_default=False)
    ],
    config: Annotated[
        Path | None, typer.Option(help="Settings, as TOML; the paper's where it has none.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train one stage of Face-LLaVA; the result is OUT/checkpoint.

    Run it again with the same arguments to go on where it was killed. For several GPUs, start it with
    `accelerate launch -m flows train ...`.
    Exit status: 0 when it has been trained, 2 for bad usage, 130 when it was interrupted.
    """
    from dataclasses import asdict

    from flows.output import to_json
    from flows.recipe_file import RecipeError, read_config
    from flows.request import UsageError
    from flows.train import TrainRequest, shown
    from flows.train import train as run
    from model.training.config import TrainingConfig, parse_stage

    try:
        settings = read_config(TrainingConfig, config) if config else TrainingConfig()
        request = TrainRequest(parse_stage(stage), data, root, checkpoint, out, settings)
        with shown(f"stage {stage}") if sys.stderr.isatty() else nullcontext() as tell:
            trained = run(request, tell or (lambda _: None))
    except (UsageError, RecipeError, ValueError) as error:
        raise refuse(error) from error
    except KeyboardInterrupt as error:
        typer.secho("facesift: interrupted; the same command goes on", fg="red", err=True)
        raise typer.Exit(INTERRUPTED) from error
    if as_json:
        typer.echo(to_json(asdict(trained)))
        return
    again = f", of them {trained.resumed_at} before it was killed" if trained.resumed_at else ""
    typer.echo(f"{trained.steps} steps on {trained.samples} samples{again}; loss {trained.loss:.4f}")
    typer.echo(str(trained.checkpoint))
