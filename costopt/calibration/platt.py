"""Platt's map: a logistic curve of two parameters on the log-odds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from costopt.calibration.base import (
    CalibrationMap,
    check_floor,
    floor_for,
    soft_targets,
    standard,
    summed,
)
from costopt.decision.odds import LOGIT_CLIP, logit
from costopt.errors import CostSpecError
from costopt.showing.text import figure

__all__ = ["PlattMap"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

MAX_STEPS = 500


@dataclass(frozen=True)
class PlattMap(CalibrationMap):
    """The logistic map ``expit(slope * logit(p) + intercept)``.

    Parameters
    ----------
    slope : float
        At least 0, so that the order of cases is kept. 0 gives every case the same probability.
    intercept : float, default=0
    floor : float, default=1e-12
        Scores are kept within ``[floor, 1 - floor]`` first. Where a model gives most of its scores
        closer to 0 or 1 than 1e-12, the default would make them all one.

    Raises
    ------
    CostSpecError
        If a parameter is not finite, the slope is negative, or the floor is not between 0 and 0.5.

    References
    ----------
    J. Platt (1999). Probabilistic Outputs for Support Vector Machines. Advances in Large Margin
    Classifiers, 61-74.

    Examples
    --------
    >>> PlattMap(slope=1.0, intercept=np.log(3)).apply([0.5])
    array([0.75])
    >>> round(PlattMap(slope=2.0).invert(0.9), 12)
    0.75
    """

    kind: ClassVar[str] = "platt"
    does: ClassVar[str] = "Platt's map: a logistic curve of two parameters."
    helps: ClassVar[str] = "From about ten positives on: the map to beat."
    by_hand: ClassVar[str] = "logit(q) = slope * logit(p) + intercept"

    slope: float
    intercept: float = 0.0
    floor: float = LOGIT_CLIP

    def __post_init__(self) -> None:
        if not (np.isfinite(self.slope) and np.isfinite(self.intercept) and self.slope >= 0):
            raise CostSpecError(
                "a Platt map needs a finite slope of at least 0 and a finite intercept, "
                f"got {self.slope} and {self.intercept}"
            )
        check_floor(self.floor)

    @classmethod
    def fit(
        cls, y: BoolArray, probability: FloatArray, sample_weight: FloatArray | None = None
    ) -> Self:
        """The logistic map under which the labels are most likely, with a slope of at least 0.

        Slope 0 where the scores rank the cases no better than chance: every case then gets the
        base rate, and the rule acts never or always.

        Notes
        -----
        Newton's method on two parameters, with softened targets in place of 1 and 0, which keeps
        separable scores from an infinite slope (see `soft_targets`).

        Scores are kept within [1e-12, 1 - 1e-12], unless more than 5 % of those between 0 and 1
        lie beyond; the map's ``floor`` is then low enough for 95 % of them.

        References
        ----------
        H.-T. Lin, C.-J. Lin, R. C. Weng (2007). A Note on Platt's Probabilistic Outputs for
        Support Vector Machines. Machine Learning 68, 267-276.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> p = rng.uniform(0.05, 0.95, 100_000)
        >>> y = rng.random(100_000) < expit(2 * logit(p) - 1)
        >>> found = PlattMap.fit(y, p)
        >>> round(found.slope, 1), round(found.intercept, 1)
        (2.0, -1.0)
        """
        floor = floor_for(probability)
        x, total, target = summed(logit(probability, floor), *soft_targets(y, sample_weight))
        base_rate = cls(0.0, float(logit(target.sum() / total.sum())), floor)
        center, spread = standard(x, total)
        if not spread > 0:
            return base_rate
        slope, intercept = _newton((x - center) / spread, total, target)
        slope, intercept = slope / spread, intercept - slope * center / spread
        return cls(slope, intercept, floor) if slope > 0 else base_rate

    def apply(self, probability: ArrayLike) -> FloatArray:
        """Calibrated probabilities, shape (n_cases,)."""
        return np.asarray(expit(self.slope * logit(probability, self.floor) + self.intercept))

    def in_words(self) -> str:
        """Its name and parameters."""
        slope, intercept = figure(self.slope, 3), figure(self.intercept, 3)
        return f"calibrated by Platt's map with slope {slope} and intercept {intercept}"


def _newton(x: FloatArray, total: FloatArray, target: FloatArray) -> tuple[float, float]:
    """Slope and intercept of a weighted logistic regression on one standardised number.

    A step that changes no log-odds by more than r is shortened by log(1 + r) / r, after which the
    loss never rises (Sun & Tran-Dinh, 2019, for any generalized self-concordant loss).
    """
    slope, intercept = 0.0, float(logit(target.sum() / total.sum()))
    for _ in range(MAX_STEPS):
        p = expit(slope * x + intercept)
        error = target - total * p
        spread = total * p * (1 - p) + 1e-12
        gradient = np.array([error @ x, error.sum()])
        hessian = np.array([[spread @ (x * x), spread @ x], [spread @ x, spread.sum()]])
        step = np.linalg.solve(hessian + 1e-12 * np.eye(2), gradient)
        moved = float(np.abs(step[0] * x + step[1]).max())
        if moved > 0:
            step = step * np.log1p(moved) / moved
        slope, intercept = slope + step[0], intercept + step[1]
        if moved < 1e-8:
            break
    return float(slope), float(intercept)
