"""imbalanced-learn's samplers on mixed columns with missing values: which rows stay, which are made.

Distances are measured on standardised numbers. Missing numbers stand at the median while neighbours
are looked for; rows that are kept, are kept as they were, and synthetic rows are missing what the
positive next to them is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.errors import DataError
from costopt.inputs.encoding import DesignEncoder
from costopt.inputs.frames import Matrix
from costopt.inputs.schema import Schema
from costopt.rebalancing.weights import Reweighting, weighted_odds

__all__ = ["MIXED", "Neighbourhood", "clean", "near_miss", "synthesize", "synthesize_and_clean"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

# Comparing every row with every other takes minutes from here on.
MAX_ROWS_COMPARED = 100_000
# The support vector machine of SVM-SMOTE takes time by the square of the rows: negatives beyond
# this are left out of it, at random.
MAX_ROWS_OF_SVM = 8_000
N_NEIGHBORS = 5
# Synthetic samplers that also know what to do with categories.
MIXED = ("smote",)


class Neighbourhood:
    """Training rows of one fold as samplers look at them, with what is found of them kept.

    Parameters
    ----------
    matrix : array of shape (n_rows, n_features)
        Numbers, category codes and NaN.
    schema : Schema
    y : bool array of shape (n_rows,)
    """

    def __init__(self, matrix: Matrix, schema: Schema, y: BoolArray) -> None:
        self.matrix = matrix
        self.schema = schema
        self.y = y
        self.is_categorical = schema.is_categorical
        self.n_positives = int(np.count_nonzero(y))
        self._found: dict[str, Any] = {}

    def once(self, key: str, find: Callable[[], Any]) -> Any:
        """What was found under a key, or is found now: candidates differ, neighbours do not."""
        if key not in self._found:
            self._found[key] = find()
        return self._found[key]

    @cached_property
    def _scale(self) -> tuple[FloatArray, FloatArray]:
        """Center and spread of each number; 0 and 1 for categories."""
        encoder = DesignEncoder.fit(self.matrix, self.schema)
        return np.array(encoder.center), np.array(encoder.scale)

    @cached_property
    def standard(self) -> FloatArray:
        """Numbers standardised without gaps; categories as codes, a missing one after the last."""
        center, scale = self._scale
        rows = (self.matrix.astype(np.float64) - center) / scale
        for column, feature in enumerate(self.schema.features):
            missing = np.isnan(rows[:, column])
            if feature.categories is not None:
                rows[missing, column] = len(feature.categories)
            elif missing.any():
                known = rows[~missing, column]
                rows[missing, column] = np.median(known) if known.size else 0.0
        return rows

    def as_matrix(self, standard: FloatArray) -> Matrix:
        """Rows of the form of `standard` as rows of the matrix."""
        center, scale = self._scale
        rows = standard * scale + center
        for column, feature in enumerate(self.schema.features):
            if feature.categories is not None:
                codes = np.round(standard[:, column])
                rows[:, column] = np.where(codes < len(feature.categories), codes, np.nan)
        return np.asarray(rows, dtype=self.matrix.dtype)

    def design(self, standard: FloatArray) -> FloatArray:
        """Rows of the form of `standard` for distances: two categories are as far as two spreads."""
        parts = [standard[:, ~self.is_categorical]]
        for column in np.flatnonzero(self.is_categorical):
            sizes = len(self.schema.features[column].categories or ()) + 1
            parts.append(np.sqrt(2.0) * np.eye(sizes)[standard[:, column].astype(np.intp)])
        return np.hstack(parts)


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
    return _reweighted(kind, rows, np.arange(rows.y.size), added, population)


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
    kept = _kept(cleaner, both, "all")
    real = kept[kept < rows.y.size]
    return _reweighted(kind, rows, real, added[kept[kept >= rows.y.size] - rows.y.size], population)


def clean(kind: str, rows: Neighbourhood, population: FloatArray | None) -> Reweighting:
    """Without the negatives that their neighbours contradict.

    Parameters
    ----------
    kind : {"tomek_links", "edited_nearest_neighbours"}
    rows : Neighbourhood
    population : array of shape (n_rows,), optional
    """
    kept = rows.once(kind, lambda: _kept(kind, rows, [0]))
    return _reweighted(kind, rows, kept, None, population)


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

    _check_positives("near_miss", rows.n_positives, 1)
    negatives = rows.y.size - rows.n_positives
    wanted = max(min(round(rows.n_positives / sampling_ratio), negatives), 1)
    sampler = NearMiss(
        sampling_strategy={0: wanted}, n_neighbors=min(3, rows.n_positives), n_jobs=1
    )
    kept = _fit("near_miss", sampler, rows.design(rows.standard), rows.y)
    return _reweighted("near_miss", rows, kept, None, population)


def _pool(kind: str, rows: Neighbourhood, seed: int) -> Matrix:
    """Synthetic positives that balance the classes, in random order, in the form of the matrix."""
    negatives = rows.y.size - rows.n_positives
    if rows.n_positives >= negatives:
        return rows.matrix[:0]
    _check_positives(kind, rows.n_positives, 2)
    sampler, used = _sampler(kind, rows, seed)
    X, _ = _fit_resample(kind, sampler, rows.standard[used], rows.y[used])
    made = X[used.size :]
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
        search = NearestNeighbors(n_neighbors=1).fit(rows.design(rows.standard[rows.y]))
        nearest = search.kneighbors(rows.design(made), return_distance=False)[:, 0]
        matrix[gaps[nearest]] = np.nan
    return matrix


def _sampler(kind: str, rows: Neighbourhood, seed: int) -> tuple[Any, IntArray]:
    """imbalanced-learn's sampler, and the rows that it looks at."""
    from imblearn import over_sampling as over

    categorical = rows.is_categorical
    negatives = rows.y.size - rows.n_positives
    k = min(N_NEIGHBORS, rows.n_positives - 1)
    options: dict[str, Any] = {"sampling_strategy": {1: negatives}, "random_state": seed}
    used = np.arange(rows.y.size)
    if categorical.any() and kind not in MIXED:
        name = rows.schema.names[int(np.flatnonzero(categorical)[0])]
        raise DataError(
            f"{kind} interpolates numbers only, and column {name!r} holds categories: use 'smote', "
            "which then becomes SMOTE-NC"
        )
    if kind == "adasyn":
        return over.ADASYN(n_neighbors=k, **options), used
    options["k_neighbors"] = k
    if kind == "borderline_smote":
        return over.BorderlineSMOTE(m_neighbors=min(10, rows.y.size - 1), **options), used
    if kind == "svm_smote":
        from sklearn.svm import SVC

        room = max(MAX_ROWS_OF_SVM - rows.n_positives, rows.n_positives)
        if negatives > room:
            chosen = np.random.default_rng(seed).choice(
                np.flatnonzero(~rows.y), size=room, replace=False
            )
            used = np.sort(np.concatenate((np.flatnonzero(rows.y), chosen)))
        return over.SVMSMOTE(
            m_neighbors=min(10, used.size - 1), svm_estimator=SVC(gamma="scale"), **options
        ), used
    if categorical.all():
        return over.SMOTEN(**options), used
    if categorical.any():
        return over.SMOTENC(
            categorical_features=np.flatnonzero(categorical).tolist(), **options
        ), used
    return over.SMOTE(**options), used


def _kept(kind: str, rows: Neighbourhood, from_classes: Any) -> IntArray:
    """Rows that stay when those are taken out that their neighbours contradict."""
    from imblearn.under_sampling import EditedNearestNeighbours, TomekLinks

    _check_positives(kind, rows.n_positives, 1)
    if rows.y.size > MAX_ROWS_COMPARED:
        raise DataError(
            f"{kind} compares every training row with every other, which takes too long above "
            f"{MAX_ROWS_COMPARED:,} rows, got {rows.y.size:,}: use 'random_under', or fewer rows"
        )
    sampler = (
        TomekLinks(sampling_strategy=from_classes, n_jobs=1)
        if kind == "tomek_links"
        else EditedNearestNeighbours(
            sampling_strategy=from_classes, n_neighbors=min(3, rows.y.size - 1), n_jobs=1
        )
    )
    return _fit(kind, sampler, rows.design(rows.standard), rows.y)


def _fit(kind: str, sampler: Any, X: FloatArray, y: BoolArray) -> IntArray:
    """Indices of the rows that a sampler selects, ascending."""
    _fit_resample(kind, sampler, X, y)
    kept = np.sort(np.asarray(sampler.sample_indices_, dtype=np.intp))
    left = np.count_nonzero(y[kept])
    if not 0 < left < kept.size:
        raise DataError(f"{kind} left no {'negative' if left else 'positive'} row to learn from")
    return kept


def _fit_resample(kind: str, sampler: Any, X: FloatArray, y: BoolArray) -> tuple[Any, Any]:
    try:
        X_made, y_made = sampler.fit_resample(X, y.astype(np.intp))
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"{kind} cannot be done on these training rows: {reason}") from error
    return X_made, y_made


def _check_positives(kind: str, found: int, least: int) -> None:
    if found < least:
        raise DataError(
            f"{kind} needs at least {least} positives to train on, got {found}: use 'weight' or "
            "'random_over'"
        )


def _reweighted(
    kind: str,
    rows: Neighbourhood,
    kept: IntArray,
    added: Matrix | None,
    population: FloatArray | None,
) -> Reweighting:
    """Rows kept and rows made, with what the ratio of the classes did to the odds."""
    y = rows.y
    n_added = 0 if added is None else len(added)
    ratio = (np.count_nonzero(y[kept]) + n_added) / np.count_nonzero(~y[kept])
    base = np.ones(y.size) if population is None else population
    weight = np.append(base[kept], np.full(n_added, base[y].mean()))
    labels = np.append(y[kept], np.ones(n_added, dtype=bool))
    return Reweighting(
        weight / weight.mean(),
        weighted_odds(labels, weight) / weighted_odds(y, base),
        kind,
        rows=None if kept.size == y.size else kept,
        sampling_ratio=ratio,
        added=added if n_added else None,
    )
