"""The command line: every command reads, calls one function, and writes.

Results go to stdout; messages, warnings and errors go to stderr, one line each. Exit codes: 0, 1 for
a failure while running, 2 for a mistake in what was asked or given, 130 after Ctrl-C.
"""

# Only click and the standard library are imported up here, so that --help answers at once.
from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from costopt.config import declared_costs, number_or_formula
from costopt.console import (
    NotWritten,
    Program,
    check_file,
    check_folder,
    print_decisions,
    print_evaluation,
    print_json,
    print_result,
    print_text,
    say,
    write_decisions,
)
from costopt.errors import DataError, PolicyError, StoreError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from costopt.decision.costs import CostMatrix
    from costopt.evaluation.estimates import Estimate
    from costopt.frames import Scalar
    from costopt.policy.policy import DecisionPolicy
    from costopt.search.result import SearchResult

__all__ = ["main"]


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    from importlib.metadata import PackageNotFoundError, version

    if not wanted or context.resilient_parsing:
        return
    try:
        click.echo(f"costopt {version('costopt-ml')}")
    except PackageNotFoundError:
        click.echo("costopt (not installed, run from its source)")
    context.exit()


def _refuse_nan(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is no number")
    return value


def _check_learners(_: click.Context, __: click.Parameter, names: Sequence[str]) -> Sequence[str]:
    from costopt.training.registry import BUILT_IN

    for name in names:
        if name not in BUILT_IN:
            raise click.BadParameter(f"there is no learner {name!r}, {nearest(name, BUILT_IN)}")
    if len(set(names)) < len(names):
        raise click.BadParameter("name each learner once")
    return names


_PATH = click.Path(path_type=Path)
_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
_SEED = click.IntRange(0, 2**31 - 1)
_debug = click.option(
    "--debug", is_flag=True, expose_value=False, help="Show where in the code an error arose."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, not text.")
_force = click.option("--force", is_flag=True, help="Replace what is there already.")


def _column(name: str, text: str, **more: Any) -> Callable[[Any], Any]:
    return click.option(name, metavar="COLUMN", help=text, **more)


def _cost(name: str, text: str) -> Callable[[Any], Any]:
    return click.option(name, metavar="COST", help=text)


@click.group(
    "costopt",
    cls=Program,
    no_args_is_help=False,
    epilog="\b\nExample:\n"
    "  costopt optimize loans.csv --target defaulted --fn 5000 --fp 300 --out loans\n"
    "  costopt decide loans new.csv --out decisions.csv",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Show the version.",
)  # fmt: skip
@_debug
def main() -> None:
    """Declare what each mistake costs, get the decision policy that costs least."""


@main.command(
    "optimize",
    epilog="\b\nExample:\n"
    "  costopt optimize transactions.csv --target is_fraud \\\n"
    '      --fn "0.9 * amount" --fp 10 --tp 10 --unit EUR \\\n'
    "      --ignore customer --time time --out card-fraud",
)
@click.argument("data", type=_PATH)
@_column("--target", "Column of the labels.", required=True)
@click.option("--positive", metavar="LABEL", help="Label to act on; needed unless it is 1 or true.")
@_cost("--fp", "Cost of acting on a negative case, a false alarm.")
@_cost("--fn", "Cost of not acting on a positive case, a miss.")
@_cost("--tp", "Cost of acting on a positive case; 0 if not given.")
@_cost("--tn", "Cost of leaving a negative case alone; 0 if not given.")
@click.option("--unit", metavar="TEXT", help="Currency of all four, such as EUR.")
@_column("--hindsight", "Cost column known only after the decision; repeatable.", multiple=True)
@click.option("--config", type=_PATH, metavar="FILE", help="TOML file with a table [costs].")
@_column("--ignore", "Column that is no feature; repeatable.", multiple=True)
@_column("--groups", "Rows alike in it stay on one side of every split.")
@_column("--time", "Folds in order of it: numbers, or dates as in ISO 8601.")
@_column("--weight", "How many cases of the population a row stands for.")
@click.option("--prevalence", type=_SHARE, callback=_refuse_nan, metavar="SHARE",
              help="Positives in the population, where rows were sampled by class.")  # fmt: skip
@click.option("--learner", "learners", multiple=True, default=("xgboost",), show_default=True,
              callback=_check_learners, metavar="NAME",
              help="xgboost or logistic; repeatable.")  # fmt: skip
@click.option("--trials", type=click.IntRange(1), default=100, show_default=True)
@click.option("--timeout", type=click.FloatRange(0, min_open=True), callback=_refuse_nan,
              metavar="SECONDS", help="The search ends after this time, also in mid-trial.")  # fmt: skip
@click.option("--seed", type=_SEED, default=0, show_default=True)
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True)
@click.option(
    "--storage", metavar="URL", help="Where trials are kept; a file in FOLDER if not given."
)
@click.option(
    "--resume", is_flag=True, help="Go on with a finished search, and replace its policy."
)
@click.option("--out", type=_PATH, required=True, metavar="FOLDER", help="To save the policy in.")
@_force
@_json
@_debug
def _optimize(data: Path, target: str, out: Path, force: bool, as_json: bool, **given: Any) -> None:
    """Search for the policy that costs least, and save it.

    DATA is a CSV or Parquet file with one row per case. A COST is a number, or a formula over
    columns. The table [costs] of a configuration file holds fp, fn, tp, tn, unit and hindsight;
    options win over it one by one. Ctrl-C ends a search early and keeps what it found. Trials are
    kept as they finish: the same command, given again after an interruption, goes on from there.
    """
    from costopt.tables import read_table

    if given["groups"] is not None and given["time"] is not None:
        raise click.UsageError(
            "--groups and --time exclude each other: folds in order of time already keep the "
            "future out"
        )
    check_folder(out, force=force or given["resume"])
    costs = declared_costs(given)
    table = read_table(data)
    with _folder(out):
        result = _search(table, target, costs, given, _storage(out, given, anew=force))
    failure = None
    try:
        result.policy.save(out, overwrite=force or given["resume"])
    except StoreError as error:
        failure = error  # what was found is shown nevertheless: it may have taken hours
    print_result(result, None if failure else out, as_json=as_json)
    if failure:
        raise NotWritten(str(failure)) from failure


@main.command(
    "decide", epilog="\b\nExample:\n  costopt decide card-fraud today.csv --out decisions.csv"
)
@click.argument("folder", type=_PATH)
@click.argument("data", type=_PATH)
@click.option("--out", type=_PATH, metavar="FILE", help="Parquet if so named, else CSV.")
@_force
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines: one object per row.")
@_debug
def _decide(folder: Path, data: Path, out: Path | None, force: bool, as_json: bool) -> None:
    """Decide on every row of DATA with the policy in FOLDER.

    Writes four columns, as CSV to stdout unless told otherwise: row (from 0, below the header),
    probability (calibrated, of the positive class), action (act or leave) and expected_gain (of
    acting, in the unit of the costs). Numbers in CSV have 6 significant digits.
    """
    from costopt.tables import read_table

    if out is not None:
        check_file(out, data, force=force)
    policy = _load_to_decide(folder)
    decisions = _decisions(policy, read_table(data, texts=_texts(policy)))
    if out is not None:
        write_decisions(out, decisions)
    if as_json or out is None:
        print_decisions(decisions, as_json=as_json)


@main.command(
    "evaluate",
    epilog="\b\nExample:\n  costopt evaluate card-fraud last-month.csv --target is_fraud",
)
@click.argument("folder", type=_PATH)
@click.argument("data", type=_PATH)
@_column("--target", "Column of the labels.", required=True)
@_column("--weight", "How many cases of the population a row stands for.")
@_json
@_debug
def _evaluate(folder: Path, data: Path, target: str, weight: str | None, as_json: bool) -> None:
    """Say what the policy in FOLDER costs on labelled rows.

    The mean cost per case of the rows of DATA stands beside never and always acting on them. Use
    rows that the policy was not made from.
    """
    from costopt.tables import read_table

    policy = _load_to_decide(folder)
    texts = dict(_texts(policy))
    if isinstance(policy.labels[0], str):
        texts[target] = tuple(map(str, policy.labels))
    table = read_table(data, texts=texts)
    _check_columns(table, {"--target": [target], "--weight": [] if weight is None else [weight]})
    print_evaluation(_evaluation(policy, table, target, weight), as_json=as_json)


@main.command("show", epilog="\b\nExample:\n  costopt show card-fraud")
@click.argument("folder", type=_PATH)
@_json
@_debug
def _show(folder: Path, as_json: bool) -> None:
    """Say when the policy in FOLDER acts, what that costs, and why."""
    from costopt.policy.policy import DecisionPolicy

    policy = DecisionPolicy.load(folder)
    if not as_json:
        print_text(policy.explain())
        return
    print_json(
        {
            "threshold": policy.threshold,
            "raw_threshold": policy.raw_threshold,
            "unit": policy.unit,
            "costs": policy.costs.to_dict() if policy.costs else None,
            "labels": {"negative": policy.labels[0], "positive": policy.labels[1]},
            "model": {"learner": policy.model_name, "params": policy.params},
            "evidence": policy.evidence.to_dict(),
            "provenance": policy.provenance,
        }
    )


def _check_columns(table: pd.DataFrame, wanted: Mapping[str, Collection[str]]) -> None:
    for option, names in wanted.items():
        for name in names:
            if name not in table.columns:
                raise DataError(
                    f"{option} names the column {name!r}, which the data do not have: "
                    f"{nearest(name, table.columns)}"
                )


def _storage(out: Path, given: Mapping[str, Any], *, anew: bool) -> str:
    """Where the trials of a search are kept: by default in the folder of its policy."""
    from costopt.search.store import remove_sqlite, sqlite_url

    if given["storage"] is not None:
        return str(given["storage"])
    file = out / "study.db"
    if anew and not given["resume"]:
        remove_sqlite(file)
    elif file.exists():
        say(f"continuing the search that is kept in {file}")
    return sqlite_url(file)


@contextmanager
def _folder(out: Path) -> Iterator[None]:
    """Make a folder for what follows, and leave none behind if that fails and wrote nothing."""
    made = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder {out}: {error.strerror}") from None
    try:
        yield
    except BaseException:
        if made:
            with suppress(OSError):  # it is not empty
                out.rmdir()
        raise


def _search(
    table: pd.DataFrame, target: str, costs: CostMatrix, given: Mapping[str, Any], storage: str
) -> SearchResult:
    """Run the search that the options describe."""
    from costopt.search.study import optimize
    from costopt.tables import as_times

    single = {f"--{name}": given[name] for name in ("groups", "time", "weight")}
    wanted = {option: [name] for option, name in single.items() if name is not None}
    _check_columns(table, {"--target": [target], "--ignore": given["ignore"], **wanted})
    y = table.pop(target)
    if given["time"] in table.columns:
        table[given["time"]] = as_times(table[given["time"]], given["time"])
    return optimize(
        table,
        y,
        costs,
        n_trials=given["trials"],
        timeout=given["timeout"],
        learners=given["learners"],
        cv=given["folds"],
        groups=given["groups"],
        time=given["time"],
        ignore=[name for name in given["ignore"] if name != target],
        sample_weight=given["weight"],
        prevalence=given["prevalence"],
        pos_label=None if given["positive"] is None else _label(y, given["positive"]),
        random_state=given["seed"],
        storage=storage,
    )


def _label(y: pd.Series[Any], text: str) -> Scalar:
    """The label that a text from the command line means: itself, or a number or boolean."""
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


def _load_to_decide(folder: Path) -> DecisionPolicy:
    """A policy that can decide on the rows of a file without further help."""
    from costopt.policy.policy import DecisionPolicy

    policy = DecisionPolicy.load(folder)
    if not policy.models:
        raise PolicyError(
            f"the policy in {folder} holds no model, so it decides on scores computed elsewhere: in "
            "Python, DecisionPolicy.load(folder).decide_scores(scores)"
        )
    if policy.costs is None:
        raise PolicyError(
            f"the policy in {folder} was made with costs per case given as arrays, which it cannot "
            "compute for new rows: declare them as formulas over columns, or decide in Python"
        )
    return policy


def _texts(policy: DecisionPolicy) -> Mapping[str, Collection[str]]:
    """The columns that held texts when the policy was made, such as codes "01", and their texts."""
    features = policy.schema.features if policy.schema else ()
    return {
        feature.name: [text for text in feature.categories if isinstance(text, str)]
        for feature in features
        if feature.categories and all(isinstance(known, str) for known in feature.categories)
    }


def _decisions(policy: DecisionPolicy, table: pd.DataFrame) -> pd.DataFrame:
    """One decision per row, and what it stands on; the model scores once."""
    import numpy as np
    import pandas as pd

    from costopt.decision.costs import as_case_costs
    from costopt.decision.rules import expected_gain
    from costopt.frames import Table

    assert policy.known_costs is not None  # noqa: S101  # the policy was checked when it was loaded
    costs = as_case_costs(policy.known_costs, Table(table), len(table))
    probability = policy.score(table)
    act = policy.rule.decide(probability, costs)
    return pd.DataFrame(
        {
            "row": np.arange(len(table)),
            "probability": probability,
            "action": np.where(act, "act", "leave"),
            "expected_gain": expected_gain(probability, costs),
        }
    )


def _evaluation(
    policy: DecisionPolicy, table: pd.DataFrame, target: str, weight: str | None
) -> dict[str, Any]:
    """What the policy, and acting never and always, cost on labelled rows."""
    import numpy as np

    from costopt.decision.costs import as_case_costs
    from costopt.decision.rules import as_weights, decision_cost, savings
    from costopt.evaluation.estimates import Draws, bootstrap_mean
    from costopt.frames import Table

    assert policy.costs is not None  # noqa: S101  # the policy was checked when it was loaded
    n = len(table)
    stands_for = None if weight is None else as_weights(table[weight], n)
    cost = policy.evaluate(table, table[target], sample_weight=stands_for)
    y, costs = policy.encode(table[target]), as_case_costs(policy.costs, Table(table), n)
    baselines: dict[str, Estimate] = {}
    for name, action in (("never act", False), ("always act", True)):
        row_cost = decision_cost(y, np.full(n, action), costs)
        baselines[name] = bootstrap_mean(row_cost, Draws(n, weight=stands_for), policy.unit)
    n_population = float(n if stands_for is None else stands_for.sum())
    return {
        "mean_cost": cost.to_dict(),
        "baselines": {name: found.to_dict() for name, found in baselines.items()},
        "savings": savings(cost.value, *(found.value for found in baselines.values())),
        "total_cost": cost.value * n_population,
        "n_cases": n,
        "n_positives": int(y.sum()),
        "n_population": n_population,
        "unit": policy.unit,
    }


if __name__ == "__main__":
    main()
