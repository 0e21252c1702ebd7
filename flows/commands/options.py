"""Options that commands share, and the request that those of a scan make."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from flows.commands.ending import ending, run_flow
from flows.usage import UsageError

if TYPE_CHECKING:
    from flows.request import ScanRequest
    from storage.backlog import Backlog
    from storage.lake import Lake

Ended = TypeVar("Ended")

ArchivesArgument = Annotated[
    list[str], typer.Argument(help="Video files, folders or s3:// prefixes.", show_default=False)
]
LakeOption = Annotated[str, typer.Option("--lake", help="Folder of the lake.", envvar="FACESIFT_LAKE")]
RecipeOption = Annotated[Path | None, typer.Option(help="Everything that can change a result, as TOML.")]
CheckpointOption = Annotated[
    str | None,
    typer.Option(help="Face-LLaVA checkpoint: a directory or a hub id.", show_default="demonstration"),
]
TasksOption = Annotated[str | None, typer.Option(help="Questions to ask, e.g. expression,deepfake.")]
IncludeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="PATTERN", help="Only these, e.g. '*.mp4'; may be repeated.", show_default="all"),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="PATTERN", help="Not these, e.g. '*/proxies/*'; may be repeated."),
]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Read at most so many videos.")]
ReadersOption = Annotated[
    str | None, typer.Option(metavar="N|MIN:MAX", help="Reader processes.", show_default="one per CPU")
]
DescribersOption = Annotated[
    str | None,
    typer.Option(metavar="N|MIN:MAX", help="Describer processes.", show_default="one per GPU, else one"),
]
GpusOption = Annotated[
    float | None,
    typer.Option(help="GPUs that a describer claims, e.g. 0.5.", show_default="an equal share"),
]
QueuedOption = Annotated[
    int | None,
    typer.Option(
        min=1, help="Let readers pause while so many batches of clips wait per describer.", show_default="3"
    ),
]
StallOption = Annotated[
    float | None,
    typer.Option(help="Kill a process that gives no sign of life for so long.", show_default="600"),
]
RayOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Let a Ray cluster do it: its job server, http://HEAD:8265.",
        show_default="this machine",
    ),
]
ProfileOption = Annotated[
    Path | None, typer.Option(help="Write a trace there, for Perfetto or chrome://tracing.")
]
LogOption = Annotated[
    str | None, typer.Option(metavar="FILE", help="Write JSON lines there; - is standard error.")
]
CalibrationOption = Annotated[
    Path | None,
    typer.Option(metavar="CARD", help="Turn scores into likelihood ratios and verdicts by this card."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]


def make_request(
    archives: list[str],
    lake: str,
    *,
    recipe: Path | None,
    checkpoint: str | None,
    tasks: str | None,
    limit: int | None,
    readers: str | None,
    describers: str | None,
    gpus_per_describer: float | None,
    queued_batches: int | None,
    stall_seconds: float | None,
    ray: str | None,
    profile: Path | None,
    log: str | None,
    calibration: Path | None,
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    backlog: "Backlog | None" = None,
) -> "ScanRequest":
    """Return what the options of a scan ask for; end the command where they ask for what there is not."""
    from flows.request import ScanRequest

    # What was not said is the request's to choose.
    said: dict[str, Any] = {"queued_batches": queued_batches, "stall_s": stall_seconds}
    with ending():
        least_readers, most_readers = bounds("readers", readers)
        least_describers, most_describers = bounds("describers", describers)
        return ScanRequest(
            archives=tuple(archives),
            lake=lake,
            recipe=str(recipe) if recipe else None,
            checkpoint=checkpoint,
            tasks=names(tasks) if tasks is not None else None,
            include=tuple(include or ()),
            exclude=tuple(exclude or ()),
            limit=limit,
            progress="none" if log == "-" else "bars" if sys.stderr.isatty() else "lines",
            readers=most_readers,
            min_readers=least_readers,
            describers=most_describers,
            min_describers=least_describers,
            gpu_share=gpus_per_describer,
            ray=ray,
            profile=str(profile) if profile else None,
            log=log,
            calibration=text_of(calibration) if calibration else None,
            backlog=backlog,
            **{name: value for name, value in said.items() if value is not None},
        )


def run_request(flow: Callable[[], Ended], request: "ScanRequest") -> Ended:
    """Run a flow that scans; what breaks it off is one line, and the exit status that says so."""
    if request.is_remote:
        return run_flow(flow, request.check, "the job goes on; the same command finds it again")
    return run_flow(flow, request.check)


def open_lake(lake: str) -> "Lake":
    """Return a lake that must be there; end the command where there is none, or where it does not answer."""
    from storage.lake import Lake, LakeError, UnreachableLakeError

    with ending(UnreachableLakeError):
        try:
            return Lake.open(lake)
        except UnreachableLakeError:
            raise
        except LakeError as error:
            raise UsageError(str(error)) from error


def text_of(path: Path) -> str:
    """Return what a file holds.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error


def names(text: str) -> tuple[str, ...]:
    """Return the names in a list with commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def bounds(name: str, text: str | None) -> tuple[int | None, int | None]:
    """Return the least and the most that `N` or `MIN:MAX` stands for.

    Raises:
        UsageError: it is neither.
    """
    if text is None:
        return None, None
    least, has_colon, most = text.rpartition(":")
    parts = [least, most] if has_colon else [most]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(f"--{name} {text}: give a number, or MIN:MAX, from 1")
    return int(least) if has_colon else None, int(most)
