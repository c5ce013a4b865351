"""Isotonic regression: the non-decreasing map that is closest to the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from costopt.calibration.base import CalibrationMap, soft_targets
from costopt.errors import CostSpecError

__all__ = ["IsotonicMap"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class IsotonicMap(CalibrationMap):
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
    >>> round(IsotonicMap((0.2, 0.6), (0.1, 0.5)).invert(0.3), 12)
    0.4
    """

    kind: ClassVar[str] = "isotonic"
    positives_needed: ClassVar[int] = 1000
    does: ClassVar[str] = "Isotonic regression in place of Platt's map."
    helps: ClassVar[str] = (
        "Over a thousand positives and scores that are bent in more than one place."
    )
    by_hand: ClassVar[str] = (
        "q on the straight line between the values at the scores next to p, and the first or the "
        "last value beyond them"
    )

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

    @classmethod
    def fit(
        cls, y: BoolArray, probability: FloatArray, sample_weight: FloatArray | None = None
    ) -> Self:
        """The non-decreasing map that is closest to the softened labels.

        Examples
        --------
        >>> y = np.array([False] * 98 + [True] * 98)
        >>> found = IsotonicMap.fit(y, np.repeat([0.2, 0.9], 98))
        >>> found.apply([0.2, 0.9]).round(4)
        array([0.01, 0.99])
        """
        weight, target = soft_targets(y, sample_weight)
        counts = weight > 0
        scores, at = np.unique(probability[counts], return_inverse=True)
        total = np.bincount(at, weight[counts])
        mean = np.bincount(at, weight[counts] * target[counts]) / total
        found = isotonic_regression(mean, weights=total)
        # a block needs its first and its last score only
        knots = np.unique(np.concatenate((found.blocks[:-1], found.blocks[1:] - 1)))
        values = np.clip(np.maximum.accumulate(found.x[knots]), 0.0, 1.0)
        return cls(tuple(map(float, scores[knots])), tuple(map(float, values)))

    def apply(self, probability: ArrayLike) -> FloatArray:
        """Calibrated probabilities, shape (n_cases,)."""
        given = np.asarray(probability, dtype=np.float64)
        return np.asarray(np.interp(given, self.scores, self.values))

    def in_words(self) -> str:
        """Its name and how many knots it has."""
        return f"calibrated by isotonic regression with {len(self.scores)} knots"
