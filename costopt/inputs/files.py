"""Data files in, data frames out: CSV of any common kind, and Parquet."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from costopt.errors import DataError, StoreError, check_path, nearest
from costopt.inputs.cells import Cells, read_cells
from costopt.inputs.csv_tables import MISSING, read_csv
from costopt.inputs.dates import days_of
from costopt.inputs.formats import format_of
from costopt.inputs.frames import ORIGIN
from costopt.inputs.text_files import unpacked
from costopt.inputs.times import as_times
from costopt.inputs.unusable import column_in_words, tell_of_texts

__all__ = ["MISSING", "parse_texts", "read_new_rows", "read_table"]

STDIN = Path("-")


def read_table(
    path: str | PathLike[str],
    *,
    texts: Collection[str] = (),
    missing: Collection[str] = (),
    decimal: str | None = None,
    thousands: str | None = None,
    dates: Mapping[str, str] | None = None,
    header: bool = True,
    leave: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    r"""Read a data file; its rows keep their order and are numbered from 0.

    A file is read as Parquet if it is one or is named ``.parquet``, else as CSV, which may be
    compressed with gzip. The delimiter of a CSV file is the one of ``, ; tab |`` that divides its
    first lines most evenly, or that of a first line such as ``sep=;``; its encoding is that of its
    byte order mark, else UTF-8, else Windows-1252 (a superset of printable latin-1).

    Parameters
    ----------
    path : path
        ``"-"`` reads standard input.
    texts : collection of str, default=()
        Columns of texts even if all their fields are numbers: categories. A mapping gives the texts
        known there, which then count as such even if they look like a missing value (``"NA"``).
    missing, decimal, thousands, dates
        As for `parse_texts`.
    header : bool, default=True
        Whether the first line holds the names of the columns; they are ``column_1``, ``column_2``,
        and so on where it does not.
    leave : mapping of str to str, optional
        Columns that somebody else reads as numbers, such as a policy, and what stands before their
        decimals, as far as that is known. Their texts are left as they are.

    Returns
    -------
    table : DataFrame
        Fields that are numbers, or true and false, in every row become so, also with a currency, a
        percent sign or another unit beside them, or with marks of a missing value such as "?";
        dates stay texts unless named in ``dates``. A field is missing if it is empty or one of
        `MISSING`. Blank lines are skipped, and so are blanks after a delimiter. A column without a
        name is left out if it is the first (row labels, as data frames write them) or empty.

    Raises
    ------
    StoreError
        If the file is not there or cannot be read.
    DataError
        If it holds no rows, is no text, names two columns alike, or has a line with more or
        fewer fields than the header.

    Warns
    -----
    CostOptWarning
        ``unnamed-column``, where row labels are left out of a CSV file; ``texts-as-numbers``;
        ``title-line``, ``header-of-numbers`` and ``other-encoding``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "loans.csv")
    ...     _ = file.write_text("amount;purpose;zip\n1200.50;car;01067\n800;none;NA\n")
    ...     read_table(file, texts=["zip"])
       amount purpose    zip
    0  1200.5     car  01067
    1   800.0    none    NaN
    """
    style = _style(decimal, thousands)
    table = _as_stored(path, {**_known(texts), **_commas(leave)}, style, header=header)
    table = _with_dates(_without(table, missing, texts), dates or {})
    return _with_numbers(table, style, texts, () if style else leave or ())


def read_new_rows(
    path: str | PathLike[str],
    wanted: Collection[str],
    keep: Collection[str] | Literal["all"] = (),
    *,
    texts: Mapping[str, Collection[str]],
    leave: Mapping[str, str],
    missing: Collection[str] = (),
    decimal: str | None = None,
    thousands: str | None = None,
    dates: Mapping[str, str] | None = None,
    header: bool = True,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the rows of a file that a policy decides on, and of other columns no cell.

    Parameters
    ----------
    path, texts, leave, missing, decimal, thousands, dates, header
        As for `read_table`.
    wanted : collection of str
        Columns to read; the others stay as they are written.
    keep : collection of str, or "all", default=()
        Columns that are wanted as they are written, too; those that are not there are passed over.

    Returns
    -------
    table : DataFrame
        All columns.
    kept : DataFrame
        Of a CSV file, texts.

    Raises
    ------
    StoreError, DataError
        As `read_table`.

    Warns
    -----
    CostOptWarning
        As `read_table`, of columns that are wanted.
    """
    style = _style(decimal, thousands)
    known = {**texts, **_commas(leave)}
    table = _as_stored(path, known, style, header=header, wanted=wanted, keep=keep)
    kept = table if keep == "all" else table[[name for name in keep if name in table.columns]]
    read = [name for name in table.columns if name in wanted]
    changed: dict[str, Any] = {}
    if ORIGIN in table.attrs:  # a CSV file
        for name in {*read} & {*kept.columns}:
            comma = "," in (style, leave.get(name))
            changed[name] = _as_read(table[name], texts.get(name), as_texts=comma)
        table = table.assign(**changed)
    others = table.columns.difference(read, sort=False)
    table = _with_dates(_without(table, missing, {*texts, *others}), dates or {})
    unread = {*others} if style else {*others, *leave}
    return _with_numbers(table, style, texts.keys() - {*others}, unread), kept


def _as_read(
    column: pd.Series[Any], known: Collection[str] | None, *, as_texts: bool
) -> pd.Series[Any]:
    """A column of a CSV file that was kept as it is written, as it would have been read."""
    texts = column.mask(column.isin(MISSING - set(known or ())))
    if known is not None or as_texts or texts.str.contains("_", regex=False).any():
        return texts
    try:
        return texts.astype(np.float64)
    except ValueError:
        return texts


def _as_stored(
    path: str | PathLike[str],
    texts: Mapping[str, Collection[str]],
    decimal: str,
    *,
    header: bool,
    **more: Any,
) -> pd.DataFrame:
    """The rows of a file with the numbers that are plain."""
    path = check_path(path)
    name = "standard input" if path == STDIN else str(path)
    content = unpacked(name, _content(path))
    stored = format_of(path.suffix, content)
    if stored is not None:
        table = stored.read(name, content)
    else:
        table = read_csv(name, content, texts, decimal=decimal, header=header, **more)
    if not len(table):
        raise DataError(f"{name} holds no rows: at least one is needed below the column names")
    return table


def parse_texts(
    X: Any,
    *,
    missing: Collection[str] = (),
    decimal: str | None = None,
    thousands: str | None = None,
    dates: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Read the texts of a data frame as numbers and dates, as you say that they are written.

    Parameters
    ----------
    X : data frame
        Not changed.
    missing : collection of str, default=()
        Texts that say that a value is missing, in any column, such as ``["?", "unknown"]``.
    decimal : {".", ","}, optional
        What stands before decimals; found out where a column shows it.
    thousands : {",", ".", " ", "'"}, optional
        What stands between thousands.
    dates : mapping of str to str, optional
        Columns of dates that become features, as days since 1970-01-01, and their format as of
        `datetime.datetime.strptime`, or ``"ISO8601"``.

    Returns
    -------
    X : DataFrame
        Columns of texts that are all numbers have become numbers. It remembers what was said here,
        and so does a policy that is made from it: features of new rows may come as they are
        written, or read already. Columns that only costs read are to be read in the same way.

    Raises
    ------
    DataError
        If there is no such column, or a cell is no date of the format.

    Warns
    -----
    CostOptWarning
        ``texts-as-numbers``.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"issued": ["31.12.1970", "01.01.1971"], "kind": ["a", "?"]})
    >>> parse_texts(X, missing=["?"], dates={"issued": "%d.%m.%Y"})
       issued kind
    0   364.0    a
    1   365.0  NaN
    """
    if not isinstance(X, pd.DataFrame):
        X = nw.from_native(X, eager_only=True).to_pandas()
    style = _style(decimal, thousands)
    return _with_numbers(_with_dates(_without(X, missing, ()), dates or {}), style)


def _known(texts: Collection[str]) -> Mapping[str, Collection[str]]:
    return texts if isinstance(texts, Mapping) else dict.fromkeys(texts, ())


def _commas(leave: Mapping[str, str] | None) -> Mapping[str, Collection[str]]:
    """The columns of decimal commas, of which 29.850 must not be read as a number on its own."""
    return {name: () for name, decimal in (leave or {}).items() if decimal == ","}


def _content(path: Path) -> bytes:
    """The bytes of a file or of standard input."""
    if path == STDIN:
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise StoreError(f"{path} does not exist: check the path of the data") from None
    except IsADirectoryError:
        raise StoreError(f"{path} is a folder: pass one CSV or Parquet file") from None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error


def _style(decimal: str | None, thousands: str | None) -> str:
    """The decimal sign that was said, or follows from that of thousands; empty where neither was.

    Raises
    ------
    DataError
    """
    if decimal not in (None, ".", ","):
        raise DataError(f"decimal must be '.' or ',', got {decimal!r}")
    if thousands not in (None, ",", ".", " ", "'"):
        raise DataError(f"thousands must be ',', '.', ' ' or \"'\", got {thousands!r}")
    if decimal is not None and decimal == thousands:
        raise DataError(f"decimal and thousands must differ, got {decimal!r} for both")
    if decimal is None and thousands in (",", "."):
        return "." if thousands == "," else ","
    return decimal or ""


def _without(table: pd.DataFrame, missing: Collection[str], known: Iterable[str]) -> pd.DataFrame:
    """The table with some texts made missing, in every column but those of known texts."""
    wanted = {missing} if isinstance(missing, str) else {str(text).strip() for text in missing}
    numbers = {number for text in wanted if (number := _as_float(text)) is not None}
    if not wanted:
        return table
    changed: dict[str, Any] = {}
    for name in table.columns.difference(list(known), sort=False):
        column = table[name]
        if column.dtype.kind in "iuf":
            gone = column.isin(numbers)
        elif column.dtype.kind == "O" or isinstance(column.dtype, pd.StringDtype):
            gone = column.map(lambda value: isinstance(value, str) and value.strip() in wanted)
        elif isinstance(column.dtype, pd.CategoricalDtype):
            gone = column.isin(wanted)
        else:
            continue
        if gone.any():
            changed[name] = column.mask(gone.astype(bool))
    return _remembered(table.assign(**changed), missing=sorted(wanted))


def _with_dates(table: pd.DataFrame, dates: Mapping[str, str]) -> pd.DataFrame:
    """The table with some columns of dates as days since 1970."""
    changed: dict[str, Any] = {}
    for name, form in dates.items():
        if name not in table.columns:
            raise DataError(f"there is no column {name!r} of dates: {nearest(name, table.columns)}")
        if table[name].dtype.kind in "biuf":
            raise DataError(f"column {name!r} holds numbers, not dates: leave it out of dates=")
        changed[name] = days_of(as_times(table[name], name, None if form == "ISO8601" else form))
    return _remembered(table.assign(**changed), dates=dict(dates)) if changed else table


def _remembered(table: pd.DataFrame, **said: Any) -> pd.DataFrame:
    """The table, which remembers how it was read, for the policy that is made from it."""
    table.attrs[ORIGIN] = {**table.attrs.get(ORIGIN, {}), **said}
    return table


def _with_numbers(
    table: pd.DataFrame, decimal: str, texts: Collection[str] = (), leave: Collection[str] = ()
) -> pd.DataFrame:
    """The table with columns of texts as numbers, where all of them are; named texts as categories."""
    changed: dict[str, Any] = {}
    styles: dict[str, list[str]] = {}
    told = []
    for name in table.columns:
        column = table[name]
        is_text = column.dtype.kind == "O" or isinstance(column.dtype, pd.StringDtype)
        if not is_text or name in leave:
            continue
        if name in texts:
            changed[name] = column.astype("category")
            continue
        cells = _read(column, decimal)
        if cells.kind == "numbers" and cells.numbers is not None:
            changed[name] = pd.Series(cells.numbers, index=column.index)
            styles[name] = [cells.style.decimal, cells.style.unit]
            told += [column_in_words(name, cells)] if cells.from_texts else []
    tell_of_texts(told, "texts= keeps the texts of a column as categories")
    if changed:
        table = table.assign(**changed)
    if decimal:  # numbers that did not show it are written so, too
        plain = [str(name) for name in table.columns if table[name].dtype.kind in "iuf"]
        styles = {**{name: [decimal, ""] for name in plain}, **styles}
    return _remembered(table, styles=styles) if styles else table


def _read(column: pd.Series[Any], decimal: str) -> Cells:
    """The cells of a column in the style that was said, or else in the one that they show."""
    cells = read_cells(column.to_numpy(dtype=object), decimal)
    if decimal and cells.kind != "numbers":
        shown = read_cells(column.to_numpy(dtype=object))
        return shown if shown.kind == "numbers" else cells
    return cells


def _as_float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
