"""Policies from what was evaluated: a trial of ours, or scores that somebody else's model gave."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.costs import Costs
from costopt.decision.promises import Guarantee
from costopt.decision.rules import decision_cost
from costopt.errors import warn
from costopt.evaluation.candidates import Candidate, OutOfFold, evaluate_scores
from costopt.evaluation.limits import (
    Limits,
    check_limits,
    choose_within,
    read_limits,
)
from costopt.evaluation.modes import ScoresFrom, ThresholdMode, check_scores_mode
from costopt.evaluation.operating import OperatingCurve
from costopt.evaluation.problem import Problem, prepare_encoded
from costopt.evaluation.rows import FOLDS, Rows
from costopt.evaluation.tracing import trace
from costopt.evaluation.training import Trained
from costopt.inputs.frames import Scalar, Table
from costopt.inputs.labels import encode_labels
from costopt.inputs.row_labels import check_same_rows
from costopt.policy.cases import check_n_cases, check_scores
from costopt.policy.evidence import Evidence
from costopt.policy.policy import DecisionPolicy
from costopt.policy.scoring import ModelPart

__all__ = [
    "assemble",
    "choose_threshold",
    "evidence_of",
]

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]


def choose_threshold(
    y: Any,
    score: ArrayLike,
    costs: Costs,
    *,
    X: Any = None,
    scores: ScoresFrom | None = None,
    constraints: str | Sequence[str] = (),
    confidence: float | None = 0.9,
    threshold: ThresholdMode = "auto",
    cv: Any = FOLDS,
    groups: Any = None,
    time: Any = None,
    sample_weight: ArrayLike | None = None,
    prevalence: float | None = None,
    pos_label: Scalar | None = None,
    random_state: int = 0,
) -> DecisionPolicy:
    """The policy for scores of a model that is not ours.

    Parameters
    ----------
    y : str or array-like of shape (n_cases,)
        Labels; a name takes that column of ``X``.
    score : array-like of shape (n_cases,)
        Scores in [0, 1] of rows that the model was not fitted to. They need not be calibrated.
    costs : CostMatrix or CaseCosts
        Constant, formulas over columns of ``X``, or for these cases.
    X : data frame, optional
        The columns that the costs name.
    scores : {"held_out", "out_of_fold"}, optional
        Where the scores come from; needed to promise anything. Held out: of rows that the model was
        not fitted to. Out of fold: by cross-validation, of several models; the promise is then of
        these on average, and approximate.
    constraints : str or sequence of str, default=()
        Limits to keep, such as ``"recall >= 0.8"``, on ``recall``, ``precision``,
        ``false_positive_rate``, ``alert_rate`` or ``mean_cost``. The rule is then the cheapest
        threshold that keeps all; with costs per case too it is one threshold for all cases.
    confidence : float or None, default=0.9
        Chance with which all limits hold jointly on new cases. None: on these cases only, which
        about half of new samples break.
    threshold : {"auto", "bayes", "exact"}, default="auto"
        Bayes' rule on calibrated scores, the exact cheapest threshold, or what the data support.
    cv : int, splitter or iterable, default=FOLDS
        Splits that keep calibration and threshold from being judged on the rows they were fitted to.
    groups, time : str or array-like of shape (n_cases,), optional
        Rows that belong together; the order of rows. A name takes that column of ``X``.
    sample_weight : str or array-like of shape (n_cases,), optional
        How many cases of the population each row stands for.
    prevalence : float, optional
        Share of positives in the population, where rows were sampled by class.
    pos_label : str, int, float or bool, optional
        The class to act on, where labels are not 0 and 1.
    random_state : int, default=0

    Returns
    -------
    policy : DecisionPolicy
        Without a model: ``policy.decide(X, score=...)``. With constraints, ``policy.guarantee``
        says what is promised.

    Raises
    ------
    DataError, CostSpecError
        If labels, scores or costs cannot be used, or are not of the same rows.
    InfeasibleError
        If there are too few cases to promise a limit, or no threshold keeps all limits.

    Warns
    -----
    CostOptWarning
        ``constant-scores``, where all scores are the same. With constraints,
        ``promise-untested``, where groups or time are given, and ``never-or-always``, where the
        limits are kept by acting on no case, or on every case.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> rng = np.random.default_rng(0)
    >>> score = rng.random(2000)
    >>> y = (rng.random(2000) < score).astype(int)
    >>> policy = choose_threshold(y, score, CostMatrix(fp=1, fn=3))
    >>> abs(policy.raw_threshold - 0.25) < 0.05
    True
    >>> policy = choose_threshold(
    ...     y, score, CostMatrix(fp=1, fn=1), scores="held_out", constraints="recall >= 0.9"
    ... )
    >>> policy.guarantee.bound["recall"] >= 0.9
    True
    """
    limits = read_limits(constraints, confidence, scores, threshold)
    rows = Rows(
        cv=cv,
        groups=groups,
        time=time,
        sample_weight=sample_weight,
        prevalence=prevalence,
        pos_label=pos_label,
        random_state=random_state,
    )
    table = None if X is None else Table(X)
    check_same_rows(
        X=table,
        y=y,
        score=score,
        costs=costs,
        groups=groups,
        time=time,
        sample_weight=sample_weight,
    )
    if table is not None:
        rows, y = rows.resolved(table, y)
    labels = encode_labels(y, pos_label)
    given = check_scores(score)
    check_n_cases(labels.y.size, table, given)
    check_scores_mode(threshold)
    problem = prepare_encoded(
        None, labels, costs, {}, rows, table=table, threshold=threshold, n_jobs=1
    )
    if limits is not None:
        check_limits(limits, problem.scored)
    if np.all(given == given[0]):
        warn(
            "constant-scores",
            f"every case has the score {given[0]:.4g}, so that they do not tell cases apart: every "
            "case of the same costs gets one decision; pass the model's scores of each row",
        )
    raw = problem.of_counted(given)[problem.scored.rows]
    found, guarantee = _evaluated(problem, raw, limits)
    if guarantee is not None:
        act = found.choice.rule.decide(found.calibrator.apply(raw), None)
        ordered = groups is not None or time is not None
        _warn_of_promise(int(np.count_nonzero(act)), act.size, ordered=ordered)
    evidence = evidence_of(problem, found, baselines={"act from a score of 0.5": raw >= 0.5})
    return assemble(problem, found, (), evidence, guarantee)


def _evaluated(
    problem: Problem, raw: FloatArray, limits: Limits | None
) -> tuple[OutOfFold, Guarantee | None]:
    """The scores with their rule and its cost; within limits, where there are any."""
    if limits is None:
        return evaluate_scores(problem, Candidate("scores", {}), raw), None
    found = evaluate_scores(problem, Candidate("scores", {}, rule="bayes"), raw)
    scored = problem.scored
    choice, guarantee = choose_within(
        limits, scored, raw, found.calibrator, scale=problem.scale, seed=problem.seed
    )
    row_cost = decision_cost(scored.y, choice.act, scored.costs)
    return replace(found, choice=choice, value=choice.value, row_cost=row_cost), guarantee


def _warn_of_promise(n_acted: int, n_cases: int, *, ordered: bool) -> None:
    """Say what a promise does not cover, and when it is kept without a look at the scores."""
    if ordered:
        warn(
            "promise-untested",
            "limits are proved as if cases came independently of each other; for cases of groups, or "
            "that change over time, how often they are broken was not tested: keep a margin",
        )
    if n_acted in (0, n_cases):
        which = "every case" if n_acted else "no case"
        warn(
            "never-or-always",
            f"the cheapest way to keep the limits on these scores is to act on {which}: ask for less, "
            "or find a better model",
        )


def assemble(
    problem: Problem,
    found: OutOfFold,
    final: tuple[Trained, ...],
    evidence: Evidence,
    guarantee: Guarantee | None = None,
) -> DecisionPolicy:
    """The policy of an evaluated candidate and its final model.

    Parameters
    ----------
    problem : Problem
    found : OutOfFold
    final : tuple of Trained
        Empty where scores are computed elsewhere.
    evidence : Evidence
    guarantee : Guarantee, optional
    """
    candidate = found.candidate
    params = dict(candidate.params)
    if candidate.resampling != "none":
        resampling, ratio = str(candidate.resampling), candidate.sampling_ratio
        params |= {"resampling": resampling, "sampling_ratio": ratio}
    if found.n_rounds is not None:
        params["n_rounds"] = found.n_rounds
    return DecisionPolicy(
        rule=found.choice.rule,
        costs=problem.declared,
        known_costs=problem.declared_known,
        unit=problem.unit,
        labels=(problem.labels.negative, problem.labels.positive),
        calibrator=found.calibrator,
        schema=problem.schema,
        learner=problem.learners[candidate.learner] if final else None,
        models=tuple(ModelPart(part.model, part.ledger) for part in final),
        model_name=candidate.learner if final else "",
        params=params if final else {},
        evidence=evidence,
        guarantee=guarantee,
        provenance=provenance(problem.seed),
    )


def evidence_of(
    problem: Problem,
    found: OutOfFold,
    *,
    bias: float = 0.0,
    baselines: Mapping[str, BoolArray] | None = None,
) -> Evidence:
    """What is known of the cost of an evaluated candidate.

    Parameters
    ----------
    problem : Problem
    found : OutOfFold
        With its rows.
    bias : float, default=0
        What its choice among others hides of its mean cost, in the problem's scaled unit.
    baselines : mapping of str to bool array of shape (n_scored,), optional
        Decisions to state the cost of beside acting never and always.
    """
    sample = problem.sample(found.calibrated)
    decisions = {**sample.baselines(), **(baselines or {})}
    return Evidence(
        expected_cost=sample.cost(found.choice.act, bias=bias).scaled(problem.scale),
        savings=sample.savings(found.choice.act, bias=bias),
        baselines={name: sample.cost(act).scaled(problem.scale) for name, act in decisions.items()},
        selection_bias=bias * problem.scale,
        n_cases=problem.n_cases,
        n_positives=problem.n_positives,
        reason=found.choice.reason,
        curve=_curve_of(problem, found),
    )


def _curve_of(problem: Problem, found: OutOfFold) -> OperatingCurve:
    """What other thresholds would have caught and cost, in the declared unit."""
    scored = problem.scored_by(found.n_folds)
    return trace(
        scored.y,
        found.calibrated,
        scored.costs.scaled(problem.scale),
        scored.known.scaled(problem.scale),
        found.choice,
        scored.draws,
        scored.weight,
    )


def provenance(seed: int) -> dict[str, str]:
    """Versions and the seed, so that a policy can be made again."""
    found = {"random_state": str(seed), "python": platform.python_version()}
    for name in ("costopt-ml", "numpy", "scikit-learn", "xgboost", "optuna"):
        found[name] = _version(name)
    return found


@cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
