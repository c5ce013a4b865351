"""One pass over sorted scores: who is acted on, and what that costs, at every threshold there is."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from costopt.decision.case_costs import CaseCosts

__all__ = ["counting_sweep", "summing_sweep", "sweep"]

FloatArray = NDArray[np.float64]
AnyFloatArray = NDArray[np.floating]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]
Float = TypeVar("Float", bound=np.floating)


def sweep(score: NDArray[Float]) -> tuple[NDArray[Float], IntArray, IntArray]:
    """Every threshold that decides differently, and the cases that it acts on.

    Parameters
    ----------
    score : array of shape (n_cases,)
        Finite.

    Returns
    -------
    thresholds : array of shape (n_thresholds,)
        ``inf`` (never), then every distinct score in descending order, then ``-inf`` (always).
    n_acted : int array of shape (n_thresholds,)
        How many cases have a score of at least the threshold.
    order : int array of shape (n_cases,)
        The cases in descending order of score: the first ``n_acted`` are acted on.

    Examples
    --------
    >>> thresholds, n_acted, order = sweep(np.array([0.2, 0.9, 0.2]))
    >>> thresholds, n_acted, order
    (array([ inf,  0.9,  0.2, -inf]), array([0, 1, 3, 3]), array([1, 0, 2]))
    """
    order = np.argsort(-score, kind="stable")
    thresholds, below = _steps(score[order[::-1]])
    return thresholds, np.append(score.size - below[::-1], score.size), order


def counting_sweep(
    y: BoolArray, score: AnyFloatArray, case: CaseCosts, *, rare: bool
) -> tuple[AnyFloatArray, FloatArray, float]:
    """Sweep where the commoner class has constant costs: only the rarer one may need an order.

    Sorting numbers is several times faster than sorting indices, and a stable sort merges two
    sorted runs in one pass. Large arrays are written in place: to allocate them costs as much as
    to fill them.
    """
    rare_rows = y == rare
    rare_score = score[rare_rows]
    rare_cells = {cell: getattr(case, cell) for cell in (("fn", "tp") if rare else ("tn", "fp"))}
    if all(cost.ndim == 0 for cost in rare_cells.values()):
        rare_score.sort()
    else:
        order = np.argsort(rare_score)
        rare_score = rare_score[order]
        rare_cells = {
            cell: cost[rare_rows][order] if cost.ndim else cost for cell, cost in rare_cells.items()
        }
    common_score = score[~rare_rows]
    common_score.sort()
    n_rare, n_common = rare_score.size, common_score.size
    ranked = np.concatenate((common_score, rare_score))
    del common_score
    rare_below = np.zeros(score.size + 1, dtype=np.intp)
    np.cumsum(np.argsort(ranked, kind="stable") >= n_common, out=rare_below[1:])
    ranked.sort(kind="stable")
    thresholds, below = _steps(ranked)
    del ranked
    if below.size < rare_below.size:  # ties are acted on together
        rare_below = rare_below[below]

    mean = np.zeros(thresholds.size)
    rising = mean[-2::-1]
    scratch = np.empty(rising.size)
    left, acted = rare_cells.values()
    size = _add_spent(rising, scratch, left, rare_below, n_rare, acted=False)
    size += _add_spent(rising, scratch, acted, rare_below, n_rare, acted=True)
    common_below = np.subtract(below, rare_below, out=below)
    left, acted = (case.tn, case.fp) if rare else (case.fn, case.tp)
    size += _add_spent(rising, scratch, left, common_below, n_common, acted=False)
    size += _add_spent(rising, scratch, acted, common_below, n_common, acted=True)
    mean[-1] = mean[-2]
    mean /= score.size
    return thresholds, mean, size / score.size


def _add_spent(
    total: FloatArray,
    scratch: FloatArray,
    cost: FloatArray,
    below: IntArray,
    n_cases: int,
    *,
    acted: bool,
) -> float:
    """Add what a class's cases below each threshold cost, or those above it; the sum of magnitudes.

    ``cost`` is one number, or one per case of the class in ascending order of score.
    """
    if not cost.any():
        return 0.0
    if cost.ndim == 0:
        np.copyto(scratch, below)
        if acted:
            np.subtract(n_cases, scratch, out=scratch)
        scratch *= float(cost)
        size = abs(float(cost)) * n_cases
    else:
        # what the first k cases of the class cost, or all but the first k
        sums = np.zeros(cost.size + 1)
        if acted:
            np.cumsum(cost[::-1], out=sums[-2::-1])
        else:
            np.cumsum(cost, out=sums[1:])
        np.take(sums, below, out=scratch)
        size = float(np.abs(cost).sum())
    total += scratch
    return size


def summing_sweep(
    y: BoolArray, score: AnyFloatArray, case: CaseCosts, weight: FloatArray | None
) -> tuple[AnyFloatArray, FloatArray, float]:
    """Sweep for any costs and weights.

    Costs of the cases acted on and of those left are summed apart, so that nothing cancels and
    what is free stays exactly 0.
    """
    order = np.argsort(score)
    pair = np.empty((score.size, 2))
    for column, if_positive, if_negative in ((0, case.tp, case.fp), (1, case.fn, case.tn)):
        np.copyto(pair[:, column], if_negative)
        np.copyto(pair[:, column], if_positive, where=y)
    total_weight = float(y.size)
    if weight is not None:
        pair *= weight[:, None]
        total_weight = float(weight.sum())
    pair = np.take(pair, order, axis=0)  # several times faster than pair[order]
    del order
    blocks = range(0, y.size, 2**20)
    size = sum(float(np.abs(pair[start : start + 2**20]).sum()) for start in blocks)
    acted, left = pair.T
    np.cumsum(acted[::-1], out=acted[::-1])
    np.cumsum(left, out=left)
    thresholds, below = _steps(np.sort(score))
    mean = np.empty(thresholds.size)
    rising = mean[-2::-1]
    rising[0] = acted[0]
    if below.size > score.size:
        rising[1:] = left
        rising[1:-1] += acted[1:]
    else:  # ties are acted on together
        rising[1:] = left[below[1:] - 1]
        rising[1:-1] += acted[below[1:-1]]
    mean[-1] = mean[-2]
    mean /= total_weight
    return thresholds, mean, size / total_weight


def _steps(ranked: NDArray[Float]) -> tuple[NDArray[Float], IntArray]:
    """Thresholds from never to always, and how many cases lie below each, from the lowest up.

    The count of "always" is that of the lowest score, so there is one count less.
    """
    last_of_ties = np.empty(ranked.size, dtype=bool)
    np.not_equal(ranked[1:], ranked[:-1], out=last_of_ties[:-1])
    last_of_ties[-1] = True
    below = np.zeros(np.count_nonzero(last_of_ties) + 1, dtype=np.intp)
    below[1:] = np.flatnonzero(last_of_ties)
    below[1:] += 1
    thresholds = np.empty(below.size + 1, dtype=ranked.dtype)
    thresholds[0], thresholds[-1] = np.inf, -np.inf
    distinct = ranked if below.size > ranked.size else ranked[last_of_ties]
    thresholds[-2:0:-1] = distinct
    return thresholds, below
