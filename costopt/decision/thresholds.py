"""The threshold is solved, not searched: one sort gives the cost of every threshold there is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from costopt.decision.case_costs import CaseCosts
from costopt.decision.checks import as_floats, as_labels, as_weights
from costopt.decision.costs import Costs, as_case_costs
from costopt.decision.odds import logit
from costopt.decision.sweeps import counting_sweep, summing_sweep
from costopt.errors import CostSpecError, DataError
from costopt.inputs.row_labels import check_same_rows

__all__ = ["BestThreshold", "CostCurve", "bayes_of_means", "bayes_threshold", "cost_curve"]

FloatArray = NDArray[np.float64]
AnyFloatArray = NDArray[np.floating]

# Thresholds whose mean costs differ by less than this share of the total magnitude are ties.
TIE = 1e-12


def bayes_threshold(costs: Costs) -> FloatArray:
    """Probability from which acting is the cheaper action: act when ``p >= threshold``.

    Parameters
    ----------
    costs : CostMatrix or CaseCosts
        A matrix of formulas is resolved first: ``costs.resolve(X)``.

    Returns
    -------
    threshold : array of shape () or (n_cases,)
        ``inf`` where acting never pays, ``-inf`` where it always does, NaN where both regrets
        are negative (acting then pays on *improbable* cases, which no threshold can say;
        `decide` handles these too).

    Notes
    -----
    Equation 2 of Elkan (2001), p* = (c10 - c00) / (c10 - c00 + c01 - c11). Optimal for calibrated
    probabilities only; `cost_curve` does not assume calibration.

    References
    ----------
    C. Elkan (2001). The Foundations of Cost-Sensitive Learning. IJCAI, 973-978.

    Examples
    --------
    >>> from costopt import CaseCosts, CostMatrix
    >>> float(bayes_threshold(CostMatrix(fp=25, fn=475)))
    0.05
    >>> bayes_threshold(CaseCosts(fp=3, tp=3, fn=[2.0, 30.0, 300.0]))
    array([ inf, 0.1 , 0.01])
    """
    case = as_case_costs(costs)
    act, leave = np.broadcast_arrays(case.fp_regret, case.fn_regret)
    stake = np.maximum(np.abs(act), np.abs(leave))
    unit = np.where(stake > 0, stake, 1.0)
    total = act / unit + leave / unit
    ratio = (act / unit) / np.where(total > 0, total, 1.0)
    return np.select(
        [
            (act < 0) & (leave < 0),
            (act >= 0) & (leave <= 0) & ~((act > 0) & (leave == 0)),
            (act < 0) | ((act == 0) & (leave > 0)),
            (act > 0) & (leave < 0),
        ],
        [np.nan, np.inf, -np.inf, np.inf],
        default=ratio,
    )


@dataclass(frozen=True)
class BestThreshold:
    """The cheapest threshold, and how much room there is around it.

    Parameters
    ----------
    threshold : float
        Act when ``score >= threshold``. ``inf`` is never, ``-inf`` is always.
    low, high : float
        Every threshold in ``(low, high]`` takes the same decisions on these cases, or others
        that cost the same.
    mean_cost : float
        In the costs' unit per case, on the cases it was chosen on: too low an estimate of what
        new cases will cost.
    """

    threshold: float
    low: float
    high: float
    mean_cost: float

    @property
    def width(self) -> float:
        """``high - low``, in units of the score; a narrow interval is a fragile choice."""
        return self.high - self.low


@dataclass(frozen=True, eq=False)
class CostCurve:
    """Mean cost of acting from each threshold up: an exact step function.

    Parameters
    ----------
    thresholds : array of shape (n_thresholds,)
        ``inf`` (never), then every distinct score in descending order, then ``-inf`` (always).
    mean_cost : array of shape (n_thresholds,)
        Cost of acting on the cases with ``score >= threshold``, in the costs' unit per case.
    anchor : float
        The Bayes threshold of the mean regrets, which breaks ties between separate optima.
    tolerance : float
        Thresholds whose mean costs differ by no more are ties.
    """

    thresholds: AnyFloatArray
    mean_cost: FloatArray
    anchor: float = field(default=0.5)
    tolerance: float = field(default=0.0, repr=False)

    def at(self, threshold: ArrayLike) -> FloatArray:
        """Mean cost of acting from any threshold up; same shape as ``threshold``."""
        # the last threshold that is still at least the one asked for
        wanted = -np.asarray(threshold, dtype=np.float64)
        position = np.searchsorted(-self.thresholds, wanted, side="right") - 1
        return np.asarray(self.mean_cost[np.maximum(position, 0)])

    def best(self) -> BestThreshold:
        """The cheapest threshold: the interval nearest the Bayes threshold, its midpoint in log-odds.

        Where never or always acting is among the cheapest of that interval, the threshold is
        ``inf`` or ``-inf``. For scores outside [0, 1] it is the plain midpoint.
        """
        lowest = float(self.mean_cost.min())
        optimal = self.mean_cost <= lowest + self.tolerance
        edges = np.flatnonzero(np.diff(np.concatenate(([False], optimal, [False]))))
        starts, ends = edges[::2], edges[1::2]
        upper = self.thresholds[starts].astype(np.float64)
        last = self.thresholds.size - 1
        lower = np.where(ends > last, -np.inf, self.thresholds[np.minimum(ends, last)])
        distance = np.maximum(np.maximum(lower - self.anchor, self.anchor - upper), 0)
        run = int(np.argmin(distance))
        low, high = float(lower[run]), float(upper[run])
        return BestThreshold(self._inside(low, high), low, high, lowest)

    def _inside(self, low: float, high: float) -> float:
        """A threshold of (low, high], away from both ends where the score's precision allows."""
        if np.isinf(high):
            return np.inf
        if np.isinf(low):
            return -np.inf
        precision = self.thresholds.dtype.type
        middles = [low / 2 + high / 2, float(np.nextafter(precision(low), precision(high)))]
        if low >= 0 and high <= 1:
            middles.insert(0, float(expit((logit(low) + logit(high)) / 2)))
        rounded = (float(precision(middle)) for middle in middles)
        return next((middle for middle in rounded if low < middle < high), high)


def cost_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    costs: Costs,
    sample_weight: ArrayLike | None = None,
) -> CostCurve:
    """Mean cost of acting on the cases with ``score >= t``, for every ``t`` that matters.

    Exact, in O(n log n): the cost is a step function of the threshold, so the distinct scores,
    never and always are all there is to try.

    Parameters
    ----------
    y_true : array-like of shape (n_cases,)
        0 or 1.
    y_score : array-like of shape (n_cases,)
        Finite numbers, higher for cases more likely positive; out of sample, or the curve
        flatters. They need not be calibrated, nor be probabilities.
    costs : CostMatrix or CaseCosts
        Constant, or for these cases.
    sample_weight : array-like of shape (n_cases,), optional
        How many cases of the population each case stands for.

    Returns
    -------
    curve : CostCurve

    Raises
    ------
    DataError
        If lengths differ, there is no case, or a label, score or weight is not usable.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> curve = cost_curve([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9], CostMatrix(fp=1, fn=5))
    >>> curve.thresholds
    array([ inf,  0.9,  0.6,  0.4,  0.1, -inf])
    >>> curve.mean_cost
    array([2.5 , 1.25, 1.5 , 0.25, 0.5 , 0.5 ])
    >>> best = curve.best()
    >>> best.low, best.high, round(best.threshold, 4)
    (0.1, 0.4, 0.2139)
    """
    check_same_rows(y_true=y_true, y_score=y_score, costs=costs, sample_weight=sample_weight)
    y = as_labels(y_true, "y_true")
    score = _as_scores(y_score, y.size)
    case = as_case_costs(costs, n_cases=y.size)
    weight = None if sample_weight is None else as_weights(sample_weight, y.size)
    _check_sum(case, float(y.size if weight is None else weight.sum()))
    rare = bool(2 * np.count_nonzero(y) <= y.size)
    common = (case.fp, case.tn) if rare else (case.tp, case.fn)
    if weight is None and common[0].ndim == common[1].ndim == 0:
        thresholds, mean, size = counting_sweep(y, score, case, rare=rare)
    else:
        thresholds, mean, size = summing_sweep(y, score, case, weight)
    return CostCurve(thresholds, mean, _anchor(case, weight), TIE * size)


def _check_sum(case: CaseCosts, total_weight: float) -> None:
    """Refuse costs whose sum overflows: all thresholds would cost infinity, and tie."""
    largest = max(
        max(abs(float(cost.max())), abs(float(cost.min())))
        for cost in (case.fp, case.fn, case.tp, case.tn)
    )
    if not np.isfinite(largest * max(total_weight, 1.0) * 4):
        raise CostSpecError(
            f"the costs are too large: {largest:g} for each of {total_weight:g} cases overflows; use "
            "a larger unit"
        )


def bayes_of_means(costs: CaseCosts, sample_weight: FloatArray | None = None) -> float:
    """The Bayes threshold of the mean regrets, one for all cases; NaN where they imply none.

    Parameters
    ----------
    costs : CaseCosts
    sample_weight : array of shape (n_cases,), optional

    Examples
    --------
    >>> bayes_of_means(CaseCosts(fp=1, fn=[2.0, 4.0]))
    0.25
    """
    false_alarm, miss = (
        float(np.average(regret, weights=sample_weight)) if regret.ndim else float(regret)
        for regret in (costs.fp_regret, costs.fn_regret)
    )
    return float(bayes_threshold(CaseCosts(fp=false_alarm, fn=miss)))


def _anchor(case: CaseCosts, weight: FloatArray | None) -> float:
    """Where ties are broken towards: 0.5 where the costs imply no threshold."""
    threshold = bayes_of_means(case, weight)
    return 0.5 if np.isnan(threshold) else float(np.clip(threshold, 0, 1))


def _as_scores(y_score: ArrayLike, n_cases: int) -> AnyFloatArray:
    """Scores in their own floating type; finite, one per case."""
    score = np.asarray(y_score)
    if score.dtype not in (np.float32, np.float64):
        score = as_floats(y_score, "y_score")
    if score.shape != (n_cases,):
        raise DataError(
            f"y_score must have one value for each of the {n_cases} cases, got shape {score.shape}"
        )
    if n_cases == 0:
        raise DataError("there are no cases: a cost curve needs at least one row")
    bad = np.flatnonzero(~np.isfinite(score))
    if bad.size:
        raise DataError(f"y_score must be finite, got {score[bad[0]]} in row {bad[0]}")
    return score
