import json
import logging
from pathlib import Path

import pytest

from flows.log import LOG, ScanLog, log_end, log_outcome
from storage.records import Source
from tests.flows.test_summary import SUMMARY
from tests.storage.rows import source
from workers.outcome import Failed, Job


def failed(of_source: Source) -> Failed:
    return Failed(
        Job(of_source, 2),
        "f" * 64,
        "decode",
        "ReaderDied",
        "it\ndied",
        is_retryable=False,
        is_quarantined=True,
        is_last=True,
    )


def test_every_line_is_json_with_scan_and_source(tmp_path: Path) -> None:
    path = tmp_path / "scan.jsonl"
    with ScanLog(str(path), "scan-1"):
        log_outcome(failed(source("/videos/a\nb \udcff.mp4")))
        logging.getLogger("facesift.fleet").warning("%s died", "reader 3", extra={"stage": "look"})
        log_end(SUMMARY)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["message"] for line in lines] == ["attempt failed", "reader 3 died", "scan ended"]
    assert {line["scan_id"] for line in lines} == {"scan-1"}
    first = lines[0]
    assert first["uri"] == "/videos/a\nb \udcff.mp4"
    assert (first["video_id"], first["stage"], first["error"]) == ("f" * 64, "decode", "ReaderDied")
    assert first["is_quarantined"]
    assert "failures" not in lines[2]
    assert not any(name.startswith("_") for line in lines for name in line)


def test_a_scan_that_breaks_off_says_so_and_the_next_has_a_log_of_its_own(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    with pytest.raises(KeyError), ScanLog(str(one), "1"):
        raise KeyError("lost")
    with ScanLog(str(two), "2"):
        LOG.info("hello")
    (line,) = one.read_text().splitlines()
    assert json.loads(line)["error"] == "KeyError"
    (line,) = two.read_text().splitlines()
    assert json.loads(line)["scan_id"] == "2"


def test_a_full_disk_ends_the_log_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with ScanLog("/dev/full", "1"):
        LOG.info("one")
        LOG.info("two")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("facesift: the log /dev/full ends early: ")
    assert "No space left" in line


def test_without_a_log_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with ScanLog(None, "1"):
        LOG.warning("unheard")
    with ScanLog("-", "1"):
        LOG.warning("heard")
    written = capsys.readouterr()
    assert written.out == ""
    assert [json.loads(line)["message"] for line in written.err.splitlines()] == ["heard"]
