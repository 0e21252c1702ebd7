"""What becomes of a program whose output is full, closed, or read by nobody any more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PRINTS = {
    "typer": "import typer; [typer.echo('x' * 99) for _ in range(9999)]",
    "rich": "from rich.console import Console; [Console().print('x' * 70) for _ in range(2000)]",
    "bytes": "import sys; sys.stdout.buffer.write(b'x' * 999999)",
    "little": "print('x')",
    "exit": "import typer; print('x'); raise SystemExit(1)",
    "arrow": "import sys, pyarrow as pa; from pyarrow import csv\n"
    "try: csv.write_csv(pa.table({'x': range(99999)}), sys.stdout.buffer)\n"
    "except (OSError, pa.ArrowException): print('taken for a bad file')",
}
FULL = Path("/dev/full")


def program(prints: str) -> list[str]:
    code = f"from flows.commands.ending import run_printing\ndef command():\n exec({prints!r}, {{}})\n"
    return [sys.executable, "-c", f"{code}run_printing(command)"]


@pytest.mark.parametrize("prints", PRINTS.values(), ids=PRINTS)
def test_a_full_output_is_one_line(prints: str) -> None:
    with FULL.open("wb") as full:
        ended = subprocess.run(program(prints), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.stderr == "facesift: cannot write the output: No space left on device\n"
    assert ended.returncode == 74


@pytest.mark.parametrize("prints", PRINTS.values(), ids=PRINTS)
def test_a_reader_that_has_gone_is_no_matter(prints: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            program(prints), stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, "")


def run_in_shell(prints: str, redirection: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", *program(prints)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("prints", PRINTS.values(), ids=PRINTS)
def test_a_closed_output_is_one_line(prints: str) -> None:
    ended = run_in_shell(prints, ">&-")
    assert ended.stderr == "facesift: cannot write the output: Bad file descriptor\n"
    assert ended.returncode == 74


def test_a_file_does_not_take_the_place_of_a_closed_output(tmp_path: Path) -> None:
    """Else what is printed would go into it."""
    path = tmp_path / "file"
    prints = f"import os; file = open({str(path)!r}, 'w'); print('printed'); os.write(1, b'printed')"
    run_in_shell(prints, ">&-")
    assert path.read_bytes() == b""


def test_without_standard_error_the_program_runs() -> None:
    prints = "import sys; print('noise', file=sys.stderr); print('output')"
    ended = run_in_shell(prints, "2>&-")
    assert (ended.returncode, ended.stdout) == (0, "output\n")


@pytest.mark.parametrize("status", [0, 1, 2])
def test_output_that_is_read_leaves_the_status_alone(status: int) -> None:
    ended = run_in_shell(f"print('é日'); raise SystemExit({status})", "")
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, "é日\n", "")


def test_the_program_is_run_so() -> None:
    with FULL.open("wb") as full:
        command = [sys.executable, "-m", "flows", "recipe"]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (74, 1)
