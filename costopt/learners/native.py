"""Rows for libraries that take categories as such: columns with names, categories as categories."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from costopt.inputs.features import Feature
from costopt.inputs.frames import Matrix
from costopt.learners.foreign import library_of
from costopt.learners.protocol import Features

__all__ = ["categorical_columns", "native_rows", "takes_categories"]

# LightGBM writes names of columns into JSON without quoting these.
NOT_IN_LIGHTGBM = str.maketrans(dict.fromkeys('",:[]{}', "_"))
MISSING = "missing"


def takes_categories(estimator: Any, features: Features) -> bool:
    """Whether rows reach the estimator as a data frame with categories."""
    return features.schema.named and library_of(estimator) in ("lightgbm", "catboost")


def native_rows(estimator: Any, features: Features) -> pd.DataFrame:
    """The rows as a data frame: numbers, and categories as the estimator's library takes them."""
    matrix = features.matrix
    if library_of(estimator) == "lightgbm":
        columns = {
            name: _numbers_or_categories(matrix, position, feature)
            for position, (name, feature) in enumerate(
                zip(_safe_names(features.schema.names), features.schema.features, strict=True)
            )
        }
        return pd.DataFrame(columns)
    declared = categorical_columns(estimator, features)
    return pd.DataFrame(
        {
            feature.name: _texts(matrix, position, feature)
            if feature.name in declared
            else matrix[:, position].astype(np.float64)
            for position, feature in enumerate(features.schema.features)
        }
    )


def categorical_columns(estimator: Any, rows: Any) -> list[str]:
    """The columns that CatBoost is told are categories; none for other libraries.

    Those that the caller told it, and of `Features` those with categories; of a data frame of
    the caller's, where nothing was told, those that hold texts, categories or booleans.
    """
    if library_of(estimator) != "catboost":
        return []
    told = estimator.get_params().get("cat_features")
    if isinstance(rows, Features):
        names = rows.schema.names
        listed = {names[one] if isinstance(one, int) else one for one in told or ()}
        return [f.name for f in rows.schema.features if f.categories or f.name in listed]
    if told is not None or not isinstance(rows, pd.DataFrame):
        return []
    frame = nw.from_native(rows, eager_only=True)
    return [name for name, kind in frame.schema.items() if not kind.is_numeric()]


def _numbers_or_categories(matrix: Matrix, position: int, feature: Feature) -> Any:
    values = matrix[:, position]
    if feature.categories is None:
        return values
    return pd.Categorical.from_codes(_codes(values), categories=list(feature.categories))


def _texts(matrix: Matrix, position: int, feature: Feature) -> Any:
    """Categories as texts, a missing one as one more; numbers that were declared categories too."""
    values = matrix[:, position]
    if feature.categories is None:
        return [MISSING if np.isnan(one) else repr(float(one)).removesuffix(".0") for one in values]
    known = [str(category) for category in feature.categories]
    missing = MISSING
    while missing in known:
        missing += "_"
    return np.array([*known, missing], dtype=object)[_codes(values)]


def _codes(values: Any) -> Any:
    return np.where(np.isnan(values), -1, values).astype(np.intp)


def _safe_names(names: tuple[str, ...]) -> list[str]:
    """Names that LightGBM takes, all different."""
    found: dict[str, None] = {}
    kept = set(names)
    for name in names:
        safe = name.translate(NOT_IN_LIGHTGBM)
        while safe in found or (safe != name and safe in kept):
            safe += "_"
        found[safe] = None
    return list(found)
