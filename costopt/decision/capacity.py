"""Decisions that depend on each other: so many cases a batch, and no more.

What a place is given to is the gain per effort, not the probability. With equal efforts the largest
gains first is the best there is; with unequal ones it is a knapsack, and what could at most be
gained beyond is reported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.checks import as_floats
from costopt.errors import DataError

__all__ = ["Allotment", "Stream", "allot", "fit_into"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Allotment:
    """Which cases of a batch get one of the places, and what a further place is worth.

    Parameters
    ----------
    taken : bool array of shape (n_cases,)
    used : float
        Effort of the cases taken: their number, where efforts are equal.
    shadow_price : float
        Gain per unit of effort of the first case left out for want of a place; 0 where there is
        room for all.
    gap : float
        What another choice of cases could at most gain beyond this one; 0 where efforts are equal.
    """

    taken: BoolArray
    used: float
    shadow_price: float
    gap: float


def allot(gain: ArrayLike, limit: float, effort: ArrayLike | None = None) -> Allotment:
    """The cases of a batch to act on where there is room for so many only.

    Parameters
    ----------
    gain : array-like of shape (n_cases,)
        What acting on each case is expected to save. Cases that gain nothing are never taken.
    limit : float
        How many cases, or how much effort, there is room for.
    effort : array-like of shape (n_cases,), optional
        What acting on each case takes of the limit; 1 where None.

    Returns
    -------
    allotment : Allotment

    Raises
    ------
    DataError
        If the limit is negative, or an effort is not above 0.

    Notes
    -----
    Cases are taken in descending order of gain per effort, equal ones in the order of the rows; one
    that does not fit is skipped. The gap is the difference to the best with fractions of cases,
    G. B. Dantzig (1957), Discrete-Variable Extremum Problems, Operations Research 5, 266-288.

    Examples
    --------
    >>> found = allot([5.0, -1.0, 9.0, 7.0], limit=2)
    >>> found.taken
    array([False, False,  True,  True])
    >>> found.shadow_price
    5.0
    """
    worth = as_floats(gain, "gain")
    room = _checked_limit(limit)
    takes = np.ones(worth.size) if effort is None else _checked_effort(effort, worth.size)
    ratio = worth / takes
    wanted = np.flatnonzero(worth > 0)
    ranked = wanted[np.argsort(-ratio[wanted], kind="stable")]
    in_order = np.cumsum(takes[ranked])
    n_first = int(np.searchsorted(in_order, room * (1 + 1e-12), side="right"))
    taken = np.zeros(worth.size, dtype=bool)
    taken[ranked[:n_first]] = True
    if n_first == ranked.size:
        return Allotment(taken, float(takes[taken].sum()), 0.0, 0.0)
    price = float(ratio[ranked[n_first]])
    if effort is not None:
        _fill(taken, ranked[n_first:], takes, room - (in_order[n_first - 1] if n_first else 0.0))
    used = float(takes[taken].sum())
    best = float(worth[ranked[:n_first]].sum())
    best += price * (room - float(takes[ranked[:n_first]].sum()))
    gap = 0.0 if effort is None else max(best - float(worth[taken].sum()), 0.0)
    return Allotment(taken, used, price, gap)


def fit_into(act: BoolArray, gain: FloatArray, limit: int) -> Allotment:
    """Which of the cases that a rule acts on are left where there is room for so many only.

    Parameters
    ----------
    act : bool array of shape (n_cases,)
        What the rule decides, each case alone.
    gain : array of shape (n_cases,)
        What acting on each case is expected to save. A rule that keeps limits may act on cases that
        gain nothing: they come last.
    limit : int

    Raises
    ------
    DataError
        If the limit is no whole number of at least 0.

    Examples
    --------
    >>> found = fit_into(np.array([True, True, True, False]), np.array([5.0, -1.0, 9.0, 7.0]), 1)
    >>> found.taken, found.shadow_price
    (array([False, False,  True, False]), 5.0)
    """
    whole = isinstance(limit, int | np.integer) and not isinstance(limit, bool)
    if not whole or limit < 0:
        raise DataError(
            f"capacity must be a whole number of cases of at least 0, got {limit!r:.60}"
        )
    found = allot(np.where(act, gain, 0.0), limit)
    others = np.flatnonzero(act & ~found.taken)
    room = int(limit) - int(found.used)
    last = others[np.argsort(-gain[others], kind="stable")][:room]
    taken = found.taken.copy()
    taken[last] = True
    return Allotment(taken, float(np.count_nonzero(taken)), found.shadow_price, 0.0)


def _fill(taken: BoolArray, rest: IntArray, takes: FloatArray, room: float) -> None:
    """Take further cases, in their order, that fit into what is left."""
    smallest = np.minimum.accumulate(takes[rest][::-1])[::-1]
    for at, case in enumerate(rest):
        if smallest[at] > room:
            return
        if takes[case] <= room:
            taken[case] = True
            room -= float(takes[case])


def _checked_limit(limit: float) -> float:
    number = isinstance(limit, int | float | np.number) and not isinstance(limit, bool)
    if not number or not limit >= 0:
        raise DataError(f"a capacity must be a number of at least 0, got {limit!r:.60}")
    return float(limit)


def _checked_effort(effort: ArrayLike, n_cases: int) -> FloatArray:
    takes = as_floats(effort, "effort")
    if takes.shape != (n_cases,):
        raise DataError(
            f"effort must have one value for each of the {n_cases} cases, got shape {takes.shape}"
        )
    bad = np.flatnonzero(~(np.isfinite(takes) & (takes > 0)))
    if bad.size:
        raise DataError(f"effort must be above 0, got {takes[bad[0]]} in row {bad[0]}")
    return takes


class Stream:
    """Gives places to cases that come one at a time, before it is known what comes after them.

    A case is taken if its gain is above the quantile of earlier gains that leaves as many cases
    as there are places left; the quantile is found anew for each case.

    Parameters
    ----------
    reference : array-like of shape (n_reference,)
        Gains of earlier cases like those to come.
    limit : int
        How many places there are.
    expected : int
        How many cases are expected to come.

    Examples
    --------
    >>> stream = Stream(np.arange(100.0), limit=2, expected=10)
    >>> [stream.take(gain) for gain in (10.0, 95.0, 60.0, 99.0, 98.0)]
    [False, True, False, True, False]
    """

    def __init__(self, reference: ArrayLike, limit: int, expected: int) -> None:
        self._reference = np.sort(as_floats(reference, "reference"))
        if self._reference.size == 0:
            raise DataError("a stream needs gains of earlier cases to judge new ones by, got none")
        self.places_left = int(_checked_limit(limit))
        self.expected_left = int(_checked_limit(expected))

    @property
    def threshold(self) -> float:
        """The gain above which the next case is taken."""
        if self.places_left <= 0:
            return math.inf
        share = self.places_left / max(self.expected_left, self.places_left, 1)
        if share >= 1:
            return 0.0
        return max(float(np.quantile(self._reference, 1 - share)), 0.0)

    def expect(self, n_cases: int) -> None:
        """Say anew how many cases are still to come."""
        self.expected_left = int(_checked_limit(n_cases))

    def take(self, gain: float) -> bool:
        """Whether the next case gets a place."""
        taken = bool(gain > self.threshold)
        self.places_left -= taken
        self.expected_left = max(self.expected_left - 1, 0)
        return taken
