"""The steps of a scan as plain functions: Prefect makes tasks of them, a job on a cluster just calls them."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from flows.display.progress import ScanProgress
from flows.log import LOG, log_end
from flows.plan import Shard, Shards
from flows.run import ScanRun
from flows.summary import ScanSummary
from workers.outcome import Outcome
from workers.trace import Trace

if TYPE_CHECKING:
    from workers.fleet import Fleet

SHOWN_COMMIT_S = 0.002
"""Shorter ones have committed nothing: the committer gathers."""


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
