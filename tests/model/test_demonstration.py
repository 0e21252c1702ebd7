import time
from pathlib import Path

import numpy as np
import pytest
import torch

from model.checkpoints.checkpoint import load_checkpoint
from model.clip import FaceClip
from model.demonstration import TOKENIZER_PATH, train_tokenizer, write_untrained_checkpoint
from model.engines.engine import EngineConfig, EngineError, open_engine
from model.prompting.questions import DEFAULT_QUESTIONS
from model.prompting.tokenizer import load_tokenizer


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return write_untrained_checkpoint(tmp_path_factory.mktemp("demonstration"))


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_the_seed_decides_every_byte(directory: Path, tmp_path: Path) -> None:
    assert contents(write_untrained_checkpoint(tmp_path / "same")) == contents(directory)
    other = contents(write_untrained_checkpoint(tmp_path / "other", seed=1))
    assert other["model.safetensors"] != contents(directory)["model.safetensors"]


def test_it_is_small_and_says_what_it_is(directory: Path) -> None:
    assert sum(map(len, contents(directory).values())) < 12e6
    assert TOKENIZER_PATH.stat().st_size < 40e3
    assert load_checkpoint(directory, dtype="float32", device="cpu").is_demonstration


def test_it_answers_the_five_questions_in_a_moment(directory: Path) -> None:
    checkpoint = load_checkpoint(directory, dtype="float32", device="cpu")
    engine = open_engine(checkpoint, EngineConfig())
    random = np.random.default_rng(0)
    clips = [
        FaceClip(
            random.integers(0, 256, (8, 256, 256, 3), dtype=np.uint8),
            random.uniform(0, 256, (8, 68, 2)).astype(np.float32),
            best_frame=4,
        )
        for _ in range(2)
    ]
    engine.describe(clips[:1], DEFAULT_QUESTIONS)  # plans and priors are made once
    started = time.process_time()
    answers = engine.describe(clips, DEFAULT_QUESTIONS)
    assert time.process_time() - started < 5  # about 0.5 s of one core
    for of_clip in answers:
        assert not isinstance(of_clip, EngineError)
        assert [answer.question for answer in of_clip] == [question.name for question in DEFAULT_QUESTIONS]
        assert [len(answer.scores) for answer in of_clip] == [7, 15, 40, 1, 2]
        assert all(answer.text for answer in of_clip)
        assert sum(score.score for score in of_clip[0].scores) == pytest.approx(1)
        assert 0 <= of_clip[3].scores[0].score <= 100
    assert answers[0] != answers[1]


def test_the_tokenizer_is_a_llama_one(tmp_path: Path) -> None:
    train_tokenizer(tmp_path / "tokenizer.model")
    for path in (tmp_path / "tokenizer.model", TOKENIZER_PATH):
        tokenizer = load_tokenizer(path)
        assert (tokenizer.bos_id, tokenizer.eos_id, tokenizer.vocabulary) == (1, 2, 1024)
        assert tokenizer.decode(tokenizer.encode("Größe: 25 years\n脸")) == "Größe: 25 years\n脸"
        assert len(tokenizer.encode("22")) == 3
