"""All that people ask of a set of decisions, in one call; scikit-learn's functions inside.

A metric is a function of `Decided` in `METRICS`; there it is added, and `decision_metrics` and
`compare` have it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.checks import as_labels, as_probabilities, as_weights
from costopt.decision.costs import Costs
from costopt.decision.rules import (
    always_cost,
    gain_share,
    mean_cost,
    never_cost,
    perfect_cost,
    savings,
)
from costopt.errors import DataError
from costopt.inputs.row_labels import check_same_rows

__all__ = ["METRICS", "decision_metrics"]


@dataclass(frozen=True, eq=False)
class Decided:
    """Decisions beside labels, as metrics see them.

    Parameters
    ----------
    y, act : bool array of shape (n_cases,)
    costs : CostMatrix or CaseCosts
    probability : array of shape (n_cases,) or None
        Behind the decisions.
    weight : array of shape (n_cases,) or None
        How many cases of the population each case stands for.
    tp, fp, fn, tn : float
        Cases by label and decision, each as many as it stands for.
    cost, never, always, perfect : float
        Mean cost of the decisions, of acting on nobody and on everybody, and of an oracle.
    """

    y: NDArray[np.bool_]
    act: NDArray[np.bool_]
    costs: Costs
    probability: NDArray[np.float64] | None
    weight: NDArray[np.float64] | None
    tp: float
    fp: float
    fn: float
    tn: float
    cost: float
    never: float
    always: float
    perfect: float

    @property
    def n_cases(self) -> float:
        """All cases, each as many as it stands for."""
        return self.tp + self.tn + self.fp + self.fn


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else math.nan


def _recall(of: Decided) -> float:
    return _ratio(of.tp, of.tp + of.fn)


def _specificity(of: Decided) -> float:
    return _ratio(of.tn, of.tn + of.fp)


def _ranking(name: str) -> Callable[[Decided], float]:
    """A metric of scikit-learn that needs probabilities and, with some weight, both classes."""

    def found(of: Decided) -> float:
        from sklearn import metrics

        if of.probability is None or not (of.tp + of.fn > 0 and of.tn + of.fp > 0):
            return math.nan
        return float(getattr(metrics, name)(of.y, of.probability, sample_weight=of.weight))

    return found


def _brier_score(of: Decided) -> float:
    from sklearn import metrics

    if of.probability is None:
        return math.nan
    labels = [False, True]
    return float(
        metrics.brier_score_loss(of.y, of.probability, sample_weight=of.weight, labels=labels)
    )


METRICS: dict[str, Callable[[Decided], float]] = {
    "precision": lambda of: _ratio(of.tp, of.tp + of.fp),
    "recall": _recall,
    "f1": lambda of: _ratio(2 * of.tp, 2 * of.tp + of.fp + of.fn),
    "specificity": _specificity,
    "g_mean": lambda of: math.sqrt(_recall(of) * _specificity(of)),
    "accuracy": lambda of: _ratio(of.tp + of.tn, of.n_cases),
    "alert_share": lambda of: _ratio(of.tp + of.fp, of.n_cases),
    "roc_auc": _ranking("roc_auc_score"),
    "average_precision": _ranking("average_precision_score"),
    "brier_score": _brier_score,
}
# What a comparison states with intervals, and not among its metrics.
MONEY: dict[str, Callable[[Decided], float]] = {
    "mean_cost": lambda of: of.cost,
    "savings": lambda of: savings(of.cost, of.never, of.always),
    "gain_share": lambda of: gain_share(of.cost, of.never, of.always, of.perfect),
}


def decision_metrics(
    y_true: ArrayLike,
    act: ArrayLike,
    costs: Costs,
    *,
    y_prob: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> dict[str, float]:
    """Counts-based, ranking and money metrics of decisions.

    Parameters
    ----------
    y_true : array-like of shape (n_cases,)
        0 or 1.
    act : array-like of shape (n_cases,)
        The decisions: 0 or 1.
    costs : CostMatrix or CaseCosts
        Constant, or for these cases.
    y_prob : array-like of shape (n_cases,), optional
        Probabilities behind the decisions, for the metrics that rank.
    sample_weight : array-like of shape (n_cases,), optional

    Returns
    -------
    metrics : dict of str to float
        Those of `METRICS` and `MONEY`: ``mean_cost`` in ``costs.unit`` per case; the rest without
        unit. NaN where a metric is not defined: precision without an alert, ranking metrics for
        one class or without ``y_prob``.

    Raises
    ------
    DataError
        If labels, decisions, probabilities or weights are not usable.

    Examples
    --------
    A guard who never stops anybody is 99 % accurate, and saves nothing:

    >>> from costopt import CostMatrix
    >>> y = [1] + [0] * 99
    >>> guard = decision_metrics(y, [0] * 100, CostMatrix(fp=10, tp=10, fn=1000))
    >>> guard["accuracy"], guard["recall"], guard["mean_cost"], guard["savings"]
    (0.99, 0.0, 10.0, 0.0)
    """
    from sklearn.metrics import confusion_matrix

    check_same_rows(y_true=y_true, act=act, costs=costs, y_prob=y_prob, sample_weight=sample_weight)
    y, action = as_labels(y_true, "y_true"), as_labels(act, "act")
    cost = mean_cost(y, action, costs, sample_weight)
    weight = None if sample_weight is None else as_weights(sample_weight, y.size)
    probability = None if y_prob is None else as_probabilities(y_prob, "y_prob")
    if probability is not None and probability.shape != y.shape:
        raise DataError(f"y_prob is for {probability.size} cases but y_true has {y.size}")
    (tn, fp), (fn, tp) = confusion_matrix(y, action, labels=[False, True], sample_weight=weight)
    bounds = (
        without(y, costs, sample_weight) for without in (never_cost, always_cost, perfect_cost)
    )
    of = Decided(y, action, costs, probability, weight, tp, fp, fn, tn, cost, *bounds)
    return {name: metric(of) for name, metric in {**METRICS, **MONEY}.items()}
