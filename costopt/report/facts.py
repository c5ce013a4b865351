"""What the page tells of a policy: plain values for its template and its script."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from costopt.policy.evidence import Evidence
from costopt.policy.policy import DecisionPolicy
from costopt.report.curve import curve_facts, threshold_text
from costopt.showing.overview import rows_of
from costopt.showing.text import figure, money, percent

__all__ = ["facts_of"]

# What commands keep of the rows that a policy was made from, and what the page calls it.
ABOUT = {"target": "Target", "source": "Rows", "period": "Period"}


def facts_of(
    policy: DecisionPolicy, cases_a_day: float, about: Mapping[str, str]
) -> dict[str, Any]:
    """All that the page shows of a policy.

    Parameters
    ----------
    policy : DecisionPolicy
    cases_a_day : float
        What money and alerts are multiplied by, before somebody changes it in the page.
    about : mapping of str to str
        What the page is about, beside what the policy knows of it.
    """
    evidence, curve = policy.evidence, policy.evidence.curve
    found: dict[str, Any] = {
        "unit": policy.unit,
        "cases_a_day": cases_a_day,
        "about": _about(policy, about),
        "evidence": evidence,
        "action": _action(policy),
        "details": [
            line
            for line in policy.explain().splitlines()
            if not line.startswith("  for comparison")
        ],
        "provenance": {name: text for name, text in policy.provenance.items() if name not in ABOUT},
        "params": {name: _short(value) for name, value in policy.params.items()},
        "model": policy.model_name or "computed elsewhere",
        "saving": _saving(policy, cases_a_day),
        "certainty": _certainty(evidence),
        "compared": [],
        "curve": None,
    }
    if evidence.expected_cost is not None:
        rows = {**evidence.baselines, "this policy": evidence.expected_cost}
        found["compared"] = rows_of(rows, chosen="this policy", times=cases_a_day, write=money)
    if curve is not None:
        found["curve"] = curve_facts(policy, curve, cases_a_day)
    return found


def _about(policy: DecisionPolicy, told: Mapping[str, str]) -> dict[str, str]:
    """What the page is about: what is predicted, of which rows, and when it was written."""
    label, evidence = policy.labels[1], policy.evidence
    known = {
        title: policy.provenance[name] for name, title in ABOUT.items() if name in policy.provenance
    }
    target = known.pop("Target", None)
    being = f"{label!r}" if isinstance(label, str) else f"{label}"
    found = {"Positive cases": f"{target} is {being}" if target else f"those labelled {being}"}
    rows = known.pop("Rows", "")
    counted = f"{evidence.n_cases:,} cases, of which {evidence.n_positives:,} are positive"
    if evidence.n_cases:
        found["Rows"] = f"{rows}: {counted}" if rows else counted
    return {**found, **known, **told, "Written": f"{date.today():%-d %B %Y}"}


def _action(policy: DecisionPolicy) -> dict[str, str]:
    """What to do, in a headline and a sentence."""
    threshold = policy.threshold
    sentence, *_ = policy.explain().splitlines()
    if threshold is None:
        # without the formula, which stands below
        return {"headline": "Decide case by case", "sentence": f"{sentence.split(':')[0]}."}
    if math.isinf(threshold):
        return {
            "headline": "Never act" if threshold > 0 else "Always act",
            "sentence": "No model is needed at these costs.",
        }
    return {"headline": f"Act from {threshold_text(threshold)} up", "sentence": sentence}


def _saving(policy: DecisionPolicy, cases: float) -> dict[str, str] | None:
    """What the policy saves against the better of never and always acting."""
    cost, share = policy.evidence.expected_cost, policy.evidence.savings
    if cost is None or not policy.evidence.baselines:
        return None
    better = policy.evidence.better_baseline()
    before = policy.evidence.baselines[better].value
    gained = money(cases * (before - cost.value))
    rule = "never acting" if better == "never act" else "always acting"
    if share is None or math.isnan(share.value):
        headline = f"{gained} {policy.unit}"
    else:
        headline = f"{percent(share.value)} of the cost"
    return {
        "headline": headline,
        "gained": gained,
        "rule": rule,
        "before": money(cases * before),
        "after": money(cases * cost.value),
    }


def _certainty(evidence: Evidence) -> dict[str, str] | None:
    """How sure the saving is, in a headline and a verdict."""
    cost, savings = evidence.expected_cost, evidence.savings
    if cost is None:
        return None
    mood, verdict = evidence.verdict()
    share = savings is not None and not math.isnan(savings.value)
    if share and savings is not None:
        headline = savings.interval_text(100, " %", digits=3)
    else:
        headline = f"{cost.interval_text()} {cost.unit}"
    measured = f"{evidence.n_cases:,} cases of which {evidence.n_positives:,} were positive"
    if cost.n != evidence.n_cases:
        measured = f"{cost.n:,} of the {measured}"
    return {
        "headline": headline,
        "verdict": verdict,
        "mood": mood,
        "level": f"{cost.level:.0%}",
        "measured": measured,
    }


def _short(value: Any) -> str:
    return figure(value) if isinstance(value, float) else str(value)
