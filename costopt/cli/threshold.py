"""``costopt threshold``: from which score on to act, for scores of any model."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from costopt.cli.console import NotWritten, print_json, print_text
from costopt.cli.options import (
    PATH,
    as_json,
    column,
    cost_options,
    costs_from,
    force,
    option,
    settings,
)
from costopt.cli.places import check_folder
from costopt.cli.reading import put_in_order, read, reading_options
from costopt.cli.rows import (
    check_columns,
    check_splits,
    folds,
    groups,
    label_of,
    positive,
    prevalence,
    seed,
    target,
    time,
    weight,
)
from costopt.cli.scores import scores_of
from costopt.cli.words import cost_table, rule_of, three_lines, with_rows
from costopt.decision.limited import METRICS
from costopt.errors import StoreError
from costopt.evaluation.modes import SCORE_MODES, SCORES, modes_in_words
from costopt.plain import plain

if TYPE_CHECKING:
    from costopt.policy.policy import DecisionPolicy

__all__ = ["threshold"]


def _confidence(_: click.Context, __: click.Parameter, given: str) -> float | None:
    """A number, or none."""
    if given.lower() == "none":
        return None
    try:
        return float(given)
    except ValueError:
        raise click.BadParameter(f"{given!r} is neither a number nor none") from None


@click.command(
    "threshold",
    epilog="\b\nExample:\n"
    "  costopt threshold scores.csv --target y --score p --fn 500 --fp 20 --unit EUR",
)
@click.argument("scores", type=PATH)
@target
@column("--score", "Column of the scores, in [0, 1], of rows that their model was not fitted to.",
        required=True)  # fmt: skip
@positive
@cost_options
@groups
@time
@weight
@prevalence
@folds
@seed
@reading_options
@option("--threshold", "rule", type=click.Choice(SCORE_MODES), default="auto",
        show_default=True, help=f"{modes_in_words(SCORE_MODES)}.")  # fmt: skip
@option("--constraint", "constraints", multiple=True, metavar="TEXT",
        help="Limit to keep, in quotes, as \"recall >= 0.8\"; repeatable. Metrics: "
             f"{', '.join(METRICS)}.")  # fmt: skip
@option("--confidence", default="0.9", show_default=True, metavar="P|none", callback=_confidence,
        help="Chance with which all limits hold on new cases; none: on these cases only.")  # fmt: skip
@option("--scores", "scores_from", type=click.Choice([*SCORES]),
        help="Where the scores come from, which a promise depends on: "
             f"{'; '.join(f'{name}: {what}' for name, what in SCORES.items())}.")  # fmt: skip
@option("--out", type=PATH, metavar="FOLDER", help="To save the policy in, without a model.")
@force
@as_json
@settings
def threshold(
    scores: Path,
    target: str,
    score: str,
    out: Path | None,
    *,
    force: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Find the score from which acting pays.

    This is for scores of a model of your own. SCORES is a CSV or Parquet file with one row per
    case: its label, its score, and the columns that costs name. The cost of the rule is measured
    on rows that it was not chosen on, beside never and always acting, and acting from 0.5.

    With --constraint the rule is the cheapest threshold that keeps the limits, and --scores says
    where the scores come from: what holds on new cases depends on it.
    """
    from costopt.policy.assemble import choose_threshold

    check_splits(given)
    if out is not None:
        check_folder(out, force=force)
    costs = costs_from(given, scores)
    table = read(scores, given)
    single = {f"--{name}": [given[name]] for name in ("groups", "time", "weight")}
    check_columns(table, {"--target": [target], "--score": [score], **single})
    put_in_order(table, given["time"], given["date_format"])
    y, raw = table[target], scores_of(table, score)
    named = {
        "groups": given["groups"],
        "time": given["time"],
        "sample_weight": given["weight"],
    }
    columns: dict[str, Any] = {
        name: None if column is None else table[column] for name, column in named.items()
    }
    policy = choose_threshold(
        y,
        raw,
        costs,
        X=table,
        scores=given["scores_from"],
        constraints=given["constraints"],
        confidence=given["confidence"],
        threshold=given["rule"],
        cv=given["folds"],
        **columns,
        prevalence=given["prevalence"],
        pos_label=label_of(y, given["positive"]),
        random_state=given["seed"],
    )
    policy = with_rows(policy, table, scores, target, given["time"])
    failure = None
    if out is not None:
        try:
            policy.save(out, overwrite=force)
        except StoreError as error:
            failure = error
    _print(policy, None if failure else out, as_json=as_json)
    if failure:
        raise NotWritten(str(failure)) from failure


def _print(policy: DecisionPolicy, out: Path | None, *, as_json: bool) -> None:
    """Write the rule and its cost beside the alternatives to stdout."""
    evidence = policy.evidence
    cost, saved = evidence.expected_cost, evidence.savings
    assert cost is not None  # noqa: S101  # scores that were given labels are always measured
    assert saved is not None  # noqa: S101  # as above
    promise = policy.guarantee
    if as_json:
        print_json(
            {
                "threshold": policy.threshold,
                "raw_threshold": policy.raw_threshold,
                "expected_cost": cost.to_dict(),
                "savings": saved.to_dict(),
                "baselines": {name: found.to_dict() for name, found in evidence.baselines.items()},
                "n_cases": evidence.n_cases,
                "n_positives": evidence.n_positives,
                "reason": evidence.reason,
                "guarantee": None if promise is None else plain(asdict(promise)),
                "unit": policy.unit,
                "out": None if out is None else str(out),
            }
        )
        return
    lines = cost_table(
        {**evidence.baselines, "this rule": cost}, evidence.n_cases, evidence.n_positives
    )
    lines += ["", rule_of(policy)]
    if promise is not None:
        lines += promise.explain(policy.unit)
    lines.append(f"Why this rule: {evidence.reason}.")
    if out is not None:
        lines.append(f"Saved to {out}")
    step = "put the rule to the test on newer scores."
    if out is not None:
        step = f"costopt show {shlex.quote(str(out))}"
    lines += ["", three_lines(policy, step)]
    print_text("\n".join(lines))
