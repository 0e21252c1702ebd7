"""A parity directory of other sizes: a 16x16 grid, two frames, and each variant of the landmark branch."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from model import cross_attention
from model.checkpoint import save_checkpoint
from model.config import CrossAttentionKind, FaceLlavaConfig, LlmConfig, TowerConfig
from model.face_llava import FaceLlava
from model.parity import ParityRow, check_parity


def outside(rows: list[ParityRow]) -> set[str]:
    return {row.tensor for row in rows if not row.is_within}


TOWER = TowerConfig(hidden_size=16, intermediate_size=24, layers=3, heads=2, image_size=64, patch_size=4)
WIDE_GRID = FaceLlavaConfig(
    llm=LlmConfig(vocab_size=30, hidden_size=32, intermediate_size=40, layers=1, heads=4, kv_heads=4),
    image_tower=TOWER,
    video_tower=replace(TOWER, frames=2, has_temporal_attention=True),
)


@pytest.fixture(params=["masked", "geometric", "none"])
def wide_grid(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[CrossAttentionKind, Path]:
    """Return a directory whose expectations come from the model itself, one row at a time."""
    kind: CrossAttentionKind = request.param
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
    rows = check_parity(directory)
    assert outside(rows) == set()
    assert len(rows) == (5 if kind == "none" else 13)
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
