import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from flows.training.demonstration import DemonstrationRequest, make_demonstration
from flows.usage import UsageError
from model.checkpoints.checkpoint import load_checkpoint


def test_all_steps_are_made_once(tmp_path: Path) -> None:
    request = DemonstrationRequest(tmp_path / "demo", minutes=0.01, lessons=1)
    told: list[str] = []
    made = make_demonstration(request, lambda step, done: told.append(f"{step}: {done}"))
    steps = json.loads((tmp_path / "demo" / "plan.json").read_text())["steps"]
    assert set(steps) == {"clips", "stills", "moves", "decoder", "stage-1", "stage-2"} == set(made.minutes)
    assert made.clips > 0 < steps["clips"]
    assert {line.partition(":")[0] for line in told} == set(steps)
    loaded = load_checkpoint(made.checkpoint, dtype="float32", device="cpu")
    assert loaded.is_demonstration
    learned = {name: tensor.clone() for name, tensor in loaded.model.state_dict().items()}
    # The towers learn in the first steps alone, the branch in the last two.
    before = load_checkpoint(tmp_path / "demo" / "moves" / "checkpoint", dtype="float32", device="cpu")
    for name, tensor in before.model.state_dict().items():
        is_tower = name.startswith(("image_tower", "video_tower"))
        assert not is_tower or torch.allclose(tensor, learned[name], atol=1e-2, rtol=1e-3), name
    assert any("landmarks" in name for name in learned)

    told.clear()
    again = make_demonstration(request, lambda step, done: told.append(step))
    assert set(told) <= {"clips"}
    after = load_checkpoint(again.checkpoint, dtype="float32", device="cpu").model.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in learned.items())
    with pytest.raises(UsageError, match="holds another demonstration"):
        make_demonstration(replace(request, seed=2), lambda step, done: None)
