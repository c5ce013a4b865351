"""``costopt decide`` and ``costopt evaluate``: a saved policy on new rows, and on labelled ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from costopt.cli.console import print_json, print_text, say
from costopt.cli.kept import as_csv, as_numbers, json_lines
from costopt.cli.options import PATH, as_json, column, force, option, settings
from costopt.cli.places import check_file, policy_in, write_file
from costopt.cli.reading import put_in_order, read_rows_to_decide, reading_options
from costopt.cli.rows import check_columns, groups, target, time, weight
from costopt.cli.scores import score, scores_of
from costopt.cli.words import cost_table
from costopt.errors import DataError, PolicyError
from costopt.showing.text import figure

if TYPE_CHECKING:
    import pandas as pd

    from costopt.policy.policy import DecisionPolicy

__all__ = ["decide", "evaluate"]


@click.command(
    "decide", epilog="\b\nExample:\n  costopt decide card-fraud today.csv --out decisions.csv"
)
@click.argument("folder", type=PATH)
@click.argument("data", type=PATH)
@score
@column("--keep", "Column of DATA to write as well, or all; repeatable.", multiple=True)
@option("--out", type=PATH, metavar="FILE", help="Parquet if so named, else CSV.")
@reading_options
@force
@option("--json", "as_json", is_flag=True, help="Print JSON lines: one object per row.")
@settings
def decide(
    folder: Path,
    data: Path,
    score: str | None,
    keep: tuple[str, ...],
    out: Path | None,
    *,
    force: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Decide on every row of DATA with the policy in FOLDER.

    Writes four columns, as CSV to stdout unless told otherwise: row (from 0, below the header),
    probability (calibrated, of the positive class), action (act or leave) and expected_gain (of
    acting, in the unit of the costs). Those in CSV have 6 significant digits. Columns that are
    kept stand after the row, codes such as 00123 with their zeros. Other columns that the policy
    does not need are not looked at.

    The policy remembers how its features were written (--missing, --decimal, --thousands, --date,
    --no-header): these options are only needed where DATA are written in another way.

    A policy without a model, as of "costopt threshold", needs --score: the score that your model
    gives, before any calibration. The costs may still depend on columns of DATA.
    """
    if out is not None:
        check_file(out, data, force=force)
    policy = _load_to_decide(folder, score)
    table, kept = _new_rows(policy, data, given, score, keep=keep)
    decisions = _decisions(policy, table, score, keep, kept)
    if out is not None:
        is_parquet = out.suffix.lower() == ".parquet"
        write_file(
            out, decisions.to_parquet(index=False) if is_parquet else as_csv(decisions).encode()
        )
        acted = int((decisions["action"] == "act").sum())
        say(f"{len(decisions):,} decisions written to {out}: act on {acted:,}")
    if as_json:
        click.echo("\n".join(json_lines(decisions)))
    elif out is None:
        click.echo(as_csv(decisions), nl=False)


@click.command(
    "evaluate",
    epilog="\b\nExample:\n  costopt evaluate card-fraud last-month.csv --target is_fraud",
)
@click.argument("folder", type=PATH)
@click.argument("data", type=PATH)
@target
@score
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
    score: str | None,
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
    from costopt.policy.evidence import evidence_on

    policy = _load_to_decide(folder, score)
    named = {"--groups": groups, "--time": time, "--weight": weight}
    others = [
        target,
        *filter(None, named.values()),
        *(policy.costs.columns if policy.costs else ()),
    ]
    table, _ = _new_rows(policy, data, given, score, others=others, target=target)
    check_columns(table, {"--target": [target], **{name: [of] for name, of in named.items()}})
    put_in_order(table, time, given["date_format"])
    stands_for = None if weight is None else table[weight]
    scores = None if score is None else scores_of(table, score)
    features = table.drop(columns=target)
    labelled = policy.sample(features, table[target], scores, None, groups, time, stands_for)
    found = evidence_on(*labelled)
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


def _load_to_decide(folder: Path, score: str | None) -> DecisionPolicy:
    """A policy that can decide on the rows of a file without further help."""
    policy = policy_in(folder)
    if not policy.models and score is None:
        raise PolicyError(
            f"the policy in {folder} holds no model, so it decides on scores computed elsewhere: "
            "name the column that holds them with --score"
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
    score: str | None,
    *,
    keep: Sequence[str] = (),
    others: Collection[str] = (),
    target: str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of a data file as the policy reads them, and the columns to keep as they are written.

    Features are left for the policy to read. Of columns that nobody asked for, no cell is looked at.
    """
    schema = policy.schema
    features = schema.features if schema and score is None else ()
    wanted = {one.name for one in features} | {*others} | ({score} if score else set())
    wanted |= {*policy.known_costs.columns} if policy.known_costs else set()
    texts = _texts(policy)
    leave = {one.name: one.decimal for one in features if one.categories is None}
    if target is not None and isinstance(policy.labels[0], str):
        texts[target] = [str(label) for label in policy.labels]
    elif target is not None:
        leave[target] = ""
    missing = given["missing"] or (schema.missing if schema else ())
    table, kept = read_rows_to_decide(
        data,
        {**given, "missing": missing},
        wanted,
        "all" if "all" in keep else keep,
        texts=texts,
        leave=leave,
    )
    if target in leave and target in table.columns:
        table[target] = _as_numbers(table[target])
    return table, kept


def _as_numbers(labels: pd.Series[Any]) -> pd.Series[Any]:
    """Labels that came as texts as the numbers that they are, if all are."""
    import pandas as pd

    if labels.dtype.kind in "biuf":
        return labels
    numbers = pd.to_numeric(labels, errors="coerce")
    return labels if (numbers.isna() & labels.notna()).any() else numbers


def _texts(policy: DecisionPolicy) -> dict[str, Collection[str]]:
    """The columns that held texts when the policy was made, such as codes "01", and their texts."""
    features = policy.schema.features if policy.schema else ()
    return {
        feature.name: [text for text in feature.categories if isinstance(text, str)]
        for feature in features
        if feature.categories and all(isinstance(known, str) for known in feature.categories)
    }


def _decisions(
    policy: DecisionPolicy,
    table: pd.DataFrame,
    score: str | None,
    keep: Sequence[str],
    kept: pd.DataFrame,
) -> pd.DataFrame:
    """One decision per row, with its number and the columns to keep."""
    check_columns(table, {"--keep": [name for name in keep if name != "all"]})
    scores = None if score is None else scores_of(table, score)
    decisions: pd.DataFrame = policy.decide_frame(table, score=scores)
    for name in ("row", *decisions.columns):
        if name in kept.columns:
            raise DataError(
                f"the data have a column {name!r}, as the decisions do: rename it, or keep others"
            )
    beside = {name: as_numbers(kept[name]) for name in kept.columns}
    return decisions.assign(row=range(len(table)), **beside)[
        ["row", *kept.columns, *decisions.columns]
    ]
