"""The benchmark for a bare GPU machine runs with nothing but the packages that such a machine has."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BARE = """
import sys
from importlib.machinery import PathFinder

MISSING = {
    "ai_edge_litert", "av", "boto3", "botocore", "cv2", "decord", "deltalake", "duckdb",
    "mediapipe", "platformdirs", "prefect", "pyarrow", "pydantic", "ray", "scenedetect",
    "sentencepiece", "sqlalchemy", "supervision", "tomli_w", "trackers", "vllm",
}


class Bare(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        is_missing = name.partition(".")[0] in MISSING | {"flows", "workers", "storage"}
        return None if is_missing else PathFinder.find_spec(name, path, target)


sys.meta_path = [Bare if finder is PathFinder else finder for finder in sys.meta_path]
import torch

torch.set_num_threads(1)
from benchmarks.describe_bare import main

main(["--shape", "tiny", "--device", "cpu", "--batches", "1", "2", "--tokens", "3"])
assert not MISSING & {name.partition(".")[0] for name in sys.modules}
"""


def test_it_needs_only_what_a_bare_machine_has() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BARE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert "TFLOP per clip" in lines[1]
    assert [line.partition(":")[0] for line in lines[2:]] == ["batch of 1", "batch of 2"]
    assert all("clips/s" in line and "of the bandwidth limit" in line for line in lines[2:])
