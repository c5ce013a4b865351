"""The numbers that advice rests on: how rare, how dear, and how much the rows can tell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from costopt.decision.case_costs import CaseCosts
from costopt.evaluation.choice import POSITIVES_FOR_A_THRESHOLD, SIGNIFICANT

__all__ = [
    "Imbalance",
    "Situation",
    "half_width",
    "rows_for_threshold",
    "severity_of",
    "size_up",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Imbalance = Literal["balanced", "mild", "moderate", "severe", "extreme"]

# The share of the better baseline's cost by which a threshold must beat Bayes' rule to be worth it.
WORTH_A_THRESHOLD = 0.05
NORMAL_95 = 1.96


@dataclass(frozen=True)
class Situation:
    """Labels, costs and columns in numbers; money in the costs' unit.

    Parameters
    ----------
    n_cases, n_positives : int
        Rows.
    prevalence : float
        Share of positives in the population.
    fn_regret, fp_regret : float
        Mean extra cost of a miss over the positives, of a false alarm over the negatives.
    spread : float
        Mean over cases of the two regrets multiplied, over the product of their means.
    effective_positives : float
        How many positives of equal weight and cost would tell as much about the cost of misses.
    per_case : bool
        Whether the rule decides each case by its own costs.
    unit : str
    n_columns : int
        0 where no table was given.
    missing, categorical : tuple of str
        Columns with gaps; columns of texts or categories.
    """

    n_cases: int
    n_positives: int
    prevalence: float
    fn_regret: float
    fp_regret: float
    spread: float
    effective_positives: float
    per_case: bool
    unit: str
    n_columns: int = 0
    missing: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()

    @property
    def imbalance(self) -> Imbalance:
        """How rare the rarer class is in the population."""
        return severity_of(self.prevalence)

    @property
    def odds_against(self) -> float:
        """Negatives per positive in the population."""
        return (1 - self.prevalence) / self.prevalence

    @property
    def cost_ratio(self) -> float:
        """False alarms that one miss costs; NaN where an error costs nothing or less."""
        both_cost = self.fn_regret > 0 and self.fp_regret > 0
        return self.fn_regret / self.fp_regret if both_cost else math.nan

    @property
    def bayes_threshold(self) -> float:
        """Probability from which acting pays at mean regrets; NaN where no threshold does."""
        return 1 / (1 + self.cost_ratio)

    @property
    def half_width(self) -> float:
        """See `half_width`."""
        return half_width(self.effective_positives)

    @property
    def rows_for_threshold(self) -> int | None:
        """See `rows_for_threshold`."""
        return rows_for_threshold(self.prevalence, self.fn_regret, self.fp_regret, self.spread)


def severity_of(prevalence: float) -> Imbalance:
    """The usual word for an imbalance.

    Parameters
    ----------
    prevalence : float
        Share of positives; what counts is the share of the rarer class.

    Returns
    -------
    severity : str
        ``"mild"`` below 30 %, ``"moderate"`` below 10 %, ``"severe"`` below 1 %, ``"extreme"``
        below 0.1 %.

    Examples
    --------
    >>> [severity_of(p) for p in (0.3, 0.1, 0.01, 0.001, 0.0009)]
    ['balanced', 'mild', 'moderate', 'severe', 'extreme']
    """
    rarer = min(prevalence, 1 - prevalence)
    bands: tuple[tuple[float, Imbalance], ...] = (
        (0.001, "extreme"),
        (0.01, "severe"),
        (0.1, "moderate"),
        (0.3, "mild"),
    )
    return next((name for limit, name in bands if rarer < limit), "balanced")


def half_width(effective_positives: float) -> float:
    """Half of a 95 % interval of what misses cost, as a share of that cost.

    Parameters
    ----------
    effective_positives : float
        ``sum(c) ** 2 / sum(c ** 2)`` over the costs of the positives: their number where all cost
        the same, fewer where a few carry the money.

    Notes
    -----
    The total cost of misses is a sum over a random number of positives. For a Poisson number its
    variance is the sum of the expected squares, so its relative standard error is
    ``sqrt(sum(c ** 2)) / sum(c)``. A policy that misses fewer has fewer terms: its interval is
    wider still, by the square root of the share of money that it misses.

    Examples
    --------
    >>> round(half_width(100), 3)
    0.196
    """
    return NORMAL_95 / math.sqrt(effective_positives)


def rows_for_threshold(
    prevalence: float, fn_regret: float, fp_regret: float, spread: float = 1.0
) -> int | None:
    """Rows that it takes to choose a threshold from data rather than from the costs alone.

    Parameters
    ----------
    prevalence : float
    fn_regret, fp_regret : float
        Mean extra costs of the two errors.
    spread : float, default=1
        Mean over cases of the product of the two, over the product of their means.

    Returns
    -------
    n_cases : int or None
        None where an error costs nothing or less, so that no threshold is needed.

    Notes
    -----
    Two thresholds near the best one differ on a share ``q`` of the rows, and there the probability is
    near the Bayes threshold ``p* = fp / (fp + fn)``. Acting instead of not acting changes the
    cost by ``-fn`` with probability ``p*`` and by ``+fp`` otherwise: on average by nothing, and its
    square by ``p* fn**2 + (1 - p*) fp**2 = fn * fp``. So the mean cost difference of ``n`` rows has
    the standard error ``sqrt(q * fn * fp / n)``. A saving of 5 % of the better baseline's cost
    ``C = min(prevalence * fn, (1 - prevalence) * fp)`` has to exceed 1.645 of them, as the choice of a
    rule asks for: ``n = (1.645 / (0.05 * C))**2 * q * fn * fp``. The two thresholds are taken to differ on
    as many rows as there are positives, ``q = prevalence``. Fewer than the rows with 150 positives
    are never enough: below that, thresholds were measured to be worse than Bayes' rule on Platt's map.

    Examples
    --------
    >>> rows_for_threshold(0.3, 5.0, 1.0)  # German credit
    3314
    >>> rows_for_threshold(0.001, 990.0, 10.0)
    150000
    """
    if not (fn_regret > 0 and fp_regret > 0):
        return None
    # everything in units of sqrt(fn * fp), so that a currency is only a currency
    ratio = math.sqrt(fn_regret / fp_regret)
    without_model = min(prevalence * ratio, (1 - prevalence) / ratio)
    n_cases = (SIGNIFICANT / (WORTH_A_THRESHOLD * without_model)) ** 2 * prevalence * spread
    return math.ceil(max(n_cases, POSITIVES_FOR_A_THRESHOLD / prevalence))


def size_up(
    y: BoolArray,
    costs: CaseCosts,
    weight: FloatArray | None,
    *,
    per_case: bool,
    **columns: Any,
) -> Situation:
    """The numbers of labels and resolved costs.

    Parameters
    ----------
    y : bool array of shape (n_cases,)
    costs : CaseCosts
    weight : array of shape (n_cases,) or None
        How many cases of the population each row stands for; not all 0 in either class.
    per_case : bool
    **columns
        ``n_columns``, ``missing`` and ``categorical`` of `Situation`.
    """
    base = np.ones(y.size) if weight is None else weight
    fn = np.broadcast_to(costs.fn_regret, y.shape)
    fp = np.broadcast_to(costs.fp_regret, y.shape)
    money = (base * np.abs(fn))[y]
    if not money.any():
        money = base[y]
    money = money / money.max()  # no currency overflows the squares
    unit = costs.magnitude or 1.0
    act, leave = np.maximum(fp / unit, 0), np.maximum(fn / unit, 0)
    means = float(np.average(leave[y], weights=base[y]) * np.average(act[~y], weights=base[~y]))
    return Situation(
        n_cases=int(y.size),
        n_positives=int(np.count_nonzero(y)),
        prevalence=float(base[y].sum() / base.sum()),
        fn_regret=float(np.average(fn[y], weights=base[y])),
        fp_regret=float(np.average(fp[~y], weights=base[~y])),
        spread=float(np.average(act * leave, weights=base)) / means if means > 0 else 1.0,
        effective_positives=float(money.sum() ** 2 / (money**2).sum()),
        per_case=per_case,
        unit=costs.unit,
        **columns,
    )
