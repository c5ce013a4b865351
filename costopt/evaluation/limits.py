"""The cheapest threshold on scores that keeps declared limits: what is promised of it, what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.calibration.base import CalibrationMap
from costopt.decision.case_costs import CaseCosts
from costopt.decision.constraints import Constraint, Counts, parse_constraints
from costopt.decision.promises import (
    Guarantee,
    check_enough,
    guarantee_of,
    keep_limits,
    mean_cost_doubt,
)
from costopt.decision.rules import ThresholdRule, decision_cost, weighted_mean
from costopt.decision.thresholds import CostCurve, bayes_of_means, cost_curve
from costopt.errors import DataError, InfeasibleError, check_choice
from costopt.evaluation.choice import RuleChoice
from costopt.evaluation.modes import SCORES, ThresholdMode
from costopt.evaluation.scored import Scored
from costopt.showing.text import percent

__all__ = ["Limits", "check_limits", "choose_within", "read_limits"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Limits:
    """What a threshold must keep, how surely, and on whose scores.

    Parameters
    ----------
    constraints : tuple of Constraint
    confidence : float or None
        None: on these cases only.
    approximate : bool
        Whether the scores are those of several models.
    """

    constraints: tuple[Constraint, ...]
    confidence: float | None
    approximate: bool

    def in_words(self) -> str:
        """What is kept, and how surely."""
        surely = "on these cases"
        if self.confidence is not None:
            surely = f"with {percent(self.confidence)} confidence"
        return f"{', '.join(map(str, self.constraints))} {surely}"


def read_limits(
    constraints: Any, confidence: float | None, scores: str | None, threshold: ThresholdMode
) -> Limits | None:
    """What the user asked for, checked; None where nothing is limited.

    Raises
    ------
    DataError
        If a limit cannot be read, the confidence is none, or it is not said where scores are from.
    """
    if scores == "in_sample":
        raise DataError(
            "scores='in_sample': nothing can be promised from scores of rows that the model was fitted "
            "to, which rank them better than new ones; pass scores of other rows"
        )
    if scores is not None:
        check_choice("scores", scores, SCORES)
    found = parse_constraints(constraints)
    if not found:
        return None
    if threshold not in ("auto", "exact"):
        raise DataError(
            f"threshold={threshold!r} leaves no choice, but limits need one: leave out threshold, or "
            "the constraints"
        )
    if confidence is not None:
        _check_confidence(confidence)
        if scores is None:
            raise DataError(
                "a promise about new cases depends on where the scores come from, which they do not "
                "show: say scores='held_out' (--scores held_out), of rows that the model was not fitted "
                "to, or 'out_of_fold', of several models by cross-validation; or ask for no promise, "
                "confidence=None (--confidence none)"
            )
    return Limits(found, confidence, scores == "out_of_fold")


def _check_confidence(confidence: Any) -> None:
    number = isinstance(confidence, int | float | np.number) and not isinstance(confidence, bool)
    if not number or not 0.5 <= confidence < 1:
        raise DataError(
            "confidence must be a number from 0.5 to below 1, or None for these cases only, got "
            f"{confidence!r:.60}"
        )


def check_limits(limits: Limits, scored: Scored) -> None:
    """Refuse what no threshold could keep, before anything is fitted.

    Raises
    ------
    InfeasibleError
        If a promise needs more cases than there are.
    DataError
        If weights, or costs per case, keep a limit from being promised.
    """
    names = [each.metric for each in limits.constraints]
    if scored.weight is not None:
        _check_weights(names, scored.y, scored.weight)
    if "mean_cost" in names and limits.confidence is not None and not scored.costs.is_constant:
        raise DataError(
            "a promise of a mean cost needs bounds of what a case can cost, and costs per case have "
            "none that are known beforehand: declare constant costs, or ask for confidence=None"
        )
    _check_number(limits, scored.y)


def _check_number(limits: Limits, y: BoolArray) -> None:
    """Refuse to promise what more cases are needed for."""
    if limits.confidence is not None:
        n_positives = int(np.count_nonzero(y))
        check_enough(limits.constraints, limits.confidence, n_positives, y.size - n_positives)


def _check_weights(names: list[str], y: BoolArray, weight: FloatArray) -> None:
    """Weights that are constant within a class cancel in what counts one class only."""
    by_class = [weight[rows] for rows in (~y, y)]
    if not all(np.allclose(each, each[0], rtol=1e-9) for each in by_class):
        raise DataError(
            "limits are kept by counting cases, and rows of one class stand for different numbers of "
            "them: leave out sample_weight, or the constraints"
        )
    if np.isclose(by_class[0][0], by_class[1][0], rtol=1e-9):
        return
    mixed = [name for name in names if name not in ("recall", "false_positive_rate")]
    if mixed:
        raise DataError(
            f"{mixed[0]} depends on the share of positives, which weights or prevalence change here: "
            "limit recall or false_positive_rate, or pass rows as they occur"
        )


@dataclass(frozen=True, eq=False)
class _Cases:
    """Some cases to choose a threshold on, with costs in the declared unit."""

    y: BoolArray
    score: FloatArray
    costs: CaseCosts
    known: CaseCosts
    weight: FloatArray | None

    def take(self, rows: NDArray[np.intp]) -> _Cases:
        weight = None if self.weight is None else self.weight[rows]
        costs, known = self.costs.take(rows), self.known.take(rows)
        return _Cases(self.y[rows], self.score[rows], costs, known, weight)


@dataclass(frozen=True, eq=False)
class _Kept:
    """A threshold that keeps the limits, and what is promised of it."""

    threshold: float
    guarantee: Guarantee


def choose_within(
    limits: Limits,
    scored: Scored,
    raw: FloatArray,
    calibrator: CalibrationMap,
    *,
    scale: float,
    seed: int,
) -> tuple[RuleChoice, Guarantee]:
    """The cheapest threshold that keeps the limits, as a rule on calibrated probabilities.

    Parameters
    ----------
    limits : Limits
    scored : Scored
    raw : array of shape (n_scored,)
        The model's own scores, on which the limits are proved: what a map that was fitted to these
        labels does to them changes no order, and hence no decision.
    calibrator : CalibrationMap
        From raw scores to probabilities, fitted on all these rows.
    scale : float
        What the costs of ``scored`` are to be multiplied by, to be in the declared unit.
    seed : int
        Shuffles the cases of which a mean cost is proved.

    Returns
    -------
    choice : RuleChoice
        Each part is decided by the threshold that the rows its map is fitted on would have had; by
        the final one where these rows are too few.
    guarantee : Guarantee
        Its thresholds are raw scores.

    Raises
    ------
    InfeasibleError
        If no threshold keeps all limits.
    DataError
        If the map gives all scores the same probability.
    """
    costs, known = scored.costs.scaled(scale), scored.known.scaled(scale)
    cases = _Cases(scored.y, raw, costs, known, scored.weight)
    final = _keep(limits, cases, seed, _separated(raw, calibrator))
    act = raw >= final.threshold
    n_alone = 0
    for part in scored.parts:
        try:
            others = cases.take(part.train)
            _check_number(limits, others.y)
            own = _keep(limits, others, seed).threshold
        except (InfeasibleError, DataError):
            own, n_alone = final.threshold, n_alone + 1
        act[part.test] = raw[part.test] >= own
    reason = f"the cheapest threshold that keeps {limits.in_words()}, judged on other rows"
    if n_alone:
        reason = (
            f"the cheapest threshold that keeps {limits.in_words()}; {n_alone} of {len(scored.parts)} "
            "parts of the cases are judged by it, though it was chosen on them, as the other parts "
            "are too few to promise as much, so that the cost is stated too low"
        )
    rule = ThresholdRule(_calibrated(final.threshold, raw, calibrator))
    value = weighted_mean(decision_cost(scored.y, act, scored.costs), scored.weight)
    return RuleChoice(rule, act, value, reason), final.guarantee


def _keep(limits: Limits, cases: _Cases, seed: int, separated: BoolArray | None = None) -> _Kept:
    """The cheapest threshold that keeps the limits on some cases."""
    if not cases.y.any() or cases.y.all():
        raise DataError("limits need cases of both classes")
    counts = Counts.of(cases.y, cases.score)
    curve = cost_curve(cases.y, cases.score, cases.costs, cases.weight)
    bayes = bayes_of_means(cases.known)
    if np.isnan(bayes):  # the costs imply no threshold: begin at never
        bayes = np.inf
    _, held, binding = keep_limits(
        counts,
        curve.mean_cost,
        limits.constraints,
        limits.confidence,
        predicted=_predicted(counts, cases.score),
        cost_doubt=_cost_doubt(limits, cases, counts, seed),
        start=max(int(np.searchsorted(-counts.thresholds, -bayes, side="right")) - 1, 0),
    )
    usable = held if separated is None else held & separated
    if not usable.any():
        raise DataError(_FLAT)
    allowed = np.where(usable, curve.mean_cost, np.inf)
    best = CostCurve(curve.thresholds, allowed, curve.anchor, curve.tolerance).best()
    guarantee = guarantee_of(
        counts,
        curve.mean_cost,
        limits.constraints,
        limits.confidence,
        int(np.searchsorted(-counts.thresholds, -best.threshold, side="right")) - 1,
        held,
        binding,
        approximate=limits.approximate,
    )
    return _Kept(best.threshold, guarantee)


_FLAT = (
    "the scores rank these cases no better than chance, so that calibration gives all of them one "
    "probability, and no threshold on it can keep a limit: pass scores that tell the cases apart"
)


def _separated(raw: FloatArray, calibrator: CalibrationMap) -> BoolArray:
    """Which thresholds on the scores a threshold on calibrated probabilities can stand for."""
    distinct = np.unique(raw)[::-1]
    mapped = calibrator.apply(distinct)
    if distinct.size > 1 and not mapped[0] > mapped[-1]:
        raise DataError(_FLAT)
    return np.concatenate(([True], mapped[:-1] > mapped[1:], [True, True]))


def _calibrated(threshold: float, raw: FloatArray, calibrator: CalibrationMap) -> float:
    """The calibrated threshold that decides these cases as one on their scores does."""
    if np.isinf(threshold):
        return threshold
    at, above = calibrator.apply([threshold, raw[raw >= threshold].min()])
    left = raw[raw < threshold]
    apart = not left.size or at > calibrator.apply([left.max()])[0]
    return float(at if apart else above)


def _predicted(counts: Counts, score: FloatArray) -> FloatArray:
    """How many alerts of each threshold are positive, if the scores are taken at their word."""
    caught = np.concatenate(([0.0], np.cumsum(np.sort(score)[::-1])))
    return np.asarray(caught[counts.alerts])


def _cost_doubt(
    limits: Limits, cases: _Cases, counts: Counts, seed: int
) -> Callable[[float], Callable[[int], float]] | None:
    """For a level and a threshold the p-value that the mean cost exceeds its limit."""
    limited = [each.limit for each in limits.constraints if each.metric == "mean_cost"]
    if not limited or limits.confidence is None:
        return None
    order = np.random.default_rng(seed).permutation(cases.y.size)
    y, score, costs = cases.y[order], cases.score[order], cases.costs
    cells = [float(each) for each in (costs.fp, costs.fn, costs.tp, costs.tn)]

    def at_level(level: float) -> Callable[[int], float]:
        def doubt(at: int) -> float:
            paid = decision_cost(y, score >= counts.thresholds[at], costs)
            return mean_cost_doubt(paid, limited[0], min(cells), max(cells), level)

        return doubt

    return at_level
