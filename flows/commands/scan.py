"""The commands that make things: scan, recipe, synth."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.ending import ending, refuse, run_flow
from flows.commands.lake import LakeOption
from flows.usage import UsageError


def scan(  # noqa: PLR0917 - typer gives names to them all
    archives: Annotated[
        list[str], typer.Argument(help="Video files, folders or s3:// prefixes.", show_default=False)
    ],
    lake: LakeOption,
    recipe: Annotated[Path | None, typer.Option(help="Everything that can change a result, as TOML.")] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(help="Face-LLaVA checkpoint: a directory or a hub id. [default: demonstration]"),
    ] = None,
    tasks: Annotated[str | None, typer.Option(help="Questions to ask, e.g. expression,deepfake.")] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Only these, e.g. '*.mp4'; may be repeated. [default: all]"),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Not these, e.g. '*/proxies/*'; may be repeated."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Read at most so many videos.")] = None,
    readers: Annotated[
        str | None,
        typer.Option(metavar="N|MIN:MAX", help="Reader processes. [default: one per CPU]"),
    ] = None,
    describers: Annotated[
        str | None,
        typer.Option(metavar="N|MIN:MAX", help="Describer processes. [default: one per GPU, else one]"),
    ] = None,
    gpus_per_describer: Annotated[
        float | None,
        typer.Option(help="GPUs that a describer claims, e.g. 0.5. [default: an equal share]"),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Let a Ray cluster do it: its job server, http://HEAD:8265. [default: this machine]",
        ),
    ] = None,
    profile: Annotated[
        Path | None, typer.Option(help="Write a trace there, for Perfetto or chrome://tracing.")
    ] = None,
    log: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write JSON lines there; - is standard error.")
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(metavar="CARD", help="Turn scores into likelihood ratios and verdicts by this card."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Find, track and describe the faces in every video of ARCHIVES; add the results to the lake.

    Exit status: 0 when every source has a result, 1 when some failed (they are listed) or the lake did not
    take the rows, 2 for bad usage, 130 when it was interrupted.
    A source whose result is in the lake already is not read again.
    """
    from flows.display.output import to_json
    from flows.request import ScanRequest
    from flows.summary import ScanSummary, print_summary

    with ending():
        least_readers, most_readers = bounds("readers", readers)
        least_describers, most_describers = bounds("describers", describers)
        request = ScanRequest(
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
        )

    def run() -> ScanSummary:
        from flows.scan import scan as scan_flow

        return scan_flow(request)

    is_job = ray is not None and ray != "auto"
    goes_on = ("the job goes on; the same command finds it again",) if is_job else ()
    summary = run_flow(run, request.check, *goes_on)
    if as_json:
        typer.echo(to_json(summary.as_dict()))
    else:
        print_summary(summary)
    raise typer.Exit(summary.exit_code)


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


def recipe(
    file: Annotated[Path | None, typer.Argument(help="A recipe to check and to complete.")] = None,
) -> None:
    """Print a recipe with every setting, as TOML: the defaults, or FILE with the defaults filled in."""
    from flows.recipe import Recipe

    try:
        typer.echo((Recipe.read(file) if file else Recipe()).to_toml(), nl=False)
    except UsageError as error:
        raise refuse(error) from error


def synth(
    out: Annotated[Path, typer.Option(help="Folder for the videos and labels.parquet.")],
    videos: Annotated[int, typer.Option(min=1, help="How many videos.")] = 6,
    seed: Annotated[
        int,
        typer.Option(
            min=0, help="The same seed draws the same pictures; their encoding differs a little each time."
        ),
    ] = 7,
) -> None:
    """Render videos of artificial faces in motion, and labels.parquet, which says what each face shows.

    Exit status: 0, 1 when the folder does not take them, 130 when it was interrupted.
    """
    from model.synthetic.archive import write_archive

    with ending(OSError, goes_on="the same command begins again"):
        labels = write_archive(out, videos, seed, processes=min(videos, os.cpu_count() or 1))
    typer.echo(f"{videos} videos with {len(labels)} labelled faces in {out}")
