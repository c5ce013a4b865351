"""The columns of a table as numbers, whatever they hold, so that all can be looked at alike."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.errors import DataError
from costopt.inputs.frames import Table

__all__ = ["Columns", "holds_times", "numbers_of", "read_columns"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of one table, read as numbers.

    Parameters
    ----------
    values : array of shape (n_rows, n_columns)
        Numbers with NaN for missing; texts and categories as codes, -1 or NaN for missing.
    is_number, is_time : bool array of shape (n_columns,)
        Times are numbers too.
    names : tuple of str
    categories : tuple of tuple or None, optional
        What the codes of a column stand for, as far as it is known.
    """

    values: NDArray[Any]
    is_number: BoolArray
    is_time: BoolArray
    names: tuple[str, ...]
    categories: tuple[tuple[Any, ...] | None, ...] = ()

    def column(self, name: str) -> FloatArray:
        """A column with NaN for missing."""
        at = self.names.index(name)
        values = np.asarray(self.values[:, at], dtype=np.float64)
        return values if self.is_number[at] else np.where(values < 0, np.nan, values)

    def value(self, name: str, code: float) -> Any:
        """What a number or a code of a column stands for."""
        known = self.categories[self.names.index(name)] if self.categories else None
        return code if known is None else known[int(code)]

    def take(self, rows: NDArray[np.intp]) -> Columns:
        """Some of the rows."""
        return Columns(self.values[rows], self.is_number, self.is_time, self.names, self.categories)


def read_columns(table: Table, ignore: Collection[str] = ()) -> Columns:
    """The columns of a table; those that hold no one kind of values are left out."""
    names, values, numbers, times = [], [], [], []
    categories: list[tuple[Any, ...] | None] = []
    for name in table.columns:
        if name in ignore:
            continue
        try:
            found, known = _read(table, name)
        except (DataError, TypeError, ValueError):
            continue  # a feature of that kind is refused elsewhere, with a reason
        names.append(name)
        values.append(found)
        numbers.append(known is None)
        categories.append(known)
        times.append(holds_times(table, name))
    matrix = np.column_stack(values) if values else np.empty((table.n_rows, 0))
    return Columns(
        matrix,
        np.array(numbers, dtype=bool),
        np.array(times, dtype=bool),
        tuple(names),
        tuple(categories),
    )


def _read(table: Table, name: str) -> tuple[FloatArray, tuple[Any, ...] | None]:
    """A column as numbers or codes, and what the codes stand for."""
    numbers = numbers_of(table, name)
    if numbers is not None:
        return numbers + 0.0, None  # -0 and 0 are one value
    texts = table.texts(name)
    return np.asarray(texts.codes, dtype=np.float64), tuple(texts.categories)


def numbers_of(table: Table, name: str) -> FloatArray | None:
    """A column as numbers, times included; None for texts."""
    if not holds_times(table, name):
        return table.numbers(name)
    times = pd.Series(table.to_pandas([name])[name])
    if times.dtype.kind not in "mM":  # dates as objects
        times = pd.to_datetime(times)
    if getattr(times.dtype, "tz", None) is not None:
        times = times.dt.tz_convert(None)
    whole = times.astype(f"{times.dtype.kind}8[us]").astype("int64").to_numpy()
    return np.where(times.isna(), np.nan, whole.astype(np.float64))


def holds_times(table: Table, name: str) -> bool:
    """Whether a column holds times or dates, as a type of its own or as objects."""
    if table.matrix is not None or table.is_time(name):
        return table.matrix is None
    if table.numbers(name) is not None:
        return False
    values = pd.Series(table[name], dtype=object).dropna()
    return len(values) > 0 and isinstance(values.iloc[0], date)
