"""The names of all rebalancing methods, in their order; light, since help texts name them.

What stands behind each is in `costopt.rebalancing.methods`.
"""

from __future__ import annotations

__all__ = ["BY_DEFAULT", "NAMES"]

# What a search chooses among if it is not told otherwise: what costs no time, copies no row, and
# whose effect on the odds is known.
BY_DEFAULT = ("none", "weight", "random_over", "random_under")
NAMES = (
    *BY_DEFAULT,
    "case_weight",
    "rejection",
    "smote",
    "adasyn",
    "borderline_smote",
    "svm_smote",
    "smote_tomek",
    "smote_enn",
    "tomek_links",
    "edited_nearest_neighbours",
    "near_miss",
)
