"""Columns that cannot be features as they are: all of them in one error, with what to do."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from costopt.errors import DataError, warn
from costopt.inputs.cells import Cells, without_unit
from costopt.inputs.dates import date_format
from costopt.inputs.frames import Table

__all__ = [
    "ColumnsError",
    "Unusable",
    "column_in_words",
    "refuse",
    "tell_of_texts",
    "unusable",
]

Remedy = Literal["ignore", "missing", "decimal", "texts"]

# A text column with more distinct values than this, and in more than half of its rows, looks like
# an identifier.
MAX_DISTINCT_TEXTS = 100
SHOWN = 5  # cells of a column


class ColumnsError(DataError):
    """Columns that cannot be features as they are.

    Parameters
    ----------
    message : str
        With the remedy as a line of Python.
    on_command_line : str
        The same with the remedy as options.
    columns : collection of str, default=()
    """

    def __init__(self, message: str, on_command_line: str, columns: Collection[str] = ()) -> None:
        super().__init__(message)
        self.on_command_line, self.columns = on_command_line, columns


@dataclass(frozen=True)
class Unusable:
    """A column, what it holds, and what makes it usable or leaves it out.

    Parameters
    ----------
    column, what : str
    remedy : {"ignore", "missing", "decimal", "texts"}
    cells : tuple of str
        Texts that would have to count as missing.
    date_format : str, optional
        Of a column of dates; empty where its dates are no texts or of no known form.
    """

    column: str
    what: str
    remedy: Remedy = "ignore"
    cells: tuple[str, ...] = ()
    date_format: str | None = None


def unusable(table: Table, name: str) -> Unusable | None:
    """Why a column can be no feature as it is; None where it can.

    Parameters
    ----------
    table : Table
        A data frame.
    name : str
        One of its columns, not of numbers.
    """
    if table.is_time(name):
        return Unusable(name, "holds dates or times", date_format="")
    if not table.is_category(name):
        cells = table.cells(name)
        describe = {
            "nearly numbers": _nearly_numbers,
            "ambiguous": _ambiguous,
            "dates": _dates,
            "mixed": _mixed,
            "other": _other,
        }.get(cells.kind)
        if describe is not None:
            return describe(table, name)
    codes, values = table.distinct(name)
    n_distinct = len(set(codes[codes >= 0]))
    if n_distinct == 0:
        return Unusable(name, "has no value in any row") if table.n_rows else None
    if n_distinct > max(MAX_DISTINCT_TEXTS, table.n_rows // 2):
        return Unusable(
            name,
            f"looks like an identifier: {n_distinct:,} different texts in {table.n_rows:,} rows, "
            f"such as {values[0]!r:.60}",
        )
    return None


def refuse(found: Sequence[Unusable]) -> None:
    """Raise one error about all columns that cannot be used.

    Raises
    ------
    ColumnsError
        If there are any.
    """
    if not found:
        return
    listed = "; ".join(f"column {one.column!r} {one.what}" for one in found)
    if len(found) > 1:
        listed = f"{len(found)} columns cannot be used as they are: {listed}"
    raise ColumnsError(
        f"{listed}. {_in_python(found)}",
        f"{listed}. {_on_command_line(found)}",
        [one.column for one in found],
    )


def column_in_words(name: str, cells: Cells) -> str:
    """A column whose texts were read as numbers: its unit, and the marks that are missing."""
    notes = [f"in {cells.style.unit}"] if cells.style.unit else []
    notes += ["with decimal commas"] if cells.style.decimal == "," else []
    marks = list(dict.fromkeys(mark.strip() for mark in cells.marks if mark.strip()))
    notes += [f"{', '.join(map(repr, marks[:SHOWN]))} missing"] if marks else []
    return f"{name!r} ({', '.join(notes)})" if notes else repr(name)


def tell_of_texts(told: Sequence[str], otherwise: str) -> None:
    """Report, once for all columns, which texts were read as numbers."""
    if told:
        warn("texts-as-numbers", f"texts were read as numbers in {', '.join(told)}; {otherwise}")


def _nearly_numbers(table: Table, name: str) -> Unusable:
    odd = table.cells(name).odd
    cells = tuple(dict.fromkeys(str(value).strip() for _, value in odd))
    return Unusable(name, f"holds numbers, but for {_shown(table, odd)}", "missing", cells)


def _ambiguous(table: Table, name: str) -> Unusable:
    odd = table.cells(name).odd
    digits, _ = without_unit(str(odd[0][1]))
    return Unusable(
        name,
        f"holds numbers that can be read in two ways, such as {_shown(table, odd[:1])}, which is "
        f"{digits.replace(',', '')} or {digits.replace(',', '.')}",
        "decimal",
    )


def _dates(table: Table, name: str) -> Unusable:
    cells = table.cells(name)
    texts = [value for value in table.distinct(name)[1] if isinstance(value, str)]
    form = date_format([text for text in texts[:1000] if text.strip() not in cells.marks])
    return Unusable(
        name, f"holds dates or times, such as {_shown(table, cells.odd[:1])}", date_format=form
    )


def _mixed(table: Table, name: str) -> Unusable:
    odd = table.cells(name).odd
    is_text = isinstance(odd[0][1], str)
    rest, few = ("numbers", "texts") if is_text else ("texts", "values of another type")
    return Unusable(name, f"mixes {rest} and {few}: {_shown(table, odd)}", "texts")


def _other(table: Table, name: str) -> Unusable:
    row, value = table.cells(name).odd[0]
    return Unusable(
        name,
        f"must hold texts, numbers or booleans, got {type(value).__name__} ({value!r:.40} in "
        f"{table.place(row)})",
    )


def _shown(table: Table, odd: Sequence[tuple[int, Any]]) -> str:
    """Some cells with the places where they are found."""
    shown = ", ".join(f"{value!r:.40} in {table.place(row)}" for row, value in odd[:SHOWN])
    more = len(odd) - SHOWN
    return f"{shown} and {more} other value{'s' if more > 1 else ''}" if more > 0 else shown


def _in_python(found: Sequence[Unusable]) -> str:
    """The remedy as Python to paste."""
    ignored = [one.column for one in found if one.remedy == "ignore"]
    missing = _missing(found)
    texts = [one.column for one in found if one.remedy == "texts"]
    steps = []
    if missing or _needs_decimal(found):
        given = [f"missing={missing!r}"] if missing else []
        given += ['thousands=","'] if _needs_decimal(found) else []
        steps.append(f"X = costopt.inputs.files.parse_texts(X, {', '.join(given)})")
    if texts:
        steps.append(f"X = X.astype({dict.fromkeys(texts, 'str')!r})")
    if ignored:
        steps.append(f"ignore={ignored!r}")
    also: list[str] = []
    for one in found:
        if one.date_format is not None and not any("time=" in text for text in also):
            form = one.date_format or "ISO8601"
            also.append(
                f"time={one.column!r} puts the folds in order of a date; "
                f"parse_texts(X, dates={{{one.column!r}: {form!r}}}) makes it a feature, in days"
            )
    also += ['decimal="," if the comma stands before decimals'] if _needs_decimal(found) else []
    kept = [one.column for one in found if one.remedy == "missing"]
    if kept:
        also.append(f"X.astype({dict.fromkeys(kept, 'category')!r}) keeps the texts as categories")
    return _remedy("; ".join(steps), also)


def _on_command_line(found: Sequence[Unusable]) -> str:
    """The remedy as options to paste."""
    words = [word for text in _missing(found) for word in ("--missing", text)]
    words += ["--thousands", ","] if _needs_decimal(found) else []
    words += [w for one in found if one.remedy == "texts" for w in ("--text", one.column)]
    words += [w for one in found if one.remedy == "ignore" for w in ("--ignore", one.column)]
    also: list[str] = []
    for one in found:
        if one.date_format is not None and not any("--time" in text for text in also):
            form = shlex.quote(one.date_format) if one.date_format not in ("", "ISO8601") else ""
            how = f" --date-format {form}" if form else ""
            name = shlex.quote(one.column)
            also.append(
                f"--time {name}{how} puts the folds in order of a date; --date {name}{how} makes it "
                "a feature, in days"
            )
    also += ['--decimal "," if the comma stands before decimals'] if _needs_decimal(found) else []
    kept = [f"--text {shlex.quote(one.column)}" for one in found if one.remedy == "missing"]
    if kept:
        also.append(f"{' '.join(kept)} keeps the texts as categories")
    return _remedy(shlex.join(words), also)


def _remedy(line: str, also: Sequence[str]) -> str:
    return f"Add: {line}" + (f" (or: {'; '.join(also)})" if also else "")


def _missing(found: Sequence[Unusable]) -> list[str]:
    """All texts that would have to count as missing, each once."""
    return list(dict.fromkeys(text for one in found for text in one.cells))


def _needs_decimal(found: Sequence[Unusable]) -> bool:
    return any(one.remedy == "decimal" for one in found)
