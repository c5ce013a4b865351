"""How a data file is written: the options that say it, and the reading."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from costopt.cli.console import detail
from costopt.cli.options import column, option, together

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["put_in_order", "read", "read_rows_to_decide", "reading_options"]

reading_options = together(
    option("--missing", multiple=True, metavar="TEXT",
           help='Cell that says nothing, such as "?" or -99; repeatable.'),
    option("--decimal", type=click.Choice([".", ","]),
           help="Stands before decimals; found out where the numbers show it."),
    option("--thousands", type=click.Choice([",", ".", " ", "'"]), metavar="SIGN",
           help="Stands between thousands."),
    column("--text", "Column of texts even where they read like numbers; repeatable.",
           multiple=True),
    column("--date", "Column of dates that is a feature, as days since 1970; repeatable.",
           multiple=True),
    option("--date-format", metavar="FORMAT",
           help="Of dates, such as %d.%m.%Y; ISO 8601 if not given."),
    option("--no-header", is_flag=True,
           help="The first line is a row; columns are column_1, column_2, ..."),
)  # fmt: skip


def read(path: Path, given: Mapping[str, Any], *, texts: Collection[str] = ()) -> pd.DataFrame:
    """The rows of a data file.

    Parameters
    ----------
    path : Path
    given : mapping
        The values of `reading_options`.
    texts : collection of str
        Columns of texts besides those of the options.
    """
    from costopt.inputs.files import read_table

    table = read_table(path, texts=[*given["text"], *texts], **_said(given))
    _tell(table, path)
    return table


def read_rows_to_decide(
    path: Path,
    given: Mapping[str, Any],
    wanted: Collection[str],
    keep: Sequence[str] | Literal["all"],
    *,
    texts: Mapping[str, Collection[str]],
    leave: Mapping[str, str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of a data file that a policy decides on, and the columns that are kept.

    Parameters
    ----------
    path : Path
    given : mapping
        The values of `reading_options`.
    wanted, keep, texts, leave
        As for `costopt.inputs.files.read_new_rows`.
    """
    from costopt.inputs.files import read_new_rows

    texts = {**dict.fromkeys(given["text"], ()), **texts}
    table, kept = read_new_rows(path, wanted, keep, texts=texts, leave=leave, **_said(given))
    _tell(table, path)
    return table, kept


def _said(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options in the words of the library."""
    return {
        "missing": given["missing"],
        "decimal": given["decimal"],
        "thousands": given["thousands"],
        "dates": dict.fromkeys(given["date"], given["date_format"] or "ISO8601"),
        "header": not given["no_header"],
    }


def _tell(table: pd.DataFrame, path: Path) -> None:
    detail(f"read {len(table):,} rows of {table.shape[1]:,} columns from {path}")


def put_in_order(table: pd.DataFrame, time: str | None, date_format: str | None = None) -> None:
    """Read a column of times, as numbers or dates, in place."""
    from costopt.inputs.times import as_times

    if time is not None and time in table.columns:
        table[time] = as_times(table[time], time, date_format)
