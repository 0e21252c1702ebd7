"""Calibration cards: fitted on predictions, checked against a recipe, recorded in a lake."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.recipe import PinnedRecipe
from flows.usage import UsageError
from model.evaluation.card import CalibrationCard, CardError
from storage.records import Calibration

_TEXT_ONLY = {"rationale"}
_TEXT_ONLY_ENGINE = {"max_new_tokens"}


def scoring_of(pinned: PinnedRecipe, question: str) -> dict[str, Any]:
    """Return all that the scores of a question depend on: the recipe, without what changes only texts.

    Other questions of the recipe are left out: they do not change this one's scores.
    """
    identity: dict[str, Any] = json.loads(pinned.recipe_json)
    (asked,) = (one for one in identity["questions"] if one["name"] == question)
    unused = _TEXT_ONLY | ({"prompt"} if asked["score_prompt"] else set())
    return {
        "version": identity["version"],
        "checkpoint_sha256": identity["checkpoint_sha256"],
        "reader": identity["reader"],
        "engine": {key: value for key, value in identity["engine"].items() if key not in _TEXT_ONLY_ENGINE},
        "question": {key: value for key, value in asked.items() if key not in unused},
    }


def read_card(path: str) -> CalibrationCard:
    """Read a card.

    Raises:
        UsageError: it is none.
    """
    try:
        return CalibrationCard.read(Path(path))
    except CardError as error:
        raise UsageError(str(error)) from error


def check_card(card: CalibrationCard, pinned: PinnedRecipe) -> None:
    """Refuse a card that is not for the scores of a recipe.

    Raises:
        UsageError: saying what differs.
    """
    asked = {question.name: question for question in pinned.recipe.asked}
    if card.question not in asked:
        raise UsageError(
            f"the calibration card is for question {card.question}, and the recipe asks {', '.join(asked)}"
        )
    names = {label.name for label in asked[card.question].labels}
    if not {card.label, card.other_label} <= names:
        raise UsageError(
            f"the calibration card is for {card.label} against {card.other_label}, and question "
            f"{card.question} has {', '.join(sorted(names))}"
        )
    try:
        card.check_scoring(scoring_of(pinned, card.question))
    except CardError as error:
        raise UsageError(str(error)) from error


def apply_card(card_json: str, pinned: PinnedRecipe) -> Calibration:
    """Return the row that applies a card to the scores of a recipe.

    Raises:
        UsageError: it is no card, or one for other scores.
    """
    try:
        card = CalibrationCard.from_json(card_json)
    except CardError as error:
        raise UsageError(str(error)) from error
    check_card(card, pinned)
    return calibration_row(card, pinned.recipe_id)


def calibration_row(card: CalibrationCard, recipe_id: str) -> Calibration:
    """Return the row that applies a card to all scores of a recipe in a lake, past and future."""
    return Calibration(
        recipe_id=recipe_id,
        calibration_id=card.calibration_id,
        question=card.question,
        label=card.label,
        other_label=card.other_label,
        label_from_log10_lr=card.label_from_log10_lr,
        other_to_log10_lr=card.other_to_log10_lr,
        model_id=card.model_id,
        card_json=card.to_json(),
        applied_at=datetime.now(UTC),
    )
