"""The command that a cluster runs: job."""

import sys
from typing import Annotated

import typer

from flows.commands.ending import FAILED


def job(order: Annotated[str, typer.Argument(help="What `facesift scan --ray` has sent.")]) -> None:
    """Scan inside a Ray job; the last line of the output says what came of it."""
    from flows.job import run_job

    line, has_ended_well = run_job(order)
    sys.stderr.flush()
    typer.echo(f"\n{line}")  # on a line of its own, whatever Ray has written
    if not has_ended_well:
        raise typer.Exit(FAILED)
