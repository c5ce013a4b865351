"""The rows that folds score, and on which of them the map and threshold that judge each are fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.decision.case_costs import CaseCosts
from costopt.evaluation.draws import Draws
from costopt.evaluation.folds import Folds
from costopt.learners.protocol import Fold

__all__ = ["LEAST_EARLIER", "Scored", "calibration_parts", "scored_rows"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

N_PARTS = 5
# Fewer earlier positives or negatives than this, and a map of them is worse than none.
LEAST_EARLIER = 10


@dataclass(frozen=True, eq=False)
class Scored:
    """The rows that folds score, and what a decision on them costs.

    Parameters
    ----------
    rows : int array of shape (n_scored,)
        Indices into all cases, ascending.
    y : bool array of shape (n_scored,)
    costs, known : CaseCosts
        As in `Problem`, of these rows.
    weight : array of shape (n_scored,), optional
    folds : tuple of Fold
        Their ``test`` are indices into these rows.
    parts : tuple of Fold
        Of these rows: by what is fitted on ``train`` the rows of ``test`` are calibrated and
        decided on. See `calibration_parts`.
    draws : Draws
        How these rows are drawn when uncertainty is measured.
    """

    rows: IntArray
    y: BoolArray
    costs: CaseCosts
    known: CaseCosts
    weight: FloatArray | None
    folds: tuple[Fold, ...]
    parts: tuple[Fold, ...]
    draws: Draws


def scored_rows(
    folds: Folds,
    n_folds: int,
    y: BoolArray,
    costs: CaseCosts,
    known: CaseCosts,
    weight: FloatArray | None,
    *,
    prevalence: float | None,
    seed: int,
) -> Scored:
    """The rows that the first folds score, with the rest of what a `Problem` says of them."""
    first = folds.folds[:n_folds]
    rows = np.sort(np.concatenate([fold.test for fold in first]))
    weight_of = None if weight is None else weight[rows]
    return Scored(
        rows,
        y[rows],
        costs.take(rows),
        known.take(rows),
        weight_of,
        tuple(Fold(fold.train, np.searchsorted(rows, fold.test)) for fold in first),
        calibration_parts(folds, rows, y, weight, n_folds=n_folds, seed=seed),
        Draws(
            rows.size,
            weight=weight_of,
            units=None if folds.units is None else folds.units[rows],
            seed=seed,
            classes=None if prevalence is None else y[rows],
        ),
    )


def calibration_parts(
    folds: Folds,
    rows: IntArray,
    y: BoolArray,
    weight: FloatArray | None = None,
    *,
    n_folds: int | None = None,
    seed: int = 0,
) -> tuple[Fold, ...]:
    """Parts of the scored rows, and for each the rows that its map and threshold are fitted on.

    Parameters
    ----------
    folds : Folds
    rows : int array of shape (n_scored,)
        The rows that the first folds score, as ascending indices into all cases.
    y : bool array of shape (n_cases,)
    weight : array of shape (n_cases,), optional
        Rows of weight 0 are judged, but nothing is fitted on them.
    n_folds : int, optional
        How many folds score these rows; all where None.
    seed : int, default=0
        Deals the rows of a fold into parts, where that is needed.

    Returns
    -------
    parts : tuple of Fold
        Indices into ``rows``: every row is in one ``test``. ``train`` is empty where nothing may
        be fitted: such rows keep their scores, and Bayes' rule takes the place of a threshold.

    Notes
    -----
    A fold is judged by what is fitted on those scored rows that its models were trained on: on all
    other folds in cross-validation, on earlier ones where folds go forward in time. Where these
    are not enough (a single split, the first period), its own rows are dealt into five parts: in
    stratified folds, by group where there are groups, each judged by the others; or in
    consecutive periods, rows of one moment together, each judged by the earlier ones.

    Both classes must be there. Forward in time, at least ten rows of each.
    """
    usable = np.ones(rows.size, dtype=bool) if weight is None else weight[rows] > 0
    least = 1 if folds.order is None else LEAST_EARLIER

    def enough(train: IntArray) -> bool:
        positives = int(np.count_nonzero(y[rows[train]]))
        return least <= positives <= train.size - least

    found = []
    for fold in folds.folds[:n_folds]:
        known = np.zeros(y.size, dtype=bool)
        known[fold.train] = True
        allowed = np.flatnonzero(known[rows] & usable)
        parts = [Fold(allowed, np.searchsorted(rows, fold.test))]
        if not enough(allowed):
            parts = [
                Fold(np.union1d(allowed, part.train[usable[part.train]]), part.test)
                for part in _within(parts[0].test, rows, y, folds, seed)
            ]
        found += [
            part if enough(part.train) else Fold(np.empty(0, dtype=np.intp), part.test)
            for part in parts
        ]
    return tuple(found)


def _within(test: IntArray, rows: IntArray, y: BoolArray, folds: Folds, seed: int) -> list[Fold]:
    """A fold's own rows in parts, each with the rows of it that may judge the part."""
    if folds.order is not None:
        return _periods(test, folds.order[rows[test]])
    units = None if folds.units is None else folds.units[rows[test]]
    return _dealt(test, y[rows[test]], units, seed)


def _periods(test: IntArray, moment: IntArray) -> list[Fold]:
    """Consecutive periods of about equal size, each judged by the earlier ones."""
    ranked = np.sort(moment)
    starts = np.unique(ranked[np.arange(N_PARTS) * ranked.size // N_PARTS])
    period = np.searchsorted(starts, moment, side="right") - 1
    return [Fold(test[period < one], test[period == one]) for one in range(starts.size)]


def _dealt(test: IntArray, y: BoolArray, units: IntArray | None, seed: int) -> list[Fold]:
    """Stratified parts, whole groups where there are any, each judged by the others."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    owner = np.arange(y.size) if units is None else units
    fewest = min(np.unique(owner[rows]).size for rows in (y, ~y))
    if fewest < 2:
        return [Fold(test[:0], test)]
    splitter = (StratifiedKFold if units is None else StratifiedGroupKFold)(
        min(N_PARTS, fewest), shuffle=True, random_state=seed
    )
    return [
        Fold(test[train], test[part]) for train, part in splitter.split(np.zeros(y.size), y, units)
    ]
