"""A classifier of the caller's, with the decision that costs least on top of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import get_config
from sklearn.base import MetaEstimatorMixin
from sklearn.utils import get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import has_fit_parameter

from costopt.decision.costs import Costs
from costopt.decision.odds import OddsLedger
from costopt.errors import DataError, warn
from costopt.estimators.base import CostClassifier
from costopt.estimators.given import (
    CellValue,
    cost_table,
    declaration,
    one_core_unless,
    those_given,
    without_hindsight,
)
from costopt.evaluation.choice import ThresholdMode
from costopt.evaluation.pricing import Candidate
from costopt.evaluation.problem import pose_rows
from costopt.evaluation.trial import evaluate, fit_final
from costopt.frames import Scalar
from costopt.labels import encode_labels
from costopt.policy.assemble import assemble, evidence_of
from costopt.training.learners import BoolArray, Fitted, Params
from costopt.training.sklearn_learner import SklearnLearner
from costopt.training.weights import Reweighting

__all__ = ["CostThresholdClassifier"]

FloatArray = NDArray[np.float64]


class CostThresholdClassifier(MetaEstimatorMixin, CostClassifier):
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
        self._declared = declaration(self.costs)
        X, y = indexable(X, y)
        cells = those_given(fp=fp, fn=fn, tp=tp, tn=tn)
        others = those_given(sample_weight=sample_weight, groups=groups, time=time)
        y, costs = self._start(X, y, {**cells, **others})
        learner = _InnerLearner(self.estimator, weigh=self._weights_reach(sample_weight))
        posed = pose_rows(
            self._model_rows(X),
            encode_labels(y, self._positive()),
            costs,
            {learner.name: learner},
            table=cost_table(costs, X),
            threshold=self.threshold,
            cv=self.cv,
            random_state=self.random_state,
            n_jobs=one_core_unless(self.n_jobs),
            **others,
        )
        found = evaluate(posed.problem, Candidate(learner.name, {}), exact_scores=True)
        final = fit_final(posed.problem, found.candidate, found.n_rounds)
        self.estimator_ = final[0].model.estimator
        evidence = evidence_of(posed, found)
        return self._ship(assemble(posed, found, final, evidence))

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
        return without_hindsight(X, self._declared)

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


class _InnerLearner(SklearnLearner):
    """The caller's classifier, which population weights reach only where it takes them."""

    def __init__(self, estimator: Any, *, weigh: bool) -> None:
        super().__init__(estimator)
        self._weigh = weigh

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
        """A clone of the classifier, fitted with the weights that it takes."""
        if not self._weigh:
            sample = replace(sample, sample_weight=np.ones_like(sample.sample_weight))
        return super().fit(prepared, fold, y, sample, params, **options)

    def own_odds(self, y: BoolArray, weight: FloatArray, params: Params) -> OddsLedger:
        """What the classifier's own parameters do to the odds, with the weights that it takes."""
        return super().own_odds(y, weight if self._weigh else np.ones_like(weight), params)
