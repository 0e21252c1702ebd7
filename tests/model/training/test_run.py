import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType

from model.checkpoints.checkpoint import load_checkpoint
from model.prompting.prompts import Prompter
from model.prompting.tokenizer import load_tokenizer
from model.training.batch import lessons
from model.training.config import LoraConfig, TrainingConfig
from model.training.example import Examples
from model.training.export import export
from model.training.learner import Learner
from model.training.media import StoredArrays
from model.training.run import Run, Step, make_accelerator
from model.training.sample import read_samples
from model.training.state import RunError, RunFolder
from tests.model.training.training_data import write_data, write_tiny_checkpoint

CONFIG = TrainingConfig(
    epochs=3,
    batch_size=2,
    accumulation=2,
    learning_rate=1e-2,
    dtype="float32",
    save_steps=2,
    threads=1,
    lora=LoraConfig(rank=2, alpha=4, dropout=0.2),
)


def open_run(base: Path, out: Path, config: TrainingConfig = CONFIG) -> tuple[Learner, Run]:
    loaded = load_checkpoint(base / "start", dtype="float32", device="cpu")
    samples = read_samples(base / "data" / "conversations.json", base / "data")
    prompter = Prompter(load_tokenizer(loaded.tokenizer_path), "training")
    examples = Examples(samples, loaded.config, prompter, StoredArrays())
    accelerator = make_accelerator(config)
    learner = Learner(loaded.model, "2", lora=config.lora, is_checkpointing=config.is_checkpointing)
    folder = RunFolder(out, {"learning_rate": config.learning_rate})
    return learner, Run(learner, lessons(examples), "2", config, folder=folder, accelerator=accelerator)


def curve(out: Path) -> list[tuple[int, int, float, float]]:
    lines = (out / "log.jsonl").read_text().splitlines()
    said = [json.loads(line) for line in lines]
    return [(line["step"], line["epoch"], line["loss"], line["gradient_norm"]) for line in said]


def die_at(step: int) -> None:
    """Run in another process: train and be killed right after a step, before its state is saved."""

    def tell(done: Step) -> None:
        if done.step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    base = Path(sys.argv[2])
    _, run = open_run(base, base / "killed")
    run.resume()
    run.train(tell)


@pytest.fixture(autouse=True)
def another_accelerator() -> None:
    AcceleratorState._reset_state(reset_partial_state=True)  # pyright: ignore[reportPrivateUsage]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("training")
    write_tiny_checkpoint(base / "start")
    write_data(base / "data")
    return base


def test_a_killed_run_goes_on_with_the_same_losses(base: Path) -> None:
    _, whole = open_run(base, base / "whole")
    assert whole.resume() == 0
    whole.train()
    assert whole.steps == 9
    assert [step for step, *_ in curve(base / "whole")] == list(range(1, 10))
    # In the middle of an epoch, one step after a state, and with a line of the log half written.
    command = [sys.executable, "-m", "tests.model.training.test_run", "5", str(base)]
    killed = subprocess.run(command, check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    log = base / "killed" / "log.jsonl"
    assert len(curve(base / "killed")) == 5
    log.write_text(log.read_text() + '{"step": 6, "lo')
    _, again = open_run(base, base / "killed")
    assert again.resume() == 4
    again.train()
    assert curve(base / "killed") == curve(base / "whole")
    assert [path.name for path in (base / "killed" / "states").iterdir()] == ["000009"]


def test_the_loss_falls_and_the_result_loads(base: Path, tmp_path: Path) -> None:
    learner, run = open_run(base, tmp_path / "out", replace(CONFIG, lora=None))
    run.resume()
    run.train()
    losses = [loss for *_, loss, _ in curve(tmp_path / "out")]
    assert sum(losses[-3:]) < 0.7 * sum(losses[:3])
    card = {"stage": "2", "steps": run.steps}
    exported = export(learner.merge(), base / "start", tmp_path / "result", card, torch.float32)
    before = load_checkpoint(base / "start", dtype="float32", device="cpu")
    after = load_checkpoint(exported, dtype="float32", device="cpu")
    assert not after.is_demonstration  # its card says that it was trained
    assert (exported / "tokenizer.model").exists()
    changed = {
        name
        for name, tensor in after.model.state_dict().items()
        if not torch.equal(tensor, before.model.state_dict()[name])
    }
    assert changed == {name for name in after.model.state_dict() if "_tower." not in name}


def test_another_run_is_not_continued(tmp_path: Path) -> None:
    RunFolder(tmp_path / "out", {"learning_rate": 1e-2}).begin()
    RunFolder(tmp_path / "out", {"learning_rate": 1e-2}).begin()
    with pytest.raises(RunError, match=r"learning_rate 0.01 instead of 0.5"):
        RunFolder(tmp_path / "out", {"learning_rate": 0.5})
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "holiday.jpg").touch()
    with pytest.raises(RunError, match="something else"):
        RunFolder(tmp_path / "else", {})


def test_half_precision_learns_too(base: Path, tmp_path: Path) -> None:
    config = TrainingConfig(batch_size=4, learning_rate=1e-2, steps=2, threads=1)
    _, run = open_run(base, tmp_path / "out", config)
    run.resume()
    run.train()
    assert [step for step, *_ in curve(tmp_path / "out")] == [1, 2]


if __name__ == "__main__":
    die_at(int(sys.argv[1]))


@pytest.mark.parametrize("kind", ["FSDP", "MEGATRON_LM", "DEEPSPEED"])
def test_only_ddp_brings_processes_together(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def placed(**_: object) -> SimpleNamespace:
        return SimpleNamespace(distributed_type=DistributedType(kind))

    monkeypatch.setattr("model.training.run.Accelerator", placed)
    with pytest.raises(ValueError, match=f"does not run under {kind}; choose DDP"):
        make_accelerator(CONFIG)


def test_what_accelerate_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(ValueError, match="DeepSpeed is not installed"):
        make_accelerator(CONFIG)
