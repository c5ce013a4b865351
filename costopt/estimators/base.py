"""What both classifiers do once they hold a policy, under the names that scikit-learn calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from costopt.decision.case_costs import CELLS, CaseCosts
from costopt.decision.costs import CostMatrix, Costs
from costopt.decision.rules import mean_cost
from costopt.errors import DataError, PolicyError
from costopt.estimators.given import CellValue, resolved, those_given, with_cells
from costopt.inputs.labels import encode_labels
from costopt.inputs.row_labels import check_same_rows
from costopt.learners.protocol import BoolArray
from costopt.policy.policy import DecisionPolicy

__all__ = ["CostClassifier"]

FloatArray = NDArray[np.float64]


class CostClassifier(ClassifierMixin, BaseEstimator):
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
        """The label by which each case is treated: the positive class where acting is cheaper.

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
        act = self._act(X, those_given(fp=fp, fn=fn, tp=tp, tn=tn), "predict")
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
        given = those_given(fp=fp, fn=fn, tp=tp, tn=tn)
        check_same_rows(X=X, y=y, sample_weight=sample_weight, **given)
        act = self._act(X, given, "score")
        costs = self._costs_now(X, given, "score") if given else self.policy_.costs
        if costs is None:  # a threshold decides without costs, but costs nothing without them
            raise self._costs_missing("score")
        labels = self.policy_.is_positive(column_or_1d(y))
        return -mean_cost(labels, act, resolved(costs, X, labels.size), sample_weight)

    def _probability(self, X: Any) -> FloatArray:
        check_is_fitted(self)
        return self.policy_.probability(self._model_rows(X))

    def _act(self, X: Any, given: Mapping[str, Any], method: str) -> BoolArray:
        """Whether to act; as `DecisionPolicy.decide`, on rows of which costs need no columns too."""
        probability = self._probability(X)
        costs: Costs | None = self.policy_.known_costs
        if given or self.policy_.needs_costs:
            costs = self._costs_now(X, given, method)
        if costs is None:
            costs = CaseCosts(fp=0.0, fn=0.0)  # a threshold looks at no costs
        return self.policy_.rule.decide(probability, resolved(costs, X, probability.size))

    def _costs_now(self, X: Any, given: Mapping[str, Any], method: str) -> Costs:
        """The declared costs with the cells that are given for these cases."""
        if not given.keys() >= set(self._per_case):
            raise self._costs_missing(method)
        check_same_rows(X=X, **given)
        return with_cells(self._declared, {**self._numbers, **given}, X)

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
        check_same_rows(X=X, y=y, **metadata)
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
        return y, with_cells(self._declared, given, X)

    def _positive(self) -> Any:
        """The class to act on, ``classes_[1]`` by scikit-learn's convention; None for 0 and 1."""
        named = self.classes_.tolist()
        if self.pos_label is not None and self.pos_label not in named and named == [0, 1]:
            raise DataError(
                f"pos_label must be among the labels, got {self.pos_label!r} where y holds 0 and 1: has "
                "somebody encoded them before? VotingClassifier, StackingClassifier and "
                "cross_val_predict pass labels on as 0 and 1, in the order of their classes: make "
                "y 0 and 1 yourself, 1 for the class to act on, and leave pos_label out"
            )
        if self.pos_label is not None or len(named) != 2 or set(named) == {0, 1}:
            return self.pos_label
        return named[1]

    def _keep(self, policy: DecisionPolicy) -> Self:
        self.policy_ = policy
        self.threshold_ = policy.threshold
        return self
