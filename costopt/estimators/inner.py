"""The caller's classifier as a learner: its weights, what else its fits get, or that it is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from inspect import Parameter, signature
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from costopt.decision.odds import OddsLedger
from costopt.errors import DataError, warn
from costopt.learners.foreign import is_frozen
from costopt.learners.ledgers import PREVALENCE
from costopt.learners.protocol import BoolArray, Fitted, FloatArray, IntArray, Params
from costopt.learners.wrapped import SklearnLearner
from costopt.rebalancing.definition import Reweighting

__all__ = ["InnerLearner", "check_fitted", "check_taken", "rows_of_each", "takes_weights"]


class InnerLearner(SklearnLearner):
    """The caller's classifier, which weights and other metadata reach only where it takes them.

    Parameters
    ----------
    estimator : classifier
    weigh : bool, default=False
        Whether population weights reach its training.
    metadata : dict, optional
        What else each of its fits gets; of entries per row, those of the rows that are fitted.
    prevalence : float, optional
        The declared share of positives in the population.
    """

    # weights count in calibration, rule and costs, whatever the training makes of them
    takes_weights = True

    def __init__(
        self,
        estimator: Any,
        *,
        weigh: bool = False,
        metadata: dict[str, Any] | None = None,
        prevalence: float | None = None,
    ) -> None:
        super().__init__(estimator)
        self.metadata = {} if metadata is None else metadata
        self._weigh = weigh
        self._is_sampled = prevalence is not None and not weigh and not is_frozen(estimator)

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
        """What the classifier's own parameters do to the odds, and a sample whose shares it learns."""
        ledger = super().own_odds(y, weight if self._weigh else np.ones_like(weight), params)
        if not self._is_sampled:
            return ledger
        rows = np.count_nonzero(y) / np.count_nonzero(~y)
        return ledger.record(PREVALENCE, rows / (weight[y].sum() / weight[~y].sum()))

    def _fit_options(self, prepared: Any, train: IntArray, weight: FloatArray) -> Params:
        n_cases = prepared.n_rows
        return {
            **super()._fit_options(prepared, train, weight),
            **rows_of_each(self.metadata, n_cases, train),
        }


def rows_of_each(metadata: Mapping[str, Any], n_cases: int, rows: IntArray) -> dict[str, Any]:
    """Of values with one entry for each case, those of some rows; other values as they are."""
    return {
        name: _safe_indexing(value, rows) if _is_by_case(value, n_cases) else value
        for name, value in metadata.items()
    }


def _is_by_case(value: Any, n_cases: int) -> bool:
    if isinstance(value, str | Mapping):
        return False
    shape = getattr(value, "shape", None)
    if shape is not None:
        return len(shape) > 0 and shape[0] == n_cases
    return hasattr(value, "__len__") and len(value) == n_cases


def check_fitted(estimator: Any) -> None:
    """Refuse a model that is said to be fitted and is not.

    Raises
    ------
    DataError
    """
    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError):
        if hasattr(estimator, "classes_") or getattr(estimator, "is_fitted", bool)():
            return  # it says so in a way of its own
        raise DataError(
            "a FrozenEstimator, or cv='prefit', needs a fitted model, got "
            f"{type(estimator).__name__} that is not fitted: fit it first on other rows, or pass "
            "another cv to have it fitted here; scikit-learn's clone forgets a fit, unless the model is "
            "in FrozenEstimator"
        ) from None


def check_taken(estimator: Any, fit_params: Mapping[str, Any]) -> None:
    """Refuse what the estimator's fit does not take.

    Raises
    ------
    DataError
    """
    parameters = signature(estimator.fit).parameters
    if any(one.kind is Parameter.VAR_KEYWORD for one in parameters.values()):
        return
    unknown = [name for name in fit_params if name not in parameters]
    if unknown:
        raise DataError(
            f"fit_params must be arguments of the estimator's fit, got {', '.join(unknown)}, which "
            f"fit of {type(estimator).__name__} does not take: leave them out"
        )


def takes_weights(estimator: Any) -> bool:
    """Whether the estimator's training can see population weights.

    Warns
    -----
    CostOptWarning
        ``weights-not-learned``, where it cannot.
    """
    if has_fit_parameter(estimator, "sample_weight"):
        return True
    warn(
        "weights-not-learned",
        f"fit of {type(estimator).__name__} takes no sample_weight: the weights count in "
        "calibration, rule and costs, but not in its training; for a pipeline, switch metadata "
        "routing on and request them from its last step",
    )
    return False
