"""Numbers that were not chosen on: bootstrap intervals, and the bias-corrected cost of a search.

Everything starts from one matrix, what each row would have cost under each trial's out-of-fold
decisions; a bootstrap is then a product of that matrix with the counts of drawn rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from costopt.decision.rules import savings

__all__ = ["Draws", "Estimate", "bootstrap_mean", "corrected_cost", "estimate_savings"]

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.intp]

LEVEL = 0.95
# Entries of one block of drawn counts: 16 MB of float32, and twice as much for the draws.
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

    @property
    def n_draws(self) -> int:
        """1000 for up to 20,000 rows, fewer for more, at least 200."""
        return int(np.clip(20_000_000 // self.n_rows, 200, 1000))

    def blocks(self) -> Iterator[Float32Array]:
        """How often each row was drawn: blocks of shape (some draws, n_rows)."""
        rng = np.random.default_rng(self.seed)
        unit = (
            np.arange(self.n_rows)
            if self.units is None
            else np.unique(self.units, return_inverse=True)[1]
        )
        n_units = int(unit.max()) + 1
        left, size = self.n_draws, max(1, BLOCK // self.n_rows)
        while left > 0:
            count = min(size, left)
            chosen = rng.integers(0, n_units, (count, n_units))
            chosen += n_units * np.arange(count)[:, None]
            counts = np.bincount(chosen.ravel(), minlength=count * n_units)
            drawn = counts.reshape(count, n_units).astype(np.float32)
            yield drawn if self.units is None else drawn[:, unit]
            left -= count


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
    means = _replicates(row_cost[:, None], draws)[:, 0]
    weight = np.ones(draws.n_rows) if draws.weight is None else draws.weight
    observed = float(np.average(row_cost, weights=weight))
    value = observed if point is None else float(point)
    low, high = _interval(means) + (value - observed)
    method = "bootstrap" if point is None else "bias-corrected, bootstrap"
    return Estimate(value, float(low), float(high), LEVEL, method, unit, draws.n_rows)


def estimate_savings(
    row_cost: FloatArray,
    never: FloatArray,
    always: FloatArray,
    draws: Draws,
    *,
    point: float | None = None,
) -> Estimate:
    """Share of the better blanket rule's cost that is avoided, with its bootstrap interval.

    Parameters
    ----------
    row_cost, never, always : array of shape (n_rows,)
        What each row costs under the rule, without acting, and with acting.
    draws : Draws
    point : float, optional
        A bias-corrected mean cost of the rule.

    Returns
    -------
    savings : Estimate
        NaN throughout where the better blanket rule costs nothing or earns money.
    """
    weight = np.ones(draws.n_rows) if draws.weight is None else draws.weight
    stacked = np.column_stack((row_cost, never, always))
    observed = np.average(stacked, axis=0, weights=weight)
    cost = observed[0] if point is None else point
    value = savings(float(cost), float(observed[1]), float(observed[2]))
    shift = savings(float(observed[0]), float(observed[1]), float(observed[2])) - value
    replicates = _replicates(stacked, draws)
    base = replicates[:, 1:].min(axis=1)
    if np.isnan(value):
        low = high = np.nan
    else:
        shares = 1 - replicates[base > 0, 0] / base[base > 0]
        low, high = _interval(shares) - shift
    method = "bootstrap" if point is None else "bias-corrected, bootstrap"
    return Estimate(value, float(low), float(high), LEVEL, method, "share", draws.n_rows)


def corrected_cost(
    row_costs: Float32Array,
    select: Callable[[FloatArray], int],
    draws: Draws,
) -> float:
    """Cost of what a search ships, corrected for having been chosen on the same rows (BBC-CV).

    Parameters
    ----------
    row_costs : float32 array of shape (n_trials, n_rows)
        What each row would have cost under each trial's out-of-fold decisions.
    select : callable
        The search's own selection: mean costs of the trials, shape (n_trials,), to the index
        of the one that ships.
    draws : Draws

    Returns
    -------
    cost : float
        Mean over draws of the out-of-bag cost of the trial selected in the bag.

    References
    ----------
    I. Tsamardinos, E. Greasidou, G. Borboudakis (2018). Bootstrapping the Out-of-sample
    Predictions for Efficient and Accurate Cross-Validation. Machine Learning 107, 1895-1922.
    """
    weight = _float32_weight(draws)
    costs = np.ascontiguousarray(row_costs.T)
    found, total = 0.0, 0
    for drawn in draws.blocks():
        inside = drawn * weight
        outside = (drawn == 0) * weight
        in_bag = (inside @ costs).astype(np.float64) / inside.sum(axis=1, dtype=np.float64)[:, None]
        out_of_bag = (outside @ costs).astype(np.float64)
        left_out = outside.sum(axis=1, dtype=np.float64)
        for means, costs_out, size in zip(in_bag, out_of_bag, left_out, strict=True):
            if size > 0:
                found += costs_out[select(means)] / size
                total += 1
    return float(found / total)


def _replicates(columns: FloatArray, draws: Draws) -> FloatArray:
    """Weighted means of columns in every draw, shape (n_draws, n_columns)."""
    weight = _float32_weight(draws)
    # what all rows cost is taken off, and the rest brought to scale, before precision is halved
    center = np.average(columns, axis=0, weights=weight)
    apart = np.where(weight[:, None] > 0, columns - center, 0.0)
    size = float(np.abs(apart).max()) or 1.0
    values = (apart / size).astype(np.float32)
    blocks = []
    for drawn in draws.blocks():
        inside = drawn * weight
        blocks.append(
            (inside @ values).astype(np.float64) / inside.sum(axis=1, dtype=np.float64)[:, None]
        )
    return np.asarray(np.concatenate(blocks) * size + center)


def _float32_weight(draws: Draws) -> Float32Array:
    if draws.weight is None:
        return np.ones(draws.n_rows, dtype=np.float32)
    return np.asarray(draws.weight / draws.weight.mean(), dtype=np.float32)


def _interval(replicates: FloatArray) -> FloatArray:
    return np.quantile(replicates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
