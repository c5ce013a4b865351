"""Decisions as text, with columns of the data kept beside them as they were written there."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_csv", "json_lines", "restore_codes"]

# Numbers that no computing is done with: "00123", and digits that a float would round.
CODE = r"[+-]?0\d|[+-]?\d{16,}$"


def restore_codes(
    decisions: pd.DataFrame, data: Path, given: Mapping[str, Any], kept: Iterable[str]
) -> None:
    """Put codes and whole numbers back as the file has them, in place; they were read as numbers."""
    from costopt.cli.reading import read

    numbers = [name for name in kept if decisions[name].dtype.kind in "iuf"]
    if not numbers or str(data) == "-":  # standard input is read only once
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they were shown when the file was first read
        written = read(data, given, texts=dict.fromkeys(numbers, ()))
    for name in numbers:
        if written[name].dtype.kind not in "iuf":  # a Parquet file has types of its own
            decisions[name] = _as_written(decisions[name], written[name].astype(object))


def _as_written(numbers: pd.Series[Any], texts: pd.Series[Any]) -> pd.Series[Any]:
    known = texts.dropna().astype(str)
    if known.str.match(CODE).any():
        return texts
    # pandas makes floats of whole numbers where one is missing
    whole = numbers.dtype.kind == "f" and known.str.fullmatch(r"[+-]?\d+").all()
    return numbers.astype("Int64") if whole and len(known) else numbers


def as_csv(decisions: pd.DataFrame) -> str:
    """Decisions as CSV, their numbers in 6 digits; columns that are kept as they are."""
    from costopt.policy.decisions import COLUMNS

    numbers = {name: decisions[name].map(_in_six_digits) for name in COLUMNS if name != "action"}
    return str(decisions.assign(**numbers).to_csv(index=False, lineterminator="\n"))


def _in_six_digits(number: float) -> str:
    """A number in 6 significant digits, or in whole units, without exponents."""
    import numpy as np

    if abs(number) >= 1e6:
        return f"{number:.0f}"
    return np.format_float_positional(number, 6, unique=False, fractional=False, trim="-")


def json_lines(decisions: pd.DataFrame) -> Iterator[str]:
    """One object per row; what is missing as null, times as texts."""
    rows = decisions.astype(object).where(decisions.notna(), None).to_dict("records")
    for row in rows:
        yield json.dumps(row, allow_nan=False, default=str)
