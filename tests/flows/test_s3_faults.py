"""Scans of a bucket while S3 fails: they end honestly, and a rerun leaves the lake of an undisturbed scan."""

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.summary import ScanSummary
from storage import s3 as s3_module
from storage.catalog import Catalog
from storage.lake import Lake, LakeError
from storage.s3 import forget
from tests.flows.played_run import play, rows, scan_once
from tests.storage.faulty_s3 import Fault, FaultyS3, faulty_s3

pytestmark = pytest.mark.real

KINDS = (
    "slow down",
    "gone",
    "denied",
    "expired",
    "precondition",
    "reset",
    "truncated",
    "reset body",
    "stalled",
)
"""Of faults; each strikes the object of its name."""
CONTENTS = {
    "a.mp4": "faces 2",
    "dir/c d.mp4": "faces 0",
    "dir/ü.mp4": "broken",
    "n.txt": "no",
    **{f"{kind}.mp4": f"faces 1 in {kind}" for kind in KINDS},
}
SETTLED = {"done": 10, "no_face": 1, "failed": 1, "duplicate": 0, "skipped": 1, "pending": 0}
Scan = Callable[[str], ScanSummary]


@pytest.fixture
def proxy(s3: Any, s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    """A proxy that everything goes through, few and quick retries, and a bucket of sources."""
    for key, words in CONTENTS.items():
        s3.put_object(Bucket="archive", Key=key, Body=words)

    play(monkeypatch)
    monkeypatch.setattr("storage.objects.PAUSE_S", 0.01)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", _at_once)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    monkeypatch.setattr("storage.s3.READ_S", 2.0)  # less than the proxy stalls
    with faulty_s3(s3_server) as faulty:
        monkeypatch.setenv("AWS_ENDPOINT_URL", faulty.url)
        forget()
        yield faulty


def _at_once(*_: object, **__: object) -> float:
    return 0.01


@pytest.fixture
def scan(proxy: FaultyS3, tmp_path: Path) -> Scan:
    """Scan the bucket into a lake."""

    def once(lake: str) -> ScanSummary:
        return scan_once("s3://archive", lake, tmp_path / "spool")

    return once


_quiet: dict[str, list[str]] = {}


@pytest.fixture
def undisturbed(scan: Scan, tmp_path: Path) -> dict[str, list[str]]:
    """What a scan finds when nothing goes wrong; the same for all tests."""
    if not _quiet:
        lake = str(tmp_path / "undisturbed")
        assert scan(lake).by_status == SETTLED
        _quiet.update(rows(lake))
    return _quiet


def test_what_passes_by_itself_is_not_noticed(
    proxy: FaultyS3, scan: Scan, undisturbed: dict[str, list[str]], tmp_path: Path
) -> None:
    passing = ("slow down", "reset", "truncated", "reset body", "stalled")
    proxy.faults = [Fault(kind, rf"^GET /archive/{kind}\.mp4", times=1) for kind in passing]
    proxy.faults.append(Fault("internal", r"^GET /archive\?list-type", times=1))
    lake = str(tmp_path / "lake")
    assert scan(lake).by_status == SETTLED
    assert [fault.happened for fault in proxy.faults] == [1] * 6
    assert rows(lake) == undisturbed


def test_what_lasts_is_a_failure_until_the_next_scan(
    proxy: FaultyS3, scan: Scan, undisturbed: dict[str, list[str]], tmp_path: Path
) -> None:
    proxy.faults = [Fault(kind, rf"^GET /archive/{kind}\.mp4") for kind in KINDS]
    lake = str(tmp_path / "lake")
    summary = scan(lake)
    assert summary.by_status == SETTLED | {"done": 1, "failed": 10}
    assert summary.exit_code == 1
    said = {failure.uri: failure.message for failure in summary.failures if failure.stage == "fetch"}
    expected = {
        "gone": "disappeared after listing",
        "denied": "not permitted to read it",
        "precondition": "changed after it was listed",
        "slow down": "S3 says An error occurred (SlowDown)",
        "expired": "S3 says An error occurred (ExpiredToken)",
    }
    for kind in KINDS:
        assert expected.get(kind, "S3 says") in said[f"s3://archive/{kind}.mp4"]
    proxy.faults = []
    assert scan(lake).by_status == SETTLED
    assert rows(lake) == undisturbed


def test_a_listing_that_breaks_off_is_gone_on_with(
    proxy: FaultyS3,
    scan: Scan,
    undisturbed: dict[str, list[str]],
    tmp_path: Path,
) -> None:
    lake = str(tmp_path / "lake")
    proxy.faults = [Fault("internal", r"^GET /archive\?list-type", skipped=1)]
    s3_module.client("archive").meta.events.register("provide-client-params.s3.ListObjectsV2", _pages_of_two)
    proxy.faults[0].skipped = 3  # what is there at all, the first two pages
    summary = scan(lake)
    assert (summary.listed, summary.planned, summary.exit_code) == (5, 4, 1)
    assert [failure.uri for failure in summary.failures] == ["s3://archive/", "s3://archive/dir/ü.mp4"]
    proxy.faults = []
    assert scan(lake).by_status == SETTLED
    assert rows(lake) == undisturbed
    assert scan(lake).planned == 0


def _pages_of_two(params: dict[str, Any], **_: Any) -> None:
    params["MaxKeys"] = 2


LAKE = "s3://lakes/here"
COMMITS = r"^PUT /lakes/here/\w+/_delta_log/\d+\.json"


def test_a_lake_in_a_bucket_lives_with_what_passes(
    proxy: FaultyS3, scan: Scan, undisturbed: dict[str, list[str]]
) -> None:
    proxy.faults = [
        # S3 has obeyed and its answer is lost: what is done again must not count twice.
        Fault("lost 500", COMMITS, times=1, skipped=1),
        Fault("lost 500", COMMITS, times=1, skipped=8),
        Fault("slow down", r"^PUT /lakes/here/\w+/part-", times=1, skipped=3),
        Fault("internal", r"^PUT /lakes/here/evidence", times=1),
        Fault("slow down", r"^GET /lakes/here/\w+/_delta_log", times=1, skipped=2),
    ]
    assert scan(LAKE).by_status == SETTLED
    assert [fault.happened for fault in proxy.faults] == [1] * 5
    proxy.faults = []
    assert rows(LAKE) == undisturbed


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("precondition", r"^PUT /lakes/here/videos/_delta_log/"),
        ("lost", r"^PUT /lakes/here/boxes/_delta_log"),
    ],
)
def test_a_lake_that_takes_no_rows_ends_the_scan_and_loses_nothing(
    kind: str,
    pattern: str,
    proxy: FaultyS3,
    scan: Scan,
    undisturbed: dict[str, list[str]],
) -> None:
    proxy.faults = [Fault(kind, pattern)]
    with pytest.raises(LakeError, match=r"s3://lakes/here"):
        scan(LAKE)
    assert proxy.faults[0].happened
    proxy.faults = []
    assert Catalog(Lake.open(LAKE)).run_checks()["coverage_adds_up"] == 0
    assert scan(LAKE).by_status == SETTLED
    assert rows(LAKE) == undisturbed


def test_a_night_of_faults_at_random_ends_as_a_quiet_one(
    proxy: FaultyS3,
    scan: Scan,
    undisturbed: dict[str, list[str]],
) -> None:
    luck = random.Random(5)

    class Bad(Fault):
        def strikes(self, request: str) -> bool:
            self.kind = luck.choice(
                ["slow down", "internal", "gone", "expired", "reset", "lost", "lost 500", "truncated"]
            )
            return luck.random() < 0.03

    proxy.faults = [Bad("", "")]
    ends: list[str] = []
    for _ in range(3):
        try:
            ends.append(str(scan(LAKE).by_status["failed"]))
        except ValueError as error:  # a lake that does not answer, an archive that cannot be listed
            ends.append(type(error).__name__)
    proxy.faults = []
    assert scan(LAKE).by_status == SETTLED, ends
    assert rows(LAKE) == undisturbed


def test_two_scanners_at_once_lose_and_double_nothing(scan: Scan, undisturbed: dict[str, list[str]]) -> None:
    ended: list[ScanSummary] = []
    scanners = [threading.Thread(target=lambda: ended.append(scan(LAKE))) for _ in range(2)]
    for scanner in scanners:
        scanner.start()
    for scanner in scanners:
        scanner.join()
    assert [summary.by_status for summary in ended] == [SETTLED, SETTLED]
    assert rows(LAKE) == undisturbed
    assert Catalog(Lake.open(LAKE)).view("scans").num_rows == 2
