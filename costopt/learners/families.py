"""Ensembles of other libraries as learners with a search space, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from costopt.errors import SearchError
from costopt.learners.wrapped import SklearnLearner

__all__ = ["FAMILIES", "family"]

_FOREST: Mapping[str, Any] = {
    "min_samples_leaf": (1, 50, "log"),
    "max_features": ["sqrt", 0.3, 0.6, 1.0],
}


def _random_forest() -> SklearnLearner:
    from sklearn.ensemble import RandomForestClassifier

    return SklearnLearner(RandomForestClassifier(), _FOREST, name="random_forest")


def _hist_gradient_boosting() -> SklearnLearner:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # its own early stopping would look at weighted scores: so many small steps are safe without
    model = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=150, max_leaf_nodes=15, early_stopping=False
    )
    space = {
        "learning_rate": (0.02, 0.2, "log"),
        "max_leaf_nodes": (4, 63, "log"),
        "min_samples_leaf": (5, 100, "log"),
        "l2_regularization": (1e-3, 100.0, "log"),
    }
    return SklearnLearner(model, space, name="hist_gradient_boosting")


def _balanced_random_forest() -> SklearnLearner:
    from imblearn.ensemble import BalancedRandomForestClassifier

    return SklearnLearner(
        BalancedRandomForestClassifier(), _FOREST, name="balanced_random_forest", balances=True
    )


def _balanced_bagging() -> SklearnLearner:
    from imblearn.ensemble import BalancedBaggingClassifier

    space = {"n_estimators": (10, 50), "max_features": (0.3, 1.0)}
    return SklearnLearner(
        BalancedBaggingClassifier(), space, name="balanced_bagging", balances=True
    )


def _easy_ensemble() -> SklearnLearner:
    from imblearn.ensemble import EasyEnsembleClassifier

    space = {"n_estimators": (5, 20)}
    return SklearnLearner(EasyEnsembleClassifier(), space, name="easy_ensemble", balances=True)


def _rusboost() -> SklearnLearner:
    from imblearn.ensemble import RUSBoostClassifier

    space = {"n_estimators": (30, 150), "learning_rate": (0.05, 1.0, "log")}
    return SklearnLearner(RUSBoostClassifier(), space, name="rusboost", balances=True)


def _lightgbm() -> SklearnLearner:
    from lightgbm import LGBMClassifier

    # no early stopping, which would look at weighted scores: many small steps are safe without
    model = LGBMClassifier(
        n_estimators=150, learning_rate=0.05, num_leaves=15, subsample_freq=1, subsample=0.9
    )
    space = {
        "n_estimators": (50, 400, "log"),
        "learning_rate": (0.02, 0.2, "log"),
        "num_leaves": (4, 63, "log"),
        "min_child_samples": (5, 100, "log"),
        "colsample_bytree": (0.4, 1.0),
        "reg_lambda": (1e-3, 100.0, "log"),
    }
    return SklearnLearner(model, space, name="lightgbm")


def _catboost() -> SklearnLearner:
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(iterations=200, learning_rate=0.06, depth=5)
    space = {
        "iterations": (50, 400, "log"),
        "learning_rate": (0.02, 0.2, "log"),
        "depth": (3, 8),
        "l2_leaf_reg": (0.5, 50.0, "log"),
    }
    return SklearnLearner(model, space, name="catboost")


FAMILIES: dict[str, Callable[[], SklearnLearner]] = {
    "random_forest": _random_forest,
    "hist_gradient_boosting": _hist_gradient_boosting,
    "balanced_random_forest": _balanced_random_forest,
    "balanced_bagging": _balanced_bagging,
    "easy_ensemble": _easy_ensemble,
    "rusboost": _rusboost,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
}


def family(name: str) -> SklearnLearner:
    """The learner of that name.

    Raises
    ------
    SearchError
        If the package that it needs is not installed.

    Examples
    --------
    >>> family("balanced_random_forest").balances
    True
    """
    try:
        return FAMILIES[name]()
    except ImportError:
        raise SearchError(
            f"the learner {name!r} needs the package {name}, which is not installed: "
            "pip install 'costopt-ml[integrations]'"
        ) from None
