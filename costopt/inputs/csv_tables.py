"""Delimited text as a data frame: names, numbers that are plain, and what is missing."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Collection, Mapping
from typing import Any, Literal

import pandas as pd

from costopt.errors import DataError, warn
from costopt.inputs.cells import without_unit
from costopt.inputs.dates import is_date
from costopt.inputs.frames import ORIGIN
from costopt.inputs.text_files import TextFile, long_cells

__all__ = ["MISSING", "check_names", "read_csv"]

# What a field says when it says nothing: what pandas takes for that, but for "None", which is often
# a level, such as "no other debtor".
MISSING = frozenset(
    ["", "NA", "N/A", "n/a", "<NA>", "#N/A", "#N/A N/A", "#NA", "NULL", "null"]
    + [sign + name for sign in ("", "-") for name in ("NaN", "nan", "1.#IND", "1.#QNAN")]
)
ZIP = b"PK\x03\x04"


def read_csv(
    name: str,
    content: bytes,
    texts: Mapping[str, Collection[str]],
    *,
    decimal: str,
    header: bool,
    wanted: Collection[str] | None = None,
    keep: Collection[str] | Literal["all"] = (),
) -> pd.DataFrame:
    """A file of delimited text as a data frame that remembers its lines.

    Parameters
    ----------
    name : str
        What the file is called in messages.
    content : bytes
    texts : mapping of str to collection of str
        Columns to leave as they are, and the texts known there, which are not missing.
    decimal : {"", ".", ","}
        With a comma, numbers that hold points are left as texts.
    header : bool
        Whether the first line names the columns.
    wanted : collection of str, optional
        Columns to look at: others stay as they are written, and nothing but an empty cell is
        missing there.
    keep : collection of str, or "all"
        Columns that stay so even if they are wanted.

    Raises
    ------
    DataError
    """
    if content.startswith(ZIP):
        raise DataError(f"{name} is a zip archive or an Excel workbook: save the sheet as CSV")
    with long_cells():
        file = TextFile(name, content)
        first = next((cells for _, cells in file.records()), None)
        if first is None:
            raise DataError(f"{name} is empty: a header and at least one row are needed")
        names = [cell.strip() for cell in first]
        header = header and not _are_numbered(wanted or (), names)
        if header:
            _check_header(name, names)
        else:
            names = [f"column_{number}" for number in range(1, len(first) + 1)]
        if wanted is not None:
            written = names if keep == "all" else {*names} - {*wanted} | {*keep}
            said = MISSING - {""}
            texts = {**texts, **{each: said | {*texts.get(each, ())} for each in written}}
        try:
            frame = _parse(file.below(header=header), file.delimiter, names, texts)
            if decimal == ",":
                rows = file.below(header=header)
                _undo_points(frame, _parse(rows, file.delimiter, names, texts, as_texts=True))
        except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
            file.check_fields(len(names), str(error))
            raise DataError(f"{name} cannot be read as CSV: {error}") from error
        # a line that is too short has nothing in the last column, and is not reported
        if frame.iloc[:, -1].isna().any():
            file.check_fields(len(names), "")
    lines = file.runs_of_lines(len(frame), header=header)
    table = _named(name, frame, names)
    table.attrs[ORIGIN] = {"lines": lines}
    return table


def _are_numbered(wanted: Collection[str], names: list[str]) -> bool:
    """Whether columns that a file without a header had are wanted, and this one has no header either."""
    numbered = wanted and all(re.fullmatch(r"column_\d+", name) for name in wanted)
    return bool(numbered) and not set(wanted) & set(names)


def _parse(
    stream: io.TextIOBase,
    delimiter: str,
    names: list[str],
    texts: Mapping[str, Collection[str]],
    *,
    as_texts: bool = False,
) -> pd.DataFrame:
    """The rows below the header, as columns 0, 1, 2, ..."""
    exact: dict[str, Any] = {}
    if tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1):
        exact["float_precision"] = "round_trip"  # later versions always read numbers exactly
    with warnings.catch_warnings():
        # lines all longer than the header: pandas would only warn, and cut them
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            stream,
            sep=delimiter,
            header=None,
            names=list(range(len(names))),
            index_col=False,
            dtype={at: str for at, name in enumerate(names) if name in texts or as_texts},
            keep_default_na=False,
            na_values={at: MISSING - set(texts.get(name, ())) for at, name in enumerate(names)},
            skipinitialspace=True,
            low_memory=False,  # else a long column may be part numbers, part texts
            **exact,
        )


def _undo_points(frame: pd.DataFrame, written: pd.DataFrame) -> None:
    """Put back the texts of numbers such as 29.850 where points are said to part thousands."""
    for at in frame.columns:
        if frame[at].dtype.kind == "f" and written[at].str.contains(".", regex=False).any():
            frame[at] = written[at]


def _check_header(name: str, names: list[str]) -> None:
    """Refuse names that come twice; doubt a first line of numbers."""
    numbers = [each for each in names if each and (without_unit(each)[0] or is_date(each))]
    filled = [each for each in names if each]
    doubt = numbers and len(numbers) * 2 >= len(filled)
    check_names(name, filled, no_header=bool(numbers))
    if doubt and len(filled) > 1:
        warn(
            "header-of-numbers",
            f"{name}: the first line was taken for the column names, {', '.join(filled[:5])}"
            f"{', ...' if len(filled) > 5 else ''}: if it is a row of data, pass header=False",
        )


def check_names(name: str, names: list[str], *, no_header: bool = False) -> None:
    """Refuse a file with two columns of one name.

    Raises
    ------
    DataError
    """
    for position, each in enumerate(names):
        first = names.index(each)
        if first < position:
            hint = " (or pass header=False, if the first line is a row of data)"
            raise DataError(
                f"{name} has two columns named {each!r}, number {first + 1} and number "
                f"{position + 1}: rename one{hint if no_header else ''}"
            )


def _named(file: str, frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The frame under its column names, without columns that have none."""
    for at, name in enumerate(names):
        if name:
            continue
        if at == 0:
            warn(
                "unnamed-column",
                f"the first column of {file} has no name: it is taken for row labels and left out",
            )
        elif frame[at].notna().any():
            raise DataError(f"column number {at + 1} of {file} has no name: give it one")
    kept = [at for at, name in enumerate(names) if name]
    return frame[kept].set_axis([names[at] for at in kept], axis=1)
