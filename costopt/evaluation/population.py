"""How many cases of the population each row stands for; rows that stand for nobody are left out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.decision.checks import as_weights
from costopt.errors import DataError
from costopt.learners.protocol import Features

__all__ = ["counted_rows", "features_of", "of_counted", "population_weight"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]


def counted_rows(sample_weight: Any, n_cases: int) -> IntArray | None:
    """Indices of the rows that stand for somebody; None where all do."""
    if sample_weight is None:
        return None
    weight = as_weights(sample_weight, n_cases)
    return None if weight.all() else np.flatnonzero(weight)


def of_counted(values: Any, counted: IntArray | None) -> Any:
    """Values of the rows that stand for somebody, as they are where all do."""
    return values if counted is None else np.asarray(values)[counted]


def features_of(features: Any, counted: IntArray | None) -> Any:
    """The rows that learners see."""
    from sklearn.utils import _safe_indexing

    if not isinstance(features, Features):
        return (
            features if counted is None or features is None else _safe_indexing(features, counted)
        )
    features = features if counted is None else features.take(counted)
    _ = features.matrix  # encoded now, so that a bad value is named before anything is fitted
    return features


def population_weight(
    y: BoolArray, sample_weight: Any, prevalence: float | None
) -> FloatArray | None:
    """Weights of mean 1 from those given and from the share of positives in the population."""
    if sample_weight is None and prevalence is None:
        return None
    if y.all() or not y.any():
        raise DataError("sample_weight must be above 0 for some row of each class")
    weight = np.ones(y.size) if sample_weight is None else as_weights(sample_weight, y.size)
    if prevalence is not None:
        number = isinstance(prevalence, int | float) and not isinstance(prevalence, bool)
        if not number or not 0 < prevalence < 1:
            raise DataError(
                "prevalence, the share of positives in the population, must lie between 0 and 1, "
                f"got {prevalence!r}"
            )
        present = float(weight[y].sum() / weight.sum())
        weight = weight * np.where(y, prevalence / present, (1 - prevalence) / (1 - present))
    return np.asarray(weight / weight.mean())
