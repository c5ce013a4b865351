"""How rows are drawn anew when uncertainty is measured, and what a choice among candidates costs.

Everything starts from what each row would have cost under each candidate's out-of-fold decisions,
summed up over what is drawn together; a bootstrap is then a product of those sums with the counts
of draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Draws", "replicates", "selection_bias", "standard_error", "sums_by"]

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]
Choice = TypeVar("Choice")

N_DRAWS = 1000
# More rows or units than this are put at random into so many parts, which are drawn as one. The
# variance of a mean stays what it is, and memory and time no longer depend on the number of rows.
MAX_PARTS = 20_000
# Entries of one block of drawn counts: 16 MB of float32.
BLOCK = 4_000_000


@dataclass(frozen=True, eq=False)
class Draws:
    """How rows are drawn in a bootstrap: one by one, or by group or period.

    Parameters
    ----------
    n_rows : int
    weight : array of shape (n_rows,), optional
        How many cases of the population each row stands for.
    units : array of shape (n_rows,), optional
        Rows of one unit are drawn together.
    seed : int, default=0
    classes : bool array of shape (n_rows,), optional
        The labels, where the share of positives was declared: it is then known, and means differ
        between draws only within each class.
    """

    n_rows: int
    weight: FloatArray | None = None
    units: IntArray | None = None
    seed: int = 0
    classes: BoolArray | None = None

    @cached_property
    def part(self) -> IntArray:
        """Which part each row belongs to: rows of one part are drawn together; shape (n_rows,)."""
        unit = (
            np.arange(self.n_rows)
            if self.units is None
            else np.unique(self.units, return_inverse=True)[1]
        )
        n_units = int(unit.max()) + 1
        if n_units <= MAX_PARTS:
            return unit
        dealt = np.random.default_rng([self.seed, 1]).permutation(n_units) % MAX_PARTS
        return np.asarray(dealt[unit], dtype=np.intp)

    @cached_property
    def part_weight(self) -> FloatArray:
        """The share of the population that each part stands for; shape (n_parts,)."""
        weight = np.ones(self.n_rows) if self.weight is None else self.weight
        total = sums_by(self.part, weight, int(self.part.max()) + 1)
        return np.asarray(total / total.sum())

    def totals(self, per_row: FloatArray) -> FloatArray:
        """What each part contributes to the weighted mean of a value per row; shape (n_parts,).

        They add up to the mean, and what they add beyond it times `part_weight` is what varies.
        """
        weight = np.full(self.n_rows, 1.0) if self.weight is None else self.weight
        weight = weight / weight.sum()
        if self.classes is not None:
            mean = float(per_row @ weight)
            positives = self.classes
            for rows in (positives, ~positives):
                own = float(np.average(per_row[rows], weights=weight[rows])) if rows.any() else 0.0
                per_row = np.where(rows, per_row - own + mean, per_row)
        return sums_by(self.part, per_row * weight, self.part_weight.size)

    @cached_property
    def counts(self) -> NDArray[np.uint8]:
        """How often each draw took each part; shape (n_draws, n_parts)."""
        rng = np.random.default_rng(self.seed)
        n_parts = self.part_weight.size
        found = np.empty((N_DRAWS, n_parts), dtype=np.uint8)
        size = max(1, BLOCK // n_parts)
        for start in range(0, N_DRAWS, size):
            rows = found[start : start + size]
            chosen = rng.integers(0, n_parts, rows.shape)
            chosen += n_parts * np.arange(len(rows))[:, None]
            times = np.bincount(chosen.ravel(), minlength=rows.size)
            rows[...] = np.minimum(times, 255).reshape(rows.shape)
        return found

    def blocks(self) -> Iterator[Float32Array]:
        """The counts in blocks of shape (some draws, n_parts), to be multiplied."""
        size = max(1, BLOCK // self.part_weight.size)
        for start in range(0, N_DRAWS, size):
            yield self.counts[start : start + size].astype(np.float32)


def sums_by(group: IntArray, values: NDArray[Any], n_groups: int) -> FloatArray:
    """Sums of values by group, always of floats: `numpy.bincount` counts where there is no value.

    Parameters
    ----------
    group : int array of shape (n_values,)
        From 0 to ``n_groups - 1``.
    values : array of shape (n_values,)
    n_groups : int

    Returns
    -------
    sums : array of shape (n_groups,)

    Examples
    --------
    >>> sums_by(np.array([], dtype=np.intp), np.array([]), 2)
    array([0., 0.])
    """
    return np.bincount(group, values, n_groups).astype(np.float64, copy=False)


def selection_bias(
    criteria: FloatArray,
    select: Callable[[FloatArray], Choice],
    cost_of: Callable[[Choice], FloatArray],
    draws: Draws,
) -> float:
    """What choosing among candidates on these rows hides of the chosen one's cost (BBC-CV, paired).

    Parameters
    ----------
    criteria : array of shape (n_criteria, n_candidates, n_parts)
        `Draws.totals` of what candidates are chosen by.
    select : callable
        The choice itself: means of the criteria, shape (n_criteria, n_candidates), each up to a
        constant that all candidates share, to anything hashable. It looks at nothing else that
        depends on the rows of the draw.
    cost_of : callable
        `Draws.totals` of what each row would have cost under a choice's out-of-fold decisions.
    draws : Draws

    Returns
    -------
    bias : float
        Mean over draws of the out-of-bag cost of what is chosen in the bag, less that of what is
        chosen on all rows: to be added to the latter's mean cost. Exactly 0 where every draw
        chooses the same.

    References
    ----------
    I. Tsamardinos, E. Greasidou, G. Borboudakis (2018). Bootstrapping the Out-of-sample
    Predictions for Efficient and Accurate Cross-Validation. Machine Learning 107, 1895-1922.
    """
    n_criteria, n_candidates, n_parts = criteria.shape
    # what all candidates have alike is in no difference, and would drown the rest in rounding
    apart = criteria - criteria.mean(axis=1, keepdims=True)
    chosen = select(apart.sum(axis=2))
    by = _single(apart.reshape(-1, n_parts).T)
    in_bag = _means_of_draws(by, draws).reshape(-1, n_criteria, n_candidates)
    bags: dict[Choice, list[int]] = {}
    for number, means in enumerate(in_bag):
        bags.setdefault(select(means), []).append(number)
    others = {choice: numbers for choice, numbers in bags.items() if choice != chosen}
    if not others:
        return 0.0
    cost = cost_of(chosen)
    found = []
    for choice, numbers in others.items():
        paid = np.column_stack((cost_of(choice) - cost, draws.part_weight))
        out_of_bag = (draws.counts[numbers] == 0) @ paid
        found.append(out_of_bag[out_of_bag[:, 1] > 0])
    means = np.concatenate(found)
    unusable = sum(map(len, others.values())) - len(means)
    return float(np.sum(means[:, 0] / means[:, 1]) / (N_DRAWS - unusable))


def standard_error(totals: FloatArray, part_weight: FloatArray) -> float:
    """Of the weighted mean that totals of parts add up to.

    Parameters
    ----------
    totals, part_weight : array of shape (n_parts,)
        As `Draws` makes them.

    Examples
    --------
    >>> draws = Draws(4)
    >>> standard_error(draws.totals(np.array([0.0, 0.0, 2.0, 2.0])), draws.part_weight)
    0.5
    """
    return float(np.sqrt(np.sum((totals - totals.sum() * part_weight) ** 2)))


def replicates(totals: FloatArray, draws: Draws) -> FloatArray:
    """Weighted means in every draw, shape (n_draws, n_columns), from totals of parts."""
    # the mean is taken off, and the rest brought to scale, before precision is halved
    center = totals.sum(axis=0)
    apart = totals - center * draws.part_weight[:, None]
    scale = float(np.abs(apart).max()) or 1.0
    return np.asarray(_means_of_draws(_single(apart / scale), draws) * scale + center)


def _means_of_draws(totals: Float32Array, draws: Draws) -> FloatArray:
    """Weighted means of columns in every draw: the product that a bootstrap is."""
    size = _single(draws.part_weight)
    return np.concatenate(
        [
            (drawn @ totals).astype(np.float64) / (drawn @ size).astype(np.float64)[:, None]
            for drawn in draws.blocks()
        ]
    )


def _single(values: FloatArray) -> Float32Array:
    return np.ascontiguousarray(values, dtype=np.float32)
