"""Columns that rows are put in order by."""

from __future__ import annotations

import pandas as pd

from costopt.errors import DataError
from costopt.inputs.cells import is_mark
from costopt.inputs.dates import date_format
from costopt.inputs.frames import placed

__all__ = ["as_times"]


def as_times(column: pd.Series, name: str, form: str | None = None) -> pd.Series:
    """A column that rows can be put in order by: numbers and times as they are, texts as times.

    Parameters
    ----------
    column : Series
        Numbers, times, or texts; those without a time zone count as UTC, and marks such as "?" as
        missing.
    name : str
        What the column is called in an error.
    form : str, optional
        The format of the texts, as of strptime; ISO 8601 if not given.

    Raises
    ------
    DataError
        If a text is no time in that form.

    Examples
    --------
    >>> as_times(pd.Series(["2024-02-01", "2024-01-31 18:00"]), "day").is_monotonic_increasing
    False
    """
    if column.dtype.kind in "biufmM":  # numbers, durations, times
        return column
    texts = column.astype(object).map(str, na_action="ignore")
    texts = texts.mask(texts.map(lambda text: isinstance(text, str) and is_mark(text)).astype(bool))
    times = pd.to_datetime(texts, format=form or "ISO8601", utc=True, errors="coerce")
    bad = times.isna() & texts.notna()
    if bad.any():
        row = int(bad.to_numpy().argmax())
        iso = "ISO 8601 dates, such as 2024-12-31 or 2024-12-31T18:00"
        wanted = f"dates of the format {form}" if form else iso
        guessed = date_format(texts.dropna().unique()[:1000])
        hint = f": the format of all is {guessed} (--date-format {guessed!r})" if guessed else ""
        raise DataError(
            f"the times in column {name!r} must be numbers or {wanted}, got "
            f"{texts.iloc[row]!r:.60} in {placed(column, row)}{hint}"
        )
    return times.dt.tz_localize(None)
