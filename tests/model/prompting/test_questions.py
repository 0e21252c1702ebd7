import tomllib
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from model.prompting.labels import Label
from model.prompting.questions import DEFAULT_QUESTIONS, Question, default_question

GOOD: dict[str, Any] = {
    "name": "hat",
    "kind": "single_label",
    "prompt": "A hat?",
    "labels": ({"name": "yes"}, {"name": "no", "variants": ("no", "none")}),
}
RECIPE = """
[[questions]]
name = "eyewear"
kind = "multi_label"
prompt = "What does the person wear on the eyes?"
score_prompt = "Answer yes or no. Does the person wear {label}?"
view = "frame"
rationale = false
labels = [{ name = "glasses", phrase = "spectacles" }, { name = "patch", synonyms = ["eye patch"] }]
"""


def validate(values: object) -> Question:
    return TypeAdapter(Question).validate_python(values)


def test_the_five_tasks_are_there() -> None:
    assert [(question.name, question.view, len(question.labels)) for question in DEFAULT_QUESTIONS] == [
        ("expression", "clip", 7),
        ("action_units", "frame", 15),
        ("attributes", "frame", 40),
        ("age", "frame", 0),
        ("deepfake", "clip", 2),
    ]
    assert default_question("age").unit == "years"
    assert (
        default_question("age").effective_prior_weight(),
        default_question("deepfake").effective_prior_weight(),
    ) == (0, 1)


def test_a_recipe_may_ask_a_question_of_its_own() -> None:
    question = validate(tomllib.loads(RECIPE)["questions"][0])
    assert question.labels[0].asked_as() == "spectacles"
    assert question.labels[1].asked_as() == "patch"
    assert question.labels[1].words() == ("patch", "eye patch")
    assert not question.rationale


def test_the_words_of_a_label_do_not_name_another_of_its_question() -> None:
    for question in DEFAULT_QUESTIONS:
        words = [word for label in question.labels for word in label.words()]
        assert len(set(words)) == len(words)


def test_answers_are_scored_with_and_without_a_capital() -> None:
    assert Label("real").answers() == ("real", "Real")
    assert Label("AU4", variants=("AU4", "brow lowerer")).answers() == ("AU4", "brow lowerer", "Brow lowerer")


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(ValidationError, match="rationales"):
        validate(GOOD | {"rationales": True})
    with pytest.raises(ValidationError, match="weight"):
        validate(GOOD | {"labels": ({"name": "a", "weight": 1}, {"name": "b"})})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Hat size"}, "lower case letters"),
        ({"prompt": " "}, "write the question"),
        ({"prompt": "<image> A hat?"}, "leave <image>"),
        ({"labels": ()}, "at least 2 labels"),
        ({"labels": ({"name": "yes"}, {"name": "yes"})}, "name each once"),
        ({"labels": ({"name": " "}, {"name": "no"})}, "write one"),
        ({"score_prompt": "Is it {label}?"}, "multi_label"),
        ({"kind": "multi_label", "score_prompt": "Is it?"}, "{label}"),
        ({"kind": "number"}, "has no labels"),
        ({"kind": "number", "labels": (), "minimum": 5, "maximum": 5}, "minimum < maximum"),
        ({"kind": "number", "labels": (), "maximum": 1000}, "999"),
        ({"kind": "number", "labels": (), "number_answers": ("{n}",)}, "a word or full stop behind"),
        ({"kind": "number", "labels": (), "number_answers": ()}, "number_answers"),
        ({"kind": "number", "labels": (), "unit": " "}, "the unit is empty"),
        ({"prompt": "Is it {label}?"}, "belongs into the score_prompt"),
        (
            {"labels": ({"name": "yes"}, {"name": "no", "synonyms": ("Yes",)})},
            "'yes' names label 'yes' and label 'no'",
        ),
        ({"labels": ({"name": "yes"}, {"name": "no", "variants": ("...",)})}, "synonym '...' is no word"),
        ({"kind": "colour"}, "single_label"),
        ({"view": "picture"}, "clip"),
    ],
)
def test_a_bad_question_says_what_to_do(change: dict[str, Any], message: str) -> None:
    validate(GOOD)
    with pytest.raises(ValidationError, match=message):
        validate(GOOD | change)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="expression, action_units, attributes, age, deepfake"):
        default_question("emotion")


def test_a_view_can_be_overridden() -> None:
    assert replace(default_question("expression"), view="frame").view == "frame"
