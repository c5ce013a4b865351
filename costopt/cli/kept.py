"""Decisions as text, with columns of the data kept beside them as they were written there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_csv", "as_numbers", "json_lines"]

# Numbers that no computing is done with: "00123", and digits that a float would round.
CODE = r"[+-]?0\d|[+-]?\d{16,}$"
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


def as_numbers(texts: pd.Series[Any]) -> pd.Series[Any]:
    """A column that is kept, as numbers or truths where it is plainly that; codes stay texts.

    Parameters
    ----------
    texts : Series
        As they are written; other types are left as they are.
    """
    import pandas as pd

    from costopt.inputs.files import MISSING

    if not isinstance(texts.dtype, pd.StringDtype) and texts.dtype.kind != "O":
        return texts
    missing = texts.isna() | texts.isin(MISSING)
    known = texts[~missing].astype(str)
    if not len(known) or known.str.match(CODE).any():
        return texts
    if known.str.fullmatch(r"[+-]?\d+").all():
        whole = pd.array(
            [None if gone else int(text) for text, gone in zip(texts, missing, strict=True)]
        )
        return pd.Series(whole, index=texts.index)
    if known.str.fullmatch(NUMBER).all():
        return texts.mask(missing).astype(float)
    if known.str.fullmatch("true|false", case=False).all() and not missing.any():
        return texts.str.lower() == "true"
    return texts


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
