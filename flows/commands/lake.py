"""The commands about a lake: query, tables, status, report, retry."""

import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from flows.commands.ending import FAILED, OK, OUTPUT_LOST, ending, refuse
from flows.commands.options import LakeOption, open_lake

if TYPE_CHECKING:
    from storage.catalog import Catalog


def query(
    sql: Annotated[str, typer.Argument(help="DuckDB SQL over the lake's views.", show_default=False)],
    lake: LakeOption,
    fmt: Annotated[str, typer.Option("--format", help="table, json, csv or parquet.")] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here, not to the terminal.")
    ] = None,
) -> None:
    """Run SQL over the lake; every view that `facesift tables` lists is ready.

    Exit status: 0; 1 when the lake does not answer; 2 when there is none or the SQL cannot be run; 74 when
    the output cannot be written.
    """
    import duckdb
    import pyarrow as pa

    from flows.display.output import as_format, write_rows
    from flows.summary import DEMONSTRATION_NOTICE
    from storage.lake import LakeError

    try:
        is_terminal = output is None and sys.stdout.isatty()
        chosen = as_format(fmt, is_terminal=is_terminal)
        catalog = _open_catalog(lake)
        with ending(LakeError):
            rows = catalog.query(sql)
            is_demonstration = catalog.view("recipes", is_demonstration=True).num_rows > 0
        if is_demonstration:
            typer.secho(DEMONSTRATION_NOTICE, fg="yellow", err=True)
        with _writing(output) as out:
            write_rows(rows, chosen, out, width=get_terminal_size().columns if is_terminal else None)
    except (ValueError, OSError, duckdb.Error, pa.ArrowException) as error:
        raise refuse(error) from error


@contextmanager
def _writing(output: Path | None) -> Generator[BinaryIO]:
    """Open a file, or standard output; end the command when the file does not take what is written."""
    if output is None:
        yield sys.stdout.buffer
        return
    try:
        with output.open("wb") as out:
            yield out
    except OSError as error:
        typer.secho(f"facesift: cannot write {output}: {error.strerror or error}", fg="red", err=True)
        raise typer.Exit(OUTPUT_LOST) from error


def tables(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the views that every lake has: what a row is, its key, its columns."""
    from flows.display.output import to_json
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


def status(
    lake: LakeOption,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show how far the lake's sources have come, and why some failed.

    Exit status: 0 when every listed source has exactly one status and every check passes, 1 when not or when
    the lake does not answer, 2 when there is none.
    """
    import duckdb

    from flows.display.output import to_json
    from flows.status import print_status, read_status
    from storage.lake import LakeError

    try:
        with ending(LakeError):
            found = read_status(_open_catalog(lake))
    except (ValueError, duckdb.Error) as error:
        raise refuse(error) from error
    if as_json:
        typer.echo(to_json(found.as_dict()))
    else:
        print_status(found)
    raise typer.Exit(OK if found.adds_up else FAILED)


def report(
    lake: LakeOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("report.html"),
    videos: Annotated[int, typer.Option(min=1, help="Show at most so many videos.")] = 100,
) -> None:
    """Write a page with the lake's coverage, failures and faces: one HTML file, pictures included.

    Exit status: 0, 1 when the lake does not answer, 2 when there is none or the page cannot be written.
    """
    import duckdb

    from flows.display.report import draw_report
    from storage.lake import LakeError

    try:
        with ending(LakeError):
            page = draw_report(open_lake(lake), videos=videos)
        output.write_text(page, encoding="utf-8")
    except (ValueError, OSError, duckdb.Error) as error:
        raise refuse(error) from error
    typer.echo(f"wrote {output}")


def retry(
    lake: LakeOption,
    reason: Annotated[
        str | None,
        typer.Option(help="Those whose reason has these words, e.g. ReaderDied.", show_default="all"),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Those whose uri or name matches, e.g. '*/night/*'; or one whole uri.")
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="Those of this recipe id.")] = None,
) -> None:
    """Let the next scan try again what failed for good or is in quarantine.

    Exit status: 0, 1 when the lake does not answer or does not take it, 2 when there is none.
    """
    import duckdb

    from flows.retry import requeue
    from storage.lake import LakeError

    if "" in (reason, source, recipe):
        raise refuse(ValueError("an option is empty; leave it out to take every one"))
    try:
        with ending(LakeError):
            rows = requeue(open_lake(lake), reason=reason, source=source, recipe_id=recipe)
    except (ValueError, OSError, duckdb.Error) as error:
        raise refuse(error) from error
    if not rows:
        typer.echo("nothing that failed for good is meant")
        return
    typer.echo(
        f"{len(rows):,} {'source is' if len(rows) == 1 else 'sources are'} tried again by the next scan"
    )
    for name, count in Counter(f"{row.stage}: {row.error}" for row in rows).most_common():
        typer.echo(f"  {count:,} {name}")


def _open_catalog(lake: str) -> "Catalog":
    """Return the catalog of a lake that must be there."""
    from storage.catalog import Catalog

    return Catalog(open_lake(lake))
