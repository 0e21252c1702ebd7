import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.checkpoints import blueprint
from model.checkpoints.checkpoint import load_checkpoint
from model.checkpoints.hub import fetch
from model.checkpoints.inspection import inspect_checkpoint, pull_checkpoint
from model.demonstration import write_untrained_checkpoint
from model.network.config import CheckpointError, FaceLlavaConfig, IncompleteError

SIMPLE = Path(__file__).parents[1] / "data" / "parity" / "simple"


def copy(directory: Path) -> Path:
    for path in SIMPLE.iterdir():
        if path.stem not in {"inputs", "expected", "meta"}:
            shutil.copyfile(path, directory / path.name)
    return directory


def test_describes_the_parts() -> None:
    found = inspect_checkpoint(SIMPLE)
    assert found.is_loadable
    assert [(part.name, part.tensors) for part in found.parts] == [
        ("decoder", 21),
        ("image tower", 37),
        ("video tower", 59),
        ("projector", 4),
        ("landmark branch", 28),
    ]
    model = load_checkpoint(SIMPLE, device="cpu").model
    assert found.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert sum(part.size_bytes for part in found.parts) == 4 * found.parameters
    assert {part.dtypes for part in found.parts} == {("float32",)}
    assert found.files == ((SIMPLE / "model.safetensors", (SIMPLE / "model.safetensors").stat().st_size),)
    assert found.is_demonstration
    assert found.tokenizer_problem == "tokenizer.model is missing"
    assert found.dormant == 0


def test_says_what_does_not_fit(tmp_path: Path) -> None:
    weights = load_file(SIMPLE / "model.safetensors")
    del weights["lm_head.weight"]
    weights |= {
        "spare": torch.ones(1),
        "model.norm.weight": torch.ones(3),
        "model.landmarks_cross_attn.ln.bias": torch.ones(128),
        "model.landmarks_cross_attn.ln.weight": torch.ones(128),
    }
    save_file(weights, copy(tmp_path) / "model.safetensors")
    found = inspect_checkpoint(tmp_path)
    assert not found.is_loadable
    assert found.missing == ("lm_head.weight",)
    assert found.unexpected == ("spare",)
    assert found.misshaped == ("model.norm.weight is [3] and should be [128]",)
    assert found.dormant == 2


def test_floats_of_one_byte_are_refused_for_their_type(tmp_path: Path) -> None:
    idle = [f"model.landmarks_cross_attn.ln.{part}" for part in ("weight", "bias")]
    weights = load_file(SIMPLE / "model.safetensors")
    for name in (*idle, "model.norm.weight"):
        weights[name] = torch.ones(128).to(torch.float8_e4m3fn)
    save_file(weights, copy(tmp_path) / "model.safetensors")
    said = "model.norm.weight is float8_e4m3fn and should be float32, bfloat16 or float16"
    assert said in inspect_checkpoint(tmp_path, torch.float32).misshaped
    with pytest.raises(CheckpointError, match=said):
        load_checkpoint(tmp_path)


def test_reads_no_weights(tmp_path: Path) -> None:
    path = copy(tmp_path) / "model.safetensors"
    header_bytes = 8 + int.from_bytes(path.read_bytes()[:8], "little")
    with path.open("r+b") as file:
        file.seek(header_bytes)
        file.write(b"\xff" * (path.stat().st_size - header_bytes))  # NaN everywhere
    assert inspect_checkpoint(tmp_path).is_loadable
    with pytest.raises(CheckpointError, match="not finite"):
        load_checkpoint(tmp_path, device="cpu")


def test_estimates_the_released_model() -> None:
    found = replace(inspect_checkpoint(SIMPLE), config=FaceLlavaConfig())
    decoder = replace(found.parts[0], parameters=6_738_415_616)
    found = replace(found, parts=(decoder,))
    assert found.weights_bytes("float16") == 2 * 6_738_415_616
    assert found.weights_bytes("float32") == 4 * 6_738_415_616
    # 32 layers of 4 x 4096 x 4096 + 3 x 4096 x 11008 numbers are quantised, and 262 million are not.
    quantized = 32 * (4 * 4096**2 + 3 * 4096 * 11008)
    rest = 6_738_415_616 - quantized
    assert found.weights_bytes("float16", "8bit") == quantized + 2 * rest
    assert found.weights_bytes("float16", "4bit") == pytest.approx(quantized * 0.516 + 2 * rest)
    assert found.cache_bytes(3072, "float16") == 2 * 32 * 4096 * 3072 * 2


def test_a_tower_from_elsewhere_is_named(tmp_path: Path) -> None:
    copy(tmp_path)
    prefix = "model.video_tower.video_tower."
    weights = load_file(SIMPLE / "model.safetensors")
    tower = tmp_path / "video"
    tower.mkdir()
    hub_names = {name: name.replace(prefix, "vision_model.") for name in weights if name.startswith(prefix)}
    save_file({hub_names[name]: weights.pop(name) for name in hub_names}, tower / "model.safetensors")
    save_file(weights, tmp_path / "model.safetensors")
    config = json.loads((tmp_path / "config.json").read_text()) | {"mm_video_tower": "video"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = inspect_checkpoint(tmp_path)
    assert found.is_loadable
    assert found.tower_origins == (("video", "video"),)
    assert [path.parent.name for path, _ in found.files] == [tmp_path.name, "video"]


def test_what_is_not_here_is_not_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(CheckpointError, match="not on this machine: pull it first"):
        inspect_checkpoint("owner/name")


def test_pulling_brings_the_towers_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy(tmp_path)
    weights = load_file(SIMPLE / "model.safetensors")
    prefix = "model.image_tower.image_tower."
    save_file(
        {name: t for name, t in weights.items() if not name.startswith(prefix)},
        tmp_path / "model.safetensors",
    )
    (tmp_path / "image_tower_config.json").unlink()
    tower = tmp_path / "tower"
    tower.mkdir()
    shutil.copyfile(SIMPLE / "image_tower_config.json", tower / "config.json")
    save_file({"vision_model.x": torch.ones(1)}, tower / "model.safetensors")
    asked: list[tuple[str, bool]] = []

    def fetch_tower(directory: Path, tower_id: str, *, needs_weights: bool, **options: Any) -> Path:
        asked.append((tower_id, needs_weights))
        return fetch(tower, **options)

    monkeypatch.setattr(blueprint, "fetch_tower", fetch_tower)
    assert pull_checkpoint(str(tmp_path)) == tmp_path
    assert set(asked) == {("LanguageBind/LanguageBind_Image", is_whole) for is_whole in (False, True)}


def test_names_every_file_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    copy(tmp_path)
    for name in ("image_tower_config.json", "video_tower_config.json", "model.safetensors"):
        (tmp_path / name).unlink()
    with pytest.raises(IncompleteError) as raised:
        inspect_checkpoint(tmp_path)
    starts = ("image_tower_config.json", "video_tower_config.json", "has no weights", "tokenizer.model")
    assert len(raised.value.problems) == len(starts)
    assert all(map(str.startswith, raised.value.problems, starts))


def test_a_checkpoint_without_its_tokenizer_is_not_complete(tmp_path: Path) -> None:
    found = inspect_checkpoint(copy(tmp_path))
    assert found.is_loadable
    assert not found.is_complete
    write_untrained_checkpoint(tmp_path / "demonstration")
    assert inspect_checkpoint(tmp_path / "demonstration").is_complete
