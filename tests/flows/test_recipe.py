from dataclasses import replace
from pathlib import Path

import pytest

from flows.recipe import PinnedRecipe, Recipe, RecipeError
from model.config import FaceLlavaConfig
from model.identity import CheckpointIdentity

IDENTITY = CheckpointIdentity(
    "m@1", "12" * 32, "ab" * 32, is_demonstration=True, config=FaceLlavaConfig(), directory=Path()
)


def pinned(recipe: Recipe, identity: CheckpointIdentity = IDENTITY) -> PinnedRecipe:
    return PinnedRecipe(recipe, "/somewhere", identity)


def read(tmp_path: Path, text: str) -> Recipe:
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return Recipe.read(path)


def test_the_same_recipe_has_the_same_id_wherever_the_weights_lie() -> None:
    moved = PinnedRecipe(Recipe(), "/elsewhere", replace(IDENTITY, model_id="n@1"))
    assert pinned(Recipe()).recipe_id == moved.recipe_id


def test_what_changes_results_changes_the_id_and_what_does_not_does_not(tmp_path: Path) -> None:
    ids = {pinned(Recipe()).recipe_id}
    ids.add(pinned(Recipe(), replace(IDENTITY, sha256="cd" * 32)).recipe_id)
    ids.add(pinned(read(tmp_path, "[reader.decoder]\nsample_fps = 4.0\n")).recipe_id)
    ids.add(pinned(read(tmp_path, "[engine]\nmax_new_tokens = 5\n")).recipe_id)
    ids.add(pinned(read(tmp_path, 'tasks = ["age"]\n')).recipe_id)
    assert len(ids) == 5
    assert pinned(read(tmp_path, "[engine]\nbatch_clips = 9\n")).recipe_id in ids
    assert pinned(read(tmp_path, "")).recipe_id in ids


def test_a_question_of_ones_own_is_asked(tmp_path: Path) -> None:
    recipe = read(
        tmp_path,
        """
        tasks = ["expression", "gaze"]
        [[questions]]
        name = "gaze"
        kind = "single_label"
        prompt = "Where does the person look?"
        labels = [{ name = "camera" }, { name = "away", variants = ["to the side"] }]
        """,
    )
    assert [question.name for question in recipe.asked] == ["expression", "gaze"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour = 1", "colour"),
        ("[reader.decoder]\nfps = 1", "fps"),
        ("[reader.decoder]\nsample_fps = -1.0", "sample_fps"),
        ("[engine]\nmax_new_tokens = 'many'", "max_new_tokens"),
        ('tasks = ["mood"]', "mood"),
        ('tasks = ["age", "age"]', "twice"),
        ("tasks = [", "recipe.toml"),
    ],
)
def test_a_wrong_recipe_says_where_and_what(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says) as caught:
        read(tmp_path, text)
    assert "recipe.toml" in str(caught.value)


def test_toml_and_back(tmp_path: Path) -> None:
    assert read(tmp_path, Recipe().to_toml()) == Recipe()
