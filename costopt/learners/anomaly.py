"""Anomaly detectors as learners: trained on negatives only, for labels too scarce to learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from costopt.errors import DataError
from costopt.inputs.encoding import DesignEncoder
from costopt.inputs.frames import Matrix
from costopt.inputs.schema import Schema
from costopt.learners.protocol import (
    BoolArray,
    Dimension,
    Features,
    Fitted,
    FloatArray,
    Fold,
    Params,
    as_dimension,
    within,
)
from costopt.rebalancing.weights import Reweighting

__all__ = ["ANOMALY", "AnomalyLearner"]

IntArray = NDArray[np.intp]
# Kernels and neighbours take time by the square of the rows: of more, so many are drawn at random.
MAX_ROWS = 5_000


def _isolation_forest(params: Params, seed: int) -> Any:
    from sklearn.ensemble import IsolationForest

    return IsolationForest(random_state=seed, **params)


def _one_class_svm(params: Params, seed: int) -> Any:
    del seed
    from sklearn.svm import OneClassSVM

    return OneClassSVM(gamma="scale", **params)


def _local_outlier_factor(params: Params, seed: int) -> Any:
    del seed
    from sklearn.neighbors import LocalOutlierFactor

    return LocalOutlierFactor(novelty=True, n_jobs=1, **params)


# How a detector is made, what of it is searched, its own values, and whether it is trained on a draw.
ANOMALY: dict[str, tuple[Callable[[Params, int], Any], dict[str, Any], dict[str, Any], bool]] = {
    "isolation_forest": (
        _isolation_forest,
        {"n_estimators": (50, 300, "log"), "max_features": (0.3, 1.0)},
        {"n_estimators": 100, "max_features": 1.0},
        False,
    ),
    "one_class_svm": (_one_class_svm, {"nu": (0.01, 0.5, "log")}, {"nu": 0.1}, True),
    "local_outlier_factor": (
        _local_outlier_factor,
        {"n_neighbors": (5, 100, "log")},
        {"n_neighbors": 20},
        True,
    ),
}


class AnomalyModel:
    """A fitted detector, and what turns its strangeness into a number between 0 and 1."""

    def __init__(self, detector: Any, encoder: DesignEncoder, center: float, scale: float) -> None:
        self.detector = detector
        self.encoder = encoder
        self.center = center
        self.scale = scale

    def score(self, rows: Matrix) -> FloatArray:
        """The stranger, the nearer to 1; no probability before it is calibrated."""
        strange = -self.detector.score_samples(self.encoder.apply(rows))
        return np.asarray(expit((strange - self.center) / self.scale))


class _Prepared:
    def __init__(self, matrix: Matrix, schema: Schema, folds: Sequence[Fold]) -> None:
        self.matrix = matrix
        self.schema = schema
        self.folds = folds


class AnomalyLearner:
    """An anomaly detector that never sees a positive; its scores are calibrated as any other's.

    Parameters
    ----------
    name : {"isolation_forest", "one_class_svm", "local_outlier_factor"}

    Notes
    -----
    Positives are used for the calibration and the cut only, so a dozen will do. Scores are
    standardised by median and quartiles on the training rows and put through the logistic function,
    which changes no order. Of more than 5,000 training rows the latter two look at 5,000.

    References
    ----------
    F. T. Liu, K. M. Ting, Z.-H. Zhou (2008). Isolation Forest. ICDM, 413-422.
    B. Schoelkopf et al. (2001). Estimating the Support of a High-Dimensional Distribution. Neural
    Computation 13, 1443-1471.
    M. M. Breunig et al. (2000). LOF: Identifying Density-Based Local Outliers. SIGMOD, 93-104.

    Examples
    --------
    >>> AnomalyLearner("isolation_forest").devices
    ('none',)
    """

    takes_weights = False
    devices = ("none",)
    grows = False
    saves_models = False

    def __init__(self, name: str) -> None:
        self.name = name
        self._make, space, self._own, self._is_drawn = ANOMALY[name]
        self._space = {key: as_dimension(key, given) for key, given in space.items()}

    def __repr__(self) -> str:
        return f"AnomalyLearner({self.name!r})"

    def space(self) -> dict[str, Dimension]:
        """What is searched."""
        return dict(self._space)

    def defaults(self) -> dict[str, Any]:
        """The detector's own values."""
        return {key: within(dimension, self._own[key]) for key, dimension in self._space.items()}

    def prepare(self, features: Features, folds: Sequence[Fold]) -> _Prepared:
        """Rows are encoded fold by fold, from its negatives alone."""
        if not isinstance(features, Features):
            raise DataError(f"{self.name} needs a table of columns, not rows for another estimator")
        return _Prepared(features.matrix, features.schema, folds)

    def fit(
        self,
        prepared: _Prepared,
        fold: int | None,
        y: BoolArray,
        sample: Reweighting,
        params: Params,
        *,
        seed: int,
        n_threads: int,
        n_rounds: int | None = None,
        validation_weight: FloatArray | None = None,
        checkpoint: Callable[[], None] | None = None,
    ) -> Fitted:
        """A detector of what is unlike the negatives of a fold's training rows."""
        del sample, n_threads, n_rounds, validation_weight, checkpoint
        train = np.arange(y.size) if fold is None else prepared.folds[fold].train
        normal = train[~y[train]]
        if self._is_drawn and normal.size > MAX_ROWS:
            normal = np.sort(np.random.default_rng(seed).choice(normal, MAX_ROWS, replace=False))
        params = dict(params)
        if "n_neighbors" in params:
            params["n_neighbors"] = min(params["n_neighbors"], normal.size - 1)
        rows = prepared.matrix[normal]
        encoder = DesignEncoder.fit(rows, prepared.schema)
        design = encoder.apply(rows)
        detector = self._make(params, seed).fit(design)
        strange = -detector.score_samples(design)
        low, center, high = np.quantile(strange, [0.25, 0.5, 0.75])
        return Fitted(AnomalyModel(detector, encoder, float(center), float(high - low) or 1.0))

    def score_fold(
        self, prepared: _Prepared, fold: int, fitted: Fitted, n_rounds: int | None
    ) -> FloatArray:
        """Strangeness of the fold's validation rows, in [0, 1]."""
        del n_rounds
        return np.asarray(fitted.model.score(prepared.matrix[prepared.folds[fold].test]))

    def score(self, model: AnomalyModel, features: Features) -> FloatArray:
        """Strangeness of new rows, in [0, 1]."""
        return model.score(features.matrix)

    def to_files(self, model: AnomalyModel) -> None:
        """There is no form of a foreign model that is safe to load."""
        del model

    def from_files(self, files: Mapping[str, bytes], n_features: int) -> AnomalyModel:
        """Never called: nothing is saved."""
        raise NotImplementedError(f"{self.name} has no files to read ({len(files)}, {n_features})")
