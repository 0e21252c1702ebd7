"""What `facesift model inspect` and `facesift model parity` print, and how they end."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from flows.cli import app
from model.demonstration import write_untrained_checkpoint
from model.engines.engine import EngineDiedError, NoReplyError

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


@pytest.mark.parametrize("command", ["inspect", "pull"])
@pytest.mark.parametrize("name", ["./nope", "a/b--c", "x/[/a]"])
def test_what_is_no_hub_id_is_one_line(command: str, name: str) -> None:
    result = CliRunner().invoke(app, ["model", command, name])
    says = f"facesift: checkpoint {name}: is no directory, and no hub id like owner/name[@revision]\n"
    assert (result.exit_code, result.stderr) == (2, says)


def test_a_tower_that_is_no_folder_is_named(checkpoint: Path) -> None:
    config = checkpoint / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"mm_image_tower": "./tower"}))
    (checkpoint / "image_tower_config.json").unlink()
    code, out = run("inspect", checkpoint)
    assert code == 1
    assert "image_tower_config.json is missing, and ./tower is no directory, and no hub id" in out


def test_brackets_in_a_path_are_no_markup(checkpoint: Path) -> None:
    odd = checkpoint.parent / "x" / "[" / "a]"
    odd.parent.mkdir(parents=True)
    checkpoint.rename(odd)
    code, out = run("inspect", odd)
    assert code == 0
    assert "of" in out
    assert "/x/[/a]" in "".join(out.split())


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


def test_parity_takes_towers_configurations_from_their_folders(tmp_path: Path) -> None:
    directory = shutil.copytree(PARITY, tmp_path / "parity")
    (directory / "towers" / "video").mkdir(parents=True)
    (directory / "video_tower_config.json").rename(directory / "towers" / "video" / "config.json")
    config = directory / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"mm_video_tower": "towers/video"}))
    code, out = run("parity", directory)
    assert code == 0, out
    assert "0 over tolerance" in out


@pytest.mark.parametrize("error", [EngineDiedError("vLLM does not start"), NoReplyError("nobody is there")])
def test_an_engine_that_fails_is_one_line(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def check_parity(*_: object) -> None:
        raise error

    monkeypatch.setattr("model.checkpoints.parity.check_parity", check_parity)
    result = CliRunner().invoke(app, ["model", "parity", str(PARITY), "--engine", "vllm"])
    assert (result.exit_code, result.stderr) == (1, f"facesift: {error}\n")
