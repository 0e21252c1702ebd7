import os
import signal
import subprocess
import sys
from pathlib import Path

from workers.spool import Spool, remove_abandoned

HOLDS = """
import sys, time
from pathlib import Path
from workers.spool import Spool
spool = Spool(Path(sys.argv[1]))
(spool.folder / "copy.mp4").write_bytes(b"half a video")
print(spool.folder, flush=True)
if sys.argv[2] == "stay":
    time.sleep(60)
"""


def start(place: Path, then: str) -> tuple[subprocess.Popen[str], Path]:
    """Let another process hold a spool; return it and its folder."""
    command = [sys.executable, "-c", HOLDS, str(place), then]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_the_copies_of_a_killed_reader_are_removed_by_the_next(tmp_path: Path) -> None:
    process, folder = start(tmp_path, "stay")
    assert (folder / "copy.mp4").exists()
    Spool(tmp_path)
    assert (folder / "copy.mp4").exists()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert (folder / "copy.mp4").exists()
    Spool(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_ends_leaves_nothing(tmp_path: Path) -> None:
    process, folder = start(tmp_path, "end")
    assert process.wait() == 0
    assert folder.name
    assert list(tmp_path.iterdir()) == []


def test_a_spool_takes_no_place_before_it_is_used(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    assert not (tmp_path / "spool").exists()
    assert spool.folder == spool.folder
    assert spool.folder.is_dir()
    assert remove_abandoned(tmp_path / "spool") == []  # nor is it taken for a dead one's by its own process
    assert spool.folder.is_dir()
    spool.release()
    assert list((tmp_path / "spool").iterdir()) == []
    assert spool.folder.is_dir()
