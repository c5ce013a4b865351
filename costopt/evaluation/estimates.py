"""Numbers that were not chosen on: bootstrap intervals, and the bias-corrected cost of a search.

Everything starts from what each row would have cost under each trial's out-of-fold decisions, summed
up over what is drawn together; a bootstrap is then a product of those sums with the counts of draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from costopt.decision.rules import savings
from costopt.evaluation.draws import Draws, replicates
from costopt.markup import bar, shown

__all__ = ["Estimate", "bootstrap_mean", "estimate_mean", "estimate_savings"]

FloatArray = NDArray[np.float64]
LEVEL = 0.95


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


def _interval(replicates: FloatArray) -> FloatArray:
    return np.quantile(replicates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
