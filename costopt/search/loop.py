"""The loop of a search: ask, evaluate, tell, store; until the budget is spent or somebody stops it."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from costopt.engine.coordinator import OutOfTime
from costopt.errors import CostOptError, SearchError, warn
from costopt.search.objective import Search
from costopt.search.sampler import sampler_for

if TYPE_CHECKING:
    from costopt.engine.store import Store

__all__ = ["Callback", "Loop"]

Float32Array = NDArray[np.float32]
Callback = Callable[[optuna.Study, FrozenTrial], None]


class Loop:
    """Runs trials of a search in memory; what is finished goes to a store at once.

    Trials that a store has already, from a run that was interrupted or from another process that
    works on the same study, are taken from there instead of being evaluated.

    Parameters
    ----------
    search : Search
    sampler : optuna sampler, optional
        Ours where None: one for each trial.
    store : Store, optional
    callbacks : sequence of callable
        Called with the study and each finished trial; they may call ``study.stop()``. One that
        raises an error is not called again.
    """

    def __init__(
        self,
        search: Search,
        sampler: optuna.samplers.BaseSampler | None = None,
        store: Store | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self._study = optuna.create_study(
            sampler=sampler_for(search.problem.seed, 0) if sampler is None else sampler,
            pruner=optuna.pruners.NopPruner(),
            study_name=None if store is None else store.study_name,
        )
        self._is_ours = sampler is None
        self._search = search
        self._coordinator = search.coordinator
        self._store = store
        self._callbacks = list(callbacks)
        self._first = search.space.defaults()
        self._numbers: list[int] = []  # of the trials of the study, in its order
        self._best = math.inf

    def run(self, n_trials: int, timeout: float | None, *, progress: bool | None) -> optuna.Study:
        """Run until the study has so many trials, the time is up, or somebody stops it.

        Returns
        -------
        study : optuna.Study
            Its trials in the order of their numbers.

        Raises
        ------
        SearchError
            If every trial failed.
        StoreError
            If a trial cannot be kept.
        """
        self._study.stop = self._coordinator.stop  # Optuna's own works inside Study.optimize only
        try:
            self._coordinator.run(
                self._attempt, n_trials, "trial",
                timeout=timeout, progress=progress, store=self._store,
            )  # fmt: skip
        finally:
            del self._study.stop  # a result must not keep this loop, and with it all rows, alive
        self._report_failures()
        return self._in_order()

    def _attempt(self, number: int, stored: FrozenTrial | None) -> bool:
        """Take over or evaluate a trial, and tell of it; False where the time is up."""
        try:
            if stored is not None:
                self._take_over(number, stored)
            elif self._coordinator.is_late():
                return False
            else:
                self._evaluate(number)
        except OutOfTime:
            return False
        self._call_back(number)
        return True

    def _take_over(self, number: int, stored: FrozenTrial) -> None:
        """A trial that the store has already."""
        if stored.state == TrialState.COMPLETE:
            assert self._store is not None  # noqa: S101  # it was read from there
            self._search.restore(stored, self._store.scores(stored))
        elif stored.state == TrialState.FAIL:
            self._coordinator.reasons[number] = stored.user_attrs["reason"]
        self._study.add_trial(stored)
        self._numbers.append(number)

    def _evaluate(self, number: int) -> None:
        """One more trial, evaluated and kept."""
        if self._is_ours:
            self._study.sampler = sampler_for(self._search.problem.seed, number)
        if number < len(self._first):
            self._study.enqueue_trial(self._first[number])
        trial = self._study.ask()
        self._numbers.append(number)
        scores: Float32Array | None = None
        try:
            value, scores = self._search.evaluate(trial, watched=self._search.racing)
        except optuna.TrialPruned:
            self._study.tell(trial, state=TrialState.PRUNED)
        except Exception as error:  # one candidate that cannot be fitted must not end the search
            if isinstance(error, OutOfTime):
                self._leave(trial, number)
                raise
            if number == 0 and isinstance(error, CostOptError):
                self._leave(trial, number)
                raise  # the plain default failed for a reason that holds for every candidate
            reason = f"{type(error).__name__}: {error}"[:500]
            trial.set_user_attr("reason", reason)
            self._study.tell(trial, state=TrialState.FAIL)
            self._coordinator.reasons[number] = reason
        except BaseException:  # somebody wants it to end
            self._leave(trial, number)
            raise
        else:
            self._study.tell(trial, value)
        if self._store is not None:
            self._store.add(self._study.get_trials(deepcopy=False)[-1], number, scores)

    def _leave(self, trial: optuna.Trial, number: int) -> None:
        """Do not keep a trial in the store: somebody evaluates it later from its beginning."""
        trial.set_user_attr("reason", "interrupted")
        self._study.tell(trial, state=TrialState.FAIL)
        if self._store is not None:
            self._store.release(number)

    def _call_back(self, number: int) -> None:
        """Call everybody who asked for it; one who fails once is not asked again."""
        finished = self._study.get_trials(deepcopy=False)[-1]
        if finished.state == TrialState.COMPLETE:
            self._best = min(self._best, finished.value)
            self._coordinator.has_result = True
        self._coordinator.show(f"lowest cost {self._best:.4g}")
        for callback in tuple(self._callbacks):
            try:
                callback(self._study, _numbered(finished, number))
            except Exception as error:  # somebody's log must not cost the trials that are finished
                self._callbacks.remove(callback)
                name = getattr(callback, "__name__", type(callback).__name__)
                warn(
                    "failed-callback",
                    f"the callback {name} raised {type(error).__name__} ({error}) after trial "
                    f"{number}: trials are kept and the search goes on, without calling it "
                    "again; to end a search from a callback, call study.stop()",
                )

    def _report_failures(self) -> None:
        reasons = Counter(self._coordinator.reasons.values())
        if not reasons:
            return
        failed = sum(reasons.values())
        listed = "; ".join(f"{count} times {reason}" for reason, count in reasons.most_common(3))
        if not self._coordinator.has_result:
            raise SearchError(
                f"all {failed} trials failed, so there is nothing to choose from: {listed}"
            )
        warn("failed-trials", f"{failed} trials failed and count for nothing: {listed}")

    def _in_order(self) -> optuna.Study:
        """The study; made anew where trials of other processes came out of turn."""
        trials = self._study.get_trials(deepcopy=False)
        order = np.argsort(self._numbers, kind="stable")
        if np.array_equal(order, np.arange(order.size)):
            return self._study
        study = optuna.create_study(
            sampler=self._study.sampler, pruner=self._study.pruner,
            study_name=self._study.study_name,
        )  # fmt: skip
        study.add_trials([trials[at] for at in order])
        return study


def _numbered(trial: FrozenTrial, number: int) -> FrozenTrial:
    """A trial under its number in the search."""
    if trial.number == number:
        return trial
    numbered = copy.copy(trial)
    numbered.number = number
    return numbered
