"""Results in words: costs side by side, and three lines for whoever decides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from costopt.evaluation.estimates import Estimate
    from costopt.policy.policy import DecisionPolicy

__all__ = ["cost_table", "three_lines", "what_to_do"]

CASES = 1000  # money per case is too small a number to talk about


def cost_table(costs: Mapping[str, Mapping[str, Any]], n_cases: int, n_positives: int) -> list[str]:
    """Costs per case side by side, with their intervals.

    Parameters
    ----------
    costs : mapping of str to mapping
        `Estimate.to_dict` of each, in one unit.
    n_cases, n_positives : int
        Rows behind them.
    """
    first = next(iter(costs.values()))
    lines = [
        f"Cost in {first['unit']} per case, with its {first['level']:.0%} interval, on {n_cases:,} "
        f"cases of which {n_positives:,} are positive"
    ]
    width = max(len(name) for name in costs)
    for name, cost in costs.items():
        interval = f"[{cost['low']:.4g}, {cost['high']:.4g}]"
        lines.append(f"  {name:<{width}}{cost['value']:>12.4g}   {interval}")
    return lines


def three_lines(
    policy: DecisionPolicy,
    cost: Estimate,
    savings: Estimate,
    baselines: Mapping[str, Estimate],
    next_step: str = "",
    *,
    what: str = "",
) -> str:
    """What to do, what it saves beside the better blanket rule, and how sure that is.

    Parameters
    ----------
    policy : DecisionPolicy
    cost, savings : Estimate
        Of the policy: per case, and as a share of the better blanket rule's cost.
    baselines : mapping of str to Estimate
        With "never act" and "always act".
    next_step : str, optional
        What the reader does next.
    what : str, optional
        What to do, where that is not said as `what_to_do` does.
    """
    rival = min(("never act", "always act"), key=lambda name: baselines[name].value)
    return "\n".join(
        (
            f"What to do: {what or what_to_do(policy)}",
            f"What it saves: {_what_it_saves(cost, savings, rival, baselines[rival])}",
            f"How sure: {_how_sure(policy, savings, next_step)}",
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
    return f"act on a case if its probability of {being} is at least {100 * threshold:.3g} %."


def _what_it_saves(cost: Estimate, savings: Estimate, rival: str, blanket: Estimate) -> str:
    saved = (blanket.value - cost.value) * CASES
    money = f"{abs(saved):,.4g} {cost.unit} per {CASES:,} cases"
    if saved < 0:
        return f"nothing: it costs {money} more than the simple rule to {rival}."
    text = f"{money} against the simple rule to {rival}"
    if math.isnan(savings.value):
        return f"{text}."
    return (
        f"{text}: {100 * savings.value:.3g} % of its cost ({savings.level:.0%} interval "
        f"{100 * savings.low:.3g} to {100 * savings.high:.3g} %)."
    )


def _how_sure(policy: DecisionPolicy, savings: Estimate, next_step: str) -> str:
    positives = policy.evidence.n_positives
    if math.isnan(savings.value):
        sure = "see the intervals above, as there is no cost to save a share of."
    elif savings.low > 0:
        sure = "all of the interval lies above 0, on cases like these."
    elif savings.high > 0:
        sure = (
            f"not sure, as the interval includes 0: more rows narrow it, above all positive ones "
            f"({positives:,} so far)."
        )
    else:
        sure = "all of the interval lies below 0: use the simple rule, or find better columns."
    return f"{sure} Next: {next_step}" if next_step else sure
