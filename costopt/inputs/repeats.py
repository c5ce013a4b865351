"""Rows that are there more than once, beyond what coarse columns make by chance."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Repeats", "find_repeats", "repeat_by_chance", "row_keys"]

BoolArray = NDArray[np.bool_]
KeyArray = NDArray[np.uint64]

# Columns that are left out in turn, those of the most values.
LEFT_OUT = 5
# More equal rows than this are cases of one kind rather than copies of one case.
MOST_COPIES = 5
# Pairs of equal rows per pair that chance explains, from which on it does not.
BEYOND_CHANCE = 5.0


@dataclass(frozen=True, eq=False)
class Repeats:
    """How many rows are there again, and how many with another label.

    Parameters
    ----------
    n_again : int
        Rows that are equal to an earlier one.
    contradicts : bool array of shape (n_rows,)
        Rows of which an equal one has the other label.
    """

    n_again: int
    contradicts: BoolArray

    @property
    def n_contradicting(self) -> int:
        """How many rows contradict another."""
        return int(np.count_nonzero(self.contradicts))


def find_repeats(keys: KeyArray, y: BoolArray) -> Repeats:
    """Count rows that are there more than once, by their keys.

    Notes
    -----
    Many equal rows are cases of which nothing is known, such as new customers without a purchase:
    their labels may differ, and the most common row of all, if there are many, is not counted.
    """
    codes, _ = pd.factorize(keys)
    total = np.bincount(codes)
    positive = np.bincount(codes, y)
    mixed = (positive > 0) & (positive < total) & (total <= MOST_COPIES)
    again = int(keys.size - total.size)
    largest = int(total.max())
    if largest > MOST_COPIES:
        again -= largest - 1
    return Repeats(again, mixed[codes])


def row_keys(values: NDArray[Any]) -> tuple[KeyArray, NDArray[np.uint64]]:
    """A key of each row, and of each of its values: keys of rows are sums of those of values.

    Parameters
    ----------
    values : array of shape (n_rows, n_columns)
        NaN is a value like others.

    Returns
    -------
    rows : array of shape (n_rows,)
    cells : array of shape (n_columns, n_rows)
    """
    cells = np.empty(values.shape[::-1], dtype=np.uint64)
    with np.errstate(over="ignore"):
        for at, column in enumerate(values.T):
            key = pd.util.hash_array(np.asarray(column + 0.0, dtype=np.float64))
            # the same number in another column is something else
            cells[at] = key * np.uint64(2 * at + 3) ^ (key >> np.uint64(29 + at % 7))
        return cells.sum(axis=0, dtype=np.uint64), cells


def repeat_by_chance(values: NDArray[Any]) -> bool:
    """Whether equal rows are no more than what rows of columns as coarse as these make by chance.

    Parameters
    ----------
    values : array of shape (n_rows, n_columns)

    Notes
    -----
    Where rows are equal by chance, others are equal in all columns but one. Let ``n(j)`` pairs of rows
    differ in column j alone, and ``n(j, k)`` in exactly j and k; copies are no such pairs. If
    equality in j and in k are independent given the other columns, chance makes
    ``n(j) * n(k) / n(j, k)`` pairs of equal rows; if a share q of the pairs of distinct rows are
    equal in j, whatever the others, it makes ``n(j) * q / (1 - q)``. It explains those that are no
    more than five times the largest of these numbers over the columns of the most values. A single
    column can always repeat by chance.
    """
    keys, cells = row_keys(values)
    equal = _pairs(keys)
    if not equal:
        return True
    distinct = ~pd.Series(keys).duplicated().to_numpy()
    if np.count_nonzero(distinct) * MOST_COPIES <= keys.size:
        return True  # a few kinds of rows, such as those of two columns that say the same
    n_values = np.array([np.unique(column).size for column in cells])
    finest = [at for at in np.argsort(n_values)[::-1][:LEFT_OUT] if n_values[at] > 1]
    if len(finest) < 2:
        return True
    alone = {at: _pairs(keys - cells[at]) - equal for at in finest}
    expected = max(alone[at] * _odds_of_equal(cells[at][distinct]) for at in finest)
    for one, two in combinations(finest, 2):
        both = _pairs(keys - cells[one] - cells[two]) - equal - alone[one] - alone[two]
        if both > 0:
            expected = max(expected, alone[one] * alone[two] / both)
    return equal <= BEYOND_CHANCE * expected


def _odds_of_equal(cells: KeyArray) -> float:
    """Odds of two rows to be equal in a column that is not constant."""
    equal, pairs = _pairs(cells), cells.size * (cells.size - 1) / 2
    return equal / (pairs - equal)


def _pairs(keys: KeyArray) -> float:
    """Pairs of equal keys."""
    counts = np.bincount(pd.factorize(keys)[0]).astype(np.float64)
    return float((counts * (counts - 1)).sum() / 2)
