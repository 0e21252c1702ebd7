"""The recipes in docs/model.md are recipes."""

import re
from pathlib import Path

import pytest

from flows.recipe import Recipe

BLOCKS = re.findall(
    r"```toml\n(.*?)```", (Path(__file__).parents[2] / "docs" / "model.md").read_text(), re.DOTALL
)


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_a_recipe_of_the_documentation_can_be_read(block: int, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(BLOCKS[block])
    assert Recipe.read(path) != Recipe()


def test_there_are_recipes() -> None:
    assert len(BLOCKS) == 2
