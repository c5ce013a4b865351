"""From scores to probabilities: a map that is fitted on out-of-fold scores, once their odds are undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit

from costopt.decision.calibrators import BetaMap, Calibrator, IsotonicMap, PlattMap
from costopt.decision.odds import LOGIT_CLIP, logit
from costopt.errors import DataError
from costopt.learners.protocol import Fold

__all__ = [
    "CALIBRATIONS",
    "CalibrationKind",
    "CrossFitted",
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
MAX_STEPS = 500
# More rows than this are summed up in as many bins of the log-odds before fitting.
N_BINS = 2048
# The share of scores that may lie so close to 0 or 1 that they are taken for outliers.
OUTLIERS = 0.05
# Log-odds that differ by less than this, relative to their size, differ by rounding only.
PRECISION = 1e-14


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """Probabilities by maps that had not seen them, these maps, and the one to export.

    Parameters
    ----------
    calibrated : array of shape (n_scored,)
        Each row by a map that was fitted on other rows.
    calibrator : PlattMap, BetaMap or IsotonicMap
        Fitted on all rows.
    maps : tuple of PlattMap, BetaMap or IsotonicMap
        One for each part of the rows; the identity where nothing could be fitted.
    """

    calibrated: FloatArray
    calibrator: Calibrator
    maps: tuple[Calibrator, ...]


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
    Newton's method on two parameters, with softened targets in place of 1 and 0, which keeps
    separable scores from an infinite slope. Without weights they are Platt's, (n1 + 1) / (n1 + 2)
    and 1 / (n0 + 2). With weights they are (W1 + m) / (W1 + 2 m) and m / (W0 + 2 m): W1 and W0 are
    the weights of the classes, and m is what a typical row of the lighter-weighted class weighs
    (the smaller of both classes' sum(w ** 2) / sum(w)), so that neither class is moved by more
    than about one of its own rows, however rare it was declared to be.

    Scores are kept within [1e-12, 1 - 1e-12], unless more than 5 % of those between 0 and 1 lie
    beyond; the map's ``floor`` is then low enough for 95 % of them.

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
    floor = _floor(probability)
    x, total, target = _summed(logit(probability, floor), *_soft_targets(y, sample_weight))
    base_rate = PlattMap(0.0, float(logit(target.sum() / total.sum())), floor)
    center, spread = _standard(x, total)
    if not spread > 0:
        return base_rate
    slope, intercept = _newton((x - center) / spread, total, target)
    slope, intercept = slope / spread, intercept - slope * center / spread
    return PlattMap(slope, intercept, floor) if slope > 0 else base_rate


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
    floor = _floor(probability)
    x, total, target = _summed(logit(probability, floor), *_soft_targets(y, sample_weight))
    # log(p) and -log(1 - p) as functions of the log-odds
    raw = np.stack((-np.logaddexp(0.0, -x), np.logaddexp(0.0, x)))
    centers, spreads = np.array([_standard(column, total) for column in raw]).T
    units = np.where(spreads > 0, spreads, np.inf)  # a constant column gets no weight
    columns = np.vstack(((raw - centers[:, None]) / units[:, None], np.ones(x.size)))

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        eta = parameters @ columns
        value = total @ np.logaddexp(0.0, eta) - target @ eta
        return float(value / total.sum()), columns @ (total * expit(eta) - target) / total.sum()

    start = float(logit(target.sum() / total.sum()))
    found = minimize(
        loss,
        (0.5, 0.5, start),
        jac=True,
        method="L-BFGS-B",
        bounds=((0.0, None), (0.0, None), (None, None)),
        options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-9},
    )
    shape = np.where(spreads > 0, found.x[:2] / units, 0.0)
    return BetaMap(float(shape[0]), float(shape[1]), float(found.x[2] - shape @ centers), floor)


def fit_isotonic(
    y: BoolArray, probability: FloatArray, sample_weight: FloatArray | None = None
) -> IsotonicMap:
    """Isotonic regression: the non-decreasing map that is closest to the softened labels.

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
    weight, target = _soft_targets(y, sample_weight)
    counts = weight > 0
    scores, at = np.unique(probability[counts], return_inverse=True)
    total = np.bincount(at, weight[counts])
    mean = np.bincount(at, weight[counts] * target[counts]) / total
    found = isotonic_regression(mean, weights=total)
    # a block needs its first and its last score only
    knots = np.unique(np.concatenate((found.blocks[:-1], found.blocks[1:] - 1)))
    values = np.clip(np.maximum.accumulate(found.x[knots]), 0.0, 1.0)
    return IsotonicMap(tuple(map(float, scores[knots])), tuple(map(float, values)))


def check_positives(kind: CalibrationKind, n_positives: float) -> None:
    """Refuse a map that has more freedom than there are positives to fit it on.

    Parameters
    ----------
    kind : {"platt", "beta", "isotonic", "none"}
    n_positives : float
        How many independent and equally weighted positives these are worth: see
        `effective_positives`.

    Raises
    ------
    DataError
    """
    if n_positives < POSITIVES_FOR[kind]:
        raise DataError(
            f"{kind} calibration needs at least {POSITIVES_FOR[kind]} positives, got "
            f"{n_positives:,.0f} effective ones: use 'platt', which has two parameters"
        )


def cross_fit(
    y: BoolArray,
    probability: FloatArray,
    parts: tuple[Fold, ...],
    sample_weight: FloatArray | None = None,
    kind: CalibrationKind = "platt",
) -> CrossFitted:
    """Calibrate scores by maps that have not seen them, and fit the map to export.

    Parameters
    ----------
    y : bool array of shape (n_scored,)
    probability : array of shape (n_scored,)
        Out-of-fold scores.
    parts : tuple of Fold
        Every row is in one ``test``; ``train`` are the rows that its map is fitted on. Rows of a
        part without any keep their scores.
    sample_weight : array of shape (n_scored,), optional
    kind : {"platt", "beta", "isotonic", "none"}, default="platt"

    Returns
    -------
    found : CrossFitted
    """
    if kind == "none":
        return CrossFitted(probability, PlattMap(), (PlattMap(),) * len(parts))
    fits: dict[str, Callable[..., Calibrator]] = {
        "platt": fit_platt,
        "beta": fit_beta,
        "isotonic": fit_isotonic,
    }

    def fit(rows: NDArray[np.intp] | slice) -> Calibrator:
        weight = None if sample_weight is None else sample_weight[rows]
        return fits[kind](y[rows], probability[rows], weight)

    maps = tuple(fit(part.train) if part.train.size else PlattMap() for part in parts)
    calibrated = np.empty(y.size)
    for part, calibrator in zip(parts, maps, strict=True):
        calibrated[part.test] = calibrator.apply(probability[part.test])
    return CrossFitted(calibrated, fit(slice(None)), maps)


def _floor(probability: FloatArray) -> float:
    """How far from 0 and 1 scores are kept: 1e-12, or less where too many lie beyond."""
    margin = np.minimum(probability, 1 - probability)
    inside = margin[margin > 0]
    if np.count_nonzero(inside < LOGIT_CLIP) <= OUTLIERS * inside.size:
        return LOGIT_CLIP
    return float(np.quantile(inside, OUTLIERS, method="lower"))


def _soft_targets(y: BoolArray, sample_weight: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Weights of mean 1, and a target for each row in place of 1 and 0: see `fit_platt`."""
    weight = np.ones(y.size) if sample_weight is None else sample_weight / sample_weight.mean()
    sums = np.array([weight[rows].sum() for rows in (y, ~y)])
    squares = np.array([(weight[rows] ** 2).sum() for rows in (y, ~y)])
    row = float(np.min(squares[sums > 0] / sums[sums > 0]))
    return weight, np.where(y, (sums[0] + row) / (sums[0] + 2 * row), row / (sums[1] + 2 * row))


def _summed(
    x: FloatArray, weight: FloatArray, target: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log-odds, and the weight and the weight of targets at each; many rows are binned first."""
    if x.size <= N_BINS:
        return x, weight, weight * target
    low, high = float(x.min()), float(x.max())
    step = (high - low) / N_BINS or 1.0
    bins = np.minimum(((x - low) / step).astype(np.intp), N_BINS - 1)
    total = np.bincount(bins, weight, N_BINS).astype(np.float64)
    kept = total > 0
    middle: FloatArray = np.bincount(bins, weight * x, N_BINS)[kept] / total[kept]
    summed: FloatArray = np.bincount(bins, weight * target, N_BINS).astype(np.float64)
    return middle, total[kept], summed[kept]


def _standard(x: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Mean and standard deviation; the latter is 0 where values differ by rounding only."""
    center = float(np.average(x, weights=weight))
    spread = float(np.sqrt(np.average((x - center) ** 2, weights=weight)))
    rounding = PRECISION * max(1.0, float(np.abs(x).max()))
    return center, spread if spread > rounding else 0.0


def _newton(x: FloatArray, total: FloatArray, target: FloatArray) -> tuple[float, float]:
    """Slope and intercept of a weighted logistic regression on one standardised number.

    A step that changes no log-odds by more than r is shortened by log(1 + r) / r, after which the
    loss never rises (Sun & Tran-Dinh, 2019, for any generalized self-concordant loss).
    """
    slope, intercept = 0.0, float(logit(target.sum() / total.sum()))
    for _ in range(MAX_STEPS):
        p = expit(slope * x + intercept)
        error = target - total * p
        spread = total * p * (1 - p) + 1e-12
        gradient = np.array([error @ x, error.sum()])
        hessian = np.array([[spread @ (x * x), spread @ x], [spread @ x, spread.sum()]])
        step = np.linalg.solve(hessian + 1e-12 * np.eye(2), gradient)
        moved = float(np.abs(step[0] * x + step[1]).max())
        if moved > 0:
            step = step * np.log1p(moved) / moved
        slope, intercept = slope + step[0], intercept + step[1]
        if moved < 1e-8:
            break
    return float(slope), float(intercept)
