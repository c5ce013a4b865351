"""What a map from scores to probabilities is, and what fitting several of them shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.odds import LOGIT_CLIP
from costopt.errors import CostSpecError, DataError

__all__ = [
    "CalibrationMap",
    "check_floor",
    "floor_for",
    "soft_targets",
    "standard",
    "summed",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# How many scores are tried at once where a map is inverted.
N_TRIED = 1024
# More rows than this are summed up in as many bins of the log-odds before fitting.
N_BINS = 2048
# The share of scores that may lie so close to 0 or 1 that they are taken for outliers.
OUTLIERS = 0.05
# Log-odds that differ by less than this, relative to their size, differ by rounding only.
PRECISION = 1e-14


class CalibrationMap(ABC):
    """A map from scores to probabilities that keeps the order of cases, and all there is of it.

    A map is a frozen dataclass whose fields are numbers or tuples of them, as a policy stores them.
    One of one's own derives from this too, and can be passed wherever the name of a map can, as in
    ``optimize(..., calibration=MyMap)``.

    Attributes
    ----------
    kind : str
        Its name as an argument and in a saved policy.
    positives_needed : int
        Effective positives below which it is refused: a map of more parameters needs more of them
        than Platt's two, or it repeats their accidents.
    does, helps : str
        What it is and when it helps, for tables and strategies.
    by_hand : str
        How a score p becomes a probability q, for who computes it elsewhere; empty if q is p.
    """

    kind: ClassVar[str]
    positives_needed: ClassVar[int] = 0
    does: ClassVar[str]
    helps: ClassVar[str]
    by_hand: ClassVar[str] = ""

    @classmethod
    @abstractmethod
    def fit(
        cls, y: BoolArray, probability: FloatArray, sample_weight: FloatArray | None = None
    ) -> Self:
        """The map under which some labels are most likely, or to which they are closest.

        Parameters
        ----------
        y : bool array of shape (n_cases,)
        probability : array of shape (n_cases,)
            Out-of-fold scores, after the odds ledger has been undone.
        sample_weight : array of shape (n_cases,), optional
        """

    @abstractmethod
    def apply(self, probability: ArrayLike) -> FloatArray:
        """Calibrated probabilities, shape (n_cases,)."""

    @abstractmethod
    def in_words(self) -> str:
        """What it does to scores, to follow "the model's score is ..."; empty if nothing."""

    def invert(self, threshold: float) -> float:
        """The lowest score in [0, 1] whose calibrated probability reaches a threshold.

        ``-inf`` where all do, ``inf`` where none does. Doubles from 0 to 1 are in the order of
        their bits, so that the search ends at the exact one: whoever compares scores with it
        decides as whoever compares calibrated probabilities with the threshold.
        """
        lowest, highest = self.apply(np.array([0.0, 1.0]))
        if threshold <= lowest:
            return -np.inf
        if threshold > highest:
            return np.inf
        below, reaching = 0, int(np.float64(1.0).view(np.int64))
        while reaching - below > 1:
            tried = np.arange(below, reaching, max((reaching - below) // N_TRIED, 1))
            edges = np.append(tried, reaching)
            reached = self.apply(edges.view(np.float64)) >= threshold
            first = max(int(np.argmax(reached)), 1)
            below, reaching = int(edges[first - 1]), int(edges[first])
        return float(np.int64(reaching).view(np.float64))

    @classmethod
    def check_positives(cls, n_positives: float) -> None:
        """Refuse fewer effective positives than it needs: see `effective_positives`.

        Raises
        ------
        DataError
        """
        if n_positives < cls.positives_needed:
            raise DataError(
                f"{cls.kind} calibration needs at least {cls.positives_needed} positives, got "
                f"{n_positives:,.0f} effective ones: use 'platt', which has two parameters"
            )


def check_floor(floor: float) -> None:
    """Refuse a floor that is none."""
    if not 0 < floor < 0.5:
        raise CostSpecError(f"the floor of a map must lie between 0 and 0.5, got {floor}")


def floor_for(probability: FloatArray) -> float:
    """How far from 0 and 1 scores are kept: 1e-12, or less where too many lie beyond."""
    margin = np.minimum(probability, 1 - probability)
    inside = margin[margin > 0]
    if np.count_nonzero(inside < LOGIT_CLIP) <= OUTLIERS * inside.size:
        return LOGIT_CLIP
    return float(np.quantile(inside, OUTLIERS, method="lower"))


def soft_targets(y: BoolArray, sample_weight: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Weights of mean 1, and a target for each row in place of 1 and 0.

    Without weights they are Platt's, (n1 + 1) / (n1 + 2) and 1 / (n0 + 2). With weights they are
    (W1 + m) / (W1 + 2 m) and m / (W0 + 2 m): W1 and W0 are the weights of the classes, and m is
    what a typical row of the lighter-weighted class weighs (the smaller of both classes'
    sum(w ** 2) / sum(w)), so that neither class is moved by more than about one of its own rows,
    however rare it was declared to be.
    """
    weight = np.ones(y.size) if sample_weight is None else sample_weight / sample_weight.mean()
    sums = np.array([weight[rows].sum() for rows in (y, ~y)])
    squares = np.array([(weight[rows] ** 2).sum() for rows in (y, ~y)])
    row = float(np.min(squares[sums > 0] / sums[sums > 0]))
    return weight, np.where(y, (sums[0] + row) / (sums[0] + 2 * row), row / (sums[1] + 2 * row))


def summed(
    x: FloatArray, weight: FloatArray, target: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log-odds, and the weight and the weight of targets at each; many rows are binned first."""
    if x.size <= N_BINS:
        return x, weight, weight * target
    low, high = float(x.min()), float(x.max())
    step = (high - low) / N_BINS or 1.0
    bins = np.minimum(((x - low) / step).astype(np.intp), N_BINS - 1)
    total = np.bincount(bins, weight, N_BINS).astype(np.float64)
    kept = total > 0
    middle: FloatArray = np.bincount(bins, weight * x, N_BINS)[kept] / total[kept]
    both: FloatArray = np.bincount(bins, weight * target, N_BINS).astype(np.float64)
    return middle, total[kept], both[kept]


def standard(x: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Mean and standard deviation; the latter is 0 where values differ by rounding only."""
    center = float(np.average(x, weights=weight))
    spread = float(np.sqrt(np.average((x - center) ** 2, weights=weight)))
    rounding = PRECISION * max(1.0, float(np.abs(x).max()))
    return center, spread if spread > rounding else 0.0
