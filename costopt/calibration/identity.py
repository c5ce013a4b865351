"""No map: scores are taken for probabilities as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.calibration.base import CalibrationMap

__all__ = ["IdentityMap"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class IdentityMap(CalibrationMap):
    """The map that changes nothing.

    Examples
    --------
    >>> IdentityMap().apply([0.25])
    array([0.25])
    >>> IdentityMap().invert(0.25)
    0.25
    """

    kind: ClassVar[str] = "none"
    does: ClassVar[str] = "No map: scores are taken for probabilities as they are."
    helps: ClassVar[str] = "Where the model's probabilities are right as they are."

    @classmethod
    def fit(
        cls, y: BoolArray, probability: FloatArray, sample_weight: FloatArray | None = None
    ) -> Self:
        """Itself, whatever the labels."""
        del y, probability, sample_weight
        return cls()

    def apply(self, probability: ArrayLike) -> FloatArray:
        """The scores, shape (n_cases,)."""
        return np.asarray(probability, dtype=np.float64)

    def in_words(self) -> str:
        """Nothing to say."""
        return ""
