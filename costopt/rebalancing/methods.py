"""Everything that can be done to the training rows of a fold before a learner sees them, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.decision.case_costs import CaseCosts
from costopt.errors import DataError, nearest
from costopt.rebalancing.random import random_over, random_under, rejection
from costopt.rebalancing.synthetic import (
    Neighbourhood,
    clean,
    near_miss,
    synthesize,
    synthesize_and_clean,
)
from costopt.rebalancing.weights import Reweighting, sample_weight, weigh_to

__all__ = ["BY_DEFAULT", "DEVICES", "Device", "TrainingRows", "reweight"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """What a device may look at: the training rows of one fold, and nothing else.

    Parameters
    ----------
    y : bool array of shape (n_rows,)
    population : array of shape (n_rows,), optional
        How many cases of the population each row stands for.
    costs : CaseCosts, optional
        Of these rows; needed by devices that weigh or draw rows by their costs.
    neighbourhood : callable, optional
        Gives the features of these rows; needed by devices that look at neighbours.
    """

    y: BoolArray
    population: FloatArray | None = None
    costs: CaseCosts | None = None
    neighbourhood: Callable[[], Neighbourhood] | None = None


@dataclass(frozen=True)
class Device:
    """One way to treat training rows.

    Parameters
    ----------
    apply : callable
        ``(rows, sampling_ratio, rng) -> Reweighting``.
    has_ratio : bool
        Whether it aims at a ratio of positives per negative.
    needs_weights : bool
        Whether it works by weights, which a learner must look at.
    by_case : bool
        Whether rows of one class are treated by their own costs: with costs that differ by case, no
        one number then undoes what happened to the odds.
    needs_features : bool
        Whether it looks at the rows themselves, so that they must have been read by costopt.
    """

    apply: Callable[[TrainingRows, float, np.random.Generator], Reweighting]
    has_ratio: bool = True
    needs_weights: bool = False
    by_case: bool = False
    needs_features: bool = False


def _none(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
    del ratio, rng
    return weigh_to(rows.y, 1.0, "none", population=rows.population)


def _weight(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
    """Class weights that count as ``ratio`` positives per negative."""
    del rng
    present = np.count_nonzero(rows.y) / np.count_nonzero(~rows.y)
    multiplier = max(ratio / present, 1.0)
    return weigh_to(rows.y, multiplier, "class weights", population=rows.population)


def _case_weight(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
    """Each row weighs what its misclassification costs."""
    del ratio, rng
    return sample_weight(rows.y, _costs(rows), population=rows.population)


def _rejection(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
    del ratio
    return rejection(rows.y, _costs(rows), rng, population=rows.population)


def _random_over(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
    return random_over(rows.y, ratio, rng, population=rows.population)


def _random_under(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
    return random_under(rows.y, ratio, rng, population=rows.population)


def _synthetic(kind: str) -> Device:
    make = synthesize_and_clean if kind in ("smote_tomek", "smote_enn") else synthesize

    def apply(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
        seed = int(rng.integers(2**31))
        return make(kind, _neighbourhood(rows, kind), ratio, seed, rows.population)

    return Device(apply, needs_features=True)


def _cleaning(kind: str) -> Device:
    def apply(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
        del ratio, rng
        return clean(kind, _neighbourhood(rows, kind), rows.population)

    return Device(apply, has_ratio=False, needs_features=True)


def _near_miss(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
    del rng
    return near_miss(_neighbourhood(rows, "near_miss"), ratio, rows.population)


DEVICES: dict[str, Device] = {
    "none": Device(_none, has_ratio=False),
    "weight": Device(_weight, needs_weights=True),
    "random_over": Device(_random_over),
    "random_under": Device(_random_under),
    "case_weight": Device(_case_weight, has_ratio=False, needs_weights=True, by_case=True),
    "rejection": Device(_rejection, has_ratio=False, by_case=True),
    "smote": _synthetic("smote"),
    "adasyn": _synthetic("adasyn"),
    "borderline_smote": _synthetic("borderline_smote"),
    "svm_smote": _synthetic("svm_smote"),
    "smote_tomek": _synthetic("smote_tomek"),
    "smote_enn": _synthetic("smote_enn"),
    "tomek_links": _cleaning("tomek_links"),
    "edited_nearest_neighbours": _cleaning("edited_nearest_neighbours"),
    "near_miss": Device(_near_miss, needs_features=True),
}
# What a search chooses among if it is not told otherwise: what costs no time, copies no row, and
# whose effect on the odds is known.
BY_DEFAULT = ("none", "weight", "random_over", "random_under")


def reweight(
    device: str, rows: TrainingRows, sampling_ratio: float | None, rng: np.random.Generator
) -> Reweighting:
    """Apply a device by its name: what one trial does to the training rows of one fold.

    Raises
    ------
    DataError
        If there is no such device, or it cannot be applied to these rows.
    """
    if device not in DEVICES:
        raise DataError(f"there is no resampling named {device!r}: {nearest(device, DEVICES)}")
    return DEVICES[device].apply(rows, 1.0 if sampling_ratio is None else sampling_ratio, rng)


def _costs(rows: TrainingRows) -> CaseCosts:
    assert rows.costs is not None  # noqa: S101  # who evaluates a candidate knows its costs
    return rows.costs


def _neighbourhood(rows: TrainingRows, kind: str) -> Neighbourhood:
    if rows.neighbourhood is None:
        raise DataError(
            f"{kind} looks for neighbours, so the rows must be columns that costopt reads: pass a "
            "table rather than rows for an estimator of your own"
        )
    return rows.neighbourhood()
