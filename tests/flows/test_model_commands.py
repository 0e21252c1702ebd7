"""What `facesift model inspect` and `facesift model parity` print, and how they end."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from flows.cli import app
from model.demonstration import write_untrained_checkpoint

PARITY = Path(__file__).parents[1] / "model" / "data" / "parity" / "simple"


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["model", *map(str, arguments)])
    return result.exit_code, " ".join((result.stdout + result.stderr).split())


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    return write_untrained_checkpoint(tmp_path / "checkpoint")


def test_a_whole_checkpoint_is_fine(checkpoint: Path) -> None:
    code, out = run("inspect", checkpoint)
    assert code == 0
    assert "decoder 21 664,192" in out
    assert "cannot be used" not in out


def test_every_thing_that_is_missing_is_named(checkpoint: Path) -> None:
    weights = load_file(checkpoint / "model.safetensors")
    weights["model.norm.weight"] = weights["model.norm.weight"] * torch.nan
    save_file(
        {name: weights[name] for name in weights if name != "lm_head.weight"},
        checkpoint / "model.safetensors",
    )
    (checkpoint / "tokenizer.model").unlink()
    code, out = run("inspect", checkpoint)
    assert code == 1
    named = ("missing: lm_head.weight", "not finite: model.norm.weight", "tokenizer.model is missing")
    assert all(words in out for words in named)
    (checkpoint / "video_tower_config.json").unlink()
    code, out = run("inspect", checkpoint)
    assert code == 1
    assert "missing: video_tower_config.json is missing, and LanguageBind/LanguageBind_Video_merge" in out
    assert "missing: tokenizer.model is missing" in out


def test_where_no_checkpoint_is_there_is_nothing_to_inspect(tmp_path: Path) -> None:
    code, out = run("inspect", tmp_path / "nowhere")
    assert code == 2
    assert "is no directory, and no hub id" in out
    (tmp_path / "config.json").write_text("{")
    assert run("inspect", tmp_path)[0] == 2


def test_parity_ends_by_its_verdict(tmp_path: Path) -> None:
    code, out = run("parity", PARITY)
    assert code == 0
    assert "0 over tolerance" in out
    altered = shutil.copytree(PARITY, tmp_path / "altered")
    weights = load_file(altered / "model.safetensors")
    weights["model.landmarks_cross_attn.linear_proj.bias"] += 0.1
    save_file(weights, altered / "model.safetensors")
    code, out = run("parity", altered)
    assert code == 1
    assert "video_landmarks.logits" in out
    assert "OVER" in out
    assert run("parity", tmp_path)[0] == 2
