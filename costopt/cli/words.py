"""Results in words: costs side by side, and three lines for whoever decides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from costopt.showing.text import figure

if TYPE_CHECKING:
    from costopt.evaluation.estimates import Estimate
    from costopt.policy.evidence import Evidence
    from costopt.policy.policy import DecisionPolicy

__all__ = ["cost_table", "three_lines", "what_to_do"]

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
    width = max(len(name) for name in costs)
    for name, cost in costs.items():
        lines.append(f"  {name:<{width}}{figure(cost.value):>12}   {cost.interval_text()}")
    return lines


def three_lines(policy: DecisionPolicy, next_step: str = "", *, what: str = "") -> str:
    """What to do, what it saves beside the better rule without a model, and how sure that is.

    Parameters
    ----------
    policy : DecisionPolicy
    next_step : str, optional
        What the reader does next.
    what : str, optional
        What to do, where that is not said as `what_to_do` does.
    """
    _, sure = policy.evidence.verdict()
    return "\n".join(
        (
            f"What to do: {what or what_to_do(policy)}",
            f"What it saves: {_what_it_saves(policy.evidence)}",
            f"How sure: {sure}{f' Next: {next_step}' if next_step else ''}",
        )
    )


def what_to_do(policy: DecisionPolicy) -> str:
    """The rule for whoever acts on it, without the model's inner numbers."""
    threshold, cut, label = policy.threshold, policy.raw_threshold, policy.labels[1]
    being = "being positive" if not isinstance(label, str) and label == 1 else f"being {label!r}"
    if threshold is None or cut is None:
        return (
            "act on a case where that is expected to cost less than to leave it alone, which depends "
            "on its own costs."
        )
    if math.isinf(cut):
        return (
            f"{'leave every case alone' if cut > 0 else 'act on every case'}; no model is needed."
        )
    return (
        f"act on a case if its probability of {being} is at least {figure(100 * threshold, 3)} %."
    )


def _what_it_saves(evidence: Evidence) -> str:
    cost, savings = evidence.expected_cost, evidence.savings
    assert cost is not None  # noqa: S101  # a policy of this session was measured
    assert savings is not None  # noqa: S101  # as above
    rival = evidence.better_baseline()
    saved = (evidence.baselines[rival].value - cost.value) * CASES
    money = f"{figure(abs(saved))} {cost.unit} per {CASES:,} cases"
    if saved < 0:
        return f"nothing: it costs {money} more than the rule without a model to {rival}."
    text = f"{money} against the rule without a model to {rival}"
    if math.isnan(savings.value):
        return f"{text}."
    return (
        f"{text}: {figure(100 * savings.value, 3)} % of its cost ({savings.level:.0%} interval: "
        f"{savings.interval_text(100, ' %', digits=3)})."
    )
