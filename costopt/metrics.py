"""Metrics of decisions and of scores, in money where they can be."""

from costopt.decision.rules import decision_cost, mean_cost, savings
from costopt.evaluation.metrics import decision_metrics

__all__ = [
    "decision_cost",
    "decision_metrics",
    "mean_cost",
    "savings",
]
