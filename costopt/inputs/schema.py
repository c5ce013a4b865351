"""The columns that a model sees: named, with their categories, read the same way every time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.errors import DataError, nearest, warn
from costopt.inputs.cells import TextStyle
from costopt.inputs.features import (
    Feature,
    listed,
    read_codes,
    read_days,
    read_numbers,
    without_missing,
)
from costopt.inputs.frames import Matrix, Table, as_scalar
from costopt.inputs.unusable import (
    Unusable,
    column_in_words,
    refuse,
    tell_of_texts,
    unusable,
)

__all__ = ["Schema"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
MAX_MISSING = 1000


@dataclass(frozen=True)
class Schema:
    """The columns that a model sees, in order, so that new rows are read by name.

    Parameters
    ----------
    features : tuple of Feature
    named : bool, default=True
        Whether the columns came with names; those of an array are matched by position.
    missing : tuple of str, default=()
        Cells that were said to mean that a value is missing, in any column.

    Raises
    ------
    DataError
        If two features have one name, or those of an array another than their position.
    """

    features: tuple[Feature, ...]
    named: bool = field(default=True)
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            raise DataError(f"there are two columns named {twice[0]!r:.60}: rename or drop one")
        if not self.named and not all(re.fullmatch(r"x\d{1,9}", name) for name in self.names):
            raise DataError("columns of an array are named x0, x1, and so on")
        if len(self.missing) > MAX_MISSING:
            raise DataError(f"at most {MAX_MISSING:,} texts can mean a missing value")

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
        found = [_feature(table, name) for name in names]
        refuse([one for one in found if isinstance(one, Unusable)])
        features = tuple(one for one in found if isinstance(one, Feature))
        _tell_of_texts(table, features)
        _tell_of_constants(table, features)
        return cls(features, named=table.matrix is None, missing=tuple(table.said("missing") or ()))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def decimals(self) -> dict[str, str]:
        """What stands before decimals, by feature, where texts have shown it."""
        return {feature.name: feature.decimal for feature in self.features if feature.decimal}

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
            if feature.categories is not None:
                matrix[:, position] = read_codes(table, feature, self.missing)
            else:
                read = read_days if feature.date_format else read_numbers
                matrix[:, position] = without_missing(
                    read(table, feature, self.missing), self.missing
                )
        _check_no_infinity(matrix, table, self.names)
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
        _check_no_infinity(matrix, table, self.names)
        return matrix


def _feature(table: Table, name: str) -> Feature | Unusable:
    """A column as a feature, or why it can be none."""
    numbers = table.numbers(name)
    if numbers is not None:
        if table.n_rows and np.isnan(numbers).all():
            return Unusable(name, "has no value in any row")
        style = TextStyle() if table.matrix is not None else table.style(name)
        dates = table.said("dates") or {}
        return Feature(name, None, style.decimal, style.unit, dates.get(name, ""))
    found = unusable(table, name)
    if found is not None:
        return found
    texts = table.texts(name).remove_unused_categories().categories
    return Feature(name, tuple(as_scalar(value, f"column {name!r}") for value in texts))


def _tell_of_texts(table: Table, features: Sequence[Feature]) -> None:
    """Report, once for all columns, which texts were read as numbers."""
    if table.matrix is not None:
        return
    read = {
        feature.name: table.cells(feature.name)
        for feature in features
        if feature.categories is None and table.is_text(feature.name)
    }
    told = [column_in_words(name, cells) for name, cells in read.items() if cells.from_texts]
    tell_of_texts(told, "to keep the texts as categories, pass X.astype({column: 'category'})")


def _tell_of_constants(table: Table, features: Sequence[Feature]) -> None:
    """Report, once for all, the columns that hold one value."""
    constant = [one.name for one in features if table.n_rows > 1 and _is_constant(table, one)]
    if constant:
        warn(
            "constant-column",
            f"{listed(constant)} hold{'s' if len(constant) == 1 else ''} one value only and "
            "cannot help: drop, or name in ignore=",
        )


def _is_constant(table: Table, feature: Feature) -> bool:
    if feature.categories is not None:
        return len(feature.categories) == 1
    numbers = table.numbers(feature.name)
    assert numbers is not None  # noqa: S101  # the feature was found to be one of numbers
    known = numbers[~np.isnan(numbers)]
    return bool(known.size and known.min() == known.max())


def _check_no_infinity(matrix: Matrix, table: Table, names: tuple[str, ...]) -> None:
    for position, name in enumerate(names):
        rows = np.flatnonzero(np.isinf(matrix[:, position]))
        if rows.size:
            raise DataError(
                f"column {name!r} must be finite or missing, got "
                f"{matrix[rows[0], position]} in {table.place(rows[0])} ({rows.size} such rows): cap "
                "them or make them missing"
            )
