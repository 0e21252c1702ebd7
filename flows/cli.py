"""The command line: parses and prints; all that it does can be called from Python.

Nothing heavy is imported before a command needs it: `facesift --help` loads neither torch nor Ray.
"""

import os
from importlib.metadata import version
from typing import Annotated

import typer

from flows.commands.describe import describe
from flows.commands.ending import run_printing
from flows.commands.evaluate import evaluate
from flows.commands.faces import faces
from flows.commands.instruct import instruct
from flows.commands.job import job
from flows.commands.lake import query, report, retry, status, tables
from flows.commands.model import model_app
from flows.commands.nightly import backfill, nightly
from flows.commands.scan import recipe, scan, synth
from flows.commands.train import train
from flows.commands.upkeep import forget, maintain

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"facesift {version('facesift')}")
        raise typer.Exit


@app.callback(no_args_is_help=True)
def options(
    is_version_asked: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Scan video archives for faces with Face-LLaVA, and query what they show."""


for command in (scan, describe, faces, query, tables, status, report, retry, recipe, synth, train):
    app.command()(command)
app.command(name="eval")(evaluate)
app.command()(instruct)
app.command(hidden=True)(job)
for command in (nightly, backfill, maintain, forget):
    app.command()(command)
app.add_typer(model_app, name="model")


def main() -> None:
    """Run the command line; the program `facesift`."""
    # Read once, here: Prefect runs in this process, quietly, with nothing to start and nothing sent anywhere.
    quiet = {
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "DO_NOT_TRACK": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        # An `advance` that fails leaves two failed objects; its error is handled on the first.
        "RAY_IGNORE_UNHANDLED_ERRORS": "1",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # as it will be by default; without it there is a warning
    }
    if "PREFECT_API_URL" not in os.environ:
        quiet["PREFECT_LOGGING_TO_API_ENABLED"] = "false"  # the temporary server forgets it anyway
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    run_printing(app)
