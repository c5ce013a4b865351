"""The names of all learners, in their order; light, since help texts name them before anything is loaded.

What stands behind each is in `costopt.learners.registry`.
"""

from __future__ import annotations

__all__ = ["BUILT_IN", "OPTIONAL"]

BUILT_IN = (
    "xgboost",
    "logistic",
    "random_forest",
    "hist_gradient_boosting",
    "balanced_random_forest",
    "balanced_bagging",
    "easy_ensemble",
    "rusboost",
    "isolation_forest",
    "one_class_svm",
    "local_outlier_factor",
    "xgboost_focal",
    "xgboost_expected_cost",
)
# Their packages come with the extra "integrations".
OPTIONAL = ("lightgbm", "catboost")
