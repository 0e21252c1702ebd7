"""A scan and its steps as plain functions: Prefect makes tasks of the steps, a cluster's job calls them."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from flows.display.progress import ScanProgress
from flows.log import LOG, ScanLog, log_end
from flows.plan import Shard, Shards
from flows.request import ScanRequest
from flows.run import ScanRun
from flows.summary import ScanSummary
from workers.fleet import FleetError
from workers.outcome import Outcome
from workers.trace import Trace

if TYPE_CHECKING:
    from workers.fleet import Fleet

SHARD_RETRIES = 2
SHARD_RETRY_DELAY_S = 10.0
SHOWN_COMMIT_S = 0.002
"""Shorter ones have committed nothing: the committer gathers."""

PlanStep = Callable[[ScanRun, ScanProgress], Shards]
ReadStep = Callable[[ScanRun, "Fleet", Shard, ScanProgress, Trace], None]


def run_scan(request: ScanRequest, progress: ScanProgress, plan: PlanStep, read: ReadStep) -> ScanSummary:
    """Plan, read shard after shard, sum up.

    Args:
        request: what to scan, here.
        progress: not begun yet.
        plan: does `plan_scan`.
        read: does `read_shard`, and does it again as `may_pass` and `SHARD_RETRIES` say.

    Raises:
        UsageError: the request itself is at fault; nothing was read.
        UnreachableArchiveError: an archive does not answer.
        FleetError: the workers cannot work at all.
        LakeError: the lake does not take the rows.
    """
    run, fleet = ScanRun(request), None
    profile = Path(request.profile) if request.profile else None
    with ScanLog(request.log, run.scan_id), progress, Trace(profile) as trace:
        shards = plan(run, progress)
        if shards:
            with run.fleet().traced(trace) as fleet:
                for shard in shards:
                    read(run, fleet, shard, progress, trace)
        return close_scan(run, fleet)


def scan_here(request: ScanRequest) -> ScanSummary:
    """Scan without Prefect; see `run_scan`."""
    return run_scan(request, ScanProgress(request.progress), plan_scan, _read_again)


def may_pass(error: object) -> bool:
    """Say whether a shard that failed is worth another try: workers that did not start will not."""
    return not isinstance(error, FleetError)


def plan_scan(run: ScanRun, progress: ScanProgress) -> Shards:
    """List the archives and record what is new; return what is to be read."""
    LOG.info("scan began", extra={"recipe_id": run.recipe_id, "lake": run.request.lake})
    shards = run.plan(progress)
    progress.planned(shards.sources)
    LOG.info("planned", extra={"stage": "list", "to_read": shards.sources})
    return shards


def read_shard(run: ScanRun, fleet: "Fleet", shard: Shard, progress: ScanProgress, trace: Trace) -> None:
    """Read and describe the sources of a shard that have no end yet; commit as they come."""
    jobs = shard.remaining()
    run.claims.restart(jobs)
    with run.committer(shard, progress) as committer:

        def tick() -> None:
            began_s = time.monotonic()
            committer.tick()
            _trace_commit(trace, began_s)

        def add(outcome: Outcome) -> None:
            began_s = time.monotonic()
            committer.add(outcome)
            _trace_commit(trace, began_s)

        for outcome in fleet.scan(jobs, run.new_ids, run.claims.claim, progress.moved, tick):
            for settled in run.claims.settle(committer.fitting(outcome)):
                add(settled)
    left = shard.remaining()
    assert not left, f"{len(left)} sources came to no end, such as {left[0]}"


def _read_again(run: ScanRun, fleet: "Fleet", shard: Shard, progress: ScanProgress, trace: Trace) -> None:
    """Try a shard as Prefect would: each time it goes on with what is missing."""
    for retries_left in reversed(range(SHARD_RETRIES + 1)):
        try:
            return read_shard(run, fleet, shard, progress, trace)
        except Exception as error:
            if not retries_left or not may_pass(error):
                raise
            time.sleep(SHARD_RETRY_DELAY_S)
    raise AssertionError("the last try returns or raises")


def close_scan(run: ScanRun, fleet: "Fleet | None") -> ScanSummary:
    """Write the scan's end; return its account, with what it has cost."""
    summary = run.close()
    if fleet is not None:
        usage = fleet.usage()
        summary = replace(summary, cpu_s=usage.cpu_s, gpu_s=usage.gpu_s, gpu_held_s=usage.gpu_held_s)
    log_end(summary)
    return summary


def _trace_commit(trace: Trace, began_s: float) -> None:
    ended_s = time.monotonic()
    if ended_s - began_s >= SHOWN_COMMIT_S:
        trace.add("driver", "commit", began_s, ended_s)
