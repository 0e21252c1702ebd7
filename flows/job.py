"""The scan inside a Ray job: `facesift job ORDER`, run by the cluster's head.

What came of it is the last line that it writes: the summary, or the error. Prefect is on the other side, with
whoever has submitted the job.
"""

import json
import tempfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from flows.request import ScanRequest
from flows.steps import scan_here
from flows.summary import ScanSummary
from flows.usage import UsageError
from storage.archive import UnreachableArchiveError
from storage.lake import LakeError
from workers.fleet import FleetError

RESULT, ERROR = "facesift-result ", "facesift-error "
"""How the line begins that says what came of it."""
KINDS = {kind.__name__: kind for kind in (UsageError, UnreachableArchiveError, LakeError, FleetError)}
"""Errors that end a scan, by the name under which they travel."""


def run_job(order: str) -> tuple[str, bool]:
    """Scan as an order says, with the workers of the cluster that this process is part of.

    Args:
        order: JSON of `flows.cluster.Order`.

    Returns:
        The line to end with, and whether it is a summary.
    """
    try:
        summary = _scan(order)
    except tuple(KINDS.values()) as error:
        kind = next(name for name, kind in KINDS.items() if kind in type(error).__mro__)
        return ERROR + json.dumps({"kind": kind, "message": str(error)}), False
    # In ASCII: whatever the encoding of the job's output, and the way of its log, leave it as it is.
    return RESULT + json.dumps(TypeAdapter(ScanSummary).dump_python(summary, mode="json")), True


def read_result(log: str) -> ScanSummary | None:
    """Return the summary that a job has ended with; None when its log says nothing of one.

    Raises:
        UsageError, UnreachableArchiveError, LakeError, FleetError: with which it has ended.
    """
    # Not `splitlines()`: it takes letters that a source's name may have for ends of lines.
    for line in reversed(log.split("\n")):
        if line.startswith(RESULT):
            return TypeAdapter(ScanSummary).validate_json(line.removeprefix(RESULT))
        if line.startswith(ERROR):
            said = json.loads(line.removeprefix(ERROR))
            raise KINDS[said["kind"]](said["message"])
    return None


def _scan(order: str) -> ScanSummary:
    values = json.loads(order)
    try:
        request = TypeAdapter(ScanRequest).validate_python(values["request"])
    except ValidationError as error:  # a newer facesift has sent it; what it adds is not for leaving out
        found = error.errors()[0]
        raise UsageError(
            f"facesift {version('facesift')} of the cluster does not understand the request: "
            f"{'.'.join(map(str, found['loc']))}: {found['msg']}; install the same version here and there"
        ) from error
    with tempfile.TemporaryDirectory(prefix="facesift-") as folder:
        if values["recipe_toml"] is not None:
            recipe = Path(folder) / "recipe.toml"
            recipe.write_text(values["recipe_toml"], encoding="utf-8")
            request = replace(request, recipe=str(recipe))
        request.check()
        return scan_here(request)
