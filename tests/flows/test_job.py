import json
from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from flows.cluster import Order
from flows.job import ERROR, read_result, run_job
from flows.request import ScanRequest
from flows.summary import ListedFailure, ScanSummary
from flows.usage import UsageError
from storage.archive import UnreachableArchiveError
from storage.lake import UnreachableLakeError
from storage.maintenance import MaintenanceConfig
from tests.flows.test_summary import SUMMARY


def test_an_order_of_a_newer_facesift_is_refused_whole() -> None:
    order = json.loads(Order.of(ScanRequest(("/archive",), "/lake")).to_json())
    order["request"]["only_faces_of"] = "anna"
    line, is_summary = run_job(json.dumps(order))
    assert line.startswith(ERROR)
    assert not is_summary
    with pytest.raises(UsageError, match=r"of the cluster .*only_faces_of: .*; install the same version"):
        read_result(line)


def test_a_summary_arrives_whatever_letters_a_name_has(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = 's3://b/\u2028 \u2029 \x85 \x0b \x0c \x1c \x1d \x1e \r\n ü 日 \U0001f600 ".mp4'
    summary = replace(SUMMARY, failures=(ListedFailure(odd, "decode", "Error", odd, is_new=True),))

    def scan(_: str) -> ScanSummary:
        return summary

    monkeypatch.setattr("flows.job._scan", scan)
    line, is_summary = run_job("{}")
    assert is_summary
    assert line.isascii()
    assert read_result(f"began\n\n{line}\n") == summary
    # Nor can a name that is told of pass for what came of it.
    told = f'facesift: reading /a\u2028{ERROR}{{"kind": "LakeError", "message": "full"}}'
    assert read_result(f"{line}\n{told}\n") == summary


@pytest.mark.parametrize(
    ("error", "arrives_as"),
    [(UnreachableArchiveError, "UnreachableArchiveError"), (UnreachableLakeError, "LakeError")],
)
def test_what_does_not_answer_is_no_bad_usage(
    error: type[Exception], arrives_as: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise error("S3 says SlowDown")

    monkeypatch.setattr("flows.job._scan", fail)
    line, is_summary = run_job("{}")
    assert not is_summary
    with pytest.raises(ValueError, match="S3 says SlowDown") as caught:
        read_result(line)
    assert type(caught.value).__name__ == arrives_as


@pytest.mark.parametrize(
    ("kind", "values"),
    [(ScanRequest, {"archives": ["/archive"], "lake": "/lake"}), (MaintenanceConfig, {"keep_h": 1})],
)
def test_a_deployment_knows_no_other_parameters(kind: type, values: dict[str, object]) -> None:
    assert TypeAdapter(kind).validate_python(values)
    with pytest.raises(ValueError, match="limt"):
        TypeAdapter(kind).validate_python(values | {"limt": 3})
