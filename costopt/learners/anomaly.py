"""Anomaly detectors as learners: trained on negatives only, for labels too scarce to learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import expit

from costopt.inputs.encoding import DesignEncoder
from costopt.inputs.frames import Matrix
from costopt.learners.dimensions import Dimension, as_dimension, within
from costopt.learners.protocol import (
    BoolArray,
    Features,
    Fitted,
    FloatArray,
    Learner,
    Params,
    PreparedRows,
)
from costopt.rebalancing.definition import Reweighting

__all__ = ["DETECTORS", "AnomalyLearner"]

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


class AnomalyLearner(Learner):
    """An anomaly detector that never sees a positive; its scores are calibrated as any other's.

    Parameters
    ----------
    name, title, does, helps : str
        As for `Learner`.
    make : callable
        ``(params, seed) -> detector``.
    space : mapping of str to dimension
        What is searched, in shorthand.
    own : mapping of str to value
        The detector's own values.
    is_drawn : bool, default=False
        Whether it is trained on 5,000 negatives at most, drawn at random.

    Notes
    -----
    Positives are used for the calibration and the threshold only, so a dozen will do. Scores are
    standardised by median and quartiles on the training rows and put through the logistic function,
    which changes no order.

    Examples
    --------
    >>> DETECTORS[0].methods
    ('none',)
    """

    takes_weights = False
    methods = ("none",)
    against_imbalance = True
    probabilities = "scores are strangeness, no probabilities, until they are calibrated"

    def __init__(
        self,
        name: str,
        *,
        make: Callable[[Params, int], Any],
        space: Mapping[str, Any],
        own: Params,
        title: str,
        does: str,
        helps: str,
        is_drawn: bool = False,
    ) -> None:
        self.name, self.title, self.does, self.helps = name, title, does, helps
        self._make, self._own, self._is_drawn = make, own, is_drawn
        self._space = {key: as_dimension(key, given) for key, given in space.items()}

    def __repr__(self) -> str:
        return f"AnomalyLearner({self.name!r})"

    def space(self) -> dict[str, Dimension]:
        """What is searched."""
        return dict(self._space)

    def defaults(self) -> dict[str, Any]:
        """The detector's own values."""
        return {key: within(dimension, self._own[key]) for key, dimension in self._space.items()}

    def fit(
        self,
        prepared: PreparedRows,
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
        train = prepared.training(fold)
        normal = train[~y[train]]
        if self._is_drawn and normal.size > MAX_ROWS:
            normal = np.sort(np.random.default_rng(seed).choice(normal, MAX_ROWS, replace=False))
        params = dict(params)
        if "n_neighbors" in params:
            params["n_neighbors"] = min(params["n_neighbors"], normal.size - 1)
        rows = prepared.features.matrix[normal]
        encoder = DesignEncoder.fit(rows, prepared.features.schema)
        design = encoder.apply(rows)
        detector = self._make(params, seed).fit(design)
        strange = -detector.score_samples(design)
        low, center, high = np.quantile(strange, [0.25, 0.5, 0.75])
        return Fitted(AnomalyModel(detector, encoder, float(center), float(high - low) or 1.0))

    def score(self, model: AnomalyModel, features: Features) -> FloatArray:
        """Strangeness of new rows, in [0, 1]."""
        return model.score(features.matrix)


DETECTORS = (
    # F. T. Liu, K. M. Ting, Z.-H. Zhou (2008). Isolation Forest. ICDM, 413-422.
    AnomalyLearner(
        "isolation_forest",
        make=_isolation_forest,
        space={"n_estimators": (50, 300, "log"), "max_features": (0.3, 1.0)},
        own={"n_estimators": 100, "max_features": 1.0},
        title="isolation forest",
        does="Finds what is unlike the negatives; sees no positive in training.",
        helps="A dozen positives, or kinds of fraud that nobody has seen.",
    ),
    # B. Schoelkopf et al. (2001). Estimating the Support of a High-Dimensional Distribution. Neural
    # Computation 13, 1443-1471.
    AnomalyLearner(
        "one_class_svm",
        make=_one_class_svm,
        space={"nu": (0.01, 0.5, "log")},
        own={"nu": 0.1},
        title="one-class SVM",
        does="A border around the negatives; sees no positive in training.",
        helps="As the isolation forest, on few rows.",
        is_drawn=True,
    ),
    # M. M. Breunig et al. (2000). LOF: Identifying Density-Based Local Outliers. SIGMOD, 93-104.
    AnomalyLearner(
        "local_outlier_factor",
        make=_local_outlier_factor,
        space={"n_neighbors": (5, 100, "log")},
        own={"n_neighbors": 20},
        title="local outlier factor",
        does="Finds rows that lie less densely than their neighbours.",
        helps="As the isolation forest, where positives are locally strange.",
        is_drawn=True,
    ),
)
