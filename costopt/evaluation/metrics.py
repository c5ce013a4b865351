"""All that people ask of a set of decisions, in one call; scikit-learn's functions inside."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

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

__all__ = ["decision_metrics"]


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
        ``mean_cost`` in ``costs.unit`` per case; the rest without unit. NaN where a metric is not
        defined: precision without an alert, ranking metrics for one class or without ``y_prob``.

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
    from sklearn import metrics

    check_same_rows(y_true=y_true, act=act, costs=costs, y_prob=y_prob, sample_weight=sample_weight)
    y, action = as_labels(y_true, "y_true"), as_labels(act, "act")
    cost = mean_cost(y, action, costs, sample_weight)
    never, always = (blanket(y, costs, sample_weight) for blanket in (never_cost, always_cost))
    weight = None if sample_weight is None else as_weights(sample_weight, y.size)
    (tn, fp), (fn, tp) = metrics.confusion_matrix(
        y, action, labels=[False, True], sample_weight=weight
    )
    recall, specificity = _ratio(tp, tp + fn), _ratio(tn, tn + fp)
    found = {
        "accuracy": _ratio(tp + tn, tp + tn + fp + fn),
        "precision": _ratio(tp, tp + fp),
        "recall": recall,
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "specificity": specificity,
        "g_mean": math.sqrt(recall * specificity),
        "alert_share": _ratio(tp + fp, tp + tn + fp + fn),
        "roc_auc": math.nan,
        "average_precision": math.nan,
        "brier_score": math.nan,
        "mean_cost": cost,
        "savings": savings(cost, never, always),
        "gain_share": gain_share(cost, never, always, perfect_cost(y, costs, sample_weight)),
    }
    if y_prob is None:
        return found
    probability = as_probabilities(y_prob, "y_prob")
    if probability.shape != y.shape:
        raise DataError(f"y_prob is for {probability.size} cases but y_true has {y.size}")
    found["brier_score"] = float(
        metrics.brier_score_loss(y, probability, sample_weight=weight, labels=[False, True])
    )
    if tp + fn > 0 and tn + fp > 0:  # both classes are there, with some weight
        found["roc_auc"] = float(metrics.roc_auc_score(y, probability, sample_weight=weight))
        found["average_precision"] = float(
            metrics.average_precision_score(y, probability, sample_weight=weight)
        )
    return found


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else math.nan
