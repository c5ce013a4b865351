"""Numbers with their intervals: what decisions cost on labelled rows, and how sure that is.

A `Sample` is the one place that states such a number: the mean cost of decisions, the difference
between two ways to decide, and the savings against the baselines without a model.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.decision.case_costs import CELLS, CaseCosts
from costopt.decision.rules import savings
from costopt.errors import DataError
from costopt.evaluation.effective import effective_number, effective_positives
from costopt.evaluation.intervals import Chance, Outcomes, label_probability, mean_and_interval
from costopt.evaluation.ratios import ratio_interval
from costopt.plain import MaybeNumber, Name
from costopt.showing.overview import Overview, Presentable, rows_of
from costopt.showing.text import figure, printable

__all__ = ["LEVEL", "Estimate", "Sample"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

LEVEL = 0.95
# An amount so heavy-tailed that it comes down to fewer equal ones than this has no known mean.
FEWEST_AMOUNTS = 15


@dataclass(frozen=True)
class Estimate(Presentable):
    """A number with its interval.

    Parameters
    ----------
    value, low, high : float
        In ``unit``. The ends are NaN where the rows support no interval, see ``note``, and
        infinite where they bound the number on one side only.
    level : float
        Nominal coverage of ``[low, high]``.
    method : str
        How the number and its interval came about.
    unit : str
    n : int
        Rows behind it.
    n_positives : float, default=nan
        Effective number of positives: how many positives of equal cost, met one by one, would say
        as much. Fewer than there are, where amounts, weights or groups differ in size.
    note : str, default=""
        What else there is to know of it: why there is no interval, or that nothing differs.

    Raises
    ------
    DataError
        If the level is not between 0 and 1, a number of rows is negative, or the interval ends
        before it begins.
    """

    value: MaybeNumber
    low: MaybeNumber
    high: MaybeNumber
    level: float
    method: Name
    unit: Name
    n: int
    n_positives: MaybeNumber = math.nan
    note: Name = ""

    def __post_init__(self) -> None:
        if not 0 < self.level < 1 or self.n < 0 or self.n_positives < 0 or self.low > self.high:
            raise DataError(
                "an estimate has a level between 0 and 1, numbers of rows that are not negative, and "
                f"its ends in order, got {self.level}, {self.n}, {self.n_positives}, {self.low} and "
                f"{self.high}"
            )

    @property
    def has_interval(self) -> bool:
        """Whether the rows support an interval."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    def scaled(self, factor: float) -> Estimate:
        """The same in a unit that is ``1 / factor`` of this one."""
        return replace(
            self, value=self.value * factor, low=self.low * factor, high=self.high * factor
        )

    def interval_text(
        self,
        times: float = 1.0,
        unit: str = "",
        *,
        digits: int = 4,
        write: Callable[[float], str] | None = None,
    ) -> str:
        """The interval in words: ``"0.46 to 0.58"``, ``"at most 12"`` or ``"no interval"``.

        Parameters
        ----------
        times : float, default=1
            What the numbers are multiplied by.
        unit : str, default=""
            Put behind them.
        digits : int, default=4
            Significant ones.
        write : callable, optional
            Makes a text of a number, in place of ``digits``.

        Examples
        --------
        >>> cost = Estimate(0.5, 0.46, 0.58, 0.95, "", "EUR", 100)
        >>> cost.interval_text(100, " %")
        '46 to 58 %'
        """
        low, high = (
            write(end * times) if write is not None else figure(end * times, digits)
            for end in (self.low, self.high)
        )
        if not self.has_interval or (math.isinf(self.low) and math.isinf(self.high)):
            return "no interval"
        if math.isinf(self.low):
            return f"at most {high}{unit}"
        if math.isinf(self.high):
            return f"at least {low}{unit}"
        return f"{low} to {high}{unit}"

    def __str__(self) -> str:
        return f"{figure(self.value)} {printable(self.unit)} [{self.interval_text()}]"

    def __repr__(self) -> str:
        return f"Estimate({self}, level={self.level:g}, n={self.n}, method={self.method!r})"

    def overview(self) -> Overview:
        """The number with its unit first, then its interval."""
        return Overview(
            f"Estimate from {self.n:,} cases",
            f"{figure(self.value)} {self.unit}",
            ("", self.unit, f"{self.level:.0%} interval", ""),
            measured=rows_of({"": self}),
            notes=(f"{self.note}.",) if self.note else (),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values by the names of the fields; infinite and unknown numbers are floats."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Sample:
    """Labelled rows that costs are estimated on.

    Parameters
    ----------
    y : bool array of shape (n_rows,)
    costs : CaseCosts
        What decisions turn out to cost.
    known : CaseCosts, optional
        What is known of that beforehand; the same where None. A cell that differs by row in the
        one and not in the other is known in hindsight only, and only for rows of its class.
    probability : array of shape (n_rows,), optional
        That a row is positive, from something that was not fitted to it; the share of positives
        where None.
    weight : array of shape (n_rows,), optional
        How many cases of the population each row stands for. Rows of weight 0 count for nothing.
    units : int array of shape (n_rows,), optional
        Rows of one unit were met together: a customer's, a period's.
    prevalence : float, optional
        The share of positives in the population, where it is known.
    """

    y: BoolArray
    costs: CaseCosts
    known: CaseCosts | None = None
    probability: FloatArray | None = None
    weight: FloatArray | None = None
    units: IntArray | None = None
    prevalence: float | None = None

    def cost(self, act: BoolArray, *, bias: float = 0.0) -> Estimate:
        """What decisions cost on average, in the costs' unit per case.

        Parameters
        ----------
        act : bool array of shape (n_rows,)
        bias : float, default=0
            What their mean cost on these rows hides, since they were chosen on them.
        """
        return self._mean(self._of(act), self._alone, bias=bias)

    def perfect(self) -> Estimate:
        """What the cheaper action for each row's own label would cost."""
        costs = self._costs
        zero, one = np.minimum(costs.fp, costs.tn), np.minimum(costs.tp, costs.fn)
        shape = self._y.shape
        outcomes = Outcomes(np.broadcast_to(zero, shape), np.broadcast_to(one, shape))
        return self._mean(outcomes, self._alone)

    def difference(self, act: BoolArray, other: BoolArray) -> Estimate:
        """What decisions cost more than others, paired row by row.

        Parameters
        ----------
        act, other : bool array of shape (n_rows,)
        """
        outcomes = self._of(act).minus(self._of(other))
        note = "no row is decided differently" if outcomes.is_nothing() else ""
        return self._mean(outcomes, self._chance, note=note)

    def savings(self, act: BoolArray, *, bias: float = 0.0) -> Estimate:
        """Share of the better baseline's cost that is avoided; NaN where that is not positive.

        Parameters
        ----------
        act, bias
            As for `cost`.
        """
        outcomes = self._of(act)
        bases = {name: self._of(act) for name, act in self.baselines().items()}
        means = {name: self._chance.mean(base) for name, base in bases.items()}
        value = savings(self._chance.mean(outcomes) + bias, *means.values())
        if math.isnan(value):
            return self._estimate(value, math.nan, math.nan, bias=bias, unit="share")
        better = min(means, key=means.__getitem__)
        reason = self._too_sparse(outcomes) or self._too_sparse(bases[better])
        if reason:
            return self._estimate(value, math.nan, math.nan, bias=bias, unit="share", note=reason)
        ratios = [
            ratio_interval(outcomes, base, self._chance, bias=bias) for base in bases.values()
        ]
        low, high = (max(ratio[end] for ratio in ratios) for end in (1, 2))
        alike = [name for name, base in bases.items() if outcomes.minus(base).is_nothing()]
        note = f"the same decision as {alike[0]!r} for every row" if alike else ""
        return self._estimate(value, 1 - high, 1 - low, bias=bias, unit="share", note=note)

    def baselines(self) -> dict[str, BoolArray]:
        """The decisions that need no model: never to act, and always."""
        return {
            "never act": np.zeros(self.y.size, dtype=bool),
            "always act": np.ones(self.y.size, dtype=bool),
        }

    @property
    def n(self) -> int:
        """How many rows stand for somebody."""
        return int(self._y.size)

    def count_positives(self) -> int:
        """How many of them are positive."""
        return int(np.count_nonzero(self._y))

    @cached_property
    def n_positives(self) -> float:
        """Effective number of positives, see `Estimate`."""
        stake = self._size if self._size[self._y].any() else np.ones(self.n)
        return effective_positives(self._y, self._share * stake, self._units)

    @cached_property
    def _kept(self) -> Any:
        """Rows that stand for somebody."""
        return slice(None) if self.weight is None or self.weight.all() else self.weight > 0

    @cached_property
    def _y(self) -> BoolArray:
        return np.asarray(self.y[self._kept])

    @cached_property
    def _share(self) -> FloatArray:
        weight = np.ones(self.y.size) if self.weight is None else self.weight
        return np.asarray(weight[self._kept] / weight.sum())

    @cached_property
    def _units(self) -> IntArray | None:
        return None if self.units is None else self.units[self._kept]

    @cached_property
    def _costs(self) -> CaseCosts:
        """What each row costs under either label and decision, none left unknown."""
        costs = self.costs.take(np.arange(self.y.size)[self._kept])
        known = self.known
        hidden = [
            cell
            for cell in CELLS
            if known is not None and getattr(costs, cell).ndim and not getattr(known, cell).ndim
        ]
        return _imagined(costs, self._y, self._share, hidden) if hidden else costs

    @cached_property
    def _size(self) -> FloatArray:
        """What is at stake for each row, were it positive."""
        size = np.maximum(np.abs(self._costs.fn), np.abs(self._costs.tp))
        return np.broadcast_to(size, self._y.shape)

    @cached_property
    def _chance(self) -> Chance:
        given = self.probability
        p = (
            np.full(self.n, np.clip(self._y.mean(), 1 / (self.n + 2), 1 - 1 / (self.n + 2)))
            if given is None
            else given[self._kept]
        )
        false_alarm = float(np.abs(self._costs.fp_regret).mean())
        return Chance(
            self._y,
            label_probability(self._y, p, self._size),
            weight=None if self.weight is None else self._share * self.n,
            units=self._units,
            prevalence=self.prevalence,
            unseen=false_alarm or float(np.abs(self._costs.fn_regret).mean()),
            level=LEVEL,
        )

    def _of(self, act: BoolArray) -> Outcomes:
        costs, decided = self._costs, act[self._kept]
        return Outcomes(
            np.where(decided, costs.fp, costs.tn).astype(np.float64),
            np.where(decided, costs.tp, costs.fn).astype(np.float64),
        )

    @cached_property
    def _alone(self) -> Chance:
        """The same for costs that are not compared: what costs nothing on no row is certain."""
        return replace(self._chance, unseen=0.0)

    def _mean(
        self,
        outcomes: Outcomes,
        chance: Chance,
        *,
        bias: float = 0.0,
        note: str = "",
    ) -> Estimate:
        reason = self._too_sparse(outcomes)
        if reason:
            value = chance.mean(outcomes) + bias
            return self._estimate(value, math.nan, math.nan, bias=bias, note=reason)
        found = mean_and_interval(outcomes, chance, bias=bias)
        return self._estimate(*found, bias=bias, note=note)

    def _estimate(
        self,
        value: float,
        low: float,
        high: float,
        *,
        bias: float,
        unit: str | None = None,
        note: str = "",
    ) -> Estimate:
        method = "score interval" if bias == 0 else "score interval, corrected for the selection"
        unit = self.costs.unit if unit is None else unit
        return Estimate(value, low, high, LEVEL, method, unit, self.n, self.n_positives, note)

    def _too_sparse(self, outcomes: Outcomes) -> str:
        """Why no interval can be stated; empty where one can."""
        if self._units is not None and np.unique(self._units).size < 2:
            return "all rows belong to one group"
        if self._costs.is_constant or outcomes.is_nothing():
            return ""
        expected = outcomes.zero + self._chance.q * (outcomes.one - outcomes.zero)
        low, high = float(expected.min()), float(expected.max())
        common = low if low > 0 else min(high, 0.0)
        number = effective_number(self._share * (expected - common), self._units)
        if number == 0 or number >= FEWEST_AMOUNTS:
            return ""
        return (
            f"a few large amounts make up the cost, as {number:.1f} of equal size would, and an interval "
            f"needs {FEWEST_AMOUNTS}"
        )


def _imagined(costs: CaseCosts, y: BoolArray, share: FloatArray, hidden: list[str]) -> CaseCosts:
    """Costs in which rows of the other class have, of what hindsight hides, another row's amount.

    The amounts are drawn from rows of the class for which the cell is known, each as often as it
    stands for somebody. No cost that was paid changes.
    """
    rng = np.random.default_rng(0)  # the same rows always have the same interval
    cells: dict[str, Any] = {cell: getattr(costs, cell) for cell in CELLS}
    for cell in hidden:
        has = y if cell in ("fn", "tp") else ~y
        if has.any() and not has.all():
            chance = share[has] / share[has].sum()
            drawn = rng.choice(cells[cell][has], size=int(np.count_nonzero(~has)), p=chance)
            cells[cell] = cells[cell].copy()
            cells[cell][~has] = drawn
    return CaseCosts(**cells, unit=costs.unit)
