"""Prefect's temporary server: started for a run, deaf to Ctrl-C, gone when the run's process is."""

import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager

from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS


@contextmanager
def temporary_server() -> Generator[None]:
    """Start the server that Prefect would start by itself, unless the settings name another one.

    Prefect's own start leaves it in our process group, where Ctrl-C ends it before the flow can report its
    end, and the flow then waits for it; and a killed scan would leave it running for ever.
    """
    if PREFECT_API_URL.value():
        yield
        return
    server = SubprocessASGIServer()  # the one that Prefect's clients ask for, too
    # A child inherits the signals that are blocked while it is made.
    unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        server.start(PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value())
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
