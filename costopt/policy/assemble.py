"""Policies from what was evaluated: a trial of ours, or scores that somebody else's model gave."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.costs import Costs
from costopt.errors import warn
from costopt.evaluation.candidates import Candidate, OutOfFold, evaluate_scores
from costopt.evaluation.modes import ThresholdMode, check_scores_mode
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

__all__ = ["assemble", "choose_threshold", "evidence_of", "provenance"]

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]


def choose_threshold(
    y: Any,
    score: ArrayLike,
    costs: Costs,
    *,
    X: Any = None,
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
        Without a model: ``policy.decide(X, score=...)``.

    Raises
    ------
    DataError, CostSpecError
        If labels, scores or costs cannot be used, or are not of the same rows.

    Warns
    -----
    CostOptWarning
        ``constant-scores``, where all scores are the same.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> rng = np.random.default_rng(0)
    >>> score = rng.random(2000)
    >>> y = (rng.random(2000) < score).astype(int)
    >>> policy = choose_threshold(y, score, CostMatrix(fp=1, fn=3))
    >>> abs(policy.raw_threshold - 0.25) < 0.05
    True
    """
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
    scores = check_scores(score)
    check_n_cases(labels.y.size, table, scores)
    check_scores_mode(threshold)
    problem = prepare_encoded(
        None, labels, costs, {}, rows, table=table, threshold=threshold, n_jobs=1
    )
    if np.all(scores == scores[0]):
        warn(
            "constant-scores",
            f"every case has the score {scores[0]:.4g}, so that they do not tell cases apart: every "
            "case of the same costs gets one decision; pass the model's scores of each row",
        )
    raw = problem.of_counted(scores)[problem.scored.rows]
    found = evaluate_scores(problem, Candidate("scores", {}), raw)
    evidence = evidence_of(problem, found, baselines={"act from a score of 0.5": raw >= 0.5})
    return assemble(problem, found, (), evidence)


def assemble(
    problem: Problem, found: OutOfFold, final: tuple[Trained, ...], evidence: Evidence
) -> DecisionPolicy:
    """The policy of an evaluated candidate and its final model.

    Parameters
    ----------
    problem : Problem
    found : OutOfFold
    final : tuple of Trained
        Empty where scores are computed elsewhere.
    evidence : Evidence
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
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found
