"""Fits what turns scores of two labels into log-likelihood ratios, and says how good that is.

Both methods see as much weight of either label, so that log odds of the fit are log-likelihood ratios and do
not depend on how many of each there happen to be. A ratio is bounded by what so few samples can show: of n
samples of one label, none beyond a threshold means a rate of about 1 / (n + 1) at most, so no ratio exceeds
n + 1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from model.evaluation.card import INCONCLUSIVE, Method
from model.evaluation.forensic import LN_10, Flags, Floats, auc, balanced, cllr, cllr_min, ece, eer
from model.evaluation.measures import Measure

FEWEST = 10
"""Samples of either label below which nothing is fitted."""
_FOLDS = 5


class CalibrationError(ValueError):
    """Scores cannot be calibrated."""


@dataclass(frozen=True, slots=True)
class CalibrationConfig:
    """How a card is fitted.

    Attributes:
        method: `platt` (a straight line, for few samples) or `isotonic` (any rising curve, for hundreds).
        label_from_log10_lr: ratio from which the verdict is the label: 1 says ten times likelier.
        other_to_log10_lr: ratio up to which it is the other label.
    """

    method: Method = "platt"
    label_from_log10_lr: float = 1.0
    other_to_log10_lr: float = -1.0

    def __post_init__(self) -> None:
        if not self.other_to_log10_lr < 0 < self.label_from_log10_lr:
            raise ValueError(
                f"verdicts from {self.label_from_log10_lr} and up to {self.other_to_log10_lr}: give a "
                "positive and a negative decimal logarithm of a likelihood ratio"
            )


@dataclass(frozen=True, slots=True)
class Curve:
    """What was fitted: see `model.evaluation.card.CalibrationCard`."""

    knots: tuple[tuple[float, float], ...]
    parameters: Mapping[str, float]

    def log10_lrs(self, log10_odds: Floats) -> Floats:
        """Return the log-likelihood ratios of log odds."""
        odds, ratios = np.array(self.knots).T
        return np.interp(log10_odds, odds, ratios)


def fit(is_fake: Flags, log10_odds: Floats, method: Method) -> Curve:
    """Fit a curve.

    Args:
        is_fake: [n] whether the label holds.
        log10_odds: [n] decimal log odds of its scores.
        method: `platt` or `isotonic`.

    Raises:
        CalibrationError: there are too few samples, or higher scores do not speak for the label.
    """
    fakes, originals = int(is_fake.sum()), int((~is_fake).sum())
    if min(fakes, originals) < FEWEST:
        raise CalibrationError(
            f"there are {fakes} samples of the label and {originals} of the other one; calibrating takes "
            f"{FEWEST} of each"
        )
    low, high = -np.log10(fakes + 1), np.log10(originals + 1)
    if method == "platt":
        return _fit_platt(is_fake, log10_odds, (float(low), float(high)))
    return _fit_isotonic(is_fake, log10_odds, (float(low), float(high)))


def _fit_platt(is_fake: Flags, log10_odds: Floats, bounds: tuple[float, float]) -> Curve:
    model = LogisticRegression(C=1e6, class_weight="balanced")
    model.fit(log10_odds[:, None], is_fake)
    slope = np.asarray(model.coef_, np.float64).item() / LN_10
    offset = np.asarray(model.intercept_, np.float64).item() / LN_10
    if slope <= 0:
        raise CalibrationError(
            "higher scores do not speak for the label in these samples; there is nothing to calibrate"
        )
    low, high = bounds
    knots = (((low - offset) / slope, low), ((high - offset) / slope, high))
    return Curve(knots, {"slope": slope, "offset": offset})


def _fit_isotonic(is_fake: Flags, log10_odds: Floats, bounds: tuple[float, float]) -> Curve:
    balance = balanced(is_fake)
    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    model.fit(log10_odds, is_fake.astype(np.float64), sample_weight=balance)
    odds = np.asarray(model.X_thresholds_, np.float64)
    shares = np.asarray(model.y_thresholds_, np.float64)
    with np.errstate(divide="ignore"):
        ratios = np.clip((np.log(shares) - np.log1p(-shares)) / LN_10, *bounds)
    if ratios[0] == ratios[-1]:
        raise CalibrationError(
            "higher scores do not speak for the label in these samples; there is nothing to calibrate"
        )
    knots = tuple((float(x), float(y)) for x, y in zip(odds, ratios, strict=True))
    return Curve(knots, {"steps": float(len(knots))})


def unseen_log10_lrs(
    is_fake: Flags, log10_odds: Floats, clusters: NDArray[np.intp], method: Method
) -> Floats:
    """Return ratios of every sample by a curve that was fitted on other clusters, in five folds.

    Raises:
        CalibrationError: a fold cannot be fitted.
    """
    folds = min(_FOLDS, len(np.unique(clusters)))
    if folds < 2:
        raise CalibrationError("all samples are of one source; calibrating takes several")
    found = np.zeros(len(is_fake))
    for seen, unseen in GroupKFold(folds).split(log10_odds, groups=clusters):
        found[unseen] = fit(is_fake[seen], log10_odds[seen], method).log10_lrs(log10_odds[unseen])
    return found


def check_worth(is_fake: Flags, unseen: Floats) -> None:
    """Refuse ratios that are worth no more than saying nothing, of samples that their curves have not seen.

    Raises:
        CalibrationError: they are not.
    """
    cost = cllr(is_fake, unseen)
    if not cost < 1:
        raise CalibrationError(
            f"on sources that it has not seen, the calibration costs {cost:.2f} bits (Cllr), and saying "
            "nothing costs 1: there is nothing to calibrate, or too little for this method"
        )


def score_measures(is_fake: Flags, log10_lrs: Floats, clusters: NDArray[np.intp]) -> dict[str, Measure]:
    """Return metrics of ratios, taken for log odds at equal priors where a probability is needed.

    Args:
        is_fake: [n] whether the label holds.
        log10_lrs: [n] decimal logarithms of likelihood ratios.
        clusters: [n] numbers from 0, by which the metrics take weights.
    """
    probabilities = 1 / (1 + 10**-log10_lrs)

    def of(metric: Callable[[Floats | None], float]) -> Measure:
        return lambda weights: metric(None if weights is None else weights[clusters])

    return {
        "auc": of(lambda weights: auc(is_fake, log10_lrs, weights)),
        "eer": of(lambda weights: eer(is_fake, log10_lrs, weights)),
        "cllr": of(lambda weights: cllr(is_fake, log10_lrs, weights)),
        "cllr_min": of(lambda weights: cllr_min(is_fake, log10_lrs, weights)),
        # Balanced, since the ratios do not know how many of each there are.
        "ece": of(lambda weights: ece(is_fake, probabilities, balanced(is_fake, weights))),
        "balanced_accuracy": of(lambda weights: _balanced_accuracy(is_fake, log10_lrs > 0, weights)),
    }


def score_metrics(is_fake: Flags, log10_lrs: Floats) -> dict[str, float]:
    """Return the values of `score_measures`, every sample once."""
    measures = score_measures(is_fake, log10_lrs, np.zeros(len(is_fake), np.intp))
    return {name: measure(None) for name, measure in measures.items()}


def verdict_metrics(is_fake: Flags, verdicts: NDArray[np.str_], label: str) -> dict[str, float]:
    """Return how often there is a verdict, and how often it is wrong where there is one."""
    is_open = verdicts == INCONCLUSIVE
    said = verdicts == label
    open_share = float(is_open.mean()) if len(is_open) else float("nan")
    return {
        "inconclusive": open_share,
        "wrongly_accused": _share(said & ~is_fake, ~is_fake),
        "wrongly_cleared": _share(~said & ~is_open & is_fake, is_fake),
    }


def _balanced_accuracy(is_fake: Flags, said: Flags, weights: Floats | None) -> float:
    balance = balanced(is_fake, weights)
    both = balance[is_fake].any() and balance[~is_fake].any()
    return float(balance[said == is_fake].sum()) if both else float("nan")


def _share(part: Flags, whole: Flags) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else float("nan")
