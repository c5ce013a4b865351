"""The Learner protocol: what the search, the comparison and the policy ask of a model family."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.errors import DataError, SearchError, warn
from costopt.inputs.frames import Matrix, Scalar, Table
from costopt.inputs.schema import Schema
from costopt.rebalancing.methods import DEVICES
from costopt.rebalancing.weights import Reweighting

__all__ = [
    "Choice",
    "Dimension",
    "Features",
    "Fitted",
    "Fold",
    "Integer",
    "Learner",
    "Real",
    "Space",
    "as_dimension",
    "check_magnitude",
    "combines",
    "for_labels",
    "saves_models",
    "warn_of_unsaved_models",
    "within",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]
Params = Mapping[str, Any]


@dataclass(frozen=True)
class Real:
    """A real-valued parameter between two bounds, searched evenly or, with ``log``, by magnitude."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Integer:
    """A whole-numbered parameter between two bounds, both included."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class Choice:
    """A parameter that takes one of a few values: texts, numbers, booleans or None."""

    options: tuple[str | int | float | bool | None, ...]


Dimension = Real | Integer | Choice
Space = Mapping[str, Dimension]


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


class Learner(Protocol):
    """A family of models. Implementations hold settings only, never data or fitted state.

    More attributes are looked for: ``devices``, a tuple of the only devices that a learner can be
    combined with; ``own_odds(y, weight, params)``, the `OddsLedger` of what the learner itself
    does to the odds when it is trained on rows with these labels and weights;
    ``for_labels(negative, positive)``, the same learner for classes with these labels, where it
    wants to know them; and ``saves_models``, whether `to_files` gives files at all, which is said
    before training: see `saves_models`.
    """

    @property
    def name(self) -> str:
        """Shown in results, and the key under which models are saved."""

    @property
    def takes_weights(self) -> bool:
        """Whether `fit` looks at weights; without, only rows can be sampled."""

    @property
    def grows(self) -> bool:
        """Whether models are built in rounds, whose number the evaluation chooses."""

    def space(self) -> Space:
        """What is searched, as plain data."""

    def defaults(self) -> dict[str, Any]:
        """The untuned model: a value for every name of `space`."""

    def prepare(self, features: Any, folds: Sequence[Fold]) -> Any:
        """Convert, encode or bin the rows once; trials share the result and do not change it."""

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

    def score(self, model: Any, features: Any) -> FloatArray:
        """Raw scores in [0, 1] of new rows."""

    def to_files(self, model: Any) -> dict[str, bytes] | None:
        """The model as files that can be validated before they are read; None if it has no such form."""

    def from_files(self, files: Mapping[str, bytes], n_features: int) -> Any:
        """The model from its files; PolicyError if they are not what `to_files` writes."""


def combines(learner: Learner, device: str) -> bool:
    """Whether a learner can be combined with a device, by its name."""
    own = getattr(learner, "devices", None)
    if own is not None:
        return device in own
    return learner.takes_weights or not DEVICES[device].needs_weights


def saves_models(learner: Learner) -> bool:
    """Whether a policy keeps the learner's model when it is saved.

    Learners say so in ``saves_models``; of those that do not, it is not known before training, and
    they count as if they did.
    """
    return bool(getattr(learner, "saves_models", True))


def warn_of_unsaved_models(learners: Iterable[Learner]) -> None:
    """Say before training, where a policy is to be saved, which models it will be saved without.

    Warns
    -----
    CostOptWarning
        ``model-will-not-be-saved``, with the names of the learners.
    """
    names = [learner.name for learner in learners if not saves_models(learner)]
    if names:
        warn(
            "model-will-not-be-saved",
            f"models of {', '.join(names)} have no file format that is safe to load: a policy with "
            "such a model is saved without it, and then decides on scores that are computed "
            "elsewhere; models of xgboost and logistic are saved",
        )


def for_labels(learner: Learner, negative: Scalar, positive: Scalar) -> Learner:
    """The learner for classes with these labels: another object where it wants to know them."""
    named: Callable[[Scalar, Scalar], Learner] | None = getattr(learner, "for_labels", None)
    return learner if named is None else named(negative, positive)


def as_dimension(name: str, given: Any) -> Dimension:
    """A dimension from shorthand: ``(low, high)``, ``(low, high, "log")`` or a list of options.

    Raises
    ------
    SearchError
        If bounds are no numbers, out of order, or not positive on a log scale; if there are no
        options, or one that is no plain value.

    Examples
    --------
    >>> as_dimension("max_depth", (2, 8))
    Integer(low=2, high=8, log=False)
    >>> as_dimension("learning_rate", (0.01, 0.3, "log"))
    Real(low=0.01, high=0.3, log=True)
    """
    if isinstance(given, list):
        options = (value.item() if isinstance(value, np.generic) else value for value in given)
        given = Choice(tuple(options))
    if isinstance(given, Choice):
        if not given.options:
            raise SearchError(f"search space of {name!r}: give at least one option, got none")
        for option in given.options:
            if option is not None and not isinstance(option, str | int | float | bool):
                raise SearchError(
                    f"search space of {name!r}: options must be texts, numbers, booleans or None, "
                    f"got {type(option).__name__}"
                )
        return given
    if isinstance(given, Real | Integer):
        given = (given.low, given.high, *(["log"] if given.log else []), type(given))
    if not isinstance(given, tuple) or len(given) < 2:
        raise SearchError(
            f"search space of {name!r}: write (low, high), (low, high, 'log') or a list of options, "
            f"got {given!r}"
        )
    low, high, *rest = (value.item() if isinstance(value, np.generic) else value for value in given)
    kind = rest.pop() if rest and isinstance(rest[-1], type) else None
    if rest not in ([], ["log"]):
        raise SearchError(
            f"search space of {name!r}: the third entry may be 'log', got {rest[0]!r}"
        )
    log = bool(rest)
    for bound in (low, high):
        plain = isinstance(bound, int | float) and not isinstance(bound, bool)
        if not plain or not math.isfinite(bound):
            raise SearchError(
                f"search space of {name!r}: bounds must be finite numbers, got {bound!r}"
            )
    if low > high:
        raise SearchError(f"search space of {name!r}: low must not exceed high, got {low} > {high}")
    if log and low <= 0:
        raise SearchError(f"search space of {name!r}: a log scale needs low > 0, got {low}")
    if kind is Integer or (kind is None and isinstance(low, int) and isinstance(high, int)):
        return Integer(int(low), int(high), log)
    return Real(float(low), float(high), log)


def within(dimension: Dimension, value: Any) -> Any:
    """A value of a dimension: the one given if it lies there, else the nearest, middle or first.

    Examples
    --------
    >>> within(Integer(2, 8), 10), within(Real(0.0, 1.0), None), within(Choice(("a", "b")), "c")
    (8, 0.5, 'a')
    """
    if isinstance(dimension, Choice):
        return value if value in dimension.options else dimension.options[0]
    if isinstance(value, int | float) and not isinstance(value, bool):
        nearest = min(max(value, dimension.low), dimension.high)
        return round(nearest) if isinstance(dimension, Integer) else nearest
    if isinstance(dimension, Integer):
        return (dimension.low + dimension.high) // 2
    if dimension.log:
        return math.sqrt(dimension.low * dimension.high)
    return (dimension.low + dimension.high) / 2
