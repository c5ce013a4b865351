"""Applying a fitted map from scores to probabilities; fitting it is the evaluation's business."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from scipy.special import logit as scipy_logit

from costopt.decision.odds import logit
from costopt.errors import CostSpecError

__all__ = ["PlattMap"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PlattMap:
    """The logistic map ``expit(slope * logit(p) + intercept)``; slope 1, intercept 0 changes nothing.

    Parameters
    ----------
    slope : float, default=1
        At least 0, so that the order of cases is kept. 0 gives every case the same probability.
    intercept : float, default=0

    Raises
    ------
    CostSpecError
        If a parameter is not finite or the slope is negative.

    References
    ----------
    J. Platt (1999). Probabilistic Outputs for Support Vector Machines. Advances in Large Margin
    Classifiers, 61-74.

    Examples
    --------
    >>> PlattMap(slope=1.0, intercept=np.log(3)).apply([0.5])
    array([0.75])
    """

    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.slope) and np.isfinite(self.intercept) and self.slope >= 0):
            raise CostSpecError(
                "a Platt map needs a finite slope of at least 0 and a finite intercept, "
                f"got {self.slope} and {self.intercept}"
            )

    @property
    def is_identity(self) -> bool:
        """Whether probabilities pass unchanged."""
        return self.slope == 1 and self.intercept == 0

    def apply(self, probability: ArrayLike) -> FloatArray:
        """Calibrated probabilities, shape (n_cases,)."""
        if self.is_identity:
            return np.asarray(probability, dtype=np.float64)
        return np.asarray(expit(self.slope * logit(probability) + self.intercept))

    def invert(self, threshold: float) -> float:
        """The score from which calibrated probabilities reach a threshold; infinite if none or all do.

        Examples
        --------
        >>> round(PlattMap(slope=2.0, intercept=0.0).invert(0.9), 12)
        0.75
        """
        lowest, highest = self.apply([0.0, 1.0])
        if threshold <= lowest:
            return -np.inf
        if threshold > highest:
            return np.inf
        if self.is_identity:
            return threshold
        # not our logit, which clips: no threshold is too small or too large to be inverted
        return float(expit((scipy_logit(threshold) - self.intercept) / self.slope))
