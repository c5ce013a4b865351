"""The built-in learners by name; a learner's library is loaded only when that learner is used."""

from __future__ import annotations

from costopt.errors import SearchError, nearest
from costopt.training.learners import Learner

__all__ = ["BUILT_IN", "built_in", "learner"]

BUILT_IN = ("xgboost", "logistic")


def learner(name: str) -> Learner:
    """A built-in learner by its name: ``"xgboost"`` or ``"logistic"``.

    Raises
    ------
    SearchError
        If there is none of that name.

    Examples
    --------
    >>> learner("logistic").name
    'logistic'
    """
    if name == "xgboost":
        from costopt.training.xgboost_learner import XGBoostLearner

        return XGBoostLearner()
    if name == "logistic":
        from costopt.training.logistic_learner import LogisticLearner

        return LogisticLearner()
    raise SearchError(f"there is no learner named {name!r}: {nearest(name, BUILT_IN)}")


def built_in(name: str) -> Learner | None:
    """The learner that reads models saved under a name; None where models of it are not saved."""
    return learner(name) if name in BUILT_IN else None
