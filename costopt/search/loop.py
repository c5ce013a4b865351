"""The loop of a search: ask, evaluate, tell, keep; until the budget is spent or somebody stops it."""

from __future__ import annotations

import math
import time as clock
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.trial import TrialState
from tqdm import tqdm

from costopt.errors import CostOptError, SearchError, warn
from costopt.progress import is_shown
from costopt.search.objective import ExpectedCostObjective
from costopt.search.store import Store

__all__ = ["Callback", "Loop"]

Float32Array = NDArray[np.float32]
Callback = Callable[[optuna.Study, optuna.trial.FrozenTrial], None]


class _OutOfTime(Exception):
    """The time is up in the middle of a trial."""


class Loop:
    """Runs trials of an objective in memory; what is finished goes to a store at once.

    Trials that a store has already, from a run that was interrupted or from another process that
    does the same search, are taken from there instead of being evaluated.

    Parameters
    ----------
    objective : ExpectedCostObjective
    sampler : optuna sampler
    store : Store, optional
    callbacks : sequence of callable
        Called with the study and each finished trial; they may call ``study.stop()``. One that
        raises an error is not called again.
    """

    def __init__(
        self,
        objective: ExpectedCostObjective,
        sampler: optuna.samplers.BaseSampler,
        store: Store | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.study = optuna.create_study(
            sampler=sampler,
            pruner=optuna.pruners.NopPruner(),
            study_name=None if store is None else store.study_name,
        )
        self._objective = objective
        self._store = store
        self._callbacks = list(callbacks)
        self._first = objective.space.defaults()
        self._reasons: Counter[str] = Counter()
        self._best = math.inf
        self._stopped = False
        self._deadline = math.inf

    def run(self, n_trials: int, timeout: float | None, *, progress: bool | None) -> None:
        """Run until the study has so many trials, the time is up, or somebody stops it.

        Raises
        ------
        SearchError
            If every trial failed.
        StoreError
            If a trial cannot be kept.
        """
        if timeout is not None:
            self._deadline = clock.monotonic() + timeout
        self.study.stop = self._stop  # Optuna's own works inside Study.optimize only
        try:
            self._run(n_trials, progress=progress)
        finally:
            del self.study.stop  # a result must not keep this loop, and with it all rows, alive
        self._report_failures()

    def _run(self, n_trials: int, *, progress: bool | None) -> None:
        hidden = not is_shown(progress=progress)
        with tqdm(total=n_trials, desc="trials", disable=hidden, leave=False) as bar:
            number = 0
            try:
                for number in range(n_trials):
                    if self._stopped:
                        break
                    finished = self._taken(number)
                    if finished is None:
                        if self._is_late():
                            break
                        finished = self._tried(number)
                    self._call_back(finished)
                    bar.set_postfix_str(f"lowest cost {self._best:.4g}")
                    bar.update()
            except _OutOfTime:
                pass
            except KeyboardInterrupt:
                if math.isinf(self._best):  # nothing to keep yet
                    raise
                warn(
                    "interrupted",
                    f"stopped in trial {number} of {n_trials}: the result is of those completed",
                )

    def _call_back(self, finished: optuna.trial.FrozenTrial) -> None:
        """Call everybody who asked for it; one who fails once is not asked again."""
        for callback in tuple(self._callbacks):
            try:
                callback(self.study, finished)
            except Exception as error:  # somebody's log must not cost the trials that are finished
                self._callbacks.remove(callback)
                name = getattr(callback, "__name__", type(callback).__name__)
                warn(
                    "failed-callback",
                    f"the callback {name} raised {type(error).__name__} ({error}) after trial "
                    f"{finished.number}: trials are kept and the search goes on, without calling it "
                    "again; to end a search from a callback, call study.stop()",
                )

    def _stop(self) -> None:
        self._stopped = True

    def _is_late(self) -> bool:
        """Whether the time is up; the first result is always waited for."""
        return math.isfinite(self._best) and clock.monotonic() >= self._deadline

    def _check_time(self) -> None:
        if self._is_late():
            raise _OutOfTime

    def _taken(self, number: int) -> optuna.trial.FrozenTrial | None:
        """A trial that the store has already."""
        stored = None if self._store is None else self._store.trial(number)
        if stored is None:
            return None
        if stored.state == TrialState.COMPLETE:
            assert self._store is not None  # noqa: S101  # it was read from there
            self._objective.restore(stored, self._store.scores(stored))
        elif stored.state == TrialState.FAIL:
            self._reasons[stored.user_attrs["reason"]] += 1
        self.study.add_trial(stored)
        return self._finished()

    def _tried(self, number: int) -> optuna.trial.FrozenTrial:
        """One more trial, evaluated and kept."""
        if number < len(self._first):
            self.study.enqueue_trial(self._first[number])
        trial = self.study.ask()
        scores: Float32Array | None = None
        try:
            racing = self._objective.race is not None
            value, scores = self._objective.try_out(trial, self._check_time, watched=racing)
        except optuna.TrialPruned:
            self.study.tell(trial, state=TrialState.PRUNED)
        except (KeyboardInterrupt, _OutOfTime):
            # not kept in the store: a later run evaluates it from its beginning
            trial.set_user_attr("reason", "interrupted")
            self.study.tell(trial, state=TrialState.FAIL)
            raise
        except Exception as error:  # one candidate that cannot be fitted must not end the search
            if number == 0 and isinstance(error, CostOptError):
                raise  # the plain default failed for a reason that holds for every candidate
            reason = f"{type(error).__name__}: {error}"[:500]
            trial.set_user_attr("reason", reason)
            self.study.tell(trial, state=TrialState.FAIL)
            self._reasons[reason] += 1
        else:
            self.study.tell(trial, value)
        finished = self._finished()
        if self._store is not None:
            self._store.add(finished, scores)
        return finished

    def _finished(self) -> optuna.trial.FrozenTrial:
        """The last trial of the study."""
        finished = self.study.get_trials(deepcopy=False)[-1]
        if finished.state == TrialState.COMPLETE:
            self._best = min(self._best, finished.value)
        return finished

    def _report_failures(self) -> None:
        if not self._reasons:
            return
        failed = sum(self._reasons.values())
        listed = "; ".join(
            f"{count} times {reason}" for reason, count in self._reasons.most_common(3)
        )
        if math.isinf(self._best):
            raise SearchError(
                f"all {failed} trials failed, so there is nothing to choose from: {listed}"
            )
        warn("failed-trials", f"{failed} trials failed and count for nothing: {listed}")
