"""Rows that a command reads and learns from, and the options that say how."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import click

from costopt.cli.config import number_or_formula
from costopt.cli.options import column, option, refuse_nan, together
from costopt.cli.reading import put_in_order
from costopt.errors import DataError, nearest
from costopt.evaluation.rows import FOLDS

if TYPE_CHECKING:
    import pandas as pd

    from costopt.inputs.frames import Scalar

__all__ = [
    "check_columns",
    "check_splits",
    "folds",
    "groups",
    "label_of",
    "positive",
    "prevalence",
    "row_options",
    "rows_to_learn_from",
    "seed",
    "target",
    "time",
    "weight",
]

target = column("--target", "Column of the labels.", required=True)
positive = option(
    "--positive", metavar="LABEL", help="Label to act on; needed unless it is 1 or true."
)
groups = column("--groups", "Rows alike in it stay on one side of every split.")
time = column("--time", "Folds in order of it: numbers, or dates (see --date-format).")
weight = column("--weight", "How many cases of the population a row stands for.")
prevalence = option("--prevalence", type=click.FloatRange(0, 1, min_open=True, max_open=True),
                    callback=refuse_nan, metavar="SHARE",
                    help="Positives in the population, where rows were sampled by class.")  # fmt: skip
folds = option("--folds", type=click.IntRange(2), default=FOLDS, show_default=True,
               help="Parts that rows are split into, so that no row is judged by a model "
               "that was fitted to it.")  # fmt: skip
seed = option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True,
              help="The same seed gives the same result.")  # fmt: skip

row_options = together(
    column("--ignore", "Column that is no feature; repeatable.", multiple=True),
    groups,
    time,
    weight,
    prevalence,
    folds,
    seed,
    option("--jobs", type=click.IntRange(1), metavar="CORES",
           help="Cores to use; all if not given."),
    option("--timeout", type=click.FloatRange(0, min_open=True), callback=refuse_nan,
           metavar="SECONDS", help="What is done by then is the result."),
)  # fmt: skip


def check_columns(table: pd.DataFrame, wanted: Mapping[str, Collection[str | None]]) -> None:
    """Refuse options that name a column which the data do not have.

    Raises
    ------
    DataError
    """
    for option_name, names in wanted.items():
        for name in names:
            if name is not None and name not in table.columns:
                raise DataError(
                    f"{option_name} names the column {name!r}, which the data do not have: "
                    f"{nearest(name, table.columns)}"
                )


def check_splits(given: Mapping[str, Any]) -> None:
    """Refuse two ways of splitting at once.

    Raises
    ------
    click.UsageError
    """
    if given["groups"] is not None and given["time"] is not None:
        raise click.UsageError(
            "--groups and --time exclude each other: folds in order of time already keep the "
            "future out"
        )


def rows_to_learn_from(
    table: pd.DataFrame, target: str, given: Mapping[str, Any]
) -> tuple[pd.DataFrame, pd.Series[Any], dict[str, Any]]:
    """Features, labels, and what the options say about rows in the words of the library.

    Parameters
    ----------
    table : DataFrame
        Loses its target.
    target : str
    given : mapping
        The values of `row_options` and of ``positive``.

    Raises
    ------
    DataError
        If a column or the positive label is not there.
    """
    single = {f"--{name}": [given[name]] for name in ("groups", "time", "weight")}
    check_columns(table, {"--target": [target], "--ignore": given["ignore"], **single})
    y = table.pop(target)
    put_in_order(table, given["time"], given["date_format"])
    said = {
        "timeout": given["timeout"],
        "cv": given["folds"],
        "groups": given["groups"],
        "time": given["time"],
        "ignore": [name for name in given["ignore"] if name != target],
        "sample_weight": given["weight"],
        "prevalence": given["prevalence"],
        "pos_label": label_of(y, given["positive"]),
        "random_state": given["seed"],
        "n_jobs": given["jobs"],
    }
    return table, y, said


def label_of(y: pd.Series[Any], text: str | None) -> Scalar | None:
    """The label that a text from the command line means: itself, or a number or boolean.

    Raises
    ------
    DataError
        If no label is meant.
    """
    if text is None:
        return None
    known: list[Scalar] = [
        value.item() if hasattr(value, "item") else value for value in y.unique()
    ]
    for label in known:
        if str(label) == text or (isinstance(label, bool) and str(label).lower() == text.lower()):
            return label
    number = number_or_formula(text)
    for label in known:
        if not isinstance(label, str) and label == number:
            return label
    raise DataError(
        f"--positive {text!r} is not among the labels in {y.name!r}: {nearest(text, known)}"
    )
