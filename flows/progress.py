"""Progress bars on the terminal while a scan runs."""

from types import TracebackType
from typing import Self

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


class ScanProgress:
    """A bar for the listing, one for all videos, one per video in work; on standard error, or nowhere."""

    def __init__(self, *, is_shown: bool) -> None:
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
        self._bars = Progress(*columns, console=Console(stderr=True), disable=not is_shown, transient=True)
        self._listing: TaskID | None = None
        self._videos: TaskID | None = None
        self._single: dict[str, TaskID] = {}

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

    def planned(self, videos: int) -> None:
        """Show the bar of all videos that are to be read."""
        if self._listing is not None:
            self._bars.update(self._listing, visible=False)
        self._videos = self._bars.add_task("starting workers", total=videos, unit="videos")

    def moved(self, position: Position) -> None:
        """Show how far one video is."""
        uri = position.job.source.uri
        if self._videos is not None:
            self._bars.update(self._videos, description="scanning")
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


def _short(uri: str, width: int = 40) -> str:
    """Return the end of a uri on one line, with brackets that rich does not read as markup."""
    plain = printable(uri.rsplit("/", 1)[-1])
    return escape(plain if len(plain) <= width else "…" + plain[1 - width :])
