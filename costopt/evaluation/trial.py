"""The one owner of "evaluate a candidate" and "fit the final model": whoever needs it calls it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event
from typing import Any, Literal

import numpy as np
import sklearn
from numpy.typing import NDArray
from scipy.special import expit, logit
from threadpoolctl import ThreadpoolController

from costopt.decision.calibrators import PlattMap
from costopt.decision.odds import OddsLedger
from costopt.decision.rules import decision_cost
from costopt.errors import DataError
from costopt.evaluation.calibration import cross_fit_platt
from costopt.evaluation.choice import RuleChoice, choose_rule
from costopt.evaluation.problem import Problem
from costopt.training.learners import Fitted
from costopt.training.resampling import reweight
from costopt.training.weights import Reweighting

__all__ = [
    "FINALS",
    "Candidate",
    "FinalKind",
    "FinalModel",
    "OutOfFold",
    "evaluate",
    "fit_final",
    "price",
]

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
FinalKind = Literal["refit", "folds"]

FINALS: tuple[FinalKind, ...] = ("refit", "folds")

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
    n_folds : int
        How many folds were evaluated: all, unless the candidate was given up before.
    value : float
        What a search minimises, in the problem's scaled unit per case.
    raw : array of shape (n_scored,)
        The models' own scores of the rows that these folds score.
    log_odds : float32 array of shape (n_scored,) or None
        What there is to store of them: ``raw`` is its logistic function, to the last bit.
    row_cost : array of shape (n_scored,)
        What each row would have cost, in the problem's scaled unit.
    row_loss : array of shape (n_scored,)
        Log loss of each row's calibrated probability.
    log_loss : float
        Its mean.
    calibrator : PlattMap
        Fitted on all these rows: the one to ship.
    choice : RuleChoice
    n_rounds : int or None
        Common to all folds, for learners that grow.
    odds_multipliers : tuple of float
        One per fold.
    sampling_ratios : tuple of float
        What each fold allowed of the ratio that was asked for.
    """

    candidate: Candidate
    n_folds: int
    value: float
    raw: FloatArray
    log_odds: Float32Array | None
    row_cost: FloatArray
    row_loss: FloatArray
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
        return replace(
            self, raw=nothing, log_odds=None, row_cost=nothing, row_loss=nothing, choice=choice
        )


@dataclass(frozen=True, eq=False)
class FinalModel:
    """A model that ships, and what its training did to the odds."""

    model: Any
    ledger: OddsLedger


def evaluate(
    problem: Problem,
    candidate: Candidate,
    *,
    give_up: Callable[[OutOfFold], bool] | None = None,
    checkpoint: Callable[[], None] | None = None,
) -> OutOfFold:
    """Train a candidate on every fold, and price what the rule that it would ship decides.

    Parameters
    ----------
    problem : Problem
    candidate : Candidate
    give_up : callable, optional
        Asked after the second fold and each later one but the last, once rows that stand for
        somebody were scored, with what the folds so far have shown; True ends the evaluation there.
    checkpoint : callable, optional
        Called every so often; what it raises ends the evaluation.

    Returns
    -------
    found : OutOfFold
        Of fewer folds than there are, if it was given up.
    """
    learner = problem.learners[candidate.learner]
    prepared = problem.prepared(candidate.learner)
    done: dict[int, tuple[float, float | None]] = {}

    def fit(fold: int, n_threads: int, checkpoint: Callable[[], None]) -> Fitted:
        sample = _sample(problem, candidate, fold)
        done[fold] = _ledger(sample).multiplier, sample.sampling_ratio
        return learner.fit(
            prepared,
            fold,
            problem.y,
            sample,
            candidate.params,
            seed=problem.seed,
            n_threads=n_threads,
            population=problem.weight,
            checkpoint=checkpoint,
        )

    fitted: list[Fitted] = []
    scores: dict[int, tuple[int | None, Float32Array]] = {}

    def found() -> OutOfFold:
        n_rounds = _common_rounds(fitted) if learner.grows else None
        scored = problem.scored_by(len(fitted))
        log_odds = np.empty(scored.rows.size, dtype=np.float32)
        for number, fold in enumerate(scored.folds):
            if number not in scores or scores[number][0] != n_rounds:
                score = learner.score_fold(prepared, number, fitted[number], n_rounds)
                scores[number] = n_rounds, logit(score).astype(np.float32)
            log_odds[fold.test] = scores[number][1]
        missing = np.flatnonzero(np.isnan(log_odds))
        if missing.size:
            raise DataError(
                f"scores of {learner.name} must lie in [0, 1], got none that does for row "
                f"{scored.rows[missing[0]]}"
            )
        return price_stored(
            problem,
            candidate,
            log_odds,
            n_rounds=n_rounds,
            odds_multipliers=tuple(done[fold][0] for fold in range(len(fitted))),
            sampling_ratios=tuple(done[fold][1] for fold in range(len(fitted))),
        )

    for model in _fold_by_fold(problem, fit, checkpoint):
        fitted.append(model)
        looked_at = 2 <= len(fitted) < problem.n_folds
        if give_up is not None and looked_at and problem.scored_by(len(fitted)).is_populated:
            so_far = found()
            if give_up(so_far):
                return so_far
    return found()


def fit_final(
    problem: Problem,
    candidate: Candidate,
    n_rounds: int | None,
    kind: FinalKind = "refit",
) -> tuple[FinalModel, ...]:
    """The models that ship, whose probabilities are averaged.

    Parameters
    ----------
    problem : Problem
    candidate : Candidate
    n_rounds : int or None
        From `evaluate`, for learners that grow.
    kind : {"refit", "folds"}, default="refit"
        One model of all rows; or one of each fold's training rows, those that were evaluated.
    """
    learner = problem.learners[candidate.learner]

    def fit(fold: int | None) -> FinalModel:
        sample = _sample(problem, candidate, fold)
        fitted = learner.fit(
            problem.prepared(candidate.learner),
            fold,
            problem.y,
            sample,
            candidate.params,
            seed=problem.seed,
            n_threads=1 if _is_small(problem) else problem.n_jobs,
            n_rounds=n_rounds,
            population=problem.weight,
        )
        return FinalModel(fitted.model, _ledger(sample))

    return (fit(None),) if kind == "refit" else tuple(map(fit, range(problem.n_folds)))


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


def _is_small(problem: Problem) -> bool:
    matrix = getattr(problem.features, "matrix", None)
    return matrix is None or matrix.size <= CELLS_FOR_ONE_THREAD


def _fold_by_fold(
    problem: Problem,
    fit: Callable[[int, int, Callable[[], None]], Fitted],
    checkpoint: Callable[[], None] | None,
) -> Iterator[Fitted]:
    """Fit the folds in their order, as many side by side as pays; cores are never oversubscribed."""
    workers = min(problem.n_jobs, problem.n_folds) if _is_small(problem) else 1
    configuration = sklearn.get_config()  # holds for one thread only
    abandoned = Event()

    def check() -> None:
        if abandoned.is_set():
            raise InterruptedError("another fold failed")
        if checkpoint is not None:
            checkpoint()

    with (
        _thread_pools().limit(limits=problem.n_jobs // workers),
        ThreadPoolExecutor(workers) as pool,
    ):
        for start in range(0, problem.n_folds, workers):
            wave = range(start, min(start + workers, problem.n_folds))
            n_threads = problem.n_jobs // len(wave)

            def fit_alike(fold: int, n_threads: int = n_threads) -> Fitted:
                check()
                with sklearn.config_context(**configuration):
                    return fit(fold, n_threads, check)

            try:
                yield from pool.map(fit_alike, wave) if len(wave) > 1 else map(fit_alike, wave)
            except BaseException:
                abandoned.set()  # the pool waits for what is running: it should not take long
                raise


@functools.cache
def _thread_pools() -> ThreadpoolController:
    """The thread pools of the libraries that are loaded; to look for them takes milliseconds."""
    return ThreadpoolController()


def _common_rounds(fitted: list[Fitted]) -> int:
    """The round with the lowest mean log loss over folds, among those that every fold reached."""
    losses = [found.losses for found in fitted if found.losses is not None]
    rounds = min((found.rounds for found in fitted if found.rounds is not None), key=len)
    return int(rounds[np.argmin(np.mean([loss[: rounds.size] for loss in losses], axis=0))])


def price_stored(
    problem: Problem,
    candidate: Candidate,
    log_odds: Float32Array,
    *,
    n_rounds: int | None,
    odds_multipliers: tuple[float, ...],
    sampling_ratios: tuple[float | None, ...],
) -> OutOfFold:
    """The same as `price`, of scores in the form in which they are stored.

    What a search prices when it evaluates a trial, and when it reads it back, is the same.
    """
    found = price(
        problem,
        candidate,
        expit(log_odds.astype(np.float64)),
        n_rounds=n_rounds,
        odds_multipliers=odds_multipliers,
        sampling_ratios=sampling_ratios,
    )
    return replace(found, log_odds=log_odds)


def price(
    problem: Problem,
    candidate: Candidate,
    raw: FloatArray,
    *,
    n_rounds: int | None = None,
    odds_multipliers: tuple[float, ...] = (),
    sampling_ratios: tuple[float | None, ...] = (),
) -> OutOfFold:
    """Undo the odds of out-of-fold scores, calibrate them, choose the rule, and price its decisions.

    Parameters
    ----------
    problem : Problem
    candidate : Candidate
        What the scores came from.
    raw : array of shape (n_scored,)
        The models' own scores, of the rows that some fold scores.
    n_rounds, sampling_ratios
        What there is to remember of the fits.
    odds_multipliers : tuple of float, optional
        What training did to the odds, fold by fold; where there are fewer than folds, scores are
        of the first folds only.

    Returns
    -------
    found : OutOfFold
    """
    n_folds = len(odds_multipliers) or problem.n_folds
    scored = problem.scored_by(n_folds)
    score = undone(problem, raw, odds_multipliers)
    calibrated, calibrator = cross_fit_platt(scored.y, score, scored.folds, scored.weight)
    choice = choose_rule(
        scored.y,
        calibrated,
        calibrator.apply(score),
        scored.costs,
        scored.known,
        scored.folds,
        sample_weight=scored.weight,
        threshold=problem.threshold,
        sampled=candidate.threshold,
    )
    likelihood = np.where(scored.y, calibrated, 1 - calibrated)
    row_loss = -np.log(np.maximum(likelihood, 1e-15))
    return OutOfFold(
        candidate,
        n_folds,
        value=choice.value,
        raw=raw,
        log_odds=None,
        row_cost=decision_cost(scored.y, choice.act, scored.costs),
        row_loss=row_loss,
        log_loss=float(np.average(row_loss, weights=scored.weight)),
        calibrator=calibrator,
        choice=choice,
        n_rounds=n_rounds,
        odds_multipliers=odds_multipliers,
        sampling_ratios=sampling_ratios,
    )


def undone(problem: Problem, raw: FloatArray, odds_multipliers: tuple[float, ...]) -> FloatArray:
    """Out-of-fold scores without what training did to the odds, fold by fold.

    Parameters
    ----------
    problem, raw, odds_multipliers
        As for `price`.
    """
    scored = problem.scored_by(len(odds_multipliers) or problem.n_folds)
    score = raw.copy()
    for fold, multiplier in zip(scored.folds, odds_multipliers, strict=False):
        score[fold.test] = OddsLedger().record("training", multiplier).undo(score[fold.test])
    return score
