"""Gradient boosting by xgboost, which finds out itself how many rounds are best."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from costopt.errors import SearchError, nearest
from costopt.learners.boosting_files import ABSENT, read_model
from costopt.learners.dimensions import Dimension, Integer, Real, as_dimension, within
from costopt.learners.objectives import objective as find_objective
from costopt.learners.protocol import (
    BoolArray,
    Features,
    Fitted,
    FloatArray,
    Fold,
    Learner,
    Params,
)
from costopt.learners.ranges import check_for_xgboost
from costopt.rebalancing.definition import EFFECTS, Reweighting

if TYPE_CHECKING:
    import xgboost as xgb

    from costopt.learners.boosting_rows import BinnedRows

__all__ = ["XGBoostLearner"]

DEFAULT_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(0.02, 0.3, log=True),
    "max_depth": Integer(2, 8),
    "min_child_weight": Real(0.5, 50.0, log=True),
    "subsample": Real(0.5, 1.0),
    "colsample_bytree": Real(0.3, 1.0),
    "reg_lambda": Real(0.1, 100.0, log=True),
    "gamma": Real(0.001, 5.0, log=True),
}
DEFAULTS: dict[str, Any] = {
    "learning_rate": 0.05,
    "max_depth": 4,
    "min_child_weight": 3.0,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
    "reg_lambda": 10.0,
    "gamma": 0.001,
    "max_bin": 256,
}
KNOWN = (
    *DEFAULTS,
    "colsample_bylevel",
    "colsample_bynode",
    "grow_policy",
    "max_cat_threshold",
    "max_cat_to_onehot",
    "max_delta_step",
    "max_leaves",
    "num_parallel_tree",
    "reg_alpha",
    "sampling_method",
)
RESERVED = {
    "n_estimators": "the number of rounds is chosen by early stopping; set max_rounds= instead",
    "num_boost_round": "the number of rounds is chosen by early stopping; set max_rounds= instead",
    "scale_pos_weight": "it is the method 'weight' of resampling=, where its effect is undone",
    "objective": "scores must be probabilities: log loss it is",
    "base_score": "it is the share of positives after weighting",
    "seed": "it comes from random_state=",
    "random_state": "it comes from random_state= of the search",
    "nthread": "it comes from n_jobs=",
    "n_jobs": "it comes from n_jobs= of the search",
}
ALIASES = {
    "eta": "learning_rate",
    "lambda": "reg_lambda",
    "alpha": "reg_alpha",
    "min_split_loss": "gamma",
}
SETTINGS: dict[str, Any] = {
    "objective": "binary:logistic",
    "eval_metric": "logloss",
    "tree_method": "hist",
    "verbosity": 0,
}
# Of each objective: name, title, what it does, when it helps, and what the scores are.
WORDS = {
    "log_loss": (
        "xgboost",
        "xgboost",
        "Boosted trees with early stopping, on the rows as they are.",
        "The one to beat: on tables with a good threshold little else is better.",
        EFFECTS["none"],
    ),
    "focal": (
        "xgboost_focal",
        "focal loss",
        "Boosted trees on log loss with well-classified rows turned down.",
        "Deep networks; on tables it has won nothing here.",
        "drawn towards the middle, until they are calibrated",
    ),
    "expected_cost": (
        "xgboost_expected_cost",
        "expected-cost objective",
        "Boosted trees on the expected cost itself, case by case.",
        "Rarely: rows that are badly wrong are no longer learned from.",
        "scores are driven to 0 and 1 and are no probabilities",
    ),
}


@dataclass(frozen=True, eq=False)
class _FoldModel:
    """Trees, and what their margins are counted from on validation rows."""

    booster: xgb.Booster
    margin: float
    log_multiplier: float
    max_bin: int


class XGBoostLearner(Learner):
    """xgboost with native missing values and categories; the number of rounds is not searched.

    Parameters
    ----------
    space : mapping of str to dimension, optional
        What is searched: ``(low, high)``, ``(low, high, "log")`` or a list of options for each
        parameter of xgboost. A default space where None.
    fixed : mapping of str to value, optional
        Parameters that keep one value.
    max_rounds : int, default=1000
        At most so many trees.
    patience : int, default=30
        Rounds without a better log loss on validation rows before a fold stops.
    objective : {"log_loss", "focal", "expected_cost"}, default="log_loss"
        The latter two are named ``"xgboost_focal"`` and ``"xgboost_expected_cost"``; rounds are
        then chosen by that loss, and rows are weighed by their costs for the last.

    Raises
    ------
    SearchError
        If a parameter is unknown, is set elsewhere, or its range is not usable.

    Examples
    --------
    >>> learner = XGBoostLearner(space={"max_depth": (2, 6)}, fixed={"learning_rate": 0.1})
    >>> learner.space()
    {'max_depth': Integer(low=2, high=6, log=False)}
    """

    grows = True
    saves_models = True

    def __init__(
        self,
        space: Mapping[str, Any] | None = None,
        *,
        fixed: Params | None = None,
        max_rounds: int = 1000,
        patience: int = 30,
        objective: str = "log_loss",
    ) -> None:
        self._objective = find_objective(objective)
        words = WORDS[objective]
        self.name, self.title, self.does, self.helps, self.probabilities = words
        self.against_imbalance = self._objective is not None
        # costs reach the objective as weights, so by that method and no other
        self.methods = ("case_weight",) if objective == "expected_cost" else None
        for limit, given in (("max_rounds", max_rounds), ("patience", patience)):
            if not isinstance(given, int) or isinstance(given, bool) or given < 1:
                raise SearchError(f"{limit} must be a whole number of at least 1, got {given!r}")
        self._fixed = {_known(name): value for name, value in (fixed or {}).items()}
        if space is None:
            self._space = {n: d for n, d in DEFAULT_SPACE.items() if n not in self._fixed}
        else:
            self._space = {_known(name): as_dimension(name, given) for name, given in space.items()}
        check_for_xgboost(self._space)
        self.max_rounds = max_rounds
        self.patience = patience

    def __repr__(self) -> str:
        return (
            f"XGBoostLearner({self._space}, fixed={self._fixed}, max_rounds={self.max_rounds}, "
            f"patience={self.patience}{self._named_objective()})"
        )

    def _named_objective(self) -> str:
        named = self.name.removeprefix("xgboost_")
        return "" if self._objective is None else f", objective={named!r}"

    def space(self) -> dict[str, Dimension]:
        """What is searched."""
        return dict(self._space)

    def defaults(self) -> dict[str, Any]:
        """The untuned model, kept within the space that is searched."""
        return {name: within(d, DEFAULTS.get(name)) for name, d in self._space.items()}

    def prepare(self, features: Features, folds: Sequence[Fold]) -> BinnedRows:
        """Nothing is binned before a fold is first trained on."""
        from costopt.learners.boosting_rows import BinnedRows

        return BinnedRows(features, folds)

    def fit(
        self,
        prepared: BinnedRows,
        fold: int | None,
        y: BoolArray,
        sample: Reweighting,
        params: Params,
        *,
        seed: int,
        n_threads: int,
        n_rounds: int | None = None,
        validation_weight: FloatArray | None = None,
        checkpoint: Callable[[], None] | None = None,
    ) -> Fitted:
        """Trees, stopped on the fold's validation rows, or exactly ``n_rounds`` of them."""
        import xgboost as xgb

        from costopt.learners.boosting_rounds import Rounds, loss_on, objective_on

        settings = {**DEFAULTS, **self._fixed, **params}
        max_bin = settings["max_bin"]
        train, labels = prepared.training(fold, y, sample, max_bin, n_threads)
        prior = float(np.average(labels, weights=sample.sample_weight))
        if self._objective is not None and not self._objective.starts_at_prior:
            prior = 0.5
        settings |= {**SETTINGS, "base_score": prior, "seed": seed, "nthread": n_threads}
        # trees are added to the margin, so that validation sees odds with the weights undone
        log_multiplier = math.log(sample.odds_multiplier or 1.0)
        margin, loss = math.log(prior / (1 - prior)) - log_multiplier, None
        if fold is not None and n_rounds is None:
            test = prepared.folds[fold].test
            weight = None if validation_weight is None else validation_weight[test]
            valid = prepared.validation(fold, max_bin, margin)
            valid.set_info(label=y[test], weight=weight)
            loss = loss_on(self._objective, valid, y[test], weight, log_multiplier)
        last = n_rounds or self.max_rounds
        rounds = Rounds(last, self.patience, loss, checkpoint)
        booster = xgb.train(
            settings,
            train,
            last,
            obj=objective_on(self._objective, labels, sample.sample_weight, prior),
            callbacks=[rounds],
            verbose_eval=False,
        )
        if loss is None:
            absent = [] if fold is None else prepared.absent(fold)
            if absent:
                booster.set_attr(**{ABSENT: json.dumps(absent)})
            return Fitted(booster)
        return Fitted(_FoldModel(booster, margin, log_multiplier, max_bin), *rounds.found())

    def score_fold(
        self, prepared: BinnedRows, fold: int, fitted: Fitted, n_rounds: int | None
    ) -> FloatArray:
        """Probabilities as the weighted training made them, after ``n_rounds`` trees."""
        model: _FoldModel = fitted.model
        valid = prepared.validation(fold, model.max_bin, model.margin)
        rounds = (0, n_rounds or 0)
        margin = model.booster.predict(valid, output_margin=True, iteration_range=rounds)
        return np.asarray(expit(margin.astype(np.float64) + model.log_multiplier))

    def score(self, model: xgb.Booster, features: Features) -> FloatArray:
        """Probabilities as the weighted training made them, of new rows."""
        import xgboost as xgb

        from costopt.learners.boosting_rows import check_single_precision, feature_types, without

        check_single_precision(features)
        absent = json.loads(model.attr(ABSENT) or "[]")
        rows = xgb.DMatrix(
            without(features.matrix.copy(), absent) if absent else features.matrix,
            feature_types=feature_types(features.schema.is_categorical),
            enable_categorical=True,
            nthread=1 if features.n_rows == 1 else None,  # starting threads takes longer than a row
        )
        margin = model.predict(rows, output_margin=True)
        return np.asarray(expit(margin.astype(np.float64)))

    def to_files(self, model: xgb.Booster) -> dict[str, bytes]:
        """Xgboost's own JSON."""
        return {"model.json": bytes(model.save_raw("json"))}

    def from_files(self, files: Mapping[str, bytes], n_features: int) -> xgb.Booster:
        """The model, after its JSON has been checked node by node."""
        import xgboost as xgb

        booster = xgb.Booster()
        booster.load_model(bytearray(read_model(files["model.json"], n_features)))
        return booster


def _known(name: str) -> str:
    name = ALIASES.get(name, name)
    if name in RESERVED:
        raise SearchError(f"xgboost's {name!r} cannot be set here: {RESERVED[name]}")
    if name not in KNOWN:
        raise SearchError(f"xgboost has no parameter {name!r}: {nearest(name, KNOWN)}")
    return name
