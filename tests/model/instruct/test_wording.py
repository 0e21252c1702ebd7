"""Answers have the shapes that are read back out of generated texts."""

from collections.abc import Mapping
from typing import Any

import pytest

from model.instruct.wording import described_answer, label_answer, question_for, writing_prompt
from model.parsing.reading import read_answer
from model.prompting.questions import default_question

TRUTHS: Mapping[Any, Any] = {
    "expression": "disgust",
    "age": 31.0,
    "deepfake": "fake",
    "action_units": {"AU1": True, "AU4": False, "AU12": True, "AU9": None},
    "attributes": {"smiling": True, "bald": False, "wearing_hat": True},
}
LABELS = {
    "expression": ("disgust",),
    "age": ("31",),
    "deepfake": ("fake",),
    "action_units": ("AU1", "AU12"),
    "attributes": ("smiling", "wearing_hat"),
}


@pytest.mark.parametrize("task", list(TRUTHS))
def test_labels_are_read_back(task: Any) -> None:
    found = read_answer(label_answer(task, TRUTHS[task]), default_question(task))
    assert (found.status, found.labels) == ("ok", LABELS[task])


@pytest.mark.parametrize("said", ["A face.", "The brows are raised: a bald man, happy, real and 50."])
@pytest.mark.parametrize("task", list(TRUTHS))
def test_an_answer_always_says_the_label(task: Any, said: str) -> None:
    found = read_answer(described_answer(task, TRUTHS[task], said), default_question(task))
    assert found.labels[:1] == LABELS[task][:1]  # of an age, the first counts
    assert task == "age" or found.labels == LABELS[task]


@pytest.mark.parametrize(
    ("task", "said", "answer"),
    [
        ("action_units", "The inner brows are raised and the person smiles.", "{label}\n{said}"),
        ("action_units", "AU1 and AU12 are active.", "{said}"),
        ("action_units", "AU1, AU9 and AU12 are active.", "{said}"),  # AU9 was not coded
        ("action_units", "AU1, AU4 and AU12 are active.", "{label}"),
        ("attributes", "A cheerful face with a beard.", "{label}\n{said}"),
        ("attributes", "A cheerful bald man.", "{label}"),
        ("expression", "Anger: a wrinkled nose.", "{label}"),
    ],
)
def test_what_contradicts_the_label_is_left_out(task: Any, said: str, answer: str) -> None:
    label = label_answer(task, TRUTHS[task])
    assert described_answer(task, TRUTHS[task], said) == answer.format(label=label, said=said)


@pytest.mark.parametrize("task", ["age", "deepfake"])
def test_the_label_stands_before_the_description(task: Any) -> None:
    answer = described_answer(task, TRUTHS[task], "Skin and eyes\n suggest it.")
    assert read_answer(answer, default_question(task)).labels == LABELS[task]
    assert answer.endswith(": Skin and eyes suggest it.")


@pytest.mark.parametrize(
    "said", ["The nose is wrinkled.", "Is it anger, or disgust?", "Disgust: a wrinkled nose."]
)
def test_an_emotion_is_always_said(said: str) -> None:
    answer = described_answer("expression", "disgust", said)
    assert read_answer(answer, default_question("expression")).labels == ("disgust",)
    assert answer.startswith(said)
    assert (answer == said) == said.startswith("Disgust")


def test_one_year_is_one_year() -> None:
    assert label_answer("age", 1.0) == "1 year old."
    assert read_answer("None.", default_question("action_units")).labels == ()
    assert label_answer("action_units", {"AU1": False}) == "No action units are active."


def test_the_same_sample_is_asked_the_same() -> None:
    asked = {question_for("age", "image", str(number)) for number in range(50)}
    assert len(asked) == 3
    assert question_for("age", "image", "7") == question_for("age", "image", "7")
    assert "video" in question_for("deepfake", "video", "x") + writing_prompt("deepfake", "real", "video")[1]
