"""The commands that a schedule runs: nightly, backfill."""

from typing import Annotated, Any, Literal

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


def nightly(  # noqa: PLR0917 - typer gives names to them all
    archives: ArchivesArgument,
    lake: LakeOption,
    is_once: Annotated[bool, typer.Option("--once", help="Run one night, now.")] = False,
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
    due_files: Annotated[
        int | None,
        typer.Option(min=0, help="Maintain when a table has so many files.", show_default="100"),
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

    def run() -> Any:
        from flows.nightly import nightly as nightly_flow

        return nightly_flow(request, Upkeep() if due_files is None else Upkeep(due_files=due_files))

    with ending(UnsoundLakeError):
        night = run_request(run, request)
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
    limit: LimitOption = None,
    first: Annotated[Literal["oldest", "newest"], typer.Option(help="Which first.")] = "oldest",
    source: Annotated[
        str | None,
        typer.Option(metavar="GLOB", help="Only those whose uri or name matches, e.g. '*/2025/*'."),
    ] = None,
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
    """Scan what the lake knows already under another recipe or checkpoint; the same again goes on from there.

    Exit status: as of `facesift scan`; sources that are left for later are pending and count as no failure.
    """
    from flows.display.output import to_json
    from flows.summary import print_summary
    from storage.backlog import Backlog

    request = make_request(
        [],
        lake,
        recipe=recipe,
        checkpoint=checkpoint,
        tasks=tasks,
        limit=limit,
        backlog=Backlog(first, source),
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

    def run() -> Any:
        from flows.backfill import backfill as backfill_flow

        return backfill_flow(request)

    summary = run_request(run, request)
    if as_json:
        typer.echo(to_json(summary.as_dict()))
    else:
        print_summary(summary)
    raise typer.Exit(summary.exit_code)
