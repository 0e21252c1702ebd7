"""A scan on a cluster that is played: jobs that run, end, are found again, get lost."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from flows import cluster
from flows.cluster import Order, cluster_scan
from flows.job import ERROR, RESULT
from flows.request import ScanRequest
from flows.summary import ScanSummary
from flows.usage import UsageError
from storage.lake import LakeError
from tests.flows.test_summary import SUMMARY
from workers.fleet.cluster import ClusterError, ClusterJob, UnreachableError
from workers.fleet.config import FleetError

REQUEST = ScanRequest(("s3://bucket/videos",), "s3://bucket/lake", ray="http://head:8265")
WHOLE = (
    "facesift: 3 of 3 sources settled after 9 s\n\n"
    f"{RESULT}{TypeAdapter(ScanSummary).dump_json(SUMMARY).decode()}\n"
)


@dataclass
class PlayedCluster:
    """Jobs end after two looks at them, as `ends` says, one end per submission."""

    ends: list[tuple[str, str]]
    address: str = "http://head:8265"
    held: dict[str, ClusterJob] = field(default_factory=dict[str, ClusterJob])
    logs: dict[str, str] = field(default_factory=dict[str, str])
    submitted: list[str] = field(default_factory=list[str])
    commands: list[str] = field(default_factory=list[str])
    silences: int = 0

    def __post_init__(self) -> None:
        self._looks = count()

    def jobs(self, prefix: str) -> list[ClusterJob]:
        return [job for job_id, job in self.held.items() if job_id.startswith(prefix)]

    def submit(self, job_id: str, command: str, metadata: dict[str, str]) -> None:
        assert job_id not in self.held
        self.submitted.append(job_id)
        self.commands.append(command)
        self.held[job_id] = ClusterJob(job_id, "running", "", None, metadata)
        self.logs[job_id] = ""

    def job(self, job_id: str) -> ClusterJob | None:
        if self.silences:
            self.silences -= 1
            raise UnreachableError("the cluster at http://head:8265 does not answer")
        job = self.held.get(job_id)
        if job is not None and job.status == "running" and next(self._looks) % 2:
            status, log = self.ends.pop(0)
            if status == "forgotten":
                self.held.clear()
                return None
            self.logs[job_id] = log
            code = {"succeeded": 0, "failed": 1, "unstarted": 127}.get(status)
            status = "failed" if status == "unstarted" else status
            job = self.held[job_id] = replace(job, status=status, exit_code=code, message="ended\nso")  # pyright: ignore[reportArgumentType]
        return job

    def log(self, job_id: str) -> str:
        return self.logs[job_id]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "POLL_S", 0.0)


def scan(played: PlayedCluster, request: ScanRequest = REQUEST) -> tuple[ScanSummary, list[str]]:
    said: list[str] = []
    return cluster_scan(request, played, said.append), said


def test_a_job_is_submitted_watched_and_its_summary_returned() -> None:
    played = PlayedCluster([("succeeded", WHOLE)])
    summary, said = scan(played)
    assert summary == SUMMARY
    assert played.submitted == [f"{Order.of(REQUEST).prefix}1"]
    assert said[-1] == "3 of 3 sources settled after 9 s"
    assert played.commands[0].startswith("facesift job '{")


def test_the_same_request_finds_the_job_that_runs() -> None:
    played = PlayedCluster([("succeeded", WHOLE)])
    order = Order.of(REQUEST)
    played.submit(f"{order.prefix}4", order.command, {})
    assert scan(played)[0] == SUMMARY
    assert len(played.submitted) == 1


def test_a_new_scan_is_a_new_job_and_a_run_that_has_ended_is_not_run_again() -> None:
    played = PlayedCluster([("succeeded", WHOLE)] * 4)
    scan(played)
    scan(played)
    assert [job_id.rpartition("-")[2] for job_id in played.submitted] == ["1", "2"]
    night = replace(REQUEST, run_key="2026-11-23")
    scan(played, night)
    assert scan(played, night)[0] == SUMMARY
    assert len(played.submitted) == 3
    scan(played, replace(REQUEST, run_key="2026-11-24"))
    assert len(played.submitted) == 4


def test_a_night_waits_for_the_one_before() -> None:
    played = PlayedCluster([("succeeded", WHOLE)] * 2)
    order = Order.of(REQUEST)
    played.submit(f"{order.prefix}1", order.command, {cluster.RUN_KEY: "yesterday"})

    def still_there(prefix: str) -> list[ClusterJob]:
        played.job(f"{prefix}1")
        return [job for job_id, job in played.held.items() if job_id.startswith(prefix)]

    played.jobs = still_there  # pyright: ignore[reportAttributeAccessIssue]
    _, said = scan(played, replace(REQUEST, run_key="today"))
    assert "yesterday" in said[0]
    assert played.submitted[-1].endswith("-2")


def test_progress_is_told_line_by_line_once_a_line_is_whole() -> None:
    told = "facesift: 1 of 3, \u2028facesift: x.mp4 the last"
    logs = iter([f"{told}\nfacesift: 3 of", *[f"{told}\n{WHOLE}"] * 2])
    played = PlayedCluster([("succeeded", WHOLE)])
    played.log = lambda _: next(logs)  # pyright: ignore[reportAttributeAccessIssue]
    said = scan(played)[1]
    assert said[1:] == [told.removeprefix("facesift: "), "3 of 3 sources settled after 9 s"]


@pytest.mark.parametrize("loss", ["forgotten", "failed"])
def test_a_lost_job_is_submitted_again(loss: str) -> None:
    played = PlayedCluster([(loss, "facesift: 1 of 3\n"), (loss, ""), ("succeeded", WHOLE)])
    summary, said = scan(played)
    assert summary == SUMMARY
    assert len(played.submitted) == 3
    assert sum("is in the lake" in line for line in said) == 2


def test_what_is_always_lost_is_given_up() -> None:
    played = PlayedCluster([("failed", "")] * cluster.SUBMISSIONS)
    with pytest.raises(ClusterError, match="4 in all"):
        scan(played)
    assert len(played.submitted) == cluster.SUBMISSIONS


@pytest.mark.parametrize(
    ("kind", "raised"), [("UsageError", UsageError), ("LakeError", LakeError), ("FleetError", FleetError)]
)
def test_what_the_job_says_is_raised_here(kind: str, raised: type[Exception]) -> None:
    log = f'{ERROR}{{"kind": "{kind}", "message": "no such bucket"}}\n'
    with pytest.raises(raised, match="no such bucket"):
        scan(PlayedCluster([("failed", log)]))


def test_a_stopped_job_stays_stopped_and_a_missing_program_is_not_tried_again() -> None:
    for status, message in (("stopped", "stopped"), ("unstarted", "PATH")):
        played = PlayedCluster([(status, "")])
        with pytest.raises(ClusterError, match=message):
            scan(played)
        assert len(played.submitted) == 1


def test_silence_is_waited_out_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    played = PlayedCluster([("succeeded", WHOLE)], silences=20)
    summary, said = scan(played)
    assert summary == SUMMARY
    assert len(played.submitted) == 1
    assert sum("does not answer" in line for line in said) == 1
    monkeypatch.setattr(cluster, "PATIENCE_S", 0.0)
    with pytest.raises(ClusterError, match="finds it again"):
        scan(PlayedCluster([], silences=20))


def test_an_order_is_the_same_wherever_it_is_made_and_another_for_another_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('tasks = ["expression"]\n')
    prefix: Callable[[ScanRequest], str] = lambda request: Order.of(request).prefix  # noqa: E731
    monkeypatch.chdir(tmp_path)
    here = replace(REQUEST, archives=("videos",), lake="lake", recipe="recipe.toml")
    there = replace(
        here, archives=(str(tmp_path / "videos"),), lake=str(tmp_path / "lake"), recipe=str(recipe)
    )
    assert prefix(here) == prefix(there)
    assert prefix(replace(there, progress="bars", ray="https://other")) == prefix(there)
    assert prefix(replace(there, tasks=("age",))) != prefix(there)
    assert prefix(replace(there, lake="s3://bucket/other")) != prefix(there)
    recipe.write_text('tasks = ["age"]\n')
    assert prefix(here) != prefix(replace(there, recipe=None))


def test_a_name_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        Order.of(replace(REQUEST, archives=("/videos/\udcff",)))
