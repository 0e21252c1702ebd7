"""How far a lake has come: the coverage of its sources, which adds up, and its failures."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from flows.summary import DEMONSTRATION_NOTICE, STATUSES, open_console, printable
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
    """Read a lake's status, all of it of one moment; runs every check of sql/checks."""
    catalog = catalog.frozen()
    return Status(
        coverage=tuple(catalog.view("coverage").to_pylist()),
        failures_by_reason=tuple(catalog.view("failures_by_reason").to_pylist()),
        failed_checks={name: rows for name, rows in catalog.run_checks().items() if rows},
    )


def print_status(status: Status, out: Console | None = None) -> None:
    """Print a status for people."""
    console = out or open_console()
    if status.is_demonstration:
        console.print(Text(DEMONSTRATION_NOTICE, style="bold yellow"))
    if not status.coverage:
        console.print("nothing has been listed yet")
    for row in status.coverage:
        counts = ", ".join(f"{row[name]:,} {name}" for name in STATUSES)
        verdict = "" if row["adds_up"] else "  DOES NOT ADD UP"
        console.print(Text(f"recipe {row['recipe_id']}, model {row['model_id'] or 'none yet'}", style="bold"))
        console.print(Text(f"  {row['listed']:,} listed = {counts}{verdict}"))
        if row["partial"]:
            console.print(Text(f"  {row['partial']:,} read only in part"))
        if row["clips_unanswered"]:
            counts = f"{row['clips_unanswered']:,} of {row['clips']:,}"
            console.print(Text(f"  {counts} clips have no answers; clips.no_answer_reason says why"))
        for reason in status.failures_by_reason:
            if reason["recipe_id"] == row["recipe_id"]:
                _print_reason(console, reason)
    for name, rows in status.failed_checks.items():
        console.print(Text(f"check {name} found {rows} row{'' if rows == 1 else 's'}", style="bold red"))


def _print_reason(console: Console, reason: dict[str, Any]) -> None:
    final, again = reason["sources"] - reason["retryable"], reason["retryable"]
    fate = f"{again:,} to be tried again" if again else "final"
    if final and again:
        fate += f", {final:,} final"
    if reason["quarantined"]:
        fate += f", {reason['quarantined']:,} quarantined"
    console.print(Text(f"  {reason['sources']:,} failed in {reason['stage']}: {reason['error']} ({fate})"))
    console.print(Text(f"    such as {printable(reason['example_uri'])}", style="dim"))
    console.print(Text(f"      {printable(reason['example_message'])}", style="dim"))
