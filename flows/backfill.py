"""A backfill: what the lake knows already, under another recipe or checkpoint, a portion at a time."""

from dataclasses import replace

from prefect import flow

from flows.artifacts import show_night
from flows.request import ScanRequest
from flows.scan import scan
from flows.summary import ScanSummary
from storage.backlog import Backlog


@flow(name="facesift-backfill", persist_result=False)
def backfill(request: ScanRequest) -> ScanSummary:
    """Scan the sources of a lake under the request's recipe and checkpoint; the next run goes on from there.

    Args:
        request: whose `backlog` says which sources, and which first, and whose `limit` bounds the portion.

    Returns:
        The account of the run: `pending` sources are those of later portions.

    Raises:
        UsageError: the request itself is at fault; nothing was read.
    """
    summary = scan(request if request.backlog is not None else replace(request, backlog=Backlog()))
    show_night(summary)
    return summary
