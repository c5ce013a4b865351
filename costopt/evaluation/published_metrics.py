"""Metrics that papers and regulators ask for, each a cost in disguise: which costs, is said of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression
from scipy.special import betainc

from costopt.decision.checks import as_floats, as_labels, as_probabilities, as_weights
from costopt.errors import DataError
from costopt.inputs.row_labels import check_same_rows

__all__ = [
    "brier_curve",
    "expected_maximum_profit_churn",
    "expected_maximum_profit_credit",
    "h_measure",
    "net_benefit",
]

FloatArray = NDArray[np.float64]


def h_measure(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    severity: tuple[float, float] | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Hand's H: the share of the best model-free cost that the scores save, over a spread of costs.

    Parameters
    ----------
    y_true : array-like of shape (n_cases,)
        0 or 1, both of them.
    y_score : array-like of shape (n_cases,)
        Higher for cases more likely positive; only their order counts.
    severity : tuple of float, optional
        Shape of the beta distribution of ``c``, the share of a false alarm in the cost of both
        errors. ``(1 + prevalence, 2 - prevalence)`` where None, whose mode is the prevalence.
    sample_weight : array-like of shape (n_cases,), optional

    Returns
    -------
    h : float
        1 for scores that separate the classes, 0 for those that tell nothing.

    Notes
    -----
    ``1 - int min_t [c pi0 FPR(t) + (1 - c) pi1 FNR(t)] u(c) dc / int min(c pi0, (1 - c) pi1) u(c) dc``,
    in closed form on the corners of the ROC hull.

    References
    ----------
    D. J. Hand (2009). Measuring classifier performance: a coherent alternative to the area under the
    ROC curve. Machine Learning 77, 103-123.
    D. J. Hand, C. Anagnostopoulos (2014). A better Beta for the H measure of classification
    performance. Pattern Recognition Letters 40, 41-46.

    Examples
    --------
    >>> round(h_measure([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.5
    >>> h_measure([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.8])
    1.0
    """
    positives, fpr, tpr = _hull(y_true, y_score, sample_weight)
    negatives = 1 - positives
    a, b = severity or (1 + positives, 1 + negatives)
    if not (a > 0 and b > 0):
        raise DataError(f"severity must be two numbers above 0, got {severity!r:.60}")
    won, lost = positives * np.diff(tpr), negatives * np.diff(fpr)
    edges = np.concatenate(([1.0], won / (won + lost), [0.0]))
    of_alarm = -np.diff(a / (a + b) * betainc(a + 1, b, edges))
    of_miss = -np.diff(b / (a + b) * betainc(a, b + 1, edges))
    cost = float(negatives * fpr @ of_alarm + positives * (1 - tpr) @ of_miss)
    always = negatives * a / (a + b) * float(betainc(a + 1, b, positives))
    never = positives * b / (a + b) * (1 - float(betainc(a, b + 1, positives)))
    return 1 - cost / (always + never)


def brier_curve(
    y_true: ArrayLike, y_prob: ArrayLike, sample_weight: ArrayLike | None = None
) -> tuple[FloatArray, FloatArray]:
    """Cost of deciding at ``p >= c``, where a false alarm costs ``2 c`` and a miss ``2 (1 - c)``.

    Parameters
    ----------
    y_true : array-like of shape (n_cases,)
        0 or 1.
    y_prob : array-like of shape (n_cases,)
        Probabilities of the positive class, taken at their word.
    sample_weight : array-like of shape (n_cases,), optional

    Returns
    -------
    c : array of shape (n_points,)
        Ascending from 0 to 1; where the cost jumps, twice.
    cost : array of shape (n_points,)
        Per case, linear in between; the area below it is the Brier score.

    References
    ----------
    J. Hernandez-Orallo, P. Flach, C. Ferri (2011). Brier Curves: a New Cost-Based Visualisation of
    Classifier Performance. ICML, 585-592.

    Examples
    --------
    >>> from scipy.integrate import trapezoid
    >>> c, cost = brier_curve([0, 1], [0.25, 0.75])
    >>> float(trapezoid(cost, c))
    0.0625
    """
    y, p, weight = _checked(y_true, y_prob, sample_weight)
    order = np.argsort(p, kind="stable")
    ranked, of_row = p[order], (weight / weight.sum())[order]
    alarm = np.where(y[order], 0.0, of_row)
    alarms = np.concatenate(([alarm.sum()], alarm.sum() - np.cumsum(alarm)))
    misses = np.concatenate(([0.0], np.cumsum(np.where(y[order], of_row, 0.0))))
    c = np.concatenate(([0.0], np.repeat(ranked, 2), [1.0]))
    at = np.concatenate(([0], np.repeat(np.arange(y.size), 2) + np.tile([0, 1], y.size), [y.size]))
    return c, np.asarray(2 * (c * np.maximum(alarms[at], 0) + (1 - c) * misses[at]))


def net_benefit(
    y_true: ArrayLike,
    y_prob: ArrayLike,
    threshold: ArrayLike,
    sample_weight: ArrayLike | None = None,
) -> FloatArray:
    """True positives less false ones, exchanged at the odds of the threshold: the decision curve.

    Parameters
    ----------
    y_true : array-like of shape (n_cases,)
        0 or 1.
    y_prob : array-like of shape (n_cases,)
    threshold : array-like
        Of any shape, each above 0 and below 1; a case is acted on when ``p >= threshold``.
    sample_weight : array-like of shape (n_cases,), optional

    Returns
    -------
    benefit : array of the shape of ``threshold``
        In true positives per case: ``TP/n - FP/n * t / (1 - t)``, which is the prevalence less the
        mean cost where a false alarm costs ``t / (1 - t)`` and a miss 1.

    References
    ----------
    A. J. Vickers, E. B. Elkin (2006). Decision Curve Analysis. Medical Decision Making 26, 565-574.

    Examples
    --------
    >>> net_benefit([1, 0, 0, 1], [0.9, 0.6, 0.2, 0.4], [0.5, 0.2])
    array([0.   , 0.375])
    """
    y, p, weight = _checked(y_true, y_prob, sample_weight)
    t = as_floats(threshold, "threshold")
    if not np.all((t > 0) & (t < 1)):
        raise DataError("threshold must lie above 0 and below 1: its odds exchange the two errors")
    order = np.argsort(p, kind="stable")
    of_row = (weight / weight.sum())[order]
    after = [
        np.concatenate((np.cumsum(np.where(rows, of_row, 0.0)[::-1])[::-1], [0.0]))
        for rows in (y[order], ~y[order])
    ]
    at = np.searchsorted(p[order], t, side="left")
    return np.asarray(after[0][at] - after[1][at] * t / (1 - t))


def expected_maximum_profit_churn(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    lifetime_value: float = 200.0,
    incentive: float = 10.0,
    contact: float = 1.0,
    acceptance: tuple[float, float] = (6.0, 14.0),
    sample_weight: ArrayLike | None = None,
) -> float:
    """Profit per customer of a retention campaign at the best size, averaged over who accepts.

    Parameters
    ----------
    y_true : array-like of shape (n_cases,)
        1 for churners.
    y_score : array-like of shape (n_cases,)
    lifetime_value, incentive, contact : float
        What a customer who stays is worth, what the offer costs where it is taken, and what every
        contact costs.
    acceptance : tuple of float, default=(6, 14)
        Shape of the beta distribution of the share of churners who take the offer and stay.
    sample_weight : array-like of shape (n_cases,), optional

    Returns
    -------
    profit : float
        In the unit of ``lifetime_value``, per customer; at least 0, since nobody need be contacted.

    References
    ----------
    T. Verbraken, W. Verbeke, B. Baesens (2013). A Novel Profit Maximizing Metric for Measuring
    Classification Performance of Customer Churn Prediction Models. IEEE Transactions on Knowledge and
    Data Engineering 25, 961-973.

    Examples
    --------
    >>> round(expected_maximum_profit_churn([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 3)
    25.25
    """
    if not (lifetime_value > incentive >= 0 and contact >= 0):
        raise DataError(
            "lifetime_value must be above incentive, and incentive and contact at least 0, got "
            f"{lifetime_value!r}, {incentive!r} and {contact!r}"
        )
    churners, fpr, tpr = _hull(y_true, y_score, sample_weight)
    hits, others = churners * tpr, (1 - churners) * fpr
    with np.errstate(divide="ignore"):
        exchange = np.diff(others) / np.diff(hits)
    # the acceptance from which the next corner of the hull earns more
    edges = ((incentive + contact) * exchange + contact) / (lifetime_value - incentive)
    edges = np.clip(np.concatenate(([0.0], edges, [1.0])), 0.0, 1.0)
    a, b = acceptance
    share = np.diff(betainc(a, b, edges))
    accepted = np.diff(a / (a + b) * betainc(a + 1, b, edges))
    earned = (lifetime_value - incentive) * accepted - contact * share
    return float(earned @ hits - (incentive + contact) * share @ others)


def expected_maximum_profit_credit(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    nothing_lost: float = 0.55,
    all_lost: float = 0.10,
    return_on_investment: float = 0.2644,
    sample_weight: ArrayLike | None = None,
) -> float:
    """What a score saves at the best share refused, per unit lent, averaged over what defaults lose.

    Parameters
    ----------
    y_true : array-like of shape (n_cases,)
        1 for defaults.
    y_score : array-like of shape (n_cases,)
        Higher for cases more likely to default.
    nothing_lost, all_lost : float
        Chances that a default loses nothing, or the whole loan; in between all shares are alike.
    return_on_investment : float
        What a good loan earns, and its refusal costs.
    sample_weight : array-like of shape (n_cases,), optional

    Returns
    -------
    profit : float
        As a share of the amount lent, over granting every loan.

    References
    ----------
    T. Verbraken, C. Bravo, R. Weber, B. Baesens (2014). Development and application of consumer credit
    scoring models using profit-based classification measures. European Journal of Operational
    Research 238, 505-513.

    Examples
    --------
    >>> round(expected_maximum_profit_credit([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.1108
    """
    between = 1 - nothing_lost - all_lost
    if min(nothing_lost, all_lost, between) < 0:
        raise DataError(
            "nothing_lost and all_lost must be chances that add up to at most 1, got "
            f"{nothing_lost!r} and {all_lost!r}"
        )
    defaults, fpr, tpr = _hull(y_true, y_score, sample_weight)
    bad, good = defaults * tpr, (1 - defaults) * fpr
    with np.errstate(divide="ignore"):
        edges = return_on_investment * np.diff(good) / np.diff(bad)
    edges = np.clip(np.concatenate(([0.0], edges, [1.0])), 0.0, 1.0)
    share, loss = between * np.diff(edges), between * np.diff(edges**2) / 2
    profit = float(loss @ bad - return_on_investment * share @ good)
    return profit + all_lost * max(float(np.max(bad - return_on_investment * good)), 0.0)


def _hull(
    y_true: ArrayLike, y_score: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[float, FloatArray, FloatArray]:
    """Prevalence, and the corners of the ROC hull from never to always."""
    check_same_rows(y_true=y_true, y_score=y_score, sample_weight=sample_weight)
    y, score = as_labels(y_true, "y_true"), as_floats(y_score, "y_score")
    if score.shape != y.shape or not np.all(np.isfinite(score)):
        raise DataError(f"y_score must have a finite number for each of the {y.size} cases")
    weight = np.ones(y.size) if sample_weight is None else as_weights(sample_weight, y.size)
    totals = float(weight[~y].sum()), float(weight[y].sum())
    if not min(totals) > 0:
        raise DataError("both classes must be there: with one class there is nothing to rank")
    _, at = np.unique(-score, return_inverse=True)
    positive = np.bincount(at, np.where(y, weight, 0.0))
    negative = np.bincount(at, np.where(y, 0.0, weight))
    total = positive + negative
    counts = total > 0
    share = positive[counts] / total[counts]
    blocks = isotonic_regression(share, weights=total[counts], increasing=False).blocks
    corners = [
        np.concatenate(([0.0], np.cumsum(each[counts])))[blocks] for each in (negative, positive)
    ]
    fpr, tpr = (each / each[-1] for each in corners)
    return totals[1] / sum(totals), fpr, tpr


def _checked(
    y_true: ArrayLike, y_prob: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[NDArray[np.bool_], FloatArray, FloatArray]:
    check_same_rows(y_true=y_true, y_prob=y_prob, sample_weight=sample_weight)
    y, p = as_labels(y_true, "y_true"), as_probabilities(y_prob, "y_prob")
    if p.shape != y.shape or not y.size:
        raise DataError(f"y_prob is for {p.size} cases but y_true has {y.size}")
    weight = np.ones(y.size) if sample_weight is None else as_weights(sample_weight, y.size)
    return y, p, weight
