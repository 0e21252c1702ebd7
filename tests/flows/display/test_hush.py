import subprocess
import sys
from pathlib import Path

from flows.display.hush import hushed


def test_only_what_is_meant_for_people_reaches_the_terminal() -> None:
    code = (
        "import os, sys\nfrom flows.display.hush import hushed\n"
        "with hushed() as voice:\n"
        "    os.write(2, b'noise')\n    print('spoken', file=voice, flush=True)\n"
        "print('after', file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr == "spoken\nafter\n"


def test_no_file_stays_open() -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    with hushed():
        pass
    assert len(list(Path("/dev/fd").iterdir())) == before
