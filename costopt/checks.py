"""Mistakes found before they cost money: in a split, in a threshold, in costs that are counted twice."""

from costopt.comparison.audit import audit
from costopt.comparison.counted import check_threshold, costs_counted_twice
from costopt.comparison.findings import Finding
from costopt.comparison.split import check_split

__all__ = [
    "Finding",
    "audit",
    "check_split",
    "check_threshold",
    "costs_counted_twice",
]
