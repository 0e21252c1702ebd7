from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.demonstration import TOKENIZER_PATH
from model.network.splicing import IGNORED_LABEL, PLACEHOLDER_ID
from model.preprocess import image_pixels
from model.prompting.prompts import Prompter
from model.prompting.tokenizer import load_tokenizer
from model.training.batch import collate
from model.training.example import Examples
from model.training.media import StoredArrays
from model.training.sample import Sample, read_samples
from tests.model.training.training_data import TINY, write_data


def examples_of(samples: list[Sample]) -> Examples:
    return Examples(samples, TINY, Prompter(load_tokenizer(TOKENIZER_PATH), "training"), StoredArrays())


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    return read_samples(write_data(tmp_path, images=1, videos=1), tmp_path)


def test_an_image_and_a_video_become_ids_labels_pixels_and_landmarks(samples: list[Sample]) -> None:
    image, video = (examples_of(samples)[number] for number in (0, 1))
    assert [(example.input_ids == PLACEHOLDER_ID).sum() for example in (image, video)] == [1, 2]
    assert (image.labels[image.labels != IGNORED_LABEL] == image.input_ids[-3:]).all()  # Yes . </s>
    assert image.pixels is not None
    assert video.pixels is not None
    assert samples[0].media is not None
    assert torch.equal(image.pixels, image_pixels(np.load(samples[0].media), 28, is_padded=True))
    assert video.pixels.shape == (3, 2, 28, 28)
    assert image.landmarks is not None
    assert video.landmarks is not None
    assert samples[1].landmarks is not None
    points = np.load(samples[1].landmarks)[[0, 2]]  # the first and the last of three
    np.testing.assert_allclose(video.landmarks, points.reshape(2, 136) / 256, rtol=1e-6)


def test_kinds_and_missing_landmarks_may_be_mixed(samples: list[Sample]) -> None:
    examples = examples_of(
        [
            *samples,
            replace(samples[0], landmarks=None),
            replace(samples[0], kind=None, media=None, landmarks=None),
        ]
    )
    batch = collate([examples[number] for number in range(4)])
    assert [(group.kind, group.rows, group.landmarks is None) for group in batch.visuals] == [
        ("image", (0,), False),
        ("video", (1,), False),
        ("image", (2,), True),
    ]
    assert batch.tokens == 3 + 5 + 3 + 3
    assert batch.to("cpu").visuals[1].pixels.shape == (1, 3, 2, 28, 28)


def test_landmarks_of_another_video_are_refused(samples: list[Sample]) -> None:
    assert samples[1].landmarks is not None
    np.save(samples[1].landmarks, np.zeros((2, 68, 2), np.float32))
    with pytest.raises(ValueError, match=r"for .*1\.npy of 3 frames; give one row per frame"):
        examples_of(samples)[1]
    np.save(samples[1].landmarks, np.full((3, 68, 2), np.nan, np.float32))
    with pytest.raises(ValueError, match="not finite"):
        examples_of(samples)[1]


def test_a_question_without_room_for_an_answer_is_refused(samples: list[Sample]) -> None:
    long = replace(samples[0], turns=(("why " * 4000, "So."),))
    with pytest.raises(ValueError, match="sample 0: its first answer begins at token"):
        examples_of([long])[0]
