"""The built-in learners by name; a learner's library is loaded only when that learner is used."""

from __future__ import annotations

from costopt.errors import SearchError, nearest
from costopt.learners.protocol import Learner

__all__ = ["BUILT_IN", "KNOWN", "OPTIONAL", "built_in", "learner"]

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
KNOWN = (*BUILT_IN, *OPTIONAL)
_DETECTORS = ("isolation_forest", "one_class_svm", "local_outlier_factor")
# Their models have files that can be validated before they are read.
_SAVED = ("xgboost", "logistic", "xgboost_focal", "xgboost_expected_cost")


def learner(name: str) -> Learner:
    """A built-in learner by its name, such as ``"xgboost"``, ``"logistic"`` or ``"random_forest"``.

    Raises
    ------
    SearchError
        If there is none of that name, or the package that it needs is not installed.

    Examples
    --------
    >>> learner("logistic").name
    'logistic'
    """
    if name not in KNOWN:
        raise SearchError(f"there is no learner named {name!r}: {nearest(name, KNOWN)}")
    if name.startswith("xgboost"):
        from costopt.learners.boosting import XGBoostLearner

        return XGBoostLearner(
            objective=name.removeprefix("xgboost").removeprefix("_") or "log_loss"
        )
    if name == "logistic":
        from costopt.learners.logistic import LogisticLearner

        return LogisticLearner()
    if name in _DETECTORS:
        from costopt.learners.anomaly import AnomalyLearner

        return AnomalyLearner(name)
    from costopt.learners.families import family

    return family(name)


def built_in(name: str) -> Learner | None:
    """The learner that reads models saved under a name; None where models of it are not saved."""
    return learner(name) if name in _SAVED else None
