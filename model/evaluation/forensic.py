"""How far scores of two hypotheses can be trusted: AUC, EER, Cllr, ECE.

What scikit-learn has is scikit-learn's. The higher a score, the more it speaks for `is_fake`.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score, roc_curve

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

ECE_BINS = 15
LN_10 = float(np.log(10))


def auc(is_fake: Flags, scores: Floats, weights: Floats | None = None) -> float:
    """Return the area under the ROC curve, NaN where one kind is missing."""
    if not _has_both(is_fake, weights):
        return float("nan")
    return float(roc_auc_score(is_fake, scores, sample_weight=weights))


def eer(is_fake: Flags, scores: Floats, weights: Floats | None = None) -> float:
    """Return the rate at which as many fakes are missed as originals are accused; NaN where one is missing.

    Where no threshold gives equal rates, the ROC curve is drawn straight between the two nearest points.
    """
    if not _has_both(is_fake, weights):
        return float("nan")
    accused, found, _ = roc_curve(is_fake, scores, sample_weight=weights, drop_intermediate=False)
    missed = 1 - found
    gap = missed - accused  # falls from 1 to -1 along the curve
    after = int(np.argmax(gap <= 0))
    before = after - 1
    share = gap[before] / (gap[before] - gap[after])
    return float(accused[before] + share * (accused[after] - accused[before]))


def cllr(is_fake: Flags, log10_lrs: Floats, weights: Floats | None = None) -> float:
    """Return the cost of log-likelihood ratios in bits: 0 is perfect, 1 is what saying nothing costs.

    Source: Brümmer and du Preez (2006), eq. 13.

    Args:
        is_fake: [n] which hypothesis holds.
        log10_lrs: [n] decimal logarithms of likelihood ratios of fake to real.
        weights: [n] how often each counts.
    """
    if not _has_both(is_fake, weights):
        return float("nan")
    counts = np.ones(len(is_fake)) if weights is None else weights
    signed = np.where(is_fake, -log10_lrs, log10_lrs) * LN_10
    costs = np.logaddexp(0, signed) / np.log(2)
    fakes = np.average(costs[is_fake], weights=counts[is_fake])
    originals = np.average(costs[~is_fake], weights=counts[~is_fake])
    return float((fakes + originals) / 2)


def cllr_min(is_fake: Flags, scores: Floats, weights: Floats | None = None) -> float:
    """Return the Cllr that the best monotone calibration on the very same data would have."""
    if not _has_both(is_fake, weights):
        return float("nan")
    if weights is not None:
        kept = weights > 0
        is_fake, scores, weights = is_fake[kept], scores[kept], weights[kept]
    regression = IsotonicRegression(y_min=0, y_max=1)
    balance = balanced(is_fake, weights)
    share = np.asarray(regression.fit_transform(scores, is_fake.astype(float), sample_weight=balance))
    with np.errstate(divide="ignore"):
        log10_lrs = (np.log(share) - np.log1p(-share)) / LN_10
    return cllr(is_fake, log10_lrs, weights)


def balanced(is_fake: Flags, weights: Floats | None = None) -> Floats:
    """Return weights under which either kind counts as much as the other: one half, all of it together."""
    counts = np.ones(len(is_fake)) if weights is None else weights
    fakes, originals = counts[is_fake].sum(), counts[~is_fake].sum()
    return counts * np.where(is_fake, 0.5 / (fakes or 1.0), 0.5 / (originals or 1.0))


def ece(is_fake: Flags, probabilities: Floats, weights: Floats | None = None, bins: int = ECE_BINS) -> float:
    """Return the expected calibration error of probabilities of `is_fake`.

    Bins of equal width: the mean over all samples of the distance between the mean probability of their
    bin and the share of fakes in it. Source: Naeini et al. (2015).
    """
    if not len(is_fake):
        return float("nan")
    counts = np.ones(len(is_fake)) if weights is None else weights
    rows = np.minimum((probabilities * bins).astype(np.intp), bins - 1)
    sums = np.bincount(rows, counts * (probabilities - is_fake), minlength=bins)
    return float(np.abs(sums).sum() / counts.sum())


def log10_odds(probabilities: Floats, limit: float = 13.0) -> Floats:
    """Return decimal logarithms of p / (1 - p), cut at +-limit: a score of 0 or 1 is one that was rounded."""
    with np.errstate(divide="ignore"):
        odds = (np.log(probabilities) - np.log1p(-probabilities)) / LN_10
    return np.clip(odds, -limit, limit)


def _has_both(is_fake: Flags, weights: Floats | None) -> bool:
    kept = is_fake if weights is None else is_fake[weights > 0]
    return bool(kept.any() and not kept.all())
