import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from flows.recipe import PinnedRecipe, Recipe, RecipeError
from flows.request import read_recipe
from flows.usage import UsageError
from model.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from model.checkpoints.identity import CheckpointIdentity, Fingerprint
from model.demonstration import TOKENIZER_PATH, UNTRAINED_CONFIG, write_untrained_checkpoint
from model.network.config import CheckpointError, FaceLlavaConfig
from model.network.face_llava import FaceLlava
from workers.describer import Describer

FINGERPRINT = Fingerprint("12" * 32, (("tokenizer.model", "ab" * 32),), is_demonstration=True)
IDENTITY = CheckpointIdentity("m@1", FINGERPRINT, FaceLlavaConfig(), Path())


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
    for changed in (
        replace(FINGERPRINT, weights_sha256="cd" * 32),
        replace(FINGERPRINT, files=(("tokenizer.model", "cd" * 32),)),
        replace(FINGERPRINT, is_demonstration=False),
    ):
        ids.add(pinned(Recipe(), replace(IDENTITY, fingerprint=changed)).recipe_id)
    ids.add(pinned(read(tmp_path, "[reader.decoder]\nsample_fps = 4.0\n")).recipe_id)
    ids.add(pinned(read(tmp_path, "[engine]\nmax_new_tokens = 5\n")).recipe_id)
    ids.add(pinned(read(tmp_path, 'tasks = ["age"]\n')).recipe_id)
    assert len(ids) == 7
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


def test_without_tasks_every_question_is_asked(tmp_path: Path) -> None:
    own = '[[questions]]\nname = "{}"\nkind = "number"\nprompt = "How many?"\n'
    recipe = read(tmp_path, own.format("teeth") + own.format("age"))
    names = [question.name for question in recipe.asked]
    assert names == ["expression", "action_units", "attributes", "age", "deepfake", "teeth"]
    assert recipe.asked[3].prompt == "How many?"


def test_a_question_that_stands_there_for_nothing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('tasks = ["age"]\n' + GAZE)
    with pytest.raises(UsageError, match="gaze would never be asked"):
        read_recipe(str(path), None)
    assert read_recipe(str(path), ("gaze",)).tasks == ("gaze",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour = 1", "colour"),
        ("[reader.decoder]\nfps = 1", "fps"),
        ("[reader.decoder]\nsample_fps = -1.0", "sample_fps"),
        ("[engine]\nmax_new_tokens = 'many'", "max_new_tokens"),
        ('[engine]\ncross_attention = "none"', "cross_attention"),
        ("[engine]\nbranch_scale = inf", "branch_scale"),
        ('[engine]\nquantization = "2bit"', "quantization"),
        ('[engine]\ndevice = ""', "device"),
        ('[[questions]]\nname = "q"\nkind = "number"\nprompt = "?"\n' * 2, "share a name"),
        ('[[questions]]\nname = "q"\nkind = "number"\nprompt = "?"\nprior_weight = nan', "prior_weight nan"),
        ('tasks = ["mood"]', "mood"),
        ('tasks = ["age", "age"]', "twice"),
        ("tasks = [", "recipe.toml"),
    ],
)
def test_a_wrong_recipe_says_where_and_what(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says) as caught:
        read(tmp_path, text)
    assert "recipe.toml" in str(caught.value)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_untrained_checkpoint(tmp_path_factory.mktemp("checkpoint") / "demonstration")


GAZE = """
[[questions]]
name = "gaze"
kind = "single_label"
prompt = "Where does the person look?"
labels = [{ name = "left" }, { name = "left side" }]
"""


def nothing_found(name: str) -> None:
    assert name == "bitsandbytes"


def write_masked(directory: Path) -> Path:
    """A tiny checkpoint whose branch can be run as masked and as geometric."""
    torch.manual_seed(0)
    save_checkpoint(FaceLlava(replace(UNTRAINED_CONFIG, cross_attention="masked")), directory)
    shutil.copyfile(TOKENIZER_PATH, directory / "tokenizer.model")
    return directory


def test_what_the_recipe_leaves_open_is_the_checkpoints(checkpoint: Path) -> None:
    engine = Recipe().pin(str(checkpoint)).recipe.engine
    assert (engine.cross_attention, engine.branch_scale, engine.quantization) == ("simple", 0.1, "none")
    assert engine.dtype == "float32"


def test_the_branch_can_be_chosen_and_changes_the_id(tmp_path: Path) -> None:
    masked = str(write_masked(tmp_path / "masked"))
    texts = (
        "",
        '[engine]\ncross_attention = "geometric"\n',
        "[engine]\nbranch_scale = 0.001\n",
        '[engine]\ndtype = "bfloat16"\n',
    )
    pins = [read(tmp_path, text).pin(masked) for text in texts]
    assert len({pin.recipe_id for pin in pins}) == 4
    assert '"cross_attention":"geometric"' in pins[1].recipe_json
    same = read(tmp_path, '[engine]\ncross_attention = "masked"\nbranch_scale = 0.1\n').pin(masked)
    assert same.recipe_id == pins[0].recipe_id


def test_what_is_chosen_reaches_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'tasks = ["age"]\n[engine]\ncross_attention = "geometric"\nbranch_scale = 0.5\n'
    pin = read(tmp_path, text).pin(str(write_masked(tmp_path / "masked")))
    opened: list[FaceLlavaConfig] = []

    def load(*arguments: Any, **settings: Any) -> Any:
        loaded = load_checkpoint(*arguments, **settings)
        opened.append(loaded.config)
        return loaded

    monkeypatch.setattr("workers.describer.load_checkpoint", load)
    Describer(pin.describer())
    assert (opened[0].cross_attention, opened[0].branch_scale) == ("geometric", 0.5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[engine]\ncross_attention = "masked"', r"missing: model\.landmarks_cross_attn\.cross_attn\.k_proj"),
        ('[engine]\nquantization = "4bit"', "4bit weights need bitsandbytes"),
        ('[engine]\ndevice = "abacus"', "torch knows no device 'abacus'"),
        ("[engine]\nmax_new_tokens = 9999", "need [0-9]+ tokens, the model has 4096"),
        (
            GAZE,
            "begins one for 'left side'",
        ),
    ],
)
def test_what_this_model_or_machine_cannot_do_is_found_before_a_worker_starts(
    text: str, says: str, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.checkpoints.quantization.find_spec", nothing_found)
    tasks = 'tasks = ["gaze"]\n' if "gaze" in text else ""
    with pytest.raises((RecipeError, CheckpointError), match=says):
        read(tmp_path, tasks + text).pin(str(checkpoint))


@pytest.mark.parametrize(
    ("damage", "says"),
    [("tokenizer", r"tokenizer\.model is missing"), ("value", "1 not finite as float32: lm_head.weight")],
)
def test_a_checkpoint_that_cannot_answer_is_found_before_a_worker_starts(
    damage: str, says: str, checkpoint: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(checkpoint, tmp_path / "copy")
    if damage == "tokenizer":
        (copy / "tokenizer.model").unlink()
    else:
        weights = load_file(copy / "model.safetensors")
        weights["lm_head.weight"][3, 5] = float("nan")
        save_file(weights, copy / "model.safetensors")
    with pytest.raises(CheckpointError, match=says):
        Recipe().pin(str(copy))


def test_toml_and_back(tmp_path: Path) -> None:
    assert read(tmp_path, Recipe().to_toml()) == Recipe()
