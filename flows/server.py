"""Prefect's temporary server: started for a run, deaf to Ctrl-C, gone when the run's process is."""

import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager

import httpx
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS

from flows.usage import UsageError
from storage.listing import has_password


class ServerError(Exception):
    """Prefect's server does not start, or does not answer any more; what was committed is in the lake."""


@contextmanager
def temporary_server() -> Generator[None]:
    """Start the server that Prefect would start by itself, unless the settings name another one.

    Prefect's own start leaves it in our process group, where Ctrl-C ends it before the flow can report its
    end, and the flow then waits for it; and a killed scan would leave it running for ever.

    Raises:
        UsageError: the settings name one by an address with a password in it.
        ServerError: it does not start, or whichever there is has gone away for longer than Prefect waits.
    """
    named = PREFECT_API_URL.value()
    if named and has_password(named):  # it would be told when the server is away
        raise UsageError(
            "PREFECT_API_URL has a password in it; leave it out and set PREFECT_API_AUTH_STRING, which is "
            "not shown"
        )
    try:
        if named:
            yield
        else:
            with _started():
                yield
    except httpx.HTTPError as error:
        where = f"at {named} " if named else ""
        raise ServerError(
            f"Prefect's server {where}does not answer: {error}; what was committed is in the lake, and the "
            "same command goes on from there once the server is back"
        ) from error


@contextmanager
def _started() -> Generator[None]:
    server = SubprocessASGIServer()  # the one that Prefect's clients ask for, too
    # A child inherits the signals that are blocked while it is made.
    unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        server.start(PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value())
    except (RuntimeError, OSError) as error:
        raise ServerError(
            f"Prefect's server did not start: {error}; see that this machine has memory, room and time for "
            "it, and run the same again"
        ) from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
    assert server.server_process is not None
    # Its standard input ends when this process does, by whatever way.
    guardian = subprocess.Popen(  # noqa: S603 - a number of ours
        ["/bin/sh", "-c", f"read _; kill {server.server_process.pid} 2>/dev/null"],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield
    finally:
        guardian.kill()
        guardian.communicate()
        server.stop()
