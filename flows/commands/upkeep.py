"""The commands that keep a lake: maintain, forget."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.ending import FAILED, OK, ending, refuse
from flows.commands.options import LakeOption, open_lake

if TYPE_CHECKING:
    from storage.erasable import Erasable
    from storage.erasure import Eraser
    from storage.lake import Lake
    from storage.receipt import Receipt


_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]


def maintain(
    lake: LakeOption,
    keep_hours: Annotated[
        float, typer.Option(min=0, help="Keep files that have left a table so long, for readers.")
    ] = 168.0,
    abandoned_hours: Annotated[
        float, typer.Option(min=0, help="Take a scan without an end for dead after so long without a row.")
    ] = 168.0,
    safe_hours: Annotated[
        float, typer.Option(min=0, help="Leave alone what is younger, whatever the scans say.")
    ] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Make few files of many, remove what no view can show, run every check; scans may go on meanwhile.

    Exit status: 0 when every check passes, 1 when one does not, a table could not be changed or the lake does
    not answer, 2 when there is none.
    """
    from flows.display.output import to_json
    from flows.display.upkeep import print_account
    from storage.lake import LakeError
    from storage.maintenance import MaintenanceConfig
    from storage.maintenance import maintain as maintain_lake

    opened = open_lake(lake)
    try:
        config = MaintenanceConfig(keep_hours, abandoned_hours, safe_hours)
    except ValueError as error:
        raise refuse(error) from error
    with ending(LakeError):
        account = maintain_lake(opened, config)
    if as_json:
        typer.echo(to_json(account.as_dict()))
    else:
        print_account(account)
    raise typer.Exit(OK if account.is_sound else FAILED)


def forget(  # noqa: PLR0917 - typer gives names to them all
    lake: LakeOption,
    video: Annotated[str | None, typer.Option(metavar="ID", help="A content, by its video_id.")] = None,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="GLOB", help="Sources whose uri or name matches, e.g. '*/night/*'; or one whole uri."
        ),
    ] = None,
    before: Annotated[
        datetime | None,
        typer.Option(formats=_TIMES, help="All that is older; in UTC where no zone is said, as in +02:00."),
    ] = None,
    grace_hours: Annotated[
        float, typer.Option(min=0, help="Let old files stay so long, for readers that cannot ask again.")
    ] = 0.0,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would be erased.")] = False,
    is_sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    is_lifted: Annotated[
        bool, typer.Option("--lift", help="Let scans read --video again; nothing is erased.")
    ] = False,
) -> None:
    """Erase all that the lake holds of videos, under every recipe, for good; print the receipt as JSON.

    Rows, pictures and the old files that hold such rows go; what stays is the hash of each content, so that
    the next scan does not read it again: its sources are `skipped`, `forgotten`.

    Exit status: 0, 1 when the lake did not take it or the answer was no, 2 for bad usage.
    """
    from flows.display.output import to_json
    from flows.display.upkeep import console_on_stderr, print_erasable, print_receipt
    from storage.erasure import Eraser
    from storage.lake import LakeError
    from storage.maintenance import MOST_HOURS

    opened = open_lake(lake)
    if not 0 <= grace_hours <= MOST_HOURS:
        raise refuse(ValueError(f"--grace-hours {grace_hours:g}: give hours from 0 to {MOST_HOURS:g}"))
    with ending(LakeError):
        if is_lifted:
            _lift(opened, video, is_alone=source is None and before is None and not is_dry)
            return
        found = _find(opened, video, source, before)
        if is_dry:
            _say_what_is_unfinished(opened)
            if not found.is_empty:
                print_erasable(found)
                return
        if not is_sure and not found.is_empty:
            _ask(found)
        eraser = Eraser(opened, grace_hours)
        # What a run that was killed has left may be what is asked for now.
        receipts = [] if is_dry else _finish(opened, eraser)
        if receipts:
            found = _find(opened, video, source, before)
        if not found.is_empty:
            receipts.append(eraser.erase(found))
        elif not receipts:
            typer.echo("the lake holds nothing of it; what it knows: facesift query 'from sources'", err=True)
    for receipt in receipts:
        typer.echo(to_json(receipt.as_dict()))
        print_receipt(receipt, console_on_stderr())


def _ask(found: "Erasable") -> None:
    """End the command unless somebody says yes."""
    from flows.display.upkeep import console_on_stderr, print_erasable

    if not sys.stdin.isatty():
        raise refuse(ValueError("nobody is there to be asked; give --yes"))
    print_erasable(found, console_on_stderr())
    typer.confirm("erase it for good?", abort=True, err=True)


def _say_what_is_unfinished(lake: "Lake") -> None:
    from storage.catalog import Catalog

    if number := Catalog(lake).view("erasures", is_finished=False).num_rows:
        typer.echo(f"not finished yet: {number} earlier; facesift maintain goes on with it", err=True)


def _finish(lake: "Lake", eraser: "Eraser") -> "list[Receipt]":
    """Finish what was broken off; return the receipts."""
    with lake.at_work("erase all of it from"):
        receipts = eraser.erase_late()
    for _ in receipts:
        typer.echo("an erasure that had been broken off is finished now", err=True)
    return receipts


def _lift(lake: "Lake", video: str | None, *, is_alone: bool) -> None:
    from storage.erasure import Eraser

    if video is None or not is_alone:
        raise refuse(ValueError("--lift lifts one content; name it with --video, and nothing else"))
    if not Eraser(lake).lift(video):
        raise refuse(ValueError(f"{video} is not forgotten; facesift query 'from forgotten' lists what is"))
    typer.echo(f"{video} is read again by the next scan that lists it")


def _find(lake: "Lake", video: str | None, source: str | None, before: datetime | None) -> "Erasable":
    """Return what is asked for in one of three ways."""
    from storage.erasable import find_before, find_sources, find_video

    match video, source, before:
        case str(), None, None if video:
            return find_video(lake, video.lower())
        case None, str(), None if source:
            return find_sources(lake, source)
        case None, None, datetime():
            return find_before(lake, before if before.tzinfo is not None else before.replace(tzinfo=UTC))
        case _:
            raise refuse(ValueError("say what to erase by one of --video, --source, --before"))
