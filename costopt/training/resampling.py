"""Class-level devices of the search: random sampling as weights and indices, never copied rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.rules import as_labels, as_weights
from costopt.errors import DataError, nearest
from costopt.training.weights import Reweighting, weigh_to

__all__ = ["DEVICES", "random_over", "random_under", "reweight"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def random_over(
    y: ArrayLike,
    sampling_ratio: float,
    rng: np.random.Generator,
    *,
    population: ArrayLike | None = None,
) -> Reweighting:
    """Repeat positives at random until there are ``sampling_ratio`` of them per negative.

    Repeating a row is an integer weight, so that nothing is copied and costs stay with their row.

    Parameters
    ----------
    y : array-like of shape (n_cases,)
        0 or 1.
    sampling_ratio : float
        Positives per negative afterwards, counted in rows. A ratio below the present one is
        raised to it.
    rng : numpy.random.Generator
    population : array-like of shape (n_cases,), optional
        How many cases of the population each row stands for.

    Returns
    -------
    reweighting : Reweighting
        With ``odds_multiplier`` the ratio reached over the ratio before.

    Examples
    --------
    >>> sample = random_over([0, 0, 0, 0, 1, 1], 1.0, np.random.default_rng(0))
    >>> sample.odds_multiplier, sample.sampling_ratio
    (2.0, 1.0)
    """
    labels, positives, negatives = _counted(y, sampling_ratio)
    wanted = max(round(sampling_ratio * negatives), positives)
    whole, rest = divmod(wanted, positives)
    times = np.full(positives, whole)
    times[rng.choice(positives, size=rest, replace=False)] += 1
    weight = np.ones(labels.size)
    weight[labels] = times
    if population is not None:
        weight = weight * as_weights(population, labels.size)
    return Reweighting(
        weight / weight.mean(),
        wanted / positives,
        "random over-sampling",
        sampling_ratio=wanted / negatives,
    )


def random_under(
    y: ArrayLike,
    sampling_ratio: float,
    rng: np.random.Generator,
    *,
    population: ArrayLike | None = None,
) -> Reweighting:
    """Keep a random part of the negatives, so that there are ``sampling_ratio`` positives per negative.

    Parameters
    ----------
    y, rng, population
        As for `random_over`.
    sampling_ratio : float
        Positives per negative afterwards, counted in rows. A ratio below the present one is
        raised to it.

    Returns
    -------
    reweighting : Reweighting
        ``rows`` are the indices kept, ascending: take features, costs and weights by them.

    Examples
    --------
    >>> sample = random_under([0, 0, 0, 0, 1, 1], 1.0, np.random.default_rng(0))
    >>> sample.rows
    array([2, 3, 4, 5])
    """
    labels, positives, negatives = _counted(y, sampling_ratio)
    wanted = max(min(round(positives / sampling_ratio), negatives), 1)
    kept = rng.choice(np.flatnonzero(~labels), size=wanted, replace=False)
    rows = np.sort(np.concatenate((np.flatnonzero(labels), kept)))
    weight = np.ones(rows.size) if population is None else as_weights(population, labels.size)[rows]
    return Reweighting(
        weight / weight.mean(),
        negatives / wanted,
        "random under-sampling",
        rows=rows,
        sampling_ratio=positives / wanted,
    )


def _none(
    y: BoolArray, ratio: float, rng: np.random.Generator, *, population: FloatArray | None
) -> Reweighting:
    del ratio, rng
    return weigh_to(y, 1.0, "none", population=population)


def _weight(
    y: BoolArray, ratio: float, rng: np.random.Generator, *, population: FloatArray | None
) -> Reweighting:
    """Class weights that count as ``ratio`` positives per negative."""
    del rng
    present = np.count_nonzero(y) / np.count_nonzero(~y)
    return weigh_to(y, max(ratio / present, 1.0), "class weights", population=population)


DEVICES: dict[str, Callable[..., Reweighting]] = {
    "none": _none,
    "weight": _weight,
    "random_over": random_over,
    "random_under": random_under,
}


def reweight(
    device: str,
    y: BoolArray,
    sampling_ratio: float | None,
    rng: np.random.Generator,
    population: FloatArray | None = None,
) -> Reweighting:
    """Apply a device by its name: what one trial does to the training rows of one fold."""
    if device not in DEVICES:
        raise DataError(f"there is no resampling named {device!r}: {nearest(device, DEVICES)}")
    ratio = 1.0 if sampling_ratio is None else sampling_ratio
    return DEVICES[device](y, ratio, rng, population=population)


def _counted(y: ArrayLike, sampling_ratio: float) -> tuple[BoolArray, int, int]:
    labels = as_labels(y, "y")
    positives = int(np.count_nonzero(labels))
    negatives = labels.size - positives
    if not positives or not negatives:
        raise DataError(
            f"sampling needs rows of both classes, got {positives} positives and {negatives} negatives"
        )
    if not (np.isfinite(sampling_ratio) and sampling_ratio > 0):
        raise DataError(
            f"sampling_ratio, the positives per negative, must be above 0, got {sampling_ratio!r}"
        )
    return labels, positives, negatives
