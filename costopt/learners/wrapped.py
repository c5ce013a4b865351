"""Any scikit-learn classifier with a search space, as a learner."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from costopt.decision.odds import OddsLedger
from costopt.errors import DataError, SearchError, nearest
from costopt.inputs.encoding import DesignEncoder
from costopt.inputs.frames import Scalar
from costopt.inputs.labels import Labels
from costopt.learners.dimensions import Dimension, as_dimension, within
from costopt.learners.foreign import (
    fit_on_labels,
    fresh,
    is_frozen,
    known_parameters,
    name_of,
    own_parameters,
    unset_parameters,
)
from costopt.learners.ledgers import ledger_of_labels
from costopt.learners.native import categorical_columns, native_rows, takes_categories
from costopt.learners.protocol import (
    BoolArray,
    Features,
    Fitted,
    FloatArray,
    Fold,
    IntArray,
    Learner,
    Params,
)
from costopt.learners.ranges import check_for_sklearn
from costopt.rebalancing.definition import Reweighting

__all__ = ["SklearnLearner", "positive_scores"]

# Rows of probabilities may miss 1 by what single precision loses over many trees.
SUM_TOLERANCE = 1e-3


class SklearnModel:
    """A fitted classifier, with the encoding of mixed columns in front of it where it needs one.

    Parameters
    ----------
    estimator : classifier
    encoder : DesignEncoder or None
    positive : str, int, float or bool
        What the class to act on is called in the estimator's ``classes_``.
    """

    def __init__(self, estimator: Any, encoder: DesignEncoder | None, positive: Scalar) -> None:
        self.estimator = estimator
        self.encoder = encoder
        self.positive = positive

    def score(self, rows: Any) -> FloatArray:
        """Probabilities of the positive class."""
        encoded = rows if self.encoder is None else self.encoder.apply(rows)
        return positive_scores(self.estimator, encoded, self.positive)


class _Prepared:
    """Rows in the form that the classifier takes: as they came, as a matrix, or encoded."""

    def __init__(self, learner: SklearnLearner, features: Any, folds: Sequence[Fold]) -> None:
        self.folds = folds
        self.schema = None
        if not isinstance(features, Features):
            self.rows = features  # whatever the caller's own estimator is made for
            self.categorical = categorical_columns(learner.estimator, features)
            return
        self.rows = learner.rows_of(features)
        self.categorical = categorical_columns(learner.estimator, features)
        if self.rows is features.matrix and learner.needs_encoding(features):
            self.schema = features.schema

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        from sklearn.utils.validation import _num_samples

        return int(_num_samples(self.rows))

    def take(self, rows: Any) -> Any:
        """Some of the rows, in whatever container they are."""
        from sklearn.utils import _safe_indexing

        return self.rows if rows is None else _safe_indexing(self.rows, rows)


class SklearnLearner(Learner):
    """A scikit-learn classifier with ``predict_proba``, and what to search of it.

    Parameters
    ----------
    estimator : classifier
        Cloned for every fit, and fitted on the labels as they were passed, so that parameters
        may be keyed by them; on 0 and 1 where it takes no others. A pipeline gets the columns as
        a data frame, LightGBM and CatBoost one with categories, everything else one matrix of
        numbers; categories and missing values that it cannot take are encoded. A fitted model in
        scikit-learn's ``FrozenEstimator`` is used as it is, on rows that it was not fitted to.
    space : mapping of str to dimension, default={}
        ``(low, high)``, ``(low, high, "log")`` or a list of options for parameters that
        ``set_params`` knows, ``step__name`` included.
    name : str, optional
        Shown in results; the class name where None.
    balances : bool, default=False
        Whether the classifier samples its own rows to balance, which multiplies the odds that it
        learns by negatives per positive.

    Warns
    -----
    CostOptWarning
        ``training-weights-undone``, where it is used with ``calibration="none"`` and weighs or
        samples classes by parameters of its own: what that does to the odds is undone before
        costs are weighed.

    Raises
    ------
    SearchError
        If it is no classifier with ``predict_proba``, or a parameter is unknown to it.

    Notes
    -----
    Which column of ``predict_proba`` is the positive class is read off the estimator's
    ``classes_``. LightGBM and CatBoost are told to be silent and how many threads to use, where
    the caller did not.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> learner = SklearnLearner(RandomForestClassifier(), {"max_depth": (2, 12)})
    >>> learner.name, learner.space()
    ('RandomForestClassifier', {'max_depth': Integer(low=2, high=12, log=False)})
    """

    _classes: tuple[Scalar, Scalar] = (False, True)

    def __init__(
        self,
        estimator: Any,
        space: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        balances: bool = False,
    ) -> None:
        if isinstance(estimator, type) or not hasattr(estimator, "fit"):
            raise SearchError(f"a learner needs a classifier object, got {estimator!r:.60}")
        self.name = name or name_of(estimator)
        if not hasattr(estimator, "predict_proba"):
            raise SearchError(
                f"{self.name} has no predict_proba: costs are weighed against probabilities, so "
                "wrap it in sklearn.calibration.CalibratedClassifierCV, or switch probabilities on"
            )
        known = known_parameters(estimator)
        for parameter in space or {}:
            if parameter not in known:
                raise SearchError(
                    f"{self.name} has no parameter {parameter!r}: {nearest(parameter, known)}"
                )
        self.estimator = estimator
        self.balances = balances
        self._space = {n: as_dimension(n, given) for n, given in (space or {}).items()}
        check_for_sklearn(estimator, self._space)

    def __repr__(self) -> str:
        balances = ", balances=True" if self.balances else ""
        return f"SklearnLearner({self.estimator!r}, {self._space}{balances})"

    def for_labels(self, negative: Scalar, positive: Scalar) -> SklearnLearner:
        """The same for rows whose classes have these labels; booleans if not told otherwise."""
        named = copy.copy(self)
        named._classes = (negative, positive)
        return named

    @cached_property
    def takes_weights(self) -> bool:  # type: ignore[override]  # the classifier knows
        """Whether the classifier's own `fit` takes ``sample_weight``, or is never called."""
        from sklearn.utils.validation import has_fit_parameter

        return is_frozen(self.estimator) or bool(has_fit_parameter(self.estimator, "sample_weight"))

    @cached_property
    def methods(self) -> tuple[str, ...] | None:  # type: ignore[override]  # the classifier knows
        """None: rows may be treated in any way; not those of a model that is fitted already."""
        return ("none",) if is_frozen(self.estimator) else None

    def space(self) -> dict[str, Dimension]:
        """What is searched."""
        return dict(self._space)

    def defaults(self) -> dict[str, Any]:
        """The classifier's own values, where they lie in the space; else its middle or first."""
        own = own_parameters(self.estimator)
        return {name: within(dimension, own.get(name)) for name, dimension in self._space.items()}

    def rows_of(self, features: Features) -> Any:
        """The rows as this classifier takes them, before any encoding."""
        if takes_categories(self.estimator, features):
            return native_rows(self.estimator, features)
        by_name = hasattr(self.estimator, "steps") or hasattr(self.estimator, "feature_names_in_")
        return features.frame if by_name and features.schema.named else features.matrix

    def needs_encoding(self, features: Features) -> bool:
        """Whether there are categories, or missing values that the classifier refuses."""
        from sklearn.utils import get_tags

        if is_frozen(self.estimator):
            return False
        if features.schema.is_categorical.any():
            return True
        takes_missing = get_tags(self.estimator).input_tags.allow_nan
        return not takes_missing and bool(np.isnan(features.matrix).any())

    def prepare(self, features: Any, folds: Sequence[Fold]) -> _Prepared:
        """Rows that are no `Features` are handed to the classifier untouched."""
        return _Prepared(self, features, folds)

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
        """A clone of the classifier, fitted on a fold's training rows or on all rows."""
        del n_rounds, validation_weight, checkpoint
        if is_frozen(self.estimator):
            return Fitted(SklearnModel(self.estimator, None, self._classes[1]))
        train = np.arange(y.size) if fold is None else prepared.folds[fold].train
        if sample.rows is not None:
            train = train[sample.rows]
        options = self._fit_options(prepared, train, sample.sample_weight)
        if not self.takes_weights:
            train = np.repeat(train, _times(sample.sample_weight, self.name))
        rows, encoder = prepared.take(train), None
        if prepared.schema is not None:
            encoder = DesignEncoder.fit(rows, prepared.schema)
            rows = encoder.apply(rows)

        def make() -> Any:
            estimator = self._set(params)
            settings = unset_parameters(estimator, n_threads, seed)
            return estimator.set_params(**settings) if settings else estimator

        estimator, positive = fit_on_labels(make, rows, y[train], self._classes, options)
        return Fitted(SklearnModel(estimator, encoder, positive))

    def _fit_options(self, prepared: _Prepared, train: IntArray, weight: FloatArray) -> Params:
        """What is passed to the classifier's fit beside rows and labels."""
        del train  # for what a subclass passes row by row
        options: dict[str, Any] = {}
        if self.takes_weights and not np.all(weight == 1):
            options["sample_weight"] = weight
        if prepared.categorical:
            options["cat_features"] = prepared.categorical
        return options

    def _set(self, params: Params) -> Any:
        """An unfitted classifier with these parameters."""
        estimator = fresh(self.estimator)
        return estimator.set_params(**params) if params else estimator

    def own_odds(self, y: BoolArray, weight: FloatArray, params: Params) -> OddsLedger:
        """What parameters of the classifier itself do to the odds: class weights, samplers."""
        if not self.takes_weights:
            y = np.repeat(y, _times(weight, self.name))
            weight = np.ones(y.size)
        if self.balances:
            against = np.count_nonzero(~y) / np.count_nonzero(y)
            return OddsLedger().record(f"{self.name} balances the classes", against)
        return ledger_of_labels(self._set(params), Labels(y, *self._classes), weight)

    def score_fold(
        self, prepared: _Prepared, fold: int, fitted: Fitted, n_rounds: int | None
    ) -> FloatArray:
        """Probabilities of the positive class of the fold's validation rows."""
        del n_rounds
        return np.asarray(fitted.model.score(prepared.take(prepared.folds[fold].test)))

    def score(self, model: SklearnModel, features: Any) -> FloatArray:
        """Probabilities of the positive class of new rows."""
        return model.score(self.rows_of(features) if isinstance(features, Features) else features)


def positive_scores(estimator: Any, rows: Any, positive: Scalar) -> FloatArray:
    """The column of ``predict_proba`` that is the positive class by ``classes_``, checked.

    Raises
    ------
    DataError
        If it is not of shape (n_rows, 2), a probability is missing or outside [0, 1], a row does
        not sum to 1, or the estimator does not say which column is which class.
    """
    name = name_of(estimator)
    both = np.asarray(estimator.predict_proba(rows), dtype=np.float64)
    if both.ndim != 2 or both.shape[1] != 2:
        raise DataError(
            f"predict_proba of {name} must give two columns, got shape {both.shape}: did a fold's "
            "training rows hold one class only?"
        )
    scores = both[:, _column_of(estimator, positive)]
    bad = np.flatnonzero(~((scores >= 0) & (scores <= 1)))
    if bad.size:
        raise DataError(
            f"predict_proba of {name} must lie in [0, 1], got {scores[bad[0]]} in row {bad[0]}"
        )
    total = both.sum(axis=1)
    odd = np.flatnonzero(np.abs(total - 1) > SUM_TOLERANCE)
    if odd.size:
        raise DataError(
            f"predict_proba of {name} must give rows that sum to 1, got {both[odd[0]].tolist()} in row "
            f"{odd[0]}: are these scores rather than probabilities?"
        )
    return scores


def _column_of(estimator: Any, positive: Scalar) -> int:
    """Where the positive class stands in ``classes_``."""
    name = name_of(estimator)
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        raise DataError(
            f"{name} must have classes_, which say what class each column of its predict_proba is, got "
            "none: set self.classes_ = np.unique(y) in its fit"
        )
    listed = np.asarray(classes).tolist()
    if positive not in listed or len(listed) != 2:
        raise DataError(
            f"classes_ of {name} must be two and hold {positive!r}, the class to act on, got {listed}: "
            "use the labels that it was fitted on"
        )
    return int(listed.index(positive))


def _times(weight: FloatArray, name: str) -> Any:
    """How often to repeat rows for a classifier that knows no weights."""
    lowest = weight.min()
    times = weight / lowest
    if not np.allclose(times, np.round(times)):
        raise DataError(
            f"{name} takes no sample_weight, so rows can only be repeated whole: leave out weights, "
            "and search resampling=('none', 'random_over', 'random_under')"
        )
    return np.round(times).astype(np.intp)
