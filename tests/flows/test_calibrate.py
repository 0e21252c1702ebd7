"""Cards and recipes: what a card may be applied to."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.calibrate import apply_card, scoring_of
from flows.display.progress import ScanProgress
from flows.recipe import PinnedRecipe, Recipe
from flows.request import ScanRequest
from flows.run import ScanRun
from flows.usage import UsageError
from model.demonstration import write_untrained_checkpoint
from model.evaluation.card import CalibrationCard
from storage.catalog import Catalog
from tests.model.evaluation.test_calibration import card
from workers.clipper import ClipperConfig


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("checkpoints") / "small"
    write_untrained_checkpoint(folder)
    return str(folder)


def card_for(pinned: PinnedRecipe, **changed: Any) -> str:
    made = card(scoring=json.loads(json.dumps(scoring_of(pinned, "deepfake"))), **changed)
    return made.to_json()


def test_other_questions_and_longer_texts_do_not_matter(checkpoint: str) -> None:
    alone = replace(Recipe(), tasks=("deepfake",))
    silent = replace(alone, questions=(replace(alone.asked[0], rationale=False, prompt="Fake?"),))
    every = replace(Recipe(), engine=replace(Recipe().engine, max_new_tokens=7, batch_clips=1))
    text = card_for(silent.pin(checkpoint))
    pinned = every.pin(checkpoint)
    row = apply_card(text, pinned)
    assert row.recipe_id == pinned.recipe_id
    assert row.calibration_id == CalibrationCard.from_json(text).calibration_id
    assert CalibrationCard.from_json(row.card_json) == CalibrationCard.from_json(text)


def test_what_a_card_is_not_for(checkpoint: str) -> None:
    pinned = replace(Recipe(), tasks=("deepfake",)).pin(checkpoint)
    reader = replace(Recipe().reader, clipper=ClipperConfig(window_s=3.0))
    with pytest.raises(UsageError, match=r"reader\.clipper\.window_s is 3\.0 here and 2\.0 there"):
        apply_card(card_for(pinned), replace(Recipe(), reader=reader).pin(checkpoint))
    asked = replace(pinned.recipe.asked[0], score_prompt="Real or fake?")
    with pytest.raises(UsageError, match=r"question\.score_prompt is"):
        apply_card(card_for(pinned), replace(Recipe(), questions=(asked,)).pin(checkpoint))
    with pytest.raises(UsageError, match="is for question deepfake, and the recipe asks age"):
        apply_card(card_for(pinned), replace(Recipe(), tasks=("age",)).pin(checkpoint))
    with pytest.raises(UsageError, match="is for forged against real, and question deepfake has fake, real"):
        apply_card(card_for(pinned, label="forged"), pinned)
    other = json.loads(card_for(pinned))
    other["scoring"]["checkpoint_sha256"] = "ab" * 32
    with pytest.raises(UsageError, match="checkpoint_sha256 is"):
        apply_card(json.dumps(other), pinned)
    with pytest.raises(UsageError, match="it is no calibration card"):
        apply_card("{}", pinned)


def test_a_scan_checks_its_card_before_anything_and_records_it(checkpoint: str, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    request = ScanRequest((str(tmp_path / "archive"),), str(tmp_path / "lake"), checkpoint=checkpoint)
    with pytest.raises(UsageError, match="it is no calibration card"):
        replace(request, calibration="[]").check()
    assert not (tmp_path / "lake").exists()
    made = replace(request, calibration=card_for(request.pin()))
    made.check()
    run = ScanRun(made)
    with ScanProgress("none") as progress:
        run.plan(progress)
    (row,) = Catalog(run.lake).view("calibrations").to_pylist()
    assert (row["recipe_id"], row["question"], row["is_current"]) == (run.recipe_id, "deepfake", True)
