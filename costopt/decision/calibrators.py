"""Applying a fitted map from scores to probabilities; fitting it is the evaluation's business."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from costopt.decision.odds import LOGIT_CLIP, logit
from costopt.errors import CostSpecError

__all__ = ["BetaMap", "Calibrator", "IsotonicMap", "PlattMap"]

FloatArray = NDArray[np.float64]

# How many scores are tried at once where a map is inverted.
N_TRIED = 1024


@dataclass(frozen=True)
class PlattMap:
    """The logistic map ``expit(slope * logit(p) + intercept)``; slope 1, intercept 0 changes nothing.

    Parameters
    ----------
    slope : float, default=1
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
    """

    slope: float = 1.0
    intercept: float = 0.0
    floor: float = LOGIT_CLIP

    def __post_init__(self) -> None:
        if not (np.isfinite(self.slope) and np.isfinite(self.intercept) and self.slope >= 0):
            raise CostSpecError(
                "a Platt map needs a finite slope of at least 0 and a finite intercept, "
                f"got {self.slope} and {self.intercept}"
            )
        _check_floor(self.floor)

    @property
    def is_identity(self) -> bool:
        """Whether probabilities pass unchanged."""
        return self.slope == 1 and self.intercept == 0

    def apply(self, probability: ArrayLike) -> FloatArray:
        """Calibrated probabilities, shape (n_cases,)."""
        if self.is_identity:
            return np.asarray(probability, dtype=np.float64)
        return np.asarray(expit(self.slope * logit(probability, self.floor) + self.intercept))

    def invert(self, threshold: float) -> float:
        """The score from which calibrated probabilities reach a threshold; infinite if none or all do.

        Examples
        --------
        >>> round(PlattMap(slope=2.0, intercept=0.0).invert(0.9), 12)
        0.75
        """
        return _first_reaching(self.apply, threshold)


@dataclass(frozen=True)
class BetaMap:
    """The map ``logit(q) = a * log(p) - b * log(1 - p) + intercept``; a = b = 1 and 0 change nothing.

    Parameters
    ----------
    a, b : float, default=1
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
    """

    a: float = 1.0
    b: float = 1.0
    intercept: float = 0.0
    floor: float = LOGIT_CLIP

    def __post_init__(self) -> None:
        finite = all(np.isfinite(value) for value in (self.a, self.b, self.intercept))
        if not (finite and self.a >= 0 and self.b >= 0):
            raise CostSpecError(
                "a beta map needs a finite a and b of at least 0 and a finite intercept, "
                f"got {self.a}, {self.b} and {self.intercept}"
            )
        _check_floor(self.floor)

    @property
    def is_identity(self) -> bool:
        """Whether probabilities pass unchanged."""
        return self.a == 1 and self.b == 1 and self.intercept == 0

    def apply(self, probability: ArrayLike) -> FloatArray:
        """Calibrated probabilities, shape (n_cases,)."""
        if self.is_identity:
            return np.asarray(probability, dtype=np.float64)
        # log(p) and log(1 - p) from the log-odds of p, without cancellation
        x = logit(probability, self.floor)
        eta = self.b * np.logaddexp(0.0, x) - self.a * np.logaddexp(0.0, -x) + self.intercept
        return np.asarray(expit(eta))

    def invert(self, threshold: float) -> float:
        """The score from which calibrated probabilities reach a threshold; infinite if none or all do.

        Examples
        --------
        >>> round(BetaMap(a=2.0, b=2.0).invert(0.9), 12)
        0.75
        """
        return _first_reaching(self.apply, threshold)


@dataclass(frozen=True)
class IsotonicMap:
    """A non-decreasing map by its knots: linear between them, constant beyond the outermost.

    Parameters
    ----------
    scores : tuple of float
        Of the knots, in [0, 1], strictly ascending.
    values : tuple of float
        Their calibrated probabilities, in [0, 1], ascending; neighbours may be equal.

    Raises
    ------
    CostSpecError
        If there is no knot, lengths differ, or the order is another.

    References
    ----------
    B. Zadrozny, C. Elkan (2002). Transforming Classifier Scores into Accurate Multiclass
    Probability Estimates. KDD, 694-699.

    Examples
    --------
    >>> IsotonicMap((0.2, 0.6), (0.1, 0.5)).apply([0.0, 0.4, 1.0])
    array([0.1, 0.3, 0.5])
    """

    scores: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        x, q = np.asarray(self.scores), np.asarray(self.values)
        within = x.size and np.all((x >= 0) & (x <= 1)) and np.all((q >= 0) & (q <= 1))
        if not (
            within and x.shape == q.shape and np.all(np.diff(x) > 0) and np.all(np.diff(q) >= 0)
        ):
            raise CostSpecError(
                "an isotonic map needs as many values as scores, all in [0, 1], scores strictly "
                f"ascending and values ascending, got {x.size} scores and {q.size} values"
            )

    @property
    def is_identity(self) -> bool:
        """Never: a map that changes nothing has no knots to keep."""
        return False

    def apply(self, probability: ArrayLike) -> FloatArray:
        """Calibrated probabilities, shape (n_cases,)."""
        given = np.asarray(probability, dtype=np.float64)
        return np.asarray(np.interp(given, self.scores, self.values))

    def invert(self, threshold: float) -> float:
        """The score from which calibrated probabilities reach a threshold; infinite if none or all do.

        Examples
        --------
        >>> round(IsotonicMap((0.2, 0.6), (0.1, 0.5)).invert(0.3), 12)
        0.4
        """
        return _first_reaching(self.apply, threshold)


Calibrator = PlattMap | BetaMap | IsotonicMap


def _check_floor(floor: float) -> None:
    if not 0 < floor < 0.5:
        raise CostSpecError(f"the floor of a map must lie between 0 and 0.5, got {floor}")


def _first_reaching(apply: Callable[[FloatArray], FloatArray], threshold: float) -> float:
    """The lowest score in [0, 1] whose calibrated probability reaches a threshold.

    ``-inf`` where all do, ``inf`` where none does. Doubles from 0 to 1 are in the order of their
    bits, so that the search ends at the exact one: whoever compares scores with it decides as
    whoever compares calibrated probabilities with the threshold.
    """
    lowest, highest = apply(np.array([0.0, 1.0]))
    if threshold <= lowest:
        return -np.inf
    if threshold > highest:
        return np.inf
    below, reaching = 0, int(np.float64(1.0).view(np.int64))
    while reaching - below > 1:
        tried = np.arange(below, reaching, max((reaching - below) // N_TRIED, 1))
        edges = np.append(tried, reaching)
        reached = apply(edges.view(np.float64)) >= threshold
        first = max(int(np.argmax(reached)), 1)
        below, reaching = int(edges[first - 1]), int(edges[first])
    return float(np.int64(reaching).view(np.float64))
