"""A cluster that somebody else runs, as seen from outside: its job server."""

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workers.fleet.config import FleetError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

ANSWER_S = 30.0
"""The job server may take so long for one answer."""

JobStatus = Literal["running", "succeeded", "failed", "stopped"]


class ClusterError(FleetError):
    """A cluster does not do what it was asked to do."""


class UnreachableError(ClusterError):
    """The job server does not answer now; it may do so again."""


@dataclass(frozen=True, slots=True)
class ClusterJob:
    """A job as the cluster knows it."""

    job_id: str
    status: JobStatus
    message: str
    exit_code: int | None
    """Of its program; None while it runs, and where it never ran."""
    metadata: "Mapping[str, str]"


class Cluster:
    """The job server of a Ray cluster, `http://head:8265`; not asked before a method is called."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._client: Any = None

    def jobs(self, prefix: str) -> list[ClusterJob]:
        """Return the jobs whose id begins so.

        Raises:
            UnreachableError: the cluster does not answer.
        """
        with self._asking() as client:
            found = client.list_jobs()
        return [_job(info) for info in found if (info.submission_id or "").startswith(prefix)]

    def job(self, job_id: str) -> ClusterJob | None:
        """Return a job, or None when the cluster knows none of this id: it has been made anew since.

        Raises:
            UnreachableError: the cluster does not answer.
        """
        with self._asking() as client:
            try:
                return _job(client.get_job_info(job_id))
            except RuntimeError as error:
                if "status code 404" in str(error):
                    return None
                raise

    def submit(self, job_id: str, command: str, metadata: dict[str, str]) -> None:
        """Start a job, unless there is one of this id.

        Args:
            job_id: as the caller wants to find it again.
            command: for the shell of the head.
            metadata: shown beside it.

        Raises:
            UnreachableError: the cluster does not answer; the job may have been started all the same.
            ClusterError: the cluster refuses it.
        """
        with self._asking() as client:
            try:
                client.submit_job(entrypoint=command, submission_id=job_id, metadata=dict(metadata))
            except RuntimeError as error:
                if "already exists" not in str(error):
                    raise

    def log(self, job_id: str) -> str:
        """Return all that a job has written so far, both of its streams.

        Raises:
            UnreachableError: the cluster does not answer, or the log is not to be had any more.
        """
        with self._asking() as client:
            try:
                return client.get_job_logs(job_id)
            except RuntimeError as error:
                raise UnreachableError(f"the log of job {job_id} cannot be read: {error}") from error

    @contextmanager
    def _asking(self) -> "Generator[Any]":
        """Give the client, and turn what goes wrong with it into errors of ours."""
        from ray.exceptions import AuthenticationError  # noqa: PLC0415
        from requests import exceptions as unheard  # noqa: PLC0415 - as Ray's, which imports half of Ray

        try:
            if self._client is None:
                self._client = _open_client(self.address)
            yield self._client
        except AuthenticationError as error:
            message = "takes no token of ours; set RAY_AUTH_TOKEN_PATH to a file with the cluster's"
            raise ClusterError(f"the cluster at {self.address} {message}") from error
        except (
            *(unheard.ConnectionError, unheard.Timeout, ConnectionError),
            # It went away in the middle of an answer.
            *(unheard.ChunkedEncodingError, unheard.ContentDecodingError, unheard.InvalidJSONError),
        ) as error:
            raise UnreachableError(f"the cluster at {self.address} does not answer") from error
        except RuntimeError as error:
            if "status code 5" in str(error):
                raise UnreachableError(f"the cluster at {self.address} cannot answer: {error}") from error
            if isinstance(error, ClusterError):
                raise
            raise ClusterError(f"the cluster at {self.address}: {error}") from error


def _open_client(address: str) -> Any:
    """Return Ray's client, which by itself would wait for ever, ask whom the environment names, and not look
    for the token that `ray start` looks for.
    """
    from ray.job_submission import JobSubmissionClient  # noqa: PLC0415

    class Client(JobSubmissionClient):
        def _do_request(self, method: str, endpoint: str, **options: Any) -> Any:
            return super()._do_request(method, endpoint, timeout=ANSWER_S, **options)

    named = {name: os.environ.pop(name, None) for name in ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")}
    try:
        return Client(address, headers=_token_header())
    finally:
        os.environ.update({name: value for name, value in named.items() if value is not None})


def _token_header() -> dict[str, str]:
    """Return what lets us in, from where Ray has it; nothing where there is no token."""
    token = os.environ.get("RAY_AUTH_TOKEN", "")
    if not token:
        path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
        with suppress(OSError):
            token = path.read_text(encoding="utf-8")
    return {"Authorization": f"Bearer {token.strip()}"} if token.strip() else {}


def _job(info: Any) -> ClusterJob:
    status = str(info.status).lower()
    return ClusterJob(
        job_id=info.submission_id,
        status="running" if status == "pending" else status,  # pyright: ignore[reportArgumentType] - Ray's others are ours
        message=info.message or "",
        exit_code=info.driver_exit_code,
        metadata=info.metadata or {},
    )
