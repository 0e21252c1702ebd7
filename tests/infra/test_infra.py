"""What can be said of `infra/` without running it: each file fits the schema that there is for it."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import check_jsonschema
import kubernetes_validate
import pytest
import yaml
from jsonschema.validators import validator_for

from workers.fleet.metrics import COUNTERS, GAUGES

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"


def documents(name: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all((INFRA / name).read_text()) if document]


def vendored(name: str) -> dict[str, Any]:
    folder = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor"
    return json.loads((folder / name).read_text())


def check(value: Any, schema: dict[str, Any]) -> None:
    validator_for(schema)(schema).validate(value)


def test_compose_fits_the_specification_and_publishes_on_loopback_only() -> None:
    (compose,) = documents("docker-compose.yaml")
    check(compose, vendored("compose-spec.json"))
    published = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    text = (INFRA / "docker-compose.yaml").read_text()
    for setting in re.findall(r"(?:PASSWORD|USER|KEY(?:_ID)?): (.*)", text):
        assert re.fullmatch(r"\$\{FACESIFT_\w+:\?set it\}|prefect", setting), f"{setting} is a default"
    # What the comment on top runs is facesift, whatever its service is there for.
    assert re.search(r"run --rm facesift \\\n# +facesift scan ", text)
    networks = {name: set(service["networks"]) for name, service in compose["services"].items()}
    assert {name for name, of_one in networks.items() if "ray" in of_one} == {
        *("head", "worker", "facesift", "prometheus")
    }


def test_grafana_finds_its_source_and_its_dashboard() -> None:
    (compose,) = documents("docker-compose.yaml")
    grafana = compose["services"]["grafana"]
    given = {
        one["target"]: yaml.safe_load(compose["configs"][one["source"]]["content"])
        for one in grafana["configs"]
    }
    folder = "/etc/grafana/provisioning"
    (source,) = given[f"{folder}/datasources/facesift.yaml"]["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert set(grafana["networks"]) & set(compose["services"]["prometheus"]["networks"])
    (provider,) = given[f"{folder}/dashboards/facesift.yaml"]["providers"]
    (volume,) = grafana["volumes"]
    assert volume.split(":")[1].startswith(f"{provider['options']['path']}/")
    # The dashboard names no source but the one that is chosen on it, which is at first the default.
    assert source["isDefault"]
    panels = json.loads((INFRA / "grafana-dashboard.json").read_text())["panels"]
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}


def test_the_autoscaled_cluster_fits_rays_schema_and_keeps_the_head_free() -> None:
    (cluster,) = documents("ray-cluster.yaml")
    spec = find_spec("ray")
    assert spec is not None
    assert spec.origin is not None
    schema = json.loads((Path(spec.origin).parent / "autoscaler" / "ray-schema.json").read_text())
    check(cluster, schema)
    types = cluster["available_node_types"]
    assert types[cluster["head_node_type"]]["resources"]["CPU"] == 0
    assert sum(kind.get("max_workers", 0) for kind in types.values()) <= cluster["max_workers"]


@pytest.mark.parametrize("name", ["kuberay.yaml", "prefect-worker.yaml"])
def test_what_is_kubernetes_own_fits_its_schema(name: str) -> None:
    kinds = [document["kind"] for document in documents(name)]
    own = [document for document in documents(name) if not document["apiVersion"].startswith("ray.io/")]
    assert own, kinds
    for document in own:
        kubernetes_validate.validate(document, "1.37", strict=True)


def test_the_image_does_what_rays_autoscaler_asks_of_it() -> None:
    image = (INFRA / "Dockerfile").read_text()
    assert "ENTRYPOINT" not in image  # it is started as `bash`
    assert re.search(r"apt-get install .*\brsync\b", image)  # files come by it
    # Login shells, in which its commands run, set PATH anew.
    (names,) = re.findall(
        r"for name in ([\w ]+); do ln -s /opt/facesift/.venv/bin/\$name /usr/local/bin/", image
    )
    assert set(names.split()) == {"facesift", "ray", "prefect"}
    (compose,) = documents("docker-compose.yaml")
    ours = [one for one in compose["services"].values() if one["image"].startswith("facesift")]
    assert {one["command"][0] for one in ours} == {"ray", "prefect", "python"}


def test_who_submits_and_watches_a_job_gets_past_the_network_policy() -> None:
    found = {document["kind"]: document for document in documents("kuberay.yaml")}
    rules = found["NetworkPolicy"]["spec"]["ingress"]
    let_in = [
        one
        for rule in rules
        if {"port": 8265} in rule.get("ports", ())
        for one in cast("list[Any]", rule["from"])
    ]
    submitter = found["RayJob"]["spec"]["submitterPodTemplate"]
    assert {"podSelector": {"matchLabels": submitter["metadata"]["labels"]}} in let_in
    assert any("namespaceSelector" in one for one in let_in)
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x"},
        "spec": submitter["spec"],
    }
    kubernetes_validate.validate(pod, "1.37", strict=True)


def test_the_pods_of_the_ray_cluster_fit_kubernetes_schema() -> None:
    (cluster,) = [document for document in documents("kuberay.yaml") if document["kind"] == "RayCluster"]
    spec = cluster["spec"]
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    for group in groups:
        pod: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "x"},
            "spec": group["template"]["spec"],
        }
        kubernetes_validate.validate(pod, "1.37", strict=True)
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
    for group in spec["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["maxReplicas"]
    pinned = re.search(r"ray\[default\]==([\d.]+)", (ROOT / "pyproject.toml").read_text())
    assert pinned is not None
    assert spec["rayVersion"] == pinned[1]


def test_the_dashboard_shows_every_metric_under_its_exported_name() -> None:
    dashboard = json.loads((INFRA / "grafana-dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    shown = {name for expression in expressions for name in re.findall(r"ray_facesift_\w+", expression)}
    assert shown == {f"ray_{name}_total" for name in COUNTERS} | {f"ray_{name}" for name in GAUGES}
    for expression in expressions:
        for labels in re.findall(r"by \(([\w, ]+)\) \((?:rate\()?ray_(\w+?)(?:_total)?[\[)]", expression):
            known = (COUNTERS | GAUGES)[labels[1]][1]  # pyright: ignore[reportOperatorIssue, reportUnknownVariableType]
            assert set(labels[0].split(", ")) <= set(cast("tuple[str, ...]", known)), expression
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_prometheus_keeps_what_the_dashboard_shows() -> None:
    (settings,) = documents("prometheus.yaml")
    (job,) = settings["scrape_configs"]
    (rule,) = job["metric_relabel_configs"]
    for name in (*COUNTERS, *GAUGES):
        assert re.fullmatch(rule["regex"], f"ray_{name}")


def test_the_workflow_fits_githubs_schema() -> None:
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        check(yaml.safe_load(path.read_text().replace("\non:", "\n'on':")), vendored("github-workflows.json"))


def test_what_was_never_run_says_so() -> None:
    for path in set(INFRA.iterdir()) - {INFRA / "prefect.yaml"}:
        assert re.search(r"[Nn]ever (run|built|loaded)", path.read_text()), path.name
