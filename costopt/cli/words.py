"""Results in words: costs side by side, and three lines for whoever decides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from costopt.showing.overview import cost_lines, rows_of
from costopt.showing.text import figure, percent

if TYPE_CHECKING:
    import pandas as pd

    from costopt.evaluation.estimates import Estimate
    from costopt.policy.evidence import Evidence
    from costopt.policy.policy import DecisionPolicy

__all__ = ["cost_table", "rule_of", "three_lines", "with_rows"]

CASES = 1000  # money per case is too small a number to talk about


def cost_table(costs: Mapping[str, Estimate], n_cases: int, n_positives: int) -> list[str]:
    """Costs per case side by side, with their intervals.

    Parameters
    ----------
    costs : mapping of str to Estimate
        In one unit.
    n_cases, n_positives : int
        Rows behind them.
    """
    first = next(iter(costs.values()))
    lines = [
        f"Cost in {first.unit} per case, with its {first.level:.0%} interval, on {n_cases:,} "
        f"cases of which {n_positives:,} are positive"
    ]
    return lines + cost_lines(rows_of(costs))


def three_lines(policy: DecisionPolicy, next_step: str = "") -> str:
    """What to do, what it saves beside the best rule without a model, and how sure that is.

    Parameters
    ----------
    policy : DecisionPolicy
    next_step : str, optional
        What the reader does next.
    """
    _, sure = policy.evidence.verdict()
    return "\n".join(
        (
            f"What to do: {rule_of(policy)}",
            f"What it saves: {_what_it_saves(policy.evidence)}",
            f"How sure: {sure}{f' Next: {next_step}' if next_step else ''}",
        )
    )


def with_rows(
    policy: DecisionPolicy, table: pd.DataFrame, data: Path, target: str, time: str | None
) -> DecisionPolicy:
    """A policy that also knows what it was made from: target, file and period, for its report.

    Parameters
    ----------
    policy : DecisionPolicy
    table : DataFrame
        With times in the column of that name, if there is one.
    data : path
        The file; ``-`` is standard input.
    target : str
    time : str or None
    """
    found = {"target": target, "source": "standard input" if str(data) == "-" else data.name}
    if time is not None and table[time].dtype.kind == "M":
        found["period"] = f"{table[time].min():%Y-%m-%d} to {table[time].max():%Y-%m-%d}"
    return replace(policy, provenance={**policy.provenance, **found})


def rule_of(policy: DecisionPolicy) -> str:
    """When a policy acts, in the sentence that stands everywhere."""
    sentence, *_ = policy.explain().splitlines()
    return sentence


def _what_it_saves(evidence: Evidence) -> str:
    cost, savings = evidence.expected_cost, evidence.savings
    assert cost is not None  # noqa: S101  # a policy of this session was measured
    assert savings is not None  # noqa: S101  # as above
    rival = evidence.better_baseline()
    saved = (evidence.baselines[rival].value - cost.value) * CASES
    money = f"{figure(abs(saved))} {cost.unit} per {CASES:,} cases"
    against = f"than the best rule without a model ({rival})"
    if saved < 0:
        return f"nothing: it costs {money} more {against}."
    if math.isnan(savings.value):
        return f"{money}, as it costs less {against}."
    return (
        f"{money}: it is {percent(savings.value)} cheaper {against}; {savings.level:.0%} interval: "
        f"{savings.interval_text(100, ' %', digits=3)}."
    )
