"""The objective: a trial's expected cost, for our own loop and for anybody's Optuna study."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray

from costopt.calibration.maps import CalibrationKind
from costopt.decision.costs import Costs
from costopt.errors import SearchError, check_choice
from costopt.evaluation.modes import ThresholdMode
from costopt.evaluation.pricing import Candidate, OutOfFold, price_stored
from costopt.evaluation.problem import pose
from costopt.evaluation.trial import FINALS, FinalKind, evaluate
from costopt.inputs.frames import Scalar
from costopt.learners.protocol import Learner
from costopt.rebalancing.methods import BY_DEFAULT
from costopt.search.racing import Race
from costopt.search.result import SearchResult, build_result
from costopt.search.selection import KEPT, KEPT_NUMBERS, SELECTIONS, Record, SelectionKind, Shipping
from costopt.search.space import Resampling, SearchSpace, resolve_learners, resolve_resampling

__all__ = ["ExpectedCostObjective"]

Float32Array = NDArray[np.float32]


class ExpectedCostObjective:
    """Out-of-fold cost per case of the policy that a trial's parameters would ship.

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
        Give up trials that are dearer than the best one so far beyond noise. What the folds so
        far cost is reported to the study, so that its own pruner can act on it too. Costs of
        different folds are not comparable with each other, so a median of them, which is what
        Optuna prunes by if it is not told otherwise, gives up good trials: see the example.

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
        cv: Any = 5,
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
        check_choice("selection", selection, SELECTIONS)
        check_choice("final", final, FINALS)
        if not isinstance(racing, bool):
            raise SearchError(f"racing must be True or False, got {racing!r:.60}")
        chosen = resolve_learners(learners)
        methods = resolve_resampling(resampling, chosen)
        self.posed = pose(
            X,
            y,
            costs,
            chosen,
            threshold=threshold,
            calibration=calibration,
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
        self.space = SearchSpace(self.posed.problem, methods)
        self.shipping = Shipping(selection, final)
        self.race = Race(self.posed.problem) if racing else None
        first = self.space.defaults()[: len(chosen)]
        self._defaults = [self.space.candidate(params) for params in first]  # one per learner
        self._records: dict[str, Record] = {}
        self._untuned: OutOfFold | None = None

    def __call__(self, trial: optuna.Trial) -> float:
        """Mean cost per case, in the costs' unit.

        Raises
        ------
        SearchError
            If the cost comes out not finite.
        optuna.TrialPruned
            If the trial was given up.
        """
        return self.try_out(trial)[0]

    def try_out(
        self,
        trial: optuna.Trial,
        checkpoint: Callable[[], None] | None = None,
        *,
        watched: bool = True,
    ) -> tuple[float, Float32Array | None]:
        """The same, with the log-odds of all rows; None where they are those of an earlier trial.

        Parameters
        ----------
        trial : optuna.Trial
        checkpoint : callable, optional
            Called every so often; what it raises ends the evaluation.
        watched : bool, default=True
            Price and report the folds so far, which takes time; of use where somebody acts on it.
        """
        scale = self.posed.problem.scale
        candidate = self.space.suggest(trial)
        record, stored = self._records.get(_key(candidate)), None
        if record is None:

            def give_up(found: OutOfFold) -> bool:
                trial.report(found.value * scale, found.n_folds)
                return trial.should_prune() or (self.race is not None and self.race.is_lost(found))

            found = evaluate(
                self.posed.problem,
                candidate,
                give_up=give_up if watched and _has_one_objective(trial) else None,
                checkpoint=checkpoint,
            )
            if found.n_folds < self.posed.problem.n_folds:
                trial.set_user_attr("n_folds", found.n_folds)
                raise optuna.TrialPruned(f"given up after {found.n_folds} folds")
            record, stored = self._keep(found), found.log_odds
        value = record.found.value * scale
        if not math.isfinite(value):
            raise SearchError(f"the cost of trial {trial.number} is {value}, not a finite number")
        for name, known in _attributes(record.found).items():
            trial.set_user_attr(name, known)
        return value, stored

    def restore(self, trial: optuna.trial.FrozenTrial, log_odds: Float32Array | None) -> None:
        """Know again a trial that was completed earlier, from its scores; without, by doing it again."""
        problem, candidate = self.posed.problem, self.space.candidate(trial.params)
        if _key(candidate) in self._records:
            return
        if log_odds is None or log_odds.size != problem.scored.rows.size:
            self._keep(evaluate(problem, candidate))
            return
        known = trial.user_attrs
        self._keep(
            price_stored(
                problem,
                candidate,
                log_odds,
                n_rounds=known["n_rounds"],
                odds_multipliers=tuple(known["odds_multipliers"]),
                sampling_ratios=tuple(known["sampling_ratios"]),
            )
        )

    def enqueue_defaults(self, study: optuna.Study) -> None:
        """Put the untuned model and each simple method first in the queue of a study."""
        for params in self.space.defaults():
            study.enqueue_trial(params)

    def result(self, study: optuna.Study) -> SearchResult:
        """What a finished study found: the policy to ship and what it will cost.

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
        return build_result(
            self.posed,
            study,
            complete,
            [self.record(self.space.candidate(trial.params)) for trial in complete],
            self._defaults,
            self.untuned(),
            self.shipping,
        )

    def _of_cost_alone(self, study: optuna.Study) -> optuna.Study:
        """The trials of a study with several objectives, with their cost as the only one."""
        alone = optuna.create_study()
        for trial in study.get_trials():
            if trial.state == optuna.trial.TrialState.COMPLETE:
                found = self.record(self.space.candidate(trial.params)).found
                trial.values = [found.value * self.posed.problem.scale]
            alone.add_trial(trial)
        return alone

    def record(self, candidate: Candidate) -> Record:
        """The outcome of a candidate, evaluated once."""
        key = _key(candidate)
        if key not in self._records:
            self._keep(evaluate(self.posed.problem, candidate))
        return self._records[key]

    def _keep(self, found: OutOfFold) -> Record:
        """What is kept of a candidate that was evaluated on all folds."""
        record = Record.of(found, self.posed.problem.scored.draws, found.log_odds)
        self._records[_key(found.candidate)] = record
        self._forget_scores()
        if found.candidate == self.untuned_candidate:
            self._untuned = found
        if self.race is not None:
            self.race.enter(found)
        return record

    def _forget_scores(self) -> None:
        """Keep scores row by row of as many trials as there is room for, and of the untuned models.

        Those of the lowest log loss stay.
        """
        room = max(KEPT, KEPT_NUMBERS // self.posed.problem.scored.rows.size)
        kept = [
            (key, record)
            for key, record in self._records.items()
            if record.log_odds is not None and record.found.candidate not in self._defaults
        ]
        for key, record in sorted(kept, key=lambda one: one[1].found.log_loss)[room:]:
            self._records[key] = replace(record, log_odds=None)

    @property
    def untuned_candidate(self) -> Candidate:
        """The plain default model of the first learner."""
        return self._defaults[0]

    def untuned(self) -> OutOfFold | None:
        """How the plain default model did, with its scores row by row; None if it cannot be fitted."""
        if self._untuned is None:
            try:
                self._untuned = evaluate(self.posed.problem, self.untuned_candidate)
            except Exception:  # a trial that did is recorded with its reason; others may go on
                return None
        return self._untuned


def _has_one_objective(trial: optuna.Trial) -> bool:
    """Whether a trial may be pruned: Optuna prunes none of several objectives."""
    study = getattr(trial, "study", None)  # a FixedTrial has none
    return study is None or len(study.directions) == 1


def _key(candidate: Candidate) -> str:
    parts = [
        candidate.learner,
        dict(candidate.params),
        str(candidate.resampling),
        candidate.sampling_ratio,
        candidate.threshold,
    ]
    return json.dumps(parts, sort_keys=True)


def _attributes(found: OutOfFold) -> Mapping[str, Any]:
    """What a study remembers of a trial beside its parameters."""
    return {
        "log_loss": found.log_loss,
        "n_rounds": found.n_rounds,
        "rule": found.choice.reason,
        "odds_multipliers": list(found.odds_multipliers),
        "sampling_ratios": list(found.sampling_ratios),
    }
