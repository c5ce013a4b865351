"""The joint search as a classifier."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Self

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import validate_data

from costopt.calibration.maps import CalibrationKind
from costopt.decision.costs import Costs
from costopt.evaluation.modes import ThresholdMode
from costopt.evaluation.rows import FOLDS
from costopt.evaluation.trial import FinalKind
from costopt.inputs.frames import Scalar
from costopt.learners.protocol import Learner
from costopt.rebalancing.names import BY_DEFAULT
from costopt.search.space import Resampling

if TYPE_CHECKING:
    from costopt.search.result import SearchResult
    from costopt.search.selection import SelectionKind

from costopt.estimators.base import CostClassifier
from costopt.estimators.given import (
    CellValue,
    declaration,
    one_core_unless,
    those_given,
    without_hindsight,
)

__all__ = ["CostSearchClassifier"]


class CostSearchClassifier(CostClassifier):
    """`costopt.optimize` as a scikit-learn classifier.

    Parameters
    ----------
    costs : CostMatrix, CaseCosts or None
        What each outcome costs: numbers, or formulas over columns of ``X`` (``x0``, ``x1``, ...
        in arrays). None where `fit` is given ``fp`` and ``fn``. Costs per case as arrays go to
        `fit`, where they are split with the folds.
    learners, resampling, n_trials, timeout, threshold, calibration, racing, selection, final, cv, \
ignore, prevalence
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
    >>> from costopt import CostMatrix
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
        resampling: Resampling = BY_DEFAULT,
        n_trials: int = 100,
        timeout: float | None = None,
        threshold: ThresholdMode = "auto",
        calibration: CalibrationKind = "platt",
        racing: bool = True,
        selection: SelectionKind = "likelihood",
        final: FinalKind = "refit",
        cv: Any = FOLDS,
        ignore: Collection[str] = (),
        prevalence: float | None = None,
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
        self.calibration = calibration
        self.racing = racing
        self.selection = selection
        self.final = final
        self.cv = cv
        self.ignore = ignore
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

        self._declared = declaration(self.costs)
        X = self._checked(X, reset=True)
        cells = those_given(fp=fp, fn=fn, tp=tp, tn=tn)
        others = those_given(sample_weight=sample_weight, groups=groups, time=time)
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
            calibration=self.calibration,
            racing=self.racing,
            selection=self.selection,
            final=self.final,
            cv=self.cv,
            ignore=self.ignore,
            prevalence=self.prevalence,
            pos_label=self._positive(),
            random_state=self.random_state,
            n_jobs=one_core_unless(self.n_jobs),
            progress=False,
            **others,
        )
        return self._keep(self.result_.policy)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags

    def _model_rows(self, X: Any) -> Any:
        """By position where names came to `fit` only, or come now only, as in scikit-learn."""
        rows = self._checked(X, reset=False)
        names = getattr(self, "feature_names_in_", None)
        if isinstance(rows, np.ndarray):
            return rows if names is None else pd.DataFrame(rows, columns=names)
        schema = self.policy_.schema
        if names is None and schema is not None and not schema.named:
            return nw.from_native(rows, eager_only=True).to_numpy()
        return rows

    def _checked(self, X: Any, *, reset: bool) -> Any:
        """A data frame untouched, all else as an array of floats; columns as at the last reset."""
        seen = without_hindsight(X, self._declared)
        if nw.dependencies.is_into_dataframe(X):
            validate_data(self, seen, reset=reset, skip_check_array=True)
            return X
        floats = [np.float64, np.float32]
        return validate_data(self, X, reset=reset, dtype=floats, ensure_all_finite=False)
