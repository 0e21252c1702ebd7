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
    folds = found.breakdowns[0]
    assert (folds.by, folds.metrics) == (("fold",), ("uar", "war"))
    assert [(part.groups, part.samples) for part in folds.parts] == [
        ({"fold": "1"}, 20),
        ({"fold": "2"}, 40),
        ({"fold": "3"}, 60),
    ]
    assert [part.metrics["uar"] for part in folds.parts] == pytest.approx(uars)
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
    _, constant = found.tables
    shares = truths.mean(axis=0)
    assert [row[2] for row in constant.rows] == pytest.approx(
        [1 - shares.mean(), shares.mean(), np.maximum(shares, 1 - shares).mean()]
    )
    f1s = [f1_score(truths[:, n], np.ones(50)) for n in range(40)]
    assert constant.rows[1][1] == pytest.approx(np.mean(f1s))


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
    (by_gender,) = found.breakdowns
    men = [(t, a) for t, a, g in zip(truths, answers, genders, strict=True) if g == "male"]
    part = by_gender.parts[1]
    assert (part.groups, part.samples, part.scored) == ({"gender": "male"}, len(men) + 1, len(men))
    assert part.metrics["mae"] == pytest.approx(np.mean([abs(t - a) for t, a in men]))
    ((median, error),) = found.tables[0].rows
    assert median == f"{np.median(truths):g} years"
    assert error == pytest.approx(mean_absolute_error(truths, [np.median(truths)] * 40))


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


def test_each_method_is_set_against_the_originals_of_its_compression() -> None:
    rng = default_rng(6)
    scores: dict[tuple[str, str], list[float]] = {}
    rows: list[Prediction] = []
    for compression in ("c23", "c40"):
        for method, low in (("original", 0.0), ("Deepfakes", 0.3), ("FaceSwap", 0.1)):
            drawn = scores[method, compression] = [float(s) for s in rng.uniform(low, low + 0.7, 20)]
            groups = {"method": method, "compression": compression}
            truth = "real" if method == "original" else "fake"
            for n, score in enumerate(drawn):
                name, said = f"{method}/{compression}/{n}", "fake" if score > 0.5 else "real"
                rows.append(predicted(name, truth, said, groups=groups, score=score))
    found = {breakdown.by: breakdown.parts for breakdown in judged("ff++", rows).breakdowns}
    assert list(found) == [("method",), ("compression",), ("method", "compression")]
    assert [part.samples for part in found["method",]] == [40 + 40] * 2
    assert [part.samples for part in found["compression",]] == [60] * 2
    cells = found["method", "compression"]
    assert [tuple(part.groups.values()) for part in cells] == [
        ("Deepfakes", "c23"),
        ("Deepfakes", "c40"),
        ("FaceSwap", "c23"),
        ("FaceSwap", "c40"),
    ]
    for part in cells:
        fakes = scores[part.groups["method"], part.groups["compression"]]
        of_part = [*scores["original", part.groups["compression"]], *fakes]
        assert (part.samples, part.scored) == (40, 40)
        assert part.metrics["auc"] == pytest.approx(roc_auc_score([0] * 20 + [1] * 20, of_part))


def test_shuffled_labels_score_as_chance() -> None:
    rng = default_rng(8)
    labels = DATASETS["raf-db"].labels
    truths = [labels[k] for k in rng.integers(7, size=300)]
    rows = [
        predicted(str(n), str(given), said)
        for n, (given, said) in enumerate(zip(rng.permutation(truths), truths, strict=True))
    ]
    assert_chance(judged("raf-db", rows), {"uar": 1 / 7})
    fakes = rng.random(300) < 0.8
    scores = np.clip(fakes + rng.normal(size=300) * 0.2, 0, 1)
    rows = [
        predicted(
            str(n), "fake" if is_fake else "real", "fake" if score > 0.5 else "real", score=float(score)
        )
        for n, (is_fake, score) in enumerate(zip(rng.permutation(fakes), scores, strict=True))
    ]
    assert_chance(judged("ff++", rows), {"balanced_accuracy": 0.5, "auc": 0.5, "eer": 0.5})


def assert_chance(found: Assessment, expected: dict[str, float]) -> None:
    for name, chance in expected.items():
        low, high = found.metrics[name].low, found.metrics[name].high
        assert low is not None
        assert high is not None
        assert low < chance < high
        assert high - low < 0.25


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
    for answer, score in ((float("nan"), None), ("real", float("nan"))):
        with pytest.raises(ValueError, match="not all numbers"):
            predicted("1", 30.0, answer, score=score)
