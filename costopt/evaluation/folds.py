"""Folds that do not leak: stratified, grouped or in order of time, and checks of foreign ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.errors import DataError
from costopt.evaluation.rows import FOLDS
from costopt.learners.protocol import Fold

__all__ = ["Folds", "make_folds", "units_of"]

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Folds:
    """How the rows are split, and what may be drawn anew as one when uncertainty is measured.

    Parameters
    ----------
    folds : tuple of Fold
    kind : str
        ``"stratified"``, ``"grouped"``, ``"time-ordered"`` or ``"given"``.
    units : array of shape (n_cases,), optional
        The unit that each row belongs to: its group, or its period. None where rows
        are drawn one by one.
    order : array of shape (n_cases,), optional
        Where folds go forward in time: the moment of each row, as declared or, where every one of
        several folds trains on earlier rows than it scores, the position of the row (or of the
        first row of its group). None where they do not.
    inner : Fold, optional
        About a fifth of the training rows of a single fold, held out from the others: what a
        number of rounds is chosen on where there are no other folds. None where there are, or
        where the training rows are too few to be split.
    """

    folds: tuple[Fold, ...]
    kind: str
    units: IntArray | None = None
    order: IntArray | None = None
    inner: Fold | None = None

    @property
    def trained_on(self) -> tuple[Fold, ...]:
        """All that models may be trained on, in the order in which learners number them."""
        return self.folds if self.inner is None else (*self.folds, self.inner)


def make_folds(
    y: BoolArray,
    cv: Any = FOLDS,
    *,
    groups: Any = None,
    time: Any = None,
    random_state: int = 0,
    counted: IntArray | None = None,
) -> Folds:
    """Split rows for out-of-fold scores.

    Parameters
    ----------
    y : bool array of shape (n_cases,)
    cv : int, splitter or iterable of (train, test), default=FOLDS
        How many folds; or scikit-learn's splitters, or index pairs, taken as they are and checked.
    groups : array-like of shape (n_cases,), optional
        Rows of one group never stand on both sides of a split.
    time : array-like of shape (n_cases,), optional
        Models are trained on what came before the rows that they score.
    random_state : int, default=0
        Shuffles rows or groups.
    counted : int array, optional
        Indices of the rows that stand for somebody, ascending; all where None. Splits are made as
        if there were no others.

    Returns
    -------
    folds : Folds
        Their indices are into the counted rows.

    Raises
    ------
    DataError
        If there are fewer rows of a class, or groups, than folds need; or a split leaks: a row,
        a group, or the future on both sides, or a row scored twice.

    Examples
    --------
    >>> folds = make_folds(np.array([False, True] * 6), cv=3)
    >>> [fold.test.size for fold in folds.folds]
    [4, 4, 4]
    """
    if groups is not None and time is not None:
        raise DataError(
            "give groups or time, not both: folds in order of time already keep the future out; "
            "for both, pass your own splits as cv="
        )
    codes = None if groups is None else _codes(groups, y.size, "groups")
    order = None if time is None else _codes(time, y.size, "time")
    n_cases = y.size
    if counted is not None:
        y, codes, order = y[counted], _codes_of(codes, counted), _codes_of(order, counted)
    if isinstance(cv, bool) or not isinstance(cv, int | np.integer):
        folds, kind = _given(cv, y, codes, n_cases, counted), "given"
    elif cv < 2:
        raise DataError(f"cv must be at least 2 folds, got {cv}")
    else:
        _check_enough(y, int(cv), codes, "" if counted is None else " with sample_weight above 0")
        if order is not None:
            folds, kind = _time_ordered(order, int(cv)), "time-ordered"
        elif codes is not None:
            folds, kind = _grouped(y, int(cv), codes, random_state), "grouped"
        else:
            folds, kind = _stratified(y, int(cv), random_state), "stratified"
    _check(folds, y, codes, order)
    inner = None if len(folds) > 1 else _inside(folds[0].train, y, codes, order, random_state)
    moments = _forward(folds, y.size, codes) if order is None else order
    units = units_of(y.size, groups=codes, time=order)
    return Folds(tuple(folds), kind, units, moments, inner)


def units_of(n_cases: int, *, groups: Any = None, time: Any = None) -> IntArray | None:
    """What is drawn together when uncertainty is measured: groups, or periods of about sqrt(n) rows.

    Parameters
    ----------
    n_cases : int
    groups, time : array-like of shape (n_cases,), optional
        Of both, groups decide.

    Returns
    -------
    units : int array of shape (n_cases,) or None
        None where rows are met one by one.

    Raises
    ------
    DataError
        If a value is missing, or there is not one for each row.

    Examples
    --------
    >>> units_of(4, groups=["b", "a", "b", "c"]), units_of(4) is None
    (array([1, 0, 1, 2]), True)
    """
    if groups is not None:
        return _codes(groups, n_cases, "groups")
    return None if time is None else _periods(_codes(time, n_cases, "time"))


def _inside(
    rows: IntArray, y: BoolArray, codes: IntArray | None, order: IntArray | None, random_state: int
) -> Fold | None:
    """About a fifth of some rows against the others, split as they were; None if that cannot be."""
    mine = y[rows]
    least = min(int(np.count_nonzero(mine)), int(np.count_nonzero(~mine)))
    if order is not None:
        ranked = np.sort(order[rows])
        is_late = order[rows] >= ranked[rows.size - max(rows.size // 5, 1)]
        found = [Fold(np.flatnonzero(~is_late), np.flatnonzero(is_late))]
    elif codes is not None:
        n_groups = np.unique(codes[rows]).size
        n_parts = min(5, least, n_groups)
        found = [] if n_parts < 2 else _grouped(mine, n_parts, codes[rows], random_state)
    else:
        n_parts = min(5, least)
        found = [] if n_parts < 2 else _stratified(mine, n_parts, random_state)
    for fold in found:
        has_both = [mine[part].any() and not mine[part].all() for part in (fold.train, fold.test)]
        if has_both[0] and (has_both[1] or order is not None):
            return Fold(rows[fold.train], rows[fold.test])
    return None


def _stratified(y: BoolArray, cv: int, random_state: int) -> list[Fold]:
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(cv, shuffle=True, random_state=random_state)
    return [Fold(train, test) for train, test in splitter.split(np.zeros(y.size), y)]


def _grouped(y: BoolArray, cv: int, codes: IntArray, random_state: int) -> list[Fold]:
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(cv, shuffle=True, random_state=random_state)
    return [Fold(train, test) for train, test in splitter.split(np.zeros(y.size), y, codes)]


def _time_ordered(order: IntArray, cv: int) -> list[Fold]:
    """``cv`` periods of about equal size, each scored by a model of all that came before it.

    Rows of one moment stay together. The first of ``cv + 1`` periods is only trained on.
    """
    ranked = np.sort(order)
    starts = [int(ranked[position * order.size // (cv + 1)]) for position in range(1, cv + 1)]
    if len({int(ranked[0]), *starts}) < cv + 1:
        raise DataError(
            f"time leaves no boundary for {cv} folds between its {ranked[-1] + 1} different moments, "
            "since rows of one moment stay together: use fewer folds, or a finer time"
        )
    edges = [*starts, int(ranked[-1]) + 1]
    return [
        Fold(np.flatnonzero(order < start), np.flatnonzero((order >= start) & (order < end)))
        for start, end in pairwise(edges)
    ]


def _given(
    cv: Any, y: BoolArray, codes: IntArray | None, n_cases: int, counted: IntArray | None
) -> list[Fold]:
    """Somebody's own splits of the counted rows; index pairs are of all ``n_cases`` rows."""
    from sklearn.model_selection import PredefinedSplit

    if isinstance(cv, PredefinedSplit):  # which counts rows among all
        cv = list(cv.split())
    if hasattr(cv, "split") and not isinstance(cv, str):
        pairs: Iterable[Any] = cv.split(np.zeros((y.size, 1)), y, codes)
        n_cases, counted = y.size, None
    elif isinstance(cv, Iterable) and not isinstance(cv, str):
        pairs = cv
    else:
        raise DataError(
            f"cv must be a number of folds, a splitter, or (train, test) index pairs, got {cv!r:.60}"
        )
    folds = []
    for number, pair in enumerate(pairs):
        try:
            train, test = (np.asarray(side) for side in pair)
        except (TypeError, ValueError):
            raise DataError(f"cv: fold {number} must be a (train, test) pair of indices") from None
        for side, rows in (("train", train), ("test", test)):
            whole = rows.ndim == 1 and rows.size and rows.dtype.kind in "iu"
            if not whole or rows.min() < 0 or rows.max() >= n_cases:
                raise DataError(
                    f"cv: the {side} rows of fold {number} must be indices from 0 to {n_cases - 1}"
                )
        folds.append(Fold(np.sort(train), np.sort(test)))
    if counted is not None:
        folds = [fold for fold in map(_among(counted, n_cases), folds) if fold.test.size]
    if not folds:
        raise DataError("cv gives no fold: at least one is needed")
    return folds


def _among(counted: IntArray, n_cases: int) -> Callable[[Fold], Fold]:
    """A fold of all rows as one of the counted rows."""
    place = np.full(n_cases, -1)
    place[counted] = np.arange(counted.size)

    def among(fold: Fold) -> Fold:
        train, test = (place[rows][place[rows] >= 0] for rows in (fold.train, fold.test))
        return Fold(train, test)

    return among


def _check_enough(y: BoolArray, cv: int, codes: IntArray | None, which: str) -> None:
    positives = int(np.count_nonzero(y))
    for name, count in (("positive", positives), ("negative", y.size - positives)):
        if count < cv:
            fewer = f", or use cv={count}" if count > 1 else f", at least 2 {name} ones"
            raise DataError(
                f"there are {count} {name} rows{which} for {cv} folds: every fold needs one; get more "
                f"rows{fewer}"
            )
    if codes is not None and codes.max() + 1 < cv:
        raise DataError(f"there are {codes.max() + 1} groups for {cv} folds: use fewer folds")


def _check(folds: list[Fold], y: BoolArray, codes: IntArray | None, order: IntArray | None) -> None:
    """What must hold for every split, whoever made it."""
    scored = np.zeros(y.size, dtype=bool)
    for number, fold in enumerate(folds):
        inside = np.zeros(y.size, dtype=bool)
        inside[fold.train] = True
        if inside[fold.test].any():
            row = fold.test[inside[fold.test]][0]
            raise DataError(f"fold {number} trains on row {row}, which it also scores")
        if scored[fold.test].any():
            row = fold.test[scored[fold.test]][0]
            raise DataError(
                f"row {row} is scored by fold {number} and by an earlier one: every row may be "
                "scored once, so repeated splits are not supported"
            )
        scored[fold.test] = True
        twice = fold.test[:-1][fold.test[1:] == fold.test[:-1]]
        if twice.size:
            raise DataError(f"fold {number} scores row {twice[0]} twice: name every row once")
        if codes is not None:
            shared = np.intersect1d(codes[fold.train], codes[fold.test])
            if shared.size:
                row = np.flatnonzero(codes == shared[0])[0]
                raise DataError(
                    f"fold {number} has the group of row {row} on both sides: keep groups together"
                )
        if not fold.train.size:
            raise DataError(f"fold {number} trains on no row that stands for somebody")
        if order is not None and order[fold.train].max() >= order[fold.test].min():
            raise DataError(
                f"fold {number} trains on rows that are not older than all rows it scores: the "
                "future must stay out"
            )
        for name, rows in (("trains on", fold.train), ("scores", fold.test)):
            positives = int(np.count_nonzero(y[rows]))
            if positives in (0, rows.size) and (name == "trains on" or order is None):
                raise DataError(
                    f"fold {number} {name} {rows.size} rows of one class only ({positives} "
                    "positives): use fewer folds, or other groups"
                )
    if codes is not None and np.unique(codes[scored]).size < 2:
        raise DataError(
            "the folds score one group only: of it alone no uncertainty can be measured; score more"
        )
    if not 0 < np.count_nonzero(y[scored]) < np.count_nonzero(scored):
        raise DataError("the rows that the folds score are of one class only: use other folds")


def _forward(folds: list[Fold], n_cases: int, codes: IntArray | None) -> IntArray | None:
    """The order of rows, where every one of several folds trains on earlier ones than it scores."""
    if len(folds) < 2 or any(fold.train.max() >= fold.test.min() for fold in folds):
        return None
    if codes is not None:
        _, first, group = np.unique(codes, return_index=True, return_inverse=True)
        return np.asarray(first[group], dtype=np.intp)
    return np.arange(n_cases)


def _codes(values: Any, n_cases: int, name: str) -> IntArray:
    """Values as ranks 0, 1, 2, ... in ascending order."""
    # a list of texts and numbers would become all texts
    array = np.asarray(values, dtype=object if isinstance(values, list | tuple) else None)
    if array.shape != (n_cases,):
        found = array.size if array.ndim == 1 else f"shape {array.shape}"
        raise DataError(f"{name} must have one value for each of the {n_cases} rows, got {found}")
    series = pd.Series(array).infer_objects()
    missing = np.flatnonzero(series.isna())
    if missing.size:
        raise DataError(f"{name} must have a value in every row, got none in row {missing[0]}")
    if series.dtype == object and len({isinstance(value, str) for value in series}) > 1:
        raise DataError(f"{name} mixes values that cannot be put in order: use one type")
    codes, _ = pd.factorize(series, sort=True)
    return np.asarray(codes, dtype=np.intp)


def _codes_of(codes: IntArray | None, rows: IntArray) -> IntArray | None:
    """Ranks of some rows among themselves."""
    if codes is None:
        return None
    return np.asarray(np.unique(codes[rows], return_inverse=True)[1], dtype=np.intp)


def _periods(order: IntArray) -> IntArray:
    """Consecutive periods of about sqrt(n) rows: what is alike in time is drawn together."""
    length = max(int(np.sqrt(order.size)), 1)
    rank = np.empty(order.size, dtype=np.intp)
    rank[np.argsort(order, kind="stable")] = np.arange(order.size)
    return rank // length
