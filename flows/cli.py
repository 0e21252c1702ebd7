"""The command line: parses and prints; all that it does can be called from Python.

Nothing heavy is imported before a command needs it: `facesift --help` loads neither torch nor Ray.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

OK, FAILED, BAD_USAGE = 0, 1, 2

app = typer.Typer(
    help="Scan video archives for faces with Face-LLaVA, and query what they show.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

LakeOption = Annotated[str, typer.Option("--lake", help="Folder of the lake.", envvar="FACESIFT_LAKE")]


def main() -> None:
    """Run the command line; the program `facesift`."""
    # Read once, here: Prefect runs in this process, quietly, with nothing to start and nothing sent anywhere.
    quiet = {
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "DO_NOT_TRACK": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    app()


def _refuse(error: Exception) -> typer.Exit:
    """Print a usage error in one line and return the exit to raise."""
    typer.secho(f"facesift: {error}", fg="red", err=True)
    return typer.Exit(BAD_USAGE)


@app.command()
def scan(
    archives: Annotated[list[str], typer.Argument(help="Video files, or folders to search.", show_default=False)],
    lake: LakeOption,
    recipe: Annotated[Path | None, typer.Option(help="Everything that can change a result, as TOML.")] = None,
    checkpoint: Annotated[
        str | None, typer.Option(help="Face-LLaVA checkpoint: a directory or a hub id. [default: demonstration]")
    ] = None,
    tasks: Annotated[str | None, typer.Option(help="Questions to ask, e.g. expression,deepfake.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Read at most so many videos.")] = None,
    readers: Annotated[int | None, typer.Option(min=1, help="Reader processes. [default: one per CPU]")] = None,
    describers: Annotated[
        int | None, typer.Option(min=1, help="Describer processes. [default: one per GPU, else one]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Find, track and describe the faces in every video of ARCHIVES; add the results to the lake.

    Exit status: 0 when every source has a result, 1 when some failed (they are listed), 2 for bad usage.
    A source whose result is in the lake already is not read again.
    """
    from flows.request import ScanRequest, UsageError
    from flows.summary import print_summary

    request = ScanRequest(
        archives=tuple(archives),
        lake=lake,
        recipe=str(recipe) if recipe else None,
        checkpoint=checkpoint,
        tasks=tuple(part.strip() for part in tasks.split(",") if part.strip()) if tasks is not None else None,
        limit=limit,
        readers=readers,
        describers=describers,
        is_progress_shown=sys.stderr.isatty() and not as_json,
    )
    try:
        request.check()
        from flows.scan import scan as scan_flow

        summary = scan_flow(request)
    except UsageError as error:
        raise _refuse(error) from error
    if as_json:
        typer.echo(json.dumps(summary.as_dict(), indent=2, ensure_ascii=False))
    else:
        print_summary(summary)
    raise typer.Exit(summary.exit_code)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="DuckDB SQL over the lake's views.", show_default=False)],
    lake: LakeOption,
    fmt: Annotated[str, typer.Option("--format", help="table, json, csv or parquet.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write here, not to the terminal.")] = None,
) -> None:
    """Run SQL over the lake: every view of `facesift tables` is ready.

    Exit status: 0, or 2 when the lake cannot be opened or the SQL cannot be run.
    """
    from typing import cast

    import duckdb

    from flows.output import FORMATS, Format, write_rows
    from storage.catalog import Catalog
    from storage.lake import Lake, LakeError

    if fmt not in FORMATS:
        raise _refuse(ValueError(f"--format {fmt}: give one of {', '.join(FORMATS)}"))
    if fmt == "parquet" and output is None and sys.stdout.isatty():
        raise _refuse(ValueError("Parquet is not for a terminal; give --output FILE or redirect the output"))
    try:
        rows = Catalog(Lake.open(lake)).query(sql)
    except (LakeError, duckdb.Error) as error:
        raise _refuse(error) from error
    if output is None:
        write_rows(rows, cast(Format, fmt), sys.stdout.buffer)
    else:
        with output.open("wb") as out:
            write_rows(rows, cast(Format, fmt), out)


@app.command()
def tables(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the views of a lake: what one row is, its key, its columns."""


@app.command()
def status(
    lake: LakeOption,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show the coverage of the lake, which adds up, and its failures by stage and reason."""


@app.command()
def recipe(
    file: Annotated[Path | None, typer.Argument(help="A recipe to check and complete.")] = None,
) -> None:
    """Print a recipe with every setting, as TOML: a file to start from, or the whole of FILE."""


@app.command()
def synth(
    out: Annotated[Path, typer.Option(help="Folder for the videos and labels.parquet.")],
    videos: Annotated[int, typer.Option(min=1, help="How many videos.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="The same seed renders the same pictures.")] = 7,
) -> None:
    """Render videos of artificial faces in motion, with labels.parquet saying what each face shows."""
