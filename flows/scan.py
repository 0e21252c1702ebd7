"""The scan: list the archive, read what the lake lacks, commit as results come, sum up.

Sources go to the workers in shards; a shard is a Prefect task (a task per video would drown the server).
Which videos are done is the lake's knowledge, not Prefect's: a shard that is tried again, or a scan that is
started again after a kill, goes on with what is missing. On a cluster the shards are the job's; Prefect sees
one task, which finds the job again.
"""

from typing import TYPE_CHECKING, Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flows.artifacts import scan_progress
from flows.display.progress import ScanProgress
from flows.plan import Shard, Shards
from flows.request import ScanRequest
from flows.run import ScanRun
from flows.steps import SHARD_RETRIES, SHARD_RETRY_DELAY_S, may_pass, plan_scan, read_shard, run_scan
from flows.summary import ScanSummary
from workers.trace import Trace

if TYPE_CHECKING:
    from workers.fleet import Fleet


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
    if request.is_remote:
        return run_job(request)
    return run_scan(request, scan_progress(request.progress), plan, scan_shard)


@task(persist_result=False, cache_policy=NO_CACHE)
def plan(run: ScanRun, progress: ScanProgress) -> Shards:
    """List the archives and record what is new; return what is to be read."""
    return plan_scan(run, progress)


def may_shard_pass(shard: Any, run: Any, state: Any) -> bool:  # noqa: ARG001 - Prefect passes all three
    """Say whether a shard that failed is worth another try."""
    return may_pass(state.result(raise_on_failure=False))


@task(
    task_run_name="{shard.name}",
    retries=SHARD_RETRIES,
    retry_delay_seconds=SHARD_RETRY_DELAY_S,
    retry_condition_fn=may_shard_pass,
    persist_result=False,
    cache_policy=NO_CACHE,
)
def scan_shard(run: ScanRun, fleet: "Fleet", shard: Shard, progress: ScanProgress, trace: Trace) -> None:
    """Read and describe the sources of a shard that have no end yet; commit as they come."""
    read_shard(run, fleet, shard, progress, trace)


@task(name="ray job", persist_result=False, cache_policy=NO_CACHE)
def run_job(request: ScanRequest) -> ScanSummary:
    """Have a cluster do it: find the job that is at it, or submit one, and watch it to its end."""
    from flows.cluster import cluster_scan, tell_on_stderr  # noqa: PLC0415 - the others need no job client
    from workers.fleet.cluster import Cluster  # noqa: PLC0415

    assert request.ray is not None
    log = get_run_logger()

    def tell(line: str) -> None:
        log.info(line)
        if request.progress != "none":
            tell_on_stderr(line)

    return cluster_scan(request, Cluster(request.ray), tell)
