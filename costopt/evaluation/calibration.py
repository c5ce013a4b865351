"""From scores to probabilities: undo the odds first, then Platt's map, fitted on out-of-fold scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from costopt.decision.calibrators import PlattMap
from costopt.decision.odds import logit
from costopt.training.learners import Fold

__all__ = ["cross_fit_platt", "fit_platt"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

MAX_STEPS = 50
# More rows than this are summed up in as many bins of the log-odds before fitting.
N_BINS = 2048


def fit_platt(
    y: BoolArray, probability: FloatArray, sample_weight: FloatArray | None = None
) -> PlattMap:
    """The logistic map under which the labels are most likely, with a slope of at least 0.

    Parameters
    ----------
    y : bool array of shape (n_cases,)
    probability : array of shape (n_cases,)
        Out-of-fold scores, after the odds ledger has been undone.
    sample_weight : array of shape (n_cases,), optional

    Returns
    -------
    calibrator : PlattMap
        Slope 0 where the scores rank the cases no better than chance: every case then gets the
        base rate, and the rule acts never or always.

    Notes
    -----
    Newton's method on two parameters, with Platt's targets (n1 + 1) / (n1 + 2) and 1 / (n0 + 2)
    in place of 1 and 0, which keeps separable scores from an infinite slope.

    References
    ----------
    J. Platt (1999). Probabilistic Outputs for Support Vector Machines.
    H.-T. Lin, C.-J. Lin, R. C. Weng (2007). A Note on Platt's Probabilistic Outputs for Support
    Vector Machines. Machine Learning 68, 267-276.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.uniform(0.05, 0.95, 100_000)
    >>> y = rng.random(100_000) < expit(2 * logit(p) - 1)
    >>> found = fit_platt(y, p)
    >>> round(found.slope, 1), round(found.intercept, 1)
    (2.0, -1.0)
    """
    weight = np.ones(y.size) if sample_weight is None else sample_weight / sample_weight.mean()
    x, positive, negative = _summed(logit(probability), y, weight)
    n_positive, n_negative = positive.sum(), negative.sum()
    total = positive + negative
    target = positive * (n_positive + 1) / (n_positive + 2) + negative / (n_negative + 2)
    center = float(np.average(x, weights=total))
    spread = float(np.sqrt(np.average((x - center) ** 2, weights=total)))
    base_rate = PlattMap(0.0, float(logit(target.sum() / total.sum())))
    if not spread > 1e-9:
        return base_rate
    slope, intercept = _newton((x - center) / spread, total, target)
    slope, intercept = slope / spread, intercept - slope * center / spread
    if slope <= 0:
        return base_rate
    return PlattMap(slope, intercept)


def cross_fit_platt(
    y: BoolArray,
    probability: FloatArray,
    folds: tuple[Fold, ...],
    sample_weight: FloatArray | None = None,
) -> tuple[FloatArray, PlattMap]:
    """Calibrated out-of-fold probabilities, and the map to ship.

    The rows of each fold are calibrated by a map that was fitted on the other folds' rows, so
    that what is measured on them is honest; the map that ships is fitted on all.

    Parameters
    ----------
    y : bool array of shape (n_cases,)
    probability : array of shape (n_cases,)
        NaN in rows that no fold scores.
    folds : tuple of Fold
    sample_weight : array of shape (n_cases,), optional

    Returns
    -------
    calibrated : array of shape (n_cases,)
        NaN in rows that no fold scores.
    calibrator : PlattMap
    """
    scored = ~np.isnan(probability)
    calibrated = np.full(y.size, np.nan)

    def fit(rows: NDArray[np.bool_]) -> PlattMap:
        return fit_platt(
            y[rows], probability[rows], None if sample_weight is None else sample_weight[rows]
        )

    shipped = fit(scored)
    counts = scored if sample_weight is None else scored & (sample_weight > 0)
    for fold in folds:
        others = counts.copy()
        others[fold.test] = False
        enough = 0 < np.count_nonzero(y[others]) < np.count_nonzero(others)
        calibrator = fit(others) if enough else shipped
        calibrated[fold.test] = calibrator.apply(probability[fold.test])
    return calibrated, shipped


def _summed(
    x: FloatArray, y: BoolArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log-odds with the weight of positives and negatives at each; many rows are binned first."""
    if x.size <= N_BINS:
        return x, np.where(y, weight, 0.0), np.where(y, 0.0, weight)
    low, high = float(x.min()), float(x.max())
    step = (high - low) / N_BINS or 1.0
    bins = np.minimum(((x - low) / step).astype(np.intp), N_BINS - 1)
    total = np.bincount(bins, weight, N_BINS).astype(np.float64)
    positive = np.bincount(bins[y], weight[y], N_BINS).astype(np.float64)
    kept = total > 0
    middle: FloatArray = np.bincount(bins, weight * x, N_BINS)[kept] / total[kept]
    return middle, positive[kept], np.maximum(total - positive, 0.0)[kept]


def _newton(x: FloatArray, total: FloatArray, target: FloatArray) -> tuple[float, float]:
    """Slope and intercept of a weighted logistic regression on one standardised number."""
    slope, intercept = 0.0, float(logit(target.sum() / total.sum()))
    loss = np.inf
    step = np.zeros(2)
    for _ in range(MAX_STEPS):
        eta = slope * x + intercept
        value = float(total @ np.logaddexp(0.0, eta) - target @ eta)
        if value > loss + 1e-12 * abs(loss):  # too far: go back half of the last step
            step = step / 2
            slope, intercept = slope - step[0], intercept - step[1]
            continue
        p = expit(eta)
        error = target - total * p
        spread = total * p * (1 - p) + 1e-12
        gradient = np.array([error @ x, error.sum()])
        hessian = np.array([[spread @ (x * x), spread @ x], [spread @ x, spread.sum()]])
        step = np.linalg.solve(hessian + 1e-12 * np.eye(2), gradient)
        if loss - value <= 1e-10 * abs(value) and np.abs(step).max() < 1e-6:
            break
        loss = value
        slope, intercept = slope + step[0], intercept + step[1]
    return float(slope), float(intercept)
