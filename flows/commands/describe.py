"""The command that asks the model about one file: describe."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.ending import FAILED, OK, ending
from flows.commands.options import CheckpointOption, TasksOption, names


def describe(  # noqa: PLR0917 - typer gives names to them all
    file: Annotated[str, typer.Argument(help="An image or a video.", show_default=False)],
    checkpoint: CheckpointOption = None,
    recipe: Annotated[Path | None, typer.Option(help="How to read it and what to ask, as TOML.")] = None,
    tasks: TasksOption = None,
    track: Annotated[
        int | None,
        typer.Option(
            min=0, help="Describe only this face: 2 is t2, as `facesift faces` calls it.", show_default="all"
        ),
    ] = None,
    clips: Annotated[int, typer.Option(min=1, help="Describe so many clips of each face, the best.")] = 1,
    picture: Annotated[
        Path | None, typer.Option(help="Draw faces, landmarks and scores into this .png or .jpg.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Ask the model about the faces of one image or video: labels with scores, and what it says of them.

    FILE goes the same way as in a scan; nothing goes into a lake.

    Exit status: 0 when a face was described; 1 when there is none, it cannot be described, or the file cannot
    be read; 2 for bad usage; 130 when it was interrupted.
    """
    from rich.console import Console

    from flows.describe import DescribeRequest, describe_file
    from flows.display.accounts import print_description
    from flows.display.hush import hushed
    from flows.display.output import to_json
    from flows.display.portrait import check_picture_path, draw_description
    from flows.request import pin_recipe
    from workers.failure import WorkerError

    with ending(WorkerError, OSError, goes_on="nothing was written"):
        if picture is not None:
            check_picture_path(picture)
        request = DescribeRequest(file, track, clips)
        request.find()
        asked = names(tasks) if tasks is not None else None
        pinned = pin_recipe(str(recipe) if recipe else None, asked, checkpoint)
        is_quiet = as_json or not sys.stderr.isatty()
        with hushed() as voice, Console(file=voice, quiet=is_quiet).status("reading") as status:
            found = describe_file(request, pinned, status.update)
        if picture is not None:
            picture.write_bytes(draw_description(found, picture.suffix))
    if as_json:
        typer.echo(to_json(found.as_dict()))
    else:
        print_description(found)
    raise typer.Exit(OK if found.is_answered else FAILED)
