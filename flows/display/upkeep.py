"""How maintenance and erasures are shown to people."""

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.summary import open_console
from storage.erasable import Erasable
from storage.maintenance import MaintenanceAccount
from storage.receipt import Receipt


def console_on_stderr() -> Console:
    """Return a console beside the output, as wide as the terminal or without an end."""
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 10_000)


def print_account(account: MaintenanceAccount, out: Console | None = None) -> None:
    """Print what maintenance did; tables to which nothing happened are left out."""
    console = out or open_console()
    table = Table("table", "files before", "after", "rows erased", "old files removed", box=None)
    for one in account.tables:
        if one.files_before != one.files_after or one.rows_erased or one.files_removed:
            counts = (one.files_before, one.files_after, one.rows_erased, one.files_removed)
            table.add_row(one.name, *(f"{count:,}" for count in counts))
    if table.row_count:
        console.print(table)
    else:
        console.print("no table had anything to be done")
    told = {
        "tries without an end": account.attempts_erased,
        "pictures without a row": account.pictures_erased,
        "old files of erasures": account.erasures_finished,
        "late erasures": len(account.late_receipts),
    }
    said = ", ".join(f"{count:,} {name}" for name, count in told.items() if count)
    console.print(f"erased   {said or 'nothing'}")
    for name, rows in account.checks.items():
        if rows:
            console.print(Text(f"check {name} found {_counted(rows, 'row')}", style="bold red"))
    console.print(
        f"checks   {sum(not rows for rows in account.checks.values())} of {len(account.checks)} pass"
    )
    console.print(f"time     {account.wall_s:,.1f} s")


def print_erasable(found: Erasable, out: Console | None = None) -> None:
    """Print what would be erased."""
    console = out or open_console()
    contents, sources = len(found.marks.video_ids), len(found.names)
    console.print(f"{_counted(contents, 'content')} of {_counted(sources, 'source')}")
    for table, rows in found.rows.items():
        console.print(f"  {_counted(rows, 'row')} of {table}")
    if found.scan_ids:
        console.print(f"  {_counted(len(found.scan_ids), 'run')} that named one of them")
    if found.scans_running:
        console.print(
            f"{_counted(len(found.scans_running), 'scan')} without an end: what may still be written of "
            "it is in no view, and facesift maintain erases it"
        )


def print_receipt(receipt: Receipt, out: Console | None = None) -> None:
    """Print what is not over yet, in words; the receipt itself is JSON."""
    console = out or open_console()
    if receipt.files_left:
        until = max(left.until for left in receipt.files_left)
        console.print(
            f"erased rows are still in {_counted(len(receipt.files_left), 'old file')}; from "
            f"{until:%Y-%m-%d %H:%M} UTC on, facesift maintain takes them out"
        )
    if not receipt.is_sure_of_versions:
        console.print(
            "the bucket does not say whether it keeps versions of what was removed; if it does, they are "
            "still there: permit s3:GetBucketVersioning and s3:ListBucketVersions, and run the same again"
        )
    if receipt.scans_running:
        console.print(
            f"{_counted(len(receipt.scans_running), 'scan')} without an end; what may still be written of "
            "it, facesift maintain erases"
        )


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
