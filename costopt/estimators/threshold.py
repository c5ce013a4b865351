"""A classifier of the caller's, with the decision that costs least on top of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import get_config
from sklearn.base import MetaEstimatorMixin, _clone_parametrized
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import _num_samples

from costopt.calibration.maps import CalibrationKind
from costopt.decision.costs import Costs
from costopt.errors import DataError
from costopt.estimators.base import CostClassifier
from costopt.estimators.given import (
    CellValue,
    cost_table,
    declaration,
    one_core_unless,
    those_given,
    without_hindsight,
)
from costopt.estimators.inner import (
    InnerLearner,
    check_fitted,
    check_taken,
    rows_of_each,
    takes_weights,
)
from costopt.evaluation.candidates import Candidate
from costopt.evaluation.modes import ThresholdMode, check_scores_mode
from costopt.evaluation.population import counted_rows
from costopt.evaluation.problem import prepare_encoded
from costopt.evaluation.rows import FOLDS, Rows
from costopt.evaluation.trial import evaluate, fit_final
from costopt.inputs.frames import Scalar
from costopt.inputs.labels import encode_labels
from costopt.inputs.row_labels import check_same_rows
from costopt.learners.foreign import fresh, is_frozen
from costopt.policy.assemble import assemble, evidence_of

__all__ = ["CostThresholdClassifier"]

FloatArray = NDArray[np.float64]


class CostThresholdClassifier(MetaEstimatorMixin, CostClassifier):
    """Any classifier with ``predict_proba``, deciding by what its mistakes cost.

    Out-of-fold scores are calibrated, the rule is chosen on them (Bayes' rule, case by case
    where costs differ by case, or the exact cheapest threshold), and the classifier is fitted again
    on all rows. A classifier that is fitted already is not fitted again: wrap it in
    scikit-learn's ``FrozenEstimator``, or say ``cv="prefit"``.

    Parameters
    ----------
    estimator : classifier
        Cloned for every fit, and fitted on the labels as they are passed, so that parameters may
        be keyed by them (``class_weight={"fraud": 10}``); on 0 and 1 where it takes no others, as
        xgboost, with such keys translated. It gets ``X`` as it is passed: sparse matrices, data
        frames for a pipeline, and so on.
    costs : CostMatrix, CaseCosts or None
        What each outcome costs: numbers, or formulas over columns of ``X`` (``x0``, ``x1``, ...
        in arrays). None where `fit` is given ``fp`` and ``fn``. Costs per case as arrays go to
        `fit`, where they are split with the folds.
    threshold : {"auto", "bayes", "exact"}, default="auto"
        Bayes' rule on calibrated probabilities, the cheapest single threshold, or what data support.
    calibration : {"platt", "beta", "isotonic", "none"} or class of CalibrationMap, default="platt"
        The map from scores to probabilities. ``"beta"`` needs 100 positives and ``"isotonic"`` 1,000.
    cv : int, splitter, iterable of (train, test) or "prefit", default=FOLDS
        Folds that make the out-of-fold scores. For a fitted model they only cross-fit
        calibration and threshold, and ``"prefit"`` stands for as many as the default.
    prevalence : float, optional
        Share of positives in the population, where rows were sampled by class. It counts in
        calibration, rule and costs; the estimator is trained on the rows as they are.
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
        Fitted on all rows, or the fitted one that was passed.
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

    Rows passed to `fit` with a fitted model must be rows that it was not fitted to: on its own
    training rows a model looks better than it is, and calibration and threshold would follow.

    Keep this classifier outermost. ``OneVsRestClassifier``, ``BaggingClassifier``,
    ``StackingClassifier`` and soft ``VotingClassifier`` read its probabilities and decide at
    0.5, so the costs are lost; put them inside instead.

    Examples
    --------
    >>> from costopt import CostMatrix
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
        calibration: CalibrationKind = "platt",
        cv: Any = FOLDS,
        prevalence: float | None = None,
        pos_label: Scalar | None = None,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.costs = costs
        self.threshold = threshold
        self.calibration = calibration
        self.cv = cv
        self.prevalence = prevalence
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
        **fit_params: Any,
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
        **fit_params
            Passed to every fit of the estimator; of values that have one entry per row, those of
            the rows that it is fitted to. With metadata routing, what it requests.

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
        check_scores_mode(self.threshold)
        self._declared = declaration(self.costs)
        X, y = indexable(X, y)
        cells = those_given(fp=fp, fn=fn, tp=tp, tn=tn)
        others = those_given(sample_weight=sample_weight, groups=groups, time=time)
        y, costs = self._start(X, y, {**cells, **others})
        learner = self._learner(X, {**cells, **others}, fit_params)
        rows = Rows(
            cv=FOLDS if self._is_prefit else self.cv,
            prevalence=self.prevalence,
            random_state=self.random_state,
            **others,
        )
        problem = prepare_encoded(
            self._model_rows(X),
            encode_labels(y, self._positive()),
            costs,
            {learner.name: learner},
            rows,
            table=cost_table(costs, X),
            threshold=self.threshold,
            calibration=self.calibration,
            n_jobs=one_core_unless(self.n_jobs),
        )
        found = evaluate(problem, Candidate(learner.name, {}), exact_scores=True)
        final = fit_final(problem, found.candidate, found.n_rounds)
        learner.metadata.clear()  # of these rows, which a policy must not keep
        self.estimator_ = self.estimator if self._is_prefit else final[0].model.estimator
        return self._keep(assemble(problem, found, final, evidence_of(problem, found)))

    @property
    def n_features_in_(self) -> int:
        """Number of features that the estimator was fitted on."""
        return int(self.estimator_.n_features_in_)

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Names of the features that the estimator was fitted on."""
        return np.asarray(self.estimator_.feature_names_in_)

    def get_metadata_routing(self) -> MetadataRouter:
        """What `fit` and the others ask for, and what is passed on to the estimator's `fit`."""
        router = MetadataRouter(owner=self).add_self_request(self)
        if self._is_prefit or is_frozen(self.estimator):
            return router
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        inner = get_tags(self.estimator).input_tags
        for name in ("allow_nan", "categorical", "positive_only", "sparse", "string"):
            setattr(tags.input_tags, name, getattr(inner, name))
        return tags

    def _model_rows(self, X: Any) -> Any:
        return without_hindsight(X, self._declared)

    def __sklearn_clone__(self) -> Self:
        """Also of a classifier that scikit-learn cannot clone, as CatBoost with ``cat_features``."""
        shell = copy.copy(self)
        shell.estimator = None
        cloned: Self = _clone_parametrized(shell)
        cloned.estimator = (
            fresh(self.estimator) if hasattr(self.estimator, "fit") else self.estimator
        )
        return cloned

    @property
    def _is_prefit(self) -> bool:
        return isinstance(self.cv, str) and self.cv == "prefit"

    def _learner(
        self, X: Any, given: Mapping[str, Any], fit_params: Mapping[str, Any]
    ) -> InnerLearner:
        """The estimator as a learner, with what its fits get beside rows and labels."""
        check_same_rows(X=X, **fit_params)
        estimator = self.estimator
        if self._is_prefit and not is_frozen(estimator):
            estimator = FrozenEstimator(estimator)
        if is_frozen(estimator):
            check_fitted(estimator.estimator)
            if fit_params:
                raise DataError(
                    f"a fitted model is not fitted again, got {', '.join(fit_params)} for its fit: "
                    "leave them out"
                )
            return InnerLearner(estimator, prevalence=self.prevalence)
        if get_config()["enable_metadata_routing"]:
            passed = dict(process_routing(self, "fit", **given, **fit_params)["estimator"]["fit"])
        else:
            passed = dict(fit_params)
            check_taken(estimator, passed)
            if "sample_weight" in given and takes_weights(estimator):
                passed["sample_weight"] = given["sample_weight"]
        weigh = passed.pop("sample_weight", None) is not None
        counted = counted_rows(given.get("sample_weight"), _num_samples(X))
        if counted is not None:
            passed = rows_of_each(passed, _num_samples(X), counted)
        return InnerLearner(estimator, weigh=weigh, metadata=passed, prevalence=self.prevalence)
