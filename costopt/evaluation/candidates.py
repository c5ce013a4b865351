"""From out-of-fold scores to money: undo the odds, calibrate, choose the rule, cost its decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from costopt.calibration.base import CalibrationMap
from costopt.calibration.identity import IdentityMap
from costopt.calibration.maps import CalibrationKind, map_of
from costopt.decision.odds import OddsLedger
from costopt.decision.rules import decision_cost
from costopt.evaluation.choice import (
    POSITIVES_FOR_A_THRESHOLD,
    RuleChoice,
    choose_rule,
)
from costopt.evaluation.cross_fitting import cross_fit
from costopt.evaluation.effective import effective_positives
from costopt.evaluation.modes import ThresholdMode
from costopt.evaluation.problem import Problem
from costopt.rebalancing.definition import RebalancingMethod
from costopt.rebalancing.methods import method

__all__ = ["Candidate", "OutOfFold", "corrected_scores", "evaluate_scores", "evaluate_stored"]

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]


@dataclass(frozen=True)
class Candidate:
    """What one trial proposes.

    Parameters
    ----------
    learner : str
    params : mapping of str to value
    resampling : str or RebalancingMethod, default="none"
        The one rebalancing method.
    sampling_ratio : float, optional
        Positives per negative that the method aims at.
    threshold : float, optional
        The threshold on calibrated probabilities, where it is sampled rather than solved.
    calibration : {"platt", "beta", "isotonic", "none"} or CalibrationMap class, optional
        The problem's where None.
    rule : {"auto", "bayes", "exact", "tuned", "half"}, optional
        The problem's where None.
    corrected : bool, default=True
        Whether what training did to the odds is undone before anything else.
    """

    learner: str
    params: Mapping[str, Any]
    resampling: str | RebalancingMethod = "none"
    sampling_ratio: float | None = None
    threshold: float | None = None
    calibration: CalibrationKind | None = None
    rule: ThresholdMode | None = None
    corrected: bool = True


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """How a candidate did on rows that its models were not fitted to.

    Parameters
    ----------
    candidate : Candidate
    n_folds : int
        How many folds were evaluated: all, unless it was stopped early.
    value : float
        What a search minimises, in the problem's scaled unit per case.
    raw : array of shape (n_scored,)
        The models' own scores of the rows that these folds score.
    log_odds : float32 array of shape (n_scored,) or None
        What there is to store of them: ``raw`` is its logistic function, to the last bit.
    row_cost : array of shape (n_scored,)
        What each row would have cost, in the problem's scaled unit.
    row_loss : array of shape (n_scored,)
        Log loss of each row's calibrated probability.
    log_loss : float
        Its mean.
    calibrated : array of shape (n_scored,)
        Calibrated probabilities, each fold's by a map fitted on the others.
    calibrator : CalibrationMap
        Fitted on all these rows: the one of the final policy.
    choice : RuleChoice
    n_rounds : int or None
        Of the final model, for learners that grow: the best over all folds.
    odds_multipliers : tuple of float
        One per fold.
    sampling_ratios : tuple of float
        What each fold allowed of the ratio that was asked for.
    """

    candidate: Candidate
    n_folds: int
    value: float
    raw: FloatArray
    log_odds: Float32Array | None
    row_cost: FloatArray
    row_loss: FloatArray
    log_loss: float
    calibrated: FloatArray
    calibrator: CalibrationMap
    choice: RuleChoice
    n_rounds: int | None
    odds_multipliers: tuple[float, ...]
    sampling_ratios: tuple[float | None, ...]

    def without_rows(self) -> OutOfFold:
        """The same without what there is one of per row, to be kept of many candidates."""
        nothing = np.empty(0)
        choice = replace(self.choice, act=np.empty(0, dtype=bool))
        return replace(
            self,
            raw=nothing,
            log_odds=None,
            row_cost=nothing,
            row_loss=nothing,
            calibrated=nothing,
            choice=choice,
        )


def evaluate_stored(
    problem: Problem,
    candidate: Candidate,
    log_odds: Float32Array,
    *,
    n_rounds: int | None,
    odds_multipliers: tuple[float, ...],
    sampling_ratios: tuple[float | None, ...],
) -> OutOfFold:
    """The same as `evaluate_scores`, of scores in the form in which they are stored.

    What a search makes of a trial when it is evaluated, and when it is read back, is the same.
    """
    found = evaluate_scores(
        problem,
        candidate,
        expit(log_odds.astype(np.float64)),
        n_rounds=n_rounds,
        odds_multipliers=odds_multipliers,
        sampling_ratios=sampling_ratios,
    )
    return replace(found, log_odds=log_odds)


def evaluate_scores(
    problem: Problem,
    candidate: Candidate,
    raw: FloatArray,
    *,
    n_rounds: int | None = None,
    odds_multipliers: tuple[float, ...] = (),
    sampling_ratios: tuple[float | None, ...] = (),
) -> OutOfFold:
    """Undo the odds of out-of-fold scores, calibrate them, choose the rule, and cost its decisions.

    Parameters
    ----------
    problem : Problem
    candidate : Candidate
        What the scores came from.
    raw : array of shape (n_scored,)
        The models' own scores, of the rows that some fold scores.
    n_rounds, sampling_ratios
        What there is to remember of the fits.
    odds_multipliers : tuple of float, optional
        What training did to the odds, fold by fold; where there are fewer than folds, scores are
        of the first folds only.

    Returns
    -------
    found : OutOfFold
    """
    n_folds = len(odds_multipliers) or problem.n_folds
    scored = problem.scored_by(n_folds)
    score = corrected_scores(problem, raw, odds_multipliers)
    kind, mode = _how(problem, candidate)
    fitted = cross_fit(scored.y, score, scored.parts, scored.weight, kind)
    choice = choose_rule(
        scored.y,
        score,
        fitted,
        scored.costs,
        scored.known,
        scored.parts,
        scored.draws,
        threshold=mode,
        sampled=candidate.threshold,
    )
    # likelihoods of scores that were decided on as they are would compare scales, not models
    comparable = fitted.calibrated
    if kind is IdentityMap:
        comparable = cross_fit(scored.y, score, scored.parts, scored.weight).calibrated
    likelihood = np.where(scored.y, comparable, 1 - comparable)
    row_loss = -np.log(np.maximum(likelihood, 1e-15))
    return OutOfFold(
        candidate,
        n_folds,
        value=choice.value,
        raw=raw,
        log_odds=None,
        row_cost=decision_cost(scored.y, choice.act, scored.costs),
        row_loss=row_loss,
        log_loss=float(np.average(row_loss, weights=scored.weight)),
        calibrated=fitted.calibrated,
        calibrator=fitted.calibrator,
        choice=choice,
        n_rounds=n_rounds,
        odds_multipliers=odds_multipliers,
        sampling_ratios=sampling_ratios,
    )


def _how(problem: Problem, candidate: Candidate) -> tuple[type[CalibrationMap], ThresholdMode]:
    """How a candidate's scores are calibrated and decided on.

    Where rows were weighed by their own costs, the scores say what is cheaper rather than how
    probable it is: they are decided on at 0.5, or from the cheapest threshold once there are
    positives enough.
    """
    positives = effective_positives(problem.y, problem.weight, problem.folds.units)
    if method(candidate.resampling).effect == "by case" and not problem.costs.is_constant:
        enough = positives > POSITIVES_FOR_A_THRESHOLD
        return IdentityMap, candidate.rule or ("tuned" if enough else "half")
    kind = map_of(candidate.calibration or problem.calibration)
    kind.check_positives(positives)
    return kind, candidate.rule or problem.threshold


def corrected_scores(
    problem: Problem, raw: FloatArray, odds_multipliers: tuple[float, ...]
) -> FloatArray:
    """Out-of-fold scores without what training did to the odds, fold by fold.

    Parameters
    ----------
    problem, raw, odds_multipliers
        As for `evaluate_scores`.
    """
    scored = problem.scored_by(len(odds_multipliers) or problem.n_folds)
    score = raw.copy()
    for fold, multiplier in zip(scored.folds, odds_multipliers, strict=False):
        score[fold.test] = OddsLedger().record("training", multiplier).undo(score[fold.test])
    return score
