"""The one owner of "evaluate a candidate" and "fit the final model": whoever needs it calls it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, Literal

import numpy as np
import sklearn
from numpy.typing import NDArray
from scipy.special import logit
from threadpoolctl import ThreadpoolController

from costopt.errors import DataError
from costopt.evaluation.candidates import (
    Candidate,
    OutOfFold,
    evaluate_scores,
    evaluate_stored,
)
from costopt.evaluation.problem import Problem
from costopt.evaluation.training import Trained, train
from costopt.learners.protocol import Learner

__all__ = ["FINALS", "FinalKind", "evaluate", "fit_final"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
FinalKind = Literal["refit", "folds"]

FINALS: tuple[FinalKind, ...] = ("refit", "folds")

# Up to so many cells a fold is trained faster by one thread, with folds side by side, than by all.
CELLS_FOR_ONE_THREAD = 4_000_000


def evaluate(
    problem: Problem,
    candidate: Candidate,
    *,
    stop_early: Callable[[OutOfFold], bool] | None = None,
    checkpoint: Callable[[], None] | None = None,
    exact_scores: bool = False,
) -> OutOfFold:
    """Train a candidate on every fold, and cost what its rule decides.

    Parameters
    ----------
    problem : Problem
    candidate : Candidate
    stop_early : callable, optional
        Asked after the second fold and each later one but the last, with what the folds so far
        have shown; True ends the evaluation there.
    checkpoint : callable, optional
        Called every so often; what it raises ends the evaluation.
    exact_scores : bool, default=False
        Take scores in double precision, as they came. By default they are rounded as a search
        stores them, so that a search that is continued finds the same.

    Returns
    -------
    found : OutOfFold
        Of fewer folds than there are, if it was stopped early.

    Notes
    -----
    Of a learner that grows in rounds, the scores of a fold are those after the number of rounds
    that is best on the other folds, so that no row has a say in how it is scored; a single fold
    takes the number that is best on a fifth of its own training rows. ``n_rounds``, of the final
    model, is the best on all folds.
    """
    learner = problem.learners[candidate.learner]
    fit = functools.partial(_fit_fold, problem, candidate)
    trained: list[Trained] = []
    scores: dict[int, tuple[int | None, FloatArray]] = {}

    def found() -> OutOfFold:
        by_fold, n_rounds = _rounds(trained) if learner.grows else ([None] * len(trained), None)
        scored = problem.scored_by(len(trained))
        raw = np.empty(scored.rows.size)
        for number, fold in enumerate(scored.folds):
            rounds = by_fold[number]
            if number not in scores or scores[number][0] != rounds:
                scores[number] = rounds, _score_fold(problem, learner, trained, number, rounds)
            raw[fold.test] = scores[number][1]
        _check_scores(raw, scored.rows, learner.name)
        remembered: Any = {
            "n_rounds": n_rounds,
            "odds_multipliers": tuple(one.ledger.multiplier for one in trained),
            "sampling_ratios": tuple(one.sampling_ratio for one in trained),
        }
        if exact_scores:
            return evaluate_scores(problem, candidate, raw, **remembered)
        return evaluate_stored(problem, candidate, logit(raw).astype(np.float32), **remembered)

    for model in _fold_by_fold(problem, fit, checkpoint):
        trained.append(model)
        if stop_early is not None and 2 <= len(trained) < problem.n_folds:
            so_far = found()
            if stop_early(so_far):
                return so_far
    return found()


def _fit_fold(
    problem: Problem,
    candidate: Candidate,
    fold: int,
    n_threads: int,
    checkpoint: Callable[[], None],
) -> Trained:
    """The model of a fold; of a single one with as many rounds as its training rows ask for."""
    n_rounds = None
    if problem.n_folds == 1 and problem.learners[candidate.learner].grows:
        if problem.folds.inner is None:
            raise DataError(
                "the training rows of the single fold cannot be split into two parts of both "
                "classes, one of which would choose the number of rounds: use more folds, or more rows"
            )
        inner = train(problem, candidate, fold + 1, n_threads=n_threads, checkpoint=checkpoint)
        n_rounds = _best_round(*_curves([inner]))
    return train(
        problem, candidate, fold, n_threads=n_threads, n_rounds=n_rounds, checkpoint=checkpoint
    )


def _score_fold(
    problem: Problem,
    learner: Learner,
    trained: Sequence[Trained],
    number: int,
    n_rounds: int | None,
) -> FloatArray:
    """Raw scores of the rows that a fold scores."""
    if trained[number].n_rounds is None:
        return trained[number].score_fold(learner, n_rounds)
    test = problem.folds.folds[number].test
    return learner.score(trained[number].fitted.model, problem.features_at(test))


def _check_scores(raw: FloatArray, rows: IntArray, name: str) -> None:
    bad = np.flatnonzero(~((raw >= 0) & (raw <= 1)))
    if bad.size:
        raise DataError(
            f"scores of {name} must lie in [0, 1], got {raw[bad[0]]} in row {rows[bad[0]]}"
        )


def fit_final(
    problem: Problem,
    candidate: Candidate,
    n_rounds: int | None,
    kind: FinalKind = "refit",
) -> tuple[Trained, ...]:
    """The final models, whose probabilities are averaged.

    Parameters
    ----------
    problem : Problem
    candidate : Candidate
    n_rounds : int or None
        From `evaluate`, for learners that grow.
    kind : {"refit", "folds"}, default="refit"
        One model of all rows; or one of each fold's training rows, as they were evaluated but for
        the number of rounds, which is common.
    """
    n_threads = 1 if _is_small(problem) else problem.n_jobs

    def fit(fold: int | None) -> Trained:
        return train(problem, candidate, fold, n_threads=n_threads, n_rounds=n_rounds)

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


def _rounds(trained: Sequence[Trained]) -> tuple[list[int], int]:
    """How many rounds each fold's scores are of, and the final model.

    A fold takes the best on average over the other folds, the final model the best over all; all
    among those rounds that every fold reached.
    """
    if len(trained) == 1:
        n_rounds = trained[0].n_rounds
        assert n_rounds is not None  # noqa: S101  # a single fold is fitted with its own
        return [n_rounds], n_rounds
    curves, rounds = _curves(trained)
    others = [np.delete(curves, number, axis=0) for number in range(len(curves))]
    return [_best_round(rest, rounds) for rest in others], _best_round(curves, rounds)


def _curves(trained: Sequence[Trained]) -> tuple[FloatArray, IntArray]:
    """Losses by fold and look, as far as every fold goes, and after how many rounds they were."""
    fitted = [one.fitted for one in trained]
    losses = [found.losses for found in fitted if found.losses is not None]
    rounds = min((found.rounds for found in fitted if found.rounds is not None), key=len)
    return np.stack([loss[: rounds.size] for loss in losses]), rounds


def _best_round(curves: FloatArray, rounds: IntArray) -> int:
    """The round with the lowest mean loss."""
    return int(rounds[np.argmin(np.mean(curves, axis=0))])
