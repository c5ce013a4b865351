"""All strategies on the same folds, ranked in money."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.comparison.advice import Advice, advise
from costopt.comparison.ranking import Evaluated, Ranked, ranked
from costopt.comparison.result import Comparison, StrategyResult
from costopt.comparison.strategies import Strategy, strategies_named
from costopt.decision.case_costs import CaseCosts
from costopt.decision.costs import Costs
from costopt.engine.coordinator import Coordinator, OutOfTime
from costopt.engine.records import Record, key_of
from costopt.errors import CostOptError, SearchError
from costopt.evaluation.candidates import Candidate, OutOfFold, evaluate_stored
from costopt.evaluation.metrics import METRICS, decision_metrics
from costopt.evaluation.problem import Problem, prepare
from costopt.evaluation.rows import FOLDS, Rows
from costopt.inputs.frames import Scalar
from costopt.learners.protocol import Learner, combines
from costopt.learners.registry import learner as built_in_learner
from costopt.rebalancing.weights import class_weight

__all__ = ["compare"]

FloatArray = NDArray[np.float64]


def compare(
    X: Any,
    y: Any,
    costs: Costs,
    *,
    strategies: Any = "all",
    learner: str | Learner = "xgboost",
    cv: Any = FOLDS,
    groups: Any = None,
    time: Any = None,
    ignore: Collection[str] = (),
    sample_weight: Any = None,
    prevalence: float | None = None,
    pos_label: Scalar | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
    timeout: float | None = None,
    progress: bool | None = None,
) -> Comparison:
    """Run what people do against class imbalance side by side, and rank it in money.

    All strategies are trained on the same folds with their default parameters; rows are sampled
    inside training folds only, and each fold is decided on by calibration and threshold of the
    other folds.

    Parameters
    ----------
    X, y, costs, cv, groups, time, ignore, sample_weight, prevalence, pos_label, random_state, \
n_jobs
        As for `costopt.optimize`.
    strategies : "all", str, Strategy, or list of them, default="all"
        Names as in ``costopt.comparison.strategies.STRATEGIES``.
    learner : str or Learner, default="xgboost"
        What strategies that only treat rows or thresholds are combined with.
    timeout : float, optional
        Seconds after which what is done is returned; the rest is listed as skipped. The first
        strategy is always waited for.
    progress : bool, optional
        Show a progress bar on stderr; on terminals only where None.

    Returns
    -------
    comparison : Comparison

    Raises
    ------
    CostSpecError, DataError, SearchError
        Before anything is fitted, if something cannot be used; `SearchError` also if no strategy
        can be run.

    Warns
    -----
    CostOptWarning
        ``possible-leaks``, before anything is fitted: columns that nearly decide the label alone or
        look like identifiers, rows that repeat or contradict each other.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> from costopt.datasets import load_german_credit
    >>> X, y = load_german_credit()
    >>> names = ["logistic regression", "threshold 0.5", "class weights from costs"]
    >>> found = compare(X, y, CostMatrix(fn=5, fp=1), strategies=names, learner="logistic")
    >>> [result.name for result in found.results][-1], len(found.skipped)
    ('threshold 0.5', 0)
    """
    number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if timeout is not None and not (number and timeout > 0):
        raise SearchError(f"timeout must be a number of seconds above 0, got {timeout!r}")
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
    chosen = strategies_named(strategies)
    base = built_in_learner(learner) if isinstance(learner, str) else learner
    learners, skipped = _learners(chosen, base, weighted=rows.weighted)
    problem = prepare(X, y, costs, learners, rows, n_jobs=n_jobs)
    named = {name for name in (y, groups, time, sample_weight) if isinstance(name, str)}
    advice = _advice(problem, costs, X, {*named, *rows.ignore})
    run = _Run(problem, [one for one in chosen if one.name not in skipped], base.name)
    skipped |= run.all(timeout, progress=progress)
    if not run.found:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        raise SearchError(f"no strategy could be run: {reasons}")
    order = {strategy.name: at for at, strategy in enumerate(chosen)}
    skipped = {name: skipped[name] for name in sorted(skipped, key=lambda name: order[name])}
    return _comparison(run, skipped, advice)


def _advice(problem: Problem, costs: Costs, X: Any, ignore: Collection[str]) -> Advice:
    """What could be said beforehand of the rows that stand for somebody."""
    declared = costs if problem.declared is None else problem.declared
    if problem.counted is None:
        return advise(problem.labels.y, declared, X, ignore=ignore)
    from sklearn.utils import _safe_indexing

    if isinstance(declared, CaseCosts):
        declared = declared.take(problem.counted)
    rows = _safe_indexing(X, problem.counted)
    return advise(problem.y, declared, rows, ignore=ignore)


def _learners(
    chosen: tuple[Strategy, ...], base: Learner, *, weighted: bool
) -> tuple[dict[str, Learner], dict[str, str]]:
    """The learners that strategies are made of, and strategies that population weights rule out."""
    learners: dict[str, Learner] = {}
    skipped: dict[str, str] = {}
    for strategy in chosen:
        own = strategy.learner
        if own is None or own == base.name:
            own = base
        found = built_in_learner(own) if isinstance(own, str) else own
        if weighted and not found.takes_weights:
            skipped[strategy.name] = (
                f"{found.name} takes no weights, so it cannot learn what each row stands for"
            )
        else:
            learners[found.name] = found
    if not learners:
        raise SearchError("; ".join(f"{name}: {reason}" for name, reason in skipped.items()))
    return learners, skipped


class _Run:
    """Strategies evaluated one after the other; those that differ in their decisions share a fit."""

    def __init__(self, problem: Problem, strategies: Sequence[Strategy], base: str) -> None:
        self.problem = problem
        self.strategies = {strategy.name: strategy for strategy in strategies}
        self.base = base
        self.found: dict[str, Evaluated] = {}
        # of the strategy of lowest log loss: how likely each row was to be positive
        self.probability: tuple[float, FloatArray] = (math.inf, np.empty(0))
        self._coordinator = Coordinator(problem)
        self._fits: dict[str, tuple[OutOfFold, float] | str] = {}

    def all(self, timeout: float | None, *, progress: bool | None) -> dict[str, str]:
        """Run all strategies; those that could not be run, and why."""
        names = list(self.strategies)

        def attempt(number: int, _: Any) -> bool:
            self._coordinator.show(names[number])
            reason = self._reason_or_enter(self.strategies[names[number]], timeout)
            if reason is not None:
                self._coordinator.reasons[number] = reason
            return True

        self._coordinator.run(attempt, len(names), "strategy", timeout=timeout, progress=progress)
        reasons = self._coordinator.reasons
        return {
            name: reasons.get(number, "the comparison was interrupted before")
            for number, name in enumerate(names)
            if name not in self.found
        }

    def _reason_or_enter(self, strategy: Strategy, timeout: float | None) -> str | None:
        """Evaluate a strategy and enter its result; the reason if it cannot be."""
        try:
            candidate = self._candidate(strategy)
            fit, seconds = self._fit(candidate)
            assert fit.log_odds is not None  # noqa: S101  # evaluations always have them
            undo = fit.odds_multipliers if candidate.corrected else (1.0,) * self.problem.n_folds
            found = evaluate_stored(
                self.problem,
                candidate,
                fit.log_odds,
                n_rounds=fit.n_rounds,
                odds_multipliers=undo,
                sampling_ratios=fit.sampling_ratios,
            )
        except OutOfTime:
            return f"the time of {timeout:g} seconds was over"
        except CostOptError as error:
            return str(error)
        except Exception as error:  # whatever a library refuses is a reason to list
            learner = strategy.learner_name(self.base)
            told = (str(error).strip() or type(error).__name__).splitlines()[0]
            return f"{learner} could not be trained on these rows: {told}"
        self._enter(strategy, found, seconds)
        return None

    def _candidate(self, strategy: Strategy) -> Candidate:
        problem = self.problem
        chosen = problem.learners[strategy.learner_name(self.base)]
        resampling = strategy.resampling
        if not combines(chosen, resampling):
            told = f"cannot be combined with {str(resampling)!r}"
            if chosen.methods is None:
                told = "takes no weights"
            raise SearchError(f"{chosen.name} {told}")
        ratio = 1.0 if strategy.ratio == "balanced" else None
        if strategy.ratio == "costs" or (ratio and problem.weight is not None):
            aim = problem.known if strategy.ratio == "costs" else "balanced"
            ratio = class_weight(problem.y, aim, population=problem.weight).sampling_ratio
        return Candidate(
            chosen.name,
            chosen.defaults(),
            resampling,
            ratio,
            calibration=strategy.calibration,
            rule=strategy.rule,
            corrected=strategy.corrected,
        )

    def _fit(self, candidate: Candidate) -> tuple[OutOfFold, float]:
        """Out-of-fold scores of the same learner and rebalancing method, made once."""
        key = key_of(candidate)
        if key not in self._fits:
            plain = replace(candidate, calibration=None, rule=None, corrected=True)
            start = clock.perf_counter()
            try:
                found = self._coordinator.evaluate(plain)
            except CostOptError as error:
                self._fits[key] = str(error)
            else:
                self._fits[key] = found, clock.perf_counter() - start
        known = self._fits[key]
        if isinstance(known, str):
            raise SearchError(known)
        return known

    def _enter(self, strategy: Strategy, found: OutOfFold, seconds: float) -> None:
        problem, scored = self.problem, self.problem.scored
        sample = problem.sample(found.calibrated)
        metrics = decision_metrics(
            scored.y,
            found.choice.act,
            scored.costs,
            y_prob=found.calibrated,
            sample_weight=scored.weight,
        )
        self.found[strategy.name] = Evaluated(
            strategy,
            Record.of(problem, found),
            found.choice.act,
            sample.cost(found.choice.act).scaled(problem.scale),
            sample.savings(found.choice.act),
            {name: metrics[name] for name in METRICS},
            seconds,
        )
        self._coordinator.has_result = True
        if found.log_loss < self.probability[0]:
            self.probability = found.log_loss, found.calibrated


def _comparison(run: _Run, skipped: Mapping[str, str], advice: Advice) -> Comparison:
    problem = run.problem
    sample = problem.sample(run.probability[1])
    order = ranked(run.found, sample, problem, run.base)
    selected = run.found[order.selected]
    expected_cost = selected.expected_cost
    if order.bias:
        found = selected.record.whole(problem)
        expected_cost = problem.sample(found.calibrated).cost(found.choice.act, bias=order.bias)
        expected_cost = expected_cost.scaled(problem.scale)
    return Comparison(
        tuple(_result(run.found[name], order, problem) for name in order.names),
        skipped,
        {
            **{name: each.scaled(problem.scale) for name, each in order.baselines.items()},
            "perfect knowledge": sample.perfect().scaled(problem.scale),
        },
        order.selected,
        expected_cost,
        advice,
        problem,
        {name: each.record for name, each in run.found.items()},
        order.bias,
        {name: each.scaled(problem.scale) for name, each in order.beside.items()},
    )


def _result(each: Evaluated, order: Ranked, problem: Problem) -> StrategyResult:
    name = each.strategy.name
    return StrategyResult(
        name,
        each.strategy.does,
        each.expected_cost,
        each.savings,
        order.differences[name].scaled(problem.scale),
        name in order.tied,
        each.metrics,
        each.record.found.choice.rule.threshold_for(problem.known),
        each.seconds,
        order.same_as[name],
    )
