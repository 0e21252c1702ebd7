"""The commands that a schedule runs: nightly, backfill."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flows.commands.ending import ending, refuse, run_flow
from flows.commands.lake import LakeOption
from flows.commands.scan import bounds, names, text_of

if TYPE_CHECKING:
    from flows.request import ScanRequest

RecipeOption = Annotated[Path | None, typer.Option(help="Everything that can change a result, as TOML.")]
CheckpointOption = Annotated[
    str | None, typer.Option(help="Face-LLaVA checkpoint: a directory or a hub id. [default: demonstration]")
]
TasksOption = Annotated[str | None, typer.Option(help="Questions to ask, e.g. expression,deepfake.")]
ReadersOption = Annotated[
    str | None, typer.Option(metavar="N|MIN:MAX", help="Reader processes. [default: one per CPU]")
]
DescribersOption = Annotated[
    str | None,
    typer.Option(metavar="N|MIN:MAX", help="Describer processes. [default: one per GPU, else one]"),
]
RayOption = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Let a Ray cluster do it: its job server, http://HEAD:8265."),
]
GpusOption = Annotated[
    float | None,
    typer.Option(help="GPUs that a describer claims, e.g. 0.5. [default: an equal share]"),
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
JsonOption = Annotated[bool, typer.Option("--json", help="Print the account as JSON.")]


def nightly(  # noqa: PLR0917 - typer gives names to them all
    archives: Annotated[
        list[str], typer.Argument(help="Video files, folders or s3:// prefixes.", show_default=False)
    ],
    lake: LakeOption,
    is_once: Annotated[bool, typer.Option("--once", help="Run one night, now.")] = False,
    recipe: RecipeOption = None,
    checkpoint: CheckpointOption = None,
    tasks: TasksOption = None,
    include: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Only these, e.g. '*.mp4'; may be repeated. [default: all]"),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Not these, e.g. '*/proxies/*'; may be repeated."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Read at most so many videos.")] = None,
    readers: ReadersOption = None,
    describers: DescribersOption = None,
    gpus_per_describer: GpusOption = None,
    ray: RayOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    calibration: CalibrationOption = None,
    due_files: Annotated[
        int | None, typer.Option(min=0, help="Maintain when a table has so many files. [default: 100]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Scan what is new, and maintain the lake when it is due: what the deployment `nightly` does, by hand.

    Exit status: 0 when every source has a result and every check that ran passes, 1 when not or when the lake
    did not take the rows, 2 for bad usage, 130 when it was interrupted.
    """
    if not is_once:
        raise refuse(ValueError("give --once; nights by a schedule are Prefect's, see docs/operations.md"))
    from flows.display.output import to_json
    from flows.display.upkeep import print_account
    from flows.maintain import UnsoundLakeError, Upkeep
    from flows.summary import print_summary

    options = {"recipe": recipe, "checkpoint": checkpoint, "tasks": tasks, "limit": limit}
    options |= {"profile": profile, "log": log, "calibration": calibration}
    workers = {"readers": readers, "describers": describers, "gpu_share": gpus_per_describer, "ray": ray}
    patterns = {"include": tuple(include or ()), "exclude": tuple(exclude or ())}
    request = _request(archives, lake, **options, **workers, **patterns)

    def run() -> Any:
        from flows.nightly import nightly as nightly_flow

        return nightly_flow(request, Upkeep() if due_files is None else Upkeep(due_files=due_files))

    with ending(UnsoundLakeError):
        night = run_flow(run, request.check)
    if as_json:
        account = night.account.as_dict() if night.account else None
        typer.echo(to_json({"scan": night.summary.as_dict(), "maintenance": account}))
    else:
        print_summary(night.summary)
        if night.account:
            print_account(night.account)
    raise typer.Exit(night.summary.exit_code)


def backfill(  # noqa: PLR0917 - typer gives names to them all
    lake: LakeOption,
    recipe: RecipeOption = None,
    checkpoint: CheckpointOption = None,
    tasks: TasksOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Read at most so many videos now.")] = None,
    first: Annotated[Literal["oldest", "newest"], typer.Option(help="Which first.")] = "oldest",
    source: Annotated[
        str | None,
        typer.Option(metavar="GLOB", help="Only those whose uri or name matches, e.g. '*/2025/*'."),
    ] = None,
    readers: ReadersOption = None,
    describers: DescribersOption = None,
    gpus_per_describer: GpusOption = None,
    ray: RayOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    calibration: CalibrationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Scan what the lake knows already under another recipe or checkpoint; the same again goes on from there.

    Exit status: as of `facesift scan`; sources that are left for later are pending and count as no failure.
    """
    from flows.display.output import to_json
    from flows.summary import print_summary
    from storage.backlog import Backlog

    options = {"recipe": recipe, "checkpoint": checkpoint, "tasks": tasks, "limit": limit}
    options |= {"profile": profile, "log": log, "calibration": calibration}
    workers = {"readers": readers, "describers": describers, "gpu_share": gpus_per_describer, "ray": ray}
    request = _request([], lake, **options, **workers, backlog=Backlog(first, source))

    def run() -> Any:
        from flows.backfill import backfill as backfill_flow

        return backfill_flow(request)

    summary = run_flow(run, request.check)
    if as_json:
        typer.echo(to_json(summary.as_dict()))
    else:
        print_summary(summary)
    raise typer.Exit(summary.exit_code)


def _request(archives: list[str], lake: str, **options: Any) -> "ScanRequest":
    """Return what is asked for."""
    from flows.request import ScanRequest

    recipe, tasks, profile, log, calibration = (
        options.pop(name) for name in ("recipe", "tasks", "profile", "log", "calibration")
    )
    with ending():
        least_readers, most_readers = bounds("readers", options.pop("readers"))
        least_describers, most_describers = bounds("describers", options.pop("describers"))
        return ScanRequest(
            archives=tuple(archives),
            lake=lake,
            recipe=str(recipe) if recipe else None,
            tasks=names(tasks) if tasks is not None else None,
            readers=most_readers,
            min_readers=least_readers,
            describers=most_describers,
            min_describers=least_describers,
            progress="none" if log == "-" else "bars" if sys.stderr.isatty() else "lines",
            profile=str(profile) if profile else None,
            log=log,
            calibration=text_of(calibration) if calibration else None,
            **options,
        )
