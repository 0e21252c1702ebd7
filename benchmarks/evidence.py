"""What the driver waits for evidence: pictures of clips, on their way to an object store before their rows.

    python -m benchmarks.evidence [--clips 2000] [--answer-ms 20] [--kb 24]

The committer's own way, for one outcome with so many pictures, into a lake whose tables take no time. The
store is a process of its own on loopback, which takes every object and answers after `--answer-ms`: what an
object store takes is assumed; what boto3 and the threads take of the driver is measured, without TLS. 24 kB
is the mean of 2,337 pictures that scans have left.

Run on 2026-11-30 on two busy cores (AMD EPYC), with the defaults, milliseconds of the driver per clip:

    at once   wall   CPU
    1         26.7   1.8
    16        1.8    0.9     2.1 in another run, with 1,000 clips

With 32 at once it was 1.5, and store and driver then shared the cores.
"""

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any
from unittest.mock import patch

from flows.committer import PUTS, Committer
from storage.lake import Lake
from storage.records import Record, Source
from workers.evidence import Picture
from workers.outcome import Job, Part


class Handler(BaseHTTPRequestHandler):
    """A store of objects; it has none when it is asked for one, but the lake's marker once that is there."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    answer_s = 0.0
    marker = b""

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/lake.json"):
            Handler.marker = data
        time.sleep(self.answer_s)
        self._answer(200, b"")

    def do_GET(self) -> None:
        if "list-type" in self.path:
            self._answer(200, b"<ListBucketResult/>")
        elif self.path.endswith("/lake.json") and self.marker:
            self._answer(200, self.marker)
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("ETag", '"etag"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        pass


def serve(answer_s: float, says: Connection) -> None:
    Handler.answer_s = answer_s
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    says.send(server.server_address[1])
    server.serve_forever()


class PicturesLake(Lake):
    """Its tables take no time."""

    def append(self, rows: Sequence[Record]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        pass


def measure(puts: int, clips: int, size_bytes: int) -> dict[str, float]:
    """Return what the driver takes per clip, in milliseconds."""
    now = datetime.now(UTC)
    job = Job(Source("/a.mp4", 1, "1", now, now, "scan", "recipe"))
    committer = Committer(PicturesLake("s3://bucket/lake"), "scan", "recipe", lambda _: None)
    with patch("flows.committer.PUTS", puts), patch("flows.committer.FLUSH_BYTES", 0):
        for count in (puts, clips):  # the first opens the connections
            pictures = tuple(Picture(f"evidence/a/{n}.jpg", os.urandom(size_bytes)) for n in range(count))
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
            committer.add(Part(job, "attempt", (), pictures))
            wall_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    return {
        "at_once": puts,
        "wall_ms": round(1e3 * wall_s / clips, 2),
        "cpu_ms": round(1e3 * cpu_s / clips, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--answer-ms", type=float, default=20.0)
    parser.add_argument("--kb", type=float, default=24.0)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    hears, says = context.Pipe(duplex=False)
    store = context.Process(target=serve, args=(arguments.answer_ms / 1e3, says), daemon=True)
    store.start()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{hears.recv()}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
    }
    found = [measure(puts, arguments.clips, int(1e3 * arguments.kb)) for puts in (1, PUTS)]
    print(
        json.dumps({"answer_ms": arguments.answer_ms, "clips": arguments.clips, "per_clip": found}, indent=2)
    )
    store.terminate()


if __name__ == "__main__":
    main()
