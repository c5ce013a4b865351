"""The beta map: three parameters, one for each end of the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
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

__all__ = ["BetaMap"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class BetaMap(CalibrationMap):
    """The map ``logit(q) = a * log(p) - b * log(1 - p) + intercept``.

    Parameters
    ----------
    a, b : float
        At least 0, so that the order of cases is kept.
    intercept : float, default=0
    floor : float, default=1e-12
        As for `PlattMap`.

    Raises
    ------
    CostSpecError
        If a parameter is not finite, ``a`` or ``b`` is negative, or the floor is not between 0
        and 0.5.

    References
    ----------
    M. Kull, T. Silva Filho, P. Flach (2017). Beta Calibration: a Well-founded and Easily Implemented
    Improvement on Logistic Calibration for Binary Classifiers. AISTATS, PMLR 54, 623-631.

    Examples
    --------
    >>> BetaMap(a=1.0, b=1.0, intercept=np.log(3)).apply([0.5])
    array([0.75])
    >>> round(BetaMap(a=2.0, b=2.0).invert(0.9), 12)
    0.75
    """

    kind: ClassVar[str] = "beta"
    positives_needed: ClassVar[int] = 100
    does: ClassVar[str] = "A map of three numbers in place of Platt's two."
    helps: ClassVar[str] = "Over a hundred positives and scores that are bent at both ends."
    by_hand: ClassVar[str] = "logit(q) = a * log(p) - b * log(1 - p) + intercept"

    a: float
    b: float
    intercept: float = 0.0
    floor: float = LOGIT_CLIP

    def __post_init__(self) -> None:
        finite = all(np.isfinite(value) for value in (self.a, self.b, self.intercept))
        if not (finite and self.a >= 0 and self.b >= 0):
            raise CostSpecError(
                "a beta map needs a finite a and b of at least 0 and a finite intercept, "
                f"got {self.a}, {self.b} and {self.intercept}"
            )
        check_floor(self.floor)

    @classmethod
    def fit(
        cls, y: BoolArray, probability: FloatArray, sample_weight: FloatArray | None = None
    ) -> Self:
        """The beta map under which softened labels are most likely, ``a`` and ``b`` at least 0.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> p = rng.uniform(0.01, 0.99, 200_000)
        >>> y = rng.random(200_000) < BetaMap(0.5, 2.0, 1.0).apply(p)
        >>> found = BetaMap.fit(y, p)
        >>> abs(found.a - 0.5) < 0.1, abs(found.b - 2.0) < 0.1, abs(found.intercept - 1.0) < 0.1
        (True, True, True)
        """
        floor = floor_for(probability)
        x, total, target = summed(logit(probability, floor), *soft_targets(y, sample_weight))
        # log(p) and -log(1 - p) as functions of the log-odds
        raw = np.stack((-np.logaddexp(0.0, -x), np.logaddexp(0.0, x)))
        centers, spreads = np.array([standard(column, total) for column in raw]).T
        units = np.where(spreads > 0, spreads, np.inf)  # a constant column gets no weight
        columns = np.vstack(((raw - centers[:, None]) / units[:, None], np.ones(x.size)))

        def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
            eta = parameters @ columns
            value = total @ np.logaddexp(0.0, eta) - target @ eta
            return float(value / total.sum()), columns @ (total * expit(eta) - target) / total.sum()

        start = float(logit(target.sum() / total.sum()))
        found = minimize(
            loss,
            (0.5, 0.5, start),
            jac=True,
            method="L-BFGS-B",
            bounds=((0.0, None), (0.0, None), (None, None)),
            options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-9},
        )
        shape = np.where(spreads > 0, found.x[:2] / units, 0.0)
        return cls(float(shape[0]), float(shape[1]), float(found.x[2] - shape @ centers), floor)

    def apply(self, probability: ArrayLike) -> FloatArray:
        """Calibrated probabilities, shape (n_cases,)."""
        # log(p) and log(1 - p) from the log-odds of p, without cancellation
        x = logit(probability, self.floor)
        eta = self.b * np.logaddexp(0.0, x) - self.a * np.logaddexp(0.0, -x) + self.intercept
        return np.asarray(expit(eta))

    def in_words(self) -> str:
        """Its name and parameters."""
        a, b, intercept = (figure(number, 3) for number in (self.a, self.b, self.intercept))
        return f"calibrated by a beta map with a {a}, b {b} and intercept {intercept}"
