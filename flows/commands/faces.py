"""The command that looks at one video: faces."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.commands.ending import ending
from flows.usage import UsageError

if TYPE_CHECKING:
    from workers.reader import ReaderConfig


def faces(  # noqa: PLR0917 - typer gives names to them all
    file: Annotated[Path, typer.Argument(help="A video, or a picture.", show_default=False)],
    recipe: Annotated[
        Path | None, typer.Option(help="How to read it, as TOML; its sample rate is left aside.")
    ] = None,
    sample_fps: Annotated[
        float | None,
        typer.Option(
            help="Look at so many frames per second only (a scan looks at 8); boxes in the frames between "
            "are then interpolated. Left out: every frame."
        ),
    ] = None,
    mot: Annotated[
        Path | None,
        typer.Option(help="Write every face of every frame as CSV: frame,id,x,y,w,h,score,-1,-1."),
    ] = None,
    mot_id: Annotated[
        Literal["track", "person"],
        typer.Option(
            help="The ids in --mot: of tracks, which end at cuts, or of persons, who are known again after "
            "them by their looks."
        ),
    ] = "track",
    cuts: Annotated[
        Path | None,
        typer.Option(help="Write the first frames of new shots as CSV, below a line that names the column."),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Where the contact sheet goes, as PNG. Left out: NAME.faces.png, here."),
    ] = None,
    no_sheet: Annotated[bool, typer.Option("--no-sheet", help="Draw no contact sheet.")] = False,
    overlay: Annotated[
        Path | None,
        typer.Option(help="Write the video with boxes, ids and landmarks, as .mp4, .mov or .mkv."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Find and track the faces of one video and show them: a table, a contact sheet, the video with boxes.

    Frames are numbered from 1 in the order in which they are decoded, in all that is printed and written;
    what cannot be decoded is not counted. Tracks are t0, t1, ... everywhere, and 1, 2, ... in --mot, unless
    --mot-id asks for persons. Nothing goes into a lake.

    Exit status: 0, also when there is no face; 1 when the video cannot be read or an output not be written;
    2 for bad usage; 130 when it was interrupted.
    """
    from flows.display.hush import hushed
    from flows.display.output import to_json
    from flows.display.sightings import LookProgress, print_faces
    from flows.faces import FacesRequest, find_faces, sheet_name
    from workers.failure import WorkerError
    from workers.reader import ReaderConfig

    with ending(WorkerError, OSError, goes_on="nothing was written"):
        request = FacesRequest(
            file=file,
            reader=_reader_of(recipe) if recipe else ReaderConfig(),
            sample_fps=_checked(sample_fps),
            mot=mot,
            mot_id=mot_id,
            cuts=cuts,
            sheet=None if no_sheet else sheet or Path(sheet_name(file)),
            overlay=overlay,
        )
        is_shown = sys.stderr.isatty() and not as_json
        with hushed() as voice, LookProgress(voice, is_shown=is_shown) as progress:
            found = find_faces(request, progress.tell)
    if as_json:
        typer.echo(to_json(found.as_dict()))
    else:
        print_faces(found)


def _checked(sample_fps: float | None) -> float:
    """Return the rate to look at, inf for every frame.

    Raises:
        UsageError: it is none.
    """
    if sample_fps is None:
        return math.inf
    if not sample_fps > 0:
        raise UsageError(f"--sample-fps {sample_fps:g}: give a positive number, or leave it out")
    return sample_fps


def _reader_of(recipe: Path) -> "ReaderConfig":
    """Return the reader's part of a recipe.

    Raises:
        UsageError: it cannot be used.
    """
    from flows.recipe import Recipe

    return Recipe.read(recipe).reader
