"""The threshold is solved, not searched: one sort gives the cost of every cut there is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.case_costs import CaseCosts
from costopt.decision.costs import Costs, as_case_costs
from costopt.decision.odds import logit
from costopt.decision.rules import as_labels, as_weights
from costopt.errors import DataError

__all__ = ["BestCut", "CostCurve", "bayes_threshold", "cost_curve"]

FloatArray = NDArray[np.float64]
AnyFloatArray = NDArray[np.floating]

# Cuts whose mean costs differ by less than this share of the total magnitude are ties.
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
class BestCut:
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
    thresholds : array of shape (n_cuts,)
        ``inf`` (never), then every distinct score in descending order, then ``-inf`` (always).
    mean_cost : array of shape (n_cuts,)
        Cost of acting on the cases with ``score >= threshold``, in the costs' unit per case.
    anchor : float
        The Bayes threshold of the mean regrets, which breaks ties between separate optima.
    """

    thresholds: AnyFloatArray
    mean_cost: FloatArray
    anchor: float = field(default=0.5)
    tolerance: float = field(default=0.0, repr=False)

    def at(self, threshold: ArrayLike) -> FloatArray:
        """Mean cost of acting from any threshold up; same shape as ``threshold``."""
        # the last cut whose own threshold is still at least the one asked for
        position = np.searchsorted(-self.thresholds, -np.asarray(threshold), side="right") - 1
        return np.asarray(self.mean_cost[np.maximum(position, 0)])

    def best(self) -> BestCut:
        """The cheapest cut: the interval nearest the Bayes threshold, its midpoint in log-odds.

        Where never or always acting is among the cheapest of that interval, the threshold is
        ``inf`` or ``-inf``. Scores outside [0, 1] are cut at the plain midpoint.
        """
        lowest = float(self.mean_cost.min())
        optimal = self.mean_cost <= lowest + self.tolerance
        edges = np.flatnonzero(np.diff(np.concatenate(([False], optimal, [False]))))
        starts, ends = edges[::2], edges[1::2]
        upper = self.thresholds[starts].astype(np.float64)
        below = np.append(self.thresholds[1:], -np.inf).astype(np.float64)
        lower = below[ends - 1]
        distance = np.maximum(np.maximum(lower - self.anchor, self.anchor - upper), 0)
        run = int(np.argmin(distance))
        low, high = float(lower[run]), float(upper[run])
        return BestCut(self._inside(low, high), low, high, lowest)

    def _inside(self, low: float, high: float) -> float:
        """A threshold of (low, high], away from both ends where the score's precision allows."""
        if np.isinf(high):
            return np.inf
        if np.isinf(low):
            return -np.inf
        if low >= 0 and high <= 1:
            middle = 1 / (1 + np.exp(-float(logit(low) + logit(high)) / 2))
        else:
            middle = low / 2 + high / 2
        rounded = float(self.thresholds.dtype.type(middle))
        return rounded if low < rounded < high else high


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
    >>> curve = cost_curve([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9], CostMatrix(fp=1, fn=5))
    >>> curve.thresholds
    array([ inf,  0.9,  0.6,  0.4,  0.1, -inf])
    >>> curve.mean_cost
    array([2.5 , 1.25, 1.5 , 0.25, 0.5 , 0.5 ])
    >>> best = curve.best()
    >>> best.low, best.high, round(best.threshold, 4)
    (0.1, 0.4, 0.2139)
    """
    y = as_labels(y_true, "y_true")
    score = _as_scores(y_score, y.size)
    case = as_case_costs(costs, n_cases=y.size)
    weight = None if sample_weight is None else as_weights(sample_weight, y.size)
    rare = bool(2 * np.count_nonzero(y) <= y.size)
    common = (case.fp, case.tn) if rare else (case.tp, case.fn)
    if weight is None and common[0].ndim == common[1].ndim == 0:
        thresholds, mean, size = _counting_sweep(y, score, case, rare=rare)
    else:
        thresholds, mean, size = _summing_sweep(y, score, case, weight)
    return CostCurve(thresholds, mean, _anchor(y, case, weight), TIE * size)


def _counting_sweep(
    y: NDArray[np.bool_], score: AnyFloatArray, case: CaseCosts, *, rare: bool
) -> tuple[AnyFloatArray, FloatArray, float]:
    """Sweep where the commoner class has constant costs: only the rarer one may need an order.

    Sorting numbers is several times faster than sorting indices, and a stable sort merges two
    sorted runs in one pass.
    """
    rare_rows = y == rare
    left_cell, acted_cell = ("fn", "tp") if rare else ("tn", "fp")
    per_case = {
        c: getattr(case, c)[rare_rows] for c in (left_cell, acted_cell) if getattr(case, c).ndim
    }
    rare_score = score[rare_rows]
    if per_case:
        order = np.argsort(rare_score)
        rare_score = rare_score[order]
        per_case = {cell: cost[order] for cell, cost in per_case.items()}
    else:
        rare_score.sort()
    common_score = np.sort(score[~rare_rows])
    n_rare, n_common = rare_score.size, common_score.size
    merged = np.concatenate((common_score, rare_score))
    origin = np.argsort(merged, kind="stable")
    ranked = np.sort(score)
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    # numbers of cases below each threshold, from the lowest score up to "never"
    below = np.concatenate(([0], ends + 1))
    rare_below = np.concatenate(([0], np.cumsum(origin >= n_common)[ends]))
    common_below = below - rare_below

    def spent(cell: str, *, acted: bool) -> FloatArray:
        """Total cost in the rarer class of the cases left below, or acted on above, each cut."""
        cost = per_case.get(cell)
        if cost is None:
            return float(getattr(case, cell)) * (n_rare - rare_below if acted else rare_below)
        if acted:
            return np.concatenate((np.cumsum(cost[::-1])[::-1], [0.0]))[rare_below]
        return np.concatenate(([0.0], np.cumsum(cost)))[rare_below]

    left, acted = (case.tn, case.fp) if rare else (case.fn, case.tp)
    total = spent(left_cell, acted=False)
    if np.any(getattr(case, acted_cell)):
        total += spent(acted_cell, acted=True)
    if left:
        total += float(left) * common_below
    if acted:
        total += float(acted) * (n_common - common_below)
    size = sum(
        float(
            np.abs(per_case[cell]).sum() if cell in per_case else n_rare * abs(getattr(case, cell))
        )
        for cell in (left_cell, acted_cell)
    ) + n_common * float(abs(left) + abs(acted))
    total /= score.size
    return *_descending(ranked[ends], total), size / score.size


def _summing_sweep(
    y: NDArray[np.bool_], score: AnyFloatArray, case: CaseCosts, weight: FloatArray | None
) -> tuple[AnyFloatArray, FloatArray, float]:
    """Sweep for any costs and weights.

    Costs of the cases acted on and of those left are summed apart, so that nothing cancels and
    what is free stays exactly 0.
    """
    order = np.argsort(score)
    ranked = np.sort(score)
    pair = np.empty((score.size, 2))
    np.copyto(pair[:, 0], np.where(y, case.tp, case.fp))
    np.copyto(pair[:, 1], np.where(y, case.fn, case.tn))
    total_weight = float(y.size)
    if weight is not None:
        pair *= weight[:, None]
        total_weight = float(weight.sum())
    pair = np.take(pair, order, axis=0)  # twice as fast as pair[order]
    del order
    size = float(np.abs(pair).sum()) / total_weight
    acted = np.cumsum(pair[::-1, 0])[::-1]
    left = np.cumsum(pair[:, 1])
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    # acting on the cases above position ends[j] leaves those up to it
    mean = np.concatenate(([acted[0]], left[ends]))
    mean[1:-1] += acted[ends[:-1] + 1]
    mean /= total_weight
    return *_descending(ranked[ends], mean), size


def _descending(
    distinct: AnyFloatArray, mean_from_lowest: FloatArray
) -> tuple[AnyFloatArray, FloatArray]:
    """Thresholds from never to always, with their mean costs (given from the lowest score up)."""
    infinite = np.array([np.inf], dtype=distinct.dtype)
    thresholds = np.concatenate((infinite, distinct[::-1], -infinite))
    return thresholds, np.concatenate((mean_from_lowest[::-1], mean_from_lowest[:1]))


def _anchor(y: NDArray[np.bool_], case: CaseCosts, weight: FloatArray | None) -> float:
    """The Bayes threshold of the mean regrets; 0.5 where they imply none."""
    means = [
        float(np.average(np.broadcast_to(regret, y.shape), weights=weight))
        if regret.ndim
        else float(regret)
        for regret in (case.fp_regret, case.fn_regret)
    ]
    threshold = float(bayes_threshold(CaseCosts(fp=means[0], fn=means[1])))
    return 0.5 if np.isnan(threshold) else float(np.clip(threshold, 0, 1))


def _as_scores(y_score: ArrayLike, n_cases: int) -> AnyFloatArray:
    """Scores in their own floating type; finite, one per case."""
    score = np.asarray(y_score)
    if score.dtype not in (np.float32, np.float64):
        try:
            score = score.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError(f"y_score must hold numbers, got {y_score!r:.60}") from None
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
