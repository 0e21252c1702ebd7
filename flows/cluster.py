"""A scan on a cluster: submitted as a Ray job, watched, found again, and submitted again when it was lost.

A job's id is made from what was asked for, so whoever asks for the same while it runs finds it: the same
command after its process was killed, or a flow that Prefect starts again. What the job has committed is in
the lake; a job that is lost with its cluster is submitted again and goes on with what is missing.
"""

import hashlib
import json
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter

from flows.job import read_result
from flows.request import ScanRequest
from flows.summary import ScanSummary
from flows.usage import UsageError
from workers.failure import one_line
from workers.fleet.cluster import ClusterError, ClusterJob, UnreachableError

POLL_S = 5.0
"""Seconds between two questions to the job server."""
PATIENCE_S = 600.0
"""A job server that is silent for so long is given up; the job may go on without us."""
SUBMISSIONS = 4
"""A scan is submitted so often; each time it goes on where the one before was lost."""
RUN_KEY = "facesift_run"
"""In a job's metadata: which run it is, where the caller names runs."""
UNSTARTED = (126, 127)
"""Exit codes of a shell that does not find the program, or may not start it."""


class Jobs(Protocol):
    """What is asked of `workers.fleet.cluster.Cluster`."""

    address: str

    def jobs(self, prefix: str) -> list[ClusterJob]:
        """Return the jobs whose id begins so."""
        ...

    def job(self, job_id: str) -> ClusterJob | None:
        """Return a job, or None when there is none."""
        ...

    def submit(self, job_id: str, command: str, metadata: dict[str, str]) -> None:
        """Start a job, unless there is one of this id."""
        ...

    def log(self, job_id: str) -> str:
        """Return what a job has written."""
        ...


@dataclass(frozen=True, slots=True)
class Order:
    """A request as a cluster gets it: every path absolute, the recipe's text in place of its file.

    Attributes:
        request: without recipe, cluster and progress, which are matters of this side.
        recipe_toml: None means every default.
        run_key: names the run, such as a night; None where the caller does not care which run it is.
    """

    request: ScanRequest
    recipe_toml: str | None = None
    run_key: str | None = None

    @classmethod
    def of(cls, request: ScanRequest) -> "Order":
        """Return what is to be sent for a request.

        Raises:
            UsageError: the recipe cannot be read, or a name cannot be sent.
        """
        try:
            recipe_toml = Path(request.recipe).read_text(encoding="utf-8") if request.recipe else None
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read the recipe {request.recipe}: {error}") from error
        sent = replace(
            request,
            archives=tuple(_absolute(archive) for archive in request.archives),
            lake=_absolute(request.lake),
            checkpoint=_checkpoint(request.checkpoint),
            recipe=None,
            ray="auto",
            run_key=None,
            progress="lines",
        )
        order = cls(sent, recipe_toml, request.run_key)
        try:
            order.to_json().encode()
        except UnicodeEncodeError as error:
            raise UsageError("a name that is not UTF-8 cannot be sent to a cluster; rename it") from error
        return order

    def to_json(self) -> str:
        """Return the order as one line; the same order gives the same line."""
        values = TypeAdapter(ScanRequest).dump_python(self.request, mode="json")
        sent = {"request": values, "recipe_toml": self.recipe_toml}
        return json.dumps(sent, sort_keys=True, ensure_ascii=False)

    @property
    def prefix(self) -> str:
        """What the ids of its jobs begin with: the same for the same order to the same software."""
        text = f"{version('facesift')}\n{self.to_json()}"
        return f"facesift-{hashlib.sha256(text.encode()).hexdigest()[:16]}-"

    @property
    def command(self) -> str:
        """For the head's shell."""
        return f"facesift job {shlex.quote(self.to_json())}"


class ClusterScan:
    """One order, from the search for a job of it to its summary.

    Args:
        jobs: the cluster.
        order: what is asked for.
        tell: told in a line what happens, and what the job says of its progress.
    """

    def __init__(self, jobs: Jobs, order: Order, tell: Callable[[str], None]) -> None:
        self._jobs = jobs
        self._order = order
        self._tell = tell
        self._silent_since_s: float | None = None
        self._told_lines = 0
        self._fruitless: set[str] = set()

    def run(self) -> ScanSummary:
        """Find the order's job or submit it, watch it to its end, return what it has found.

        Raises:
            UsageError: the job says that the request is at fault.
            UnreachableArchiveError: the job says that an archive does not answer.
            LakeError: the job says that the lake does not take the rows.
            FleetError: the cluster cannot do it, does not answer, or has lost it too often.
        """
        lost = "it was never started"
        for _ in range(SUBMISSIONS):
            job_id = self._asked(self._job_id)
            ended = self._watch(job_id)
            if ended is None:
                lost = f"the cluster has forgotten job {job_id}"
            elif ended.status == "stopped":
                raise ClusterError(f"somebody has stopped job {job_id}; what it has committed is in the lake")
            else:
                summary = read_result(self._asked(partial(self._jobs.log, job_id)))
                if summary is not None:
                    return summary
                self._fruitless.add(job_id)
                lost = f"job {job_id} ended without a result: {one_line(ended.message)}"
                if ended.exit_code in UNSTARTED:
                    raise ClusterError(f"{lost}; facesift must be on the PATH of every node")
            self._tell(f"{lost}; what it has committed is in the lake")
        raise ClusterError(
            f"{lost}, and so did those before, {SUBMISSIONS} in all; look at the cluster's dashboard, "
            f"{self._jobs.address}; the same command goes on where they stopped"
        )

    def _job_id(self) -> str:
        """Return the id of the order's job, which runs then or has ended as the run that is meant."""
        order = self._order
        while True:
            found = sorted(self._jobs.jobs(order.prefix), key=_number)
            newest = found[-1] if found else None
            is_ours = newest is not None and _key(newest) == order.run_key
            if newest is not None and newest.status == "running":
                if is_ours or order.run_key is None:
                    self._tell(f"found again: job {newest.job_id}")
                    return newest.job_id
                # Another run of the same: what it leaves is less to do for this one.
                self._tell(f"job {newest.job_id} of run {_key(newest)} is still at it; waiting")
                time.sleep(POLL_S)
                continue
            if newest is not None and is_ours and self._is_result(newest):
                return newest.job_id
            job_id = f"{order.prefix}{_number(newest) + 1 if newest else 1}"
            metadata = {RUN_KEY: order.run_key} if order.run_key is not None else {}
            self._jobs.submit(job_id, order.command, metadata)
            self._tell(f"submitted job {job_id} to {self._jobs.address}")
            return job_id

    def _is_result(self, job: ClusterJob) -> bool:
        """Say whether a job that has ended is the run that is meant, and can still say what it has found."""
        is_named = self._order.run_key is not None
        return is_named and job.status == "succeeded" and job.job_id not in self._fruitless

    def _watch(self, job_id: str) -> ClusterJob | None:
        """Wait for a job's end; return it, or None when the cluster has forgotten it."""
        self._told_lines = 0
        while True:
            job = self._asked(partial(self._jobs.job, job_id))
            if job is None:
                return None
            self._tell_progress(job_id)
            if job.status != "running":
                return job
            time.sleep(POLL_S)

    def _asked(self, question: Callable[[], Any]) -> Any:
        """Ask until the cluster answers; how long it is silent is counted from its last answer."""
        while True:
            try:
                answer = question()
            except UnreachableError as error:
                now_s = time.monotonic()
                if self._silent_since_s is None:
                    self._silent_since_s = now_s
                    self._tell(f"{error}; trying on for {PATIENCE_S:.0f} s")
                if now_s - self._silent_since_s >= PATIENCE_S:
                    raise ClusterError(
                        f"{error} for {PATIENCE_S:.0f} s; the job may go on without us: once the cluster "
                        "answers, the same command finds it again, or starts it where it stopped"
                    ) from error
                time.sleep(min(POLL_S, PATIENCE_S))
            else:
                self._silent_since_s = None
                return answer

    def _tell_progress(self, job_id: str) -> None:
        """Hand on the job's lines that are new."""
        try:
            lines = self._jobs.log(job_id).split("\n")[:-1]  # the last one is not written to its end
        except UnreachableError:
            return  # a log that is not there yet, or a cluster that `_asked` will find silent
        for line in lines[self._told_lines :]:
            if line.startswith("facesift: "):
                self._tell(line.removeprefix("facesift: "))
        self._told_lines = len(lines)


def cluster_scan(request: ScanRequest, jobs: Jobs, tell: Callable[[str], None]) -> ScanSummary:
    """Scan on a cluster.

    Args:
        request: with the address of a job server in `ray`.
        jobs: that job server.
        tell: told in a line what happens.

    Raises:
        UsageError: the request is at fault.
        UnreachableArchiveError: an archive does not answer.
        LakeError: the lake does not take the rows.
        FleetError: the cluster cannot do it, does not answer, or has lost it too often.
    """
    return ClusterScan(jobs, Order.of(request), tell).run()


def tell_on_stderr(line: str) -> None:
    """Write a line about a cluster's job where progress goes."""
    print(f"facesift: {line}", file=sys.stderr, flush=True)  # noqa: T201


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).absolute())


def _checkpoint(name: str | None) -> str | None:
    """Return a checkpoint's name as the cluster understands it: a directory that is here, absolute."""
    return str(Path(name).absolute()) if name is not None and Path(name).is_dir() else name


def _number(job: ClusterJob) -> int:
    return int(job.job_id.rpartition("-")[2])


def _key(job: ClusterJob) -> str | None:
    return job.metadata.get(RUN_KEY)
