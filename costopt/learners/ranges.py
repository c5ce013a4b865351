"""Ranges that a family of models cannot take, refused before anything is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from costopt.errors import SearchError
from costopt.learners.dimensions import Choice, Dimension, Real
from costopt.learners.foreign import fresh

__all__ = ["check_for_sklearn", "check_for_xgboost"]


@dataclass(frozen=True)
class _Bounds:
    """What a parameter may be: from the lowest (above it, where open) to the highest."""

    low: float
    high: float | None = None
    is_whole: bool = False
    is_open: bool = False

    def __str__(self) -> str:
        kind = "a whole number" if self.is_whole else "a number"
        start = f"above {self.low:g}" if self.is_open else f"of at least {self.low:g}"
        return f"{kind} {start}{'' if self.high is None else f' and at most {self.high:g}'}"

    def allow(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.is_whole else int | float):
            return False
        low_enough = self.high is None or value <= self.high
        return low_enough and (value > self.low if self.is_open else value >= self.low)


_SHARE = _Bounds(0, 1, is_open=True)
_NOT_NEGATIVE = _Bounds(0)
XGBOOST = {
    "learning_rate": _NOT_NEGATIVE,
    "max_depth": _Bounds(0, is_whole=True),
    "max_leaves": _Bounds(0, is_whole=True),
    "max_bin": _Bounds(2, is_whole=True),
    "max_cat_threshold": _Bounds(1, is_whole=True),
    "max_cat_to_onehot": _Bounds(1, is_whole=True),
    "num_parallel_tree": _Bounds(1, is_whole=True),
    "max_delta_step": _NOT_NEGATIVE,
    "min_child_weight": _NOT_NEGATIVE,
    "reg_alpha": _NOT_NEGATIVE,
    "reg_lambda": _NOT_NEGATIVE,
    "gamma": _NOT_NEGATIVE,
    "subsample": _SHARE,
    "colsample_bytree": _SHARE,
    "colsample_bylevel": _SHARE,
    "colsample_bynode": _SHARE,
}


def check_for_xgboost(space: Mapping[str, Dimension]) -> None:
    """Refuse values that xgboost would refuse in every trial, or some.

    Raises
    ------
    SearchError
    """
    for name, dimension in space.items():
        if name not in XGBOOST:
            continue
        bounds = XGBOOST[name]
        for value in _ends(dimension):
            if not bounds.allow(value):
                raise SearchError(
                    f"search space of {name!r}: xgboost takes {bounds}, got {value!r}"
                )


def check_for_sklearn(estimator: Any, space: Mapping[str, Dimension]) -> None:
    """Refuse values that an estimator says it cannot take; some estimators say nothing.

    Raises
    ------
    SearchError
    """
    for name, dimension in space.items():
        *path, parameter = name.split("__")
        for value in _ends(dimension):
            owner = fresh(estimator).set_params(**{name: value})
            for step in path:
                owner = owner.get_params()[step]
            if not hasattr(owner, "_parameter_constraints"):
                break
            try:
                owner._validate_params()
            except (TypeError, ValueError) as error:
                if f"'{parameter}'" in str(error):  # not another of its parameters
                    raise SearchError(f"search space of {name!r}: {error}") from None


def _ends(dimension: Dimension) -> tuple[Any, ...]:
    """Values that are taken if the whole dimension is, or options; of reals one that is not whole."""
    if isinstance(dimension, Choice):
        return dimension.options
    if isinstance(dimension, Real):
        middle = dimension.low + (dimension.high - dimension.low) * 0.382
        return dimension.low, middle, dimension.high
    return dimension.low, dimension.high
