"""scikit-learn citizens: thin shells that check, hold state and delegate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context, get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils import column_or_1d, get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from costopt.decision.case_costs import CELLS, CaseCosts
from costopt.decision.costs import CostMatrix, Costs, as_case_costs
from costopt.decision.rules import mean_cost
from costopt.errors import CostSpecError, DataError, PolicyError, warn
from costopt.evaluation.choice import ThresholdMode
from costopt.evaluation.problem import pose_rows
from costopt.evaluation.trial import Candidate, evaluate, fit_final
from costopt.frames import Scalar, Table, check_same_index
from costopt.labels import encode_labels
from costopt.policy.assemble import assemble, evidence_of
from costopt.policy.policy import DecisionPolicy
from costopt.training.learners import BoolArray, Fitted, Learner, Params
from costopt.training.resampling import DEVICES
from costopt.training.sklearn_learner import SklearnLearner
from costopt.training.weights import Reweighting

if TYPE_CHECKING:
    from costopt.search.result import SearchResult

__all__ = ["CostSearchClassifier", "CostThresholdClassifier"]

FloatArray = NDArray[np.float64]
CellValue = float | ArrayLike | None


class _CostClassifier(ClassifierMixin, BaseEstimator):
    """What a fitted policy does, under the names that scikit-learn calls."""

    costs: Any
    pos_label: Any
    classes_: NDArray[Any]
    policy_: DecisionPolicy
    threshold_: float | None
    _declared: CostMatrix | None
    _numbers: dict[str, Any]
    _per_case: tuple[str, ...]

    def predict(
        self,
        X: Any,
        *,
        fp: CellValue = None,
        fn: CellValue = None,
        tp: CellValue = None,
        tn: CellValue = None,
    ) -> NDArray[Any]:
        """The label to act as if each case had: the positive class where acting is cheaper.

        Parameters
        ----------
        X : array-like of shape (n_cases, n_features)
        fp, fn, tp, tn : float or array-like of shape (n_cases,), optional
            Costs of these cases; needed where `fit` was given them as arrays.

        Returns
        -------
        label : array of shape (n_cases,)

        Raises
        ------
        PolicyError
            If costs per case were given to `fit` as arrays and are not given here.
        """
        act = self._act(X, _present(fp=fp, fn=fn, tp=tp, tn=tn), "predict")
        positive = int(self.classes_[1] == self.policy_.labels[1])
        return np.asarray(self.classes_[np.where(act, positive, 1 - positive)])

    def predict_proba(self, X: Any) -> FloatArray:
        """Calibrated probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_cases, n_features)

        Returns
        -------
        probability : array of shape (n_cases, 2)
            In the order of ``classes_``.
        """
        positive = self._probability(X)
        last_is_positive = self.classes_[1] == self.policy_.labels[1]
        both = (1 - positive, positive) if last_is_positive else (positive, 1 - positive)
        return np.column_stack(both)

    def score(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        fp: CellValue = None,
        fn: CellValue = None,
        tp: CellValue = None,
        tn: CellValue = None,
    ) -> float:
        """Minus the mean cost of the decisions, in the costs' unit per case: higher is better.

        The only place of the package where a cost changes its sign, so that scikit-learn's
        searches, which maximise, minimise money. It is not an accuracy.

        Parameters
        ----------
        X : array-like of shape (n_cases, n_features)
        y : array-like of shape (n_cases,)
        sample_weight : array-like of shape (n_cases,), optional
            How many cases of the population each row stands for.
        fp, fn, tp, tn : float or array-like of shape (n_cases,), optional
            Costs of these cases; needed where `fit` was given them as arrays.

        Returns
        -------
        score : float
        """
        given = _present(fp=fp, fn=fn, tp=tp, tn=tn)
        act = self._act(X, given, "score")
        costs = self._costs_now(X, given, "score") if given else self.policy_.costs
        if costs is None:  # a cut decides without costs, but does not pay without them
            raise self._costs_missing("score")
        _check_rows(X, y=y, sample_weight=sample_weight)
        labels = self.policy_.encode(column_or_1d(y))
        return -mean_cost(labels, act, _resolved(costs, X, labels.size), sample_weight)

    def _probability(self, X: Any) -> FloatArray:
        check_is_fitted(self)
        return self.policy_.score(self._model_rows(X))

    def _act(self, X: Any, given: Mapping[str, Any], method: str) -> BoolArray:
        """Whether to act; as `DecisionPolicy.decide`, on rows of which costs need no columns too."""
        probability = self._probability(X)
        costs: Costs | None = self.policy_.known_costs
        if given or self.policy_.needs_costs:
            costs = self._costs_now(X, given, method)
        if costs is None:
            costs = CaseCosts(fp=0.0, fn=0.0)  # a cut looks at no costs
        return self.policy_.rule.decide(probability, _resolved(costs, X, probability.size))

    def _costs_now(self, X: Any, given: Mapping[str, Any], method: str) -> Costs:
        """The declared costs with the cells that are given for these cases."""
        if not given.keys() >= set(self._per_case):
            raise self._costs_missing(method)
        _check_rows(X, **given)
        return _with_cells(self._declared, {**self._numbers, **given}, X)

    def _costs_missing(self, method: str) -> PolicyError:
        passed = ", ".join(f"{cell}=..." for cell in self._per_case)
        requested = ", ".join(f"{cell}=True" for cell in self._per_case)
        return PolicyError(
            f"fit was given {' and '.join(self._per_case)} as one cost per case, and those of new cases are "
            f"not known: pass {passed} to {method} as well, in a pipeline or a grid search by "
            f"metadata routing (set_{method}_request({requested})), or declare a formula over a "
            "column of X in a CostMatrix"
        )

    def _model_rows(self, X: Any) -> Any:
        """The rows as the policy's model takes them."""
        raise NotImplementedError

    def _start(self, X: Any, y: Any, metadata: Mapping[str, Any]) -> tuple[NDArray[Any], Costs]:
        """Labels and costs of a call of fit, checked; what prediction needs of it is remembered."""
        _check_rows(X, y=y, **metadata)
        y = column_or_1d(y, warn=True)
        if pd.isna(y).any():
            encode_labels(y)  # names the row
        if y.dtype.kind == "f" and not np.isfinite(y).all():
            raise DataError(f"y must hold labels, got {y[~np.isfinite(y)][0]}: drop such rows")
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind != "binary":
            raise DataError(
                f"Only binary classification is supported. The type of the target is {kind}: merge "
                "the classes into the one to act on and the rest"
            )
        self.classes_ = np.unique(y)
        given = {cell: metadata[cell] for cell in CELLS if cell in metadata}
        self._numbers = {cell: value for cell, value in given.items() if np.ndim(value) == 0}
        self._per_case = tuple(cell for cell in given if cell not in self._numbers)
        return y, _with_cells(self._declared, given, X)

    def _positive(self) -> Any:
        """The class to act on, ``classes_[1]`` by scikit-learn's convention; None for 0 and 1."""
        named = self.classes_.tolist()
        if self.pos_label is not None or len(named) != 2 or set(named) == {0, 1}:
            return self.pos_label
        return named[1]

    def _ship(self, policy: DecisionPolicy) -> Self:
        self.policy_ = policy
        self.threshold_ = policy.threshold
        return self


class CostThresholdClassifier(MetaEstimatorMixin, _CostClassifier):
    """Any classifier with ``predict_proba``, deciding by what its mistakes cost.

    Out-of-fold scores are calibrated, the rule is chosen on them (Bayes' rule, case by case
    where costs differ by case, or the exact cheapest cut), and the classifier is fitted again
    on all rows.

    Parameters
    ----------
    estimator : classifier
        Cloned for every fit, and fitted on booleans: True for the class to act on. It gets ``X``
        as it is passed: sparse matrices, data frames for a pipeline, and so on.
    costs : CostMatrix, CaseCosts or None
        What each outcome costs: numbers, or formulas over columns of ``X`` (``x0``, ``x1``, ...
        in arrays). None where `fit` is given ``fp`` and ``fn``. Costs per case as arrays go to
        `fit`, where they are cut with the folds.
    threshold : {"auto", "bayes", "exact"}, default="auto"
        Bayes' rule on calibrated probabilities, the cheapest single cut, or what data support.
    cv : int, splitter or iterable of (train, test), default=5
        Folds that make the out-of-fold scores.
    pos_label : str, int, float or bool, optional
        The class to act on; ``classes_[1]`` where None.
    random_state : int, default=0
        Shuffles the folds.
    n_jobs : int, optional
        Cores to fit folds side by side: 1 where None, as in scikit-learn; -1 for all.

    Attributes
    ----------
    policy_ : DecisionPolicy
        The rule with calibration and evidence: ``policy_.explain()``.
    threshold_ : float or None
        The calibrated probability from which it acts; None where that differs by case.
    estimator_ : classifier
        Fitted on all rows.
    classes_ : array of shape (2,)
    n_features_in_ : int
        If ``estimator_`` has it.
    feature_names_in_ : array of shape (n_features_in_,)
        If ``estimator_`` has it.

    Notes
    -----
    A formula reads ``X`` as it arrives here. Behind a step that rescales, ``amount`` is no longer
    an amount: put the scaler inside, ``CostThresholdClassifier(make_pipeline(scaler, model), ...)``,
    or pass costs as arrays by metadata routing. Hindsight columns of the costs are not shown to
    the estimator and need not be there to predict.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> model = CostThresholdClassifier(LogisticRegression(), CostMatrix(fp=1, fn=19)).fit(X, y)
    >>> round(model.threshold_, 3)
    0.05
    >>> bool((model.predict(X) == model.policy_.decide(X)).all())
    True
    """

    def __init__(
        self,
        estimator: Any,
        costs: Costs | None,
        *,
        threshold: ThresholdMode = "auto",
        cv: Any = 5,
        pos_label: Scalar | None = None,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.costs = costs
        self.threshold = threshold
        self.cv = cv
        self.pos_label = pos_label
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: ArrayLike | None = None,
        fp: CellValue = None,
        fn: CellValue = None,
        tp: CellValue = None,
        tn: CellValue = None,
        groups: ArrayLike | None = None,
        time: ArrayLike | None = None,
    ) -> Self:
        """Score out of fold, calibrate, choose the rule, and fit on all rows.

        Parameters
        ----------
        X : array-like of shape (n_cases, n_features)
            Whatever the estimator takes.
        y : array-like of shape (n_cases,)
            Labels of two classes.
        sample_weight : array-like of shape (n_cases,), optional
            How many cases of the population each row stands for. It counts in calibration, rule
            and costs, and in the estimator's training if its `fit` takes it (with metadata
            routing: if it requests it).
        fp, fn, tp, tn : float or array-like of shape (n_cases,), optional
            Costs of these cases, in place of the declared cells.
        groups, time : array-like of shape (n_cases,), optional
            Rows that belong together; the order of rows, for folds in order of time.

        Returns
        -------
        self : CostThresholdClassifier

        Raises
        ------
        CostSpecError, DataError, SearchError
            Before anything is fitted, if costs, labels, folds or the estimator cannot be used.

        Warns
        -----
        CostOptWarning
            ``weights-not-learned``, where the estimator takes no ``sample_weight``.
        """
        if self.threshold == "sampled":
            raise DataError("threshold='sampled' is for a search: use 'auto', 'bayes' or 'exact'")
        self._declared = _declaration(self.costs)
        X, y = indexable(X, y)
        cells = _present(fp=fp, fn=fn, tp=tp, tn=tn)
        others = _present(sample_weight=sample_weight, groups=groups, time=time)
        y, costs = self._start(X, y, {**cells, **others})
        learner = _InnerLearner(self.estimator, weigh=self._weights_reach(sample_weight))
        posed = pose_rows(
            self._model_rows(X),
            encode_labels(y, self._positive()),
            costs,
            {learner.name: learner},
            table=_table(costs, X),
            threshold=self.threshold,
            cv=self.cv,
            random_state=self.random_state,
            n_jobs=_n_jobs(self.n_jobs),
            **others,
        )
        found = evaluate(posed.problem, Candidate(learner.name, {}))
        final = fit_final(posed.problem, found.candidate, found.n_rounds)
        self.estimator_ = final.model.estimator
        return self._ship(assemble(posed, found, final, evidence_of(posed, found)))

    @property
    def n_features_in_(self) -> int:
        """Number of features that the estimator was fitted on."""
        return int(self.estimator_.n_features_in_)

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Names of the features that the estimator was fitted on."""
        return np.asarray(self.estimator_.feature_names_in_)

    def get_metadata_routing(self) -> MetadataRouter:
        """What `fit` and the others ask for, and that ``sample_weight`` is passed to the estimator."""
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                estimator=self.estimator,
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        inner = get_tags(self.estimator).input_tags
        for name in ("allow_nan", "categorical", "positive_only", "sparse", "string"):
            setattr(tags.input_tags, name, getattr(inner, name))
        return tags

    def _model_rows(self, X: Any) -> Any:
        return _without_hindsight(X, self._declared)

    def _weights_reach(self, sample_weight: ArrayLike | None) -> bool:
        """Whether the estimator's own training is to see population weights."""
        if sample_weight is None:
            return False
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", sample_weight=sample_weight)
            return "sample_weight" in routed["estimator"]["fit"]
        if has_fit_parameter(self.estimator, "sample_weight"):
            return True
        warn(
            "weights-not-learned",
            f"fit of {type(self.estimator).__name__} takes no sample_weight: the weights count in "
            "calibration, rule and costs, but not in its training; for a pipeline, switch metadata "
            "routing on and request them from its last step",
        )
        return False


class CostSearchClassifier(_CostClassifier):
    """`costopt.optimize` as a scikit-learn classifier.

    Parameters
    ----------
    costs : CostMatrix, CaseCosts or None
        What each outcome costs: numbers, or formulas over columns of ``X`` (``x0``, ``x1``, ...
        in arrays). None where `fit` is given ``fp`` and ``fn``. Costs per case as arrays go to
        `fit`, where they are cut with the folds.
    learners, resampling, n_trials, timeout, threshold, cv, ignore
        As for `costopt.optimize`.
    pos_label : str, int, float or bool, optional
        The class to act on; ``classes_[1]`` where None.
    random_state : int, default=0
        The same rows, seed and versions give the same result.
    n_jobs : int, optional
        Cores to use: 1 where None, as in scikit-learn; -1 for all.

    Attributes
    ----------
    result_ : SearchResult
        Money, interval and trials: ``result_.summary()``.
    policy_ : DecisionPolicy
        The same as ``result_.policy``, ready to be saved.
    threshold_ : float or None
        The calibrated probability from which it acts; None where that differs by case.
    classes_ : array of shape (2,)
    n_features_in_ : int
        Columns of ``X``, without those that only hindsight knows.
    feature_names_in_ : array of shape (n_features_in_,)
        Their names, where ``X`` is a data frame.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> model = CostSearchClassifier(CostMatrix(fp=1, fn=19), learners="logistic", n_trials=3)
    >>> round(model.fit(X, y).threshold_, 3)
    0.05
    >>> model.result_.n_trials
    3
    """

    result_: SearchResult

    def __init__(
        self,
        costs: Costs | None,
        *,
        learners: str | Learner | Sequence[str | Learner] = "xgboost",
        resampling: str | Collection[str] = tuple(DEVICES),
        n_trials: int = 100,
        timeout: float | None = None,
        threshold: ThresholdMode = "auto",
        cv: Any = 5,
        ignore: Collection[str] = (),
        pos_label: Scalar | None = None,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.costs = costs
        self.learners = learners
        self.resampling = resampling
        self.n_trials = n_trials
        self.timeout = timeout
        self.threshold = threshold
        self.cv = cv
        self.ignore = ignore
        self.pos_label = pos_label
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: ArrayLike | None = None,
        fp: CellValue = None,
        fn: CellValue = None,
        tp: CellValue = None,
        tn: CellValue = None,
        groups: ArrayLike | None = None,
        time: ArrayLike | None = None,
    ) -> Self:
        """Search for the policy that costs least.

        Parameters
        ----------
        X : data frame or array-like of shape (n_cases, n_features)
        y : array-like of shape (n_cases,)
        sample_weight, fp, fn, tp, tn, groups, time : optional
            As for `CostThresholdClassifier.fit`.

        Returns
        -------
        self : CostSearchClassifier

        Raises
        ------
        CostSpecError, DataError, SearchError
            As for `costopt.optimize`.
        """
        from costopt.search.study import optimize  # Optuna is loaded by those who search

        self._declared = _declaration(self.costs)
        X = self._checked(X, reset=True)
        cells = _present(fp=fp, fn=fn, tp=tp, tn=tn)
        others = _present(sample_weight=sample_weight, groups=groups, time=time)
        y, costs = self._start(X, y, {**cells, **others})
        self.result_ = optimize(
            X,
            y,
            costs,
            learners=self.learners,
            resampling=self.resampling,
            n_trials=self.n_trials,
            timeout=self.timeout,
            threshold=self.threshold,
            cv=self.cv,
            ignore=self.ignore,
            pos_label=self._positive(),
            random_state=self.random_state,
            n_jobs=_n_jobs(self.n_jobs),
            progress=False,
            **others,
        )
        return self._ship(self.result_.policy)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags

    def _model_rows(self, X: Any) -> Any:
        return self._checked(X, reset=False)

    def _checked(self, X: Any, *, reset: bool) -> Any:
        """A data frame untouched, all else as an array of floats; columns as at the last reset."""
        seen = _without_hindsight(X, self._declared)
        if nw.dependencies.is_into_dataframe(X):
            validate_data(self, seen, reset=reset, skip_check_array=True)
            return X
        floats = [np.float64, np.float32]
        return validate_data(self, X, reset=reset, dtype=floats, ensure_all_finite=False)


class _InnerLearner(SklearnLearner):
    """The caller's classifier, which population weights reach only where it takes them."""

    def __init__(self, estimator: Any, *, weigh: bool) -> None:
        super().__init__(estimator)
        self._weigh = weigh
        self._config = get_config()  # holds for this thread, and folds may be fitted in others

    @property
    def takes_weights(self) -> bool:
        """True: weights count in calibration, rule and costs, whatever the training makes of them."""
        return True

    def fit(
        self,
        prepared: Any,
        fold: int | None,
        y: BoolArray,
        sample: Reweighting,
        params: Params,
        **options: Any,
    ) -> Fitted:
        """A clone of the classifier, fitted under the caller's scikit-learn configuration."""
        if not self._weigh:
            sample = replace(sample, sample_weight=np.ones_like(sample.sample_weight))
        with config_context(**self._config):
            return super().fit(prepared, fold, y, sample, params, **options)


def _present(**metadata: Any) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if value is not None}


def _check_rows(X: Any, **others: Any) -> None:
    """Refuse what has other row labels than a pandas ``X``."""
    if isinstance(X, pd.DataFrame):
        for name, other in others.items():
            check_same_index(X, other, name)


def _n_jobs(given: int | None) -> int:
    """One core where None: whoever runs several fits side by side is in charge of the cores."""
    return 1 if given is None else given


def _declaration(costs: Any) -> CostMatrix | None:
    """The constructor's costs; refused where they are for some cases and not for others."""
    if costs is None or isinstance(costs, CostMatrix):
        return costs
    numbers = as_case_costs(costs)
    names = [cell for cell in CELLS if np.ndim(getattr(numbers, cell))]
    if names:
        passed = ", ".join(f"{name}=costs.{name}" for name in names)
        raise CostSpecError(
            f"costs of an estimator must hold for any cases, got {' and '.join(names)} for "
            f"{numbers.n_cases} cases, which could not be cut with the folds: pass them to fit, as in "
            f"fit(X, y, {passed}), or declare a formula over a column of X in a CostMatrix"
        )
    cells: dict[str, Any] = {cell: float(getattr(numbers, cell)) for cell in CELLS}
    return CostMatrix(**cells, unit=numbers.unit)


def _with_cells(declared: CostMatrix | None, given: Mapping[str, Any], X: Any) -> Costs:
    """The declared costs with some cells replaced: a declaration still, or numbers for each case."""
    if declared is None:
        missing = [cell for cell in ("fp", "fn") if cell not in given]
        if missing:
            raise CostSpecError(
                f"costs is None, so {' and '.join(missing)} must be passed to fit, as numbers or one "
                "per case; or declare costs=CostMatrix(fp=..., fn=...)"
            )
        kind = CaseCosts if any(np.ndim(value) for value in given.values()) else CostMatrix
        return kind(**given)
    if not given:
        return declared
    if declared.hindsight:
        raise CostSpecError(
            f"costs with hindsight ({', '.join(declared.hindsight)}) cannot be mixed with "
            f"{', '.join(given)} for these cases: declare all cells in the CostMatrix"
        )
    if not any(np.ndim(value) for value in given.values()):
        return replace(declared, **given)
    rest: Any = declared
    if any(isinstance(getattr(declared, cell), str) for cell in CELLS if cell not in given):
        nothing: dict[str, Any] = dict.fromkeys(given, 0.0)  # what is replaced need not be there
        read = replace(declared, **nothing)
        rest = _resolved(read, X)
    cells = {cell: given.get(cell, getattr(rest, cell)) for cell in CELLS}
    return CaseCosts(**cells, unit=declared.unit)


def _resolved(costs: Costs, X: Any, n_cases: int | None = None) -> CaseCosts:
    """Costs of the rows of ``X``, which is looked at only where a formula reads it."""
    return as_case_costs(costs, _table(costs, X), n_cases)


def _table(costs: Costs, X: Any) -> Table | None:
    return Table(X) if isinstance(costs, CostMatrix) and costs.columns else None


def _without_hindsight(X: Any, declared: CostMatrix | None) -> Any:
    """The columns that a model may see; ``X`` itself unless some are known only in hindsight."""
    if declared is None or not declared.hindsight:
        return X
    names = list(declared.hindsight)
    if not nw.dependencies.is_into_dataframe(X):
        raise DataError(
            f"{', '.join(names)} of the costs is known only in hindsight, so rows to predict come "
            "without: pass data frames, whose columns have names"
        )
    return nw.from_native(X, eager_only=True).drop(names, strict=False).to_native()
