"""``costopt optimize``: search for the policy that costs least, and save it."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from costopt.cli.console import (
    NotWritten,
    detail,
    is_quiet,
    is_verbose,
    print_json,
    print_text,
    say,
)
from costopt.cli.options import (
    PATH,
    ListingCommand,
    as_json,
    cost_options,
    costs_from,
    force,
    name_option,
    option,
    settings,
)
from costopt.cli.places import check_folder, made_folder
from costopt.cli.reading import read, reading_options
from costopt.cli.rows import check_splits, positive, row_options, rows_to_learn_from, target
from costopt.cli.words import three_lines, with_rows
from costopt.errors import StoreError
from costopt.evaluation.modes import SEARCH_MODES, modes_in_words
from costopt.showing.text import figure

if TYPE_CHECKING:
    from costopt.policy.policy import DecisionPolicy
    from costopt.search.result import SearchResult

__all__ = ["known_learners", "optimize", "say_what_is_not_saved"]


def known_learners() -> Collection[str]:
    """The names of learners."""
    from costopt.learners.names import BUILT_IN, OPTIONAL

    return (*BUILT_IN, *OPTIONAL)


def say_what_is_not_saved(names: Iterable[str]) -> None:
    """Warn, before anything is trained, of learners whose models no policy keeps when it is saved."""
    from costopt.learners.protocol import warn_of_unsaved_models
    from costopt.learners.registry import learner

    warn_of_unsaved_models(learner(name) for name in names)


def _known_methods() -> Collection[str]:
    from costopt.rebalancing.names import NAMES

    return NAMES


def _listed() -> dict[str, str]:
    """What the help names."""
    from costopt.learners.names import BUILT_IN, OPTIONAL
    from costopt.rebalancing.names import BY_DEFAULT, NAMES

    return {
        "learners": ", ".join(BUILT_IN),
        "optional": ", ".join(OPTIONAL),
        "resampling": ", ".join(NAMES),
        "by_default": ", ".join(BY_DEFAULT),
    }


@click.command(
    "optimize",
    cls=ListingCommand,
    listed=_listed,
    epilog="\b\nExample:\n"
    "  costopt optimize transactions.csv --target is_fraud \\\n"
    '      --fn "0.9 * amount" --fp 10 --tp 10 --unit EUR \\\n'
    "      --ignore customer --time time --out card-fraud",
)
@click.argument("data", type=PATH)
@target
@positive
@cost_options
@row_options
@reading_options
@name_option("--learner", "learners", what="learner", known=known_learners, multiple=True,
             default=("xgboost",), show_default=True,
             help="Kind of model, named above; repeatable.")  # fmt: skip
@name_option("--resampling", what="resampling", known=_known_methods, multiple=True,
             help="What may be done against imbalance, named above; repeatable.")  # fmt: skip
@option("--threshold", type=click.Choice(SEARCH_MODES), default="auto", show_default=True,
        help=f"{modes_in_words(SEARCH_MODES)}.")  # fmt: skip
@option("--selection", type=click.Choice(["likelihood", "average", "cost", "cheapest"]),
        default="likelihood", show_default=True,
        help="What is selected: the trial of lowest log loss, the average of a few, the best of those "
        "tied with the cheapest, the very cheapest.")  # fmt: skip
@option("--final", type=click.Choice(["refit", "folds"]), default="refit", show_default=True,
        help="The final policy: one model of all rows, or those of the folds.")  # fmt: skip
@option("--trials", type=click.IntRange(1), default=100, show_default=True,
        help="Candidates to try.")  # fmt: skip
@option("--racing/--no-racing", default=True, show_default=True,
        help="Stop a trial early when it is significantly more expensive.")  # fmt: skip
@option("--storage", metavar="URL", help="Where trials are kept; a file in FOLDER if not given.")
@option("--resume", is_flag=True, help="Go on with a finished search, and replace its policy.")
@option("--out", type=PATH, required=True, metavar="FOLDER", help="To save the policy in.")
@force
@as_json
@settings
def optimize(
    data: Path,
    target: str,
    out: Path,
    *,
    force: bool,
    resume: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Search for the policy that costs least, and save it.

    DATA is a CSV or Parquet file with one row per case. A COST is a number, or a formula over
    columns. Ctrl-C ends a search early and keeps what it found. Trials are kept as they finish: the
    same command, given again after an interruption, goes on from there.

    Learners: {learners}. Where they are installed: {optional}.

    Resampling: {resampling}; {by_default} if not given.
    """
    check_splits(given)
    if not force and not resume and (out / "policy.json").exists() and (out / "study.db").exists():
        raise StoreError(
            f"{out} holds the policy of a search: go on with it with --resume, choose another --out, "
            "or start anew with --force, which deletes its trials"
        )
    check_folder(out, force=force or resume)
    say_what_is_not_saved(given["learners"])
    costs = costs_from(given, data)
    table = read(data, given)
    with made_folder(out):
        storage = _storage(out, given["storage"], anew=force and not resume)
        X, y, said = rows_to_learn_from(table, target, given)
        result = _searched(X, y, costs, storage, said, given)
    policy = with_rows(result.policy, table, data, target, given["time"])
    result = replace(result, policy=policy)
    n_done = len(result.study.get_trials(deepcopy=False))
    if n_done < given["trials"]:
        say(
            f"{n_done:,} of {given['trials']:,} trials done: the same command with --resume goes on"
        )
    failure = None
    try:
        result.policy.save(out, overwrite=force or resume)
    except StoreError as error:
        failure = error  # what was found is shown nevertheless: it may have taken hours
    _print(result, None if failure else out, target, as_json=as_json)
    if failure:
        raise NotWritten(str(failure)) from failure


def _storage(out: Path, url: str | None, *, anew: bool) -> str:
    """Where the trials of a search are kept: by default in the folder of its policy."""
    from costopt.engine.database import remove_sqlite, sqlite_url

    if url is not None:
        return url
    file = out / "study.db"
    if anew:
        remove_sqlite(file)
    elif file.exists():
        say(f"continuing the search that is kept in {file}")
    return sqlite_url(file)


def _searched(
    X: Any, y: Any, costs: Any, storage: str, said: Mapping[str, Any], given: Mapping[str, Any]
) -> SearchResult:
    """Run the search that the options describe."""
    from costopt.search.study import optimize

    more = {"resampling": given["resampling"]} if given["resampling"] else {}
    return optimize(
        X,
        y,
        costs,
        n_trials=given["trials"],
        learners=given["learners"],
        threshold=given["threshold"],
        selection=given["selection"],
        final=given["final"],
        racing=given["racing"],
        storage=storage,
        callbacks=[_tell] if is_verbose() else [],
        progress=False if is_quiet() else None,
        **said,
        **more,
    )


def _tell(_: Any, trial: Any) -> None:
    """Say how a trial ended."""
    ended = (
        f"{figure(trial.value)} per case" if trial.value is not None else trial.state.name.lower()
    )
    params = ", ".join(f"{name}={value}" for name, value in trial.params.items())
    detail(f"trial {trial.number}: {ended}, with {params}")


def _print(result: SearchResult, out: Path | None, target: str, *, as_json: bool) -> None:
    """Write what a search found to stdout, and where it was saved; None where it could not be."""
    if not as_json:
        saved = f"\nSaved to {out}" if out else ""
        lines = three_lines(result.policy, _next_step(result.policy, out, target))
        print_text(f"{result.summary()}{saved}\n\n{lines}")
        return
    evidence = result.policy.evidence
    print_json(
        {
            "threshold": result.threshold,
            "raw_threshold": result.policy.raw_threshold,
            "expected_cost": result.expected_cost.to_dict(),
            "apparent_cost": result.apparent_cost,
            "savings": result.savings.to_dict(),
            "baselines": {name: cost.to_dict() for name, cost in result.baselines.items()},
            "best_params": result.best_params,
            "trial_number": result.trial_number,
            "n_trials": result.n_trials,
            "n_cases": evidence.n_cases,
            "n_positives": evidence.n_positives,
            "reason": evidence.reason,
            "model": result.policy.model_name,
            "unit": result.expected_cost.unit,
            "out": None if out is None else str(out),
        }
    )


def _next_step(policy: DecisionPolicy, out: Path | None, target: str) -> str:
    """What to do with a policy that was found: put it to the test on rows that nobody has seen."""
    from costopt.learners.registry import built_in

    if out is None:
        return "save the policy elsewhere."
    if built_in(policy.model_name) is None:
        return (
            f"models of {policy.model_name} are not saved, so use it from Python, with optimize()."
        )
    return f"costopt evaluate {shlex.quote(str(out))} NEWER.csv --target {shlex.quote(target)}"
