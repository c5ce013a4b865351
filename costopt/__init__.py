"""Declare what each mistake costs, get the decision policy that costs least."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from costopt.comparison.advice import Advice, advise
    from costopt.comparison.audit import audit
    from costopt.comparison.compare import compare
    from costopt.comparison.counted import check_threshold, costs_counted_twice
    from costopt.comparison.findings import Finding
    from costopt.comparison.result import Comparison, StrategyResult
    from costopt.comparison.split import check_split
    from costopt.comparison.strategies import Strategy
    from costopt.decision.case_costs import CaseCosts
    from costopt.decision.costs import CostMatrix
    from costopt.decision.odds import OddsLedger, scale_odds
    from costopt.decision.rules import decide, decision_cost, expected_gain, mean_cost, savings
    from costopt.decision.thresholds import BestThreshold, CostCurve, bayes_threshold, cost_curve
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
    from costopt.learners.boosting import XGBoostLearner
    from costopt.learners.ledgers import ledger_of
    from costopt.learners.logistic import LogisticLearner
    from costopt.learners.wrapped import SklearnLearner
    from costopt.policy.assemble import choose_threshold
    from costopt.policy.decisions import Decision
    from costopt.policy.policy import DecisionPolicy
    from costopt.rebalancing.definition import Reweighting
    from costopt.rebalancing.random import random_over, random_under
    from costopt.rebalancing.weights import (
        class_weight,
        sample_weight,
        scale_pos_weight,
    )
    from costopt.report.page import write_report
    from costopt.search.objective import ExpectedCostObjective
    from costopt.search.result import SearchResult
    from costopt.search.study import optimize

__all__ = [
    "Advice",
    "BestThreshold",
    "CaseCosts",
    "Comparison",
    "CostCurve",
    "CostMatrix",
    "CostOptError",
    "CostOptWarning",
    "CostSearchClassifier",
    "CostSpecError",
    "CostThresholdClassifier",
    "DataError",
    "Decision",
    "DecisionPolicy",
    "Estimate",
    "ExpectedCostObjective",
    "Finding",
    "LogisticLearner",
    "OddsLedger",
    "PolicyError",
    "Reweighting",
    "SearchError",
    "SearchResult",
    "SklearnLearner",
    "StoreError",
    "Strategy",
    "StrategyResult",
    "XGBoostLearner",
    "advise",
    "audit",
    "bayes_threshold",
    "check_split",
    "check_threshold",
    "choose_threshold",
    "class_weight",
    "compare",
    "cost_curve",
    "costs_counted_twice",
    "decide",
    "decision_cost",
    "decision_metrics",
    "expected_gain",
    "ledger_of",
    "mean_cost",
    "optimize",
    "random_over",
    "random_under",
    "sample_weight",
    "savings",
    "scale_odds",
    "scale_pos_weight",
    "write_report",
]

_HOMES = {
    "costopt.comparison.compare": ("compare",),
    "costopt.comparison.result": ("Comparison", "StrategyResult"),
    "costopt.comparison.advice": ("Advice", "advise"),
    "costopt.comparison.audit": ("audit",),
    "costopt.comparison.counted": ("check_threshold", "costs_counted_twice"),
    "costopt.comparison.findings": ("Finding",),
    "costopt.comparison.split": ("check_split",),
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
    "costopt.decision.thresholds": ("BestThreshold", "CostCurve", "bayes_threshold", "cost_curve"),
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
    "costopt.policy.decisions": ("Decision",),
    "costopt.policy.policy": ("DecisionPolicy",),
    "costopt.report.page": ("write_report",),
    "costopt.search.objective": ("ExpectedCostObjective",),
    "costopt.search.result": ("SearchResult",),
    "costopt.search.study": ("optimize",),
    "costopt.learners.ledgers": ("ledger_of",),
    "costopt.learners.logistic": ("LogisticLearner",),
    "costopt.rebalancing.random": ("random_over", "random_under"),
    "costopt.learners.wrapped": ("SklearnLearner",),
    "costopt.comparison.strategies": ("Strategy",),
    "costopt.rebalancing.definition": ("Reweighting",),
    "costopt.rebalancing.weights": ("class_weight", "sample_weight", "scale_pos_weight"),
    "costopt.learners.boosting": ("XGBoostLearner",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that importing costopt stays light."""
    if name in _HOME_OF:
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'costopt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
