"""``costopt decide`` and ``costopt evaluate``: a saved policy on new rows, and on labelled ones."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from costopt.cli.options import PATH, as_json, force, option, settings
from costopt.cli.places import check_file, write_file
from costopt.cli.reading import put_in_order, read, reading_options
from costopt.cli.rows import check_columns, groups, target, time, weight
from costopt.cli.words import cost_table
from costopt.console import print_json, print_text, say
from costopt.errors import PolicyError
from costopt.markup import figure

if TYPE_CHECKING:
    import pandas as pd

    from costopt.policy.policy import DecisionPolicy

__all__ = ["decide", "evaluate"]


@click.command(
    "decide", epilog="\b\nExample:\n  costopt decide card-fraud today.csv --out decisions.csv"
)
@click.argument("folder", type=PATH)
@click.argument("data", type=PATH)
@option("--out", type=PATH, metavar="FILE", help="Parquet if so named, else CSV.")
@reading_options
@force
@option("--json", "as_json", is_flag=True, help="Print JSON lines: one object per row.")
@settings
def decide(
    folder: Path, data: Path, out: Path | None, *, force: bool, as_json: bool, **given: Any
) -> None:
    """Decide on every row of DATA with the policy in FOLDER.

    Writes four columns, as CSV to stdout unless told otherwise: row (from 0, below the header),
    probability (calibrated, of the positive class), action (act or leave) and expected_gain (of
    acting, in the unit of the costs). Numbers in CSV have 6 significant digits.
    """
    if out is not None:
        check_file(out, data, force=force)
    policy = _load_to_decide(folder)
    decisions = _decisions(policy, _new_rows(policy, data, given))
    if out is not None:
        is_parquet = out.suffix.lower() == ".parquet"
        write_file(
            out, decisions.to_parquet(index=False) if is_parquet else _as_csv(decisions).encode()
        )
        acted = int((decisions["action"] == "act").sum())
        say(f"{len(decisions):,} decisions written to {out}: act on {acted:,}")
    if as_json:
        rows = decisions.to_dict("records")
        click.echo("\n".join(json.dumps(row, allow_nan=False) for row in rows))
    elif out is None:
        click.echo(_as_csv(decisions), nl=False)


@click.command(
    "evaluate",
    epilog="\b\nExample:\n  costopt evaluate card-fraud last-month.csv --target is_fraud",
)
@click.argument("folder", type=PATH)
@click.argument("data", type=PATH)
@target
@groups
@time
@weight
@reading_options
@as_json
@settings
def evaluate(
    folder: Path,
    data: Path,
    target: str,
    groups: str | None,
    time: str | None,
    weight: str | None,
    *,
    as_json: bool,
    **given: Any,
) -> None:
    """Say what the policy in FOLDER costs on labelled rows.

    The mean cost per case of the rows of DATA stands beside never and always acting on them. Use
    rows that the policy was not made from.
    """
    policy = _load_to_decide(folder)
    is_text = isinstance(policy.labels[0], str)
    table = _new_rows(policy, data, given, {target: policy.labels} if is_text else {})
    named = {"--groups": groups, "--time": time, "--weight": weight}
    check_columns(table, {"--target": [target], **{name: [of] for name, of in named.items()}})
    put_in_order(table, time, given["date_format"])
    stands_for = None if weight is None else table[weight]
    found = policy.measure(table, table[target], groups=groups, time=time, sample_weight=stands_for)
    cost, saved = found.expected_cost, found.savings
    assert cost is not None  # noqa: S101  # it was just measured
    assert saved is not None  # noqa: S101  # as above
    n_population = float(len(table) if stands_for is None else stands_for.sum())
    if as_json:
        print_json(
            {
                "mean_cost": cost.to_dict(),
                "baselines": {name: base.to_dict() for name, base in found.baselines.items()},
                "savings": saved.to_dict(),
                "total_cost": cost.value * n_population,
                "n_cases": found.n_cases,
                "n_positives": found.n_positives,
                "n_population": n_population,
                "unit": policy.unit,
            }
        )
        return
    lines = cost_table({**found.baselines, "this policy": cost}, found.n_cases, found.n_positives)
    lines.append(
        f"In total {figure(cost.value * n_population, 6)} {policy.unit} for "
        f"{figure(n_population, 9)} cases."
    )
    print_text("\n".join([*lines, *found.savings_in_words()]))


def _as_csv(decisions: pd.DataFrame) -> str:
    return str(decisions.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


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


def _new_rows(
    policy: DecisionPolicy,
    data: Path,
    given: Mapping[str, Any],
    texts: Mapping[str, Collection[Any]] | None = None,
) -> pd.DataFrame:
    """The rows of a data file, their features left for the policy to read, as it knows them."""
    features = policy.schema.features if policy.schema else ()
    leave = {one.name: one.decimal for one in features if one.categories is None}
    return read(data, given, texts={**_texts(policy), **(texts or {})}, leave=leave)


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
