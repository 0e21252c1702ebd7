"""How a command ends: its exit status, and one line about what went wrong."""

import io
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, TypeVar

import typer

from flows.usage import UsageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

OK, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
OUTPUT_LOST, READER_GONE = 74, 141
"""EX_IOERR of sysexits.h, and what a shell says of a program that a closed pipe has ended."""


_GOES_ON = "the same command goes on where this one stopped"
Ended = TypeVar("Ended")


class OutputLostError(Exception):
    """Standard output did not take what was printed."""


def refuse(error: Exception) -> typer.Exit:
    """Print a usage error and return the exit to raise; a library's own stack is left out."""
    message = str(error).partition("\n   0:")[0]
    typer.secho(f"facesift: {message}", fg="red", err=True)
    return typer.Exit(BAD_USAGE)


@contextmanager
def ending(*failures: type[Exception], goes_on: str = _GOES_ON) -> Generator[None]:
    """Let what breaks a command off be one line, and the exit status that says so.

    Args:
        failures: of the world, with which it ends as failed; a UsageError ends it as bad usage.
        goes_on: what is said of an interrupted one.
    """
    try:
        yield
    except UsageError as error:
        raise refuse(error) from error
    except failures as error:
        from flows.summary import printable

        message = "\n".join(printable(line) for line in str(error).splitlines())
        typer.secho(f"facesift: {message}", fg="red", err=True)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt as error:
        typer.secho(f"facesift: interrupted; {goes_on}", err=True)
        raise typer.Exit(INTERRUPTED) from error


def run_flow(flow: Callable[[], Ended], check: Callable[[], None], goes_on: str = _GOES_ON) -> Ended:
    """Run a flow of Prefect; what breaks it off is one line, and the exit status that says so.

    Args:
        flow: to be called.
        check: called first, before any server is started; raises UsageError.
        goes_on: what is said of an interrupted one.
    """
    from flows.server import ServerError, temporary_server
    from storage.archive import UnreachableArchiveError
    from storage.lake import LakeError
    from workers.fleet import FleetError

    with ending(UnreachableArchiveError, LakeError, FleetError, ServerError, goes_on=goes_on):
        check()
        # Ray reports deaths on standard output, which is the account's.
        with redirect_stdout(sys.stderr), temporary_server():
            return flow()


def run_printing(command: Callable[[], None]) -> None:
    """Run what prints to standard output; when that is full, closed or has no reader, end without a stack.

    Raises:
        SystemExit: with the command's own status, or `OUTPUT_LOST`, or, in silence, `READER_GONE`.
    """
    _fill_closed()
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Output(1, "wb", closefd=False)),
        encoding=sys.__stdout__.encoding if sys.__stdout__ else "utf-8",
        errors="backslashreplace",
        line_buffering=os.isatty(1),
    )
    try:
        try:
            command()
        finally:
            sys.stdout.flush()
    except OutputLostError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the rest of it, which Python writes when it ends
        if isinstance(error.__cause__, BrokenPipeError):
            raise SystemExit(READER_GONE) from error
        typer.secho(f"facesift: cannot write the output: {error}", fg="red", err=True)
        raise SystemExit(OUTPUT_LOST) from error


class _Output(io.FileIO):
    """Standard output; its failures are told from those of all other files, which commands handle."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise OutputLostError(error.strerror) from error


def _fill_closed() -> None:
    """Open what the caller has closed of the three standard streams: else the next file would get its number.

    Standard output is opened so that writing to it fails, as it would have done.
    """
    for number, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison] - it was closed when Python started
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "wb", closefd=False), write_through=True)
