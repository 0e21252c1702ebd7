"""The scan: list the archive, read what the lake lacks, commit as results come, sum up.

Sources go to the workers in shards; a shard is a Prefect task (a task per video would drown the server).
Which videos are done is the lake's knowledge, not Prefect's: a shard that is tried again, or a scan that is
started again after a kill, goes on with what is missing.
"""

from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.plan import Shard
from flows.progress import ScanProgress
from flows.request import ScanRequest
from flows.run import ScanRun
from flows.summary import ScanSummary
from workers.fleet import Fleet, FleetError

SHARD_RETRIES = 2
SHARD_RETRY_DELAY_S = 10


@flow(name="facesift-scan", persist_result=False)
def scan(request: ScanRequest) -> ScanSummary:
    """Scan archives into a lake.

    Args:
        request: what to scan, how, and where the results go.

    Returns:
        The account of the run; every listed source has a status in it.

    Raises:
        UsageError: the request itself is at fault; nothing was read.
    """
    run = ScanRun(request)
    with ScanProgress(request.progress) as progress:
        shards = plan(run, progress)
        if shards:
            with run.fleet() as fleet:
                for number, shard in enumerate(shards, start=1):
                    read = scan_shard.with_options(task_run_name=f"shard {number} of {len(shards)}")
                    read(run, fleet, shard, progress)
    return run.close()


@task(persist_result=False, cache_policy=NO_CACHE)
def plan(run: ScanRun, progress: ScanProgress) -> list[Shard]:
    """List the archives and record what is new; return what is to be read."""
    shards = run.plan(progress)
    progress.planned(sum(len(shard) for shard in shards))
    return shards


def may_pass(shard: Any, run: Any, state: Any) -> bool:  # noqa: ARG001 - Prefect passes all three
    """Say whether a shard that failed is worth another try: workers that did not start will not."""
    error = state.result(raise_on_failure=False)
    return not isinstance(error, FleetError)


@task(
    retries=SHARD_RETRIES,
    retry_delay_seconds=SHARD_RETRY_DELAY_S,
    retry_condition_fn=may_pass,
    persist_result=False,
    cache_policy=NO_CACHE,
)
def scan_shard(run: ScanRun, fleet: Fleet, shard: Shard, progress: ScanProgress) -> None:
    """Read and describe the sources of a shard that have no end yet; commit as they come."""
    jobs = shard.remaining()
    run.claims.restart(jobs)
    with run.committer(shard, progress) as committer:
        for outcome in fleet.scan(jobs, run.new_ids, run.claims.claim, progress.moved, committer.tick):
            for settled in run.claims.settle(committer.fitting(outcome)):
                committer.add(settled)
    left = shard.remaining()
    assert not left, f"{len(left)} sources came to no end, such as {left[0]}"
