import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from model.checkpoints.layout import read_config
from model.network.config import CrossAttentionKind, FaceLlavaConfig, LlmConfig
from model.network.cross_attention import CrossAttention, proximity_mask
from model.network.landmarks import POINTS, REGIONS

MASKED = Path(__file__).parents[1] / "data" / "parity" / "masked"
NARROW = FaceLlavaConfig(
    llm=LlmConfig(hidden_size=24, heads=4, kv_heads=4),
    branch_heads=4,
    branch_scale=0.7,
    branch_layer_norm_eps=1e-3,
)


def build_branch(kind: CrossAttentionKind) -> CrossAttention:
    torch.manual_seed(5)
    branch = CrossAttention(replace(NARROW, cross_attention=kind)).double().eval()
    for parameter in branch.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return branch


def face_at(x: float, y: float) -> Tensor:
    """Return landmarks [1, 1, P] that are all at one point."""
    return torch.tensor([x, y], dtype=torch.float64).repeat(POINTS)[None, None]


def restate(
    branch: CrossAttention, visual: Tensor, tokens: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Compute one frame [N, D] head by head; return encoded tokens and block."""
    weights = branch.state_dict()
    width = visual.shape[-1]
    if mask is None:
        packed = weights["cross_attn.attn.in_proj_weight"].split(width)
        biases = weights["cross_attn.attn.in_proj_bias"].split(width)
    else:
        packed = [weights[f"cross_attn.{part}_proj.weight"] for part in "qkv"]
        biases = [weights[f"cross_attn.{part}_proj.bias"] for part in "qkv"]
    inputs = (visual, tokens, tokens)
    q, k, v = (x @ weight.T + bias for x, weight, bias in zip(inputs, packed, biases, strict=True))
    size, mixed = width // 4, []
    for start in range(0, width, size):
        h = slice(start, start + size)
        scores = q[:, h] @ k[:, h].T / math.sqrt(size)
        mixed.append(torch.softmax(scores if mask is None else scores + mask, -1) @ v[:, h])
    attended = torch.cat(mixed, -1)
    if mask is None:
        out = "cross_attn.attn.out_proj"
        attended = attended @ weights[f"{out}.weight"].T + weights[f"{out}.bias"]
    x = visual + attended
    x = (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, keepdim=True, unbiased=False) + 1e-3)
    block = x * weights["cross_attn.ln.weight"] + weights["cross_attn.ln.bias"]
    return visual + 0.7 * (block @ weights["linear_proj.weight"].T + weights["linear_proj.bias"]), block


@pytest.mark.parametrize("kind", ["simple", "masked", "geometric"])
@pytest.mark.parametrize("patches", [257, 256], ids=["video", "image"])
def test_a_16x16_grid_against_a_plain_restatement(kind: CrossAttentionKind, patches: int) -> None:
    branch = build_branch(kind)
    visual = torch.randn(2, 3, patches, 24, dtype=torch.float64)
    tokens = torch.randn(2, 3, len(REGIONS), 24, dtype=torch.float64)
    landmarks = torch.rand(2, 3, 2 * POINTS, dtype=torch.float64)
    with torch.no_grad():
        encoded, block, mask = branch(visual, tokens, landmarks)
        for video in range(2):
            for frame in range(3):
                at = (video, frame)
                of_frame = None if mask is None else mask[at].double()
                expected = restate(branch, visual[at], tokens[at], of_frame)
                torch.testing.assert_close(encoded[at], expected[0], atol=1e-6, rtol=1e-6)
                torch.testing.assert_close(block[at], expected[1], atol=1e-6, rtol=1e-6)


def test_masked_equals_the_official_code() -> None:
    inputs, expected = (load_file(MASKED / f"{name}.safetensors") for name in ("inputs", "expected"))
    prefix = "model.landmarks_cross_attn."
    weights = {
        name.removeprefix(prefix): tensor
        for name, tensor in load_file(MASKED / "model.safetensors").items()
        if name.startswith(prefix)
    }
    branch = CrossAttention(read_config(MASKED)).eval()
    branch.load_state_dict(weights)
    tokens = expected["video.projected"], expected["video.landmark_tokens"]
    with torch.no_grad():
        encoded, block, mask = branch(*tokens, inputs["video_landmarks"])
    torch.testing.assert_close(mask, expected["video_landmarks.rpp_mask"], atol=1e-6, rtol=0)
    torch.testing.assert_close(block, expected["video_landmarks.cross_attn_block"], atol=3e-4, rtol=1e-4)
    torch.testing.assert_close(encoded, expected["video_landmarks.encoded"], atol=3e-4, rtol=1e-4)


@pytest.mark.parametrize(("tokens", "side"), [(257, 16), (256, 16), (17, 4), (10, 3), (4, 2)])
def test_the_mask_of_masked_is_a_softmax_over_the_regions(tokens: int, side: int) -> None:
    mask = proximity_mask(torch.rand(2, 3, 2 * POINTS), tokens, "masked")
    assert mask.shape == (2, 3, tokens, 9)
    torch.testing.assert_close(mask.sum(-1), torch.ones(2, 3, tokens))
    has_cls = tokens > side**2
    if has_cls:
        torch.testing.assert_close(mask[:, :, 0], torch.full((2, 3, 9), 1 / 9))


def test_an_image_has_the_rows_of_a_video_but_for_cls() -> None:
    landmarks = torch.rand(1, 1, 2 * POINTS)
    for kind in ("masked", "geometric"):
        video, image = proximity_mask(landmarks, 257, kind), proximity_mask(landmarks, 256, kind)
        torch.testing.assert_close(video[:, :, 1:], image)


def test_geometric_is_minus_the_distance_on_the_picture() -> None:
    # The face is right of the middle and high up: column 6 of 8, row 1.
    mask = proximity_mask(face_at(x=6.5 / 8, y=1.5 / 8), 65, "geometric")
    assert mask[0, 0, 0].tolist() == [0.0] * 9
    grid = mask[0, 0, 1:, 0].reshape(8, 8)
    assert divmod(int(grid.argmax()), 8) == (1, 6)
    assert float(grid[1, 6]) == pytest.approx(0, abs=1e-6)
    assert float(grid[5, 3]) == pytest.approx(-math.hypot(3 / 8, 4 / 8), abs=1e-6)


def test_masked_has_the_released_swap_of_axes() -> None:
    landmarks = torch.rand(1, 1, 2 * POINTS)
    swapped = landmarks.unflatten(-1, (POINTS, 2)).flip(-1).flatten(-2)
    masked = proximity_mask(landmarks, 64, "masked")
    torch.testing.assert_close(masked, torch.softmax(proximity_mask(swapped, 64, "geometric"), dim=-1))
    by_row = masked.reshape(8, 8, 9)
    right_way = torch.softmax(proximity_mask(landmarks, 64, "geometric"), dim=-1).reshape(8, 8, 9)
    torch.testing.assert_close(by_row.transpose(0, 1), right_way)


def test_the_mask_stays_exact_in_half_precision() -> None:
    landmarks = torch.rand(1, 1, 2 * POINTS)
    rounded = landmarks.bfloat16()
    of_rounded = proximity_mask(rounded, 256, "masked")
    torch.testing.assert_close(of_rounded, proximity_mask(rounded.float(), 256, "masked"), atol=1e-6, rtol=0)


@pytest.mark.parametrize("tokens", [255, 15, 3])
def test_tokens_that_are_no_square_are_refused(tokens: int) -> None:
    with pytest.raises(ValueError, match=f"{tokens} visual tokens"):
        proximity_mask(torch.rand(1, 1, 2 * POINTS), tokens, "masked")
