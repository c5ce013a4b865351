"""What is kept of an evaluated candidate: enough to compare, to select and to make its policy."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.evaluation.candidates import Candidate, OutOfFold, evaluate_stored
from costopt.evaluation.problem import Problem
from costopt.evaluation.trial import evaluate

__all__ = ["Record", "key_of"]

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Record:
    """What is kept of a candidate that was evaluated on all folds.

    Parameters
    ----------
    found : OutOfFold
        Without what there is one of per row.
    cost, loss : array of shape (n_parts,)
        `Draws.totals` of its cost, in the problem's scaled unit, and of its log loss. There are
        at most 20,000 parts, however many rows.
    log_odds : float32 array of shape (n_scored,), optional
        Of its scores, where they may be wanted again.
    """

    found: OutOfFold
    cost: FloatArray
    loss: FloatArray
    log_odds: Float32Array | None

    @classmethod
    def of(cls, problem: Problem, found: OutOfFold) -> Record:
        """The record of a candidate, with its scores."""
        totals = problem.scored.draws.totals
        return cls(
            found.without_rows(), totals(found.row_cost), totals(found.row_loss), found.log_odds
        )

    def whole(self, problem: Problem) -> OutOfFold:
        """What was found, with its rows again; evaluated anew where its scores were not kept."""
        if self.log_odds is None:
            return evaluate(problem, self.found.candidate)
        return evaluate_stored(
            problem,
            self.found.candidate,
            self.log_odds,
            n_rounds=self.found.n_rounds,
            odds_multipliers=self.found.odds_multipliers,
            sampling_ratios=self.found.sampling_ratios,
        )


def key_of(candidate: Candidate) -> str:
    """The same for candidates that are the same to a search."""
    parts = [
        candidate.learner,
        dict(candidate.params),
        str(candidate.resampling),
        candidate.sampling_ratio,
        candidate.threshold,
    ]
    return json.dumps(parts, sort_keys=True)
