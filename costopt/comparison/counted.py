"""Costs that act twice, in training and in the threshold, and thresholds chosen on test rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.comparison.findings import Finding
from costopt.decision.checks import as_floats, as_labels
from costopt.decision.costs import Costs, as_case_costs
from costopt.decision.odds import OddsLedger, logit
from costopt.decision.thresholds import bayes_threshold, cost_curve
from costopt.errors import DataError
from costopt.inputs.row_labels import check_same_rows

__all__ = ["ENOUGH", "check_threshold", "costs_counted_twice", "double_counting"]

FloatArray = NDArray[np.float64]

# Weights are blunt: only what differs by more than this factor is said.
ENOUGH = 1.5
# With fewer thresholds that are statistically tied, to hit the very cheapest is no surprise.
CUTS_FOR_A_SURPRISE = 20
N_HALVES = 50


def costs_counted_twice(
    multipliers: OddsLedger | Mapping[str, float] | float,
    threshold: ArrayLike,
    costs: Costs,
) -> Finding | None:
    """Whether training and threshold together say other costs than were declared.

    Meant for a model of your own that was trained with weights or on sampled rows, and whose scores
    are then compared with a threshold: 0.5, the Bayes threshold of the costs, or any other.

    Parameters
    ----------
    multipliers : OddsLedger, mapping of str to float, or float
        What each step of the training multiplied the odds by: class weights by their ratio,
        sampling by positives per negative afterwards over before.
    threshold : float or array-like of shape (n_cases,)
        The threshold on the model's own scores, in (0, 1).
    costs : CostMatrix or CaseCosts
        Constant, or for these cases.

    Returns
    -------
    finding : Finding or None
        ``costs-counted-twice`` where both carry the costs; ``asserted-costs-differ`` where they
        say something else than the costs in another way; None where they agree within a factor
        of 1.5, as weights from costs with a threshold of 0.5 do.

    Raises
    ------
    CostSpecError
        If a multiplier is not a positive number.
    DataError
        If a threshold does not lie between 0 and 1, or the costs give no threshold.

    Warns
    -----
    CostOptWarning
        With the finding's code and words.

    Notes
    -----
    A threshold ``t`` on the score under a multiplier ``w`` is one on the probability whose odds are
    those of ``t`` divided by ``w`` (Elkan, 2001, theorem 2). It asserts that a miss costs
    ``w (1 - t) / t`` false alarms. With costs per case, the median over cases is reported.

    References
    ----------
    C. Elkan (2001). The Foundations of Cost-Sensitive Learning. IJCAI, 973-978.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> costs = CostMatrix(fn=99, fp=1)
    >>> costs_counted_twice({"class weights": 99}, 0.5, costs) is None
    True
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     found = costs_counted_twice({"class weights": 99}, 0.01, costs)
    >>> found.code
    'costs-counted-twice'
    >>> print(found.evidence)
    training multiplied the odds by 99 (class weights 99), and a threshold of 0.01 multiplies by 99 more: \
together a miss counts as 9,801 false alarms, and the costs say 99, so it is paid 99 times over; on \
the probability, the threshold is 0.000102 instead of 0.01
    """
    finding = double_counting(multipliers, threshold, costs)
    if finding is not None:
        finding.warn()
    return finding


def double_counting(
    multipliers: OddsLedger | Mapping[str, float] | float, threshold: ArrayLike, costs: Costs
) -> Finding | None:
    """What `costs_counted_twice` finds, without its warning."""
    check_same_rows(threshold=threshold, costs=costs)
    ledger = _as_ledger(multipliers)
    acts_from = as_floats(threshold, "threshold")
    bad = np.flatnonzero(~((acts_from > 0) & (acts_from < 1)))
    if bad.size:
        raise DataError(
            f"a threshold must lie between 0 and 1, got {acts_from.flat[bad[0]]} in place {bad[0]}: acting "
            "never or always counts no cost at all"
        )
    case = as_case_costs(costs, n_cases=acts_from.size if acts_from.ndim else None)
    wanted = bayes_threshold(case)
    ask = np.isfinite(wanted) & (wanted > 0) & (wanted < 1)
    if not ask.any():
        raise DataError(
            "the costs give no threshold between 0 and 1: one of the errors costs nothing or less"
        )
    acts_from, wanted = (part[ask] for part in np.broadcast_arrays(acts_from, wanted))
    declared = float(np.median(-logit(wanted)))
    by_threshold = float(np.median(-logit(acts_from)))
    by_training = math.log(ledger.multiplier)
    excess = float(np.median(-logit(acts_from) + logit(wanted))) + by_training
    if abs(excess) <= math.log(ENOUGH):
        return None
    # both push the same way, and together too far
    twice = min(by_training * math.copysign(1, excess), by_threshold * math.copysign(1, excess))
    factors = " x ".join(f"{step} {_short(factor)}" for step, factor in ledger.entries)
    median = " (medians over cases)" if acts_from.size > 1 else ""
    middle = float(np.median(acts_from))
    reached = float(1 / (1 + math.exp(min(by_training + by_threshold, 700.0))))
    asserted, said = _times(by_training + by_threshold), _times(declared)
    over = _short(math.exp(min(abs(excess), 700.0)))
    by_how_much = f"paid {over} times over" if excess > 0 else f"paid {over} times too little"
    remedy = (
        "undo the training first, OddsLedger.undo(score), and act from the Bayes threshold of the result; or "
        f"decide on the score itself at {_short(float(np.median(ledger.redo(wanted))))}"
    )
    if twice > math.log(ENOUGH):
        more = f"multiplies by {_times(by_threshold)} more"
        code = "costs-counted-twice"
        remedy += "; after synthetic rows, calibrate on real ones"
    else:
        more = f"multiplies by {_times(by_threshold)}"
        code = "asserted-costs-differ"
    return Finding(
        code,
        "error",
        f"training multiplied the odds by {_short(ledger.multiplier)}{f' ({factors})' if factors else ''}, "
        f"and a threshold of {_short(middle)} {more}: together a miss counts as {asserted} false alarms, and "
        f"the costs say {said}{median}, so it is {by_how_much}; on the probability, the threshold is "
        f"{_short(reached)} instead of {_short(float(np.median(wanted)))}",
        remedy,
    )


def check_threshold(
    threshold: float, y_test: ArrayLike, score_test: ArrayLike, costs: Costs
) -> Finding | None:
    """Whether a threshold looks as if it had been chosen on the very rows that it is judged on.

    Parameters
    ----------
    threshold : float
        Act when ``score >= threshold``.
    y_test : array-like of shape (n_cases,)
        0 or 1.
    score_test : array-like of shape (n_cases,)
    costs : CostMatrix or CaseCosts
        Constant, or for these cases.

    Returns
    -------
    finding : Finding or None
        ``threshold-on-test-rows``, with what the same way of choosing costs on other rows.

    Raises
    ------
    DataError, CostSpecError
        If labels, scores or costs cannot be used.

    Notes
    -----
    A threshold chosen elsewhere falls anywhere among the thresholds whose cost is statistically tied with the
    lowest: within two standard errors of the difference, over the rows between the two thresholds. Where
    there are twenty or more of those and it is exactly the cheapest of them, it is hardly chance. The Bayes
    threshold of the costs is never reported.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> rng = np.random.default_rng(0)
    >>> score = rng.random(2000) ** 3
    >>> y = rng.random(2000) < score
    >>> costs = CostMatrix(fn=5, fp=1)
    >>> chosen = cost_curve(y, score, costs).best().threshold
    >>> check_threshold(chosen, y, score, costs).code
    'threshold-on-test-rows'
    >>> check_threshold(1 / 6, y, score, costs) is None
    True
    """
    check_same_rows(y_test=y_test, score_test=score_test, costs=costs)
    y = as_labels(y_test, "y_test")
    score = as_floats(score_test, "score_test")
    threshold = float(as_floats(threshold, "threshold"))
    case = as_case_costs(costs, n_cases=y.size)
    best = cost_curve(y, score, case).best()
    if not (math.isfinite(threshold) and best.low < threshold <= best.high):
        return None
    bayes = bayes_threshold(case)
    if np.any(np.isclose(bayes, threshold, rtol=1e-6, atol=0)):
        return None
    plausible = _plausible_cuts(y, score, case, best.high)
    if plausible < CUTS_FOR_A_SURPRISE:
        return None
    elsewhere = _on_the_other_half(y, score, case)
    return Finding(
        "threshold-on-test-rows",
        "warning",
        f"of {plausible:,} statistically tied thresholds on these {y.size:,} rows, the threshold "
        f"{threshold:.4g} is exactly the cheapest, at {best.mean_cost:.4g} {case.unit} per case; chosen "
        f"in that way on one half of the rows, it costs {elsewhere:.4g} on the other",
        "choose it on other rows than those it is judged on: choose_threshold on training rows, out "
        "of fold",
    )


def _plausible_cuts(y: NDArray[np.bool_], score: FloatArray, case: Any, best: float) -> int:
    """Thresholds whose cost differs from the best one's by less than two standard errors."""
    if_act = np.where(y, case.tp, case.fp) - np.where(y, case.fn, case.tn)
    order = np.argsort(-score, kind="stable")
    ranked, change = score[order], if_act[order]
    ends = np.concatenate(([0], np.flatnonzero(ranked[:-1] != ranked[1:]) + 1, [score.size]))
    total = np.concatenate(([0.0], np.cumsum(change)))[ends]
    square = np.concatenate(([0.0], np.cumsum(change**2)))[ends]
    at = int(np.searchsorted(ends, np.count_nonzero(score >= best)))
    difference, between = total - total[at], np.abs(square - square[at])
    return int(np.count_nonzero(difference <= 2 * np.sqrt(between)))


def _on_the_other_half(y: NDArray[np.bool_], score: FloatArray, case: Any) -> float:
    """Mean cost on one half of the rows of the cheapest threshold of the other."""
    rng = np.random.default_rng(0)
    costs = []
    for _ in range(N_HALVES):
        rows = rng.permutation(y.size)
        chosen, judged = rows[: y.size // 2], rows[y.size // 2 :]
        acts_from = cost_curve(y[chosen], score[chosen], case.take(chosen)).best().threshold
        costs.append(float(cost_curve(y[judged], score[judged], case.take(judged)).at(acts_from)))
    return float(np.mean(costs))


def _as_ledger(multipliers: OddsLedger | Mapping[str, float] | float) -> OddsLedger:
    if isinstance(multipliers, OddsLedger):
        return multipliers
    named = multipliers if isinstance(multipliers, Mapping) else {"training": multipliers}
    ledger = OddsLedger()
    for step, factor in named.items():
        ledger = ledger.record(str(step), float(factor))
    return ledger


def _times(log_ratio: float) -> str:
    return _short(math.exp(min(log_ratio, 700.0)))


def _short(value: float) -> str:
    return f"{value:,.0f}" if 100 <= value < 1e7 else f"{value:.3g}"
