"""The cheapest threshold that keeps limits on new cases, and what keeping them costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.decision.constraints import (
    Constraint,
    Counts,
    cases_needed,
    certified,
    levels,
    parse_constraints,
)
from costopt.decision.limited import METRICS
from costopt.errors import DataError, InfeasibleError
from costopt.plain import Name, Number
from costopt.showing.text import figure, percent

__all__ = ["Guarantee", "check_enough", "guarantee_of", "keep_limits", "mean_cost_doubt"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Guarantee:
    """What is promised of a threshold, on what grounds, and what it costs.

    Parameters
    ----------
    constraints : tuple of str
    confidence : float or None
        Chance with which all hold jointly on new cases; None where they hold on these cases only.
    sample : dict of str to float
        Each limited metric on the cases that the threshold was chosen on.
    bound : dict of str to float
        What is promised of each metric at its part of the confidence, whichever of the certified
        thresholds is taken. Empty without a confidence.
    certified : tuple of tuple of float
        Intervals ``(low, high]`` of thresholds on the model's own score that keep all limits, the
        highest first.
    binding : str or None
        The limit without which the decisions would be cheapest; None where all cost nothing.
    price : float
        What keeping the limits costs, in the costs' unit per case, beside the cheapest threshold for
        all cases; on the cases at hand.
    approximate : bool, default=False
        Whether the promise rests on scores of several models, which it then holds for on average.

    Raises
    ------
    DataError
        If there is no limit or no certified threshold, or the confidence is none.
    """

    constraints: tuple[Name, ...]
    confidence: float | None
    sample: dict[Name, float]
    bound: dict[Name, float]
    certified: tuple[tuple[Number, Number], ...]
    binding: Name | None
    price: float
    approximate: bool = False

    def __post_init__(self) -> None:
        if not self.constraints or not self.certified:
            raise DataError("a guarantee has a limit, and an interval of thresholds that keep it")
        if self.confidence is not None and not 0 < self.confidence < 1:
            raise DataError(f"a confidence lies between 0 and 1, got {self.confidence}")
        metrics = {each.metric for each in parse_constraints(self.constraints)}
        if set(self.sample) != metrics or set(self.bound) != (
            metrics if self.confidence else set()
        ):
            raise DataError(
                "a guarantee has a value of each metric that it limits, and of no other"
            )

    def holds_at(self, threshold: float) -> bool:
        """Whether a threshold on the model's own score is among those that keep the limits."""
        return any(
            low < threshold <= high or threshold == low == -math.inf for low, high in self.certified
        )

    def explain(self, unit: str) -> list[str]:
        """What is promised, on what grounds, and what it costs, in plain sentences.

        Parameters
        ----------
        unit : str
            Currency of the costs.
        """
        lines = [self._promise(each, unit) for each in parse_constraints(self.constraints)]
        if self.confidence is None:
            lines.append("Nothing is promised of new cases, on which limits may be broken.")
        if self.approximate:
            lines.append(
                "The promise is approximate: it is made from out-of-fold scores, of several models."
            )
        if self.price <= 0:
            return [*lines, "That costs nothing beside the cheapest threshold."]
        which = ""
        if self.binding is not None and len(self.constraints) > 1:
            which = f", above all for {self.binding}"
        return [
            *lines,
            f"It costs {figure(self.price)} {unit} per case beside the cheapest threshold{which}.",
        ]

    def _promise(self, constraint: Constraint, unit: str) -> str:
        metric = METRICS[constraint.metric]

        def told(value: float) -> str:
            return f"{figure(value)} {unit}" if metric.side == "cost" else percent(value)

        name = constraint.metric.replace("_", " ").capitalize()
        side = "at least" if metric.at_least else "at most"
        limit, here = told(constraint.limit), told(self.sample[constraint.metric])
        if self.confidence is None:
            return f"{name} of {side} {limit} is kept on these cases: {here}."
        jointly = ", jointly with the other limits" if len(self.constraints) > 1 else ""
        bound = told(self.bound[constraint.metric])
        return (
            f"{name} of {side} {limit} is promised with {percent(self.confidence)} confidence{jointly}: "
            f"{here} on these cases, {side} {bound} on new ones."
        )


def guarantee_of(
    counts: Counts,
    mean_cost: FloatArray,
    constraints: Sequence[Constraint],
    confidence: float | None,
    position: int,
    held: BoolArray,
    binding: str | None,
    *,
    approximate: bool = False,
) -> Guarantee:
    """What can be said of the threshold at a position, from what `keep_limits` found.

    Parameters
    ----------
    counts, mean_cost, constraints, confidence
        As for `keep_limits`.
    position : int
        Of the threshold that is taken.
    held, binding
        From `keep_limits`.
    approximate : bool, default=False
        Whether the scores are those of several models.
    """
    sample, bound = {}, {}
    rare = 2 * counts.n_positives <= counts.n_cases
    level = (
        {} if confidence is None else levels(constraints, 1 - confidence, positives_are_rare=rare)
    )
    for each in constraints:
        values = mean_cost if each.metric == "mean_cost" else counts.metric(each.metric)
        sample[each.metric] = float(values[position])
        if level:
            bound[each.metric] = counts.promised(each, level[each.metric])
    edges = np.flatnonzero(np.diff(np.concatenate(([False], held, [False]))))
    below = np.append(counts.thresholds[1:], -np.inf)
    return Guarantee(
        tuple(map(str, constraints)),
        confidence,
        sample,
        bound,
        tuple(
            (float(below[end - 1]), float(counts.thresholds[start]))
            for start, end in zip(edges[::2], edges[1::2], strict=True)
        ),
        binding,
        max(float(mean_cost[position] - mean_cost.min()), 0.0),
        approximate,
    )


def check_enough(
    constraints: Sequence[Constraint],
    confidence: float,
    n_positives: int,
    n_negatives: int,
    *,
    n_tried: int = 1,
) -> None:
    """Refuse promises that no model could keep with so few cases, before anything is trained.

    Parameters
    ----------
    n_tried : int, default=1
        How many candidates are chosen among on the same cases: the chance of error is divided by it.

    Raises
    ------
    InfeasibleError
        Names the limit, the number of cases that it needs, and the number there is.

    Examples
    --------
    >>> from costopt.decision.constraints import parse_constraints
    >>> check_enough(parse_constraints("recall >= 0.9"), 0.9, 15, 900)
    Traceback (most recent call last):
        ...
    costopt.errors.InfeasibleError: recall >= 0.9 with confidence 0.9 needs 22 positives, there \
are 15: collect more, or ask for less recall or confidence
    """
    have = {
        "positives": n_positives,
        "negatives": n_negatives,
        "cases": n_positives + n_negatives,
        "alerts": n_positives,
    }
    level = levels(
        constraints, (1 - confidence) / n_tried, positives_are_rare=n_positives <= n_negatives
    )
    for each in constraints:
        metric = METRICS[each.metric]
        if each.metric == "mean_cost" or each.error_rate >= 1:
            continue
        needed = cases_needed(each, level[each.metric])
        if needed <= have[metric.counted]:
            continue
        if not metric.at_least:
            continue  # acting on nobody keeps it
        counted = "positives" if metric.counted == "alerts" else metric.counted
        among = f", chosen among {n_tried} candidates," if n_tried > 1 else ""
        raise InfeasibleError(
            f"{each} with confidence {confidence:g}{among} needs {needed} {counted}, there are "
            f"{have[counted]}: collect more, or ask for less {each.metric} or confidence",
            constraint=str(each),
            needed=needed,
            found=have[counted],
        )


def mean_cost_doubt(cost: FloatArray, limit: float, low: float, high: float, level: float) -> float:
    """p-value that the mean of bounded costs is above a limit: one over a bettor's largest wealth.

    The bettor wins where costs are below the limit. Were their mean above it, the chance of ever
    having ``1 / p`` times the stake would be at most ``p``. Valid for any distribution of costs
    within the bounds, however skewed; the order of the cases must not depend on their costs.

    Parameters
    ----------
    cost : array of shape (n_cases,)
        In random order.
    low, high : float
        Bounds of a case's cost that were known beforehand.
    level : float
        For which bets are sized; any p-value is valid.
    """
    if not high > low:
        return float(low > limit)
    x, m = (cost - low) / (high - low), (limit - low) / (high - low)
    if not 0 < m < 1:
        return float(m <= 0)
    n_seen = np.arange(1, x.size + 1)
    mean = (0.5 + np.cumsum(x)) / (n_seen + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (n_seen + 1)
    before = np.concatenate(([0.25], variance[:-1]))
    bet = np.minimum(np.sqrt(2 * math.log(1 / level) / (x.size * before)), 0.9 / (1 - m))
    wealth = np.cumsum(np.log1p(-bet * (x - m)))
    return float(np.exp(-max(0.0, float(wealth.max(initial=0.0)))))


def keep_limits(
    counts: Counts,
    mean_cost: FloatArray,
    constraints: Sequence[Constraint],
    confidence: float | None,
    *,
    n_tried: int = 1,
    predicted: FloatArray | None = None,
    cost_doubt: Callable[[float], Callable[[int], float]] | None = None,
    start: int | None = None,
) -> tuple[int, BoolArray, str | None]:
    """The position of the cheapest threshold that keeps all limits.

    Parameters
    ----------
    counts : Counts
    mean_cost : array of shape (n_thresholds,)
        On the same cases.
    confidence : float or None
        None: on these cases only.
    n_tried : int, default=1
        How many candidates are chosen among on the same cases.
    predicted, start
        As for `certified`.
    cost_doubt : callable, optional
        ``level -> (position -> p-value)``.

    Returns
    -------
    position : int
    held : bool array of shape (n_thresholds,)
    binding : str or None

    Raises
    ------
    InfeasibleError
        If no threshold keeps all of them: names the one that is in the way, and the best that is
        attainable of it at the others.
    """
    rare = 2 * counts.n_positives <= counts.n_cases
    given = (1 - confidence) / n_tried if confidence is not None else 0.0
    counted = [each for each in constraints if each.metric != "mean_cost"]
    doubts = {} if confidence is None else {each.metric: counts.doubt(each) for each in counted}

    def holding(kept: Sequence[Constraint]) -> BoolArray:
        if confidence is None:
            met = [
                mean_cost <= each.limit if each.metric == "mean_cost" else counts.meets(each)
                for each in kept
            ]
            return np.all(met, axis=0) if met else np.ones(mean_cost.size, dtype=bool)
        level = levels(constraints, given, positives_are_rare=rare)
        doubt = None if cost_doubt is None else cost_doubt(level.get("mean_cost", 1.0))
        return certified(
            counts, kept, level, doubts, predicted=predicted, cost_doubt=doubt, start=start
        )

    held = holding(constraints)
    without = {each: holding([one for one in constraints if one != each]) for each in constraints}
    if not held.any():
        raise _infeasible(counts, mean_cost, without, confidence)
    position = _cheapest(mean_cost, held)
    dropped = {each: float(mean_cost[kept].min()) for each, kept in without.items()}
    loosest = min(dropped, key=lambda each: dropped[each])
    cheaper = dropped[loosest] < mean_cost[position] or not np.any(
        held & (mean_cost <= mean_cost.min())
    )
    return position, held, str(loosest) if cheaper else None


def _cheapest(mean_cost: FloatArray, held: BoolArray) -> int:
    return int(np.flatnonzero(held)[np.argmin(mean_cost[held])])


def _infeasible(
    counts: Counts,
    mean_cost: FloatArray,
    without: dict[Constraint, BoolArray],
    confidence: float | None,
) -> InfeasibleError:
    """Which limit is in the way of the others, and how much of it can be had beside them."""
    best: dict[Constraint, float] = {}
    for each, rest in without.items():
        if rest.any():
            value = mean_cost if each.metric == "mean_cost" else counts.metric(each.metric)
            at_least = METRICS[each.metric].at_least
            best[each] = float(value[rest].max() if at_least else value[rest].min())
    surely = "" if confidence is None else f" with confidence {confidence:g}"
    if not best:
        names = ", ".join(str(each) for each in without)
        return InfeasibleError(f"no threshold keeps any of {names}{surely}", constraint=names)
    each = min(best, key=lambda one: _shortfall(one, best[one]))
    others = ", ".join(str(one) for one in without if one != each)
    beside = f" beside {others}" if others else ""
    return InfeasibleError(
        f"no threshold keeps {each}{beside}{surely}: the best on these cases is {best[each]:.4g}; "
        "allow more, collect more cases, or find a better model",
        constraint=str(each),
        attainable=best[each],
    )


def _shortfall(constraint: Constraint, value: float) -> float:
    sign = 1 if METRICS[constraint.metric].at_least else -1
    return sign * (constraint.limit - value) / max(abs(constraint.limit), 1e-12)
