"""From probabilities and costs to decisions, and what decisions cost.

One convention, here and nowhere else: act when the expected gain of acting is at least 0, unless
both regrets are 0 (then nothing is at stake and nothing is done); act when ``score >= threshold``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.case_costs import CaseCosts, as_floats
from costopt.decision.costs import Costs, as_case_costs
from costopt.errors import DataError
from costopt.inputs.row_labels import check_same_rows

__all__ = [
    "CutRule",
    "GainRule",
    "Rule",
    "always_cost",
    "as_labels",
    "as_probabilities",
    "as_weights",
    "decide",
    "decision_cost",
    "expected_gain",
    "gain_share",
    "mean_cost",
    "never_cost",
    "perfect_cost",
    "savings",
    "weighted_mean",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class GainRule:
    """Act on a case when its expected gain is at least 0: Elkan's rule, case by case."""

    def decide(self, probability: ArrayLike, costs: CaseCosts) -> BoolArray:
        """Whether to act, shape (n_cases,)."""
        return decide(probability, costs)


@dataclass(frozen=True)
class CutRule:
    """Act on a case when its calibrated probability reaches one threshold, whatever its costs.

    Parameters
    ----------
    threshold : float
        ``inf`` is never, ``-inf`` is always.
    """

    threshold: float

    def decide(self, probability: ArrayLike, costs: CaseCosts) -> BoolArray:
        """Whether to act, shape (n_cases,); the costs are not looked at."""
        del costs
        return np.asarray(probability, dtype=np.float64) >= self.threshold


Rule = GainRule | CutRule


def expected_gain(probability: ArrayLike, costs: Costs) -> FloatArray:
    """What acting is expected to save, in ``costs.unit`` per case.

    Parameters
    ----------
    probability : array-like of shape (n_cases,)
        Calibrated probability of the positive class.
    costs : CostMatrix or CaseCosts
        Constant, or for these cases.

    Returns
    -------
    gain : array of shape (n_cases,)
        ``p * (fn - tp) - (1 - p) * (fp - tn)``.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> expected_gain([0.5, 0.1], CostMatrix(fp=1, fn=5))
    array([ 2. , -0.4])
    """
    check_same_rows(probability=probability, costs=costs)
    p = as_probabilities(probability, "probability")
    case = as_case_costs(costs, n_cases=p.size)
    return np.asarray(p * case.fn_regret - (1 - p) * case.fp_regret)


def decide(probability: ArrayLike, costs: Costs) -> BoolArray:
    """Whether acting is the cheaper action in expectation, for each case.

    Parameters
    ----------
    probability : array-like of shape (n_cases,)
        Calibrated probability of the positive class.
    costs : CostMatrix or CaseCosts
        Constant, or for these cases.

    Returns
    -------
    act : bool array of shape (n_cases,)

    Notes
    -----
    Elkan (2001), equation 1, written as a gain: no division, so that it is defined for every
    finite cost. Each case's regrets are divided by the larger of the two first, which makes the
    decision independent of the currency and safe from overflow.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> decide([0.16, 0.17], CostMatrix(fp=1, fn=5))
    array([False,  True])
    """
    check_same_rows(probability=probability, costs=costs)
    p = as_probabilities(probability, "probability")
    case = as_case_costs(costs, n_cases=p.size)
    stake = np.maximum(np.abs(case.fp_regret), np.abs(case.fn_regret))
    unit = np.where(stake > 0, stake, 1.0)
    gain = p * (case.fn_regret / unit) - (1 - p) * (case.fp_regret / unit)
    return np.asarray((gain >= 0) & (stake > 0))


def decision_cost(y_true: ArrayLike, act: ArrayLike, costs: Costs) -> FloatArray:
    """What each decision turned out to cost, in ``costs.unit``.

    Parameters
    ----------
    y_true : array-like of shape (n_cases,)
        0 or 1.
    act : array-like of shape (n_cases,)
        The decisions: 0 or 1.
    costs : CostMatrix or CaseCosts
        Constant, or for these cases.

    Returns
    -------
    cost : array of shape (n_cases,)

    Raises
    ------
    DataError
        If labels or decisions are something else than 0 and 1, or lengths differ.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> decision_cost([1, 1, 0, 0], [1, 0, 1, 0], CostMatrix(fp=2, fn=7, tp=1))
    array([1., 7., 2., 0.])
    """
    check_same_rows(y_true=y_true, act=act, costs=costs)
    y = as_labels(y_true, "y_true")
    action = as_labels(act, "act")
    if action.size != y.size:
        raise DataError(
            f"act is for {action.size} cases but y_true has {y.size}: take the same rows"
        )
    case = as_case_costs(costs, n_cases=y.size)
    return np.asarray(
        np.where(y, np.where(action, case.tp, case.fn), np.where(action, case.fp, case.tn))
    )


def mean_cost(
    y_true: ArrayLike, act: ArrayLike, costs: Costs, sample_weight: ArrayLike | None = None
) -> float:
    """What the decisions cost on average, in ``costs.unit`` per case.

    Parameters
    ----------
    y_true, act, costs
        As for `decision_cost`.
    sample_weight : array-like of shape (n_cases,), optional
        How many cases of the population each case stands for.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> mean_cost([1, 1, 0, 0], [1, 0, 1, 0], CostMatrix(fp=2, fn=7, tp=1))
    2.5
    """
    check_same_rows(y_true=y_true, act=act, costs=costs, sample_weight=sample_weight)
    return weighted_mean(decision_cost(y_true, act, costs), sample_weight)


def never_cost(y_true: ArrayLike, costs: Costs, sample_weight: ArrayLike | None = None) -> float:
    """Mean cost of acting on nobody, in ``costs.unit`` per case."""
    check_same_rows(y_true=y_true, costs=costs, sample_weight=sample_weight)
    y = as_labels(y_true, "y_true")
    return mean_cost(y, np.zeros(y.size, dtype=bool), costs, sample_weight)


def always_cost(y_true: ArrayLike, costs: Costs, sample_weight: ArrayLike | None = None) -> float:
    """Mean cost of acting on everybody, in ``costs.unit`` per case."""
    check_same_rows(y_true=y_true, costs=costs, sample_weight=sample_weight)
    y = as_labels(y_true, "y_true")
    return mean_cost(y, np.ones(y.size, dtype=bool), costs, sample_weight)


def perfect_cost(y_true: ArrayLike, costs: Costs, sample_weight: ArrayLike | None = None) -> float:
    """Mean cost of the cheaper action for each case, known by an oracle."""
    check_same_rows(y_true=y_true, costs=costs, sample_weight=sample_weight)
    y = as_labels(y_true, "y_true")
    case = as_case_costs(costs, n_cases=y.size)
    best = np.where(y, np.minimum(case.tp, case.fn), np.minimum(case.fp, case.tn))
    return weighted_mean(best, sample_weight)


def savings(cost: float, never: float, always: float) -> float:
    """Share of the better blanket rule's cost that is avoided; NaN where that cost is not positive.

    Parameters
    ----------
    cost, never, always : float
        Mean cost of the decisions, of acting on nobody, and of acting on everybody.

    Returns
    -------
    savings : float
        1 for decisions that cost nothing, 0 for those no better than a blanket rule, negative
        for worse. NaN where the better blanket rule already costs nothing or earns money: the
        share is then meaningless, see `gain_share`.

    References
    ----------
    A. Correa Bahnsen, D. Aouada, B. Ottersten (2014). Example-Dependent Cost-Sensitive Logistic
    Regression for Credit Scoring. ICMLA, 263-269.

    Examples
    --------
    >>> savings(0.5, never=2.0, always=3.0)
    0.75
    """
    base = min(never, always)
    return 1 - cost / base if base > 0 else math.nan


def gain_share(cost: float, never: float, always: float, perfect: float) -> float:
    """Share of what perfect decisions would gain over the better blanket rule; NaN if nothing.

    Examples
    --------
    >>> gain_share(-1.0, never=0.0, always=2.0, perfect=-4.0)
    0.25
    """
    base = min(never, always)
    return (base - cost) / (base - perfect) if base > perfect else math.nan


def weighted_mean(values: FloatArray, sample_weight: ArrayLike | None = None) -> float:
    """Mean of values per case, each weighing as many cases as it stands for."""
    if values.size == 0:
        raise DataError("there are no cases: a mean cost needs at least one row")
    if sample_weight is None:
        return float(values.mean())
    return float(np.average(values, weights=as_weights(sample_weight, values.size)))


def as_labels(y: ArrayLike, name: str) -> BoolArray:
    """Labels or decisions as booleans; anything but 0 and 1 is refused."""
    given = np.asarray(y)
    if given.ndim != 1:
        raise DataError(f"{name} must be one-dimensional, got shape {given.shape}")
    if given.dtype == bool:
        return given
    if given.dtype.kind == "O":
        plain = bool | int | float | np.bool_ | np.integer | np.floating
        right = np.array([isinstance(v, plain) and (v == 0 or v == 1) for v in given], dtype=bool)
    else:
        right = (given == 0) | (given == 1)
    bad = np.flatnonzero(~right)
    if bad.size:
        raise DataError(f"{name} must hold 0 and 1, got {given[bad[0]]!r} in row {bad[0]}")
    return np.asarray(given == 1, dtype=bool)


def as_probabilities(values: ArrayLike, name: str) -> FloatArray:
    """Probabilities as float64, one per case; NaN and what lies outside [0, 1] is refused."""
    p = as_floats(values, name)
    if p.ndim != 1:
        raise DataError(f"{name} must be one-dimensional, got shape {p.shape}")
    bad = np.flatnonzero(~((p >= 0) & (p <= 1)))
    if bad.size:
        raise DataError(f"{name} must lie in [0, 1], got {p[bad[0]]} in row {bad[0]}")
    return p


def as_weights(sample_weight: ArrayLike, n_cases: int) -> FloatArray:
    """Population weights as float64; not negative, finite, not all zero, one per case."""
    weight = as_floats(sample_weight, "sample_weight")
    if weight.shape != (n_cases,):
        raise DataError(
            f"sample_weight must have one value for each of the {n_cases} cases, "
            f"got shape {weight.shape}"
        )
    bad = np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))
    if bad.size:
        raise DataError(
            f"sample_weight must be finite and at least 0, got {weight[bad[0]]} in row {bad[0]}"
        )
    if not weight.any():
        raise DataError("sample_weight must not be zero for every case")
    return weight
