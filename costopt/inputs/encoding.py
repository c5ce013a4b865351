"""Mixed columns as one matrix of numbers, for models and distances that need it so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.inputs.frames import Matrix
from costopt.inputs.schema import Schema

__all__ = ["DesignEncoder"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class DesignEncoder:
    """Numbers standardised, missing ones at the median with an indicator, categories one-hot.

    Parameters
    ----------
    center, fill, scale : tuple of float
        Per feature; unused for categories.
    indicator : tuple of bool
        Per numeric feature, whether a column says that it was missing.
    n_categories : tuple of int
        Per feature; 0 for numbers. A missing category is all zeros.
    """

    center: tuple[float, ...]
    fill: tuple[float, ...]
    scale: tuple[float, ...]
    indicator: tuple[bool, ...]
    n_categories: tuple[int, ...]

    @classmethod
    def fit(cls, matrix: Matrix, schema: Schema) -> DesignEncoder:
        """Medians, means and spreads of the rows; categories are those of the schema."""
        sizes = tuple(len(feature.categories or ()) for feature in schema.features)
        numbers = []
        for column, size in enumerate(sizes):
            values = matrix[:, column].astype(np.float64)
            missing = np.isnan(values)
            if size or missing.all():
                numbers.append((0.0, 0.0, 1.0, False))
                continue
            median = float(np.median(values[~missing]))
            values[missing] = median
            mean, spread = float(values.mean()), float(values.std())
            if spread <= 1e-12 * abs(mean):  # constant, but for rounding
                spread = 1.0
            numbers.append((mean, median, spread, bool(missing.any())))
        center, fill, scale, indicator = (tuple(column) for column in zip(*numbers, strict=True))
        return cls(center, fill, scale, indicator, sizes)

    @property
    def width(self) -> int:
        """Columns of the design matrix."""
        return sum(
            size or 1 + flag for size, flag in zip(self.n_categories, self.indicator, strict=True)
        )

    def apply(self, matrix: Matrix) -> FloatArray:
        """The design matrix, shape (n_rows, width)."""
        design = np.zeros((matrix.shape[0], self.width))
        at = 0
        for column, size in enumerate(self.n_categories):
            values = matrix[:, column].astype(np.float64)
            missing = np.isnan(values)
            if size:
                rows = np.flatnonzero(~missing)
                design[rows, at + values[rows].astype(np.intp)] = 1.0
                at += size
                continue
            values[missing] = self.fill[column]
            design[:, at] = (values - self.center[column]) / self.scale[column]
            at += 1
            if self.indicator[column]:
                design[:, at] = missing
                at += 1
        return design
