"""The recipes in docs/model.md are recipes, and the questions in them are asked, scored and read."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from flows.recipe import Recipe
from model.answers import Answer
from model.checkpoints.checkpoint import load_checkpoint
from model.clip import FaceClip
from model.demonstration import write_untrained_checkpoint
from model.engines.engine import EngineConfig, EngineError, open_engine
from model.parsing.reading import read_answer

BLOCKS = re.findall(
    r"```toml\n(.*?)```", (Path(__file__).parents[2] / "docs" / "model.md").read_text(), re.DOTALL
)
SAID = {
    "gaze": [
        ("Away. The head is turned to the right.", "ok", ("away",)),
        ("The person looks to the side, not at the camera.", "ok", ("away",)),
        ("I cannot tell where the person looks.", "refused", ()),
    ],
    "wearing": [
        ("A scarf, but no face mask.", "ok", ("scarf",)),
        ("Scarf: no. Mask: yes.", "ok", ("mask",)),
        ("Nothing can be seen.", "unparsable", ()),
    ],
    "teeth": [
        ("6 teeth", "ok", ("6",)),
        ("Between 4 and 6 teeth.", "ambiguous", ("4", "6")),
        ("40 teeth", "unparsable", ()),
    ],
}


def read(block: int, folder: Path) -> Recipe:
    path = folder / "recipe.toml"
    path.write_text(BLOCKS[block])
    return Recipe.read(path)


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_a_recipe_of_the_documentation_can_be_read(block: int, tmp_path: Path) -> None:
    assert read(block, tmp_path) != Recipe()


def test_there_are_recipes() -> None:
    assert len(BLOCKS) == 2


def test_questions_of_ones_own_are_asked_and_scored(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    questions = [question for question in read(1, tmp_path).asked if question.name in SAID]
    checkpoint = load_checkpoint(write_untrained_checkpoint(tmp_path / "checkpoint"), "float32", "cpu")
    random = np.random.default_rng(0)
    crops = random.integers(0, 256, (8, 112, 112, 3), dtype=np.uint8)
    clip = FaceClip(crops, random.uniform(0, 112, (8, 68, 2)).astype(np.float32), best_frame=3)
    (answers,) = open_engine(checkpoint, EngineConfig(max_new_tokens=3)).describe([clip], questions)
    assert not isinstance(answers, EngineError)
    gaze, wearing, teeth = answers
    assert [(answer.question, answer.view) for answer in answers] == [
        ("gaze", "clip"),
        ("wearing", "frame"),
        ("teeth", "frame"),
    ]
    assert labels(gaze) == ["camera", "away"]
    assert sum(score.score for score in gaze.scores) == pytest.approx(1)
    assert labels(wearing) == ["scarf", "mask"]
    assert all(0 < score.score < 1 for score in wearing.scores)
    assert labels(teeth) == ["teeth_teeth"]
    assert 0 < teeth.scores[0].score < 32
    assert (teeth.scores[0].unit, teeth.text, bool(gaze.text)) == ("teeth", "", True)
    assert teeth.scores[0].spread


def labels(answer: Answer) -> list[str]:
    return [score.label for score in answer.scores]


@pytest.mark.parametrize("name", SAID)
def test_texts_about_them_are_read(name: str, tmp_path: Path) -> None:
    (question,) = (question for question in read(1, tmp_path).asked if question.name == name)
    for text, status, said in SAID[name]:
        reading = read_answer(text, question)
        assert (text, reading.status, reading.labels) == (text, status, said)
