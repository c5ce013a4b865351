"""The one owner of "evaluate a candidate" and "fit the final model": whoever needs it calls it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from costopt.decision.calibrators import PlattMap
from costopt.decision.odds import OddsLedger
from costopt.decision.rules import decision_cost
from costopt.evaluation.calibration import cross_fit_platt
from costopt.evaluation.choice import RuleChoice, choose_rule
from costopt.evaluation.problem import Problem
from costopt.training.learners import Fitted
from costopt.training.resampling import reweight
from costopt.training.weights import Reweighting

__all__ = ["Candidate", "FinalModel", "OutOfFold", "evaluate", "fit_final", "price"]

FloatArray = NDArray[np.float64]

# Up to so many cells a fold is trained faster by one thread, with folds side by side, than by all.
CELLS_FOR_ONE_THREAD = 4_000_000


@dataclass(frozen=True)
class Candidate:
    """What one trial proposes.

    Parameters
    ----------
    learner : str
    params : mapping of str to value
    resampling : str, default="none"
        The one class-level device.
    sampling_ratio : float, optional
        Positives per negative that the device aims at.
    threshold : float, optional
        The cut on calibrated probabilities, where it is sampled rather than solved.
    """

    learner: str
    params: Mapping[str, Any]
    resampling: str = "none"
    sampling_ratio: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """How a candidate did on rows that its models were not fitted to.

    Parameters
    ----------
    candidate : Candidate
    value : float
        What a search minimises, in the problem's scaled unit per case.
    score : array of shape (n_scored,)
        Probabilities after the odds ledger was undone, before calibration.
    raw : array of shape (n_scored,)
        The models' own scores.
    row_cost : array of shape (n_scored,)
        What each row would have cost, in the problem's scaled unit.
    log_loss : float
        Of the calibrated probabilities.
    calibrator : PlattMap
        Fitted on all scored rows: the one to ship.
    choice : RuleChoice
    n_rounds : int or None
        Common to all folds, for learners that grow.
    odds_multipliers : tuple of float
        One per fold.
    sampling_ratios : tuple of float
        What each fold allowed of the ratio that was asked for.
    """

    candidate: Candidate
    value: float
    score: FloatArray
    raw: FloatArray
    row_cost: FloatArray
    log_loss: float
    calibrator: PlattMap
    choice: RuleChoice
    n_rounds: int | None
    odds_multipliers: tuple[float, ...]
    sampling_ratios: tuple[float | None, ...]

    def without_rows(self) -> OutOfFold:
        """The same without what there is one of per row, to be kept for many candidates."""
        nothing = np.empty(0)
        choice = replace(self.choice, act=np.empty(0, dtype=bool))
        return replace(self, score=nothing, raw=nothing, row_cost=nothing, choice=choice)


@dataclass(frozen=True, eq=False)
class FinalModel:
    """The model that ships, and what its training did to the odds."""

    model: Any
    ledger: OddsLedger


def evaluate(problem: Problem, candidate: Candidate) -> OutOfFold:
    """Train a candidate on every fold, and price what the rule that it would ship decides.

    Parameters
    ----------
    problem : Problem
    candidate : Candidate

    Returns
    -------
    found : OutOfFold
    """
    learner = problem.learners[candidate.learner]
    prepared = problem.prepared(candidate.learner)
    samples = [_sample(problem, candidate, number) for number in range(len(problem.folds.folds))]
    workers, threads = _split_cores(problem)

    def fit(fold: int) -> Fitted:
        return learner.fit(
            prepared,
            fold,
            problem.y,
            samples[fold],
            candidate.params,
            seed=problem.seed,
            n_threads=threads,
            population=problem.weight,
        )

    fitted = _side_by_side(fit, len(samples), workers, threads)
    n_rounds = _common_rounds(fitted) if learner.grows else None
    raw = np.empty(problem.scored.size)
    score = np.empty(problem.scored.size)
    multipliers = []
    for number, (model, sample) in enumerate(zip(fitted, samples, strict=True)):
        ledger = _ledger(sample)
        rows = problem.scored_folds[number].test
        raw[rows] = learner.score_fold(prepared, number, model, n_rounds)
        score[rows] = ledger.undo(raw[rows])
        multipliers.append(ledger.multiplier)
    return price(
        problem,
        candidate,
        raw=raw,
        score=score,
        n_rounds=n_rounds,
        odds_multipliers=tuple(multipliers),
        sampling_ratios=tuple(sample.sampling_ratio for sample in samples),
    )


def fit_final(problem: Problem, candidate: Candidate, n_rounds: int | None) -> FinalModel:
    """The candidate's model on all rows.

    Parameters
    ----------
    problem : Problem
    candidate : Candidate
    n_rounds : int or None
        From `evaluate`, for learners that grow.
    """
    learner = problem.learners[candidate.learner]
    sample = _sample(problem, candidate, None)
    fitted = learner.fit(
        problem.prepared(candidate.learner),
        None,
        problem.y,
        sample,
        candidate.params,
        seed=problem.seed,
        n_threads=1 if _is_small(problem) else problem.n_jobs,
        n_rounds=n_rounds,
        population=problem.weight,
    )
    return FinalModel(fitted.model, _ledger(sample))


def _sample(problem: Problem, candidate: Candidate, fold: int | None) -> Reweighting:
    """What the candidate's device does to the training rows of a fold, or to all rows."""
    rows = slice(None) if fold is None else problem.folds.folds[fold].train
    weight = None if problem.weight is None else problem.weight[rows]
    return reweight(
        candidate.resampling,
        problem.y[rows],
        candidate.sampling_ratio,
        problem.rng(fold),
        weight,
    )


def _ledger(sample: Reweighting) -> OddsLedger:
    return OddsLedger().record(sample.source, sample.odds_multiplier or 1.0)


def _split_cores(problem: Problem) -> tuple[int, int]:
    """How many folds are trained side by side, and by how many threads each."""
    n_folds = len(problem.folds.folds)
    if _is_small(problem):
        return min(problem.n_jobs, n_folds), 1
    return 1, problem.n_jobs


def _is_small(problem: Problem) -> bool:
    matrix = getattr(problem.features, "matrix", None)
    return matrix is None or matrix.size <= CELLS_FOR_ONE_THREAD


def _side_by_side(
    fit: Callable[[int], Fitted], count: int, workers: int, threads: int
) -> list[Fitted]:
    """Fit folds by so many workers; libraries below keep to so many threads each."""
    if workers == 1:
        with _thread_pools().limit(limits=threads):
            return [fit(number) for number in range(count)]
    configuration = sklearn.get_config()  # holds for one thread only

    def fit_alike(number: int) -> Fitted:
        with sklearn.config_context(**configuration):
            return fit(number)

    with _thread_pools().limit(limits=threads), ThreadPoolExecutor(workers) as pool:
        return list(pool.map(fit_alike, range(count)))


@functools.cache
def _thread_pools() -> ThreadpoolController:
    """The thread pools of the libraries that are loaded; to look for them takes milliseconds."""
    return ThreadpoolController()


def _common_rounds(fitted: list[Fitted]) -> int:
    """The round with the lowest mean log loss over folds, among those that every fold reached."""
    losses = [found.losses for found in fitted if found.losses is not None]
    rounds = min((found.rounds for found in fitted if found.rounds is not None), key=len)
    return int(rounds[np.argmin(np.mean([loss[: rounds.size] for loss in losses], axis=0))])


def price(
    problem: Problem,
    candidate: Candidate,
    *,
    raw: FloatArray,
    score: FloatArray,
    n_rounds: int | None = None,
    odds_multipliers: tuple[float, ...] = (),
    sampling_ratios: tuple[float | None, ...] = (),
) -> OutOfFold:
    """Calibrate out-of-fold scores, choose the rule, and price its decisions.

    Parameters
    ----------
    problem : Problem
    candidate : Candidate
        What the scores came from.
    raw : array of shape (n_scored,)
        The models' own scores.
    score : array of shape (n_scored,)
        The same after the odds ledger was undone.
    n_rounds, odds_multipliers, sampling_ratios
        What there is to remember of the fits.

    Returns
    -------
    found : OutOfFold
    """
    scored = problem.scored
    y, weight = problem.y[scored], problem.of_scored(problem.weight)
    costs, known = problem.costs.take(scored), problem.known.take(scored)
    calibrated, calibrator = cross_fit_platt(y, score, problem.scored_folds, weight)
    choice = choose_rule(
        y,
        calibrated,
        calibrator.apply(score),
        costs,
        known,
        problem.scored_folds,
        sample_weight=weight,
        threshold=problem.threshold,
        sampled=candidate.threshold,
    )
    likelihood = np.where(y, calibrated, 1 - calibrated)
    return OutOfFold(
        candidate,
        value=choice.value,
        score=score,
        raw=raw,
        row_cost=decision_cost(y, choice.act, costs),
        log_loss=float(np.average(-np.log(np.maximum(likelihood, 1e-15)), weights=weight)),
        calibrator=calibrator,
        choice=choice,
        n_rounds=n_rounds,
        odds_multipliers=odds_multipliers,
        sampling_ratios=sampling_ratios,
    )
