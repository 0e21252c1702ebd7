import json

import pytest
from pydantic import TypeAdapter

from flows.cluster import Order
from flows.job import ERROR, read_result, run_job
from flows.request import ScanRequest
from flows.usage import UsageError
from storage.maintenance import MaintenanceConfig


def test_an_order_of_a_newer_facesift_is_refused_whole() -> None:
    order = json.loads(Order.of(ScanRequest(("/archive",), "/lake")).to_json())
    order["request"]["only_faces_of"] = "anna"
    line, is_summary = run_job(json.dumps(order))
    assert line.startswith(ERROR)
    assert not is_summary
    with pytest.raises(UsageError, match=r"of the cluster .*only_faces_of: .*; install the same version"):
        read_result(line)


@pytest.mark.parametrize(
    ("kind", "values"),
    [(ScanRequest, {"archives": ["/archive"], "lake": "/lake"}), (MaintenanceConfig, {"keep_h": 1})],
)
def test_a_deployment_knows_no_other_parameters(kind: type, values: dict[str, object]) -> None:
    assert TypeAdapter(kind).validate_python(values)
    with pytest.raises(ValueError, match="limt"):
        TypeAdapter(kind).validate_python(values | {"limt": 3})
