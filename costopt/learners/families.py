"""Ensembles of other libraries as learners with a search space, made when they are first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from costopt.learners.dimensions import as_dimension
from costopt.learners.wrapped import SklearnLearner
from costopt.rebalancing.definition import EFFECTS

__all__ = ["ENSEMBLES", "OF_OTHER_PACKAGES"]

_FOREST = {
    "min_samples_leaf": (1, 50, "log"),
    "max_features": ["sqrt", 0.3, 0.6, 1.0],
}
_BALANCES = (
    "each member learns on balanced classes: the odds are multiplied by negatives per positive"
)


class _Family(SklearnLearner):
    """A classifier whose library is loaded when it is first used."""

    methods = None  # which does not have to be asked of the classifier

    def __init__(
        self,
        name: str,
        make: Callable[[], Any],
        space: Mapping[str, Any],
        *,
        title: str,
        does: str,
        helps: str,
        probabilities: str = EFFECTS["none"],
        balances: bool = False,
        n_models: int = 1,
        needs: str = "",
    ) -> None:
        self.name, self.title, self.does, self.helps = name, title, does, helps
        self.probabilities = _BALANCES if balances else probabilities
        self.balances = self.against_imbalance = balances
        self.n_models, self.needs = n_models, needs
        self._make = make
        self._space = {key: as_dimension(key, given) for key, given in space.items()}

    @cached_property
    def estimator(self) -> Any:
        """The classifier, to be cloned."""
        return self._make()


def _random_forest() -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier()


RANDOM_FOREST = _Family(
    "random_forest",
    _random_forest,
    _FOREST,
    title="random forest",
    does="The average of 100 deep trees.",
    helps="Few rows, noisy labels, no time to tune.",
    probabilities="close to the truth, drawn towards the middle",
)


def _hist_gradient_boosting() -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # its own early stopping would look at weighted scores: so many small steps are safe without
    return HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=150, max_leaf_nodes=15, early_stopping=False
    )


HIST_GRADIENT_BOOSTING = _Family(
    "hist_gradient_boosting",
    _hist_gradient_boosting,
    {
        "learning_rate": (0.02, 0.2, "log"),
        "max_leaf_nodes": (4, 63, "log"),
        "min_samples_leaf": (5, 100, "log"),
        "l2_regularization": (1e-3, 100.0, "log"),
    },
    title="histogram gradient boosting",
    does="scikit-learn's boosted trees.",
    helps="Where xgboost does, without another library.",
)


def _balanced_random_forest() -> Any:
    from imblearn.ensemble import BalancedRandomForestClassifier

    return BalancedRandomForestClassifier()


BALANCED_RANDOM_FOREST = _Family(
    "balanced_random_forest",
    _balanced_random_forest,
    _FOREST,
    title="balanced random forest",
    does="A forest whose trees each see balanced classes.",
    helps="Few rows, no time to tune.",
    balances=True,
)


def _balanced_bagging() -> Any:
    from imblearn.ensemble import BalancedBaggingClassifier

    return BalancedBaggingClassifier()


BALANCED_BAGGING = _Family(
    "balanced_bagging",
    _balanced_bagging,
    {"n_estimators": (10, 50), "max_features": (0.3, 1.0)},
    title="balanced bagging",
    does="Trees that each see balanced classes, ten of them.",
    helps="As the balanced random forest.",
    balances=True,
    n_models=10,
)


def _easy_ensemble() -> Any:
    from imblearn.ensemble import EasyEnsembleClassifier

    return EasyEnsembleClassifier()


EASY_ENSEMBLE = _Family(
    "easy_ensemble",
    _easy_ensemble,
    {"n_estimators": (5, 20)},
    title="EasyEnsemble",
    does="Ten AdaBoost models, each on balanced classes.",
    helps="Many rows, very few positives.",
    balances=True,
    n_models=10,
)


def _rusboost() -> Any:
    from imblearn.ensemble import RUSBoostClassifier

    return RUSBoostClassifier()


RUSBOOST = _Family(
    "rusboost",
    _rusboost,
    {"n_estimators": (30, 150), "learning_rate": (0.05, 1.0, "log")},
    title="RUSBoost",
    does="AdaBoost that samples to balance before each step.",
    helps="Rarely: it is noisy.",
    balances=True,
    n_models=50,
)


def _lightgbm() -> Any:
    from lightgbm import LGBMClassifier

    # no early stopping, which would look at weighted scores: many small steps are safe without
    return LGBMClassifier(
        n_estimators=150, learning_rate=0.05, num_leaves=15, subsample_freq=1, subsample=0.9
    )


LIGHTGBM = _Family(
    "lightgbm",
    _lightgbm,
    {
        "n_estimators": (50, 400, "log"),
        "learning_rate": (0.02, 0.2, "log"),
        "num_leaves": (4, 63, "log"),
        "min_child_samples": (5, 100, "log"),
        "colsample_bytree": (0.4, 1.0),
        "reg_lambda": (1e-3, 100.0, "log"),
    },
    title="LightGBM",
    does="Microsoft's boosted trees, with categories as categories.",
    helps="Where xgboost does.",
    needs="lightgbm",
)


def _catboost() -> Any:
    from catboost import CatBoostClassifier

    return CatBoostClassifier(iterations=200, learning_rate=0.06, depth=5)


CATBOOST = _Family(
    "catboost",
    _catboost,
    {
        "iterations": (50, 400, "log"),
        "learning_rate": (0.02, 0.2, "log"),
        "depth": (3, 8),
        "l2_leaf_reg": (0.5, 50.0, "log"),
    },
    title="CatBoost",
    does="Yandex's boosted trees, made for categories.",
    helps="Where xgboost does, with many categories.",
    needs="catboost",
)


ENSEMBLES = (
    RANDOM_FOREST,
    HIST_GRADIENT_BOOSTING,
    BALANCED_RANDOM_FOREST,
    BALANCED_BAGGING,
    EASY_ENSEMBLE,
    RUSBOOST,
)
OF_OTHER_PACKAGES = (LIGHTGBM, CATBOOST)
