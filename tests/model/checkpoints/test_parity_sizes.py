"""A parity directory of other sizes: a 16x16 grid, two frames, and each variant of the landmark branch.

Each is then altered: nothing that is changed may go unnoticed.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.checkpoints.checkpoint import save_checkpoint
from model.checkpoints.parity import Parity, check_parity
from model.network import cross_attention
from model.network.config import CheckpointError, CrossAttentionKind, FaceLlavaConfig, LlmConfig, TowerConfig
from model.network.face_llava import FaceLlava


def outside(found: Parity) -> set[str]:
    return {row.tensor for row in found.rows if not row.is_within}


TOWER = TowerConfig(hidden_size=16, intermediate_size=24, layers=3, heads=2, image_size=64, patch_size=4)
WIDE_GRID = FaceLlavaConfig(
    llm=LlmConfig(vocab_size=30, hidden_size=32, intermediate_size=40, layers=1, heads=4, kv_heads=4),
    image_tower=TOWER,
    video_tower=replace(TOWER, frames=2, has_temporal_attention=True),
)


@pytest.fixture(scope="module", params=["masked", "geometric", "none"])
def wide_grid(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[CrossAttentionKind, Path]:
    """Return a directory whose expectations come from the model itself, one row at a time."""
    kind: CrossAttentionKind = request.param
    tmp_path = tmp_path_factory.mktemp(kind)
    torch.manual_seed(2)
    model = FaceLlava(replace(WIDE_GRID, cross_attention=kind)).eval()
    save_checkpoint(model, tmp_path)
    pixels, landmarks = torch.randn(2, 3, 2, 64, 64), torch.rand(2, 2, 136)
    ids = torch.tensor([[1, -200, -200, 5], [1, -200, -200, 6]])
    has_branch = kind != "none"
    expected: dict[str, Tensor] = {}
    with torch.no_grad():
        for case in ("video", "video_landmarks")[: 1 + has_branch]:
            points = landmarks if case == "video_landmarks" else None
            rows = [
                model.trace_video(pixels[i : i + 1], None if points is None else points[i : i + 1])
                for i in (0, 1)
            ]
            traced = {
                "video.tower_features": "features",
                "video.projected": "projected",
                f"{case}.encoded": "encoded",
                f"{case}.cross_attn_block": "block",
                f"{case}.rpp_mask": "proximity_mask",
                "video.landmark_local": "landmark_local",
                "video.landmark_global": "landmark_global",
                "video.landmark_tokens": "landmark_tokens",
            }
            for name, field in traced.items():
                if getattr(rows[0], field) is not None:
                    expected[name] = torch.cat([getattr(row, field) for row in rows])
            logits = [model([ids[i]], list(rows[i].encoded[0])).logits for i in (0, 1)]
            expected[f"{case}.logits"] = torch.cat(logits)
            expected[f"{case}.generated_ids"] = torch.cat(logits)[:, -1:].argmax(-1)
    save_file(expected, tmp_path / "expected.safetensors")
    save_file(
        {"video_pixels": pixels, "video_landmarks": landmarks, "video_input_ids": ids},
        tmp_path / "inputs.safetensors",
    )
    (tmp_path / "meta.json").write_text("{}")
    return kind, tmp_path


def test_any_sizes_and_variants_can_be_checked(wide_grid: tuple[CrossAttentionKind, Path]) -> None:
    kind, directory = wide_grid
    found = check_parity(directory)
    assert outside(found) == set()
    assert found.kind == kind
    assert len(found.rows) == (5 if kind == "none" else 13)
    shapes = {name: tensor.shape for name, tensor in load_file(directory / "expected.safetensors").items()}
    assert shapes["video.tower_features"] == (2, 2, 257, 16)


def test_a_mask_that_is_not_swapped_is_found(
    wide_grid: tuple[CrossAttentionKind, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, directory = wide_grid

    def exchanged(landmarks_BTP: Tensor, tokens: int, kind: Any) -> Tensor:
        swapped = landmarks_BTP.unflatten(-1, (68, 2)).flip(-1).flatten(-2)
        return proximity_mask(swapped, tokens, kind)

    proximity_mask = cross_attention.proximity_mask
    monkeypatch.setattr(cross_attention, "proximity_mask", exchanged)
    found = outside(check_parity(directory))
    assert found == set() if kind == "none" else "video_landmarks.rpp_mask" in found


GUIDED = pytest.mark.parametrize("wide_grid", ["masked", "geometric"], indirect=True)
Alteration = Callable[[Path], object]
ATTENTION = "model.landmarks_cross_attn.cross_attn."
MASK, ENCODED = "video_landmarks.rpp_mask", "video_landmarks.encoded"
KEYS, VALUES = f"{ATTENTION}k_proj.weight", f"{ATTENTION}v_proj.weight"


def edit(file: str, change: Callable[[dict[str, Tensor]], object]) -> Alteration:
    def alter(directory: Path) -> None:
        tensors = {name: tensor.clone() for name, tensor in load_file(directory / file).items()}
        change(tensors)
        save_file(tensors, directory / file)

    return alter


def edit_weights(change: Callable[[dict[str, Tensor]], object]) -> Alteration:
    return edit("model.safetensors", change)


def remove(file: str) -> Alteration:
    return lambda directory: (directory / file).unlink()


def exchange_variants(directory: Path) -> None:
    config = json.loads((directory / "config.json").read_text())
    config["cross_attn_type"] = "masked" if config["cross_attn_type"] == "geometric" else "geometric"
    (directory / "config.json").write_text(json.dumps(config))


@GUIDED
@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (edit_weights(lambda weights: weights.pop(KEYS)), f"1 missing: {KEYS}"),
        (
            edit_weights(lambda weights: weights.update(new=weights.pop(KEYS))),
            "1 missing: .*; 1 unexpected: new",
        ),
        (
            edit_weights(lambda weights: weights.update({KEYS: torch.ones(32, 31)})),
            r"1 misshaped: .*\[32, 31\]",
        ),
        (
            edit_weights(lambda weights: weights[VALUES][3, 4].fill_(torch.nan)),
            f"1 not finite as float32: {VALUES}",
        ),
        (edit("inputs.safetensors", lambda inputs: inputs.pop("video_pixels")), "no case"),
        (
            remove("expected.safetensors"),
            r"expected\.safetensors cannot be read",
        ),
        (remove("model.safetensors"), "has no weights"),
    ],
    ids=["missing", "renamed", "misshaped", "nan", "no pixels", "no expectations", "no weights"],
)
def test_what_is_damaged_is_an_error(
    alter: Alteration, message: str, wide_grid: tuple[CrossAttentionKind, Path], tmp_path: Path
) -> None:
    alter(shutil.copytree(wide_grid[1], tmp_path, dirs_exist_ok=True))
    with pytest.raises(CheckpointError, match=message):
        check_parity(tmp_path)


@GUIDED
@pytest.mark.parametrize(
    ("alter", "seen_in"),
    [
        (edit_weights(lambda weights: weights[KEYS].mul_(1.3)), "cross_attn_block"),
        (edit_weights(lambda weights: weights[VALUES].mul_(1.01)), "cross_attn_block"),
        (
            edit("inputs.safetensors", lambda inputs: inputs["video_landmarks"][0, 0, 7].add_(0.01)),
            "rpp_mask",
        ),
        (edit("expected.safetensors", lambda expected: expected[MASK][1, 1, 9, 8].add_(1e-5)), "rpp_mask"),
        (edit("expected.safetensors", lambda expected: expected.pop(MASK)), "rpp_mask"),
        (
            edit("expected.safetensors", lambda expected: expected[ENCODED][0, 0, 0, 0].fill_(torch.inf)),
            "encoded",
        ),
        (exchange_variants, "rpp_mask"),
    ],
    ids=["keys", "values", "landmarks", "mask", "no mask", "infinity", "the other variant"],
)
def test_what_is_altered_is_found(
    alter: Alteration, seen_in: str, wide_grid: tuple[CrossAttentionKind, Path], tmp_path: Path
) -> None:
    alter(shutil.copytree(wide_grid[1], tmp_path, dirs_exist_ok=True))
    assert f"video_landmarks.{seen_in}" in outside(check_parity(tmp_path))
