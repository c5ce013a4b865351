"""The columns that a model sees: named, with their categories, read the same way every time."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.errors import DataError, nearest, warn
from costopt.inputs.cells import (
    TRUTHS,
    TextStyle,
    as_number,
    days_of,
    is_date,
    is_mark,
    number_of,
    without_unit,
)
from costopt.inputs.frames import Matrix, Scalar, Table, as_scalar
from costopt.inputs.unusable import (
    ColumnsError,
    Unusable,
    column_in_words,
    refuse,
    tell_of_texts,
    unusable,
)
from costopt.plain import Name

__all__ = ["Feature", "Schema"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
# of the unit of a column: a currency or a short word
MAX_UNIT = 16
MAX_DATE_FORMAT = 100
MAX_MISSING = 1000


@dataclass(frozen=True)
class Feature:
    """A column that a model sees: numeric, or with its known categories.

    Parameters
    ----------
    name : str
    categories : tuple of str, int, float or bool, optional
        In the order of their codes 0, 1, 2, ...; None for a numeric column.
    decimal : {"", ".", ","}, default=""
        What stands before decimals where numbers came as texts that showed it.
    unit : str, default=""
        What stood beside such numbers: a currency, a percent sign, a word.
    date_format : str, default=""
        Of a column of dates, read as days since 1970: as of strptime, or ``"ISO8601"``.

    Raises
    ------
    DataError
        If a category is infinite or there twice, or numbers are written in no known way.
    """

    name: Name
    categories: tuple[Scalar, ...] | None = None
    decimal: str = ""
    unit: str = ""
    date_format: str = ""

    def __post_init__(self) -> None:
        known = self.categories or ()
        if len(set(known)) < len(known) or any(isinstance(c, float) and c - c != 0 for c in known):
            raise DataError(f"column {self.name!r:.60} must have finite categories, each once")
        short = len(self.unit) <= MAX_UNIT and len(self.date_format) <= MAX_DATE_FORMAT
        if self.decimal not in ("", ".", ",") or not short:
            raise DataError(
                f"column {self.name!r:.60} must have decimals after '.' or ',', and a unit and a format of "
                f"dates of at most {MAX_UNIT} and {MAX_DATE_FORMAT} letters, got {self.decimal!r:.10}, "
                f"{self.unit!r:.30} and {self.date_format!r:.30}"
            )


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
                matrix[:, position] = _codes(table, feature, self.missing)
            else:
                read = _days if feature.date_format else _numbers
                matrix[:, position] = _without(read(table, feature, self.missing), self.missing)
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
            f"{_listed(constant)} hold{'s' if len(constant) == 1 else ''} one value only and "
            "cannot help: drop, or name in ignore=",
        )


def _is_constant(table: Table, feature: Feature) -> bool:
    if feature.categories is not None:
        return len(feature.categories) == 1
    numbers = table.numbers(feature.name)
    assert numbers is not None  # noqa: S101  # the feature was found to be one of numbers
    known = numbers[~np.isnan(numbers)]
    return bool(known.size and known.min() == known.max())


def _numbers(table: Table, feature: Feature, missing: Collection[str] = ()) -> FloatArray:
    """A numeric column of new rows, each cell by itself, however many there are."""
    if not table.is_text(feature.name) and not table.is_category(feature.name):
        numbers = table.numbers(feature.name)
        if numbers is not None:
            return numbers
    style = TextStyle(feature.decimal, feature.unit)
    return _each(
        table, feature, "numbers", missing, lambda values: [_number(each, style) for each in values]
    )


def _days(table: Table, feature: Feature, missing: Collection[str]) -> FloatArray:
    """A column of dates of new rows as days since 1970; what is days already stays so."""
    name, form = feature.name, feature.date_format
    if table.is_time(name):
        times = pd.Series(list(table.objects(name)))
        times = times if times.dtype.kind in "mM" else pd.to_datetime(times)
        return np.asarray(days_of(times), dtype=np.float64)

    def days(values: list[Any]) -> list[float | None]:
        texts = pd.Series([str(value).strip() for value in values], dtype=object)
        found = days_of(pd.to_datetime(texts, format=form, errors="coerce", utc=True))
        nothing = (float("nan") if is_mark(text) else None for text in texts)
        return [none if day != day else day for day, none in zip(found, nothing, strict=True)]

    if table.is_text(name) or table.is_category(name):
        return _each(table, feature, f"dates of the format {form}", missing, days)
    return _numbers(table, feature, missing)


def _each(
    table: Table,
    feature: Feature,
    what: str,
    missing: Collection[str],
    read: Callable[[list[Any]], list[float | None]],
) -> FloatArray:
    """The different values of a column, each read by itself; those that cannot be are refused."""
    codes, values = table.distinct(feature.name)
    found = [
        np.nan if _is_in(value, missing) else number
        for value, number in zip(values, read(values), strict=True)
    ]
    wrong = [at for at, number in enumerate(found) if number is None]
    rows = np.flatnonzero(np.isin(codes, wrong)) if wrong else np.empty(0, dtype=np.intp)
    if rows.size:
        value = values[codes[rows[0]]]
        found_there = (
            f"column {feature.name!r} must hold {what}, as it did when the model was fitted, "
            f"got {value!r:.60} in {table.place(rows[0])} ({_rows(rows.size)})"
        )
        raise ColumnsError(*(f"{found_there}: {remedy}" for remedy in _remedies(value)))
    return np.append(np.array(found, dtype=np.float64), np.nan)[codes]


def _is_in(value: Any, missing: Collection[str]) -> bool:
    return isinstance(value, str) and value.strip() in missing


def _without(numbers: FloatArray, missing: Collection[str]) -> FloatArray:
    """Numbers without those that were said to mean a missing value, such as -99."""
    gone = [number for text in missing if (number := number_of(text, TextStyle("."))) is not None]
    return np.where(np.isin(numbers, gone), np.nan, numbers) if gone else numbers


def _number(value: Any, style: TextStyle) -> float | None:
    """A value as a number, NaN where it says that it is missing; None where it is none."""
    if isinstance(value, str):
        if is_mark(value):
            return float("nan")
        number = number_of(value, style)
        return TRUTHS.get(value.strip().casefold()) if number is None else number
    return None if is_date(value) else as_number(value)


def _may_be_number(value: Any) -> bool:
    digits, unit = without_unit(str(value))
    return bool(digits) and not unit.isalpha()


def _remedies(value: Any) -> tuple[str, str]:
    """What to do about a cell that is no number, in Python and on the command line."""
    if is_date(value):
        first, call, option = "read its dates as they were read then", "dates=...", "--date"
    elif _may_be_number(value):
        first, call, option = "say how it is written", 'thousands=","', '--thousands ","'
    else:
        first, call = "correct it, or make it missing", f"missing=[{value!r:.60}]"
        option = f"--missing {shlex.quote(f'{value!s:.60}')}"
    return f"{first}, costopt.inputs.files.parse_texts(X, {call})", f"{first}, {option}"


def _codes(table: Table, feature: Feature, missing: Collection[str] = ()) -> FloatArray:
    """Codes of a categorical column by its known categories; NaN for missing and unseen."""
    codes, values = table.distinct(feature.name)
    known = _Categories(feature.categories or ())
    lookup = np.array([known.code(value) for value in values], dtype=np.float64)
    found: FloatArray = np.append(lookup, np.nan)[codes]
    unseen = np.flatnonzero(np.isnan(found) & (codes >= 0))
    if missing:
        gone = [at for at, value in enumerate(values) if _is_in(value, missing)]
        unseen = unseen[~np.isin(codes[unseen], gone)]
    if unseen.size:
        met = list(dict.fromkeys(codes[unseen].tolist()))
        none_known = unseen.size == np.count_nonzero(codes >= 0)
        hint = f" (known are {_listed(list(feature.categories or ()))})" if none_known else ""
        warn(
            "unseen-category",
            f"column {feature.name!r} has values that the model has never met, in "
            f"{_rows(unseen.size)} (first {table.place(unseen[0])}): "
            f"{_listed([values[code] for code in met])}; they count as missing{hint}",
        )
    return found


class _Categories:
    """Known categories, found whether 7 comes as a number or as a text, whatever its type."""

    def __init__(self, categories: Sequence[Scalar]) -> None:
        self.exact: dict[Any, int] = {value: code for code, value in enumerate(categories)}
        self.by_number: dict[float, float] = {}
        for code, value in enumerate(categories):
            number = _number(value, TextStyle())
            if number is not None and not np.isnan(number):
                # of two texts that mean one number, neither is meant
                self.by_number[number] = np.nan if number in self.by_number else code

    def code(self, value: Any) -> float:
        """The code of a value; NaN where it is not known."""
        for form in (value, str(value), str(value).strip()):
            if form in self.exact:
                return self.exact[form]
        number = _number(value, TextStyle())
        return np.nan if number is None else self.by_number.get(number, np.nan)


def _check_no_infinity(matrix: Matrix, table: Table, names: tuple[str, ...]) -> None:
    for position, name in enumerate(names):
        rows = np.flatnonzero(np.isinf(matrix[:, position]))
        if rows.size:
            raise DataError(
                f"column {name!r} must be finite or missing, got "
                f"{matrix[rows[0], position]} in {table.place(rows[0])} ({rows.size} such rows): cap "
                "them or make them missing"
            )


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _listed(values: list[Any]) -> str:
    shown = ", ".join(repr(value) for value in values[:5])
    return f"{shown} and {len(values) - 5} more" if len(values) > 5 else shown
