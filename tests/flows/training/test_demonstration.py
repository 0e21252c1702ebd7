import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from flows.cli import app
from flows.training import demonstration
from flows.training.demonstration import DemonstrationRequest, make_demonstration
from flows.training.lessons import KeptClip
from flows.usage import UsageError
from model.checkpoints.checkpoint import load_checkpoint
from model.synthetic.film import Label


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
    page = (made.checkpoint / "README.md").read_text()
    assert "Its labels on real people mean nothing" in page
    assert "    facesift train --stage demonstration --minutes 0.01 --seed 1\n" in page
    assert f"| films rendered | {steps['clips']} |" in page
    assert f"| steps of all but the towers (stage 2) | {steps['stage-2']} |" in page
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


@pytest.mark.parametrize("is_shuffled", [False, True])
def test_shuffled_labels_are_those_of_other_clips(
    is_shuffled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = Label("a.mp4", 0, 0.0, 1.0, 0.0, 0.0, 9.0, 9.0, "anger", (), (), 30, False, None)
    clips = [KeptClip(f"clip-{age}", replace(label, age_years=age), (True,) * 8) for age in range(1, 41)]
    learned: list[KeptClip] = []

    def made(*_: object, **__: object) -> list[KeptClip]:
        return clips

    def stop(kept: Sequence[KeptClip], *_: object) -> None:
        learned.extend(kept)
        raise InterruptedError

    monkeypatch.setattr(demonstration, "make_clips", made)
    monkeypatch.setattr(demonstration, "write_talk", stop)
    options = ["--shuffle-labels"] if is_shuffled else []
    out = ["--out", str(tmp_path / "demo")]
    ended = CliRunner().invoke(app, ["train", "--stage", "demonstration", *out, *options])
    assert ended.exit_code == 1
    assert [clip.name for clip in learned] == [clip.name for clip in clips]
    ages = [clip.label.age_years for clip in learned]
    assert sorted(ages) == list(range(1, 41))
    kept_their_own = sum(age == clip.label.age_years for age, clip in zip(ages, clips, strict=True))
    assert kept_their_own < 5 if is_shuffled else kept_their_own == 40
