"""The command line: parses and prints; all that it does can be called from Python.

Nothing heavy is imported before a command needs it: `facesift --help` loads neither torch nor Ray.
"""

import os
import sys
from contextlib import nullcontext, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from storage.catalog import Catalog
    from storage.lake import Lake

OK, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    help="Scan video archives for faces with Face-LLaVA, and query what they show.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

model_app = typer.Typer(help="Look at, fetch and verify Face-LLaVA checkpoints.", no_args_is_help=True)
app.add_typer(model_app, name="model")

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
        # An `advance` that fails leaves two failed objects; its error is handled on the first.
        "RAY_IGNORE_UNHANDLED_ERRORS": "1",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # as it will be by default; without it there is a warning
    }
    if "PREFECT_API_URL" not in os.environ:
        quiet["PREFECT_LOGGING_TO_API_ENABLED"] = "false"  # the temporary server forgets it anyway
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    app()


def _refuse(error: Exception) -> typer.Exit:
    """Print a usage error and return the exit to raise; a library's own stack is left out."""
    message = str(error).partition("\n   0:")[0]
    typer.secho(f"facesift: {message}", fg="red", err=True)
    return typer.Exit(BAD_USAGE)


@app.command()
def scan(  # noqa: PLR0917 - typer gives names to them all
    archives: Annotated[
        list[str], typer.Argument(help="Video files, or folders to search.", show_default=False)
    ],
    lake: LakeOption,
    recipe: Annotated[Path | None, typer.Option(help="Everything that can change a result, as TOML.")] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(help="Face-LLaVA checkpoint: a directory or a hub id. [default: demonstration]"),
    ] = None,
    tasks: Annotated[str | None, typer.Option(help="Questions to ask, e.g. expression,deepfake.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Read at most so many videos.")] = None,
    readers: Annotated[
        int | None, typer.Option(min=1, help="Reader processes. [default: one per CPU]")
    ] = None,
    describers: Annotated[
        int | None, typer.Option(min=1, help="Describer processes. [default: one per GPU, else one]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Find, track and describe the faces in every video of ARCHIVES; add the results to the lake.

    Exit status: 0 when every source has a result, 1 when some failed (they are listed) or the lake did not
    take the rows, 2 for bad usage, 130 when it was interrupted.
    A source whose result is in the lake already is not read again.
    """
    from flows.output import to_json
    from flows.request import ScanRequest, UsageError
    from flows.summary import print_summary
    from storage.lake import LakeError
    from workers.fleet import FleetError

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
        from flows.server import temporary_server

        # Ray reports deaths on standard output, which is the summary's.
        with redirect_stdout(sys.stderr), temporary_server():
            summary = scan_flow(request)
    except UsageError as error:
        raise _refuse(error) from error
    except (LakeError, FleetError) as error:
        typer.secho(f"facesift: {error}", fg="red", err=True)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt as error:
        typer.secho("facesift: interrupted; the same command goes on where this one stopped", err=True)
        raise typer.Exit(INTERRUPTED) from error
    if as_json:
        typer.echo(to_json(summary.as_dict()))
    else:
        print_summary(summary)
    raise typer.Exit(summary.exit_code)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="DuckDB SQL over the lake's views.", show_default=False)],
    lake: LakeOption,
    fmt: Annotated[str, typer.Option("--format", help="table, json, csv or parquet.")] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here, not to the terminal.")
    ] = None,
) -> None:
    """Run SQL over the lake; every view that `facesift tables` lists is ready.

    Exit status: 0, or 2 when the lake cannot be opened or the SQL cannot be run.
    """
    import duckdb
    import pyarrow as pa

    from flows.output import as_format, write_rows

    try:
        chosen = as_format(fmt, is_terminal=output is None and sys.stdout.isatty())
        rows = _open_catalog(lake).query(sql)
        with output.open("wb") if output else nullcontext(sys.stdout.buffer) as out:
            write_rows(rows, chosen, out)
    except BrokenPipeError:
        _leave_quietly()
    except (ValueError, OSError, duckdb.Error, pa.ArrowException) as error:
        raise _refuse(error) from error


@app.command()
def tables(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the views that every lake has: what a row is, its key, its columns."""
    from flows.output import to_json
    from storage.catalog import describe_views

    views = describe_views()
    if as_json:
        typer.echo(to_json([asdict(view) for view in views]))
        return
    for view in views:
        typer.secho(view.name, bold=True)
        typer.echo(f"  {view.grain}")
        typer.echo(f"  key: {', '.join(view.key)}")
        width = max(len(column.name) for column in view.columns)
        for column in view.columns:
            typer.echo(f"    {column.name:<{width}}  {column.sql_type:<14}  {column.doc}".rstrip())
        typer.echo("")


@app.command()
def status(
    lake: LakeOption,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show how far the lake's sources have come, and why some failed.

    Exit status: 0 when every listed source has exactly one status and every check passes, 1 when not, 2 when
    the lake cannot be opened.
    """
    import duckdb

    from flows.output import to_json
    from flows.status import print_status, read_status

    try:
        found = read_status(_open_catalog(lake))
    except (ValueError, duckdb.Error) as error:
        raise _refuse(error) from error
    if as_json:
        typer.echo(to_json(found.as_dict()))
    else:
        print_status(found)
    raise typer.Exit(OK if found.adds_up else FAILED)


@app.command()
def report(
    lake: LakeOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("report.html"),
    videos: Annotated[int, typer.Option(min=1, help="Show at most so many videos.")] = 100,
) -> None:
    """Write a page with the lake's coverage, failures and faces: one HTML file, pictures included."""
    import duckdb

    from flows.report import draw_report

    try:
        page = draw_report(_open_lake(lake), videos=videos)
        output.write_text(page, encoding="utf-8")
    except (ValueError, OSError, duckdb.Error) as error:
        raise _refuse(error) from error
    typer.echo(f"wrote {output}")


@app.command()
def recipe(
    file: Annotated[Path | None, typer.Argument(help="A recipe to check and to complete.")] = None,
) -> None:
    """Print a recipe with every setting, as TOML: the defaults, or FILE with the defaults filled in."""
    from flows.recipe import Recipe, RecipeError

    try:
        typer.echo((Recipe.read(file) if file else Recipe()).to_toml(), nl=False)
    except RecipeError as error:
        raise _refuse(error) from error


@app.command()
def synth(
    out: Annotated[Path, typer.Option(help="Folder for the videos and labels.parquet.")],
    videos: Annotated[int, typer.Option(min=1, help="How many videos.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="The same seed renders the same pictures.")] = 7,
) -> None:
    """Render videos of artificial faces in motion, and labels.parquet, which says what each face shows."""
    from model.synthetic.archive import write_archive

    labels = write_archive(out, videos, seed, processes=min(videos, os.cpu_count() or 1))
    typer.echo(f"{videos} videos with {len(labels)} labelled faces in {out}")


@model_app.command("inspect")
def inspect_model(
    checkpoint: Annotated[str, typer.Argument(help="Directory or hub id.", show_default=False)],
) -> None:
    """Print a checkpoint's parts, parameters, types and memory, and what does not fit; loads no weights.

    Exit status: 0 when it can be loaded, 1 when tensors are missing, unexpected or misshaped, 2 when there is
    no checkpoint.
    """
    from flows.models import print_inspection
    from model.config import CheckpointError
    from model.inspection import inspect_checkpoint

    try:
        found = inspect_checkpoint(checkpoint)
    except CheckpointError as error:
        raise _refuse(error) from error
    print_inspection(found)
    raise typer.Exit(OK if found.is_loadable else FAILED)


@model_app.command("pull")
def pull_model(
    checkpoint: Annotated[str, typer.Argument(help="Hub id, optionally with @revision.", show_default=False)],
) -> None:
    """Fetch a checkpoint, and the towers that it needs, into the local Hugging Face cache."""
    from flows.models import pull
    from model.config import CheckpointError

    try:
        directory = pull(checkpoint)
    except CheckpointError as error:
        raise _refuse(error) from error
    typer.echo(str(directory))


@model_app.command("parity")
def check_model(
    directory: Annotated[Path, typer.Argument(help="Checkpoint with inputs and expected outputs.")],
    engine: Annotated[str, typer.Option(help="What computes; torch.")] = "torch",
) -> None:
    """Compare every tensor that a checkpoint leads to with what the official code computed.

    Exit status: 0 when all are within tolerance, 1 when one is not, 2 when the directory cannot be used.
    """
    from flows.models import print_parity
    from model.config import CheckpointError
    from model.parity import check_parity

    if engine != "torch":
        raise _refuse(ValueError(f"there is no engine {engine}; give torch"))
    try:
        rows = check_parity(directory, engine)
    except CheckpointError as error:
        raise _refuse(error) from error
    print_parity(rows)
    raise typer.Exit(OK if rows and all(row.is_within for row in rows) else FAILED)


def _open_catalog(lake: str) -> "Catalog":
    """Return the catalog of a lake that must be there.

    Raises:
        ValueError: there is no lake.
    """
    from storage.catalog import Catalog

    return Catalog(_open_lake(lake))


def _open_lake(lake: str) -> "Lake":
    """Return a lake that must be there.

    Raises:
        ValueError: there is no lake.
    """
    from storage.lake import Lake, LakeError

    try:
        opened = Lake(lake)
    except LakeError as error:
        raise ValueError(str(error)) from error
    if not opened.exists:
        raise ValueError(f"there is no lake at {lake}; `facesift scan ARCHIVE --lake {lake}` makes one")
    return opened


def _leave_quietly() -> None:
    """End after the reader of our output has gone, as in `facesift query ... | head`."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
