"""Attributes as truth."""

from dataclasses import replace

import pytest

from model.prompting.labels import ATTRIBUTES as LABELS
from model.synthetic.attributes import ATTRIBUTES, attributes_of
from model.synthetic.face import Face


def test_the_names_are_those_of_the_questions_in_their_order() -> None:
    names = [label.name for label in LABELS]
    assert list(ATTRIBUTES) == [name for name in names if name in ATTRIBUTES]


@pytest.mark.parametrize(
    ("change", "present", "absent"),
    [
        ({"hair_style": "bald"}, "bald", "brown_hair"),
        ({"hair_style": "bangs"}, "bangs", "bald"),
        ({"hair_style": "bangs", "hat": "cap"}, "wearing_hat", "bangs"),
        ({"hair_colour": "blond"}, "blond_hair", "brown_hair"),
        ({"glasses": "round"}, "eyeglasses", "bald"),
        ({"beard": "goatee"}, "goatee", "no_beard"),
        ({"beard": "mustache"}, "mustache", "goatee"),
        ({"has_lipstick": True}, "wearing_lipstick", "male"),
        ({"age_years": 70}, "no_beard", "young"),
        ({"melanin": 0.02}, "pale_skin", "bald"),
    ],
)
def test_a_parameter_sets_its_attribute(change: dict[str, str], present: str, absent: str) -> None:
    shown = attributes_of(replace(Face(), **change), {})  # pyright: ignore[reportArgumentType] - the fields differ in type
    assert present in shown
    assert absent not in shown


def test_a_smile_counts_from_its_action_units() -> None:
    assert not {"smiling", "mouth_slightly_open"} & set(attributes_of(Face(), {12: 0.2, 25: 0.1}))
    assert {"smiling", "mouth_slightly_open"} <= set(attributes_of(Face(), {12: 0.9, 25: 0.6}))
