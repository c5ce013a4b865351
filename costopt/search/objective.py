"""The objective: a trial's expected cost, for our own loop and for anybody's Optuna study."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray

from costopt.calibration.maps import CalibrationKind
from costopt.decision.costs import Costs
from costopt.engine.coordinator import Coordinator
from costopt.engine.records import key_of
from costopt.errors import SearchError, check_choice
from costopt.evaluation.candidates import OutOfFold, evaluate_stored
from costopt.evaluation.modes import ThresholdMode
from costopt.evaluation.problem import prepare
from costopt.evaluation.rows import FOLDS, Rows
from costopt.evaluation.trial import FINALS, FinalKind
from costopt.inputs.frames import Scalar
from costopt.learners.protocol import Learner
from costopt.rebalancing.names import BY_DEFAULT
from costopt.search.result import SearchResult, build_result
from costopt.search.selection import SELECTIONS, SelectionKind
from costopt.search.space import Resampling, SearchSpace, resolve_learners, resolve_resampling

__all__ = ["ExpectedCostObjective", "Search"]

Float32Array = NDArray[np.float32]


class Search:
    """What trials are of: a problem, the space of its candidates, and what came of them so far.

    Parameters
    ----------
    X, y, costs
        As for `costopt.optimize`.
    rows : Rows
    learners, resampling, threshold, calibration, n_jobs, selection, final, racing
        As for `costopt.optimize`.
    """

    def __init__(
        self,
        X: Any,
        y: Any,
        costs: Costs,
        rows: Rows,
        *,
        learners: str | Learner | Sequence[str | Learner],
        resampling: Resampling,
        threshold: ThresholdMode,
        calibration: CalibrationKind,
        n_jobs: int | None,
        selection: SelectionKind,
        final: FinalKind,
        racing: bool,
    ) -> None:
        check_choice("selection", selection, SELECTIONS)
        check_choice("final", final, FINALS)
        if not isinstance(racing, bool):
            raise SearchError(f"racing must be True or False, got {racing!r:.60}")
        chosen = resolve_learners(learners)
        methods = resolve_resampling(resampling, chosen)
        self.problem = prepare(
            X, y, costs, chosen, rows, threshold=threshold, calibration=calibration, n_jobs=n_jobs
        )
        self.space = SearchSpace(self.problem, methods)
        self.selection: SelectionKind = selection
        self.final: FinalKind = final
        self.racing = racing
        first = self.space.defaults()[: len(chosen)]
        self._untuned = [self.space.candidate(params) for params in first]  # one per learner
        self.coordinator = Coordinator(self.problem, racing=racing, always_kept=self._untuned)

    def evaluate(
        self, trial: optuna.Trial, *, watched: bool = True
    ) -> tuple[float, Float32Array | None]:
        """Mean cost per case, and the log-odds of all rows; None where an earlier trial is the same.

        Parameters
        ----------
        trial : optuna.Trial
        watched : bool, default=True
            Judge and report the folds so far, which takes time; of use where somebody acts on it.
        """
        problem, coordinator = self.problem, self.coordinator
        candidate = self.space.suggest(trial)
        record, scores = coordinator.records.get(key_of(candidate)), None
        if record is None:

            def stop_early(found: OutOfFold) -> bool:
                trial.report(found.value * problem.scale, found.n_folds)
                return trial.should_prune() or coordinator.is_lost(found)

            found = coordinator.evaluate(
                candidate, stop_early if watched and _has_one_objective(trial) else None
            )
            if found.n_folds < problem.n_folds:
                trial.set_user_attr("n_folds", found.n_folds)
                raise optuna.TrialPruned(f"stopped early, after {found.n_folds} folds")
            record, scores = coordinator.keep(found), found.log_odds
        value = record.found.value * problem.scale
        if not math.isfinite(value):
            raise SearchError(f"the cost of trial {trial.number} is {value}, not a finite number")
        for name, known in _attributes(record.found).items():
            trial.set_user_attr(name, known)
        return value, scores

    def restore(self, trial: optuna.trial.FrozenTrial, log_odds: Float32Array | None) -> None:
        """Know again a trial that was completed earlier, from its scores; without, by doing it again."""
        candidate = self.space.candidate(trial.params)
        if key_of(candidate) in self.coordinator.records:
            return
        if log_odds is None or log_odds.size != self.problem.scored.rows.size:
            self.coordinator.record(candidate)
            return
        known = trial.user_attrs
        self.coordinator.keep(
            evaluate_stored(
                self.problem,
                candidate,
                log_odds,
                n_rounds=known["n_rounds"],
                odds_multipliers=tuple(known["odds_multipliers"]),
                sampling_ratios=tuple(known["sampling_ratios"]),
            )
        )

    def result(self, study: optuna.Study) -> SearchResult:
        """What a finished study found: the final policy and what it will cost.

        Trials that another process evaluated are evaluated again, with the same outcome. Of a
        study with several objectives, cost alone selects: to have a say in it, add the trials
        that you would accept to a study of one objective.

        Raises
        ------
        SearchError
            If no trial is complete, the study maximises, or it searched something else.
        """
        if len(study.directions) > 1:
            study = self._of_cost_alone(study)
        if study.direction != optuna.study.StudyDirection.MINIMIZE:
            raise SearchError("the study must minimise: costs are better when lower")
        complete = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
        if not complete:
            raise SearchError("no trial of the study is complete: there is nothing to choose from")
        record = self.coordinator.record
        return build_result(
            self.problem,
            study,
            complete,
            [record(self.space.candidate(trial.params)) for trial in complete],
            self._untuned,
            self._plain(),
            selection=self.selection,
            final=self.final,
        )

    def _of_cost_alone(self, study: optuna.Study) -> optuna.Study:
        """The trials of a study with several objectives, with their cost as the only one."""
        alone = optuna.create_study()
        for trial in study.get_trials():
            if trial.state == optuna.trial.TrialState.COMPLETE:
                found = self.coordinator.record(self.space.candidate(trial.params)).found
                trial.values = [found.value * self.problem.scale]
            alone.add_trial(trial)
        return alone

    def _plain(self) -> OutOfFold | None:
        """How the untuned model of the first learner did, row by row; None if it cannot be fitted."""
        try:
            return self.coordinator.record(self._untuned[0]).whole(self.problem)
        except Exception:  # a trial that did is recorded with its reason; others may go on
            return None


class ExpectedCostObjective(Search):
    """Out-of-fold cost per case of the policy that a trial's parameters lead to.

    A callable ``trial -> float`` for any Optuna study that minimises. `optimize` runs it in a
    loop of its own; with a study of yours, `enqueue_defaults` and `result` do the rest. A study
    may have further objectives: return ``(objective(trial), other)``. Optuna prunes no trials then,
    and neither does ``racing``.

    Parameters
    ----------
    X, y, costs, learners, resampling, threshold, calibration, cv, groups, time, ignore, sample_weight, \
prevalence, pos_label, random_state, n_jobs, selection, final
        As for `costopt.optimize`.
    racing : bool, default=False
        Stop trials early that cost significantly more than the best one so far. What the folds so
        far cost is reported to the study, so that its own pruner can act on it too. Costs of
        different folds are not comparable with each other, so a median of them, which is what
        Optuna prunes by if it is not told otherwise, stops good trials: see the example.

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
    >>> study = optuna.create_study(pruner=optuna.pruners.NopPruner())
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
        resampling: Resampling = BY_DEFAULT,
        threshold: ThresholdMode = "auto",
        calibration: CalibrationKind = "platt",
        cv: Any = FOLDS,
        groups: Any = None,
        time: Any = None,
        ignore: Collection[str] = (),
        sample_weight: Any = None,
        prevalence: float | None = None,
        pos_label: Scalar | None = None,
        random_state: int = 0,
        n_jobs: int | None = None,
        selection: SelectionKind = "likelihood",
        final: FinalKind = "refit",
        racing: bool = False,
    ) -> None:
        rows = Rows(
            cv=cv,
            groups=groups,
            time=time,
            ignore=ignore,
            sample_weight=sample_weight,
            prevalence=prevalence,
            pos_label=pos_label,
            random_state=random_state,
        )
        super().__init__(
            X,
            y,
            costs,
            rows,
            learners=learners,
            resampling=resampling,
            threshold=threshold,
            calibration=calibration,
            n_jobs=n_jobs,
            selection=selection,
            final=final,
            racing=racing,
        )

    def __call__(self, trial: optuna.Trial) -> float:
        """Mean cost per case, in the costs' unit.

        Raises
        ------
        SearchError
            If the cost comes out not finite.
        optuna.TrialPruned
            If the trial was stopped early.
        """
        return self.evaluate(trial)[0]

    def enqueue_defaults(self, study: optuna.Study) -> None:
        """Put the untuned model and each simple method first in the queue of a study."""
        for params in self.space.defaults():
            study.enqueue_trial(params)


def _has_one_objective(trial: optuna.Trial) -> bool:
    """Whether a trial may be pruned: Optuna prunes none of several objectives."""
    study = getattr(trial, "study", None)  # a FixedTrial has none
    return study is None or len(study.directions) == 1


def _attributes(found: OutOfFold) -> Mapping[str, Any]:
    """What a study remembers of a trial beside its parameters."""
    return {
        "log_loss": found.log_loss,
        "n_rounds": found.n_rounds,
        "rule": found.choice.reason,
        "odds_multipliers": list(found.odds_multipliers),
        "sampling_ratios": list(found.sampling_ratios),
    }
