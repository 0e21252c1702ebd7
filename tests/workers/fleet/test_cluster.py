"""The job server's client, against a server that is played over HTTP."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest

from workers.fleet.cluster import Cluster, ClusterError, ClusterJob, UnreachableError

Reply = tuple[int, str]
WHOLE_BYTES = 1000
"""That a reply with the status 206 promises to be long."""


class Server(BaseHTTPRequestHandler):
    """Replies to method and path with what it is given."""

    replies: ClassVar[dict[str, Reply]] = {}

    def do_GET(self) -> None:
        self._reply(f"GET {self.path}")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._reply(f"POST {self.path}")

    def _reply(self, asked: str) -> None:
        status, text = self.replies.get(asked, (404, "no such thing"))
        self.send_response(200 if status == 206 else status)
        if status == 206:
            self.send_header("Content-Length", str(WHOLE_BYTES))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def served() -> Iterator[tuple[Cluster, dict[str, Reply]]]:
    version = {"version": "4", "ray_version": "2.60.0", "ray_commit": "c", "session_name": "s"}
    Server.replies = {"GET /api/version": (200, json.dumps(version))}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield Cluster(f"http://127.0.0.1:{server.server_port}"), Server.replies
    server.shutdown()
    server.server_close()
    thread.join()


def job(job_id: str, status: str, **more: Any) -> dict[str, Any]:
    return {"type": "SUBMISSION", "submission_id": job_id, "status": status, "entrypoint": "x", **more}


def test_jobs_are_told_in_our_words(
    served: tuple[Cluster, dict[str, Reply]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:1")  # Ray would ask there instead
    cluster, replies = served
    listed = [
        job("facesift-a-1", "PENDING"),
        job("other", "RUNNING"),
        {**job("", "FAILED"), "type": "DRIVER"},
    ]
    replies["GET /api/jobs/"] = 200, json.dumps(listed)
    assert cluster.jobs("facesift-a-") == [ClusterJob("facesift-a-1", "running", "", None, {})]
    ended = job("j", "FAILED", message="died", driver_exit_code=-9, metadata={"k": "v"})
    replies["GET /api/jobs/j"] = 200, json.dumps(ended)
    assert cluster.job("j") == ClusterJob("j", "failed", "died", -9, {"k": "v"})
    assert cluster.job("unknown") is None
    replies["GET /api/jobs/j/logs"] = 200, json.dumps({"logs": "hello\n"})
    assert cluster.log("j") == "hello\n"
    with pytest.raises(UnreachableError, match="log of job k"):
        cluster.log("k")


def test_a_job_that_is_there_already_is_as_good_as_submitted(
    served: tuple[Cluster, dict[str, Reply]],
) -> None:
    cluster, replies = served
    replies["POST /api/jobs/"] = 500, "ValueError: Job with submission_id j already exists."
    cluster.submit("j", "true", {})
    replies["POST /api/jobs/"] = 500, "the disk is full"
    with pytest.raises(UnreachableError, match="disk is full"):
        cluster.submit("j", "true", {})
    replies["POST /api/jobs/"] = 400, "no"
    with pytest.raises(ClusterError, match="400"):
        cluster.submit("j", "true", {})


@pytest.mark.parametrize("status", [200, 206])
def test_a_server_that_dies_in_the_middle_of_an_answer_does_not_answer(
    status: int, served: tuple[Cluster, dict[str, Reply]]
) -> None:
    cluster, replies = served
    replies["GET /api/jobs/"] = replies["GET /api/jobs/j/logs"] = status, '[{"type": "SUBM'
    with pytest.raises(UnreachableError, match="does not answer"):
        cluster.jobs("")
    with pytest.raises(UnreachableError, match="does not answer"):
        cluster.log("j")


def test_nobody_there_is_told_from_a_refusal(served: tuple[Cluster, dict[str, Reply]]) -> None:
    with pytest.raises(UnreachableError, match="does not answer"):
        Cluster("http://127.0.0.1:1").jobs("")
    cluster, replies = served
    replies["GET /api/jobs/"] = 403, "Forbidden: Invalid authentication token"
    with pytest.raises(ClusterError, match="token") as caught:
        cluster.jobs("")
    assert not isinstance(caught.value, UnreachableError)
