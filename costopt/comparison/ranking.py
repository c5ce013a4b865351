"""Which strategies are tied with the cheapest, and which of them is selected."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from costopt.comparison.strategies import Strategy
from costopt.decision.rules import decision_cost
from costopt.engine.records import Record
from costopt.evaluation.differences import simultaneous_reach
from costopt.evaluation.draws import selection_bias, standard_error
from costopt.evaluation.estimates import Estimate, Sample
from costopt.evaluation.problem import Problem

__all__ = ["Evaluated", "Ranked", "ranked"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]

# Chance that none of several equal strategies is called more expensive, as far as resampling knows:
# of 1,000 rows with heavy-tailed amounts it knows too little, and at 0.95 up to 9 % were.
TOGETHER = 0.97


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What came of a strategy by itself: its record, the rows on which it acts, and what these cost."""

    strategy: Strategy
    record: Record
    act: BoolArray
    expected_cost: Estimate
    savings: Estimate
    metrics: Mapping[str, float]
    seconds: float


@dataclass(frozen=True)
class Ranked:
    """Strategies in the order of their cost, and what can be said of the differences.

    Parameters
    ----------
    names : tuple of str
        The cheapest first; of strategies that are the same thing here only the simplest.
    same_as : mapping of str to tuple of str
        The others that are the same thing.
    differences : mapping of str to Estimate
        Cost less that of the cheapest, with simultaneous intervals.
    tied : frozenset of str
        Those that are not significantly more expensive than the cheapest.
    selected : str
        The simplest of these.
    bias : float
        What this choice hides of its mean cost, in the problem's scaled unit.
    baselines : mapping of str to Estimate
        What acting never and always cost.
    beside : mapping of str to Estimate
        What they cost more than the cheapest strategy, with simultaneous intervals.
    """

    names: tuple[str, ...]
    same_as: Mapping[str, tuple[str, ...]]
    differences: Mapping[str, Estimate]
    tied: frozenset[str]
    selected: str
    bias: float
    baselines: Mapping[str, Estimate]
    beside: Mapping[str, Estimate]


def ranked(found: Mapping[str, Evaluated], sample: Sample, problem: Problem, base: str) -> Ranked:
    """Rank strategies by cost, tell which are tied with the cheapest, and select the simplest.

    Parameters
    ----------
    found : mapping of str to Evaluated
        In the order in which they were asked for.
    sample : Sample
    problem : Problem
    base : str
        Name of the learner that the comparison is made with.
    """
    draws = problem.scored.draws
    simplest = sorted(found, key=lambda name: found[name].strategy.simplicity(base))
    same_as = _alike(simplest, found, problem)
    costs_of = {name: found[name].record.cost for name in same_as}
    names = sorted(same_as, key=lambda name: (float(costs_of[name].sum()), simplest.index(name)))
    baselines = sample.baselines()
    y, costs = problem.scored.y, problem.scored.costs
    totals = np.stack(
        [
            *(costs_of[name] for name in names),
            *(draws.totals(decision_cost(y, act, costs)) for act in baselines.values()),
        ]
    )
    reach = simultaneous_reach(totals, draws, TOGETHER)

    def above_cheapest(at: int, act: BoolArray) -> Estimate:
        half = reach * standard_error(totals[at] - totals[0], draws.part_weight)
        return _together(sample.difference(act, found[names[0]].act), half)

    differences = {name: above_cheapest(at, found[name].act) for at, name in enumerate(names)}
    select = _Selection(
        np.array([differences[name].value - differences[name].low for name in names]),
        np.array([simplest.index(name) for name in names]),
    )
    by = totals[None, : len(names)]
    return Ranked(
        tuple(names),
        same_as,
        differences,
        frozenset(name for name in names if not differences[name].low > 0),
        names[select(by.sum(axis=2))],
        selection_bias(by, select, lambda chosen: totals[chosen], draws),
        {name: sample.cost(act) for name, act in baselines.items()},
        {
            name: above_cheapest(at, act)
            for at, (name, act) in enumerate(baselines.items(), start=len(names))
        },
    )


def _together(difference: Estimate, half: float) -> Estimate:
    """A difference with the wider of its own interval and the one that all differences share.

    Its own holds where amounts are heavy-tailed, the shared one for all differences at once.
    """
    if not difference.has_interval:
        return difference
    low, high = difference.value - half, difference.value + half
    return replace(
        difference,
        low=min(difference.low, low),
        high=max(difference.high, high),
        method="score interval, widened to hold for all differences at once",
    )


@dataclass(frozen=True, eq=False)
class _Selection:
    """The simplest of the candidates that are tied with the cheapest.

    Parameters
    ----------
    reach : array of shape (n_candidates,)
        By how much each may exceed the cheapest of all rows and be tied; NaN where any excess may
        be chance.
    order : int array of shape (n_candidates,)
        The simplest has the lowest.
    """

    reach: FloatArray
    order: IntArray

    def __call__(self, means: FloatArray) -> int:
        """The position of the selected one, by means of shape (1, n_candidates)."""
        reach = np.where(np.isnan(self.reach), np.inf, self.reach)
        best = int(np.argmin(means[0]))
        own = np.nan_to_num(self.reach[best])
        tied = means[0] - means[0, best] <= np.maximum(reach, own)
        tied[best] = True
        return int(np.argmin(np.where(tied, self.order, self.order.size)))


def _alike(
    simplest: list[str], found: Mapping[str, Evaluated], problem: Problem
) -> dict[str, tuple[str, ...]]:
    """The simplest of those that have the same scores and decide alike, with the others' names."""
    alike: dict[object, list[str]] = {}
    for name in simplest:
        each, log_odds = found[name].record.found, found[name].record.log_odds
        assert log_odds is not None  # noqa: S101  # a strategy's scores are kept
        content = log_odds.tobytes() + np.packbits(found[name].act).tobytes()
        key = (
            hashlib.sha256(content).digest(),
            each.odds_multipliers,
            each.calibrator,
            each.choice.rule.threshold_for(problem.known),
        )
        alike.setdefault(key, []).append(name)
    return {names[0]: tuple(names[1:]) for names in alike.values()}
