"""What a learner is: one object that holds all there is of a family of models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.decision.odds import OddsLedger
from costopt.errors import DataError, warn
from costopt.inputs.frames import Matrix, Scalar, Table
from costopt.inputs.schema import Schema
from costopt.learners.dimensions import Space, within
from costopt.rebalancing.definition import EFFECTS, RebalancingMethod, Reweighting
from costopt.rebalancing.methods import method

__all__ = [
    "Features",
    "Fitted",
    "Fold",
    "Learner",
    "Params",
    "PreparedRows",
    "check_magnitude",
    "combines",
    "warn_of_unsaved_models",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]
Params = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows to train on and rows to be scored, as ascending indices."""

    train: IntArray
    test: IntArray


class Features:
    """The rows of a table as learners want them: one matrix, one data frame, each made once.

    Parameters
    ----------
    table : Table or None
        None for rows that are encoded already: see `of_matrix`.
    schema : Schema
        Which columns are features, and their categories.
    """

    def __init__(self, table: Table | None, schema: Schema) -> None:
        self._table = table
        self.schema = schema

    @classmethod
    def of_matrix(cls, matrix: Matrix, schema: Schema) -> Features:
        """Rows that are encoded already, such as synthetic ones."""
        features = cls(None, schema)
        features.__dict__["matrix"] = matrix  # where a cached property keeps what it found
        return features

    def take(self, rows: IntArray) -> Features:
        """Some of the rows, by ascending index."""
        if "matrix" in self.__dict__ or self._table is None:
            return Features.of_matrix(self.matrix[rows], self.schema)
        return Features(self._table.take(rows), self.schema)

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.matrix) if self._table is None else self._table.n_rows

    @cached_property
    def matrix(self) -> Matrix:
        """Numbers, category codes and NaN; shape (n_rows, n_features)."""
        assert self._table is not None  # noqa: S101  # else the matrix was given
        return self.schema.encode(self._table)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The feature columns as pandas holds them, in the schema's order."""
        if self._table is None:
            return self.schema.decode(self.matrix)
        return self._table.to_pandas(self.schema.names)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model, and for learners that grow in rounds how it did on the validation rows.

    Parameters
    ----------
    model : object
        Whatever the learner's `score` understands.
    losses : array of shape (n_looks,), optional
        Mean loss on the validation rows: the one that is trained, log loss being that of the
        corrected probabilities.
    rounds : array of shape (n_looks,), optional
        After how many rounds each was measured; the same for every fold, as far as it goes.
    """

    model: Any
    losses: FloatArray | None = None
    rounds: IntArray | None = None


def check_magnitude(features: Features, largest: float, reason: str) -> None:
    """Refuse numbers that a learner cannot compute with, naming the first.

    Raises
    ------
    DataError
    """
    ends = (ufunc.reduce(features.matrix, axis=None) for ufunc in (np.fmin, np.fmax))
    if features.matrix.size and all(abs(float(end)) <= largest for end in ends):
        return
    for column, name in enumerate(features.schema.names):
        values = features.matrix[:, column].astype(np.float64)  # else the limit may overflow
        rows = np.flatnonzero(np.abs(values) > largest)
        if rows.size:
            raise DataError(
                f"column {name!r} must stay below {largest:.3g}, since {reason}; got "
                f"{features.matrix[rows[0], column]} in row {rows[0]}: use a larger unit"
            )


@dataclass(frozen=True, eq=False)
class PreparedRows:
    """Rows as they are, with the folds: what `Learner.prepare` makes of them if not told otherwise."""

    features: Features
    folds: Sequence[Fold]

    def training(self, fold: int | None) -> IntArray:
        """Indices of the training rows of a fold, or of all rows."""
        return np.arange(self.features.n_rows) if fold is None else self.folds[fold].train


class Learner(ABC):
    """A family of models, and all that the rest of costopt asks of it.

    Derive your own from this class: `name`, `fit` and `score` are all that has to be written, and what
    else there is stands below with what it is if you say nothing. Learners hold settings only, never
    data or fitted state.

    Attributes
    ----------
    name : str
        What it is called in ``learners=`` and in results, and the key under which models are saved.
    takes_weights : bool
        Whether `fit` looks at weights; without, only rows can be sampled.
    grows : bool
        Whether models are built in rounds, whose number the evaluation chooses.
    balances : bool
        Whether it is known to sample its own rows so that the classes balance.
    methods : tuple of str or None
        Names of the only rebalancing methods that it can be combined with; any where None.
    saves_models : bool
        Whether `to_files` gives files at all: policies are saved without other models.
    estimator : object
        The classifier of another library that it fits, if it fits one.
    needs : str
        The package that has to be installed for it, beside those that come with costopt.
    n_models : int
        How many models it averages: of strategies that cost the same, fewer are preferred.
    against_imbalance : bool
        Whether it is made against imbalance, rather than a model like any other.
    title, does, helps, probabilities : str
        What people call it, what it does, when it helps, and what its scores are before they are
        calibrated.
    """

    name: str
    takes_weights: bool = True
    grows: bool = False
    balances: bool = False
    methods: tuple[str, ...] | None = None
    saves_models: bool = False
    estimator: Any = None
    needs: str = ""
    n_models: int = 1
    against_imbalance: bool = False
    title: str = ""
    does: str = ""
    helps: str = ""
    probabilities: str = EFFECTS["none"]

    def space(self) -> Space:
        """What is searched, as plain data: nothing if not told otherwise."""
        return {}

    def defaults(self) -> dict[str, Any]:
        """The untuned model: a value for every name of `space`."""
        return {name: within(dimension, None) for name, dimension in self.space().items()}

    def for_labels(self, negative: Scalar, positive: Scalar) -> Learner:
        """The learner for classes with these labels: another object where it wants to know them."""
        del negative, positive
        return self

    def own_odds(self, y: BoolArray, weight: FloatArray, params: Params) -> OddsLedger:
        """What the learner itself does to the odds on rows with these labels and weights: nothing."""
        del y, weight, params
        return OddsLedger()

    def prepare(self, features: Any, folds: Sequence[Fold]) -> Any:
        """Convert, encode or bin the rows once; trials share the result and do not change it.

        Raises
        ------
        DataError
            If the rows are in no form that the learner can read.
        """
        if not isinstance(features, Features):
            raise DataError(f"{self.name} needs a table of columns, not rows for another estimator")
        return PreparedRows(features, folds)

    @abstractmethod
    def fit(
        self,
        prepared: Any,
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
        """A model of the fold's training rows, or of all rows where ``fold`` is None.

        ``y`` and ``validation_weight``, by which losses on validation rows are averaged, are for
        all rows; ``sample`` is for the training rows. With ``n_rounds`` exactly so many rounds are
        grown, nothing is validated, and the model is one for `score`. ``checkpoint`` is called
        every so often, and what it raises ends the fit.
        """

    def score_fold(
        self, prepared: Any, fold: int, fitted: Fitted, n_rounds: int | None
    ) -> FloatArray:
        """Raw scores in [0, 1] of the fold's validation rows."""
        del n_rounds
        return self.score(fitted.model, prepared.features.take(prepared.folds[fold].test))

    @abstractmethod
    def score(self, model: Any, features: Any) -> FloatArray:
        """Raw scores in [0, 1] of new rows."""

    def to_files(self, model: Any) -> dict[str, bytes] | None:
        """The model as files that can be validated before they are read; None without such a form."""
        del model
        return None

    def from_files(self, files: Mapping[str, bytes], n_features: int) -> Any:
        """The model from its files; PolicyError if they are not what `to_files` writes."""
        raise NotImplementedError(f"{self.name} has no files to read ({len(files)}, {n_features})")


def combines(learner: Learner, resampling: str | RebalancingMethod) -> bool:
    """Whether a learner can be combined with a rebalancing method."""
    chosen = method(resampling)
    if learner.methods is not None:
        return chosen.name in learner.methods
    return learner.takes_weights or "weights" not in chosen.needs


def warn_of_unsaved_models(learners: Iterable[Learner]) -> None:
    """Say before training, where a policy is to be saved, which models it will be saved without.

    Warns
    -----
    CostOptWarning
        ``model-will-not-be-saved``, with the names of the learners.
    """
    names = [learner.name for learner in learners if not learner.saves_models]
    if names:
        warn(
            "model-will-not-be-saved",
            f"models of {', '.join(names)} have no file format that is safe to load: a policy with "
            "such a model is saved without it, and then decides on scores that are computed "
            "elsewhere; models of xgboost and logistic are saved",
        )
