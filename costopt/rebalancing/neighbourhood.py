"""Training rows with mixed columns and gaps as samplers that look for neighbours see them.

Distances are measured on standardised numbers. Missing numbers stand at the median while neighbours
are looked for; rows that are kept, are kept as they were.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.errors import DataError
from costopt.inputs.encoding import DesignEncoder
from costopt.inputs.frames import Matrix
from costopt.inputs.schema import Schema
from costopt.rebalancing.definition import Reweighting
from costopt.rebalancing.weights import weighted_odds

__all__ = ["Neighbourhood", "resampled"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]


class Neighbourhood:
    """Training rows of one fold as samplers look at them, with what is found of them kept.

    Parameters
    ----------
    matrix : array of shape (n_rows, n_features)
        Numbers, category codes and NaN.
    schema : Schema
    y : bool array of shape (n_rows,)
    """

    def __init__(self, matrix: Matrix, schema: Schema, y: BoolArray) -> None:
        self.matrix = matrix
        self.schema = schema
        self.y = y
        self.is_categorical = schema.is_categorical
        self.n_positives = int(np.count_nonzero(y))
        self._found: dict[str, Any] = {}

    def once(self, key: str, find: Callable[[], Any]) -> Any:
        """What was found under a key, or is found now: candidates differ, neighbours do not."""
        if key not in self._found:
            self._found[key] = find()
        return self._found[key]

    @cached_property
    def encoder(self) -> DesignEncoder:
        """How numbers are standardised, and categories counted."""
        return DesignEncoder.fit(self.matrix, self.schema)

    @cached_property
    def standard(self) -> FloatArray:
        """Numbers standardised without gaps; categories as codes, a missing one after the last."""
        return self.encoder.standard(self.matrix)

    def as_matrix(self, standard: FloatArray) -> Matrix:
        """Rows of the form of `standard` as rows of the matrix."""
        return np.asarray(self.encoder.from_standard(standard), dtype=self.matrix.dtype)

    def check_positives(self, kind: str, least: int) -> None:
        """Refuse rows with too few positives for a method.

        Raises
        ------
        DataError
        """
        if self.n_positives < least:
            raise DataError(
                f"{kind} needs at least {least} positives to train on, got {self.n_positives}: use "
                "'weight' or 'random_over'"
            )

    def kept(self, kind: str, sampler: Any) -> IntArray:
        """Indices of the rows that a sampler of imbalanced-learn selects, ascending.

        Raises
        ------
        DataError
            If it refuses the rows, or leaves none of a class.
        """
        resampled(kind, sampler, self.encoder.spread(self.standard), self.y)
        kept = np.sort(np.asarray(sampler.sample_indices_, dtype=np.intp))
        left = np.count_nonzero(self.y[kept])
        if not 0 < left < kept.size:
            raise DataError(
                f"{kind} left no {'negative' if left else 'positive'} row to learn from"
            )
        return kept

    def reweighted(
        self, kind: str, kept: IntArray, added: Matrix | None, population: FloatArray | None
    ) -> Reweighting:
        """Rows kept and rows made, with what the ratio of the classes did to the odds."""
        y = self.y
        n_added = 0 if added is None else len(added)
        ratio = (np.count_nonzero(y[kept]) + n_added) / np.count_nonzero(~y[kept])
        base = np.ones(y.size) if population is None else population
        weight = np.append(base[kept], np.full(n_added, base[y].mean()))
        labels = np.append(y[kept], np.ones(n_added, dtype=bool))
        return Reweighting(
            weight / weight.mean(),
            weighted_odds(labels, weight) / weighted_odds(y, base),
            kind,
            rows=None if kept.size == y.size else kept,
            sampling_ratio=ratio,
            added=added if n_added else None,
        )


def resampled(kind: str, sampler: Any, X: FloatArray, y: BoolArray) -> FloatArray:
    """What a sampler of imbalanced-learn makes of rows.

    Raises
    ------
    DataError
        If it refuses them.
    """
    try:
        made, _ = sampler.fit_resample(X, y.astype(np.intp))
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"{kind} cannot be done on these training rows: {reason}") from error
    return np.asarray(made)
