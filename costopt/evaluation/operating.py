"""What each threshold would have caught and cost: the exact curve, small enough to be kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.errors import DataError
from costopt.plain import Number

__all__ = ["CELLS", "MAX_POINTS", "MIN_ROWS", "OperatingCurve", "OperatingPoint"]

FloatArray = NDArray[np.float64]
Cell = float | tuple[float, ...]

CELLS = ("fp", "fn", "tp", "tn")
MAX_POINTS = 1000
# A share of fewer rows than these says little.
MIN_ROWS = 30


@dataclass(frozen=True)
class OperatingPoint:
    """Cases and money on either side of one way to decide.

    Parameters
    ----------
    threshold : float or None
        Calibrated probability from which it acts; None where that differs by case.
    caught, false_alarms : float
        Positive and negative cases acted on, each as many as it stands for.
    missed, left : float
        Positive and negative cases not acted on.
    cells : tuple of (fp, fn, tp, tn)
        For a cost that is the same for every case, that cost; else what it adds up to over the
        cases that it falls to.
    varies : tuple of bool
        Which of the four differ by case.
    """

    threshold: Number | None
    caught: float
    false_alarms: float
    missed: float
    left: float
    cells: tuple[float, float, float, float]
    varies: tuple[bool, bool, bool, bool]

    @property
    def n_cases(self) -> float:
        """All cases."""
        return self.caught + self.false_alarms + self.missed + self.left

    @property
    def alerts(self) -> float:
        """Share of the cases that is acted on."""
        return (self.caught + self.false_alarms) / self.n_cases

    @property
    def precision(self) -> float:
        """Share of positives among the cases acted on; NaN without any."""
        acted = self.caught + self.false_alarms
        return self.caught / acted if acted else math.nan

    @property
    def recall(self) -> float:
        """Share of the positives that is acted on; NaN without any."""
        positives = self.caught + self.missed
        return self.caught / positives if positives else math.nan

    def total_cost(self, changed: Mapping[str, float] | None = None) -> float:
        """What all cases cost.

        Parameters
        ----------
        changed : mapping of str to float, optional
            By cell: its new value, where it is the same for every case; else what each case's own
            value is multiplied by.
        """
        counts = (self.false_alarms, self.missed, self.caught, self.left)
        total = 0.0
        for cell, value, varies, count in zip(CELLS, self.cells, self.varies, counts, strict=True):
            factor = (changed or {}).get(cell, 1.0 if varies else value)
            total += factor * (value if varies else count)
        return total

    def mean_cost(self, changed: Mapping[str, float] | None = None) -> float:
        """The same per case."""
        return self.total_cost(changed) / self.n_cases


@dataclass(frozen=True)
class OperatingCurve:
    """What acting from each of up to 1,000 thresholds up would have caught and cost.

    Exact at each of them, on out-of-fold calibrated probabilities. Among them are never and
    always acting, the policy's own threshold, the cheapest one and its neighbours, and those that
    are cheapest at other cost ratios.

    Parameters
    ----------
    thresholds : tuple of float
        Descending, from ``inf`` (never) to ``-inf`` (always).
    caught, false_alarms : tuple of float
        Positive and negative cases with a probability of at least the threshold, each as many as
        it stands for.
    cells : tuple of (fp, fn, tp, tn)
        Each a number, where that cost is the same for every case; else its total at each
        threshold, over the cases that it falls to.
    selected : OperatingPoint
        The policy's rule, which is none of the thresholds where costs differ by case.
    best : float
        The cheapest threshold.
    flat : tuple of (low, high)
        The lowest and the highest threshold here that is statistically tied with the cheapest:
        its paired difference is at most 1.96 standard errors.
    supported : tuple of (low, high) or None
        The lowest and the highest threshold here with at least 30 rows on either side: beyond,
        shares and costs are of a handful of rows. None if there are too few rows.

    Raises
    ------
    DataError
        If the numbers cannot be those of a curve.
    """

    thresholds: tuple[Number, ...]
    caught: tuple[float, ...]
    false_alarms: tuple[float, ...]
    cells: tuple[Cell, Cell, Cell, Cell]
    selected: OperatingPoint
    best: Number
    flat: tuple[Number, Number]
    supported: tuple[Number, Number] | None

    def __post_init__(self) -> None:
        problem = _found_wrong(self)
        if problem:
            raise DataError(f"an operating curve {problem}")

    def __len__(self) -> int:
        return len(self.thresholds)

    def __repr__(self) -> str:
        cheapest = self.at(self.best)
        return (
            f"OperatingCurve(best={self.best:.4g}, mean_cost={cheapest.mean_cost():.4g}, "
            f"{len(self)} thresholds)"
        )

    @property
    def varies(self) -> tuple[bool, bool, bool, bool]:
        """Which of the costs fp, fn, tp, tn differ by case."""
        fp, fn, tp, tn = (isinstance(cell, tuple) for cell in self.cells)
        return fp, fn, tp, tn

    def point(self, index: int) -> OperatingPoint:
        """The point at one of the thresholds, by its position."""
        fp, fn, tp, tn = (cell[index] if isinstance(cell, tuple) else cell for cell in self.cells)
        return OperatingPoint(
            self.thresholds[index],
            self.caught[index],
            self.false_alarms[index],
            self.caught[-1] - self.caught[index],
            self.false_alarms[-1] - self.false_alarms[index],
            (fp, fn, tp, tn),
            self.varies,
        )

    def at(self, threshold: float) -> OperatingPoint:
        """The point at the lowest of the thresholds that is at least the one asked for."""
        position = np.searchsorted(-np.array(self.thresholds), -threshold, side="right") - 1
        return self.point(max(int(position), 0))

    def cheapest(self, changed: Mapping[str, float] | None = None) -> OperatingPoint:
        """The cheapest point, at costs changed as for `OperatingPoint.total_cost`.

        Of several alike, the one nearest to the cheapest at the declared costs.
        """
        means = np.array([self.point(index).mean_cost(changed) for index in range(len(self))])
        scale = float(np.abs(means).max())
        tied = np.flatnonzero(means <= means.min() + 1e-12 * scale)
        home = self.thresholds.index(self.best)
        return self.point(int(tied[np.argmin(np.abs(tied - home))]))


def _found_wrong(curve: OperatingCurve) -> str | None:
    """What no curve of real cases could show; None if there is nothing."""
    n_points = len(curve.thresholds)
    if not 2 <= n_points <= MAX_POINTS + 2:
        return f"has between 2 and {MAX_POINTS + 2} thresholds, got {n_points}"
    columns = {"caught": curve.caught, "false_alarms": curve.false_alarms}
    columns |= {
        name: cell for name, cell in zip(CELLS, curve.cells, strict=True) if isinstance(cell, tuple)
    }
    for name, column in columns.items():
        if len(column) != n_points:
            return f"has one number of {name} per threshold, got {len(column)} for {n_points}"
        if not np.all(np.isfinite(column)):
            return f"holds finite numbers, but {name} has others"
    thresholds = np.array(curve.thresholds)
    if (
        thresholds[0] != np.inf
        or thresholds[-1] != -np.inf
        or not np.all(thresholds[1:] < thresholds[:-1])
    ):
        return "has thresholds that descend from inf to -inf"
    for name, counts in (("caught", curve.caught), ("false_alarms", curve.false_alarms)):
        if counts[0] != 0 or np.any(np.diff(counts) < 0):
            return f"has {name} that grow from 0 as the threshold falls"
    if curve.caught[-1] + curve.false_alarms[-1] <= 0:
        return "is of at least one case"
    numbers = [cell for cell in curve.cells if not isinstance(cell, tuple)]
    if not np.all(np.isfinite([*numbers, *curve.selected.cells])):
        return "has finite costs"
    return _found_wrong_beside(curve)


def _found_wrong_beside(curve: OperatingCurve) -> str | None:
    selected = curve.selected
    for name in ("caught", "false_alarms"):
        # a NaN is in no range
        if not 0 <= getattr(selected, name) <= getattr(curve, name)[-1]:
            return f"has a selected rule with {name} between none and all"
    rest = (curve.caught[-1] - selected.caught, curve.false_alarms[-1] - selected.false_alarms)
    if (selected.missed, selected.left) != rest or selected.varies != curve.varies:
        return "has a selected rule with the cases and costs of the curve"
    if selected.threshold is not None and selected.threshold not in curve.thresholds:
        return "has the selected threshold among its own"
    if curve.best not in curve.thresholds:
        return "has its cheapest threshold among its own"
    for name, bounds in (("flat", curve.flat), ("supported", curve.supported)):
        if bounds is None:
            continue
        if not set(bounds) <= set(curve.thresholds) or bounds[0] > bounds[1]:
            return f"has a range '{name}' from one of its thresholds up to another"
    return None
