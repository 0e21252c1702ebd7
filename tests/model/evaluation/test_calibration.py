"""Calibration on scores whose likelihood ratios are known."""

import json
from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng

from model.evaluation.calibration import (
    CalibrationConfig,
    CalibrationError,
    check_worth,
    fit,
    score_metrics,
    unseen_log10_lrs,
    verdict_metrics,
)
from model.evaluation.card import CalibrationCard, CardError
from model.evaluation.forensic import LN_10

SPREAD = 1.5


def drawn(seed: int, samples: int = 4000, fakes: float = 0.8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return truths, overconfident and shifted log odds, and the log10 likelihood ratios that they stand for.

    Of two normal distributions of equal spread the log-likelihood ratio is a straight line in the value.
    """
    rng = default_rng(seed)
    is_fake = rng.random(samples) < fakes
    value = rng.normal(np.where(is_fake, 1, -1), SPREAD)
    ratios = 2 * value / SPREAD**2 / LN_10
    return is_fake, 3 * ratios + 2, ratios


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_finds_the_ratios_whatever_the_share_of_fakes(method: Any) -> None:
    is_fake, odds, ratios = drawn(1)
    found = fit(is_fake, odds, method).log10_lrs(odds)
    inner = np.abs(ratios) < 1
    assert np.abs(found - ratios)[inner].mean() < (0.05 if method == "platt" else 0.12)
    before, after = score_metrics(is_fake, odds), score_metrics(is_fake, found)
    assert after["cllr"] == pytest.approx(after["cllr_min"], abs=0.02)
    assert before["cllr"] > 1.4 * after["cllr"]
    assert after["ece"] < 0.03 < before["ece"]
    assert after["auc"] == pytest.approx(before["auc"], abs=0.01)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_ratios_never_exceed_what_so_few_samples_show(method: Any) -> None:
    is_fake = np.repeat([False, True], [15, 99])
    odds = np.where(is_fake, 9.0, -9.0) + default_rng(1).normal(size=114)
    found = fit(is_fake, odds, method).log10_lrs(np.array([-1e3, 1e3]))
    assert found == pytest.approx([-np.log10(100), np.log10(16)])


def test_scores_that_say_nothing_cannot_be_calibrated() -> None:
    is_fake, odds, _ = drawn(2, 200)
    with pytest.raises(CalibrationError, match="do not speak for the label"):
        fit(is_fake, -odds, "platt")
    with pytest.raises(CalibrationError, match="do not speak for the label"):
        fit(is_fake, np.zeros(200), "isotonic")
    with pytest.raises(CalibrationError, match="there are 0 samples of the label and 50"):
        fit(np.zeros(50, np.bool_), odds[:50], "platt")


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_shuffled_labels_cannot_be_calibrated(method: Any) -> None:
    for seed in range(3):
        is_fake, odds, _ = drawn(seed, 400)
        clusters = np.arange(400) % 40
        check_worth(is_fake, unseen_log10_lrs(is_fake, odds, clusters, method))
        shuffled = default_rng(seed).permutation(is_fake)
        with pytest.raises(CalibrationError, match=r"saying nothing|do not speak for the label"):
            check_worth(shuffled, unseen_log10_lrs(shuffled, odds, clusters, method))


def test_a_sample_is_judged_by_other_clusters_alone() -> None:
    is_fake, odds, _ = drawn(3, 400)
    clusters = np.arange(400) % 20
    found = unseen_log10_lrs(is_fake, odds, clusters, "platt")
    changed = odds.copy()
    changed[clusters == 4] += 1  # all of one cluster
    moved = unseen_log10_lrs(is_fake, changed, clusters, "platt")
    with_it = np.isin(clusters, [4])
    same_fold = np.isclose(found, moved)
    assert same_fold[~with_it].sum() == 3 * 20  # the cluster's own fold has not seen it; all others have
    with pytest.raises(CalibrationError, match="of one source"):
        unseen_log10_lrs(is_fake, odds, np.zeros(400, np.intp), "platt")


def test_verdicts_are_counted() -> None:
    is_fake = np.array([True, True, True, False, False])
    verdicts = np.array(["fake", "inconclusive", "real", "fake", "real"])
    assert verdict_metrics(is_fake, verdicts, "fake") == {
        "inconclusive": pytest.approx(1 / 5),
        "wrongly_accused": pytest.approx(1 / 2),
        "wrongly_cleared": pytest.approx(1 / 3),
    }


def test_thresholds_lie_on_either_side_of_nothing() -> None:
    with pytest.raises(ValueError, match="give a positive and a negative"):
        CalibrationConfig(label_from_log10_lr=-1)


def card(**changed: Any) -> CalibrationCard:
    values: dict[str, Any] = {
        "question": "deepfake",
        "label": "fake",
        "other_label": "real",
        "method": "platt",
        "parameters": {"slope": 0.5, "offset": 0.0},
        "knots": ((-4.0, -2.0), (4.0, 2.0)),
        "label_from_log10_lr": 1.0,
        "other_to_log10_lr": -1.0,
        "scoring": {
            "checkpoint_sha256": "ab",
            "reader": {"clipper": {"frames": 8}},
            "question": {"labels": []},
        },
        "model_id": "model-1",
        "is_demonstration": True,
        "recipe_id": "recipe-1",
        "fitted_on": {
            "dataset": "ff++",
            "split": "val",
            "compression": "c23",
            "samples": 2,
            "clusters": ["a"],
            "video_ids": ["ab"],
        },
        "metrics": {"before": {"eer": 0.3}, "after": {"eer": 0.3}},
        "created_at": "2026-11-23T08:00:00+00:00",
    }
    return CalibrationCard(**{**values, **changed})


def test_a_card_is_straight_between_its_knots_and_level_beyond() -> None:
    assert card().log10_lrs(np.array([-9.0, -1.0, 0.0, 2.0, 9.0])).tolist() == [-2, -0.5, 0, 1, 2]
    assert card().bounds == (-2, 2)
    assert [card().verdict(ratio) for ratio in (-1.0, -0.9, 0.9, 1.0)] == [
        "real",
        "inconclusive",
        "inconclusive",
        "fake",
    ]


def test_a_card_survives_its_file_and_keeps_its_id() -> None:
    text = card().to_json()
    assert CalibrationCard.from_json(text) == card()
    assert CalibrationCard.from_json(text).calibration_id == card().calibration_id
    assert card(label_from_log10_lr=1.5).calibration_id != card().calibration_id


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"knots": ()}, "knots are empty"),
        ({"knots": ((0.0, 1.0), (1.0, 0.0))}, "do not ascend"),
        ({"knots": ((0.0, 0.0), (0.0, 1.0))}, "do not ascend"),
        ({"knots": ((0.0, float("nan")),)}, "not finite"),
        ({"other_to_log10_lr": 1.0}, "there must be room in between"),
        ({"fitted_on": {"dataset": "ff++"}}, "does not say split, compression, samples, clusters, video_ids"),
        ({"format": 2}, "format 2, and this facesift knows 1"),
    ],
)
def test_a_card_that_does_not_fit_together(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(CardError, match=message):
        card(**changed)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"knots": 3}', json.dumps({"knots": [[0, 1]], "a": 1})])
def test_what_is_no_card(text: str) -> None:
    with pytest.raises(CardError, match="it is no calibration card"):
        CalibrationCard.from_json(text)


def test_a_card_names_every_setting_that_differs() -> None:
    same = json.loads(json.dumps(card().scoring))
    card().check_scoring(same)
    other = {**same, "checkpoint_sha256": "cd", "reader": {"clipper": {"frames": 4}}}
    with pytest.raises(
        CardError, match=r'checkpoint_sha256 is "cd" here and "ab" there; reader\.clipper\.fram'
    ):
        card().check_scoring(other)
