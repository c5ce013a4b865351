"""The cases that a policy is given: rows, scores of them, or one record, checked at the border."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from costopt.decision.checks import as_floats
from costopt.errors import DataError
from costopt.inputs.frames import Table

__all__ = ["check_n_cases", "check_scores", "one_row", "values_of"]

FloatArray = NDArray[np.float64]


def check_scores(score: ArrayLike, X: Any = None) -> FloatArray:
    """A model's own scores, one per case.

    Parameters
    ----------
    score : array-like of shape (n_cases,)
    X : rows of any kind, optional
        Of the same cases.

    Raises
    ------
    DataError
        If they are not numbers in [0, 1], or not as many as there are rows.

    Examples
    --------
    >>> check_scores([0.2, 1])
    array([0.2, 1. ])
    """
    scores = as_floats(score, "score")
    if scores.ndim != 1:
        raise DataError(f"score must have one value per case, got shape {scores.shape}")
    n_rows = _n_rows(X)
    if n_rows not in (None, scores.size):
        raise DataError(f"X has {n_rows:,} rows but score has {scores.size:,} values")
    bad = np.flatnonzero(~((scores >= 0) & (scores <= 1)))
    if bad.size:
        at = bad[0]
        raise DataError(
            f"scores must lie in [0, 1], got {scores[at]} in row {at}: {_remedy(scores)}"
        )
    return scores


def _remedy(scores: FloatArray) -> str:
    """What to do with scores that do not all lie in [0, 1]."""
    known = scores[~np.isnan(scores)]
    if known.size < scores.size:
        return "score these cases as well, or leave them out"
    if known.min() >= 0 and 2 < known.max() <= 100:
        return "divide by 100 if they are percent"
    return (
        "put decision values through 1 / (1 + exp(-value)) first, calibration takes care of their "
        "scale"
    )


def _n_rows(X: Any) -> int | None:
    """How many rows there are; None where that is not known."""
    if X is None or isinstance(X, Mapping):
        return None
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


def check_n_cases(n_labels: int, table: Table | None, score: Any) -> None:
    """Refuse rows or scores that are not as many as the labels.

    Raises
    ------
    DataError
    """
    if table is not None and table.n_rows != n_labels:
        raise DataError(f"X has {table.n_rows:,} rows but y has {n_labels:,} labels")
    if score is not None and len(score) != n_labels:
        raise DataError(
            f"score must have one value for each of the {n_labels:,} labels, got {len(score):,}"
        )


def values_of(table: Table | None, given: Any, argument: str) -> Any:
    """A column by its name, or values as they are.

    Raises
    ------
    DataError
        If there is no such column, or no table.
    """
    if table is not None:
        return table.values_of(given)
    if isinstance(given, str):
        raise DataError(f"{argument}={given!r} names a column, but X is None: pass its values")
    return given


def one_row(record: Any) -> Any:
    """One case as a table of one row; None for None.

    Raises
    ------
    DataError
        If it is not one case.

    Examples
    --------
    >>> one_row({"amount": 12.5, "channel": "online"}).shape
    (1, 2)
    """
    if isinstance(record, pd.Series):
        record = record.to_dict()
    if record is None or isinstance(record, Mapping):
        return None if record is None else pd.DataFrame([dict(record)])
    if np.ndim(record) < 2:
        raise DataError(
            "record must be a mapping of column names to values, or a table of one row, got "
            f"{type(record).__name__}: pass a score as score="
        )
    n_rows = Table(record).n_rows
    if n_rows != 1:
        raise DataError(f"record must be one case, got {n_rows:,} rows: use decide_frame")
    return record
