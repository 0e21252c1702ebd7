"""The deployments: valid by Prefect's own models, taken by their flows, and deployed for real."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import yaml
from prefect import Flow
from prefect.cli.deploy._models import PrefectYamlModel
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.client.schemas.schedules import CronSchedule

from flows.backfill import backfill
from flows.maintain import maintain
from flows.nightly import nightly
from flows.request import ScanRequest
from storage.backlog import Backlog
from storage.maintenance import MaintenanceConfig
from tests.flows.prefect_server import PrefectServer

ROOT = Path(__file__).parents[2]
FILE = ROOT / "infra" / "prefect.yaml"
FLOWS: dict[str, Flow[Any, Any]] = {"nightly": nightly, "maintain": maintain, "backfill": backfill}
ENVIRONMENT = {
    "FACESIFT_HOME": str(ROOT),
    "FACESIFT_ARCHIVE": "s3://bucket/archive",
    "FACESIFT_LAKE": "s3://bucket/lake",
    "FACESIFT_TIMEZONE": "Europe/Berlin",
}


def read() -> dict[str, Any]:
    """Return the file as Prefect reads it, with the environment in it."""
    text = re.sub(r"\{\{ \$(\w+) \}\}", lambda found: ENVIRONMENT.get(found[1], ""), FILE.read_text())
    return yaml.safe_load(text)


DEPLOYMENTS = {deployment["name"]: deployment for deployment in read()["deployments"]}


def test_prefect_takes_the_file() -> None:
    model = PrefectYamlModel.model_validate(read())
    assert [deployment.name for deployment in model.deployments] == list(FLOWS)
    for deployment in DEPLOYMENTS.values():
        unknown = deployment.keys() - set(type(model.deployments[0]).model_fields)
        assert unknown == set()
        ConcurrencyLimitConfig.model_validate(deployment["concurrency_limit"], extra="forbid")
        assert deployment["concurrency_limit"]["limit"] == 1
        for schedule in deployment["schedules"]:
            kept = {key: schedule[key] for key in ("cron", "timezone")}
            DeploymentScheduleCreate(schedule=CronSchedule(**kept), active=True, slug=schedule["slug"])
    assert [len(deployment["schedules"]) for deployment in DEPLOYMENTS.values()] == [1, 1, 0]


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_takes_its_parameters_and_has_no_retries_that_a_limit_would_cancel(name: str) -> None:
    flow, deployment = FLOWS[name], DEPLOYMENTS[name]
    path, function = deployment["entrypoint"].split(":")
    assert (ROOT / path).is_file()
    assert flow.fn.__name__ == function
    assert flow.retries == 0
    given = flow.validate_parameters(json.loads(json.dumps(deployment["parameters"])))
    match name:
        case "nightly":
            assert given["request"] == ScanRequest(
                ("s3://bucket/archive",), "s3://bucket/lake", progress="lines"
            )
        case "maintain":
            assert given == {"lake": "s3://bucket/lake", "config": MaintenanceConfig()}
        case _:
            assert given["request"].backlog == Backlog("newest")
            assert given["request"].limit == 1000


def test_a_misspelt_parameter_is_refused() -> None:
    parameters = json.loads(json.dumps(DEPLOYMENTS["nightly"]["parameters"]))
    with pytest.raises(Exception, match="due_file"):
        nightly.validate_parameters(parameters | {"upkeep": {"due_file": 3}})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A Prefect server of its own; gives the environment in which it is the server."""
    started = PrefectServer(tmp_path / "prefect")
    try:
        started.start()
        yield {**started.environment, **ENVIRONMENT}
    finally:
        started.kill()


@pytest.mark.real
@pytest.mark.alone
def test_the_deployments_are_deployed(server: dict[str, str]) -> None:
    for command in (
        ("work-pool", "create", "facesift", "--type", "process"),
        ("deploy", "--all", "--prefect-file", str(FILE)),
    ):
        subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *command],
            env=server,
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
    request = Request(
        f"{server['PREFECT_API_URL']}/deployments/filter", b"{}", {"content-type": "application/json"}
    )
    with urlopen(request) as answer:
        found = {deployment["name"]: deployment for deployment in json.load(answer)}
    assert found.keys() == FLOWS.keys()
    for name, deployment in found.items():
        assert deployment["parameters"] == DEPLOYMENTS[name]["parameters"]
        assert deployment["global_concurrency_limit"]["limit"] == 1
        assert deployment["pull_steps"][0]["prefect.deployments.steps.set_working_directory"] == {
            "directory": str(ROOT)
        }
    (night,) = found["nightly"]["schedules"]
    assert (night["schedule"]["cron"], night["schedule"]["timezone"]) == ("0 22 * * *", "Europe/Berlin")
    assert found["nightly"]["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
