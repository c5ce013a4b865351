"""Rows of two samples that are too near each other, or lie on one line: copies and inventions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.errors import DataError
from costopt.inputs.columns import Columns, holds_times, numbers_of
from costopt.inputs.encoding import for_distances
from costopt.inputs.frames import Table

__all__ = ["Rows", "encode_both", "on_lines", "too_near"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

# Test rows looked at, and training rows that they are compared with.
SAMPLED_TEST = 1_000
SAMPLED_TRAIN = 50_000
# A neighbour at less than this share of the typical distance is a near duplicate. With two columns
# of continuous numbers, chance gives about one in ten thousand.
TOO_NEAR = 0.01
# Rows looked at for lines, rows they may lie between, and neighbours of each.
SAMPLED_LINES = 600
SAMPLED_ENDS = 20_000
N_ENDS = 40
# One plus the cosine of the angle between the ways to two neighbours; 0 is a straight line. In
# single precision a point that was interpolated is off by 1e-5 of its distances or so.
STRAIGHT = 1e-9
# Numbers of no more digits than this after the first of their range are rounded.
DIGITS = 6
# A column counts as continuous where more than this share of its values are distinct.
CONTINUOUS = 0.5


@dataclass(frozen=True, eq=False)
class Rows(Columns):
    """Training and test rows, one under the other, read in the same way.

    Parameters
    ----------
    values, is_number, is_time, names, categories
        As for `Columns`.
    n_train : int, default=0
        Rows above those of the test.
    """

    n_train: int = 0

    @property
    def in_test(self) -> BoolArray:
        """Which rows are test rows, shape (n_train + n_test,)."""
        return np.arange(len(self.values)) >= self.n_train

    def without(self, names: set[str]) -> Rows:
        """The same without some columns."""
        kept = np.array([name not in names for name in self.names], dtype=bool)
        left = tuple(name for name in self.names if name not in names)
        known = tuple(self.categories[at] for at in np.flatnonzero(kept))
        return Rows(
            self.values[:, kept],
            self.is_number[kept],
            self.is_time[kept],
            left,
            known,
            self.n_train,
        )


def encode_both(train: Table, test: Table) -> Rows:
    """The columns of the training rows, of both tables.

    Raises
    ------
    DataError
        If the test rows lack a column, or hold texts where the training rows hold numbers.
    """
    columns, kinds, times = [], [], []
    categories: list[tuple[str, ...] | None] = []
    for name in train.columns:
        if name not in test.columns:
            raise DataError(f"X_test lacks the column {name!r} of X_train: pass the same columns")
        both = [numbers_of(table, name) for table in (train, test)]
        numbers = [part for part in both if part is not None]
        if len(numbers) == 1:
            raise DataError(
                f"column {name!r} holds numbers in {'X_test' if both[0] is None else 'X_train'} only: "
                "read both tables in the same way"
            )
        kinds.append(len(numbers) == 2)
        times.append(holds_times(train, name))
        if numbers:
            columns.append(np.concatenate(numbers) + 0.0)  # -0 and 0 are one value
            categories.append(None)
        else:
            texts = pd.concat(
                [pd.Series(part.texts(name)).astype(object) for part in (train, test)]
            )
            codes, known = pd.factorize(texts.map(str, na_action="ignore"))
            columns.append(codes.astype(np.float64))
            categories.append(tuple(known))
    return Rows(
        np.column_stack(columns),
        np.array(kinds),
        np.array(times),
        train.columns,
        tuple(categories),
        train.n_rows,
    )


def too_near(rows: Rows, rng: np.random.Generator) -> tuple[int, int, float]:
    """Test rows that have a training row at less than a hundredth of the typical distance.

    Parameters
    ----------
    rows : Rows
    rng : numpy.random.Generator
        Draws the rows that are looked at, where there are many.

    Returns
    -------
    n_near, n_looked_at, typical : int, int, float
        Exact copies are not counted. The typical distance is the median over test rows, in
        standard deviations of columns.
    """
    from sklearn.neighbors import NearestNeighbors

    space = for_distances(rows.values, rows.is_number, rows.n_train)
    train = _some(np.flatnonzero(~rows.in_test), SAMPLED_TRAIN, rng)
    test = _some(np.flatnonzero(rows.in_test), SAMPLED_TEST, rng)
    if space.shape[1] < 2 or train.size < 2:
        return 0, 0, 0.0
    nearest = NearestNeighbors(n_neighbors=1).fit(space[train]).kneighbors(space[test])[1][:, 0]
    # anew, since distances found by products are off by rounding: copies are to be exactly 0
    found = np.linalg.norm(space[test] - space[train[nearest]], axis=1)
    apart = found > 0
    typical = float(np.median(found[apart])) if apart.any() else 0.0
    return int(np.count_nonzero(apart & (found < TOO_NEAR * typical))), int(test.size), typical


@dataclass(frozen=True)
class Aligned:
    """How many rows of a class lie exactly between two others of it.

    Parameters
    ----------
    across : int
        With rows of both sides of the split among the three.
    in_test : int
        With all three among the test rows, and none of the kind above.
    n_looked_at : int
    by_chance : float
        Share of rows that do so by accident.
    """

    across: int = 0
    in_test: int = 0
    n_looked_at: int = 0
    by_chance: float = 0.0

    @property
    def share_across(self) -> float:
        """Share of the rows looked at."""
        return self.across / max(self.n_looked_at, 1)

    @property
    def share_in_test(self) -> float:
        """Share of the rows looked at."""
        return self.in_test / max(self.n_looked_at, 1)


def on_lines(rows: Rows, members: BoolArray, rng: np.random.Generator) -> Aligned:
    """Rows that lie exactly on the segment between two of their neighbours, as SMOTE makes them.

    Parameters
    ----------
    rows : Rows
    members : bool array of shape (n_train + n_test,)
        The rows of one class.
    rng : numpy.random.Generator
        Draws the rows that are looked at, where there are many.

    Notes
    -----
    Real rows with two or more continuous columns are practically never on one line. SMOTE draws
    each synthetic row from the segment between a positive and one of its neighbours, and several
    on one segment lie on one line with each other too; scaling columns changes nothing of that.
    Columns with few distinct values, or of rounded numbers, and rows with a gap, are left out: rounded
    amounts lie on a grid, where three in a row are common, and points between two others are not
    rounded.
    """
    from sklearn.neighbors import NearestNeighbors

    at = np.flatnonzero(members)
    numbers = rows.values[np.ix_(at, np.flatnonzero(rows.is_number))]
    complete = np.isfinite(numbers).all(axis=1) if numbers.size else np.zeros(at.size, dtype=bool)
    at, numbers = at[complete], numbers[complete]
    if at.size < 5:
        return Aligned()
    first = _some(np.arange(at.size), SAMPLED_ENDS, rng)
    at, numbers = at[first], numbers[first]
    distinct = np.array([np.unique(column).size for column in numbers.T]) / at.size
    numbers = numbers[:, (distinct > CONTINUOUS) & ~_rounded(numbers)]
    if numbers.shape[1] < 2:
        return Aligned()
    points = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    spread = np.linalg.svd(points, compute_uv=False)
    if spread[1] < 1e-6 * spread[0]:  # all on one line by nature
        return Aligned()
    in_test = rows.in_test[at]
    looked_at = _some(np.arange(at.size), SAMPLED_LINES, rng)
    k = min(N_ENDS + 1, at.size)
    nearest = NearestNeighbors(n_neighbors=k).fit(points).kneighbors(points[looked_at])[1]
    ways = points[nearest] - points[looked_at][:, None]
    length = np.linalg.norm(ways, axis=2, keepdims=True)
    apart = length[:, :, 0] > 1e-9
    ways = ways / np.where(length > 1e-9, length, 1.0)
    straight = ways @ ways.transpose(0, 2, 1) < -1 + STRAIGHT
    straight &= apart[:, :, None] & apart[:, None, :]
    # how many of the three are test rows
    count = in_test[looked_at][:, None, None] + (
        in_test[nearest][:, :, None].astype(int) + in_test[nearest][:, None, :]
    )
    across = (straight & (count > 0) & (count < 3)).any(axis=(1, 2))
    within = (straight & (count == 3)).any(axis=(1, 2)) & ~across
    return Aligned(
        int(np.count_nonzero(across)),
        int(np.count_nonzero(within)),
        int(looked_at.size),
        _by_chance(points.shape[1], k - 1),
    )


def _rounded(numbers: FloatArray) -> BoolArray:
    """Which columns hold multiples of a power of ten, a millionth of their range or more."""
    spread = np.ptp(numbers, axis=0)
    unit = 10.0 ** (np.floor(np.log10(np.where(spread > 0, spread, 1.0))) - DIGITS)
    steps = numbers / unit
    return np.asarray((np.abs(steps - np.round(steps)) < 0.01).all(axis=0))


def _by_chance(n_columns: int, n_neighbours: int) -> float:
    """Share of rows that rounding errors allow to lie between two neighbours of random direction.

    Two random directions are opposite but for an angle t with a probability of t / pi among two
    columns, and of t**2 / 4 among three; with more it is smaller still.
    """
    angle = math.sqrt(2 * STRAIGHT)
    one = angle / math.pi if n_columns == 2 else angle**2 / 4
    return one * n_neighbours * (n_neighbours - 1) / 2


def _some(rows: IntArray, most: int, rng: np.random.Generator) -> IntArray:
    """All rows, or so many of them at random."""
    return rows if rows.size <= most else np.sort(rng.choice(rows, most, replace=False))
