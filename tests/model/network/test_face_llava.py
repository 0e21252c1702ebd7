from dataclasses import replace

import pytest
import torch
from torch import Tensor

from model.network.config import CrossAttentionKind, FaceLlavaConfig, LlmConfig, TowerConfig
from model.network.face_llava import FaceLlava
from model.network.splicing import IGNORED_LABEL, PLACEHOLDER_ID

TOWER = TowerConfig(hidden_size=16, intermediate_size=32, layers=2, heads=2, image_size=64, patch_size=4)
CONFIG = FaceLlavaConfig(
    llm=LlmConfig(vocab_size=40, hidden_size=32, intermediate_size=48, layers=2, heads=4, kv_heads=2),
    image_tower=TOWER,
    video_tower=replace(TOWER, frames=3, has_temporal_attention=True),
)
"""A 16x16 grid, three frames, and fewer key-value heads than heads."""


def build_model(config: FaceLlavaConfig = CONFIG) -> FaceLlava:
    torch.manual_seed(1)
    model = FaceLlava(config).eval().requires_grad_(requires_grad=False)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.fixture(scope="module")
def model() -> FaceLlava:
    return build_model()


def prompt(*ids: int) -> Tensor:
    return torch.tensor(ids)


def test_sizes_follow_the_configuration(model: FaceLlava) -> None:
    video = model.encode_video(torch.randn(2, 3, 3, 64, 64), torch.rand(2, 3, 136))
    image = model.encode_image(torch.randn(2, 3, 64, 64), torch.rand(2, 136))
    assert video.shape == (2, CONFIG.frames, CONFIG.frame_tokens, 32) == (2, 3, 257, 32)
    assert image.shape == (2, CONFIG.image_tokens, 32) == (2, 256, 32)


@pytest.mark.parametrize("kind", ["masked", "geometric"])
@pytest.mark.parametrize("select_feature", ["patch", "cls_patch"])
def test_images_with_landmarks_run_in_every_variant(kind: CrossAttentionKind, select_feature: str) -> None:
    config = replace(CONFIG, cross_attention=kind, select_feature=select_feature)  # pyright: ignore[reportArgumentType]
    model = build_model(config)
    trace = model.trace_image(torch.randn(1, 3, 64, 64), torch.rand(1, 136))
    assert trace.encoded.shape == (1, config.image_tokens, 32)
    assert trace.proximity_mask is not None
    assert trace.proximity_mask.shape == (1, config.image_tokens, 9)


def test_a_model_in_half_precision_masks_by_the_landmarks_as_they_are() -> None:
    config = replace(CONFIG, cross_attention="masked")
    pixels, landmarks = torch.randn(1, 3, 64, 64), torch.rand(1, 136)
    rounded = build_model(config).bfloat16().trace_image(pixels, landmarks).proximity_mask
    exact = build_model(config).trace_image(pixels, landmarks).proximity_mask
    assert exact is not None
    torch.testing.assert_close(rounded, exact, atol=1e-6, rtol=0)


def test_without_landmarks_the_branch_is_skipped(model: FaceLlava) -> None:
    trace = model.trace_video(torch.randn(1, 3, 3, 64, 64))
    assert trace.encoded is trace.projected
    assert (trace.landmark_tokens, trace.block) == (None, None)


def test_landmark_tokens_are_local_plus_global(model: FaceLlava) -> None:
    trace = model.trace_image(torch.randn(2, 3, 64, 64), torch.rand(2, 136))
    assert trace.landmark_local is not None
    assert trace.landmark_global is not None
    assert trace.landmark_tokens is not None
    torch.testing.assert_close(trace.landmark_tokens, trace.landmark_local + trace.landmark_global[:, None])


def test_the_branch_scale_scales_the_branch() -> None:
    pixels, landmarks = torch.randn(1, 3, 64, 64), torch.rand(1, 136)
    traces = [
        build_model(replace(CONFIG, branch_scale=s)).trace_image(pixels, landmarks) for s in (0.1, 0.001)
    ]
    wide, narrow = (trace.encoded - trace.projected for trace in traces)
    torch.testing.assert_close(narrow * 100, wide, atol=1e-4, rtol=1e-3)


def test_landmarks_of_another_shape_are_refused(model: FaceLlava) -> None:
    with pytest.raises(ValueError, match=r"landmarks are \(1, 2, 136\).*need \(1, 3, 136\)"):
        model.encode_video(torch.zeros(1, 3, 3, 64, 64), torch.rand(1, 2, 136))


def test_a_model_without_branch_refuses_landmarks() -> None:
    plain = build_model(replace(CONFIG, cross_attention="none"))
    assert not any("landmark" in name for name in plain.state_dict())
    with pytest.raises(ValueError, match="no landmark branch"):
        plain.encode_image(torch.zeros(1, 3, 64, 64), torch.rand(1, 136))


def test_a_model_without_video_tower_refuses_videos() -> None:
    with pytest.raises(ValueError, match="no video tower"):
        build_model(replace(CONFIG, video_tower=None)).encode_video(torch.zeros(1, 3, 3, 64, 64))


def test_padding_changes_no_logit_and_no_loss(model: FaceLlava) -> None:
    pictures = [torch.randn(5, 32), torch.randn(3, 32)]
    long, short = prompt(1, PLACEHOLDER_ID, 5, 6, 7), prompt(1, PLACEHOLDER_ID, 9)
    batch = model([long, short], pictures, labels=[prompt(-100, 0, 5, 6, 7), prompt(-100, 0, 9)])
    alone = [model([long], pictures[:1]), model([short], pictures[1:])]
    torch.testing.assert_close(batch.logits[0], alone[0].logits[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(batch.logits[1, :5], alone[1].logits[0], atol=1e-5, rtol=1e-5)
    # The last picture token predicts the first label, and so on.
    log_probs = [output.logits[0].log_softmax(-1) for output in alone]
    told = [log_probs[0][5, 5], log_probs[0][6, 6], log_probs[0][7, 7], log_probs[1][3, 9]]
    assert float(batch.loss) == pytest.approx(-float(torch.stack(told).mean()), abs=1e-5)


def test_without_labels_there_is_no_loss(model: FaceLlava) -> None:
    assert model([prompt(1, 2)], []).loss is None


def test_ignored_labels_do_not_count(model: FaceLlava) -> None:
    ids = prompt(1, 5, 6)
    output = model([ids], [], labels=[prompt(IGNORED_LABEL, IGNORED_LABEL, 6)])
    assert float(output.loss) == pytest.approx(-float(output.logits[0, 1].log_softmax(-1)[6]), abs=1e-5)


def test_the_length_limit_is_the_configured_one() -> None:
    model = build_model(replace(CONFIG, max_length=4))
    with pytest.raises(ValueError, match="prompt 0 is 6 tokens long; the model takes 4"):
        model([prompt(PLACEHOLDER_ID, 2, 3)], [torch.zeros(4, 32)])
    assert model([prompt(PLACEHOLDER_ID, 2, 3)], [torch.zeros(4, 32)], overflow="cut").logits.shape[1] == 4


def test_the_decoder_continues_from_a_cache(model: FaceLlava) -> None:
    spliced = model.splice([prompt(1, PLACEHOLDER_ID, 5, 6)], [torch.randn(4, 32)])
    whole = model.llm(inputs_embeds=spliced.inputs_embeds).logits
    assert whole is not None
    prefix = model.llm(inputs_embeds=spliced.inputs_embeds[:, :5], use_cache=True)
    # A row of the mask per new token, a column per token so far.
    mask = torch.ones(1, 1, 2, 7, dtype=torch.bool).tril(diagonal=5)
    rest = model.llm(
        inputs_embeds=spliced.inputs_embeds[:, 5:],
        past_key_values=prefix.past_key_values,
        attention_mask=mask,
        position_ids=torch.tensor([[5, 6]]),
    ).logits
    torch.testing.assert_close(rest, whole[:, 5:], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("kind", "layers"), [("linear", 1), ("mlp1x_gelu", 1), ("mlp3x_gelu", 3)])
def test_projectors(kind: str, layers: int) -> None:
    model = build_model(replace(CONFIG, projector=kind))
    linears = [part for part in model.mm_projector.modules() if isinstance(part, torch.nn.Linear)]
    assert [part.in_features for part in linears] == [16, 32, 32][:layers]


def test_gradients_reach_the_branch_but_not_the_towers() -> None:
    model = FaceLlava(CONFIG)
    visual = model.encode_image(torch.randn(1, 3, 64, 64), torch.rand(1, 136))
    model([prompt(PLACEHOLDER_ID, 2)], list(visual), labels=[prompt(0, 2)]).loss.backward()
    has_gradient = {
        name.split(".")[0] for name, parameter in model.named_parameters() if parameter.grad is not None
    }
    assert has_gradient == {
        "llm",
        "mm_projector",
        "landmarks_projector",
        "global_landmarks_projector",
        "landmarks_cross_attn",
    }
