"""The columns that a model sees: named, with their categories, read the same way every time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.errors import DataError, nearest, warn
from costopt.frames import Matrix, Scalar, Table, as_scalar

__all__ = ["Feature", "Schema"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# A text column with more distinct values than this, and in more than half of its rows, names
# rows rather than describing them.
MAX_DISTINCT_TEXTS = 100


@dataclass(frozen=True)
class Feature:
    """A column that a model sees: numeric, or with its known categories.

    Parameters
    ----------
    name : str
    categories : tuple of str, int, float or bool, optional
        In the order of their codes 0, 1, 2, ...; None for a numeric column.
    """

    name: str
    categories: tuple[Scalar, ...] | None = None


@dataclass(frozen=True)
class Schema:
    """The columns that a model sees, in order, so that new rows are read by name.

    Parameters
    ----------
    features : tuple of Feature
    named : bool, default=True
        Whether the columns came with names; those of an array are matched by position.
    """

    features: tuple[Feature, ...]
    named: bool = field(default=True)

    @classmethod
    def infer(cls, table: Table, ignore: Collection[str] = ()) -> Schema:
        """The features of a table, without some columns.

        Raises
        ------
        DataError
            If a column to ignore does not exist, or a column can be no feature: dates, lists,
            mixed types, no value at all, or a text of its own in most rows.

        Warns
        -----
        CostOptWarning
            ``constant-column``, for columns that hold one value only.
        """
        for name in ignore:
            if name not in table.columns:
                raise DataError(
                    f"there is no column {name!r} to ignore: {nearest(name, table.columns)}"
                )
        names = [name for name in table.columns if name not in ignore]
        if not names:
            raise DataError("X has no column left to learn from: keep at least one feature")
        features, constant = [], []
        for name in names:
            numbers = table.numbers(name)
            if numbers is not None:
                known = numbers[~np.isnan(numbers)]
                distinct = 0 if not known.size else 1 + int(known.min() != known.max())
                features.append(Feature(name))
            else:
                categories = _categories(table, name)
                distinct = len(categories)
                features.append(Feature(name, categories))
            if distinct == 0 and table.n_rows:
                raise DataError(
                    f"column {name!r} has no value in any row: drop it or name it in ignore="
                )
            if distinct == 1 and table.n_rows > 1:
                constant.append(name)
        if constant:
            warn(
                "constant-column",
                f"{_listed(constant)} hold{'s' if len(constant) == 1 else ''} one value only and "
                "cannot help: drop, or name in ignore=",
            )
        return cls(tuple(features), named=table.matrix is None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `from_dict` reads them."""
        columns = [
            {"name": f.name, "categories": None if f.categories is None else list(f.categories)}
            for f in self.features
        ]
        return {"named": self.named, "columns": columns}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Schema:
        """The schema that `to_dict` wrote."""
        features = (
            Feature(c["name"], None if c["categories"] is None else tuple(c["categories"]))
            for c in stored["columns"]
        )
        return cls(tuple(features), named=stored["named"])

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def is_categorical(self) -> BoolArray:
        """Which features hold category codes, shape (n_features,)."""
        return np.array([feature.categories is not None for feature in self.features])

    def encode(self, table: Table) -> Matrix:
        """The features of some rows as one matrix; categories as codes, missing as NaN.

        Arrays of float32 or float64 are taken as they are, never changed; all else becomes
        float64.

        Returns
        -------
        matrix : array of shape (n_cases, n_features)

        Raises
        ------
        DataError
            If a column is missing or holds another kind of values, or a number is infinite.

        Warns
        -----
        CostOptWarning
            ``unseen-category``: values that the model has never met count as missing.
        """
        if table.matrix is not None:
            return self._encode_matrix(table)
        for name in self.names:
            if name not in table.columns:
                raise DataError(
                    f"column {name!r} is missing: {nearest(name, table.columns)} "
                    f"The model needs {len(self.names)} columns by name"
                )
        matrix = np.empty((table.n_rows, len(self.features)), order="F")
        for position, feature in enumerate(self.features):
            if feature.categories is None:
                numbers = table.numbers(feature.name)
                if numbers is None:
                    raise DataError(
                        f"column {feature.name!r} must hold numbers, as it did when the model was "
                        "fitted"
                    )
                matrix[:, position] = numbers
            else:
                matrix[:, position] = _codes(table, feature)
        _check_no_infinity(matrix, self.names)
        return np.ascontiguousarray(matrix)

    def decode(self, matrix: Matrix) -> pd.DataFrame:
        """Encoded rows as columns again: numbers, and categories by their names."""
        columns = {}
        for position, feature in enumerate(self.features):
            values = matrix[:, position]
            if feature.categories is not None:
                codes = np.where(np.isnan(values), -1, values).astype(np.intp)
                values = np.array([*feature.categories, None], dtype=object)[codes]
            columns[feature.name] = values
        return pd.DataFrame(columns)

    def _encode_matrix(self, table: Table) -> Matrix:
        matrix = table.matrix
        assert matrix is not None  # noqa: S101  # the caller has just asked
        if self.named:
            raise DataError(
                "the model was fitted on named columns: pass a data frame that has "
                f"{', '.join(self.names[:5])}{', ...' if len(self.names) > 5 else ''}"
            )
        wanted = [int(name[1:]) for name in self.names]
        if max(wanted) >= matrix.shape[1]:
            raise DataError(
                f"X must have at least {max(wanted) + 1} columns, as when the model was fitted, "
                f"got {matrix.shape[1]}"
            )
        if len(wanted) < matrix.shape[1]:
            matrix = matrix[:, wanted]
        _check_no_infinity(matrix, self.names)
        return matrix


def _categories(table: Table, name: str) -> tuple[Scalar, ...]:
    if table.is_time(name):
        raise DataError(
            f"column {name!r} holds dates or times: order the folds by it (time={name!r}), turn it "
            "into numbers, or name it in ignore="
        )
    texts = table.texts(name)
    present = texts.remove_unused_categories().categories
    if len(present) > max(MAX_DISTINCT_TEXTS, table.n_rows // 2):
        raise DataError(
            f"column {name!r} has {len(present)} different texts in {table.n_rows} rows: it names "
            "rows rather than describing them; put it in ignore=, or group its values first"
        )
    return tuple(as_scalar(value, f"column {name!r}") for value in present)


def _codes(table: Table, feature: Feature) -> FloatArray:
    """Codes of a categorical column by its known categories; NaN for missing and unseen."""
    known = pd.Index(list(feature.categories or ()), dtype=object)
    numbers = table.numbers(feature.name)
    texts = table.texts(feature.name) if numbers is None else pd.Categorical(pd.Series(numbers))
    lookup = known.get_indexer(pd.Index(texts.categories, dtype=object)).astype(np.float64)
    lookup[lookup < 0] = np.nan
    codes: FloatArray = np.append(lookup, np.nan)[texts.codes]
    unseen = np.flatnonzero(np.isnan(codes) & (texts.codes >= 0))
    if unseen.size:
        values = list(dict.fromkeys(texts[row] for row in unseen[:1000]))
        if unseen.size == np.count_nonzero(texts.codes >= 0) and unseen.size > 1:
            raise DataError(
                f"column {feature.name!r} has no value that the model knows (got {values[0]!r}, "
                f"known are {list(known[:5])}): is it the same column, of the same type?"
            )
        warn(
            "unseen-category",
            f"column {feature.name!r} has values that the model has never met, in {unseen.size} "
            f"rows (first row {unseen[0]}): {_listed(values)}; they count as missing",
        )
    return codes


def _check_no_infinity(matrix: Matrix, names: tuple[str, ...]) -> None:
    for position, name in enumerate(names):
        rows = np.flatnonzero(np.isinf(matrix[:, position]))
        if rows.size:
            raise DataError(
                f"column {name!r} must be finite or missing, got "
                f"{matrix[rows[0], position]} in row {rows[0]} ({rows.size} such rows): cap them or "
                "make them missing"
            )


def _listed(values: list[Any]) -> str:
    shown = ", ".join(repr(value) for value in values[:5])
    return f"{shown} and {len(values) - 5} more" if len(values) > 5 else shown
