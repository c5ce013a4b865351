"""``costopt init``: a configuration file to fill in, made after a look at the data."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from costopt.cli.console import print_json, print_text
from costopt.cli.guesses import Guess, Guesses, guess, shares
from costopt.cli.options import PATH, as_json, column, force, option, settings
from costopt.cli.places import check_file, write_file
from costopt.cli.reading import read, reading_options
from costopt.cli.rows import check_columns
from costopt.errors import DataError
from costopt.showing.text import printable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["init"]

NUMBERS = frozenset({"0", "1", "0.0", "1.0", "False", "True"})


@click.command(
    "init",
    epilog="\b\nExample:\n"
    "  costopt init transactions.csv --target is_fraud\n"
    "  costopt optimize transactions.csv --config costs.toml \\\n"
    "      --fn amount --fp 10 --time time --out policy",
)
@click.argument("data", type=PATH)
@column("--target", "Column of the labels, if you know it.")
@option("--out", type=PATH, default=Path("costs.toml"), show_default=True, metavar="FILE",
        help="The file to write.")  # fmt: skip
@reading_options
@force
@as_json
@settings
def init(
    data: Path, target: str | None, out: Path, *, force: bool, as_json: bool, **given: Any
) -> None:
    """Write a configuration file to fill in.

    The columns of DATA, a CSV or Parquet file, are looked at first. What is guessed from names and
    values stands in the file as a comment: nothing is assumed before you say so. Give the file to
    other commands with --config.
    """
    check_file(out, data, force=force)
    table = read(data, given)
    check_columns(table, {"--target": [target]})
    if target is not None and table[target].nunique() != 2:
        raise DataError(
            f"--target {target!r} must hold two values, one for the cases to act on, got "
            f"{table[target].nunique()}: name another column"
        )
    found = guess(table, target)
    if target is not None:
        from costopt.inputs.suspicion import warn_of_table

        warn_of_table(table, target)
    write_file(out, "\n".join(_lines(data, out, table, target, found)).encode())
    if as_json:
        print_json({"out": str(out), "target": target, "suggestions": asdict(found)})
    else:
        print_text(_summary(data, out, table, target, found))


def _lines(
    data: Path, out: Path, table: pd.DataFrame, target: str | None, found: Guesses
) -> list[str]:
    """The file, line by line: TOML, valid as it stands."""
    lines = [
        f"# For {printable(data.name)}: {len(table):,} rows, {table.shape[1]:,} columns.",
        "# What stands behind # is not read. It was guessed from names and values: check it, and take",
        "# the # away where it is true. Then:",
        "#",
        f"#   {_command(data, out)}",
        "",
        "# The column of the labels.",
    ]
    if target is not None:
        lines += [f"target = {_text(target)}  # {printable(shares(table[target]))}"]
        lines += _positive(table[target])
    else:
        lines += _suggested("target", found.targets) or ['# target = "..."']
    lines += ["", "# Columns that are no features: names, numbers of rows."]
    names = ", ".join(_text(one.column) for one in found.identities)
    lines += [f"# ignore = [{names}]" if names else '# ignore = ["..."]']
    if found.groups:
        lines += ["", "# Rows that belong together must not be split into two folds."]
        lines += _suggested("groups", found.groups)
    if found.times:
        lines += [
            "",
            "# Times: to judge in order of them, without groups; or else to name under ignore, above.",
        ]
        for one in found.times:
            lines += _suggested("time", [one])
            if one.column in found.date_formats:
                lines += [f"# date-format = {_text(found.date_formats[one.column])}"]
    lines += [
        "",
        "[costs]",
        "# What each outcome costs: a number, or a formula over columns such as",
        '# "0.75 * amount + 15". The first two are needed. A benefit is a negative cost.',
        "# fn = 500  # a miss: not acting on a positive case",
        "# fp = 10  # a false alarm: acting on a negative case",
        "# tp = 0  # acting on a positive case",
        "# tn = 0  # leaving a negative case alone",
        '# unit = "EUR"',
    ]
    if found.money:
        lines += ["", "# These columns may be money that a case is about."]
        lines += _suggested("fn", found.money, as_formula=True)
    if found.hindsight:
        names = ", ".join(_text(one.column) for one in found.hindsight)
        lines += [
            "",
            "# These are 0 or missing throughout one class: if they are known only after the decision,",
            "# no model may see them. Name here those that costs read, the others under ignore, above.",
            f"# hindsight = [{names}]",
        ]
    return [*lines, ""]


def _positive(labels: pd.Series[Any]) -> list[str]:
    """The line for the label to act on, where it has to be named."""
    if {str(value) for value in labels.unique()} <= NUMBERS:
        return []
    rarest = labels.value_counts().index[-1]
    value = rarest.item() if hasattr(rarest, "item") else rarest
    return [f"# positive = {_text(str(value))}  # the label to act on; this is the rarer one"]


def _suggested(key: str, guesses: Sequence[Guess], *, as_formula: bool = False) -> list[str]:
    return [
        f"# {key} = {_text(_formula(one.column) if as_formula else one.column)}"
        f"  # {printable(one.reason)}"
        for one in guesses
        if not (as_formula and "`" in one.column)  # which a formula cannot name
    ]


def _formula(name: str) -> str:
    is_word = name.isidentifier() and name not in ("min", "max")
    return name if is_word else f"`{name}`"


def _text(text: str) -> str:
    """A basic string of TOML on one line; what cannot be shown is escaped."""
    shown = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in shown) + '"'


def _command(data: Path, out: Path) -> str:
    words = ("costopt", "optimize", str(data), "--config", str(out), "--out", "policy")
    return printable(shlex.join(words))


def _summary(data: Path, out: Path, table: pd.DataFrame, target: str | None, found: Guesses) -> str:
    """What was written and guessed, and what to do next."""
    lines = [f"{data}: {len(table):,} rows, {table.shape[1]:,} columns", ""]
    if target is None:
        lines += _listed("perhaps the labels", found.targets)
    lines += _listed("perhaps money", found.money)
    lines += _listed("perhaps known too late", found.hindsight)
    lines += _listed("perhaps a time", found.times)
    lines += _listed("perhaps groups", found.groups)
    lines += _listed("perhaps no feature", found.identities)
    missing = "" if target is not None else "which column holds the labels, and "
    lines += [
        "" if lines[-1] else "Nothing to suggest.",
        f"Written to {out}. Say there {missing}what a miss (fn) and a false alarm (fp) cost. Then:",
        f"  {_command(data, out)}",
    ]
    return "\n".join(lines)


def _listed(what: str, guesses: Iterable[Guess]) -> list[str]:
    return [f"  {what + ':':<24}{one.column} ({one.reason})" for one in guesses]
