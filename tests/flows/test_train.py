import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from accelerate.state import AcceleratorState
from PIL import Image
from typer.testing import CliRunner

from flows.cli import app
from flows.train import TrainRequest, train
from flows.training.media import MediaFiles
from flows.usage import UsageError
from model.checkpoints.checkpoint import load_checkpoint
from model.synthetic.mp4 import write_mp4
from model.training.config import TrainingConfig
from tests.model.training.training_data import write_data, write_tiny_checkpoint

CONFIG = TrainingConfig(batch_size=5, learning_rate=1e-3, dtype="float32", threads=1)


@pytest.fixture(autouse=True)
def another_accelerator() -> None:
    AcceleratorState._reset_state(reset_partial_state=True)  # pyright: ignore[reportPrivateUsage]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("train")
    write_tiny_checkpoint(base / "start")
    write_data(base / "data")
    return base


def request(base: Path, out: Path) -> TrainRequest:
    data = base / "data" / "conversations.json"
    return TrainRequest("1", data, base / "data", str(base / "start"), out, CONFIG)


def test_a_stage_gives_a_checkpoint_and_is_not_done_twice(base: Path, tmp_path: Path) -> None:
    told: list[int] = []
    trained = train(request(base, tmp_path / "out"), lambda step: told.append(step.step))
    assert told == [1, 2, 3]
    assert (trained.samples, trained.steps, trained.resumed_at) == (10, 3, 0)
    before, after = (
        load_checkpoint(path, dtype="float32", device="cpu").model.state_dict()
        for path in (base / "start", trained.checkpoint)
    )
    moved = {
        name for name in before if (before[name] - after[name]).abs().max() > 1e-2 * before[name].abs().max()
    }
    assert moved
    assert all("landmarks" in name for name in moved)
    assert train(request(base, tmp_path / "out")).resumed_at == 3


def test_what_cannot_be_trained_is_said_before_it_begins(base: Path, tmp_path: Path) -> None:
    asked = request(base, tmp_path / "out")
    entries = json.loads(asked.data.read_text())
    del entries[4]["landmarks_2d"]
    lacking = tmp_path / "lacking.json"
    lacking.write_text(json.dumps(entries))
    with pytest.raises(UsageError, match="1 of 10 samples, the first of them 4, have no landmarks_2d"):
        train(replace(asked, data=lacking))
    with pytest.raises(UsageError, match="absent"):
        train(replace(asked, checkpoint=str(tmp_path / "absent")))
    assert not (tmp_path / "out").exists()


def test_the_command_line(base: Path, tmp_path: Path) -> None:
    settings = tmp_path / "training.toml"
    settings.write_text('steps = 1\nbatch_size = 2\ndtype = "float32"\nthreads = 1\n')
    options = [
        "--root",
        str(base / "data"),
        "--checkpoint",
        str(base / "start"),
        "--out",
        str(tmp_path / "out"),
    ]
    data = ["--data", str(base / "data" / "conversations.json")]
    result = CliRunner().invoke(app, ["train", "--stage", "2", *data, *options, "--config", str(settings)])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "checkpoint" / "config.json").exists()
    for wrong, message in (
        (["--stage", "4", *data, *options], "no stage '4'"),
        (["--stage", "1", *options], "needs --data"),
        (["--stage", "demonstration", *data, "--out", str(tmp_path / "demo")], "makes its own data"),
        (["--stage", "1", *data, *options, "--shuffle-labels"], "leave out --shuffle-labels"),
        (["--stage", "2", *data, *options, "--seed", "1", "--minutes", "5"], "leave out --minutes, --seed"),
    ):
        result = CliRunner().invoke(app, ["train", *wrong])
        assert (result.exit_code, message in result.output) == (2, True)
    settings.write_text("stepps = 1\n")
    result = CliRunner().invoke(app, ["train", "--stage", "2", *data, *options, "--config", str(settings)])
    assert result.exit_code == 2
    assert "there is no setting stepps; did you mean steps" in result.output


def test_pictures_are_read_from_files_of_all_kinds(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    Image.fromarray(pictures[0]).save(tmp_path / "0.png")
    np.testing.assert_array_equal(MediaFiles().image(tmp_path / "0.png"), pictures[0])
    write_mp4(tmp_path / "0.mp4", pictures, 24, crf=1)
    frames, available = MediaFiles().video(tmp_path / "0.mp4", 2)
    assert (frames.shape, available) == ((2, 32, 32, 3), 5)
    (tmp_path / "1.png").write_text("no picture")
    for read in (
        lambda: MediaFiles().image(tmp_path / "1.png"),
        lambda: MediaFiles().video(tmp_path / "1.png", 2),
    ):
        with pytest.raises(ValueError, match=r"1\.png cannot be"):
            read()
