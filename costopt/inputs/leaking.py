"""Columns that nearly decide the label alone: by one split, by their values, by being filled at all.

A column is judged by two shares: of the positives and of the negatives for which it says
"positive". Both are shares within a class, so that a rare class neither hides a leak nor invents
one; and both are taken at the end of their confidence interval that speaks against a leak.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from costopt.inputs.columns import Columns

__all__ = ["Split", "look_at", "states_of", "together"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Share of positives minus share of negatives on one side of a split (Youden's J). Two normal
# distributions have 0.76 at an AUC of 0.95, 0.90 at 0.99 and 0.93 at 0.995.
DECIDES = 0.93
# The least it may be at the lower ends of both shares, each wrong in one column of fifty. With all
# positives on one side, 14 are enough.
DECIDES_AT_LEAST = 0.75
DOUBT = 0.02
# A state that one class alone has: of the other class at most this share of what chance gives,
DEVIATES = 0.05
# and at least this share of its own class, the rarer or the other, in at least so many rows,
COVERS = 0.1
COVERS_COMMON = 0.8
LEAST_ROWS = 5
# and odds of its class at least so many times those outside, at the lower end of their interval.
ODDS_RATIO = 10.0
# The share of rows with the most common value from which others are "filled".
COMMON = 0.3
# Numbers with no more values than this may be codes, which no split need separate.
FEW_VALUES = 50
# Flags of which one is nearly the label when any is set.
MOST_FLAGS = 8
FLAG_ODDS_RATIO = 3.0


@dataclass(frozen=True)
class Split:
    """Rows of each class for which a column says one thing.

    Parameters
    ----------
    says : str
        What it says, as the predicate of a sentence: ``is 0.5 or more``.
    hits, n_hits : int
        Of the class that says it more often: rows that say so, and all.
    strays, n_strays : int
        The same of the other class.
    of_positives : bool
        Whether the class that says it more often is the positive one.
    """

    says: str
    hits: int
    n_hits: int
    strays: int
    n_strays: int
    of_positives: bool

    @property
    def youden(self) -> float:
        """Difference of the two shares."""
        return self.hits / self.n_hits - self.strays / self.n_strays

    @property
    def decides(self) -> bool:
        """Whether it nearly is the label, beyond what few rows can tell."""
        if self.youden < DECIDES:
            return False
        right = _at_least(self.hits, self.n_hits)
        wrong = _at_least(self.n_strays - self.strays, self.n_strays)
        return right + wrong - 1 >= DECIDES_AT_LEAST

    def is_mostly_right(self, prevalence: float) -> bool:
        """Whether most of the rows that say so are of its class."""
        share = prevalence if self.of_positives else 1 - prevalence
        right, wrong = share * self.hits / self.n_hits, (1 - share) * self.strays / self.n_strays
        return right >= wrong

    def of_one_class(self, prevalence: float, n_columns: int, ratio: float = ODDS_RATIO) -> bool:
        """Whether practically one class alone has it, significantly among so many columns."""
        own, other = self.hits / self.n_hits, self.strays / self.n_strays
        share = prevalence if self.of_positives else 1 - prevalence
        if other > DEVIATES * (share * own + (1 - share) * other):
            return False
        doubt = 0.01 / (2 * n_columns)
        least = _at_least(self.hits, self.n_hits, doubt)
        most = 1 - _at_least(self.n_strays - self.strays, self.n_strays, doubt)
        return least * (1 - most) > ratio * most * (1 - least)


@dataclass(frozen=True, eq=False)
class State:
    """A column that has two states, and which rows are in the rarer one.

    Parameters
    ----------
    name : str
    rows : bool array of shape (n_rows,)
    split : Split
    """

    name: str
    rows: BoolArray
    split: Split


def look_at(columns: Columns, name: str, y: BoolArray, prevalence: float) -> Split | None:
    """What a column says that nearly decides the label; None where it does not.

    Parameters
    ----------
    columns : Columns
    name : str
    y : bool array of shape (n_rows,)
        Rows of both classes.
    prevalence : float
        Share of positives among all rows, where these are a sample by class.
    """
    column = columns.column(name)
    n_columns = len(columns.names)
    filled = list(_fillings(columns, name, column, y))
    known = ~np.isnan(column)
    valued = []
    if y[known].any() and not y[known].all():
        valued = _by_value(columns, name, column[known], y[known], prevalence)
    deciding = [split for split in (*filled, *valued) if split.decides]
    if deciding:
        return max(deciding, key=lambda split: split.youden)
    for split in filled:
        rarer = (prevalence < 0.5) == split.of_positives
        least = (COVERS if rarer else COVERS_COMMON) * split.n_hits
        if split.hits >= max(least, LEAST_ROWS) and split.of_one_class(prevalence, n_columns):
            return split
    return None


def _fillings(columns: Columns, name: str, column: FloatArray, y: BoolArray) -> Iterator[Split]:
    """Rows that have a value at all, and those that have another than the most common one."""
    known = ~np.isnan(column)
    if known.all() or not known.any():
        missing = False
    else:
        missing = True
        yield _count("has a value", known, y)
    values, counts = np.unique(column[known], return_counts=True)
    if values.size < 2:
        return
    at = int(counts.argmax())
    if counts[at] < COMMON * column.size:
        return
    nor = ", nor missing," if missing else ""
    shown = _shown(columns.value(name, float(values[at])))
    yield _count(f"is other than {shown}{nor}", known & (column != values[at]), y)


def _by_value(
    columns: Columns, name: str, column: FloatArray, y: BoolArray, prevalence: float
) -> list[Split]:
    """The best split of numbers, and what the values of texts and codes say of each other's rows.

    Values that say "positive" must mostly be right, too: the network services that attacks come
    through are those of a few other connections, but of far more than there are attacks.
    """
    number = bool(columns.is_number[columns.names.index(name)])
    found = [_best_split(column, y)] if number else []
    few = number and (column == np.floor(column)).all() and _n_values(column) <= FEW_VALUES
    if few or not number:
        by_category = _by_category(column, y)
        if by_category is not None and by_category.is_mostly_right(prevalence):
            found.append(by_category)
    return [split for split in found if split is not None]


def _n_values(column: FloatArray) -> int:
    """How many values there are; of many rows, whether there are too many is seen on a few."""
    first = np.unique(column[:1000]).size
    return first if first > FEW_VALUES else int(np.unique(column).size)


def _best_split(column: FloatArray, y: BoolArray) -> Split | None:
    """The split of numbers with the largest difference of shares, in either direction."""
    order = np.argsort(column)
    values, labels = column[order], y[order]
    last = np.flatnonzero(values[1:] > values[:-1])  # the last row below a split
    if not last.size:
        return None
    positive = np.cumsum(labels)[last]
    negative = last + 1 - positive
    gap = positive / labels.sum() - negative / (labels.size - labels.sum())
    at = last[int(np.abs(gap).argmax())]
    # below or above, whichever side holds less: that is what people look for
    if at + 1 <= values.size / 2:
        return _count(f"is {_shown(values[at])} or less", column <= values[at], y)
    return _count(f"is {_shown(values[at + 1])} or more", column > values[at], y)


def _by_category(column: FloatArray, y: BoolArray) -> Split | None:
    """What each value says, learned on half of the rows and asked on the other, in both ways.

    On their own rows, rare values always tell.
    """
    codes = np.unique(column, return_inverse=True)[1]
    half = np.random.default_rng(0).random(y.size) < 0.5
    score = np.empty(y.size)
    base, size = float(y.mean()), int(codes.max()) + 1
    for learned in (half, ~half):
        total = np.bincount(codes[learned], minlength=size)
        positive = np.bincount(codes[learned], y[learned], minlength=size)
        score[~learned] = ((positive + base) / (total + 1))[codes[~learned]]
    found = _best_split(score, y)
    if found is None or found.of_positives != found.says.endswith("or more"):
        return None  # rows of a value that the other half contradicts
    says = "has values of which others say the label"
    if found.of_positives:
        return replace(found, says=says)
    kept = (found.n_strays - found.strays, found.n_strays, found.n_hits - found.hits, found.n_hits)
    return Split(says, *kept, of_positives=True)


def states_of(columns: Columns, y: BoolArray) -> list[State]:
    """The columns that are flags: of two values, or one value and none."""
    found = []
    for name in columns.names:
        column = columns.column(name)
        known = ~np.isnan(column)
        if not known.any():
            continue
        low, high = column[known].min(), column[known].max()
        if not ((column == low) | (column == high) | ~known).all() or (
            low < high and not known.all()
        ):
            continue
        rows = column == high if low < high else known
        rows = ~rows if rows.mean() > 0.5 else rows
        if rows.any():
            found.append(State(name, rows, _count("", rows, y)))
    return found


def together(
    states: list[State], y: BoolArray, prevalence: float
) -> tuple[tuple[str, ...], Split] | None:
    """A few flags of which any is set in nearly all rows of one class and in none of the other.

    Each alone is practically of one class; they are taken by how many rows each adds.
    """
    for of_positives in (True, False):
        alone = [
            state
            for state in states
            if state.split.of_positives == of_positives
            and state.split.of_one_class(prevalence, len(states), FLAG_ODDS_RATIO)
        ]
        rows = np.zeros(y.size, dtype=bool)
        names: list[str] = []
        own = y if of_positives else ~y
        while alone and len(names) < MOST_FLAGS:
            best = max(alone, key=lambda state: np.count_nonzero(state.rows & own & ~rows))
            if not (best.rows & own & ~rows).any():
                break
            rows |= best.rows
            names.append(best.name)
            alone.remove(best)
        if len(names) > 1:
            split = _count("is set", rows, y)
            if split.decides:
                return tuple(names), split
    return None


def _count(says: str, rows: BoolArray, y: BoolArray) -> Split:
    """A split of rows, with the class first that it holds more of."""
    n_positive = int(np.count_nonzero(y))
    counts = (
        (int(np.count_nonzero(rows & y)), n_positive),
        (int(np.count_nonzero(rows & ~y)), y.size - n_positive),
    )
    of_positives = counts[0][0] * counts[1][1] >= counts[1][0] * counts[0][1]
    first, second = counts if of_positives else counts[::-1]
    return Split(says, *first, *second, of_positives=of_positives)


def _at_least(count: int, n: int, doubt: float = DOUBT) -> float:
    """Lower end of Clopper and Pearson's interval of a share, wrong with that probability."""
    from scipy.special import betaincinv

    return float(betaincinv(count, n - count + 1, doubt)) if count else 0.0


def _shown(value: object) -> str:
    """A value in a sentence: numbers short, texts in quotes."""
    return f"{value:.6g}" if isinstance(value, float | int) else repr(value)
