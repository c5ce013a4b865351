"""Metrics of decisions and of scores, in money where they can be."""

from costopt.decision.rules import decision_cost, mean_cost, savings
from costopt.evaluation.metrics import decision_metrics
from costopt.evaluation.published_metrics import (
    brier_curve,
    expected_maximum_profit_churn,
    expected_maximum_profit_credit,
    h_measure,
    net_benefit,
)

__all__ = [
    "brier_curve",
    "decision_cost",
    "decision_metrics",
    "expected_maximum_profit_churn",
    "expected_maximum_profit_credit",
    "h_measure",
    "mean_cost",
    "net_benefit",
    "savings",
]
