"""What the columns of a data file may be: suggestions from names and values, for somebody to check."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from costopt.errors import DataError
from costopt.showing.text import figure, percent

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Guess", "Guesses", "guess", "shares"]


def _vocabulary(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words that names of such columns are made of.
LABELS = _vocabulary(
    "bad churn churned class converted default defaulted failed failure fraud fraudulent label "
    "lapsed outcome positive response target y"
)
MONEY = _vocabulary(
    "amount amt balance charge charges claim cost credit debt exposure fee income limit loan loss "
    "margin payment premium price profit revenue sales spend turnover value"
)
# Beginnings of such words, as in DisbursementGross or GrAppv.
MONEY_STEMS = re.compile(
    "amo?u?nt|appv|balan|cost|credit|debt|disburse?|exposure|gross|income|invoice|loan|loss|paid|paym|"
    "premi|pric|profit|revenue|salar|spen[dt]|turnover"
)
NO_MONEY = _vocabulary("count days id log months n number pct percent rate ratio share years")
TIMES = _vocabulary("at date datetime day month time timestamp ts year")
DURATIONS = _vocabulary("days duration elapsed hours minutes seconds since to weeks years")
GROUPS = _vocabulary(
    "account applicant borrower branch card client customer device household machine member "
    "merchant patient person store user"
)
IDENTITIES = _vocabulary("id identifier index key nr number row uuid")
MOST = 5  # suggestions of one kind


@dataclass(frozen=True)
class Guess:
    """A column, and what speaks for it."""

    column: str
    reason: str


@dataclass(frozen=True)
class Guesses:
    """Columns by what they may be, the likeliest first; none of it is known.

    Parameters
    ----------
    targets : tuple of Guess
        Two values, in every row.
    money : tuple of Guess
        Numbers, named as money is.
    hindsight : tuple of Guess
        Numbers that one class has and the other has not.
    times, groups, identities : tuple of Guess
    date_formats : dict
        By column of times, where its texts are not of ISO 8601.
    """

    targets: tuple[Guess, ...]
    money: tuple[Guess, ...]
    hindsight: tuple[Guess, ...]
    times: tuple[Guess, ...]
    groups: tuple[Guess, ...]
    identities: tuple[Guess, ...]
    date_formats: dict[str, str]


def guess(table: pd.DataFrame, target: str | None = None) -> Guesses:
    """Look at every column once.

    Parameters
    ----------
    table : DataFrame
    target : str, optional
        The column of labels, where that is known.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"is_fraud": [0, 1, 0], "amount": [9.5, 20.0, 0.5]})
    >>> found = guess(table)
    >>> found.targets[0]
    Guess(column='is_fraud', reason='1 in 33.3 %, 0 in 66.7 %')
    >>> found.money[0].column
    'amount'
    """
    targets: dict[str, str] = {}
    money: dict[str, str] = {}
    hindsight: dict[str, str] = {}
    times: dict[str, str] = {}
    formats: dict[str, str] = {}
    groups: dict[str, str] = {}
    identities: dict[str, str] = {}
    for name in table.columns:
        column = table[name]
        n_values = _count_values(column)
        if n_values == 2 and not column.isna().any():
            targets[name] = shares(column)
        if name == target or n_values < 2:
            continue
        words = _words(name)
        is_number = column.dtype.kind in "iuf"
        if target is not None and is_number and _tells_apart(column, table[target]):
            hindsight[name] = "0 or missing throughout one class only"
        is_money = words & MONEY or any(MONEY_STEMS.match(word) for word in words)
        if _is_time(column, words):
            times[name], formats[name] = _times_in_words(column)
        elif is_number and n_values > 2 and is_money and not words & NO_MONEY:
            low, high, mean = (figure(column.agg(of), 6) for of in ("min", "max", "mean"))
            money[name] = f"{low} to {high}, mean {mean}"
        elif n_values == len(column) and (
            words & IDENTITIES or column.dtype.kind in "iu" or not is_number
        ):
            identities[name] = "another value in every row"
        elif n_values > 2 and words & GROUPS and column.dtype.kind not in "f":
            groups[name] = f"{n_values:,} values in {len(column):,} rows"
    named = sorted(targets, key=lambda name: not _words(name) & LABELS)
    return Guesses(
        targets=_first((name, targets[name]) for name in named),
        money=_first(money.items()),
        hindsight=_first(hindsight.items()),
        # dates before numbers whose name alone speaks of time
        times=_first(sorted(times.items(), key=lambda one: table[one[0]].dtype.kind in "iuf")),
        groups=_first(groups.items()),
        identities=_first(identities.items()),
        date_formats={name: form for name, form in formats.items() if form},
    )


def shares(column: pd.Series[Any]) -> str:
    """The values of a column of labels, the rarest first, with their shares of rows."""
    counts = column.value_counts(normalize=True).sort_values(kind="stable")
    return ", ".join(f"{value!s} in {percent(share)}" for value, share in counts.items())


def _first(found: Iterable[tuple[str, str]]) -> tuple[Guess, ...]:
    return tuple(Guess(name, reason) for name, reason in found)[:MOST]


def _words(name: str) -> set[str]:
    """The words that a name is made of: ``isFraud`` and ``is_fraud`` are the same two."""
    return set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()))


def _count_values(column: pd.Series[Any]) -> int:
    """How many different values there are; none of lists and the like, which cannot be told apart."""
    try:
        return int(column.nunique())
    except TypeError:
        return 0


def _is_time(column: pd.Series[Any], words: set[str]) -> bool:
    from costopt.inputs.cells import read_cells

    if column.dtype.kind == "M":
        return True
    if column.dtype.kind == "O" or str(column.dtype) in ("str", "string"):
        return read_cells(column.to_numpy(dtype=object)).kind == "dates"
    # a duration has its unit in its name, and a moment is a large number or one of few years
    return bool(words & TIMES) and column.dtype.kind in "iuf" and not words & DURATIONS


def _times_in_words(column: pd.Series[Any]) -> tuple[str, str]:
    """From when to when, and the format of texts that are not of ISO 8601, if all have one."""
    from costopt.inputs.cells import is_mark
    from costopt.inputs.dates import date_format
    from costopt.inputs.times import as_times

    form = ""
    if column.dtype.kind not in "biufmM":
        texts = column.dropna().astype(str)
        column = texts[~texts.map(is_mark)]
        form = date_format(column.unique()[:1000])
    known = column.dropna()
    if form:
        try:
            known = as_times(known, "", form).dropna()
        except DataError:  # one of the others has another format
            form = ""
    low, high = known.min(), known.max()
    if form:
        low, high = (str(time).removesuffix(" 00:00:00") for time in (low, high))
    return f"from {low} to {high}", "" if form == "ISO8601" else form


def _tells_apart(column: pd.Series[Any], labels: pd.Series[Any]) -> bool:
    """Whether a column is empty or 0 throughout one of two classes, and not in the other."""
    empty = column.isna() | (column == 0)
    classes = [empty[labels == label] for label in labels.dropna().unique()]
    return len(classes) == 2 and any(one.all() for one in classes) and not empty.all()
