import tomllib
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.recipe import Recipe
from flows.recipe_text import recipe_text
from model.prompting.questions import DEFAULT_QUESTIONS
from storage.records.field_docs import field_docs


def configs(config: Any) -> list[Any]:
    parts = [getattr(config, part.name) for part in fields(config)]
    return [config, *(found for part in parts if is_dataclass(part) for found in configs(part))]


@pytest.mark.parametrize("config", configs(Recipe()), ids=lambda config: type(config).__name__)
def test_every_setting_says_what_it_is(config: Any) -> None:
    settings = {part.name for part in fields(config) if not is_dataclass(getattr(config, part.name))}
    assert settings <= set(field_docs(type(config)))


def test_the_text_reads_back_equal(tmp_path: Path) -> None:
    recipe = Recipe(questions=DEFAULT_QUESTIONS[:2])
    file = tmp_path / "recipe.toml"
    file.write_text(recipe_text(recipe))
    assert Recipe.read(file) == recipe


@dataclass(frozen=True)
class Part:
    speed: float = 2.0
    """In `faces` per second,
    at most."""


@dataclass(frozen=True)
class Whole:
    name: str | None = None
    """Who it is."""
    part: Part = Part()
    count: int = 3
    """How many."""


def test_comments_stand_above_the_settings() -> None:
    text = recipe_text(Whole())
    assert text.splitlines() == [
        "# name, which is not set: Who it is.",
        "# How many.",
        "count = 3",
        "",
        "[part]",
        "# In faces per second, at most.",
        "speed = 2.0",
    ]
    assert tomllib.loads(text) == {"count": 3, "part": {"speed": 2.0}}
