"""From probabilities and costs to decisions, and what decisions cost.

One convention, here and nowhere else: act when the expected gain of acting is at least 0, unless
both regrets are 0 (then nothing is at stake and nothing is done); act when ``score >= threshold``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.case_costs import CaseCosts
from costopt.decision.checks import as_labels, as_probabilities, as_weights
from costopt.decision.costs import Costs, as_case_costs
from costopt.decision.thresholds import bayes_threshold
from costopt.errors import DataError
from costopt.inputs.row_labels import check_same_rows
from costopt.showing.text import figure, percent

__all__ = [
    "RULES",
    "GainRule",
    "Rule",
    "ThresholdRule",
    "always_cost",
    "cheapest_action",
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


class Rule(ABC):
    """How a batch of cases is decided, given their calibrated probabilities.

    Attributes
    ----------
    kind : str
        Its name in a saved policy.
    reads_costs : bool
        Whether it follows from the costs of the cases; if not, it was chosen on data.
    """

    kind: ClassVar[str]
    reads_costs: ClassVar[bool]

    @abstractmethod
    def decide(self, probability: ArrayLike, costs: CaseCosts | None) -> BoolArray:
        """The action for each case of a batch; of two actions as a boolean, True for acting.

        Parameters
        ----------
        probability : array-like of shape (n_cases,)
        costs : CaseCosts or None
            What is known of the costs of these cases; None will do for a rule that reads none.
        """

    @abstractmethod
    def threshold_for(self, costs: Costs | None) -> float | None:
        """The probability from which it acts under some costs; None where that differs by case.

        Infinite where it acts never (``inf``) or always (``-inf``).
        """

    def in_words(
        self, costs: Costs | None, raw_threshold: float | None, positive: object, unit: str
    ) -> str:
        """When it acts.

        Parameters
        ----------
        costs : CostMatrix, CaseCosts or None
            What it knows of the costs.
        raw_threshold : float or None
            Its threshold on the model's own score.
        positive : str, int, float or bool
            What the positive class is called.
        unit : str
            Currency of the costs.
        """
        threshold = self.threshold_for(costs)
        if threshold is None:
            return (
                "Act when the expected loss from ignoring the case exceeds the expected cost of "
                f"acting on it, in {unit}: probability * (fn - tp) >= (1 - probability) * (fp - tn)."
            )
        if math.isinf(threshold):
            return f"{'Never' if threshold > 0 else 'Always'} act, whatever the model says."
        share = percent(threshold)
        text = f"Act when the calibrated probability of {positive!r} is {share} or more"
        if raw_threshold is None:
            return f"{text}."
        if math.isinf(raw_threshold):
            return f"{text}, which {'no' if raw_threshold > 0 else 'every'} case reaches."
        return f"{text} (raw model score {figure(raw_threshold)} or more)."


@dataclass(frozen=True)
class GainRule(Rule):
    """Act on a case when its expected gain is at least 0: Elkan's rule, case by case.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> GainRule().threshold_for(CostMatrix(fp=1, fn=19))
    0.05
    """

    kind: ClassVar[str] = "gain"
    reads_costs: ClassVar[bool] = True

    def decide(self, probability: ArrayLike, costs: CaseCosts | None) -> BoolArray:
        """Whether to act on each case, by its own costs."""
        if costs is None:
            raise DataError("the gain rule decides by costs: pass those of the cases")
        return decide(probability, costs)

    def threshold_for(self, costs: Costs | None) -> float | None:
        """The Bayes threshold of constant costs."""
        if costs is None or not costs.is_constant:
            return None
        return float(bayes_threshold(costs))


@dataclass(frozen=True)
class ThresholdRule(Rule):
    """Act on a case when its calibrated probability reaches one threshold, whatever its costs.

    Parameters
    ----------
    threshold : float
        ``inf`` is never, ``-inf`` is always.
    """

    kind: ClassVar[str] = "threshold"
    reads_costs: ClassVar[bool] = False

    threshold: float

    def decide(self, probability: ArrayLike, costs: CaseCosts | None = None) -> BoolArray:
        """Whether to act on each case; the costs are not looked at."""
        del costs
        return np.asarray(probability, dtype=np.float64) >= self.threshold

    def threshold_for(self, costs: Costs | None = None) -> float | None:
        """Its threshold."""
        del costs
        return self.threshold


RULES: tuple[type[Rule], ...] = (GainRule, ThresholdRule)


def cheapest_action(probability: FloatArray, cost: FloatArray) -> NDArray[np.intp]:
    """The action that costs least in expectation, for any number of classes and actions.

    Parameters
    ----------
    probability : array of shape (n_cases, n_classes)
        Calibrated.
    cost : array of shape (n_cases or 1, n_classes, n_actions)
        As `CaseCosts.by_action` has it; the first action is to do nothing.

    Returns
    -------
    action : int array of shape (n_cases,)
        Of actions that cost the same the last; the first where nothing is at stake.

    Notes
    -----
    `decide` is this for two classes and two actions, to the last bit and without the array.

    Examples
    --------
    Approve, ask for documents or decline, where asking costs 10 and finds out:

    >>> cost = np.array([[[0.0, 10.0, 50.0], [400.0, 10.0, 0.0]]])
    >>> cheapest_action(np.array([[0.99, 0.01], [0.9, 0.1], [0.1, 0.9]]), cost)
    array([0, 1, 2])
    """
    saved = cost[:, :, :1] - cost
    stake = np.abs(saved).max(axis=(1, 2), keepdims=True)
    gain = (probability[:, :, None] * (saved / np.where(stake > 0, stake, 1.0))).sum(axis=1)
    last = gain.shape[1] - 1 - np.argmax(gain[:, ::-1], axis=1)
    return np.where(stake.ravel() > 0, last, 0)


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
    """Share of the better baseline's cost that is avoided; NaN where that cost is not positive.

    Parameters
    ----------
    cost, never, always : float
        Mean cost of the decisions, of acting on nobody, and of acting on everybody.

    Returns
    -------
    savings : float
        1 for decisions that cost nothing, 0 for those no better than acting on nobody or on
        everybody, negative for worse. NaN where the better of these two already costs nothing or
        earns money: the share is then meaningless, see `gain_share`.

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
    """Share of what perfect decisions would gain over the better baseline; NaN if nothing.

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
