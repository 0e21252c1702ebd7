from dataclasses import replace

import pytest
import torch

from model.checkpoints.checkpoint import load_checkpoint
from model.network.face_llava import FaceLlava
from model.training.config import LoraConfig, Stage
from model.training.learner import BRANCH, Learner
from tests.model.training.training_data import PARITY, TINY, mixed_batch


def learner(stage: Stage, **options: object) -> Learner:
    model = load_checkpoint(PARITY, dtype="float32", device="cpu").model
    return Learner(model, stage, **options)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("kind", ["simple", "masked"])
def test_the_loss_of_a_mixed_batch_is_the_official_one(kind: str) -> None:
    directory = PARITY.parent / kind
    batch, expected = mixed_batch(directory)
    learning = Learner(load_checkpoint(directory, dtype="float32", device="cpu").model, "2")
    loss = learning(batch)
    torch.testing.assert_close(loss[None], expected["mixed.loss"], atol=1e-5, rtol=1e-5)
    pictures = learning.pictures(batch)
    spliced = learning.model.splice(batch.input_ids, pictures, labels=batch.labels)
    assert torch.equal(spliced.attention_mask, expected["mixed.expanded_attention_mask"].bool())
    assert spliced.labels is not None
    assert torch.equal(spliced.labels, expected["mixed.expanded_labels"])


@pytest.mark.parametrize("is_checkpointing", [False, True])
def test_the_gradients_are_the_slopes_of_the_loss(is_checkpointing: bool) -> None:
    """Along each tensor's own gradient the loss changes by the gradient's length, in float64 weights."""
    batch, _ = mixed_batch(PARITY)
    learning = learner("2", is_checkpointing=is_checkpointing).train()
    learning(batch).backward()
    slopes = {name: p.grad.double() for name, p in learning.learning() if p.grad is not None}
    assert slopes.keys() == {name for name, _ in learning.learning()}
    if is_checkpointing:
        plain = learner("2")
        plain(batch).backward()
        for name, parameter in plain.learning():
            assert parameter.grad is not None
            torch.testing.assert_close(parameter.grad.double(), slopes[name])
        return
    learning.double()
    parts = (
        "mm_projector.0",
        "global_landmarks",
        "eye1",
        "linear_proj",
        "in_proj",
        "layers.1.mlp.up",
        "lm_head",
    )
    for name, parameter in learning.learning():
        if not any(part in name for part in parts) or not name.endswith("weight"):
            continue
        length = slopes[name].norm()
        step = 3e-4 / length * slopes[name] / length  # changes the loss by about 0.0003
        losses: list[float] = []
        with torch.no_grad():
            for sign in (1, -2):
                parameter.add_(sign * step)
                losses.append(float(learning(batch)))
            parameter.add_(step)
        assert (losses[0] - losses[1]) / (2 * step.norm()) == pytest.approx(float(length), rel=0.02), name


def test_stage_1_trains_the_branch_alone_and_stage_2_all_but_the_towers() -> None:
    names = {name for name, _ in learner("1").learning()}
    assert names
    assert all(name.split(".")[1] in BRANCH for name in names)
    second = {name for name, _ in learner("2").learning()}
    every = {name for name, _ in learner("2").named_parameters()}
    assert every - second == {name for name in every if "_tower." in name}


def test_adapters_train_in_place_of_the_decoder_and_are_merged() -> None:
    batch, _ = mixed_batch(PARITY)
    before = learner("2")
    adapted = learner("2", lora=LoraConfig(rank=2, alpha=4, dropout=0.0))
    names = {name for name, _ in adapted.learning()}
    assert all("lora_" in name for name in names if name.startswith("model.llm."))
    assert any("mm_projector" in name for name in names)
    assert float(adapted(batch).detach()) == pytest.approx(float(before(batch).detach()))
    with torch.no_grad():
        for name, parameter in adapted.learning():
            if "lora_B" in name:
                parameter.fill_(0.01)
    changed = float(adapted(batch).detach())
    assert changed != pytest.approx(float(before(batch).detach()))
    merged = adapted.merge()
    assert merged.state_dict().keys() == before.model.state_dict().keys()
    assert float(Learner(merged, "2")(batch).detach()) == pytest.approx(changed, rel=1e-5)


def test_what_lies_still_has_the_dtype_of_the_arithmetic() -> None:
    learning = Learner(FaceLlava(TINY), "1", dtype=torch.bfloat16)
    kinds = {(parameter.requires_grad, parameter.dtype) for parameter in learning.parameters()}
    assert kinds == {(True, torch.float32), (False, torch.bfloat16)}


def test_what_cannot_learn_is_refused() -> None:
    with pytest.raises(ValueError, match="landmark branch"):
        Learner(FaceLlava(replace(TINY, cross_attention="none")), "1")
    with pytest.raises(ValueError, match="leave lora"):
        Learner(FaceLlava(TINY), "1", lora=LoraConfig())
