"""Numbers that were not chosen on: bootstrap intervals, and the bias-corrected cost of a search.

Everything starts from what each row would have cost under each trial's out-of-fold decisions, summed
up over what is drawn together; a bootstrap is then a product of those sums with the counts of draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from costopt.decision.rules import savings
from costopt.markup import bar, shown

__all__ = [
    "Draws",
    "Estimate",
    "bootstrap_mean",
    "corrected_cost",
    "estimate_mean",
    "estimate_savings",
    "replicates",
    "standard_error",
]

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.intp]
Choice = TypeVar("Choice")

LEVEL = 0.95
N_DRAWS = 1000
# More rows or units than this are put at random into so many parts, which are drawn as one. The
# variance of a mean stays what it is, and memory and time no longer depend on the number of rows.
MAX_PARTS = 20_000
# Entries of one block of drawn counts: 16 MB of float32.
BLOCK = 4_000_000


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Parameters
    ----------
    value, low, high : float
        In ``unit``.
    level : float
        Nominal coverage of ``[low, high]``.
    method : str
        How the number and its interval came about.
    unit : str
    n : int
        Rows behind it.
    """

    value: float
    low: float
    high: float
    level: float
    method: str
    unit: str
    n: int

    def scaled(self, factor: float) -> Estimate:
        """The same in a unit that is ``1 / factor`` of this one."""
        return replace(
            self, value=self.value * factor, low=self.low * factor, high=self.high * factor
        )

    def __str__(self) -> str:
        return f"{self.value:.4g} {self.unit} [{self.low:.4g}, {self.high:.4g}]"

    def __repr__(self) -> str:
        return f"Estimate({self}, level={self.level:g}, n={self.n}, method={self.method!r})"

    def _repr_html_(self) -> str:
        ends = (min(0.0, self.low), max(0.0, self.high))
        return (
            f"<span><b>{self.value:.4g} {shown(self.unit)}</b> "
            f"{bar(self.low, self.value, self.high, ends)} {self.level:.0%} interval "
            f"{self.low:.4g} to {self.high:.4g}, from {self.n:,} cases</span>"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The estimate that `to_dict` wrote."""
        return cls(**stored)


@dataclass(frozen=True, eq=False)
class Draws:
    """How rows are drawn in a bootstrap: one by one, or by group or stretch of time.

    Parameters
    ----------
    n_rows : int
    weight : array of shape (n_rows,), optional
        How many cases of the population each row stands for.
    units : array of shape (n_rows,), optional
        Rows of one unit are drawn together.
    seed : int, default=0
    """

    n_rows: int
    weight: FloatArray | None = None
    units: IntArray | None = None
    seed: int = 0

    @cached_property
    def part(self) -> IntArray:
        """Which part each row belongs to: rows of one part are drawn together; shape (n_rows,)."""
        unit = (
            np.arange(self.n_rows)
            if self.units is None
            else np.unique(self.units, return_inverse=True)[1]
        )
        n_units = int(unit.max()) + 1
        if n_units <= MAX_PARTS:
            return unit
        dealt = np.random.default_rng([self.seed, 1]).permutation(n_units) % MAX_PARTS
        return np.asarray(dealt[unit], dtype=np.intp)

    @cached_property
    def part_weight(self) -> FloatArray:
        """The share of the population that each part stands for; shape (n_parts,)."""
        total = np.bincount(self.part, self.weight).astype(np.float64)
        return np.asarray(total / total.sum())

    def totals(self, per_row: FloatArray) -> FloatArray:
        """What each part contributes to the weighted mean of a value per row; shape (n_parts,)."""
        weight = 1 / self.n_rows if self.weight is None else self.weight / self.weight.sum()
        total = np.bincount(self.part, per_row * weight, self.part_weight.size)
        return np.asarray(total, dtype=np.float64)

    @cached_property
    def counts(self) -> NDArray[np.uint8]:
        """How often each draw took each part; shape (n_draws, n_parts)."""
        rng = np.random.default_rng(self.seed)
        n_parts = self.part_weight.size
        found = np.empty((N_DRAWS, n_parts), dtype=np.uint8)
        size = max(1, BLOCK // n_parts)
        for start in range(0, N_DRAWS, size):
            rows = found[start : start + size]
            chosen = rng.integers(0, n_parts, rows.shape)
            chosen += n_parts * np.arange(len(rows))[:, None]
            times = np.bincount(chosen.ravel(), minlength=rows.size)
            rows[...] = np.minimum(times, 255).reshape(rows.shape)
        return found

    def blocks(self) -> Iterator[Float32Array]:
        """The counts in blocks of shape (some draws, n_parts), to be multiplied."""
        size = max(1, BLOCK // self.part_weight.size)
        for start in range(0, N_DRAWS, size):
            yield self.counts[start : start + size].astype(np.float32)


def bootstrap_mean(
    row_cost: FloatArray, draws: Draws, unit: str, *, point: float | None = None
) -> Estimate:
    """The weighted mean of values per row with its percentile bootstrap interval.

    Parameters
    ----------
    row_cost : array of shape (n_rows,)
        In ``unit``.
    draws : Draws
    unit : str
    point : float, optional
        Where the interval is moved to: a bias-corrected value of the same quantity.

    Returns
    -------
    estimate : Estimate

    Examples
    --------
    >>> found = bootstrap_mean(np.repeat([0.0, 10.0], 500), Draws(1000), "EUR")
    >>> found.value, 4.6 < found.low < 4.8, 5.2 < found.high < 5.4
    (5.0, True, True)
    """
    return estimate_mean(draws.totals(row_cost), draws, unit, point=point)


def estimate_mean(
    totals: FloatArray, draws: Draws, unit: str, *, point: float | None = None
) -> Estimate:
    """The same from `Draws.totals` of the values."""
    means = replicates(totals[:, None], draws)[:, 0]
    observed = float(totals.sum())
    value = observed if point is None else float(point)
    low, high = _interval(means) + (value - observed)
    method = "bootstrap" if point is None else "bias-corrected, bootstrap"
    return Estimate(value, float(low), float(high), LEVEL, method, unit, draws.n_rows)


def estimate_savings(
    cost: FloatArray,
    never: FloatArray,
    always: FloatArray,
    draws: Draws,
    *,
    point: float | None = None,
) -> Estimate:
    """Share of the better blanket rule's cost that is avoided, with its bootstrap interval.

    Parameters
    ----------
    cost, never, always : array of shape (n_parts,)
        `Draws.totals` of what each row costs under the rule, without acting, and with acting.
    draws : Draws
    point : float, optional
        A bias-corrected mean cost of the rule.

    Returns
    -------
    savings : Estimate
        NaN throughout where the better blanket rule costs nothing or earns money.
    """
    totals = np.column_stack((cost, never, always))
    observed = totals.sum(axis=0)
    mean = observed[0] if point is None else point
    value = savings(float(mean), float(observed[1]), float(observed[2]))
    shift = savings(float(observed[0]), float(observed[1]), float(observed[2])) - value
    drawn = replicates(totals, draws)
    base = drawn[:, 1:].min(axis=1)
    if np.isnan(value):
        low = high = np.nan
    else:
        shares = 1 - drawn[base > 0, 0] / base[base > 0]
        low, high = _interval(shares) - shift
    method = "bootstrap" if point is None else "bias-corrected, bootstrap"
    return Estimate(value, float(low), float(high), LEVEL, method, "share", draws.n_rows)


def corrected_cost(
    criterion: FloatArray,
    select: Callable[[FloatArray], Choice],
    cost_of: Callable[[Choice], FloatArray],
    draws: Draws,
) -> float:
    """Cost of what a search ships, corrected for having been chosen on the same rows (BBC-CV).

    Parameters
    ----------
    criterion : array of shape (n_trials, n_parts)
        `Draws.totals` of what trials are chosen by.
    select : callable
        The search's own choice: means of the criterion, shape (n_trials,), up to a constant that
        they share, to anything hashable.
    cost_of : callable
        `Draws.totals` of what each row would have cost under a choice's out-of-fold decisions.
    draws : Draws

    Returns
    -------
    cost : float
        Mean over draws of the out-of-bag cost of what was chosen in the bag.

    References
    ----------
    I. Tsamardinos, E. Greasidou, G. Borboudakis (2018). Bootstrapping the Out-of-sample
    Predictions for Efficient and Accurate Cross-Validation. Machine Learning 107, 1895-1922.
    """
    # what all trials have alike is in no difference, and would drown the rest in rounding
    by = _single((criterion - criterion.mean(axis=0)).T)
    in_bag = _means_of_draws(by, draws)
    bags: dict[Choice, list[int]] = {}
    for number, means in enumerate(in_bag):
        bags.setdefault(select(means), []).append(number)
    costs = []
    for choice, numbers in bags.items():
        paid = np.column_stack((cost_of(choice), draws.part_weight))
        out_of_bag = (draws.counts[numbers] == 0) @ paid
        costs.append(out_of_bag[out_of_bag[:, 1] > 0])
    found = np.concatenate(costs)
    return float(np.mean(found[:, 0] / found[:, 1]))


def standard_error(totals: FloatArray, part_weight: FloatArray) -> float:
    """Of the weighted mean that totals of parts add up to.

    Parameters
    ----------
    totals, part_weight : array of shape (n_parts,)
        As `Draws` makes them.

    Examples
    --------
    >>> draws = Draws(4)
    >>> standard_error(draws.totals(np.array([0.0, 0.0, 2.0, 2.0])), draws.part_weight)
    0.5
    """
    return float(np.sqrt(np.sum((totals - totals.sum() * part_weight) ** 2)))


def replicates(totals: FloatArray, draws: Draws) -> FloatArray:
    """Weighted means in every draw, shape (n_draws, n_columns), from totals of parts."""
    # the mean is taken off, and the rest brought to scale, before precision is halved
    center = totals.sum(axis=0)
    apart = totals - center * draws.part_weight[:, None]
    scale = float(np.abs(apart).max()) or 1.0
    return np.asarray(_means_of_draws(_single(apart / scale), draws) * scale + center)


def _means_of_draws(totals: Float32Array, draws: Draws) -> FloatArray:
    """Weighted means of columns in every draw: the product that a bootstrap is."""
    size = _single(draws.part_weight)
    return np.concatenate(
        [
            (drawn @ totals).astype(np.float64) / (drawn @ size).astype(np.float64)[:, None]
            for drawn in draws.blocks()
        ]
    )


def _single(values: FloatArray) -> Float32Array:
    return np.ascontiguousarray(values, dtype=np.float32)


def _interval(replicates: FloatArray) -> FloatArray:
    return np.quantile(replicates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
