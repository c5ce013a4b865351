"""A candidate's model of one fold, or of all rows: what its rebalancing method makes of them, and the fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.decision.odds import OddsLedger
from costopt.evaluation.candidates import Candidate
from costopt.evaluation.problem import Problem
from costopt.learners.protocol import Features, Fitted, Fold, Learner
from costopt.rebalancing.definition import Reweighting, TrainingRows
from costopt.rebalancing.methods import method
from costopt.rebalancing.weights import own_cost

__all__ = ["Trained", "train"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted model, and what was done to its rows.

    Parameters
    ----------
    fitted : Fitted
    ledger : OddsLedger
        What that did to the odds.
    sampling_ratio : float or None
        What the rows allowed of the ratio that was asked for.
    prepared : object
        Where the learner finds the validation rows.
    fold : int or None
        Its number there.
    n_rounds : int or None
        Of how many rounds exactly it is, where that was asked for.
    """

    fitted: Fitted
    ledger: OddsLedger
    sampling_ratio: float | None
    prepared: Any
    fold: int | None
    n_rounds: int | None = None

    @property
    def model(self) -> Any:
        """Whatever the learner's `score` understands."""
        return self.fitted.model

    def score_fold(self, learner: Learner, n_rounds: int | None) -> FloatArray:
        """Raw scores of the fold's validation rows, of a model that was validated on them."""
        assert self.fold is not None  # noqa: S101  # a model of all rows has none
        return learner.score_fold(self.prepared, self.fold, self.fitted, n_rounds)


def train(
    problem: Problem,
    candidate: Candidate,
    fold: int | None,
    *,
    n_threads: int,
    n_rounds: int | None = None,
    checkpoint: Callable[[], None] | None = None,
) -> Trained:
    """Fit a candidate on a fold's training rows, or on all rows.

    Parameters
    ----------
    problem : Problem
    candidate : Candidate
    fold : int or None
        As in `Folds.trained_on`.
    n_threads : int
    n_rounds : int, optional
        Exactly so many, for learners that grow; by the validation rows where None.
    checkpoint : callable, optional
        Called every so often; what it raises ends the fit.
    """
    learner = problem.learners[candidate.learner]
    rows = np.arange(problem.y.size) if fold is None else problem.folds.trained_on[fold].train
    sample = _sample(problem, candidate, fold, rows)
    weight = _validation_weight(problem, candidate)
    if sample.added is None:
        prepared, at, y, plain = problem.prepared(candidate.learner), fold, problem.y, sample
    else:
        prepared, at, y, weight = _with_added(problem, learner, fold, rows, sample, weight)
        plain = replace(sample, rows=None, added=None)
    fitted = learner.fit(
        prepared,
        at,
        y,
        plain,
        candidate.params,
        seed=problem.seed,
        n_threads=n_threads,
        n_rounds=n_rounds,
        validation_weight=weight,
        checkpoint=checkpoint,
    )
    ledger = OddsLedger()
    if candidate.corrected:
        ledger = _ledger(learner, problem.y[rows], sample, candidate.params)
    return Trained(fitted, ledger, sample.sampling_ratio, prepared, at, n_rounds)


def _sample(
    problem: Problem, candidate: Candidate, fold: int | None, rows: IntArray
) -> Reweighting:
    """What the candidate's rebalancing method does to the training rows."""
    looks = isinstance(problem.features, Features)
    return method(candidate.resampling).reweight(
        TrainingRows(
            problem.y[rows],
            None if problem.weight is None else problem.weight[rows],
            problem.costs.take(rows),
            (lambda: problem.neighbourhood(fold, rows)) if looks else None,
        ),
        candidate.sampling_ratio,
        problem.rng(fold),
    )


def _validation_weight(problem: Problem, candidate: Candidate) -> FloatArray | None:
    """What the loss on validation rows is weighted by, so that it is the one that is trained.

    Class-level methods leave the loss of corrected probabilities what it is in the population;
    methods that treat each row by its own cost train the cost-weighted loss, which nothing
    corrects.
    """
    if problem.costs.is_constant or method(candidate.resampling).effect != "by case":
        return problem.weight
    cost = own_cost(problem.y, problem.costs)
    return cost if problem.weight is None else cost * problem.weight


def _with_added(
    problem: Problem,
    learner: Learner,
    fold: int | None,
    rows: IntArray,
    sample: Reweighting,
    validation_weight: FloatArray | None,
) -> tuple[Any, int | None, BoolArray, FloatArray | None]:
    """Kept and synthetic rows with the fold's own validation rows, prepared for this fit alone."""
    added = sample.added
    assert added is not None  # noqa: S101  # the caller has just asked
    kept = rows if sample.rows is None else rows[sample.rows]
    test = np.empty(0, dtype=np.intp) if fold is None else problem.folds.trained_on[fold].test
    matrix = problem.features.matrix
    features = Features.of_matrix(
        np.concatenate((matrix[kept], added, matrix[test])), problem.features.schema
    )
    n_train = kept.size + len(added)
    y = np.concatenate((problem.y[kept], np.ones(len(added), dtype=bool), problem.y[test]))
    weight = None
    if validation_weight is not None:
        weight = np.concatenate((sample.sample_weight, validation_weight[test]))
    folds = (Fold(np.arange(n_train), np.arange(n_train, n_train + test.size)),)
    return (
        learner.prepare(features, folds if fold is not None else ()),
        (None if fold is None else 0),
        y,
        weight,
    )


def _ledger(
    learner: Learner, y: BoolArray, sample: Reweighting, params: Mapping[str, Any]
) -> OddsLedger:
    """What the resampling method and the learner itself did to the odds of rows labelled ``y``."""
    ledger = OddsLedger().record(sample.source, sample.odds_multiplier or 1.0)
    kept = y if sample.rows is None else y[sample.rows]
    if sample.added is not None:
        kept = np.append(kept, np.ones(len(sample.added), dtype=bool))
    own = learner.own_odds(kept, sample.sample_weight, params)
    return OddsLedger((*ledger.entries, *own.entries))
