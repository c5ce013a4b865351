"""``costopt compare``: what people do against class imbalance, side by side in money."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from costopt.cli.console import NotWritten, is_quiet, print_json, print_text
from costopt.cli.optimize import known_learners, say_what_is_not_saved
from costopt.cli.options import (
    PATH,
    ListingCommand,
    as_json,
    check_names,
    cost_options,
    costs_from,
    force,
    name_option,
    option,
    settings,
)
from costopt.cli.places import check_folder
from costopt.cli.reading import read, reading_options
from costopt.cli.rows import check_splits, positive, row_options, rows_to_learn_from, target
from costopt.cli.words import with_rows
from costopt.errors import StoreError

if TYPE_CHECKING:
    from costopt.comparison.result import Comparison

__all__ = ["compare"]


class _Names(click.types.StringParamType):
    """Names between semicolons, since some hold commas; the same in the environment."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        return [rv]


def _named(_: click.Context, __: click.Parameter, texts: Sequence[str]) -> str | list[str]:
    """The names that texts hold between semicolons."""
    names = [name.strip() for text in texts for name in text.split(";") if name.strip()]
    if names == ["all"]:
        return "all"
    from costopt.comparison.strategies import STRATEGIES

    check_names("strategy", names, STRATEGIES)
    return names


def _learners(strategies: str | list[str], base: str) -> list[str]:
    """The names of the learners of some strategies, each once."""
    from costopt.comparison.strategies import STRATEGIES

    chosen = STRATEGIES if strategies == "all" else strategies
    return list(dict.fromkeys(STRATEGIES[name].learner_name(base) for name in chosen))


def _listed() -> dict[str, str]:
    """What the help names."""
    from costopt.comparison.strategies import STRATEGIES

    return {"strategies": "; ".join(STRATEGIES)}


@click.command(
    "compare",
    cls=ListingCommand,
    listed=_listed,
    help="""Rank what helps against imbalance, in money.

    DATA is a CSV or Parquet file with one row per case. A COST is a number, or a formula over
    columns. What people do against class imbalance is run side by side, on the same
    folds, with default parameters.

    Strategies: {strategies}.
    """,
    epilog="\b\nExample:\n"
    "  costopt compare transactions.csv --target is_fraud --fn amount --fp 10 --tp 10 \\\n"
    '      --strategies "xgboost; SMOTE; threshold 0.5" --ignore customer --time time',
)
@click.argument("data", type=PATH)
@target
@positive
@cost_options
@row_options
@reading_options
@option("--strategies", type=_Names(), multiple=True, default=("all",), show_default=True,
        callback=_named, metavar="NAMES",
        help="What to compare, named above; several between semicolons.")  # fmt: skip
@name_option("--learner", what="learner", known=known_learners, default="xgboost", show_default=True,
             help="What strategies that only treat rows or thresholds are combined with.")  # fmt: skip
@option("--out", type=PATH, metavar="FOLDER", help="To save the cheapest strategy's policy in.")
@force
@as_json
@settings
def compare(
    data: Path, target: str, out: Path | None, *, force: bool, as_json: bool, **given: Any
) -> None:
    """Compare as the options say; the help is above, where it lists the strategies."""
    from costopt.comparison.compare import compare

    check_splits(given)
    if out is not None:
        check_folder(out, force=force)
        say_what_is_not_saved(_learners(given["strategies"], given["learner"]))
    costs = costs_from(given, data)
    table = read(data, given)
    X, y, said = rows_to_learn_from(table, target, given)
    comparison = compare(
        X,
        y,
        costs,
        strategies=given["strategies"],
        learner=given["learner"],
        progress=False if is_quiet() else None,
        **said,
    )
    failure = None
    if out is not None:
        try:
            policy = with_rows(comparison.policy(), table, data, target, given["time"])
            policy.save(out, overwrite=force)
        except StoreError as error:
            failure = error  # the ranking is shown nevertheless
    _print(comparison, None if failure else out, as_json=as_json)
    if failure:
        raise NotWritten(str(failure)) from failure


def _print(comparison: Comparison, out: Path | None, *, as_json: bool) -> None:
    from costopt.comparison.audit import audit

    if not as_json:
        saved = f"\n\nSaved the policy of {comparison.best} to {out}" if out else ""
        doubts = "".join(f"\n\n{finding}" for finding in audit(comparison))
        print_text(f"{comparison.summary()}{doubts}{saved}")
        return
    print_json(
        {
            "best": comparison.best,
            "strategies": comparison.to_frame().to_dict("records"),
            "baselines": {name: cost.to_dict() for name, cost in comparison.baselines.items()},
            "expected_cost": comparison.expected_cost.to_dict(),
            "n_cases": comparison.n_cases,
            "n_positives": comparison.n_positives,
            "unit": comparison.unit,
            "findings": [finding.to_dict() for finding in audit(comparison)],
            "out": None if out is None else str(out),
        }
    )
