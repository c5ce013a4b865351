"""Any data frame or array in, one internal form out: numbers, with the categories kept beside."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.errors import DataError, nearest, warn

__all__ = ["Feature", "Labels", "Schema", "Table", "check_same_index", "encode_labels"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Matrix = NDArray[np.floating]
Scalar = str | int | float | bool

# A text column with more distinct values than this, and in more than half of its rows, names
# rows rather than describing them.
MAX_DISTINCT_TEXTS = 100


class Table:
    """Rows and named columns of whatever was passed: a data frame, an array or a nested list.

    Parameters
    ----------
    X : data frame or array-like of shape (n_cases, n_columns)
        pandas, polars, pyarrow and what else narwhals reads. Columns of an array are named
        ``x0``, ``x1``, and so on.

    Raises
    ------
    DataError
        If ``X`` is no table, is sparse or lazy, or has two columns of one name.

    Examples
    --------
    >>> table = Table([[1.0, 2.0], [3.0, 4.0]])
    >>> table.columns, table.n_rows
    (('x0', 'x1'), 2)
    >>> table["x1"]
    array([2., 4.])
    """

    def __init__(self, X: Any) -> None:
        if isinstance(X, Table):
            raise TypeError("a Table is made of a data frame or an array, not of a Table")
        if hasattr(X, "toarray"):
            raise DataError("X must be a dense table, got a sparse matrix: pass X.toarray()")
        self.index: Any = None
        self._frame: nw.DataFrame[Any] | None = None
        self._matrix: NDArray[Any] | None = None
        if isinstance(X, pd.DataFrame):
            self.index = X.index
            X = X.set_axis([str(name) for name in X.columns], axis=1)
            repeated = X.columns[X.columns.duplicated()]
            if len(repeated):
                raise DataError(f"X has two columns named {repeated[0]!r}: rename or drop one")
        if isinstance(X, np.ndarray | list | tuple):
            self._matrix = _as_matrix(X)
            self.columns = tuple(f"x{position}" for position in range(self._matrix.shape[1]))
            self.n_rows = self._matrix.shape[0]
            return
        try:
            self._frame = nw.from_native(X, eager_only=True)
        except TypeError:
            lazy = ": call .collect() first" if hasattr(X, "collect") else ""
            raise DataError(
                f"X must be a data frame or a two-dimensional array, got {type(X).__name__}{lazy}"
            ) from None
        self.columns = tuple(self._frame.columns)
        self.n_rows = len(self._frame)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column as numbers where it holds numbers, else as objects; KeyError if there is none."""
        if name not in self.columns:
            raise KeyError(name)
        if self._matrix is not None:
            return np.asarray(self._matrix[:, self.columns.index(name)])
        series = self._series(name)
        if series.dtype.is_numeric() or series.dtype == nw.Boolean:
            return _as_floats(series)
        return np.asarray(series.to_numpy())

    @property
    def matrix(self) -> Matrix | None:
        """The array itself where one was passed; None for a data frame."""
        return self._matrix

    def numbers(self, name: str) -> FloatArray | None:
        """A column as float64 with NaN for missing; None where it holds something else."""
        if self._matrix is not None:
            return np.asarray(self[name], dtype=np.float64)
        series = self._series(name)
        if series.dtype.is_numeric() or series.dtype == nw.Boolean:
            return _as_floats(series)
        if series.dtype == nw.Object:
            return _objects_as_floats(series.to_numpy())
        return None

    def is_time(self, name: str) -> bool:
        """Whether a column holds dates, times or durations."""
        return self._frame is not None and self._series(name).dtype.is_temporal()

    def texts(self, name: str) -> pd.Categorical:
        """A column of texts or categories; mixed columns are refused."""
        series = self._series(name)
        native = series.to_native()
        if isinstance(native, pd.Series) and isinstance(native.dtype, pd.CategoricalDtype):
            return pd.Categorical(native)
        values = pd.Series(series.to_list(), dtype=object)
        kinds = values.dropna().map(type)
        if kinds.nunique() > 1:
            odd = kinds[kinds != kinds.iloc[0]].index[0]
            raise DataError(
                f"column {name!r} mixes {kinds.iloc[0].__name__} and {kinds[odd].__name__} "
                f"({values[odd]!r} in row {odd}): make it all numbers or all texts"
            )
        return pd.Categorical(values)

    def native_column(self, name: str) -> Any:
        """A column as its own library holds it, for grouping and ordering rows."""
        return self[name] if self._matrix is not None else self._series(name).to_native()

    def to_pandas(self, columns: Collection[str]) -> pd.DataFrame:
        """Some of the columns as a pandas data frame with a plain index, copied."""
        if self._frame is None:
            return pd.DataFrame({name: self[name] for name in columns})
        frame = self._frame.select(list(columns)).to_pandas()
        return frame.reset_index(drop=True)

    def _series(self, name: str) -> nw.Series[Any]:
        assert self._frame is not None  # noqa: S101  # callers have asked for the matrix before
        return self._frame[name]


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


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels as booleans, and what the two classes are called.

    Parameters
    ----------
    y : bool array of shape (n_cases,)
    negative, positive : str, int, float or bool
    """

    y: BoolArray
    negative: Scalar
    positive: Scalar


def encode_labels(y: Any, pos_label: Scalar | None = None) -> Labels:
    """Labels of two classes as booleans; which class is positive is never guessed.

    Parameters
    ----------
    y : array-like of shape (n_cases,)
        Labels; 0/1 and booleans need no ``pos_label``.
    pos_label : str, int, float or bool, optional
        The class to act on.

    Raises
    ------
    DataError
        If a label is missing, there are not two classes, or the positive one is not clear.

    Warns
    -----
    CostOptWarning
        ``positive-majority``, where the positive class was named and is the larger one.

    Examples
    --------
    >>> encode_labels(["no", "yes", "no"], pos_label="yes").y
    array([False,  True, False])
    """
    series = _as_series(y)
    missing = np.flatnonzero(series.isna())
    if missing.size:
        raise DataError(
            f"y must have a label in every row, got none in row {missing[0]} "
            f"({missing.size} such rows): drop them"
        )
    counts = series.value_counts().sort_index()
    classes = [_scalar(value, "y") for value in counts.index]
    listed = ", ".join(f"{c!r} ({n} rows)" for c, n in zip(classes[:5], counts, strict=False))
    if len(classes) > 2:
        raise DataError(
            f"y must have two classes, got {len(classes)}: {listed}"
            f"{', ...' if len(classes) > 5 else ''}; merge them into the class to act on and the rest"
        )
    if len(classes) < 2:
        found = f"only one class, {listed}" if classes else "no rows"
        raise DataError(f"y must have two classes, got {found}: both are needed to learn from")
    if pos_label is None:
        if {float(c) if not isinstance(c, str) else c for c in classes} != {0.0, 1.0}:
            raise DataError(
                f"the positive class must be named where labels are not 0 and 1, got {listed}: "
                f"pass pos_label={classes[int(np.argmin(counts))]!r} if that is the class to act on"
            )
        positive = classes[1]
    else:
        if pos_label not in classes:
            raise DataError(f"pos_label={pos_label!r} is not among the classes {listed}")
        positive = classes[classes.index(pos_label)]
    negative = classes[1 - classes.index(positive)]
    labels = np.asarray(series == positive, dtype=bool)
    share = float(labels.mean())
    if pos_label is not None and share > 0.5:
        warn(
            "positive-majority",
            f"the positive class {positive!r} holds {share:.1%} of the rows and {negative!r} "
            f"{1 - share:.1%}: is {negative!r} the class to act on?",
        )
    return Labels(labels, negative, positive)


def check_same_index(table: Table, other: Any, name: str) -> None:
    """Refuse two pandas objects whose row labels differ: rows are never matched by position then.

    Raises
    ------
    DataError
    """
    index = getattr(other, "index", None)
    if table.index is None or index is None or callable(index) or table.index.equals(index):
        return
    same = len(index) == len(table.index) and set(index) == set(table.index)
    remedy = f"use {name}.loc[X.index]" if same else f"take the same rows of X and {name}"
    raise DataError(f"{name} has other row labels (index) than X: {remedy}")


def _as_matrix(X: Any) -> NDArray[Any]:
    """A numeric two-dimensional array; floats as they are, all else as float64."""
    try:
        matrix = np.asarray(X)
    except ValueError:
        raise DataError("X must be a table, got rows of different lengths") from None
    if matrix.ndim != 2:
        raise DataError(
            f"X must have two dimensions, rows and columns, got shape {matrix.shape}: for one "
            "feature pass X.reshape(-1, 1)"
        )
    if matrix.dtype.kind == "c":
        raise DataError("X must hold real numbers, got complex ones")
    if matrix.dtype not in (np.float32, np.float64):
        try:
            matrix = matrix.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"X must hold numbers where it is an array ({error}): pass a data frame for texts"
            ) from None
    return matrix


def _as_floats(series: nw.Series[Any]) -> FloatArray:
    return np.asarray(series.cast(nw.Float64).to_numpy(), dtype=np.float64)


def _objects_as_floats(values: NDArray[Any]) -> FloatArray | None:
    """An object column as numbers, if all that is there are numbers."""
    plain = int | float | np.number | np.bool_
    known = [value for value in values if not (value is None or value is pd.NA)]
    if not known or not all(isinstance(value, plain) for value in known):
        return None if known else np.full(len(values), np.nan)
    return np.array([np.nan if v is None or v is pd.NA else float(v) for v in values])


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
    return tuple(_scalar(value, f"column {name!r}") for value in present)


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
    # a sum is finite unless some entry is not, and needs no temporary of the matrix's size
    with np.errstate(all="ignore"):
        if np.isfinite(matrix.sum(dtype=np.float64)):
            return
    for position, name in enumerate(names):
        rows = np.flatnonzero(np.isinf(matrix[:, position]))
        if rows.size:
            raise DataError(
                f"column {name!r} must be finite or missing, got "
                f"{matrix[rows[0], position]} in row {rows[0]} ({rows.size} such rows): cap them or "
                "make them missing"
            )


def _as_series(y: Any) -> pd.Series[Any]:
    if isinstance(y, pd.Series):
        return y.reset_index(drop=True)
    if hasattr(y, "to_list") and not isinstance(y, np.ndarray):
        return pd.Series(y.to_list())
    values = np.asarray(y)
    if values.ndim != 1:
        raise DataError(f"y must be one-dimensional, got shape {values.shape}: pass one column")
    return pd.Series(list(y) if values.dtype == object else values)


def _scalar(value: Any, where: str) -> Scalar:
    """A label or category as a plain value that JSON can hold."""
    plain = value.item() if isinstance(value, np.generic) else value
    if not isinstance(plain, str | int | float | bool):
        raise DataError(
            f"{where} must hold texts, numbers or booleans, got {type(value).__name__} ({value!r:.40})"
        )
    return plain


def _listed(values: list[Any]) -> str:
    shown = ", ".join(repr(value) for value in values[:5])
    return f"{shown} and {len(values) - 5} more" if len(values) > 5 else shown
