"""When to stop a trial early: after a few folds, on the rows where it and the best trial differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from costopt.evaluation.candidates import OutOfFold, evaluate_scores
from costopt.evaluation.draws import standard_error
from costopt.evaluation.problem import Problem

__all__ = ["Race"]

FloatArray = NDArray[np.float64]

# Chance, over all looks together, of stopping a trial that truly costs as much as one given rival.
# The rival is the one that looks best so far, so among many equal trials more than these are
# stopped: that costs trials that are not better, not trials that are.
ERROR = 0.05
# Fewer differing rows (or groups, or periods) than this say nothing.
LEAST_DIFFERENCES = 20


class Race:
    """Pits each trial against the best one so far, row by row, on the folds that it has finished.

    Costs of both come from rules that were fitted to no more than these folds. The error is
    shared out evenly over the looks (Bonferroni), which holds however they depend on each other.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._best: OutOfFold | None = None
        self._best_costs: dict[int, FloatArray] = {}
        self._bound = float(ndtri(1 - ERROR / max(problem.n_folds - 2, 1)))

    def enter(self, found: OutOfFold) -> None:
        """A trial was completed: it is the one to beat, if it is the cheapest so far."""
        if self._best is None or found.value < self._best.value:
            self._best = found
            self._best_costs = {}

    def is_lost(self, found: OutOfFold) -> bool:
        """Whether a trial costs significantly more than the best one, on the folds that it has finished."""
        if self._best is None:
            return False
        draws = self._problem.scored_by(found.n_folds).draws
        excess = draws.totals(found.row_cost - self._cost_of_best(found.n_folds))
        if np.count_nonzero(excess) < LEAST_DIFFERENCES:
            return False
        return bool(excess.sum() > self._bound * standard_error(excess, draws.part_weight))

    def _cost_of_best(self, n_folds: int) -> FloatArray:
        """What rows of the first folds cost under the best trial, judged on them alone."""
        best = self._best
        assert best is not None  # noqa: S101  # asked only once there is one
        if n_folds not in self._best_costs:
            rows = np.searchsorted(self._problem.scored.rows, self._problem.scored_by(n_folds).rows)
            self._best_costs[n_folds] = evaluate_scores(
                self._problem,
                best.candidate,
                best.raw[rows],
                n_rounds=best.n_rounds,
                odds_multipliers=best.odds_multipliers[:n_folds],
                sampling_ratios=best.sampling_ratios[:n_folds],
            ).row_cost
        return self._best_costs[n_folds]
