"""Logistic regression on standardised numbers and one-hot categories, saved as plain numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from costopt.errors import PolicyError, SearchError, nearest
from costopt.inputs.encoding import DesignEncoder
from costopt.inputs.frames import Matrix
from costopt.learners.dimensions import Dimension, Real, as_dimension, within
from costopt.learners.protocol import (
    BoolArray,
    Features,
    Fitted,
    FloatArray,
    Fold,
    Learner,
    Params,
    check_magnitude,
)
from costopt.rebalancing.definition import Reweighting

__all__ = ["LogisticLearner"]


@dataclass(frozen=True)
class LinearModel:
    """Encoder and coefficients: all that logistic regression is at prediction time."""

    encoder: DesignEncoder
    coefficients: tuple[float, ...]
    intercept: float

    def score(self, matrix: Matrix) -> FloatArray:
        """Probabilities, shape (n_rows,)."""
        return np.asarray(
            expit(self.encoder.apply(matrix) @ np.array(self.coefficients) + self.intercept)
        )


class _Prepared:
    """Design matrices of the folds, each encoded once with its training rows' own statistics."""

    def __init__(self, features: Features, folds: Sequence[Fold]) -> None:
        check_magnitude(features, 1e150, "the square of a number must not overflow")
        self.features = features
        self.folds = folds
        self._designs: dict[int | None, tuple[DesignEncoder, FloatArray]] = {}

    def design(self, fold: int | None) -> tuple[DesignEncoder, FloatArray]:
        """Encoder and design matrix of the training rows of a fold, or of all rows."""
        if fold not in self._designs:
            matrix = self.features.matrix
            rows = matrix if fold is None else matrix[self.folds[fold].train]
            encoder = DesignEncoder.fit(rows, self.features.schema)
            self._designs[fold] = encoder, encoder.apply(rows)
        return self._designs[fold]


class LogisticLearner(Learner):
    """Ridge-penalised logistic regression on a sensible encoding of mixed columns.

    Parameters
    ----------
    space : mapping of str to dimension, optional
        For ``C``, the inverse strength of the penalty; 1e-3 to 10 on a log scale where None.

    Raises
    ------
    SearchError
        If another parameter is named, or the range is not usable.
    """

    name = "logistic"
    saves_models = True
    title = "logistic regression"
    does = "A linear model of standardised numbers and one-hot categories."
    helps = "With few positives, or where every step must be explained."

    def __init__(self, space: Mapping[str, Any] | None = None) -> None:
        given = {"C": Real(1e-3, 10.0, log=True)} if space is None else space
        for name in given:
            if name != "C":
                raise SearchError(f"logistic has no parameter {name!r}: {nearest(name, ['C'])}")
        self._space = {name: as_dimension(name, value) for name, value in given.items()}

    def __repr__(self) -> str:
        return f"LogisticLearner({self._space})"

    def space(self) -> dict[str, Dimension]:
        """What is searched."""
        return dict(self._space)

    def defaults(self) -> dict[str, Any]:
        """The untuned model: a penalty of unit strength, within the space."""
        return {name: within(dimension, 1.0) for name, dimension in self._space.items()}

    def prepare(self, features: Features, folds: Sequence[Fold]) -> _Prepared:
        """Nothing is encoded before a fold is first trained on."""
        return _Prepared(features, folds)

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
        """Coefficients on a fold's training rows, or on all rows."""
        del seed, n_threads, n_rounds, validation_weight, checkpoint
        from sklearn.linear_model import LogisticRegression

        encoder, design = prepared.design(fold)
        labels = y if fold is None else y[prepared.folds[fold].train]
        if sample.rows is not None:
            design, labels = design[sample.rows], labels[sample.rows]
        model = LogisticRegression(C=params.get("C", 1.0), max_iter=2000)
        model.fit(design, labels, sample_weight=sample.sample_weight)
        return Fitted(
            LinearModel(encoder, tuple(map(float, model.coef_[0])), float(model.intercept_[0]))
        )

    def score_fold(
        self, prepared: _Prepared, fold: int, fitted: Fitted, n_rounds: int | None
    ) -> FloatArray:
        """Probabilities as the weighted training made them."""
        del n_rounds
        rows = prepared.features.matrix[prepared.folds[fold].test]
        return np.asarray(fitted.model.score(rows))

    def score(self, model: LinearModel, features: Features) -> FloatArray:
        """Probabilities as the weighted training made them, of new rows."""
        return model.score(features.matrix)

    def to_files(self, model: LinearModel) -> dict[str, bytes]:
        """Encoder and coefficients as JSON."""
        return {"model.json": json.dumps(asdict(model)).encode()}

    def from_files(self, files: Mapping[str, bytes], n_features: int) -> LinearModel:
        """The model, after every number and length has been checked."""
        return _read_linear(files["model.json"], n_features)


def _read_linear(content: bytes, n_features: int) -> LinearModel:
    try:
        document = json.loads(content)
        fields = document["encoder"]
        kinds = {
            "center": float,
            "fill": float,
            "scale": float,
            "indicator": bool,
            "n_categories": int,
        }
        columns = {name: _typed(fields[name], kind, n_features) for name, kind in kinds.items()}
        encoder = DesignEncoder(**columns)
        if min(encoder.n_categories) < 0 or min(map(abs, encoder.scale)) == 0:
            raise ValueError("a negative count or a zero scale")
        model = LinearModel(
            encoder,
            _typed(document["coefficients"], float, encoder.width),
            _typed([document["intercept"]], float, 1)[0],
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise PolicyError(
            f"the model file is not a logistic regression saved by costopt: {error}"
        ) from None
    return model


def _typed(values: Any, kind: type, length: int) -> tuple[Any, ...]:
    """A list of finite values of one kind and a given length, or ValueError."""
    if not isinstance(values, list) or len(values) != length:
        raise ValueError(f"expected a list of {length}")
    for value in values:
        plain = type(value) is kind or (kind is float and type(value) is int)
        if not plain or not np.isfinite(value):
            raise ValueError(f"expected {kind.__name__}, got {value!r:.20}")
    return tuple(values)
