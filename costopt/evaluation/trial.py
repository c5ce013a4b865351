"""The one owner of "evaluate a candidate" and "fit the final model": whoever needs it calls it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any, Literal

import numpy as np
import sklearn
from numpy.typing import NDArray
from scipy.special import logit
from threadpoolctl import ThreadpoolController

from costopt.decision.odds import OddsLedger
from costopt.errors import DataError
from costopt.evaluation.pricing import Candidate, OutOfFold, price_stored
from costopt.evaluation.problem import Problem
from costopt.evaluation.training import Trained, train
from costopt.training.learners import Fitted

__all__ = ["FINALS", "FinalKind", "FinalModel", "evaluate", "fit_final"]

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
FinalKind = Literal["refit", "folds"]

FINALS: tuple[FinalKind, ...] = ("refit", "folds")

# Up to so many cells a fold is trained faster by one thread, with folds side by side, than by all.
CELLS_FOR_ONE_THREAD = 4_000_000


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

    def fit(fold: int, n_threads: int, checkpoint: Callable[[], None]) -> Trained:
        return train(problem, candidate, fold, n_threads=n_threads, checkpoint=checkpoint)

    trained: list[Trained] = []
    scores: dict[int, tuple[int | None, Float32Array]] = {}

    def found() -> OutOfFold:
        n_rounds = _common_rounds([one.fitted for one in trained]) if learner.grows else None
        scored = problem.scored_by(len(trained))
        log_odds = np.empty(scored.rows.size, dtype=np.float32)
        for number, fold in enumerate(scored.folds):
            if number not in scores or scores[number][0] != n_rounds:
                score = trained[number].score_fold(learner, n_rounds)
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
            odds_multipliers=tuple(one.ledger.multiplier for one in trained),
            sampling_ratios=tuple(one.sampling_ratio for one in trained),
        )

    for model in _fold_by_fold(problem, fit, checkpoint):
        trained.append(model)
        looked_at = 2 <= len(trained) < problem.n_folds
        if give_up is not None and looked_at and problem.scored_by(len(trained)).is_populated:
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
    n_threads = 1 if _is_small(problem) else problem.n_jobs

    def fit(fold: int | None) -> FinalModel:
        found = train(problem, candidate, fold, n_threads=n_threads, n_rounds=n_rounds)
        return FinalModel(found.fitted.model, found.ledger)

    return (fit(None),) if kind == "refit" else tuple(map(fit, range(problem.n_folds)))


def _is_small(problem: Problem) -> bool:
    matrix = getattr(problem.features, "matrix", None)
    return matrix is None or matrix.size <= CELLS_FOR_ONE_THREAD


def _fold_by_fold(
    problem: Problem,
    fit: Callable[[int, int, Callable[[], None]], Trained],
    checkpoint: Callable[[], None] | None,
) -> Iterator[Trained]:
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

            def fit_alike(fold: int, n_threads: int = n_threads) -> Trained:
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
