"""The commands that make things: scan, recipe, synth."""

import os
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.ending import ending, refuse
from flows.commands.options import (
    ArchivesArgument,
    CalibrationOption,
    CheckpointOption,
    DescribersOption,
    ExcludeOption,
    GpusOption,
    IncludeOption,
    JsonOption,
    LakeOption,
    LimitOption,
    LogOption,
    ProfileOption,
    QueuedOption,
    RayOption,
    ReadersOption,
    RecipeOption,
    StallOption,
    TasksOption,
    make_request,
    run_request,
)
from flows.usage import UsageError


def scan(  # noqa: PLR0917 - typer gives names to them all
    archives: ArchivesArgument,
    lake: LakeOption,
    recipe: RecipeOption = None,
    checkpoint: CheckpointOption = None,
    tasks: TasksOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    limit: LimitOption = None,
    readers: ReadersOption = None,
    describers: DescribersOption = None,
    gpus_per_describer: GpusOption = None,
    queued_batches: QueuedOption = None,
    stall_seconds: StallOption = None,
    ray: RayOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    calibration: CalibrationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find, track and describe the faces in every video of ARCHIVES; add the results to the lake.

    Exit status: 0 when every source has a result, 1 when some failed (they are listed) or the lake did not
    take the rows, 2 for bad usage, 130 when it was interrupted.
    A source whose result is in the lake already is not read again.
    """
    from flows.display.output import to_json
    from flows.summary import ScanSummary, print_summary

    request = make_request(
        archives,
        lake,
        recipe=recipe,
        checkpoint=checkpoint,
        tasks=tasks,
        include=include,
        exclude=exclude,
        limit=limit,
        readers=readers,
        describers=describers,
        gpus_per_describer=gpus_per_describer,
        queued_batches=queued_batches,
        stall_seconds=stall_seconds,
        ray=ray,
        profile=profile,
        log=log,
        calibration=calibration,
    )

    def run() -> ScanSummary:
        from flows.scan import scan as scan_flow

        return scan_flow(request)

    summary = run_request(run, request)
    if as_json:
        typer.echo(to_json(summary.as_dict()))
    else:
        print_summary(summary)
    raise typer.Exit(summary.exit_code)


def recipe(
    file: Annotated[Path | None, typer.Argument(help="A recipe to check and to complete.")] = None,
) -> None:
    """Print a recipe with every setting, as TOML: the defaults, or FILE with the defaults filled in."""
    from flows.request import read_recipe

    try:
        typer.echo(read_recipe(str(file) if file else None, None).to_toml(), nl=False)
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
