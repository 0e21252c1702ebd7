from dataclasses import replace
from pathlib import Path

import pytest

from flows.request import ScanRequest
from flows.usage import UsageError
from workers.fleet import FleetConfig

REQUEST = ScanRequest(("/archive",), "/lake")


@pytest.mark.parametrize(
    "place", ["s3://AKIA:secret/x@bucket/key", "s3://user@bucket", "http://me:secret@head:8265"]
)
def test_a_password_in_an_address_is_refused_and_not_repeated(place: str) -> None:
    for field in ("lake", "ray"):
        with pytest.raises(UsageError, match="password") as caught:
            replace(REQUEST, **{field: place})
        assert "secret" not in str(caught.value)
    with pytest.raises(UsageError, match="password"):
        replace(REQUEST, archives=("/archive", place))


@pytest.mark.parametrize("place", ["s3://bucket/a:b@c.mp4", "/videos/me@home:1.mp4", "http://head:8265"])
def test_colons_and_at_signs_elsewhere_are_names(place: str) -> None:
    replace(REQUEST, archives=(place,))


@pytest.mark.parametrize("address", ["ray://head:10001", "head:6379", ""])
def test_only_a_job_server_is_a_cluster(address: str) -> None:
    with pytest.raises(UsageError, match="8265"):
        replace(REQUEST, ray=address)
    assert replace(REQUEST, ray="https://head").is_remote
    assert not replace(REQUEST, ray="auto").is_remote
    assert replace(REQUEST, ray="auto").fleet().is_cluster


@pytest.mark.parametrize(
    "bounds",
    [
        {"readers": 2, "min_readers": 3},
        {"min_readers": 1},
        {"describers": 4, "min_describers": 0},
        {"gpu_share": 0.0},
        {"gpu_share": 1.5},
        {"queued_batches": 0},
        {"stall_s": 0.0},
    ],
)
def test_bounds_that_cannot_be_met_are_refused(bounds: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        replace(REQUEST, **bounds)


def test_how_far_readers_may_run_ahead_is_the_fleets_own_unless_it_is_said() -> None:
    asked = replace(REQUEST, queued_batches=7, stall_s=60.0).fleet()
    assert (asked.queued_batches, asked.stall_s) == (7, 60.0)
    assert REQUEST.fleet() == FleetConfig()


def test_what_a_cluster_does_is_checked_here_as_far_as_it_is_here() -> None:
    remote = replace(REQUEST, ray="http://head:8265", checkpoint="/only/there", recipe="/no/such.toml")
    with pytest.raises(UsageError, match="/no/such"):
        remote.check()
    replace(remote, recipe=None).check()


@pytest.mark.parametrize("field", ["log", "profile"])
def test_what_cannot_be_written_is_refused_before_anything_starts(field: str, tmp_path: Path) -> None:
    request = replace(REQUEST, archives=(str(tmp_path),), lake=str(tmp_path / "lake"))
    with pytest.raises(UsageError, match=r"cannot write .*nowhere.*: No such file"):
        replace(request, **{field: str(tmp_path / "nowhere" / "file")}).check()


def test_a_lake_of_no_possible_name_is_refused_before_its_folder_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    request = replace(REQUEST, archives=(str(tmp_path),), lake=str(tmp_path / ("x" * 300)))
    with pytest.raises(UsageError, match=r"cannot open .* as a lake: File name too long"):
        request.check()
