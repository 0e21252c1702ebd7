"""A proxy before an S3 server that does what goes wrong between a client and S3."""

import http.client
import re
import socket
import struct
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

ANSWERS = {
    "slow down": (503, "SlowDown", "Please reduce your request rate."),
    "internal": (500, "InternalError", "We encountered an internal error."),
    "gone": (404, "NoSuchKey", "The specified key does not exist."),
    "denied": (403, "AccessDenied", "Access Denied"),
    "expired": (400, "ExpiredToken", "The provided token has expired."),
    "precondition": (412, "PreconditionFailed", "At least one of the preconditions did not hold."),
}
"""Faults that are an answer of their own instead of the server's."""
BODIES = ("truncated", "reset body", "stalled")
"""Faults that come in the middle of the server's answer."""


@dataclass
class Fault:
    """What happens to requests, given as `METHOD path?query`, that match a pattern.

    `reset` drops the request; `lost` lets the server obey and drops its answer, `lost 500` changes it; for
    the rest see `ANSWERS` and `BODIES`.
    """

    kind: str
    pattern: str
    times: float = float("inf")
    skipped: int = 0
    """So many requests that match are left alone first."""
    happened: int = field(default=0, init=False)

    def strikes(self, request: str) -> bool:
        """Say whether it happens to a request, and count that."""
        if not re.search(self.pattern, request):
            return False
        if self.skipped:
            self.skipped -= 1
            return False
        if self.happened >= self.times:
            return False
        self.happened += 1
        return True


class FaultyS3:
    """The proxy; `faults` may be changed at any time, the first that strikes is the one."""

    def __init__(self, server: str) -> None:
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.tokens: set[str | None] = set()
        """Session tokens that requests came with."""
        self.sent_bytes = 0
        """Of bodies that went to the client."""
        self.stall_s = 2.5
        self.lock = threading.Lock()
        self.host = urlsplit(server).netloc
        self.url = ""

    def fault_of(self, request: str) -> str | None:
        with self.lock:
            self.requests.append(request)
            return next((fault.kind for fault in self.faults if fault.strikes(request)), None)

    def count(self, pattern: str) -> int:
        """Return how many requests matched a pattern."""
        return sum(bool(re.search(pattern, request)) for request in self.requests)


@contextmanager
def faulty_s3(server: str) -> Generator[FaultyS3]:
    """Run a proxy before a server."""
    proxy = FaultyS3(server)

    class Handler(_Handler):
        faulty = proxy

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.url = f"http://127.0.0.1:{listening.server_address[1]}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield proxy
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for its headers to be acknowledged
    faulty: FaultyS3

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def _serve(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.faulty.tokens.add(self.headers.get("x-amz-security-token"))
        fault = self.faulty.fault_of(f"{self.command} {unquote(self.path)}")
        if fault in ANSWERS:
            self._refuse(*ANSWERS[fault])
        elif fault == "reset":
            self._reset()
        else:
            self._pass_on(data, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _pass_on(self, data: bytes, fault: str | None) -> None:
        connection = http.client.HTTPConnection(self.faulty.host)
        connection.request(self.command, self.path, data, dict(self.headers.items()))
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if fault == "lost":
            self._reset()
            return
        if fault == "lost 500":
            self._refuse(*ANSWERS["internal"])
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        self._send(body, fault)

    def _send(self, body: bytes, fault: str | None) -> None:
        half = len(body) // 2
        self.faulty.sent_bytes += half if fault in {"truncated", "reset body"} else len(body)
        if fault not in BODIES:
            self.wfile.write(body)
            return
        self.wfile.write(body[:half])
        self.wfile.flush()
        match fault:
            case "stalled":
                time.sleep(self.faulty.stall_s)
                self.wfile.write(body[half:])
            case "reset body":
                self._reset()
            case _:
                self.close_connection = True

    def _refuse(self, status: int, code: str, message: str) -> None:
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _reset(self) -> None:
        # Closed with bytes still to be delivered, a connection ends in a reset.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        pass
