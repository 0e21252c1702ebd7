import json
from pathlib import Path

import pytest

from workers.trace import Trace


def test_spans_are_on_the_line_of_who_did_them(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    with Trace(path) as trace:
        trace.add("reader 0", "read", 10.0, 12.5, uri="/a.mp4")
        trace.add("reader 1", "read", 11.0, 11.5)
        trace.add("reader 0", "fetch", 12.5, 13.0)
    events = json.loads(path.read_text())
    names = {event["args"]["name"]: event["tid"] for event in events if event["name"] == "thread_name"}
    spans = [event for event in events if event["ph"] == "X"]
    assert [(span["name"], span["tid"]) for span in spans] == [
        ("read", names["reader 0"]),
        ("read", names["reader 1"]),
        ("fetch", names["reader 0"]),
    ]
    assert spans[0]["dur"] == 2_500_000
    assert spans[1]["ts"] - spans[0]["ts"] == 1_000_000
    assert spans[0]["args"] == {"uri": "/a.mp4"}


def test_a_full_disk_ends_the_trace_and_nothing_else() -> None:
    with Trace(Path("/dev/full")) as trace:
        for _ in range(1000):
            trace.add("reader 0", "read", 10.0, 12.5, uri="/a.mp4")


def test_without_a_file_nothing_is_written_and_one_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    with Trace(None) as trace:
        trace.add("driver", "commit", 10.0, 12.5)
    with pytest.raises(OSError, match="nowhere"):
        Trace(tmp_path / "nowhere" / "trace.json")
