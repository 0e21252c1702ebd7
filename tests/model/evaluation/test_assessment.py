"""Whole assessments against scikit-learn on the same predictions, and against figures worked out by hand."""

import numpy as np
import pytest
from numpy.random import default_rng
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    mean_absolute_error,
    roc_auc_score,
)

from model.datasets.catalogue import DATASETS
from model.evaluation.assessment import Assessment, assess
from model.evaluation.bootstrap import BootstrapConfig
from model.evaluation.prediction import Prediction
from tests.model.evaluation.predictions import predicted

DRAWS = BootstrapConfig(draws=30)


def judged(name: str, predictions: list[Prediction]) -> Assessment:
    found = assess(DATASETS[name], predictions, "scores", DRAWS)
    assert found.coverage.adds_up
    assert found.coverage.expected == len(predictions)
    return found


def test_folds_are_averaged_not_pooled() -> None:
    rng = default_rng(1)
    labels = DATASETS["dfew"].labels
    rows = [
        (fold, labels[rng.integers(7)], labels[rng.integers(7)])
        for fold in (1, 2, 3)
        for _ in range(20 * fold)
    ]
    found = judged("dfew", [predicted(str(n), t, a, fold=f) for n, (f, t, a) in enumerate(rows)])
    by_fold = [[(t, a) for f, t, a in rows if f == fold] for fold in (1, 2, 3)]
    uars = [balanced_accuracy_score(*zip(*pairs, strict=True)) for pairs in by_fold]
    wars = [accuracy_score(*zip(*pairs, strict=True)) for pairs in by_fold]
    assert found.metrics["uar"].value == pytest.approx(np.mean(uars))
    assert found.metrics["war"].value == pytest.approx(np.mean(wars))
    folds = found.tables[0]
    assert folds.columns == ("fold", "samples", "UAR", "WAR")
    assert [row[:2] for row in folds.rows] == [("1", 20), ("2", 40), ("3", 60)]
    assert [row[2] for row in folds.rows] == pytest.approx(uars)
    low, high = found.metrics["uar"].low, found.metrics["uar"].high
    assert low is not None
    assert high is not None
    assert low < found.metrics["uar"].value < high


def test_the_unanswered_are_left_out_or_wrong() -> None:
    found = judged(
        "crema-d",
        [
            predicted("1", "anger", "anger"),
            predicted("2", "fear", "anger"),
            predicted("3", "fear", None, status="no_face"),
            predicted("4", "sadness", None, status="refused"),
            predicted("5", "sadness", None, status="unparsable"),
        ],
    )
    coverage = found.coverage
    assert (coverage.scored, coverage.no_face, coverage.refused, coverage.unparsable) == (2, 1, 1, 1)
    assert found.metrics["war"].value == pytest.approx(1 / 2)
    assert found.metrics["war_strict"].value == pytest.approx(1 / 5)
    assert found.metrics["uar"].value == pytest.approx(1 / 2)
    assert found.metrics["uar_strict"].value == pytest.approx(1 / 3)


def test_mean_f1_leaves_out_what_nobody_coded() -> None:
    rng = default_rng(3)
    units = DATASETS["bp4d"].labels
    truths = [
        {unit: None if rng.random() < 0.2 else bool(rng.random() < 0.4) for unit in units} for _ in range(90)
    ]
    answers = [{unit: bool(rng.random() < 0.5) for unit in units} for _ in range(90)]
    found = judged(
        "bp4d",
        [
            predicted(str(n), truth, answer, cluster=f"F{n % 6}")
            for n, (truth, answer) in enumerate(zip(truths, answers, strict=True))
        ],
    )
    each = []
    for unit in units:
        pairs = [(t[unit], a[unit]) for t, a in zip(truths, answers, strict=True) if t[unit] is not None]
        each.append(f1_score(*zip(*pairs, strict=True)))
    assert found.metrics["f1"].value == pytest.approx(np.mean(each))
    labels = next(table for table in found.tables if table.title == "Labels")
    assert [row[3] for row in labels.rows] == pytest.approx(each)
    assert labels.rows[0][1] == sum(truth["AU1"] is not None for truth in truths)


def test_mean_accuracy_of_attributes() -> None:
    rng = default_rng(4)
    labels = DATASETS["celeba"].labels
    truths, answers = (rng.random((50, 40)) < 0.5 for _ in range(2))
    rows = [
        predicted(
            str(n),
            {label: bool(v) for label, v in zip(labels, truths[n], strict=True)},
            {label: bool(v) for label, v in zip(labels, answers[n], strict=True)},
        )
        for n in range(50)
    ]
    found = judged("celeba", rows)
    assert found.metrics["macc"].value == pytest.approx((truths == answers).mean(axis=0).mean())


def test_age_error_by_group() -> None:
    rng = default_rng(5)
    truths = [float(age) for age in rng.integers(1, 90, size=40)]
    answers = [truth + float(rng.normal(0, 5)) for truth in truths]
    genders = ["female" if n % 3 else "male" for n in range(40)]
    rows = [
        predicted(str(n), truth, answer, groups={"gender": gender})
        for n, (truth, answer, gender) in enumerate(zip(truths, answers, genders, strict=True))
    ]
    rows.append(predicted("x", 30.0, None, groups={"gender": "male"}))
    found = judged("utkface", rows)
    assert found.metrics["mae"].value == pytest.approx(mean_absolute_error(truths, answers))
    by_gender = next(table for table in found.tables if table.title == "By gender")
    men = [(t, a) for t, a, g in zip(truths, answers, genders, strict=True) if g == "male"]
    assert by_gender.rows[1][:2] == ("male", len(men) + 1)
    assert by_gender.rows[1][2] == pytest.approx(np.mean([abs(t - a) for t, a in men]))


def test_always_fake_scores_four_fifths_and_the_other_metrics_show_it() -> None:
    methods = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
    rows = [predicted(f"o{n}", "real", "fake", groups={"method": "original"}, score=0.9) for n in range(14)]
    rows += [
        predicted(f"{method}{n}", "fake", "fake", groups={"method": method}, score=0.9)
        for method in methods
        for n in range(14)
    ]
    found = judged("ff++", rows)
    assert found.metrics["accuracy"].value == pytest.approx(0.8)
    assert found.metrics["balanced_accuracy"].value == pytest.approx(0.5)
    assert found.metrics["auc"].value == pytest.approx(0.5)
    assert found.metrics["eer"].value == pytest.approx(0.5)
    assert found.metrics["ece"].value == pytest.approx(0.1)


def test_each_method_is_set_against_the_originals() -> None:
    rng = default_rng(6)
    originals = [float(s) for s in rng.uniform(0, 0.7, 20)]
    rows = [
        predicted(f"o{n}", "real", "fake" if s > 0.5 else "real", groups={"method": "original"}, score=s)
        for n, s in enumerate(originals)
    ]
    fakes: dict[str, list[float]] = {}
    for method, low in (("Deepfakes", 0.3), ("FaceSwap", 0.1)):
        fakes[method] = [float(s) for s in rng.uniform(low, 1, 20)]
        rows += [
            predicted(
                f"{method}{n}", "fake", "fake" if s > 0.5 else "real", groups={"method": method}, score=s
            )
            for n, s in enumerate(fakes[method])
        ]
    table = next(table for table in judged("ff++", rows).tables if table.title == "By method")
    at = table.columns.index("AUC")
    assert [row[0] for row in table.rows] == ["Deepfakes", "FaceSwap"]
    for row in table.rows:
        scores = [*originals, *fakes[str(row[0])]]
        assert row[1] == 40
        assert row[at] == pytest.approx(roc_auc_score([0] * 20 + [1] * 20, scores))


def test_a_text_has_no_score_to_rank_by() -> None:
    found = judged("ff++", [predicted("1", "real", "real"), predicted("2", "fake", "real")])
    assert set(found.metrics) == {"accuracy", "balanced_accuracy", "accuracy_strict"}


def test_nothing_scored_is_no_number() -> None:
    found = judged("ff++", [predicted("1", "real", None), predicted("2", "fake", None)])
    assert np.isnan(found.metrics["accuracy"].value)
    assert found.metrics["accuracy_strict"].value == 0
    judged("utkface", [predicted("1", 30.0, None)])
    judged("disfa", [predicted("1", dict.fromkeys(DATASETS["disfa"].labels, True), None, fold=1)])


def test_scored_means_having_an_answer() -> None:
    with pytest.raises(ValueError, match="scored means having an answer"):
        Prediction(predicted("1", "real", "real").sample, "scored")
