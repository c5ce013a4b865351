"""The exact curve of out-of-fold probabilities, thinned to the thresholds that somebody may ask for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from costopt.decision.case_costs import CaseCosts
from costopt.decision.sweeps import sweep
from costopt.decision.thresholds import cost_curve
from costopt.evaluation.choice import RuleChoice
from costopt.evaluation.draws import Draws, sums_by
from costopt.evaluation.operating import (
    CELLS,
    MAX_POINTS,
    MIN_ROWS,
    Cell,
    OperatingCurve,
    OperatingPoint,
)

__all__ = ["trace"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

# Distinct probabilities kept on either side of the cheapest threshold and of the selected one.
NEIGHBOURS = 150
# Corners of the convex hull kept: each is the cheapest threshold at some ratio of the costs.
CORNERS = 200
# Two-sided 5 % of the normal distribution.
SIGNIFICANT = 1.96
# Thresholds whose differences are measured at a time, to bound memory.
BLOCK = 64


def trace(
    y: BoolArray,
    probability: FloatArray,
    costs: CaseCosts,
    known: CaseCosts,
    choice: RuleChoice,
    draws: Draws,
    weight: FloatArray | None = None,
) -> OperatingCurve:
    """The curve of some cases.

    Parameters
    ----------
    y : bool array of shape (n_cases,)
    probability : array of shape (n_cases,)
        Calibrated, by models and maps that did not see the case.
    costs : CaseCosts
        What decisions turn out to cost.
    known : CaseCosts
        What the rule may know of them.
    choice : RuleChoice
        The rule of the policy, and its decisions on these cases.
    draws : Draws
        Which rows belong together, for the standard error of a difference.
    weight : array of shape (n_cases,), optional
        How many cases of the population each row stands for.
    """
    stands_for = np.ones(y.size) if weight is None else weight
    best = cost_curve(y, probability, costs, weight).best().threshold
    own = choice.rule.threshold_for(known)
    named = [best] if own is None else [best, own]

    distinct, n_acted, order = sweep(probability)
    count = np.stack([(stands_for * is_class)[order] for is_class in (~y, y)])
    kept = _kept(n_acted, count, costs, order, [_position(distinct, each) for each in named])

    thresholds = np.concatenate((distinct[kept], named))
    positions = np.concatenate((kept, [_position(distinct, each) for each in named]))
    thresholds, first = np.unique(-thresholds, return_index=True)
    thresholds, acted = -thresholds, n_acted[positions[first]]

    false_alarms, caught = (_before(column, acted) for column in count)
    cells = _cells(y[order], stands_for[order], costs.take(order), acted)
    flat = _flat(y, probability, costs, draws, thresholds, best)
    enough = thresholds[(acted >= MIN_ROWS) & (y.size - acted >= MIN_ROWS)]
    return OperatingCurve(
        _plain(thresholds),
        _plain(caught),
        _plain(false_alarms),
        cells,
        _selected(y, choice.act, costs, stands_for, own, caught, false_alarms),
        float(best),
        flat,
        (float(enough[-1]), float(enough[0])) if enough.size else None,
    )


def _position(distinct: FloatArray, threshold: float) -> int:
    """The last of the descending thresholds that is at least the one asked for."""
    return int(np.searchsorted(-distinct, -threshold, side="right")) - 1


def _kept(
    n_acted: IntArray, count: FloatArray, costs: CaseCosts, order: IntArray, near: list[int]
) -> IntArray:
    """Positions of the thresholds to keep, ascending: at most `MAX_POINTS` with those named."""
    last = n_acted.size - 1
    if last < MAX_POINTS - len(near):
        return np.arange(last + 1)
    found = {0, last}
    for position in near:
        found |= set(range(max(position - NEIGHBOURS, 0), min(position + NEIGHBOURS, last) + 1))
    corners = _corners(n_acted, count, costs, order)
    found |= set(_spread(corners, CORNERS).tolist())
    # evenly by cases acted on, and more of them where few are: alarms are mostly rare
    left = MAX_POINTS - len(near) - len(found)
    share = np.concatenate((np.linspace(0, 1, left // 2), np.geomspace(1e-4, 1, left - left // 2)))
    found |= set(np.searchsorted(n_acted, share * n_acted[-1]).tolist())
    return np.array(sorted(found), dtype=np.intp)


def _corners(n_acted: IntArray, count: FloatArray, costs: CaseCosts, order: IntArray) -> IntArray:
    """Positions on the convex hull of what is lost and won: pools of adjacent violators find it.

    Of counts, where costs are constant; else of regrets, those of the wrong sign left out.

    References
    ----------
    T. Fawcett, A. Niculescu-Mizil (2007). PAV and the ROC Convex Hull. Machine Learning 68, 97-106.
    """
    regrets = (costs.fp_regret, costs.fn_regret)
    stakes = [
        column * np.maximum(regret[order], 0) if regret.ndim else column
        for column, regret in zip(count, regrets, strict=True)
    ]
    lost, won = (np.diff(_before(stake, n_acted)) for stake in stakes)
    size = np.maximum(lost, 0) + np.maximum(won, 0)
    at_stake = np.flatnonzero(size > 0)
    if not at_stake.size:
        return np.empty(0, dtype=np.intp)
    share = np.maximum(won, 0)[at_stake] / size[at_stake]
    blocks = isotonic_regression(share, weights=size[at_stake], increasing=False).blocks
    return np.asarray(at_stake[blocks[1:] - 1] + 1, dtype=np.intp)


def _spread(positions: IntArray, n_wanted: int) -> IntArray:
    """At most so many of them, evenly."""
    if positions.size <= n_wanted:
        return positions
    return positions[np.linspace(0, positions.size - 1, n_wanted).astype(np.intp)]


def _before(column: FloatArray, ends: IntArray) -> FloatArray:
    """Sums of the first so many entries."""
    return np.concatenate(([0.0], np.cumsum(column)))[ends]


def _cells(
    y: BoolArray, weight: FloatArray, costs: CaseCosts, acted: IntArray
) -> tuple[Cell, Cell, Cell, Cell]:
    """The four costs, as `OperatingCurve` holds them; rows in descending order of probability."""

    def cell(name: str, is_class: BoolArray, *, is_acted: bool) -> Cell:
        cost = getattr(costs, name)
        if not cost.ndim:
            return float(cost)
        spent = np.where(is_class, cost, 0.0) * weight
        # those left are summed from the end, so that nothing cancels
        return _plain(_before(spent, acted) if is_acted else _before(spent[::-1], y.size - acted))

    return (
        cell("fp", ~y, is_acted=True),
        cell("fn", y, is_acted=False),
        cell("tp", y, is_acted=True),
        cell("tn", ~y, is_acted=False),
    )


def _selected(
    y: BoolArray,
    act: BoolArray,
    costs: CaseCosts,
    weight: FloatArray,
    threshold: float | None,
    caught: FloatArray,
    false_alarms: FloatArray,
) -> OperatingPoint:
    """The point of the policy's rule."""
    falls_to = {"fp": act & ~y, "fn": ~act & y, "tp": act & y, "tn": ~act & ~y}
    counts = {name: float(weight[rows].sum()) for name, rows in falls_to.items()}
    fp, fn, tp, tn = (
        float(weight[rows] @ cost[rows]) if (cost := getattr(costs, name)).ndim else float(cost)
        for name, rows in falls_to.items()
    )
    # sums in another order differ in the last digit: none exceeds what there is
    hits = min(counts["tp"], float(caught[-1]))
    alarms = min(counts["fp"], float(false_alarms[-1]))
    varies = [bool(getattr(costs, name).ndim) for name in CELLS]
    return OperatingPoint(
        threshold,
        hits,
        alarms,
        float(caught[-1]) - hits,
        float(false_alarms[-1]) - alarms,
        (fp, fn, tp, tn),
        (varies[0], varies[1], varies[2], varies[3]),
    )


def _flat(
    y: BoolArray,
    probability: FloatArray,
    costs: CaseCosts,
    draws: Draws,
    thresholds: FloatArray,
    best: float,
) -> tuple[float, float]:
    """The lowest and the highest threshold that is statistically tied with the cheapest."""
    change = np.where(y, -costs.fn_regret, costs.fp_regret)  # what acting adds to a row's cost
    change = change / (np.abs(change).max() or 1.0)  # squared below, in whatever currency
    weight = (
        np.full(y.size, 1 / y.size) if draws.weight is None else draws.weight / draws.weight.sum()
    )
    # the first threshold that acts on the row
    acts_from = np.searchsorted(-thresholds, -probability, side="left")
    by_threshold = np.argsort(acts_from, kind="stable")
    starts = np.searchsorted(acts_from[by_threshold], np.arange(thresholds.size + 1))
    part, share = draws.part, draws.part_weight
    n_parts = share.size
    added = change * weight

    home = int(np.flatnonzero(thresholds == best)[0])
    so_far = -sums_by(part, np.where(acts_from <= home, added, 0.0), n_parts)
    alike = np.zeros(thresholds.size, dtype=bool)
    for start in range(0, thresholds.size, BLOCK):
        stop = min(start + BLOCK, thresholds.size)
        rows = by_threshold[starts[start] : starts[stop]]
        place = (acts_from[rows] - start) * n_parts + part[rows]
        totals = sums_by(place, added[rows], n_parts * (stop - start)).reshape(-1, n_parts)
        totals[0] += so_far
        np.cumsum(totals, axis=0, out=totals)
        so_far = totals[-1].copy()
        extra = totals.sum(axis=1)
        # `standard_error` of each, multiplied out
        squares = np.einsum("ij,ij->i", totals, totals) + extra**2 * (share @ share)
        error = np.sqrt(np.maximum(squares - 2 * extra * (totals @ share), 0))
        alike[start:stop] = extra <= SIGNIFICANT * error
    alike[home] = True
    found = thresholds[alike]
    return float(found[-1]), float(found[0])


def _plain(values: FloatArray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
