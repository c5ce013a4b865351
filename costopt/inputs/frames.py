"""Any data frame or array in, one form out: rows and named columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.errors import DataError, nearest
from costopt.inputs.cells import Cells, TextStyle, read_cells

__all__ = ["ORIGIN", "Matrix", "Scalar", "Table", "as_scalar", "placed"]

FloatArray = NDArray[np.float64]
Matrix = NDArray[np.floating]
Scalar = str | int | float | bool
# Under this name a data frame remembers the file it was read from: ``lines``, as (row, line) where a
# run of rows begins that stand on lines without a gap, ``styles`` of texts read as numbers, formats of
# ``dates`` by column, and texts that were said to be ``missing``.
ORIGIN = "costopt"


class Table:
    """Rows and named columns of whatever was passed: a data frame, an array or a nested list.

    Parameters
    ----------
    X : data frame or array-like of shape (n_cases, n_columns)
        pandas, polars, pyarrow and what else narwhals reads, or a list of records (dicts). Columns
        of an array are named ``x0``, ``x1``, and so on.

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
        self._cells: dict[str, Cells] = {}
        self._rows: NDArray[np.intp] | None = None  # where rows stood before some were taken
        self._decimals: Mapping[str, str] = {}
        if isinstance(X, list | tuple) and len(X) and all(isinstance(row, dict) for row in X):
            X = pd.DataFrame(list(X))
        self._origin: dict[str, Any] = getattr(X, "attrs", {}).get(ORIGIN, {})
        if isinstance(X, pd.DataFrame):
            self.index = X.index
            X = _plain_columns(X)
        if isinstance(X, np.ndarray | list | tuple):
            self._matrix = _as_matrix(X)
            self.columns = tuple(f"x{position}" for position in range(self._matrix.shape[1]))
            self.n_rows = self._matrix.shape[0]
            return
        try:
            self._frame = nw.from_native(X, eager_only=True)
        except nw.exceptions.DuplicateError:
            names = list(X.column_names if hasattr(X, "column_names") else X.columns)
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"X has two columns named {twice!r}: rename or drop one") from None
        except TypeError:
            lazy = ": call .collect() first" if hasattr(X, "collect") else ""
            columns = ": pass pd.DataFrame(X)" if isinstance(X, dict) else lazy
            raise DataError(
                f"X must be a data frame or a two-dimensional array, got {type(X).__name__}{columns}"
            ) from None
        self.columns = tuple(self._frame.columns)
        self.n_rows = len(self._frame)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column as numbers where it holds numbers, else as objects; KeyError if there is none."""
        if name not in self.columns:
            raise KeyError(name)
        if self._matrix is not None:
            return np.asarray(self._matrix[:, self.columns.index(name)])
        numbers = None if self.is_category(name) else self.numbers(name)
        return self.objects(name) if numbers is None else numbers

    @property
    def matrix(self) -> Matrix | None:
        """The array itself where one was passed; None for a data frame."""
        return self._matrix

    def numbers(self, name: str) -> FloatArray | None:
        """A column as float64 with NaN for missing; None where it holds something else.

        Texts are numbers where all of them are, but for marks such as "?", which are missing.
        """
        if self._matrix is not None:
            return np.asarray(self[name], dtype=np.float64)
        series = self._series(name)
        if series.dtype.is_numeric() or series.dtype == nw.Boolean:
            return _as_floats(series)
        if series.null_count() == len(series):  # a column without a value has no type either
            return np.full(len(series), np.nan)
        if self.is_category(name) or self.is_time(name):
            return None
        cells = self.cells(name)
        return cells.numbers if cells.kind == "numbers" else None

    def cells(self, name: str) -> Cells:
        """What the objects of a column are, looked at once."""
        if name not in self._cells:
            self._cells[name] = read_cells(self.objects(name), self._decimals.get(name, ""))
        return self._cells[name]

    def is_text(self, name: str) -> bool:
        """Whether a column holds objects, such as texts, of which nobody said that they are categories."""
        dtype = self._series(name).dtype
        return (
            dtype in (nw.String, nw.Object, nw.Unknown) or dtype.is_nested() or dtype == nw.Binary
        )

    def objects(self, name: str) -> NDArray[Any]:
        """A column as its values one by one."""
        series = self._series(name)
        if series.dtype in (nw.Object, nw.Unknown):
            return np.asarray(series.to_native().to_numpy(), dtype=object)
        array = np.empty(len(series), dtype=object)
        array[:] = series.to_list()
        return array

    def distinct(self, name: str) -> tuple[NDArray[np.intp], list[Any]]:
        """The different values of a column and, by row, which of them it is; -1 for missing."""
        native = self._series(name).to_native()
        if isinstance(native, pd.Series) and isinstance(native.dtype, pd.CategoricalDtype):
            return native.cat.codes.to_numpy(np.intp), list(native.cat.categories)
        objects = self.objects(name)
        try:
            codes, values = pd.factorize(objects)
        except TypeError:  # lists and the like have no hash
            row = next(at for at, value in enumerate(objects) if not _has_hash(value))
            raise DataError(
                f"column {name!r} must hold texts, numbers or booleans, got "
                f"{type(objects[row]).__name__} ({objects[row]!r:.40} in {self.place(row)})"
            ) from None
        return codes, list(values)

    def style(self, name: str) -> TextStyle:
        """How texts of a column are numbers: as this table, or the file it was read from, shows."""
        stored = self._origin.get("styles", {}).get(name)
        if stored is not None:
            return TextStyle(*stored)
        return self._cells[name].style if name in self._cells else TextStyle()

    def read_as(self, decimals: Mapping[str, str]) -> Table:
        """The same table, whose texts in some columns have a known sign before decimals."""
        self._decimals, self._cells = decimals, {}
        return self

    def said(self, name: str) -> Any:
        """What the data frame remembers of how it was read: ``dates`` or ``missing``, if anything."""
        return self._origin.get(name)

    def place(self, row: int) -> str:
        """Where a row is found: its number from 0, or its line in the file it was read from."""
        return _placed(self._origin, int(row if self._rows is None else self._rows[row]))

    def is_time(self, name: str) -> bool:
        """Whether a column holds dates, times or durations, and not as texts."""
        if self._frame is None:
            return False
        dtype = self._series(name).dtype
        return dtype.is_temporal() or (
            dtype == nw.Object
            and self.cells(name).kind == "dates"
            and not isinstance(self.cells(name).odd[0][1], str)
        )

    def texts(self, name: str) -> pd.Categorical:
        """A column of texts or categories; mixed columns are refused."""
        series = self._series(name)
        native = series.to_native()
        if isinstance(native, pd.Series) and isinstance(native.dtype, pd.CategoricalDtype):
            kept = pd.Categorical(native)
            if (
                kept.categories.dtype.kind in "biufO"
                and kept.categories.inferred_type != "interval"
            ):
                return kept
            return kept.rename_categories(kept.categories.map(str))
        values = pd.Series(self.objects(name), dtype=object)
        if series.dtype in (nw.String, nw.Categorical, nw.Enum):
            return pd.Categorical(values)
        known = values[~values.isna()].map(lambda value: as_scalar(value, f"column {name!r}"))
        kinds = known.map(type)
        if kinds.nunique() > 1:
            odd = kinds[kinds != kinds.iloc[0]].index[0]
            raise DataError(
                f"column {name!r} mixes {kinds.iloc[0].__name__} and {kinds[odd].__name__} "
                f"({known[odd]!r} in {self.place(odd)}): make it all numbers or all texts"
            )
        return pd.Categorical(known.reindex(values.index))

    def native_column(self, name: str) -> Any:
        """A column as its own library holds it, for grouping and ordering rows."""
        return self[name] if self._matrix is not None else self._series(name).to_native()

    def values_of(self, given: Any) -> Any:
        """A column by its name, or values as they are.

        Raises
        ------
        DataError
            If there is no column of that name.
        """
        if not isinstance(given, str):
            return given
        if given not in self.columns:
            raise DataError(f"there is no column {given!r}: {nearest(given, self.columns)}")
        return self.native_column(given)

    def to_pandas(self, columns: Collection[str]) -> pd.DataFrame:
        """Some of the columns as a pandas data frame with a plain index, copied."""
        if self._frame is None:
            return pd.DataFrame({name: self[name] for name in columns})
        frame = self._frame.select(list(columns)).to_pandas()
        return frame.reset_index(drop=True)

    def take(self, rows: NDArray[np.intp]) -> Table:
        """Some of the rows, by ascending index."""
        taken = object.__new__(Table)
        taken.columns, taken.n_rows = self.columns, rows.size
        taken.index = None if self.index is None else self.index[rows]
        taken._frame = None if self._frame is None else self._frame[rows.tolist()]
        taken._matrix = None if self._matrix is None else self._matrix[rows]
        taken._cells, taken._origin, taken._decimals = {}, self._origin, self._decimals
        taken._rows = rows if self._rows is None else self._rows[rows]
        return taken

    def is_category(self, name: str) -> bool:
        """Whether somebody has said that a column holds categories."""
        return self._series(name).dtype in (nw.Categorical, nw.Enum)

    def _series(self, name: str) -> nw.Series[Any]:
        assert self._frame is not None  # noqa: S101  # callers have asked for the matrix before
        return self._frame[name]


def _as_matrix(X: Any) -> NDArray[Any]:
    """A numeric two-dimensional array; floats as they are, all else as float64."""
    if isinstance(X, np.ma.MaskedArray):
        X = np.ma.filled(X.astype(np.float64), np.nan)
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


def placed(values: Any, row: int) -> str:
    """Where a row of a pandas object is found: in the file it was read from, or by its number."""
    return _placed(getattr(values, "attrs", {}).get(ORIGIN, {}), row)


def _placed(origin: dict[str, Any], row: int) -> str:
    runs = origin.get("lines")
    if not runs:
        return f"row {row}"
    first, line = max(run for run in runs if run[0] <= row)
    return f"line {line + row - first}"


def _has_hash(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _plain_columns(X: pd.DataFrame) -> pd.DataFrame:
    """A data frame with texts for names, and columns of types that every library knows."""
    X = X.set_axis([str(name) for name in X.columns], axis=1)
    repeated = X.columns[X.columns.duplicated()]
    if len(repeated):
        raise DataError(f"X has two columns named {repeated[0]!r}: rename or drop one")
    changed: dict[str, Any] = {}
    for name, dtype in X.dtypes.items():
        if isinstance(dtype, pd.SparseDtype):
            changed[str(name)] = X[name].sparse.to_dense()
        elif isinstance(dtype, np.dtype) and dtype.kind in "iufM" and not dtype.isnative:
            changed[str(name)] = X[name].astype(dtype.newbyteorder("="))
        elif isinstance(dtype, np.dtype) and dtype in (np.float16, np.longdouble):
            changed[str(name)] = X[name].astype(np.float64)
        elif isinstance(dtype, pd.IntervalDtype | pd.PeriodDtype):
            changed[str(name)] = X[name].astype(str).astype("category").where(X[name].notna())
    return X.assign(**changed) if changed else X


def as_scalar(value: Any, where: str) -> Scalar:
    """A label or category as a plain value that JSON can hold."""
    plain = value.item() if isinstance(value, np.generic) else value
    if not isinstance(plain, str | int | float | bool):
        raise DataError(
            f"{where} must hold texts, numbers or booleans, got {type(value).__name__} ({value!r:.40})"
        )
    return plain
