"""The whole path from a bucket into a bucket, by the command line as users have it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storage.catalog import Catalog
from storage.lake import Lake

pytestmark = [pytest.mark.real, pytest.mark.alone]

LAKE = "s3://lakes/of films"


def facesift(*arguments: str | Path, expect: int = 0) -> str:
    command = [sys.executable, "-m", "flows", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == expect, f"{ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def test_a_bucket_is_scanned_into_a_bucket_and_asked_there(films: Path, s3: Any, tmp_path: Path) -> None:
    film = (films / "000.mp4").read_bytes()
    for key in ("2026/a film.mp4", "2026/größe & copy.mp4"):
        s3.put_object(Bucket="archive", Key=key, Body=film)
    for key, data in {"2026/text.mp4": b"none" * 1000, "2026/proxies/a.mp4": film, "2026/n.txt": b""}.items():
        s3.put_object(Bucket="archive", Key=key, Body=data)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('tasks = ["expression"]\n[engine]\nmax_new_tokens = 4\n')

    options = ["--recipe", recipe, "--readers", "1", "--exclude", "*/proxies/*", "--lake", LAKE]
    summary = json.loads(facesift("scan", "s3://archive/2026", *options, "--json", expect=1))
    counts = {"done": 1, "no_face": 0, "failed": 1, "duplicate": 1, "skipped": 1, "pending": 0}
    assert summary["by_status"] == counts
    (failure,) = summary["failures"]
    assert failure["uri"] == "s3://archive/2026/text.mp4"
    assert failure["message"].startswith("text.mp4: ")

    status = json.loads(facesift("status", "--lake", LAKE, "--json"))
    assert status["adds_up"]
    assert (
        facesift("query", "select count(*) as n from videos", "--lake", LAKE, "--format", "csv") == '"n"\n1\n'
    )
    facesift("report", "--lake", LAKE, "--output", tmp_path / "report.html")
    assert "data:image/jpeg" in (tmp_path / "report.html").read_text()
    lake = Lake.open(LAKE)
    pictures = Catalog(lake).view("clips")["evidence"].to_pylist()
    assert pictures
    assert all(lake.read_evidence(picture) for picture in pictures)
