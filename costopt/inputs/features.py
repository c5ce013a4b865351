"""One column that a model sees, and how its cells are read from new rows."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.errors import DataError, warn
from costopt.inputs.cells import TRUTHS, TextStyle, as_number, is_mark, number_of, without_unit
from costopt.inputs.dates import days_of, is_date
from costopt.inputs.frames import Scalar, Table
from costopt.inputs.unusable import ColumnsError
from costopt.plain import Name

__all__ = ["Feature", "listed", "read_codes", "read_days", "read_numbers", "without_missing"]

FloatArray = NDArray[np.float64]

# of the unit of a column: a currency or a short word
MAX_UNIT = 16
MAX_DATE_FORMAT = 100


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


def read_numbers(table: Table, feature: Feature, missing: Collection[str] = ()) -> FloatArray:
    """A numeric column of new rows, each cell by itself, however many there are."""
    if not table.is_text(feature.name) and not table.is_category(feature.name):
        numbers = table.numbers(feature.name)
        if numbers is not None:
            return numbers
    style = TextStyle(feature.decimal, feature.unit)
    return _each(
        table, feature, "numbers", missing, lambda values: [_number(each, style) for each in values]
    )


def read_days(table: Table, feature: Feature, missing: Collection[str]) -> FloatArray:
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
    return read_numbers(table, feature, missing)


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


def without_missing(numbers: FloatArray, missing: Collection[str]) -> FloatArray:
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


def read_codes(table: Table, feature: Feature, missing: Collection[str] = ()) -> FloatArray:
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
        hint = f" (known are {listed(list(feature.categories or ()))})" if none_known else ""
        warn(
            "unseen-category",
            f"column {feature.name!r} has values that the model has never met, in "
            f"{_rows(unseen.size)} (first {table.place(unseen[0])}): "
            f"{listed([values[code] for code in met])}; they count as missing{hint}",
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


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def listed(values: list[Any]) -> str:
    """A few values, and how many more there are."""
    shown = ", ".join(repr(value) for value in values[:5])
    return f"{shown} and {len(values) - 5} more" if len(values) > 5 else shown
