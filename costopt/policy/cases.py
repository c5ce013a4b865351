"""The cases that a policy is given: rows, scores of them, or one record, checked at the border."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from costopt.decision.checks import as_floats
from costopt.errors import DataError
from costopt.inputs.frames import Scalar, Table
from costopt.inputs.schema import Schema
from costopt.learners.protocol import Features

__all__ = [
    "CaseFeatures",
    "Codes",
    "check_n_cases",
    "check_scores",
    "number_of",
    "one_row",
    "record_of",
    "values_of",
]

FloatArray = NDArray[np.float64]
# By feature: its codes by category, None for numbers.
Codes = tuple[tuple[str, dict[Scalar, int] | None], ...]
# Whole numbers below are the same in every type that pandas may choose for them.
MAX_WHOLE = 2**62


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


# One case without a table: the common types of values, read as a table of one row reads them. Whatever
# else there is, missing columns and unknown categories included, is left to the table, which says so.


class CaseFeatures(Features):
    """The features of one record, encoded without a table; learners that want a frame get it.

    Parameters
    ----------
    record : mapping of str to value
    schema : Schema
    matrix : array of shape (1, n_features)
    """

    def __init__(self, record: Mapping[str, Any], schema: Schema, matrix: FloatArray) -> None:
        super().__init__(None, schema)
        self.__dict__["matrix"] = matrix  # where a cached property keeps what it found
        self._record = record

    @classmethod
    def of_record(
        cls, record: Mapping[str, Any], schema: Schema, codes: Codes
    ) -> CaseFeatures | None:
        """The features of a record; None where it takes a table to read them."""
        if not codes:
            return None
        matrix = np.empty((1, len(codes)))
        for position, (name, by_category) in enumerate(codes):
            if name not in record:
                return None
            value = record[name]
            found = number_of(value) if by_category is None else _code(value, by_category)
            if found is None:
                return None
            matrix[0, position] = found
        return cls(record, schema, matrix)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The feature columns as pandas holds them, in the schema's order."""
        return Table(one_row(self._record)).to_pandas(self.schema.names)


def record_of(given: Any) -> Mapping[str, Any] | None:
    """The values of one case by their columns; None where they are not in a form that is known."""
    if isinstance(given, pd.DataFrame):
        if len(given) != 1 or not given.columns.is_unique:
            return None
        given = dict(
            zip(given.columns.tolist(), given.to_numpy(dtype=object)[0].tolist(), strict=True)
        )
    elif type(given).__module__.startswith("polars.") and hasattr(given, "row"):
        given = given.row(0, named=True) if given.height == 1 else None
    elif isinstance(given, pd.Series):
        given = given.to_dict()
    known = isinstance(given, Mapping) and all(type(name) is str for name in given)
    return given if known else None


def number_of(value: Any) -> float | None:
    """A number as float64, NaN for None; None where it takes a table to read it."""
    if type(value) is float:  # first, as most are
        return None if math.isinf(value) else value
    if value is None:
        return math.nan
    if isinstance(value, int | np.integer | np.bool_):
        return float(value) if abs(int(value)) < MAX_WHOLE else None
    if isinstance(value, float | np.float32) and not np.isinf(value):
        return float(value)
    return None


def _code(value: Any, codes: Mapping[Scalar, int]) -> float | None:
    """The code of a category, NaN for what is missing; None where it is not known as it stands."""
    if value is None:
        return math.nan
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and plain != plain:
        return math.nan
    return codes.get(plain) if type(plain) in (str, int, float, bool) else None
