"""A scan on a real Ray cluster, which this test starts and ends: its jobs, its metrics."""

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest

from flows.cluster import cluster_scan
from flows.request import ScanRequest
from flows.summary import STATUSES
from storage.catalog import Catalog
from storage.lake import Lake
from tests.flows.played_run import rows
from workers.fleet.cluster import Cluster
from workers.fleet.metrics import COUNTERS, GAUGES

pytestmark = [pytest.mark.real, pytest.mark.alone]

BIN = Path(sys.executable).parent
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Head:
    """A cluster of one machine, on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        token = folder / "token"
        token.write_text(secrets.token_hex(32))
        self.environment = {**ENVIRONMENT, "RAY_AUTH_TOKEN_PATH": str(token)}
        gcs, dashboard, agent, client = free_ports(4)
        self.address = f"http://127.0.0.1:{dashboard}"
        self._command = [
            *(str(BIN / "ray"), "start", "--head", "--block", "--num-cpus=2", "--node-ip-address=127.0.0.1"),
            *(f"--port={gcs}", f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={agent}"),
            *(f"--ray-client-server-port={client}", "--dashboard-host=127.0.0.1", f"--temp-dir={folder}"),
            "--object-store-memory=200000000",
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment,
        )
        deadline_s = time.monotonic() + 240
        while True:
            try:
                urlopen(f"{self.address}/api/version", timeout=10).close()
            except HTTPError:
                break  # it wants a token: it is there
            except OSError:
                assert time.monotonic() < deadline_s, "the cluster does not come up"
                time.sleep(0.5)
            else:
                raise AssertionError("the cluster lets everybody in")

    def kill(self) -> None:
        if self._process is not None:
            parent = psutil.Process(self._process.pid)
            for process in [*parent.children(recursive=True), parent]:  # Ray's have sessions of their own
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            self._process.wait()
            self._process = None

    def metrics(self) -> str:
        """Return what Prometheus would be told, by the addresses that Ray leaves for it."""
        (found,) = json.loads((self.folder / "prom_metrics_service_discovery.json").read_text())
        texts: list[str] = []
        for target in found["targets"]:
            with urlopen(f"http://{target}/metrics", timeout=30) as reply:
                texts.append(reply.read().decode())
        return "\n".join(texts)


class Exported(threading.Thread):
    """Gathers the names of facesift's metrics: gauges are gone soon after their process."""

    def __init__(self, head: Head) -> None:
        super().__init__(daemon=True)
        self.head = head
        self.names: set[str] = set()
        self.is_over = threading.Event()

    def run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self.is_over.wait(1.0)
            with suppress(OSError, ValueError):  # the file of addresses, and what is there, come and go
                self.names |= set(re.findall(r"^(ray_facesift_\w+)[{ ]", self.head.metrics(), re.MULTILINE))


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    with tempfile.TemporaryDirectory(
        prefix="ray-", dir="/tmp", ignore_cleanup_errors=True
    ) as folder:  # short: sockets
        started = Head(Path(folder))
        try:
            started.start()
            yield started
        finally:
            started.kill()


def scan(archive: Path, lake: Path, head: Head, *options: str) -> subprocess.Popen[str]:
    command = [str(BIN / "facesift"), "scan", str(archive), "--lake", str(lake), "--ray", head.address]
    return subprocess.Popen(
        [*command, "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=head.environment,
    )


def said(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """Wait for a line on standard error."""
    assert process.stderr is not None
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        if match := re.search(pattern, line):
            return match
    raise AssertionError(f"it has not said {pattern}, but {''.join(lines)}")


def test_a_job_is_found_again_and_its_metrics_are_those_of_the_dashboard(
    head: Head, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    first = scan(films, lake, head)
    job_id = said(first, r"submitted job (\S+) to")[1]
    first.kill()
    first.communicate()

    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", head.environment["RAY_AUTH_TOKEN_PATH"])
    exported = Exported(head)
    exported.start()
    lines: list[str] = []
    request = ScanRequest((str(films),), str(lake), ray=head.address)
    summary = cluster_scan(request, Cluster(head.address), lines.append)
    exported.is_over.set()
    assert lines[0] == f"found again: job {job_id}"
    assert summary.by_status == {**dict.fromkeys(STATUSES, 0), "done": 3, "no_face": 1, "skipped": 1}
    assert summary.cpu_s > 1
    assert Catalog(Lake(lake)).query("from videos").num_rows == 4
    assert [job.job_id for job in Cluster(head.address).jobs("facesift-")] == [job_id]

    wanted = {f"ray_{name}_total" for name in COUNTERS} | {f"ray_{name}" for name in GAUGES}
    wanted -= {"ray_facesift_failures_total", "ray_facesift_deaths_total", "ray_facesift_gpu_seconds_total"}
    exported.join(timeout=60)
    assert wanted <= exported.names


def test_a_head_that_is_lost_while_its_job_runs_costs_nothing(
    head: Head, films: Path, brief: Path, undisturbed: dict[str, list[str]], tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    watching = scan(films, lake, head, "--recipe", str(brief))
    said(watching, r"submitted job (\S+) to")
    while not (lake / "boxes" / "_delta_log").exists():  # in the middle of a commit
        assert watching.poll() is None, watching.communicate()
        time.sleep(0.001)
    head.kill()
    head.start()
    said(watching, r"has forgotten job (\S+); what it has committed is in the lake")
    out, error = watching.communicate(timeout=240)
    assert watching.returncode == 0, error
    assert json.loads(out)["by_status"] == {
        **dict.fromkeys(STATUSES, 0),
        "done": 3,
        "no_face": 1,
        "skipped": 1,
    }
    assert rows(str(lake)) == undisturbed
    assert not {name: found for name, found in Catalog(Lake(lake)).run_checks().items() if found}
    assert Catalog(Lake(lake)).view("scans").num_rows == 2
