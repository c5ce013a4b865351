"""Dates as people write them: recognised, their format found, and as days since 1970."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["date_format", "days_of", "is_date"]

MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
DATE = re.compile(
    r"(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|\d{2})"
    rf"|(?:\d{{1,2}}[-. ])?{MONTH}[-. ](?:\d{{1,2}},? )?\d{{2,4}})(?:[T ,]+\d{{1,2}}:\d{{2}}.*)?",
    re.IGNORECASE,
)
DAYS = (
    *("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%m/%d/%y"),
    *("%d/%m/%y", "%d.%m.%y", "%Y.%m.%d", "%d-%m-%y", "%b-%Y", "%b-%y", "%d-%b-%Y", "%d-%b-%y"),
    *("%d %b %Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y"),
)
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
EPOCH = pd.Timestamp("1970-01-01")
DAY = pd.Timedelta(days=1)


def is_date(value: Any) -> bool:
    """Whether a value is a date, a time or a duration, or a text that reads like a date."""
    if isinstance(value, str):
        return DATE.fullmatch(value.strip()) is not None
    return isinstance(value, dt.date | dt.time | dt.timedelta | np.datetime64 | np.timedelta64)


def date_format(texts: Iterable[str]) -> str:
    """The format, as of strptime, in which all of some texts are dates; empty if none is.

    Examples
    --------
    >>> date_format(["10/17/2014", "01/02/2015"]), date_format(["2024-12-31"])
    ('%m/%d/%Y', 'ISO8601')
    """
    sample = pd.Series([text.strip() for text in texts], dtype=object)
    for form in ("ISO8601", *(day + clock for clock in CLOCKS for day in DAYS)):
        if pd.to_datetime(sample, format=form, errors="coerce", utc=True).notna().all():
            return form
    return ""


def days_of(times: pd.Series[Any]) -> pd.Series[float]:
    """Times as days since 1970-01-01, durations as days."""
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        times = times.dt.tz_convert(None)
    since = times if times.dtype.kind == "m" else times - EPOCH
    return (since / DAY).astype(np.float64)
