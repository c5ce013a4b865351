"""Declare what each mistake costs, get the decision policy that costs least."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from costopt.decision.case_costs import CaseCosts
    from costopt.decision.costs import CostMatrix
    from costopt.decision.odds import OddsLedger, scale_odds
    from costopt.decision.rules import decide, decision_cost, expected_gain, mean_cost, savings
    from costopt.decision.thresholds import BestCut, CostCurve, bayes_threshold, cost_curve
    from costopt.errors import (
        CostOptError,
        CostOptWarning,
        CostSpecError,
        DataError,
        PolicyError,
        SearchError,
        StoreError,
    )
    from costopt.estimators.search import CostSearchClassifier
    from costopt.estimators.threshold import CostThresholdClassifier
    from costopt.evaluation.estimates import Estimate
    from costopt.evaluation.metrics import decision_metrics
    from costopt.policy.assemble import choose_threshold
    from costopt.policy.policy import DecisionPolicy
    from costopt.search.objective import ExpectedCostObjective
    from costopt.search.result import SearchResult
    from costopt.search.study import optimize
    from costopt.training.logistic_learner import LogisticLearner
    from costopt.training.resampling import random_over, random_under
    from costopt.training.sklearn_learner import SklearnLearner
    from costopt.training.weights import (
        Reweighting,
        class_weight,
        sample_weight,
        scale_pos_weight,
    )
    from costopt.training.xgboost_learner import XGBoostLearner

__all__ = [
    "BestCut",
    "CaseCosts",
    "CostCurve",
    "CostMatrix",
    "CostOptError",
    "CostOptWarning",
    "CostSearchClassifier",
    "CostSpecError",
    "CostThresholdClassifier",
    "DataError",
    "DecisionPolicy",
    "Estimate",
    "ExpectedCostObjective",
    "LogisticLearner",
    "OddsLedger",
    "PolicyError",
    "Reweighting",
    "SearchError",
    "SearchResult",
    "SklearnLearner",
    "StoreError",
    "XGBoostLearner",
    "bayes_threshold",
    "choose_threshold",
    "class_weight",
    "cost_curve",
    "decide",
    "decision_cost",
    "decision_metrics",
    "expected_gain",
    "mean_cost",
    "optimize",
    "random_over",
    "random_under",
    "sample_weight",
    "savings",
    "scale_odds",
    "scale_pos_weight",
]

_HOMES = {
    "costopt.decision.case_costs": ("CaseCosts",),
    "costopt.decision.costs": ("CostMatrix",),
    "costopt.decision.odds": ("OddsLedger", "scale_odds"),
    "costopt.decision.rules": (
        "decide",
        "decision_cost",
        "expected_gain",
        "mean_cost",
        "savings",
    ),
    "costopt.decision.thresholds": ("BestCut", "CostCurve", "bayes_threshold", "cost_curve"),
    "costopt.errors": (
        "CostOptError",
        "CostOptWarning",
        "CostSpecError",
        "DataError",
        "PolicyError",
        "SearchError",
        "StoreError",
    ),
    "costopt.estimators.search": ("CostSearchClassifier",),
    "costopt.estimators.threshold": ("CostThresholdClassifier",),
    "costopt.evaluation.estimates": ("Estimate",),
    "costopt.evaluation.metrics": ("decision_metrics",),
    "costopt.policy.assemble": ("choose_threshold",),
    "costopt.policy.policy": ("DecisionPolicy",),
    "costopt.search.objective": ("ExpectedCostObjective",),
    "costopt.search.result": ("SearchResult",),
    "costopt.search.study": ("optimize",),
    "costopt.training.logistic_learner": ("LogisticLearner",),
    "costopt.training.resampling": ("random_over", "random_under"),
    "costopt.training.sklearn_learner": ("SklearnLearner",),
    "costopt.training.weights": (
        "Reweighting",
        "class_weight",
        "sample_weight",
        "scale_pos_weight",
    ),
    "costopt.training.xgboost_learner": ("XGBoostLearner",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that importing costopt stays light."""
    if name in _HOME_OF:
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'costopt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
