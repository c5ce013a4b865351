"""Where candidates are evaluated: here, folds side by side in threads, or in processes."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, wait
from dataclasses import replace
from typing import Any, Protocol

from costopt.errors import SearchError
from costopt.evaluation.candidates import Candidate, OutOfFold, evaluate_stored
from costopt.evaluation.problem import Problem
from costopt.evaluation.trial import evaluate

__all__ = ["Executor", "Processes", "Threads"]

StopEarly = Callable[[OutOfFold], bool]
Checkpoint = Callable[[], None]

# Seconds between two looks at the clock while a process is at work.
LOOK = 0.1


class Executor(Protocol):
    """What evaluates candidates of a problem that it was given once."""

    def evaluate(
        self,
        candidate: Candidate,
        *,
        stop_early: StopEarly | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> OutOfFold:
        """What `costopt.evaluation.trial.evaluate` finds."""


class Threads:
    """Evaluates candidates in this process, as many folds side by side as pays.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def evaluate(
        self,
        candidate: Candidate,
        *,
        stop_early: StopEarly | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> OutOfFold:
        """What `costopt.evaluation.trial.evaluate` finds."""
        return evaluate(self._problem, candidate, stop_early=stop_early, checkpoint=checkpoint)


class Processes:
    """Evaluates candidates in processes, each of which gets the problem once, as it begins.

    Several threads may ask at the same time: as many candidates are evaluated side by side as there
    are processes. What comes back is out-of-fold log-odds, which are judged here; so nothing is
    stopped early.

    Parameters
    ----------
    problem : Problem
    workers : int
        How many processes; they share the problem's cores.

    Raises
    ------
    SearchError
        If the problem cannot be sent to a process.
    """

    def __init__(self, problem: Problem, workers: int) -> None:
        self._problem = problem
        try:
            sent = pickle.dumps(replace(problem, n_jobs=max(problem.n_jobs // workers, 1)))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise SearchError(
                f"rows or learners cannot be sent to other processes ({error}): define classes and "
                "functions of yours in a module"
            ) from None
        # a forked process would inherit threads that hold locks
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(sent,))

    def evaluate(
        self,
        candidate: Candidate,
        *,
        stop_early: StopEarly | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> OutOfFold:
        """What `costopt.evaluation.trial.evaluate` finds on all folds, found by another process."""
        del stop_early
        asked = self._pool.submit(_evaluated, candidate)
        while checkpoint is not None:
            try:
                checkpoint()
            except BaseException:
                asked.cancel()
                raise
            if wait([asked], timeout=LOOK).done:
                break
        log_odds, remembered = asked.result()
        return evaluate_stored(self._problem, candidate, log_odds, **remembered)

    def close(self) -> None:
        """End the processes, when they have done what they are at."""
        self._pool.shutdown(cancel_futures=True)


def _begin(sent: bytes) -> None:
    """Unpack, in a new process, the problem of all that it will be asked."""
    global _PROBLEM  # a process of a pool has no other place for it
    _PROBLEM = pickle.loads(sent)  # bytes of our own parent


_PROBLEM: Problem | None = None


def _evaluated(candidate: Candidate) -> tuple[Any, dict[str, Any]]:
    """The log-odds of a candidate, and what there is to remember of its fits."""
    assert _PROBLEM is not None  # noqa: S101  # `_begin` has run
    found = evaluate(_PROBLEM, candidate)
    return found.log_odds, {
        "n_rounds": found.n_rounds,
        "odds_multipliers": found.odds_multipliers,
        "sampling_ratios": found.sampling_ratios,
    }
