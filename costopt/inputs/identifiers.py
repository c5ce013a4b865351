"""Columns that look like identifiers: row numbers, and names that no two rows share."""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from costopt.inputs.columns import Columns

__all__ = ["find_identifiers"]

FloatArray = NDArray[np.float64]

# With fewer rows, whole numbers may well be distinct by chance.
ROWS_FOR_IDENTIFIERS = 100
# Of numbers drawn from their own range, so many pairs would be equal: none has a chance of e^-12.
PAIRS_EXPECTED = 12
# Rows in which a value that repeats is mostly seen.
FIRST_LOOK = 1000
WORDS = frozenset(
    ("guid", "id", "identifier", "ids", "idx", "index", "key", "no", "nr", "number", "row", "uuid")
)


def find_identifiers(columns: Columns, known: Collection[str] = ()) -> dict[str, str]:
    """Columns that look like identifiers, and what speaks for it.

    Parameters
    ----------
    columns : Columns
    known : collection of str
        Columns that are known as such, and are left out.

    Notes
    -----
    Whole amounts of money can be distinct in all rows by chance. Whole numbers count as
    identifiers where they go up or down from row to row, where so many from so small a range would
    repeat by chance, or where the name says so.
    """
    found: dict[str, str] = {}
    if len(columns.values) < ROWS_FOR_IDENTIFIERS:
        return found
    for at, name in enumerate(columns.names):
        if name in known or columns.is_time[at]:
            continue
        first = columns.values[:FIRST_LOOK, at]
        if np.unique(first).size < first.size or not _whole(first):
            continue
        column = columns.column(name)
        if np.isnan(column).any() or not _whole(column) or np.unique(column).size < column.size:
            continue
        why = _why(name, column) if columns.is_number[at] else "another text in every row"
        if why:
            found[name] = why
    return found


def _whole(values: NDArray[np.floating]) -> bool:
    return bool((np.isfinite(values) & (values == np.floor(values))).all())


def _why(name: str, column: FloatArray) -> str:
    """What makes distinct whole numbers look like an identifier; empty where nothing does."""
    steps = np.diff(column)
    if (steps > 0).all() or (steps < 0).all():
        return "another whole number in every row, in the order of the rows"
    spread = float(column.max() - column.min()) + 1
    pairs = column.size * (column.size - 1) / 2
    if pairs / spread >= PAIRS_EXPECTED or _words(name) & WORDS:
        return "another whole number in every row"
    return ""


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()))
