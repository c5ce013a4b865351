"""Which rule to export: Bayes' rule on calibrated scores or the cheapest threshold, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.calibration.base import CalibrationMap
from costopt.decision.case_costs import CaseCosts
from costopt.decision.rules import (
    GainRule,
    Rule,
    ThresholdRule,
    decide,
    decision_cost,
    weighted_mean,
)
from costopt.decision.thresholds import bayes_of_means, cost_curve
from costopt.evaluation.cross_fitting import CrossFitted
from costopt.evaluation.draws import Draws, standard_error
from costopt.evaluation.effective import effective_positives
from costopt.evaluation.modes import ThresholdMode
from costopt.learners.protocol import Fold

__all__ = ["POSITIVES_FOR_A_THRESHOLD", "SIGNIFICANT", "RuleChoice", "choose_rule"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Up to so many effective positives a threshold chosen from data was measured to cost more than
# Platt's map with Bayes' rule; above it the threshold has to be significantly cheaper.
POSITIVES_FOR_A_THRESHOLD = 150
# One-sided 5 % of the normal distribution.
SIGNIFICANT = 1.645


@dataclass(frozen=True, eq=False)
class RuleChoice:
    """A rule, what it would have decided out of fold, and why it was chosen.

    Parameters
    ----------
    rule : GainRule or ThresholdRule
        On calibrated probabilities.
    act : bool array of shape (n_scored,)
        Decisions by a rule of this kind that was fitted without the row's own part.
    value : float
        What a search minimises, in the costs' unit per case: the mean cost of ``act``, or for
        ``"exact"`` the minimum over all thresholds.
    reason : str
    """

    rule: Rule
    act: BoolArray
    value: float
    reason: str


def choose_rule(
    y: BoolArray,
    score: FloatArray,
    fitted: CrossFitted,
    costs: CaseCosts,
    known: CaseCosts,
    parts: tuple[Fold, ...],
    draws: Draws,
    *,
    threshold: ThresholdMode = "auto",
    sampled: float | None = None,
) -> RuleChoice:
    """Choose a rule on out-of-fold scores.

    Parameters
    ----------
    y : bool array of shape (n_scored,)
    score : array of shape (n_scored,)
        Out-of-fold scores, before calibration.
    fitted : CrossFitted
        What `cross_fit` made of them.
    costs : CaseCosts
        What decisions turn out to cost.
    known : CaseCosts
        What a rule may know beforehand; the same, unless there is hindsight.
    parts : tuple of Fold
        As `cross_fit` had them.
    draws : Draws
        The weights of these rows, and which of them are drawn together.
    threshold : {"auto", "bayes", "exact", "sampled", "tuned", "half"}, default="auto"
        As `MODES` says. ``"exact"`` and ``"tuned"`` both export the cheapest threshold; the value
        of the former is the minimum over all thresholds, that of the latter the cost of
        cross-fitted decisions.
    sampled : float, optional
        The threshold to use with ``"sampled"``.

    Returns
    -------
    choice : RuleChoice

    Notes
    -----
    The cheapest threshold is cross-fitted together with the map: each part is decided by the map
    of its ``train`` rows and the threshold that is the cheapest on these rows' mapped scores.
    Where a part has no such rows, Bayes' rule of the mean known costs of its own rows decides on
    the scores as they are.

    With costs per case one global threshold was measured to lose 0.015 to 0.216 of savings
    against the gain rule, so ``"auto"`` never takes it there. With constant costs it takes the
    threshold only if there are over 150 effective positives (`effective_positives`) and its
    cross-fitted decisions are cheaper than those of Bayes' rule by more than 1.645 standard errors
    of the paired difference, rows of one group or period drawn together.
    """

    def chosen(rule: Rule, act: BoolArray, reason: str) -> RuleChoice:
        value = weighted_mean(decision_cost(y, act, costs), draws.weight)
        return RuleChoice(rule, act, value, reason)

    fixed = {
        "sampled": (sampled, "the threshold was sampled"),
        "half": (0.5, "a threshold of 0.5 was asked for"),
    }
    if threshold in fixed:
        value, reason = fixed[threshold]
        assert value is not None  # noqa: S101  # the search samples it in this mode
        own = ThresholdRule(value)
        return chosen(own, own.decide(fitted.calibrated), reason)
    by_gain = decide(fitted.calibrated, known)
    against = _against_a_threshold(y, threshold, known, draws)
    if against is not None:
        return chosen(GainRule(), by_gain, against)
    best = cost_curve(y, fitted.calibrator.apply(score), costs, draws.weight).best()
    rule = ThresholdRule(best.threshold)
    act = _cross_fitted(y, score, fitted.maps, costs, known, parts, draws.weight)
    if threshold == "exact":
        return RuleChoice(rule, act, best.mean_cost, "the cheapest threshold was asked for")
    if threshold == "tuned":
        return chosen(rule, act, "the cheapest threshold, judged on rows not used to choose it")
    saved = decision_cost(y, by_gain, costs) - decision_cost(y, act, costs)
    cheaper = _significantly_cheaper(saved, draws)
    if cheaper is not None:
        return chosen(rule, act, cheaper)
    return chosen(GainRule(), by_gain, "no threshold is significantly cheaper than Bayes' rule")


def _significantly_cheaper(saved: FloatArray, draws: Draws) -> str | None:
    """By how much the cheapest threshold is significantly cheaper; None if it is not.

    ``saved`` is what it costs less than Bayes' rule, row by row.
    """
    totals = draws.totals(saved)
    error = standard_error(totals, draws.part_weight)
    if totals.sum() <= SIGNIFICANT * error:
        return None
    return (
        "the cheapest threshold costs less than Bayes' rule on calibrated probabilities by "
        f"{totals.sum() / error:.1f} standard errors out of fold"
    )


def _against_a_threshold(
    y: BoolArray, threshold: ThresholdMode, known: CaseCosts, draws: Draws
) -> str | None:
    """Why Bayes' rule is taken without a look at thresholds; None if they are looked at."""
    if threshold == "bayes":
        return "Bayes' rule was asked for"
    if threshold != "auto":
        return None
    if not known.is_constant:
        return "costs differ by case, so each case is decided by its own expected gain"
    positives = effective_positives(y, draws.weight, draws.units)
    if positives > POSITIVES_FOR_A_THRESHOLD:
        return None
    counted = int(np.count_nonzero(y))
    worth = f", worth {positives:,.0f} independent and equally weighted ones,"
    return (
        f"{counted:,} positives{worth if round(positives) < counted else ''} are too few to choose "
        "a threshold from: Bayes' rule on calibrated probabilities varies less"
    )


def _cross_fitted(
    y: BoolArray,
    score: FloatArray,
    maps: tuple[CalibrationMap, ...],
    costs: CaseCosts,
    known: CaseCosts,
    parts: tuple[Fold, ...],
    weight: FloatArray | None,
) -> BoolArray:
    """Decisions on each part by the map and the cheapest threshold of its ``train`` rows."""
    act = np.zeros(y.size, dtype=bool)
    for part, calibrator in zip(parts, maps, strict=True):
        own, train = score[part.test], part.train
        if train.size:
            own_weight = None if weight is None else weight[train]
            mapped = calibrator.apply(score[train])
            best = cost_curve(y[train], mapped, costs.take(train), own_weight).best()
            act[part.test] = calibrator.apply(own) >= best.threshold
        else:
            act[part.test] = own >= bayes_of_means(known.take(part.test))
    return act
