"""What numbers must be before anything is computed from them: one sentence for each fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.formula import hint_of_backquotes
from costopt.errors import CostSpecError, DataError, nearest

__all__ = [
    "as_floats",
    "as_labels",
    "as_numbers",
    "as_probabilities",
    "as_weights",
    "cells_once",
    "check_finite",
    "check_unit",
    "cost_column",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def check_unit(unit: object) -> None:
    """Refuse a unit that is no word."""
    if not isinstance(unit, str) or not unit.strip():
        raise CostSpecError(f"costs.unit must be a word such as 'EUR', got {unit!r}")


def as_numbers(values: Any) -> FloatArray:
    """A column as float64; ValueError or TypeError for texts, dates and whatever is no number."""
    array = np.asarray(values)
    if array.dtype.kind not in "biufO":
        raise TypeError(f"got values of type {array.dtype}")
    if array.dtype.kind == "O":
        texts = [
            (row, value) for row, value in enumerate(array.flat) if isinstance(value, str | bytes)
        ]
        if texts:
            row, text = next((one for one in texts if not _reads_like_number(one[1])), texts[0])
            raise TypeError(f"got the text {text!r:.40} in row {row}")
    try:
        return array.astype(np.float64)
    except OverflowError as error:
        raise ValueError(str(error)) from None


def _reads_like_number(text: str | bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def as_floats(values: Any, name: str) -> FloatArray:
    """Scores or weights as float64, not copied where they are; texts that read like numbers are none.

    Raises
    ------
    DataError
    """
    try:
        array = np.asarray(values)
        return array if array.dtype == np.float64 else as_numbers(array)
    except (TypeError, ValueError):
        raise DataError(f"{name} must hold numbers, got {values!r:.60}") from None


def as_labels(y: ArrayLike, name: str) -> BoolArray:
    """Labels or decisions as booleans; anything but 0 and 1 is refused."""
    given = np.asarray(y)
    if given.ndim != 1:
        raise DataError(f"{name} must be one-dimensional, got shape {given.shape}")
    if given.dtype == bool:
        return given
    if given.dtype.kind == "O":
        plain = bool | int | float | np.bool_ | np.integer | np.floating
        right = np.array([isinstance(v, plain) and (v == 0 or v == 1) for v in given], dtype=bool)
    else:
        right = (given == 0) | (given == 1)
    bad = np.flatnonzero(~right)
    if bad.size:
        raise DataError(f"{name} must hold 0 and 1, got {given[bad[0]]!r} in row {bad[0]}")
    return np.asarray(given == 1, dtype=bool)


def as_probabilities(values: ArrayLike, name: str) -> FloatArray:
    """Probabilities as float64, one per case; NaN and what lies outside [0, 1] is refused."""
    p = as_floats(values, name)
    if p.ndim != 1:
        raise DataError(f"{name} must be one-dimensional, got shape {p.shape}")
    bad = np.flatnonzero(~((p >= 0) & (p <= 1)))
    if bad.size:
        raise DataError(f"{name} must lie in [0, 1], got {p[bad[0]]} in row {bad[0]}")
    return p


def as_weights(sample_weight: ArrayLike, n_cases: int) -> FloatArray:
    """Population weights as float64; not negative, finite, not all zero, one per case."""
    weight = as_floats(sample_weight, "sample_weight")
    if weight.shape != (n_cases,):
        raise DataError(
            f"sample_weight must have one value for each of the {n_cases} cases, "
            f"got shape {weight.shape}"
        )
    bad = np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))
    if bad.size:
        raise DataError(
            f"sample_weight must be finite and at least 0, got {weight[bad[0]]} in row {bad[0]}"
        )
    if not weight.any():
        raise DataError("sample_weight must not be zero for every case")
    return weight


def check_finite(cell: str, numbers: FloatArray, source: str) -> None:
    """Refuse costs that are not finite, naming the first row."""
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        raise DataError(
            f"costs.{cell} must be finite for every case, got {numbers.flat[bad[0]]} in row {bad[0]}"
            f" ({bad.size} such rows){source}: fill or drop these rows"
        )


def cost_column(X: Any, cell: str, name: str, formula: str) -> FloatArray:
    """A column of a table that the formula of a cost names, as float64."""
    try:
        column = X[name]
    except Exception:  # every table library has an error of its own for a missing column
        known = [str(item) for item in getattr(X, "columns", X if isinstance(X, Mapping) else ())]
        hint = hint_of_backquotes(formula, known) or (
            nearest(name, known) if known else "the data have no named columns"
        )
        raise CostSpecError(
            f"costs.{cell} reads the column {name!r}, which the data do not have: {hint}"
        ) from None
    try:
        return as_numbers(column)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"costs.{cell} reads the column {name!r}, which must hold numbers: {error}"
        ) from None


def cells_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON that names no cell twice; ``object_pairs_hook`` of `json.loads`."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise CostSpecError(f"costs.{name} is given twice: keep one")
        found[name] = value
    return found
