"""Scans that are killed, or find the disk full: the same again leaves the lake of an undisturbed scan."""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage.catalog import Catalog
from storage.lake import Lake
from tests.flows.played_run import offending, rows

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
SCAN = [sys.executable, "-m", "tests.flows.played_run"]
KILLS = 6
IN_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"]
SMALL_KIB = 260
"""Of a disk that is full in the middle of the scan."""
ON_SMALL_DISK = f"""
mount -t tmpfs -o size={SMALL_KIB}k none "$2"
status=0
"$0" -m tests.flows.played_run "$1" "$2/lake" || status=$?
cp -r "$2/lake" "$3"
mount -o remount,size=64m "$2"
"$0" -m tests.flows.played_run "$1" "$2/lake"
cp -r "$2/lake" "$4"
exit $status
"""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Videos with faces and without, copies, and what fails; the played fleet reads their words."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(24):
        (folder / f"{number:02}.mp4").write_text(f"faces {number % 3} of {number}")
        if number % 6 == 0:
            (folder / f"{number:02} copy.mp4").write_text(f"faces {number % 3} of {number}")
            (folder / f"{number:02} broken.mp4").write_text(f"broken {number}")
    (folder / "n.txt").touch()
    return folder


@pytest.fixture
def undisturbed(archive: Path, tmp_path: Path) -> dict[str, list[str]]:
    """What a scan finds when nothing goes wrong."""
    lake = tmp_path / "undisturbed"
    subprocess.run([*SCAN, archive, lake], cwd=ROOT, check=True, capture_output=True)
    return rows(str(lake))


def commits(lake: Path) -> int:
    return sum(1 for _ in lake.glob("*/_delta_log/*.json"))


def test_a_driver_that_is_killed_at_random_moments_loses_and_doubles_nothing(
    archive: Path, undisturbed: dict[str, list[str]], tmp_path: Path
) -> None:
    lake, luck = tmp_path / "lake", random.Random(11)
    ended: list[int] = []
    for _ in range(KILLS):
        last = commits(lake) + luck.randint(1, 20)
        process = subprocess.Popen([*SCAN, archive, lake], cwd=ROOT, stdout=subprocess.DEVNULL)
        while commits(lake) < last and process.poll() is None:
            time.sleep(0.001)
        process.kill()
        ended.append(process.wait())
        assert offending(Catalog(Lake(lake))) == []
    assert ended.count(-signal.SIGKILL) >= KILLS / 2, ended
    subprocess.run([*SCAN, archive, lake], cwd=ROOT, check=True, capture_output=True)
    assert rows(str(lake)) == undisturbed


def _can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*IN_NAMESPACE, "mount -t tmpfs none /mnt"], capture_output=True, check=False)
    return tried.returncode == 0


@pytest.mark.skipif(not _can_mount(), reason="this user may not mount a small disk")
def test_a_full_disk_ends_a_scan_in_one_line_and_the_next_goes_on(
    archive: Path, undisturbed: dict[str, list[str]], tmp_path: Path
) -> None:
    disk, torn, whole = (tmp_path / name for name in ("disk", "torn", "whole"))
    disk.mkdir()
    command = [*IN_NAMESPACE, ON_SMALL_DISK, sys.executable, archive, disk, torn, whole]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr
    first, said, *_ = ended.stdout.splitlines()
    assert first == "began"
    assert "no space left" in said.casefold()
    assert "free space" in said
    # Full as it was, the lake could be read, and nothing in it was half.
    assert offending(Catalog(Lake(torn))) == []
    assert rows(str(whole)) == undisturbed
