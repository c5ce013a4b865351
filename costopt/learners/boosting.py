"""Gradient boosting by xgboost on rows that are binned once per fold."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from scipy.special import expit

from costopt.errors import SearchError, nearest
from costopt.inputs.frames import Matrix
from costopt.learners.boosting_files import ABSENT, read_model
from costopt.learners.objectives import objective as find_objective
from costopt.learners.protocol import (
    BoolArray,
    Dimension,
    Features,
    Fitted,
    FloatArray,
    Fold,
    IntArray,
    Integer,
    Params,
    Real,
    as_dimension,
    check_magnitude,
    within,
)
from costopt.learners.ranges import check_for_xgboost
from costopt.rebalancing.weights import Reweighting

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
    "scale_pos_weight": "it is the device 'weight' of resampling=, where its effect is undone",
    "objective": "scores must be probabilities: log loss it is",
    "base_score": "it is the share of positives after weighting",
    "seed": "it comes from random_state=",
    "random_state": "it comes from random_state= of the search",
    "nthread": "it comes from n_jobs=",
    "n_jobs": "it comes from n_jobs= of the search",
}
# The validation rows are looked at after each of the first rounds, then after every few.
LOOK_ALWAYS = 20
LOOK_EVERY = 5
# A booster keeps what it predicted for each row it saw; a copy does not, and is made where that counts.
ROWS_TO_FORGET = 200_000
ALIASES = {
    "eta": "learning_rate",
    "lambda": "reg_lambda",
    "alpha": "reg_alpha",
    "min_split_loss": "gamma",
}


def _check_magnitude(features: Features) -> None:
    largest = float(np.finfo(np.float32).max)
    check_magnitude(features, largest, "xgboost computes in single precision")


class _Prepared:
    """Binned matrices of the folds, made when first asked for and kept."""

    def __init__(self, features: Features, folds: Sequence[Fold]) -> None:
        self.matrix: Matrix = features.matrix
        _check_magnitude(features)
        self.categorical = features.schema.is_categorical
        self.folds = folds
        self._binned: dict[tuple[int | None, int], tuple[Any, Any]] = {}
        self._lock = threading.Lock()

    def rows(self, fold: int | None, kept: IntArray | None = None) -> Matrix:
        """The training rows of a fold, or those kept of them; of None all rows, as they are."""
        if fold is None:
            return self.matrix if kept is None else self.matrix[kept]
        train = self.folds[fold].train
        return self.matrix[train if kept is None else train[kept]]

    def binned(self, fold: int | None, max_bin: int, n_threads: int) -> tuple[Any, Any]:
        """Training and validation matrix of a fold, on the cuts of its training rows."""
        with self._lock:
            if (fold, max_bin) not in self._binned:
                self._binned[fold, max_bin] = self._bin(fold, max_bin, n_threads)
            return self._binned[fold, max_bin]

    def forget_folds(self) -> None:
        """Make room for all rows at once; folds are binned again if they are asked for again."""
        with self._lock:
            self._binned = {key: kept for key, kept in self._binned.items() if key[0] is None}

    def _bin(self, fold: int | None, max_bin: int, n_threads: int) -> tuple[Any, Any]:
        rows = self.rows(fold)
        train = self.quantile_matrix(rows, n_threads, max_bin=max_bin)
        if fold is None:
            return train, None
        valid_rows = _without(self.matrix[self.folds[fold].test], self.absent(fold))
        return train, self.quantile_matrix(valid_rows, n_threads, max_bin=max_bin, ref=train)

    def absent(self, fold: int) -> list[list[int]]:
        """Columns and codes of the categories that a fold is not trained on.

        A code without a cut of its own would fall into another category's bin: it is missing.
        """
        rows = self.folds[fold].train
        return [
            [int(column), int(code)]
            for column in np.flatnonzero(self.categorical)
            for code in np.setdiff1d(self.matrix[:, column], self.matrix[rows, column])
            if not np.isnan(code)
        ]

    def quantile_matrix(self, rows: Matrix, n_threads: int, **options: Any) -> Any:
        """Rows as xgboost bins them."""
        return xgb.QuantileDMatrix(
            rows,
            feature_types=_feature_types(self.categorical),
            enable_categorical=True,
            nthread=n_threads,
            **options,
        )


@dataclass(frozen=True, eq=False)
class _FoldModel:
    """Trees, and what their margins are counted from on validation rows."""

    booster: xgb.Booster
    margin: float
    log_multiplier: float
    max_bin: int

    def put_margin(self, valid: Any) -> None:
        """Make the validation rows start from the prior with the weights undone."""
        valid.set_info(base_margin=np.full(valid.num_row(), self.margin))


class XGBoostLearner:
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

    takes_weights = True
    grows = True

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
        self.name = "xgboost" if self._objective is None else f"xgboost_{objective}"
        # costs reach the objective as weights, so that device and no other
        self.devices = ("case_weight",) if objective == "expected_cost" else None
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

    def prepare(self, features: Features, folds: Sequence[Fold]) -> _Prepared:
        """Nothing is binned before a fold is first trained on."""
        return _Prepared(features, folds)

    def fit(
        self,
        prepared: _Prepared,
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
        settings = {**DEFAULTS, **self._fixed, **params}
        if fold is None:
            prepared.forget_folds()
        train, valid = prepared.binned(fold, settings["max_bin"], n_threads)
        labels = y if fold is None else y[prepared.folds[fold].train]
        if sample.rows is not None:
            rows = prepared.rows(fold, sample.rows)
            train = prepared.quantile_matrix(
                rows, n_threads, max_bin=settings["max_bin"], ref=train
            )
            labels = labels[sample.rows]
        train.set_info(label=labels, weight=sample.sample_weight)
        prior = float(np.average(labels, weights=sample.sample_weight))
        if self._objective is not None and not self._objective.starts_at_prior:
            prior = 0.5
        step = self._step(labels, sample.sample_weight, prior)
        settings |= {
            "objective": "binary:logistic",
            "eval_metric": "logloss",
            "tree_method": "hist",
            "base_score": prior,
            "seed": seed,
            "nthread": n_threads,
            "verbosity": 0,
        }
        if fold is None or n_rounds is not None:
            booster = xgb.Booster(settings, [train])
            for number in range(n_rounds or self.max_rounds):
                if checkpoint is not None:
                    checkpoint()
                step(booster, train, number)
            absent = [] if fold is None else prepared.absent(fold)
            if absent:
                booster.set_attr(**{ABSENT: json.dumps(absent)})
            return Fitted(booster)
        log_multiplier = math.log(sample.odds_multiplier or 1.0)
        model = _FoldModel(
            xgb.Booster(settings, [train, valid]),
            # trees are added to this, so that validation sees odds with the weights undone
            margin=math.log(prior / (1 - prior)) - log_multiplier,
            log_multiplier=log_multiplier,
            max_bin=settings["max_bin"],
        )
        test = prepared.folds[fold].test
        model.put_margin(valid)
        weight = None if validation_weight is None else validation_weight[test]
        valid.set_info(label=y[test], weight=weight)
        look = self._look(y[test], weight, log_multiplier)
        grown = self._grow(model.booster, train, valid, step, look, checkpoint)
        if train.num_row() > ROWS_TO_FORGET:
            model = replace(model, booster=model.booster.copy())
        return Fitted(model, *grown)

    def _step(
        self, y: BoolArray, weight: FloatArray, prior: float
    ) -> Callable[[Any, Any, int], None]:
        """How one tree is added."""
        chosen = self._objective
        if chosen is None:
            return lambda booster, train, number: booster.update(train, number)
        # penalties and the least weight of a leaf mean the same as under log loss
        _, first = chosen.derivatives(np.full(y.size, math.log(prior / (1 - prior))), y)
        weight = weight * (prior * (1 - prior) / float(np.average(first, weights=weight)))

        def step(booster: Any, train: Any, number: int) -> None:
            margin = booster.predict(train, output_margin=True, training=True).astype(np.float64)
            gradient, curvature = chosen.derivatives(margin, y)
            # xgboost applies weights to its own objectives only
            booster.boost(train, number, grad=weight * gradient, hess=weight * curvature)

        return step

    def _look(
        self, y: BoolArray, weight: FloatArray | None, log_multiplier: float
    ) -> Callable[[Any, Any], float]:
        """How the loss on validation rows is measured."""
        chosen = self._objective
        if chosen is None:
            return lambda booster, valid: float(
                booster.eval_set([(valid, "valid")]).rpartition(":")[2]
            )
        # the loss that is trained on: positives count as often as they do in training, and the
        # margin is the one that this leads to
        each = np.where(y, math.exp(log_multiplier), 1.0) * (1.0 if weight is None else weight)

        def look(booster: Any, valid: Any) -> float:
            margin = booster.predict(valid, output_margin=True).astype(np.float64) + log_multiplier
            return float(np.average(chosen.loss(margin, y), weights=each))

        return look

    def _grow(
        self,
        booster: xgb.Booster,
        train: Any,
        valid: Any,
        step: Callable[[Any, Any, int], None],
        look: Callable[[Any, Any], float],
        checkpoint: Callable[[], None] | None,
    ) -> tuple[FloatArray, IntArray]:
        """Add trees until looking at the validation rows has not paid for ``patience`` rounds.

        xgboost's own training loop looks after every round, which costs about a quarter of the
        training, and refuses validation rows binned on other rows than those trained on, as they
        are where rows are under-sampled.
        """
        losses: list[float] = []
        rounds: list[int] = []
        best, best_round = math.inf, 0
        for done in range(1, self.max_rounds + 1):
            if checkpoint is not None:
                checkpoint()
            step(booster, train, done - 1)
            if done > LOOK_ALWAYS and done % LOOK_EVERY and done < self.max_rounds:
                continue
            losses.append(look(booster, valid))
            rounds.append(done)
            if losses[-1] < best:
                best, best_round = losses[-1], done
            elif done - best_round >= self.patience:
                break
        return np.array(losses), np.array(rounds)

    def score_fold(
        self, prepared: _Prepared, fold: int, fitted: Fitted, n_rounds: int | None
    ) -> FloatArray:
        """Probabilities as the weighted training made them, after ``n_rounds`` trees."""
        model: _FoldModel = fitted.model
        _, valid = prepared.binned(fold, model.max_bin, 1)
        model.put_margin(valid)  # another candidate may have put its own
        rounds = (0, n_rounds or 0)
        margin = model.booster.predict(valid, output_margin=True, iteration_range=rounds)
        return np.asarray(expit(margin.astype(np.float64) + model.log_multiplier))

    def score(self, model: xgb.Booster, features: Features) -> FloatArray:
        """Probabilities as the weighted training made them, of new rows."""
        _check_magnitude(features)
        absent = json.loads(model.attr(ABSENT) or "[]")
        rows = xgb.DMatrix(
            _without(features.matrix.copy(), absent) if absent else features.matrix,
            feature_types=_feature_types(features.schema.is_categorical),
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


def _without(rows: Matrix, absent: list[list[int]]) -> Matrix:
    """Rows in which some categories are missing values; changed in place."""
    for column, code in absent:
        rows[rows[:, column] == code, column] = np.nan
    return rows


def _feature_types(categorical: NDArray[np.bool_]) -> list[str]:
    return ["c" if flag else "q" for flag in categorical]
