"""Mixed columns as one matrix of numbers, for models and distances that need it so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.inputs.frames import Matrix
from costopt.inputs.schema import Schema

__all__ = ["DesignEncoder", "for_distances"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

# Categories beyond so many would dominate every distance between rows.
MOST_CATEGORIES = 30


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

    def standard(self, matrix: Matrix) -> FloatArray:
        """Numbers standardised, missing ones at the rows' median; categories as codes, shape as `matrix`.

        The code of a missing category follows the last.
        """
        rows = (matrix.astype(np.float64) - self.center) / self.scale
        for column, size in enumerate(self.n_categories):
            missing = np.isnan(rows[:, column])
            if size:
                rows[missing, column] = size
            elif missing.any():
                known = rows[~missing, column]
                rows[missing, column] = np.median(known) if known.size else 0.0
        return rows

    def from_standard(self, standard: FloatArray) -> FloatArray:
        """Rows of the form of `standard` as numbers, category codes and NaN again."""
        rows = standard * self.scale + self.center
        for column, size in enumerate(self.n_categories):
            if size:
                codes = np.round(standard[:, column])
                rows[:, column] = np.where(codes < size, codes, np.nan)
        return np.asarray(rows)

    def spread(self, standard: FloatArray) -> FloatArray:
        """Rows of the form of `standard` for distances, each category with a column of its own."""
        sizes = np.array(self.n_categories)
        categories = [
            apart(standard[:, column].astype(np.intp), sizes[column] + 1)
            for column in np.flatnonzero(sizes)
        ]
        return np.hstack([standard[:, sizes == 0], *categories])


def apart(codes: IntArray, n_codes: int) -> FloatArray:
    """Categories as columns for distances: two of them are as far apart as two standard deviations."""
    return np.asarray(np.sqrt(2.0) * np.eye(n_codes)[codes])


def for_distances(values: FloatArray, is_number: BoolArray, n_known: int) -> FloatArray:
    """Rows of unlike tables for distances: numbers in standard deviations, categories `apart`.

    Parameters
    ----------
    values : array of shape (n_rows, n_columns)
        Numbers with NaN, and codes of categories from 0, -1 where one is missing.
    is_number : bool array of shape (n_columns,)
    n_known : int
        Means and spreads are those of so many first rows. Columns that do not vary there, and
        categories of more than 30 kinds, are left out.
    """
    parts = []
    for column, number in zip(values.T, is_number, strict=True):
        if number:
            column = np.where(np.isfinite(column), column, np.nan)
            known = column[:n_known][~np.isnan(column[:n_known])]
            spread = float(known.std()) if known.size else 0.0
            if not spread > 0:
                continue
            scaled = (column - known.mean()) / spread
            parts.append(np.where(np.isnan(scaled), 0.0, scaled))
            if np.isnan(scaled).any():
                parts.append(np.isnan(scaled).astype(np.float64))
        else:
            codes = column.astype(np.intp) + 1
            if codes.max() <= MOST_CATEGORIES:
                parts += list(apart(codes, int(codes.max()) + 1).T)
    return np.column_stack(parts) if parts else np.empty((len(values), 0))
