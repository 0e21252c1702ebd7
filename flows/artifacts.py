"""What Prefect's pages show of a scan: how far it is, what failed, and its account.

Nothing hangs on them: what a server does not take, because it is away, is in the lake all the same.
"""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.settings import PREFECT_API_URL

from flows.display.progress import ProgressKind, ScanProgress
from flows.night import failure_rows, night_markdown
from flows.summary import ScanSummary
from storage.maintenance import MaintenanceAccount

UPDATE_S = 10.0
"""Seconds between two looks at how far a scan is."""
LAST_UPDATE_S = 5.0
"""The end of a scan waits at most so long for its last one."""

_LOG = logging.getLogger(__name__)


def scan_progress(kind: ProgressKind) -> ScanProgress:
    """Return the progress of a scan, shown by Prefect too where it has a server that outlives the scan."""
    return ArtifactProgress(kind) if PREFECT_API_URL.value() else ScanProgress(kind)


def show_night(summary: ScanSummary, account: MaintenanceAccount | None = None) -> None:
    """Leave a night's account with its run: a page, and a table where sources failed."""
    page = night_markdown(summary, account)
    _tell(lambda: create_markdown_artifact(page, key="facesift-night", description=f"scan {summary.scan_id}"))
    rows = failure_rows(summary)
    if rows:
        description = f"{len(rows):,} of {summary.by_status.get('failed', 0):,} sources without a result"
        _tell(lambda: create_table_artifact(list(rows), key="facesift-failures", description=description))


class ArtifactProgress(ScanProgress):
    """Progress that Prefect shows too, from a thread of its own: a scan never waits for the server."""

    def __init__(self, kind: ProgressKind) -> None:
        super().__init__(kind)
        self._artifact_id: UUID | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._update_now_and_then, daemon=True)

    def planned(self, videos: int) -> None:
        """Show that a scan begins, of so many sources."""
        super().planned(videos)
        if videos:
            self._artifact_id = _tell(
                lambda: create_progress_artifact(
                    0.0, key="facesift-progress", description=f"{videos:,} sources to read"
                )
            )
        if self._artifact_id is not None:
            self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(LAST_UPDATE_S)

    def _update_now_and_then(self) -> None:
        shown = 0
        is_over = False
        while not is_over:
            is_over = self._ended.wait(UPDATE_S)
            settled = self._settled
            if settled != shown and self._artifact_id is not None:
                artifact_id, share = self._artifact_id, min(settled / self._planned, 1.0)
                text = f"{settled:,} of {self._planned:,} sources settled"
                _tell(lambda: update_progress_artifact(artifact_id, round(100 * share, 1), text))  # noqa: B023 - now
                shown = settled


def _tell(call: Callable[[], Any]) -> UUID | None:
    try:
        return call()
    except Exception as error:
        # A server that is away, whatever its client makes of that.
        _LOG.warning("Prefect's server did not take an artifact: %s", error)
        return None
