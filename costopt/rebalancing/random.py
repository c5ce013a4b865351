"""Random sampling of rows as weights and indices: never copied rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.checks import as_labels, as_weights
from costopt.errors import DataError
from costopt.inputs.row_labels import check_same_rows
from costopt.rebalancing.definition import RebalancingMethod, Reweighting, TrainingRows
from costopt.rebalancing.weights import weighted_odds

__all__ = ["RANDOM_OVER", "RANDOM_UNDER", "random_over", "random_under"]

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
        With ``odds_multiplier`` the weight of positives per weight of negatives over what it was
        before; without ``population`` that is the ratio reached over the ratio before.

    Examples
    --------
    >>> sample = random_over([0, 0, 0, 0, 1, 1], 1.0, np.random.default_rng(0))
    >>> sample.odds_multiplier, sample.sampling_ratio
    (2.0, 1.0)
    """
    check_same_rows(y=y, population=population)
    labels, positives, negatives = _counted(y, sampling_ratio)
    wanted = max(round(sampling_ratio * negatives), positives)
    whole, rest = divmod(wanted, positives)
    times = np.full(positives, whole)
    times[rng.choice(positives, size=rest, replace=False)] += 1
    base = np.ones(labels.size) if population is None else as_weights(population, labels.size)
    weight = base.copy()
    weight[labels] *= times
    return Reweighting(
        weight / weight.mean(),
        weighted_odds(labels, weight) / weighted_odds(labels, base),
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
    check_same_rows(y=y, population=population)
    labels, positives, negatives = _counted(y, sampling_ratio)
    wanted = max(min(round(positives / sampling_ratio), negatives), 1)
    kept = rng.choice(np.flatnonzero(~labels), size=wanted, replace=False)
    rows = np.sort(np.concatenate((np.flatnonzero(labels), kept)))
    base = np.ones(labels.size) if population is None else as_weights(population, labels.size)
    weight = base[rows]
    return Reweighting(
        weight / weight.mean(),
        weighted_odds(labels[rows], weight) / weighted_odds(labels, base),
        "random under-sampling",
        rows=rows,
        sampling_ratio=positives / wanted,
    )


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


def _over(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
    return random_over(rows.y, ratio, rng, population=rows.population)


def _under(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
    return random_under(rows.y, ratio, rng, population=rows.population)


RANDOM_OVER = RebalancingMethod(
    name="random_over",
    apply=_over,
    effect="multiplier",
    ratio="sampling_ratio",
    title="random over-sampling",
    does="Repeats positives at random until the classes balance.",
    helps="Learners without weights.",
)
RANDOM_UNDER = RebalancingMethod(
    name="random_under",
    apply=_under,
    effect="multiplier",
    ratio="sampling_ratio",
    title="random under-sampling",
    does="Drops negatives at random until the classes balance.",
    helps="Very many rows: training takes a fraction of the time.",
)
