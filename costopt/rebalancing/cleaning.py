"""Without the rows that their neighbours contradict: imbalanced-learn's cleaning of negatives."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.errors import DataError
from costopt.rebalancing.definition import RebalancingMethod, Reweighting, TrainingRows
from costopt.rebalancing.neighbourhood import Neighbourhood

__all__ = ["CLEANING", "clean", "kept_by", "near_miss"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

# Comparing every row with every other takes minutes from here on.
MAX_ROWS_COMPARED = 100_000


def clean(kind: str, rows: Neighbourhood, population: FloatArray | None) -> Reweighting:
    """Without the negatives that their neighbours contradict.

    Parameters
    ----------
    kind : {"tomek_links", "edited_nearest_neighbours"}
    rows : Neighbourhood
    population : array of shape (n_rows,), optional
    """
    kept = rows.once(kind, lambda: kept_by(kind, rows, [0]))
    return rows.reweighted(kind, kept, None, population)


def near_miss(
    rows: Neighbourhood, sampling_ratio: float, population: FloatArray | None
) -> Reweighting:
    """Only the negatives that are nearest to positives, as many as the ratio asks for.

    References
    ----------
    J. Zhang, I. Mani (2003). kNN Approach to Unbalanced Data Distributions. ICML Workshop on
    Learning from Imbalanced Datasets.
    """
    from imblearn.under_sampling import NearMiss

    rows.check_positives("near_miss", 1)
    negatives = rows.y.size - rows.n_positives
    wanted = max(min(round(rows.n_positives / sampling_ratio), negatives), 1)
    sampler = NearMiss(
        sampling_strategy={0: wanted}, n_neighbors=min(3, rows.n_positives), n_jobs=1
    )
    return rows.reweighted("near_miss", rows.kept("near_miss", sampler), None, population)


def kept_by(kind: str, rows: Neighbourhood, from_classes: Any) -> IntArray:
    """Rows that stay when those are taken out that their neighbours contradict.

    Parameters
    ----------
    kind : {"tomek_links", "edited_nearest_neighbours"}
    rows : Neighbourhood
    from_classes : list of int or "all"
        The classes, 0 or 1, whose rows may be taken out.

    Raises
    ------
    DataError
        If there are too many rows to compare, no positive, or none is left.
    """
    from imblearn.under_sampling import EditedNearestNeighbours, TomekLinks

    rows.check_positives(kind, 1)
    if rows.y.size > MAX_ROWS_COMPARED:
        raise DataError(
            f"{kind} compares every training row with every other, which takes too long above "
            f"{MAX_ROWS_COMPARED:,} rows, got {rows.y.size:,}: use 'random_under', or fewer rows"
        )
    options = {"sampling_strategy": from_classes, "n_jobs": 1}
    if kind == "tomek_links":
        return rows.kept(kind, TomekLinks(**options))
    return rows.kept(kind, EditedNearestNeighbours(n_neighbors=min(3, rows.y.size - 1), **options))


def _clean(kind: str, rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
    del ratio, rng
    return clean(kind, rows.neighbourhood, rows.population)


def _near_miss(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
    del rng
    return near_miss(rows.neighbourhood, ratio, rows.population)


CLEANING = (
    RebalancingMethod(
        name="tomek_links",
        apply=partial(_clean, "tomek_links"),
        effect="shape",
        needs=("neighbours",),
        title="TomekLinks",
        does="Drops negatives that are mutual nearest neighbours of positives.",
        helps="Labels that are wrong near the border; it hardly changes the ratio.",
    ),
    RebalancingMethod(
        name="edited_nearest_neighbours",
        apply=partial(_clean, "edited_nearest_neighbours"),
        effect="shape",
        needs=("neighbours",),
        title="edited nearest neighbours",
        does="Drops negatives whose neighbours are not all negative.",
        helps="Labels that are wrong near the border.",
    ),
    RebalancingMethod(
        name="near_miss",
        apply=_near_miss,
        effect="shape",
        ratio="sampling_ratio",
        needs=("neighbours",),
        title="NearMiss",
        does="Keeps only the negatives that are nearest to positives.",
        helps="Rarely: what is left of the negatives is not what will be met.",
    ),
)
