"""Intervals of ratios of mean costs, such as savings.

References
----------
E. C. Fieller (1954). Some Problems in Interval Estimation. Journal of the Royal Statistical Society
B 16, 175-185.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.optimize import brentq

from costopt.evaluation.intervals import Chance, Outcomes, mean_and_interval

__all__ = ["ratio_interval"]

# A ratio is not looked for beyond so many times its value.
FARTHEST = 1000.0


def ratio_interval(
    outcomes: Outcomes, base: Outcomes, chance: Chance, *, bias: float = 0.0
) -> tuple[float, float, float]:
    """What one way to decide costs as a share of what another does, by Fieller's theorem.

    Parameters
    ----------
    outcomes, base : Outcomes
    chance : Chance
    bias : float, default=0
        As for `mean_and_interval`, of ``outcomes``.

    Returns
    -------
    ratio, low, high : float
        All shares under which the difference to so much of the base may be 0. Infinite where the
        base may cost nothing. Where both decide alike on every row, what is left is that they may
        not do so on rows to come.
    """
    below = chance.mean(base)
    ratio = (chance.mean(outcomes) + bias) / below
    apart = outcomes.minus(base)
    if apart.is_nothing():
        _, low, high = mean_and_interval(apart, chance)
        return ratio, ratio + low / below, ratio + high / below

    def ends(share: float) -> tuple[float, float]:
        _, low, high = mean_and_interval(outcomes.minus(base, share), chance, bias=bias)
        return low, high

    if any(map(math.isnan, ends(ratio))):
        return ratio, math.nan, math.nan
    return (
        ratio,
        _end_of(lambda share: -ends(share)[0], ratio, -1.0),
        _end_of(lambda share: ends(share)[1], ratio, 1.0),
    )


def _end_of(room: Callable[[float], float], start: float, direction: float) -> float:
    """Where ``room`` falls to 0, seen from ``start``; infinite where it does not."""
    scale = max(abs(start), 0.01)
    step = 0.25 * scale * direction
    inside, outside = start, start + step
    while room(outside) >= 0:
        inside, step = outside, step * 2
        outside = inside + step
        if abs(outside) > FARTHEST * max(scale, 1.0):
            return direction * math.inf
    if room(inside) <= 0:
        return inside
    ends = sorted((inside, outside))
    return float(brentq(room, *ends, xtol=1e-5 * scale, rtol=1e-4))
