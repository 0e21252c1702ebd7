"""The whole path, over a real Ray and a real Prefect, by the command line as users have it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest
from deltalake import DeltaTable

from storage.catalog import Catalog
from storage.lake import Lake
from tests.flows.played_run import rows
from tests.flows.prefect_server import PrefectServer

pytestmark = [pytest.mark.real, pytest.mark.alone]

FACESIFT = [sys.executable, "-m", "flows"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def facesift(*arguments: str | Path, expect: int = 0) -> str:
    command = [*FACESIFT, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert ended.returncode == expect, f"{ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def query(lake: Path, sql: str) -> list[dict[str, Any]]:
    return Catalog(Lake(lake)).query(sql).to_pylist()


READING, DESCRIBING = r"ray::ReaderActor\.(begin|advance|look)", r"ray::DescriberActor\.describe"


def kill_worker(scan: subprocess.Popen[str], pattern: str) -> bool:
    """Kill the first of a scan's workers whose title says that it does what is asked; say whether one did."""
    driver = psutil.Process(scan.pid)
    while scan.poll() is None:
        with suppress(psutil.NoSuchProcess):
            for process in driver.children(recursive=True):
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    if re.search(pattern, " ".join(process.cmdline())):
                        process.kill()
                        return True
        time.sleep(0.01)
    return False


@pytest.fixture(scope="module")
def checked_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lakes") / "undisturbed"


def test_a_folder_of_everything_is_accounted_for(archive: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    summary = json.loads(facesift("scan", archive, "--lake", lake, "--json", expect=1))
    statuses = {Path(row["uri"]).name: row for row in query(lake, "select uri, status, reason from sources")}
    by_name = {name: row["status"] for name, row in statuses.items()}
    contents = {
        "000.mp4": {"000.mp4", "-copy of 'a' \"film\"\nü.mp4"},
        "001.mp4": {"001.mp4", "link.mp4"},
        "002.mp4": {"002.mp4", "inside.mp4"},
    }
    for names in contents.values():  # whichever of two equal files is read first is done
        assert sorted(by_name[name] for name in names) == ["done", "duplicate"]
    assert by_name["003.mp4"] == "no_face"
    assert by_name["notes.txt"] == by_name["labels.parquet"] == by_name["pipe.mp4"] == "skipped"
    for name in ("empty.mp4", "text.mp4", "cut short.mp4", "broken link.mp4"):
        assert by_name[name] == "failed"
        assert statuses[name]["reason"]
    assert summary["listed"] == len(by_name) == sum(summary["by_status"].values()) == 14
    assert summary["by_status"] == {
        "done": 3,
        "no_face": 1,
        "failed": 4,
        "duplicate": 3,
        "skipped": 3,
        "pending": 0,
    }
    assert summary["is_demonstration"]
    assert "DEMONSTRATION" in summary["notice"]

    status = json.loads(facesift("status", "--lake", lake, "--json"))
    assert status["adds_up"]
    assert status["failed_checks"] == {}

    rows = query(
        lake,
        "select count(*) as answers, count(distinct clip_id) as clips, bool_and(is_demonstration) as demo "
        "from answers",
    )
    assert rows[0]["clips"] == summary["clips"] > 0
    assert rows[0]["answers"] == 5 * summary["clips"]
    assert rows[0]["demo"]
    (scored,) = query(
        lake, "select count(*) as n from findings where question = 'deepfake' and label = 'fake'"
    )
    assert scored["n"] == summary["clips"]
    evidence = query(lake, "select evidence from clips")
    assert all((lake / row["evidence"]).stat().st_size > 1000 for row in evidence)

    # The faces are when the renderer showed them, under whichever of equal files they were read.
    (found,) = query(
        lake,
        f"select count(*) as labels, count(*) filter (where hits > 0) as found from ("
        f"  select l.file, l.face, count(t.track_id) as hits from '{archive}/labels.parquet' l"
        f"  left join sources s on s.uri like '%/' || l.file"
        f"  left join tracks t on t.video_id = s.video_id"
        f"    and t.start_s < l.end_s and t.end_s >= l.start_s group by all)",
    )
    assert found["labels"] == found["found"] > 0

    again = json.loads(facesift("scan", archive, "--lake", lake, "--json", expect=1))
    assert again["videos_read"] == 0
    assert again["by_status"] == summary["by_status"]
    assert not any(failure["is_new"] for failure in again["failures"] if failure["stage"] != "list")


def test_a_killed_scan_leaves_nothing_half_and_its_rerun_ends_the_same(films: Path, tmp_path: Path) -> None:
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    facesift("scan", films, "--lake", whole)

    scan = subprocess.Popen(
        [*FACESIFT, "scan", str(films), "--lake", str(torn)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
    )
    deadline_s = time.monotonic() + 240
    while not (torn / "boxes" / "_delta_log").exists():
        assert scan.poll() is None, "the scan ended before it could be killed"
        assert time.monotonic() < deadline_s
        time.sleep(0.001)
    scan.send_signal(signal.SIGKILL)
    scan.wait()
    assert Catalog(Lake(torn)).run_checks().keys()
    assert not {name: rows for name, rows in Catalog(Lake(torn)).run_checks().items() if rows}

    rerun = subprocess.Popen(
        [*FACESIFT, "scan", str(films), "--lake", str(torn), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    # Its own workers are not spared: each kind loses one in the middle of something.
    killed = {kind: kill_worker(rerun, kind) for kind in (READING, DESCRIBING)}
    out, error = rerun.communicate()
    assert rerun.returncode == 0, error
    assert all(killed.values()), killed
    assert json.loads(out)["by_status"]["failed"] == 0
    assert rows(str(torn)) == rows(str(whole))
    assert not {name: rows for name, rows in Catalog(Lake(torn)).run_checks().items() if rows}
    (died,) = query(torn, "select error, attempt, is_quarantined from failures")
    assert died == {"error": "ReaderDied", "attempt": 1, "is_quarantined": False}


def test_a_prefect_server_that_is_killed_and_comes_back_costs_nothing(
    films: Path, brief: Path, undisturbed: dict[str, list[str]], tmp_path: Path
) -> None:
    shaken = tmp_path / "shaken"
    server = PrefectServer(tmp_path / "prefect")
    try:
        server.start()
        scan = subprocess.Popen(
            [*FACESIFT, "scan", str(films), "--lake", str(shaken), "--recipe", str(brief)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**server.environment, "OMP_NUM_THREADS": "1"},
        )
        while not (shaken / "sources" / "_delta_log").exists():  # planned, and nothing read yet
            assert scan.poll() is None, scan.communicate()
            time.sleep(0.05)
        server.kill()
        time.sleep(5)
        server.start()
        _, error = scan.communicate()
    finally:
        server.kill()
    assert scan.returncode == 0, error
    assert rows(str(shaken)) == undisturbed
    assert not {name: rows for name, rows in Catalog(Lake(shaken)).run_checks().items() if rows}


def test_plain_duckdb_reads_the_parquet_files(films: Path, brief: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    text = facesift("scan", films / "000.mp4", "--lake", lake, "--recipe", brief)
    assert "DEMONSTRATION MODEL" in text
    assert "1 listed = 1 done" in text
    files = DeltaTable(lake / "findings").file_uris()
    rows = duckdb.execute("select distinct question from read_parquet(?)", [files]).fetchall()
    assert rows == [("expression",)]
    with_csv = facesift("query", "select label, score from findings", "--lake", lake, "--format", "csv")
    assert with_csv.splitlines()[0] == '"label","score"'


def test_two_scans_at_once_into_one_lake_double_nothing(films: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    command = [*FACESIFT, "scan", str(films), "--lake", str(lake), "--readers", "1", "--json"]
    scans = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
        for _ in range(2)
    ]
    for scan in scans:
        out, error = scan.communicate()
        assert scan.returncode == 0, error.decode()
        summary = json.loads(out)
        assert summary["by_status"] == dict.fromkeys(summary["by_status"], 0) | {
            "done": 3,
            "no_face": 1,
            "skipped": 1,
        }
    assert not {name: rows for name, rows in Catalog(Lake(lake)).run_checks().items() if rows}
    (counts,) = query(
        lake,
        "select (select count(*) from videos) as videos, (select count(*) from scans) as scans, "
        "(select count(distinct (video_id, recipe_id)) from raw.videos) as contents",
    )
    assert counts == {"videos": 4, "scans": 2, "contents": 4}
