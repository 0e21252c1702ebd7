"""Progress of a scan while it runs: bars on a terminal, a line now and then in a log."""

import sys
import time
from types import TracebackType
from typing import Literal, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from flows.summary import printable
from workers.outcome import Position

SHOWN_VIDEOS = 8
"""Bars of single videos at once; more would fill the screen."""


LINE_S = 60.0
"""Seconds between two lines of a log."""

ProgressKind = Literal["bars", "lines", "none"]


class ScanProgress:
    """A bar for the listing, one for all videos, one per video in work; or lines with the counts alone.

    Args:
        kind: how it shows, on standard error.
    """

    def __init__(self, kind: ProgressKind) -> None:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", table_column=None),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._bars = Progress(*columns, console=Console(stderr=True), disable=kind != "bars", transient=True)
        self._listing: TaskID | None = None
        self._videos: TaskID | None = None
        self._single: dict[str, TaskID] = {}
        self._has_lines = kind == "lines"
        self._started_s = self._told_s = time.monotonic()
        self._settled = self._planned = 0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def listed(self, sources: int) -> None:
        """Show how many sources have been listed so far."""
        if self._listing is None:
            self._listing = self._bars.add_task("listing", total=None, unit="sources")
        self._bars.update(self._listing, completed=sources)
        self._tell(f"{sources:,} sources listed")

    def planned(self, videos: int) -> None:
        """Show the bar of all videos that are to be read."""
        if self._listing is not None:
            self._bars.update(self._listing, visible=False)
        self._planned = videos
        self._tell(f"{videos:,} sources to read")
        self._videos = self._bars.add_task("starting workers", total=videos, unit="videos")

    def moved(self, position: Position) -> None:
        """Show how far one video is."""
        uri = position.job.source.uri
        if self._videos is not None:
            self._bars.update(self._videos, description="scanning")
        self._tell_settled()
        if uri not in self._single:
            if len(self._single) >= SHOWN_VIDEOS:
                return
            self._single[uri] = self._bars.add_task(_short(uri), total=position.duration_s, unit="s")
        self._bars.update(
            self._single[uri], completed=round(position.position_s, 1), total=position.duration_s
        )

    def settled(self, uri: str) -> None:
        """Count one source as settled and take its bar away."""
        if self._videos is not None:
            self._bars.update(self._videos, description="scanning", advance=1)
        if uri in self._single:
            self._bars.remove_task(self._single.pop(uri))
        self._settled += 1
        self._tell_settled()

    def _tell_settled(self) -> None:
        self._tell(f"{self._settled:,} of {self._planned:,} sources settled")

    def _tell(self, text: str) -> None:
        now_s = time.monotonic()
        if self._has_lines and now_s - self._told_s >= LINE_S:
            self._told_s = now_s
            print(f"facesift: {text} after {now_s - self._started_s:,.0f} s", file=sys.stderr, flush=True)  # noqa: T201


def _short(uri: str, width: int = 40) -> str:
    """Return the end of a uri on one line, with brackets that rich does not read as markup."""
    plain = printable(uri.rsplit("/", 1)[-1])
    return escape(plain if len(plain) <= width else "…" + plain[1 - width :])
