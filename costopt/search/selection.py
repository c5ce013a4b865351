"""Which trial of a search is selected: one that is tied with the best, or an average of a few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from costopt.engine.records import Record
from costopt.evaluation.candidates import OutOfFold, corrected_scores, evaluate_scores
from costopt.evaluation.differences import difference_noise
from costopt.evaluation.draws import Draws, selection_bias
from costopt.evaluation.problem import Problem

__all__ = ["SELECTIONS", "SelectionKind", "choose"]

FloatArray = NDArray[np.float64]
SelectionKind = Literal["likelihood", "average", "cost", "cheapest"]
Members = tuple[int, ...]

SELECTIONS: tuple[SelectionKind, ...] = ("likelihood", "average", "cost", "cheapest")
# How many trials an average is of, beside the untuned model.
AVERAGED = 3


@dataclass(frozen=True, eq=False)
class Selection:
    """What was selected, and what the choice hides of its cost.

    Parameters
    ----------
    members : tuple of int
        Positions of the trials whose probabilities are averaged, the best first; mostly one.
    found : OutOfFold
        Of the average, with its rows.
    bias : float
        What the choice among trials hides of its mean cost; to be added.
    reason : str
        Why these.
    """

    members: Members
    found: OutOfFold
    bias: float
    reason: str


def choose(
    problem: Problem, records: Sequence[Record], untuned: Sequence[int], selection: SelectionKind
) -> Selection:
    """Choose among completed trials, and correct the cost of the chosen for the choice.

    Parameters
    ----------
    problem : Problem
    records : sequence of Record
    untuned : sequence of int
        Positions of the learners' untuned models, the most preferred first.
    selection : {"likelihood", "average", "cost", "cheapest"}

    Notes
    -----
    On six sets with four to six splits each, 16 to 25 trials, choosing by log loss saved 0.008 more
    on held-out rows than choosing by cost, which was no better than the untuned model: cost is a
    step function in which few rows count. ``benchmarks/selection.py`` repeats the comparison.
    """
    draws = problem.scored.draws
    criteria = np.stack(
        (
            np.stack([record.loss for record in records]),
            np.stack([record.cost for record in records]),
        )
    )
    select = _selector(selection, records, untuned, criteria, draws)

    @cache
    def cost_of(members: Members) -> FloatArray:
        if len(members) == 1:
            return records[members[0]].cost
        found = _average(problem, [records[member] for member in members])
        return draws.totals(found.row_cost)

    chosen = select(criteria.sum(axis=2))
    bias = selection_bias(criteria, select, cost_of, draws)
    return Selection(
        chosen,
        _average(problem, [records[member] for member in chosen]),
        bias,
        _reason(chosen, untuned, selection),
    )


def _selector(
    selection: SelectionKind,
    records: Sequence[Record],
    untuned: Sequence[int],
    criteria: FloatArray,
    draws: Draws,
) -> Callable[[FloatArray], Members]:
    """The choice among trials by means of log loss and cost, shape (2, n_trials), and nothing else."""
    if selection == "average":
        return _best_few(records, untuned)
    if selection == "cheapest":
        return lambda means: (int(np.argmin(means[1])),)
    by = 0 if selection == "likelihood" else 1
    error = difference_noise(criteria[by], draws.part_weight)

    def select(means: FloatArray) -> Members:
        best = int(np.argmin(means[by]))
        tied = means[by] - means[by, best] <= error[best]
        default = next((at for at in untuned if tied[at]), None)
        if default is not None:
            return (default,)
        return (int(np.argmin(np.where(tied, means[0], np.inf))),)

    return select


def _reason(chosen: Members, untuned: Sequence[int], selection: SelectionKind) -> str:
    if selection == "average":
        return "the average of the trials of lowest log loss and the untuned model"
    if selection == "cheapest":
        return "the cheapest trial"
    by = "a lower log loss" if selection == "likelihood" else "a lower cost"
    if chosen[0] in untuned:
        return f"no trial has {by} than the untuned model by more than one standard error"
    if selection == "likelihood":
        return "the lowest log loss, below the untuned model's by more than one standard error"
    return "the lowest log loss among the trials within one standard error of the cheapest"


def _best_few(records: Sequence[Record], untuned: Sequence[int]) -> Callable[[FloatArray], Members]:
    """The trials of lowest log loss, of the learner of the best, and its untuned model."""

    def select(means: FloatArray) -> Members:
        ranked = np.argsort(means[0], kind="stable")
        best = next(int(at) for at in ranked if records[at].log_odds is not None)
        learner = records[best].found.candidate.learner
        alike = [
            int(at)
            for at in ranked
            if records[at].log_odds is not None and records[at].found.candidate.learner == learner
        ]
        default = [at for at in untuned if at in alike]
        return tuple(dict.fromkeys((*alike[:AVERAGED], *default)))

    return select


def _average(problem: Problem, records: Sequence[Record]) -> OutOfFold:
    """The mean of corrected scores, judged as one candidate: that of the first; of one, itself."""
    best = records[0].found
    if len(records) == 1:
        return records[0].whole(problem)
    scores = [
        corrected_scores(
            problem, expit(record.log_odds.astype(np.float64)), record.found.odds_multipliers
        )
        for record in records
        if record.log_odds is not None
    ]
    found = evaluate_scores(problem, best.candidate, np.mean(scores, axis=0))
    return replace(found, n_rounds=best.n_rounds, sampling_ratios=best.sampling_ratios)
