"""The objective: a trial's expected cost, for our own loop and for anybody's Optuna study."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray

from costopt.decision.costs import Costs
from costopt.errors import SearchError
from costopt.evaluation.choice import ThresholdMode
from costopt.evaluation.problem import pose
from costopt.evaluation.trial import Candidate, OutOfFold, evaluate
from costopt.frames import Scalar
from costopt.search.result import Record, SearchResult, build_result
from costopt.search.space import SearchSpace, resolve_learners, resolve_resampling
from costopt.training.learners import Learner
from costopt.training.resampling import DEVICES

__all__ = ["ExpectedCostObjective"]

Float32Array = NDArray[np.float32]


class ExpectedCostObjective:
    """Out-of-fold cost per case of the policy that a trial's parameters would ship.

    A callable ``trial -> float`` for any Optuna study that minimises. `optimize` runs it in a
    loop of its own; with a study of yours, `enqueue_defaults` and `result` do the rest.

    Parameters
    ----------
    X, y, costs, learners, resampling, threshold, cv, groups, time, ignore, sample_weight, \
prevalence, pos_label, random_state, n_jobs
        As for `costopt.optimize`.

    Raises
    ------
    CostSpecError, DataError, SearchError
        Before anything is fitted, if something cannot be used.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> import numpy as np, optuna
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> y = (X[:, 0] + rng.normal(size=200) > 1).astype(int)
    >>> objective = ExpectedCostObjective(X, y, CostMatrix(fp=1, fn=5), learners="logistic")
    >>> study = optuna.create_study()
    >>> objective.enqueue_defaults(study)
    >>> study.optimize(objective, n_trials=3)
    >>> result = objective.result(study)
    >>> result.expected_cost.unit
    'cost units'
    """

    def __init__(
        self,
        X: Any,
        y: Any,
        costs: Costs,
        *,
        learners: str | Learner | Sequence[str | Learner] = "xgboost",
        resampling: str | Collection[str] = tuple(DEVICES),
        threshold: ThresholdMode = "auto",
        cv: Any = 5,
        groups: Any = None,
        time: Any = None,
        ignore: Collection[str] = (),
        sample_weight: Any = None,
        prevalence: float | None = None,
        pos_label: Scalar | None = None,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        chosen = resolve_learners(learners)
        devices = resolve_resampling(resampling, chosen)
        self.posed = pose(
            X,
            y,
            costs,
            chosen,
            threshold=threshold,
            cv=cv,
            groups=groups,
            time=time,
            ignore=ignore,
            sample_weight=sample_weight,
            prevalence=prevalence,
            pos_label=pos_label,
            random_state=random_state,
            n_jobs=n_jobs,
        )
        self.space = SearchSpace(self.posed.problem, devices)
        self._records: dict[str, Record] = {}
        self._untuned: OutOfFold | None = None

    def __call__(self, trial: optuna.Trial) -> float:
        """Mean cost per case, in the costs' unit.

        Raises
        ------
        SearchError
            If the cost comes out not finite.
        """
        record = self.record(self.space.suggest(trial))
        value = record.found.value * self.posed.problem.scale
        if not math.isfinite(value):
            raise SearchError(f"the cost of trial {trial.number} is {value}, not a finite number")
        for name, known in _attributes(record.found).items():
            trial.set_user_attr(name, known)
        return value

    def enqueue_defaults(self, study: optuna.Study) -> None:
        """Put the untuned model and each simple device first in the queue of a study."""
        for params in self.space.defaults():
            study.enqueue_trial(params)

    def result(self, study: optuna.Study) -> SearchResult:
        """What a finished study found: the policy to ship and what it will cost.

        Trials that another process evaluated are evaluated again, with the same outcome.

        Raises
        ------
        SearchError
            If no trial is complete, the study maximises, or it searched something else.
        """
        if study.direction != optuna.study.StudyDirection.MINIMIZE:
            raise SearchError("the study must minimise: costs are better when lower")
        complete = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
        if not complete:
            raise SearchError("no trial of the study is complete: there is nothing to choose from")
        return build_result(
            self.posed,
            study,
            complete,
            [self.record(self.space.candidate(trial.params)) for trial in complete],
            [self.space.candidate(params) for params in self.space.defaults()],
            self.untuned(),
        )

    def record(self, candidate: Candidate) -> Record:
        """The outcome of a candidate, evaluated once."""
        key = json.dumps(_plain(candidate), sort_keys=True)
        if key not in self._records:
            found = evaluate(self.posed.problem, candidate)
            self._records[key] = Record(found.without_rows(), found.row_cost.astype(np.float32))
            if candidate == self.untuned_candidate:
                self._untuned = found
        return self._records[key]

    @property
    def untuned_candidate(self) -> Candidate:
        """The plain default model of the first learner."""
        name, chosen = next(iter(self.posed.problem.learners.items()))
        threshold = self.space.first_threshold if self.space.sampled_threshold else None
        return Candidate(name, chosen.defaults(), threshold=threshold)

    def untuned(self) -> OutOfFold:
        """How the plain default model did, with its scores row by row."""
        if self._untuned is None:
            self._untuned = evaluate(self.posed.problem, self.untuned_candidate)
        return self._untuned


def _plain(candidate: Candidate) -> list[Any]:
    return [
        candidate.learner,
        dict(candidate.params),
        candidate.resampling,
        candidate.sampling_ratio,
        candidate.threshold,
    ]


def _attributes(found: OutOfFold) -> Mapping[str, Any]:
    """What a study remembers of a trial beside its parameters."""
    return {
        "log_loss": found.log_loss,
        "n_rounds": found.n_rounds,
        "rule": found.choice.reason,
        "odds_multipliers": list(found.odds_multipliers),
        "sampling_ratios": list(found.sampling_ratios),
    }
