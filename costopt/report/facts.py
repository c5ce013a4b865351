"""What the page tells of a policy: plain values for its template and its script."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from costopt.decision.rules import CutRule
from costopt.evaluation.estimates import Estimate
from costopt.evaluation.operating import CELLS, OperatingCurve, OperatingPoint
from costopt.policy.evidence import Evidence
from costopt.policy.policy import DecisionPolicy
from costopt.report.figures import amount, money, percent, threshold_text
from costopt.report.picture import curve_picture
from costopt.showing.text import figure

__all__ = ["facts_of", "interval_money", "interval_rows"]

# What each cost is paid for, by truth and decision.
PAID_FOR = {
    "fp": "false alarm",
    "fn": "missed positive",
    "tp": "caught positive",
    "tn": "negative left alone",
}


def facts_of(policy: DecisionPolicy, cases_a_day: float) -> dict[str, Any]:
    """All that the page shows of a policy.

    Parameters
    ----------
    policy : DecisionPolicy
    cases_a_day : float
        What money and alerts are multiplied by, before somebody changes it in the page.
    """
    evidence, curve = policy.evidence, policy.evidence.curve
    found: dict[str, Any] = {
        "unit": policy.unit,
        "positive": _positive(policy),
        "cases_a_day": cases_a_day,
        "evidence": evidence,
        "action": _action(policy),
        "details": [
            line
            for line in policy.explain().splitlines()
            if not line.startswith("  for comparison")
        ],
        "provenance": dict(policy.provenance),
        "params": {name: _short(value) for name, value in policy.params.items()},
        "model": policy.model_name or "computed elsewhere",
        "saving": _saving(policy, cases_a_day),
        "certainty": _certainty(evidence),
        "compared": [],
        "curve": None,
    }
    if evidence.expected_cost is not None:
        rows = {**evidence.baselines, "this policy": evidence.expected_cost}
        found["compared"] = interval_rows(rows, cases_a_day, highlight="this policy")
    if curve is not None:
        found["curve"] = _curve_facts(policy, curve, cases_a_day)
    return found


def interval_rows(
    estimates: Mapping[str, Estimate], factor: float, *, highlight: str
) -> list[dict[str, Any]]:
    """Rows of a table of estimates, each with where its bar starts and ends in percent of a scale."""
    finite = [
        each
        for found in estimates.values()
        for each in (found.low, found.value, found.high)
        if math.isfinite(each)
    ]
    low, high = min(0.0, *finite, 0.0), max(0.0, *finite, 0.0)
    span = (high - low) or 1.0

    def place(value: float) -> float | None:
        return round(100 * (value - low) / span, 2) if math.isfinite(value) else None

    return [
        {
            "name": name,
            "value": money(factor * found.value),
            "interval": interval_money(found, factor),
            "at": place(found.value),
            "from": place(found.low),
            "to": place(found.high),
            "zero": place(0.0),
            "chosen": name == highlight,
        }
        for name, found in estimates.items()
    ]


def _positive(policy: DecisionPolicy) -> str:
    label = policy.labels[1]
    return "a positive case" if label in (1, True) else f"'{label}'"


def _action(policy: DecisionPolicy) -> dict[str, str]:
    """What to do, in a headline and a sentence."""
    threshold, raw = policy.threshold, policy.raw_threshold
    name = _positive(policy)
    if threshold is None:
        return {
            "headline": "Decide case by case",
            "sentence": (
                f"Act where the probability of {name} times what missing it costs is more than the "
                "probability that it is none times what a false alarm costs."
            ),
        }
    if math.isinf(threshold):
        verb = "Never act" if threshold > 0 else "Always act"
        return {"headline": verb, "sentence": "No model is needed at these costs."}
    sentence = f"Act on every case whose calibrated probability of {name} reaches this."
    if raw is not None and math.isfinite(raw):
        sentence += f" On the model's own score: {figure(raw)}."
    return {"headline": f"Act from {figure(100 * threshold, 3)} % up", "sentence": sentence}


def interval_money(found: Estimate, factor: float) -> str:
    """The interval of an estimate, in money to the cent."""
    return found.scaled(factor).interval_text(write=money)


def _saving(policy: DecisionPolicy, cases: float) -> dict[str, str] | None:
    """What the policy saves against the better of never and always acting."""
    cost, share = policy.evidence.expected_cost, policy.evidence.savings
    blanket = {
        name: found.value
        for name, found in policy.evidence.baselines.items()
        if name in ("never act", "always act")
    }
    if cost is None or not blanket:
        return None
    better = min(blanket, key=blanket.__getitem__)
    gained = money(cases * (blanket[better] - cost.value))
    rule = "never acting" if better == "never act" else "always acting"
    if share is None or math.isnan(share.value):
        headline = f"{gained} {policy.unit}"
    else:
        headline = f"{percent(share.value)} of the cost"
    return {
        "headline": headline,
        "gained": gained,
        "rule": rule,
        "before": money(cases * blanket[better]),
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
    return {"headline": headline, "verdict": verdict, "mood": mood, "level": f"{cost.level:.0%}"}


def _curve_facts(policy: DecisionPolicy, curve: OperatingCurve, cases: float) -> dict[str, Any]:
    shipped = curve.shipped
    cells = [
        _cell(policy, name, value, varies=varies)
        for name, value, varies in zip(CELLS, shipped.cells, curve.varies, strict=True)
    ]
    start = curve.best if shipped.threshold is None else shipped.threshold
    return {
        "recommended": _point_facts(shipped, cases),
        "about": f"{alerts:,.0f}" if (alerts := cases * shipped.alerts) >= 10 else amount(alerts),
        "by_case": shipped.threshold is None,
        "cells": cells,
        "flat": [threshold_text(each) for each in curve.flat],
        "supported": None
        if curve.supported is None
        else [threshold_text(each) for each in curve.supported],
        "what_if": _what_if(curve, cases),
        "picture": curve_picture(curve, cases),
        "beside_estimate": _beside_estimate(policy, cases),
        "n_points": len(curve),
        "start": len(curve) - 1 - curve.thresholds.index(start),
        "data": _data(curve, start),
    }


def _beside_estimate(policy: DecisionPolicy, cases: float) -> str:
    """Why the rule costs something else here than at the top, if it does."""
    bias = policy.evidence.selection_bias
    text = "Each number is what these cases would have cost"
    if bias:
        way = "more" if bias > 0 else "less"
        text += (
            f"; the estimate at the top expects {money(cases * abs(bias))} {policy.unit} {way}, since "
            "the policy was selected on these cases"
        )
    if isinstance(policy.rule, CutRule):
        text += (
            "; the threshold was chosen on them as well, so the recommended rule was judged by "
            "thresholds that had not seen the case, and costs more than the curve shows at its threshold"
        )
    return f"{text}."


def _point_facts(point: OperatingPoint, cases: float) -> dict[str, str]:
    return {
        "threshold": "case by case" if point.threshold is None else threshold_text(point.threshold),
        "cost": money(cases * point.mean_cost()),
        "alerts": amount(cases * point.alerts),
        "precision": percent(point.precision),
        "recall": percent(point.recall),
        "missed": amount(cases * (point.missed / point.n_cases)),
    }


def _cell(policy: DecisionPolicy, name: str, value: float, *, varies: bool) -> dict[str, Any]:
    declared = None if policy.costs is None else getattr(policy.costs, name)
    return {
        "name": name,
        "paid_for": PAID_FOR[name],
        "value": 1.0 if varies else value,
        "varies": varies,
        "formula": declared if isinstance(declared, str) else "each case's own cost",
    }


def _what_if(curve: OperatingCurve, cases: float) -> list[dict[str, str]]:
    """What happens if an error costs twice or half as much."""
    rows = []
    for cell, factor, words in (
        (None, 1.0, "as declared"),
        ("fn", 2.0, "a missed positive costs twice as much"),
        ("fn", 0.5, "a missed positive costs half as much"),
        ("fp", 2.0, "a false alarm costs twice as much"),
        ("fp", 0.5, "a false alarm costs half as much"),
    ):
        changed = {}
        if cell is not None:
            at = CELLS.index(cell)
            changed[cell] = factor * (1.0 if curve.varies[at] else curve.shipped.cells[at])
        cheapest = curve.cheapest(changed)
        kept = curve.shipped.mean_cost(changed)
        assert cheapest.threshold is not None  # noqa: S101  # a point of the curve has one
        rows.append(
            {
                "words": words,
                "threshold": threshold_text(cheapest.threshold),
                "cost": money(cases * cheapest.mean_cost(changed)),
                "kept": money(cases * kept),
            }
        )
    return rows


def _data(curve: OperatingCurve, start: float) -> dict[str, Any]:
    """What the script computes with. Never and always have no number in JSON."""
    shipped = curve.shipped

    def finite(value: float) -> float | None:
        return value if math.isfinite(value) else None

    return {
        "thresholds": [finite(threshold) for threshold in curve.thresholds],
        "caught": curve.caught,
        "false_alarms": curve.false_alarms,
        "cells": curve.cells,
        "declared": [
            1.0 if varies else value
            for value, varies in zip(shipped.cells, curve.varies, strict=True)
        ],
        "shipped": {
            "by_case": shipped.threshold is None,
            "caught": shipped.caught,
            "false_alarms": shipped.false_alarms,
            "cells": shipped.cells,
        },
        "start": curve.thresholds.index(start),
        "best": curve.thresholds.index(curve.best),
        "flat": [curve.thresholds.index(each) for each in reversed(curve.flat)],
        "supported": None
        if curve.supported is None
        else [curve.thresholds.index(each) for each in reversed(curve.supported)],
    }


def _short(value: Any) -> str:
    return figure(value) if isinstance(value, float) else str(value)
