import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from model.checkpoints.checkpoint import load_checkpoint
from model.checkpoints.identity import (
    TRAINING_CARD_FILE,
    Fingerprint,
    identify_checkpoint,
    is_demonstration,
)
from model.demonstration import write_untrained_checkpoint
from model.network.config import CheckpointError, FaceLlavaConfig, LlmConfig

RELEASED = FaceLlavaConfig()


@pytest.mark.parametrize(
    ("config", "files", "expected"),
    [
        (RELEASED, (), False),
        (replace(RELEASED, cross_attention="none"), (), True),
        (replace(RELEASED, llm=LlmConfig(layers=2)), (), True),
        (replace(RELEASED, llm=LlmConfig(layers=2)), (TRAINING_CARD_FILE,), False),
        (replace(RELEASED, is_marked_demonstration=True), (TRAINING_CARD_FILE,), True),
    ],
    ids=["released", "no branch", "small", "trained", "marked"],
)
def test_what_is_for_demonstration(
    config: FaceLlavaConfig, files: tuple[str, ...], expected: bool, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).write_text("{}")
    assert is_demonstration(tmp_path, config) is expected


PREFIX = "model.image_tower.image_tower."


def divided(directory: Path) -> Path:
    """Write a checkpoint whose image tower, weights and configuration, is in a repository of its own."""
    write_untrained_checkpoint(directory)
    weights = load_file(directory / "model.safetensors")
    tower = directory / "tower"
    tower.mkdir()
    names = [name for name in weights if name.startswith(PREFIX)]
    save_file(
        {name.replace(PREFIX, "vision_model."): weights.pop(name) for name in names},
        tower / "model.safetensors",
    )
    save_file(weights, directory / "model.safetensors")
    shutil.move(directory / "image_tower_config.json", tower / "config.json")
    edit(directory / "config.json", mm_image_tower="tower")
    return directory


def edit(path: Path, **fields: object) -> None:
    content = json.loads(path.read_text())
    content.get("vision_config", content).update(fields)
    path.write_text(json.dumps(content))


def halve(path: Path) -> None:
    save_file({name: tensor / 2 for name, tensor in load_file(path).items()}, path)


CHANGES: dict[str, Callable[[Path], None]] = {
    "the weights": lambda at: halve(at / "tower" / "model.safetensors"),
    "config.json": lambda at: edit(at / "config.json", rms_norm_eps=0.1),
    "image_tower_config.json": lambda at: edit(at / "tower" / "config.json", hidden_act="quick_gelu"),
    "video_tower_config.json": lambda at: edit(at / "video_tower_config.json", hidden_act="quick_gelu"),
    "tokenizer.model": lambda at: retrain(at / "tokenizer.model"),
    "tokenizer_config.json": lambda at: edit(at / "tokenizer_config.json", legacy=True),
}


def retrain(path: Path) -> None:
    """Write another tokenizer that fits as well: one piece more is unused, or less."""
    content = bytearray(path.read_bytes())
    at = content.index(b"happy")
    content[at : at + 5] = b"hoppy"
    path.write_bytes(bytes(content))


def test_everything_that_changes_an_answer_is_in_the_identity(tmp_path: Path) -> None:
    original = divided(tmp_path / "original")
    before = identify_checkpoint(original)
    loaded = load_checkpoint(original, device="cpu")
    assert loaded.fingerprint == before.fingerprint
    assert loaded.model_id == before.model_id
    seen = {before.fingerprint.sha256}
    for number, (named, change) in enumerate(CHANGES.items(), 1):
        directory = shutil.copytree(original, tmp_path / str(number))
        change(directory)
        after = identify_checkpoint(directory).fingerprint
        assert before.fingerprint.differences(after) == (named,)
        seen.add(after.sha256)
    assert len(seen) == 1 + len(CHANGES)


def test_a_mark_is_a_difference() -> None:
    real = Fingerprint("w" * 64, (), is_demonstration=False)
    assert len(real.differences(replace(real, is_demonstration=True))) == 1
    assert real.differences(real) == ()


def test_what_keeps_a_checkpoint_from_being_asked_is_found_at_once(tmp_path: Path) -> None:
    write_untrained_checkpoint(tmp_path)
    (tmp_path / "tokenizer.model").unlink()
    weights = load_file(tmp_path / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    weights.pop("lm_head.weight")
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError) as raised:
        identify_checkpoint(tmp_path)
    named = (
        "1 missing: lm_head.weight",
        "tokenizer.model is missing",
        "1 not finite as float32: model.norm.weight",
    )
    assert all(map(str.startswith, raised.value.problems, named))
