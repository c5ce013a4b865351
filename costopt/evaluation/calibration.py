"""From scores to probabilities: undo the odds first, then a map that is fitted on out-of-fold scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from costopt.decision.calibrators import BetaMap, Calibrator, IsotonicMap, PlattMap
from costopt.decision.odds import logit
from costopt.errors import DataError
from costopt.training.learners import Fold

__all__ = [
    "CALIBRATIONS",
    "CalibrationKind",
    "check_positives",
    "cross_fit",
    "fit_beta",
    "fit_isotonic",
    "fit_platt",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

CalibrationKind = Literal["platt", "beta", "isotonic", "none"]

CALIBRATIONS: tuple[CalibrationKind, ...] = ("platt", "beta", "isotonic", "none")
# A map of more parameters needs more positives than Platt's two, or it repeats their accidents.
POSITIVES_FOR: dict[CalibrationKind, int] = {"platt": 0, "none": 0, "beta": 100, "isotonic": 1000}
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
    total = positive + negative
    target = _softened(positive, negative)
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


def fit_beta(
    y: BoolArray, probability: FloatArray, sample_weight: FloatArray | None = None
) -> BetaMap:
    """The beta map under which the labels are most likely, with ``a`` and ``b`` of at least 0.

    Parameters
    ----------
    y, probability, sample_weight
        As for `fit_platt`.

    References
    ----------
    M. Kull, T. Silva Filho, P. Flach (2017). Beta Calibration. AISTATS, PMLR 54, 623-631.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.uniform(0.01, 0.99, 200_000)
    >>> y = rng.random(200_000) < BetaMap(0.5, 2.0, 1.0).apply(p)
    >>> found = fit_beta(y, p)
    >>> abs(found.a - 0.5) < 0.1, abs(found.b - 2.0) < 0.1, abs(found.intercept - 1.0) < 0.1
    (True, True, True)
    """
    weight = np.ones(y.size) if sample_weight is None else sample_weight / sample_weight.mean()
    x, positive, negative = _summed(logit(probability), y, weight)
    total = positive + negative
    target = _softened(positive, negative)
    # log(p) and -log(1 - p) as functions of the log-odds
    columns = np.stack((-np.logaddexp(0.0, -x), np.logaddexp(0.0, x), np.ones(x.size)))

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        eta = parameters @ columns
        value = total @ np.logaddexp(0.0, eta) - target @ eta
        return float(value / total.sum()), columns @ (total * expit(eta) - target) / total.sum()

    start = fit_platt(y, probability, sample_weight)
    found = minimize(
        loss,
        (start.slope, start.slope, start.intercept),
        jac=True,
        method="L-BFGS-B",
        bounds=((0.0, None), (0.0, None), (None, None)),
        options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-9},
    )
    a, b, intercept = map(float, found.x)
    return BetaMap(a, b, intercept)


def fit_isotonic(
    y: BoolArray, probability: FloatArray, sample_weight: FloatArray | None = None
) -> IsotonicMap:
    """The growing map that is closest to the labels, with Platt's targets in place of 0 and 1.

    Parameters
    ----------
    y, probability, sample_weight
        As for `fit_platt`.

    References
    ----------
    B. Zadrozny, C. Elkan (2002). Transforming Classifier Scores into Accurate Multiclass
    Probability Estimates. KDD, 694-699.

    Examples
    --------
    >>> found = fit_isotonic(np.array([False] * 98 + [True] * 98), np.repeat([0.2, 0.9], 98))
    >>> found.apply([0.2, 0.9]).round(4)
    array([0.01, 0.99])
    """
    from sklearn.isotonic import IsotonicRegression

    weight = np.ones(y.size) if sample_weight is None else sample_weight / sample_weight.mean()
    high = (weight[y].sum() + 1) / (weight[y].sum() + 2)
    low = 1 / (weight[~y].sum() + 2)
    fitted = IsotonicRegression().fit(probability, np.where(y, high, low), weight)
    scores, values = fitted.X_thresholds_, np.clip(fitted.y_thresholds_, 0.0, 1.0)
    return IsotonicMap(tuple(map(float, scores)), tuple(map(float, values)))


def check_positives(kind: CalibrationKind, n_positives: int) -> None:
    """Refuse a map that has more freedom than there are positives to fit it on.

    Raises
    ------
    DataError
    """
    if n_positives < POSITIVES_FOR[kind]:
        raise DataError(
            f"{kind} calibration needs at least {POSITIVES_FOR[kind]} positives, got {n_positives}: "
            "use 'platt', which has two parameters"
        )


def cross_fit(
    y: BoolArray,
    probability: FloatArray,
    folds: tuple[Fold, ...],
    sample_weight: FloatArray | None = None,
    kind: CalibrationKind = "platt",
) -> tuple[FloatArray, Calibrator]:
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
    kind : {"platt", "beta", "isotonic", "none"}, default="platt"

    Returns
    -------
    calibrated : array of shape (n_cases,)
        NaN in rows that no fold scores.
    calibrator : PlattMap, BetaMap or IsotonicMap

    Raises
    ------
    DataError
        If there are too few positives for that kind of map.
    """
    if kind == "none":
        return probability, PlattMap()
    check_positives(kind, int(np.count_nonzero(y)))
    scored = ~np.isnan(probability)
    calibrated = np.full(y.size, np.nan)
    maps: dict[str, Callable[..., Calibrator]] = {
        "platt": fit_platt,
        "beta": fit_beta,
        "isotonic": fit_isotonic,
    }
    fit_map = maps[kind]

    def fit(rows: NDArray[np.bool_]) -> Calibrator:
        return fit_map(
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


def _softened(positive: FloatArray, negative: FloatArray) -> FloatArray:
    """Weight of positives with Platt's targets in place of 1 and 0."""
    n_positive, n_negative = positive.sum(), negative.sum()
    return np.asarray(positive * (n_positive + 1) / (n_positive + 2) + negative / (n_negative + 2))


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
