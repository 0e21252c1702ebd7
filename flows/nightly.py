"""A night: scan what is new, bring the lake into order when it is due, leave an account.

Prefect starts it; what there is to do, the lake knows: a night that is started again goes on from there.
"""

from dataclasses import dataclass, replace

from prefect import flow
from prefect.runtime import deployment, flow_run

from flows.artifacts import show_night
from flows.maintain import UnsoundLakeError, Upkeep, maintain
from flows.request import ScanRequest
from flows.scan import scan
from flows.summary import ScanSummary
from storage.lake import Lake, LakeError
from storage.maintenance import MaintenanceAccount, is_due


@dataclass(frozen=True, slots=True)
class Night:
    """What a night did.

    Attributes:
        summary: of its scan.
        account: of the maintenance after it; None when none was due.
    """

    summary: ScanSummary
    account: MaintenanceAccount | None


@flow(name="facesift-nightly", persist_result=False)
def nightly(request: ScanRequest, upkeep: Upkeep = Upkeep()) -> Night:  # noqa: B008 - frozen
    """Scan archives into a lake, and maintain it when it is due.

    Retries are inside: those of shards in the scan, those of commits in the lake. The flow itself has none: a
    deployment that runs one at a time would cancel them.

    Args:
        request: what to scan, how, and where the results go.
        upkeep: when maintenance is due.

    Raises:
        UsageError: the request itself is at fault; nothing was read.
        UnsoundLakeError: maintenance was due, and a check found what must not be; or
        LakeError: it was refused. The night's account has been left before. Sources that fail raise nothing:
            they are rows.
    """
    summary = scan(_named(request))
    account, refused = None, None
    try:
        if is_due(Lake.open(request.lake), upkeep.due_files):
            account = maintain(request.lake, upkeep.config)
    except UnsoundLakeError as error:
        account, refused = error.account, error
    except LakeError as error:
        refused = error
    show_night(summary, account)
    if refused is not None:
        raise refused
    return Night(summary, account)


def _named(request: ScanRequest) -> ScanRequest:
    """Return the request as that of this run: started again by Prefect, it finds its job on the cluster.

    Without a deployment nobody starts a run again: the same command is another run, and finds its job by what
    it asks for.
    """
    if request.is_remote and request.run_key is None and deployment.id is not None:
        return replace(request, run_key=flow_run.id)
    return request
