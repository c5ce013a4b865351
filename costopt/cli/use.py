"""``costopt decide`` and ``costopt evaluate``: a saved policy on new rows, and on labelled ones."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from costopt.cli.options import PATH, as_json, force, option, settings
from costopt.cli.places import check_file, write_file
from costopt.cli.rows import check_columns, read, target, weight
from costopt.cli.words import cost_table
from costopt.console import print_json, print_text, say
from costopt.errors import PolicyError

if TYPE_CHECKING:
    import pandas as pd

    from costopt.evaluation.estimates import Estimate
    from costopt.policy.policy import DecisionPolicy

__all__ = ["decide", "evaluate"]


@click.command(
    "decide", epilog="\b\nExample:\n  costopt decide card-fraud today.csv --out decisions.csv"
)
@click.argument("folder", type=PATH)
@click.argument("data", type=PATH)
@option("--out", type=PATH, metavar="FILE", help="Parquet if so named, else CSV.")
@force
@option("--json", "as_json", is_flag=True, help="Print JSON lines: one object per row.")
@settings
def decide(folder: Path, data: Path, out: Path | None, *, force: bool, as_json: bool) -> None:
    """Decide on every row of DATA with the policy in FOLDER.

    Writes four columns, as CSV to stdout unless told otherwise: row (from 0, below the header),
    probability (calibrated, of the positive class), action (act or leave) and expected_gain (of
    acting, in the unit of the costs). Numbers in CSV have 6 significant digits.
    """
    if out is not None:
        check_file(out, data, force=force)
    policy = _load_to_decide(folder)
    decisions = _decisions(policy, read(data, texts=_texts(policy)))
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
@weight
@as_json
@settings
def evaluate(folder: Path, data: Path, target: str, weight: str | None, *, as_json: bool) -> None:
    """Say what the policy in FOLDER costs on labelled rows.

    The mean cost per case of the rows of DATA stands beside never and always acting on them. Use
    rows that the policy was not made from.
    """
    policy = _load_to_decide(folder)
    texts = dict(_texts(policy))
    if isinstance(policy.labels[0], str):
        texts[target] = tuple(map(str, policy.labels))
    table = read(data, texts=texts)
    check_columns(table, {"--target": [target], "--weight": [weight]})
    found = _evaluation(policy, table, target, weight)
    if as_json:
        print_json(found)
        return
    costs = {**found["baselines"], "this policy": found["mean_cost"]}
    lines = cost_table(costs, found["n_cases"], found["n_positives"])
    lines.append(
        f"In total {found['total_cost']:,.6g} {found['unit']} for {found['n_population']:,g} cases."
    )
    if not math.isnan(found["savings"]):
        share = 100 * found["savings"]
        lines.append(f"Saves {share:.3g} % of what the better of never and always acting costs.")
    print_text("\n".join(lines))


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
    from costopt.evaluation.draws import Draws
    from costopt.evaluation.estimates import bootstrap_mean
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
