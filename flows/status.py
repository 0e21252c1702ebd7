"""How far a lake has come: the coverage of its sources, which adds up, and its failures."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.summary import DEMONSTRATION_NOTICE, STATUSES
from storage.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Status:
    """Rows of the views `coverage` and `failures_by_reason`, and the checks that found something."""

    coverage: tuple[dict[str, Any], ...]
    failures_by_reason: tuple[dict[str, Any], ...]
    failed_checks: dict[str, int]

    @property
    def adds_up(self) -> bool:
        """True when each source listed under a recipe has exactly one status, and every check passes."""
        return all(row["adds_up"] for row in self.coverage) and not self.failed_checks

    @property
    def is_demonstration(self) -> bool:
        """True when any of the recipes ran a demonstration model."""
        return any(row["is_demonstration"] for row in self.coverage)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values, with the notice when a model is for demonstration."""
        notice = {"notice": DEMONSTRATION_NOTICE} if self.is_demonstration else {}
        return {**notice, **asdict(self), "adds_up": self.adds_up}


def read_status(catalog: Catalog) -> Status:
    """Read a lake's status; runs every check of sql/checks."""
    return Status(
        coverage=tuple(catalog.view("coverage").to_pylist()),
        failures_by_reason=tuple(catalog.view("failures_by_reason").to_pylist()),
        failed_checks={name: rows for name, rows in catalog.run_checks().items() if rows},
    )


def print_status(status: Status, out: Console | None = None) -> None:
    """Print a status for people."""
    console = out or Console(highlight=False)
    if status.is_demonstration:
        console.print(Text(DEMONSTRATION_NOTICE, style="bold yellow"))
    _print_table(console, ("recipe_id", "model_id", "listed", *STATUSES, "adds_up"), status.coverage)
    if status.failures_by_reason:
        console.print()
        _print_table(console, tuple(status.failures_by_reason[0]), status.failures_by_reason)
    for name, rows in status.failed_checks.items():
        console.print(Text(f"check {name} found {rows} row{'' if rows == 1 else 's'}", style="bold red"))


def _print_table(console: Console, columns: tuple[str, ...], rows: tuple[dict[str, Any], ...]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        is_number = all(isinstance(row[column], int) and not isinstance(row[column], bool) for row in rows)
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row[column])) for column in columns))
    console.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
