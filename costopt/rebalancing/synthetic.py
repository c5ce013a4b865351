"""Synthetic positives by imbalanced-learn's samplers, for mixed columns with missing values.

Synthetic rows are missing what the positive next to them is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.errors import DataError
from costopt.inputs.frames import Matrix
from costopt.rebalancing.cleaning import kept_by
from costopt.rebalancing.definition import RebalancingMethod, Reweighting, TrainingRows
from costopt.rebalancing.neighbourhood import Neighbourhood, resampled

__all__ = ["SYNTHETIC", "synthesize", "synthesize_and_clean"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Sampler = tuple[Any, IntArray]

# The support vector machine of SVM-SMOTE takes time by the square of the rows: negatives beyond
# this are left out of it, at random.
MAX_ROWS_OF_SVM = 8_000
N_NEIGHBORS = 5


def synthesize(
    kind: str, rows: Neighbourhood, sampling_ratio: float, seed: int, population: FloatArray | None
) -> Reweighting:
    """Add synthetic positives until there are ``sampling_ratio`` positives per negative.

    Parameters
    ----------
    kind : {"smote", "adasyn", "borderline_smote", "svm_smote"}
        ``"smote"`` becomes SMOTE-NC with mixed columns and SMOTEN with categories only.
    rows : Neighbourhood
    sampling_ratio : float
        A ratio below the present one is raised to it, one above 1 lowered to 1.
    seed : int
    population : array of shape (n_rows,), optional
        A synthetic row stands for as many cases as positives do on average.

    Returns
    -------
    reweighting : Reweighting
        With the synthetic rows in ``added``. Its multiplier is that of the ratios: p(x | y) has
        changed too, which no number undoes, so calibrate on rows that are real.

    Raises
    ------
    DataError
        If there are too few positives, or columns that the method is not made for.

    Notes
    -----
    As many rows as balance takes are made once, in random order; a lower ratio takes the first of
    them, which is distributed as if it had been asked for alone.

    References
    ----------
    N. V. Chawla, K. W. Bowyer, L. O. Hall, W. P. Kegelmeyer (2002). SMOTE: Synthetic Minority
    Over-sampling Technique. JAIR 16, 321-357.
    """
    pool = rows.once(f"{kind} {seed}", lambda: _pool(kind, rows, seed))
    negatives = rows.y.size - rows.n_positives
    wanted = round(sampling_ratio * negatives) - rows.n_positives
    added = pool[: max(wanted, 0)]
    return rows.reweighted(kind, np.arange(rows.y.size), added, population)


def synthesize_and_clean(
    kind: str, rows: Neighbourhood, sampling_ratio: float, seed: int, population: FloatArray | None
) -> Reweighting:
    """SMOTE, and then without the rows, real or synthetic, that their neighbours contradict.

    Parameters
    ----------
    kind : {"smote_tomek", "smote_enn"}
    rows, sampling_ratio, seed, population
        As for `synthesize`.

    References
    ----------
    G. E. A. P. A. Batista, R. C. Prati, M. C. Monard (2004). A Study of the Behavior of Several
    Methods for Balancing Machine Learning Training Data. SIGKDD Explorations 6, 20-29.
    """
    made = synthesize("smote", rows, sampling_ratio, seed, population).added
    added = rows.matrix[:0] if made is None else made
    both = Neighbourhood(
        np.concatenate((rows.matrix, added)),
        rows.schema,
        np.concatenate((rows.y, np.ones(len(added), dtype=bool))),
    )
    cleaner = "tomek_links" if kind == "smote_tomek" else "edited_nearest_neighbours"
    kept = kept_by(cleaner, both, "all")
    real = kept[kept < rows.y.size]
    return rows.reweighted(kind, real, added[kept[kept >= rows.y.size] - rows.y.size], population)


def _pool(kind: str, rows: Neighbourhood, seed: int) -> Matrix:
    """Synthetic positives that balance the classes, in random order, in the form of the matrix."""
    negatives = rows.y.size - rows.n_positives
    if rows.n_positives >= negatives:
        return rows.matrix[:0]
    rows.check_positives(kind, 2)
    sampler, used = SAMPLERS[kind](rows, seed)
    made = resampled(kind, sampler, rows.standard[used], rows.y[used])[used.size :]
    if not len(made):
        raise DataError(f"{kind} made no row: it found no positive near the border of the classes")
    made = np.random.default_rng(seed).permutation(made)
    return _with_gaps(rows, made)


def _with_gaps(rows: Neighbourhood, made: FloatArray) -> Matrix:
    """Synthetic rows in the form of the matrix, missing where the positive next to them is.

    Rows without gaps among rows that have some would be positive by that alone.
    """
    from sklearn.neighbors import NearestNeighbors

    matrix = rows.as_matrix(made)
    gaps = np.isnan(rows.matrix[rows.y]) & ~rows.is_categorical
    if gaps.any():
        search = NearestNeighbors(n_neighbors=1).fit(rows.encoder.spread(rows.standard[rows.y]))
        nearest = search.kneighbors(rows.encoder.spread(made), return_distance=False)[:, 0]
        matrix[gaps[nearest]] = np.nan
    return matrix


# imbalanced-learn's samplers, and the rows that each looks at


def _options(rows: Neighbourhood, seed: int, neighbours: str = "k_neighbors") -> dict[str, Any]:
    """What all of them are told."""
    return {
        "sampling_strategy": {1: rows.y.size - rows.n_positives},
        "random_state": seed,
        neighbours: min(N_NEIGHBORS, rows.n_positives - 1),
    }


def _refuse_categories(kind: str, rows: Neighbourhood) -> None:
    if rows.is_categorical.any():
        name = rows.schema.names[int(np.flatnonzero(rows.is_categorical)[0])]
        raise DataError(
            f"{kind} interpolates numbers only, and column {name!r} holds categories: use 'smote', "
            "which then becomes SMOTE-NC"
        )


def _smote(rows: Neighbourhood, seed: int) -> Sampler:
    from imblearn import over_sampling as over

    used, options = np.arange(rows.y.size), _options(rows, seed)
    if rows.is_categorical.all():
        return over.SMOTEN(**options), used
    if rows.is_categorical.any():
        columns = np.flatnonzero(rows.is_categorical).tolist()
        return over.SMOTENC(categorical_features=columns, **options), used
    return over.SMOTE(**options), used


def _adasyn(rows: Neighbourhood, seed: int) -> Sampler:
    from imblearn import over_sampling as over

    _refuse_categories("adasyn", rows)
    return over.ADASYN(**_options(rows, seed, "n_neighbors")), np.arange(rows.y.size)


def _borderline_smote(rows: Neighbourhood, seed: int) -> Sampler:
    from imblearn.over_sampling import BorderlineSMOTE

    _refuse_categories("borderline_smote", rows)
    m = min(10, rows.y.size - 1)
    return BorderlineSMOTE(m_neighbors=m, **_options(rows, seed)), np.arange(rows.y.size)


def _svm_smote(rows: Neighbourhood, seed: int) -> Sampler:
    from imblearn.over_sampling import SVMSMOTE
    from sklearn.svm import SVC

    _refuse_categories("svm_smote", rows)
    used, negatives = np.arange(rows.y.size), np.flatnonzero(~rows.y)
    room = max(MAX_ROWS_OF_SVM - rows.n_positives, rows.n_positives)
    if negatives.size > room:
        chosen = np.random.default_rng(seed).choice(negatives, size=room, replace=False)
        used = np.sort(np.concatenate((np.flatnonzero(rows.y), chosen)))
    m = min(10, used.size - 1)
    machine = SVC(gamma="scale")
    return SVMSMOTE(m_neighbors=m, svm_estimator=machine, **_options(rows, seed)), used


SAMPLERS: dict[str, Callable[[Neighbourhood, int], Sampler]] = {
    "smote": _smote,
    "adasyn": _adasyn,
    "borderline_smote": _borderline_smote,
    "svm_smote": _svm_smote,
}


# The methods


def _synthetic(
    make: Callable[..., Reweighting],
    kind: str,
    rows: TrainingRows,
    ratio: float,
    rng: np.random.Generator,
) -> Reweighting:
    seed = int(rng.integers(2**31))
    return make(kind, rows.neighbourhood, ratio, seed, rows.population)


def _method(
    name: str,
    title: str,
    does: str,
    helps: str,
    make: Callable[..., Reweighting] = synthesize,
) -> RebalancingMethod:
    return RebalancingMethod(
        name=name,
        apply=partial(_synthetic, make, name),
        effect="shape",
        ratio="sampling_ratio",
        needs=("neighbours",),
        title=title,
        does=does,
        helps=helps,
    )


SYNTHETIC = (
    _method(
        "smote",
        "SMOTE",
        "Adds points between positives and their neighbours; SMOTE-NC where there are categories, "
        "SMOTEN where there is nothing else.",
        "Weak learners on smooth numbers; strong ones gain nothing that a threshold does not give.",
    ),
    _method(
        "adasyn",
        "ADASYN",
        "SMOTE with more points where positives are hard to tell from negatives.",
        "As SMOTE; it also multiplies wrong labels.",
    ),
    _method(
        "borderline_smote",
        "BorderlineSMOTE",
        "SMOTE from positives near the border of the classes only.",
        "As SMOTE.",
    ),
    _method(
        "svm_smote",
        "SVM-SMOTE",
        "SMOTE from positives that support the border of a support vector machine.",
        "As SMOTE, on few rows.",
    ),
    _method(
        "smote_tomek",
        "SMOTETomek",
        "SMOTE, then without both ends of Tomek links.",
        "As SMOTE.",
        synthesize_and_clean,
    ),
    _method(
        "smote_enn",
        "SMOTEENN",
        "SMOTE, then without rows that their neighbours contradict.",
        "As SMOTE.",
        synthesize_and_clean,
    ),
)
