"""What the page tells of other thresholds and other costs; its script computes the same again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from costopt.decision.rules import Rule
from costopt.evaluation.operating import CELLS, OperatingCurve, OperatingPoint
from costopt.policy.policy import DecisionPolicy
from costopt.report.picture import curve_picture
from costopt.showing.text import fixed, money, percent

__all__ = ["curve_facts", "money_recall", "recommended_at", "threshold_text"]

# What each cost is paid for, by truth and decision.
PAID_FOR = {
    "fp": "false alarm",
    "fn": "missed positive",
    "tp": "caught positive",
    "tn": "negative left alone",
}


def threshold_text(threshold: float) -> str:
    """A probability to act from; in words where it is none.

    Examples
    --------
    >>> threshold_text(0.0459), threshold_text(0.00042), threshold_text(float("inf"))
    ('4.59 %', '0.042 %', 'never act')
    """
    if math.isinf(threshold):
        return "never act" if threshold > 0 else "always act"
    return percent(threshold)


def recommended_at(
    curve: OperatingCurve, rule: str, changed: Mapping[str, float]
) -> tuple[float, OperatingPoint]:
    """The threshold that a rule takes at other costs, and the point of the curve that it means.

    Parameters
    ----------
    curve : OperatingCurve
    rule : {"bayes", "exact"}
        The Bayes threshold of the costs, or the cheapest one of the curve.
    changed : mapping of str to float
        By cell, as for `OperatingPoint.total_cost`.
    """
    cheapest = curve.cheapest(changed)
    assert cheapest.threshold is not None  # noqa: S101  # a point of the curve has one
    fp, fn, tp, tn = (
        changed.get(name, cost) for name, cost in zip(CELLS, curve.selected.cells, strict=True)
    )
    alarm, miss = fp - tn, fn - tp
    if rule == "exact" or (alarm <= 0 and miss <= 0 and (alarm, miss) != (0, 0)):
        return cheapest.threshold, cheapest
    if miss <= 0:
        return math.inf, curve.at(math.inf)
    if alarm <= 0:
        return -math.inf, curve.point(len(curve) - 1)
    threshold = alarm / (alarm + miss)
    return threshold, curve.at(threshold)


def money_recall(
    curve: OperatingCurve, point: OperatingPoint, changed: Mapping[str, float] | None = None
) -> float:
    """Share of the money at stake in the positives that acting on some of them saves.

    What a case has at stake is what missing it costs more than catching it. NaN where there is none.
    """

    def paid(at: OperatingPoint, cell: str) -> float:
        where = CELLS.index(cell)
        count = at.missed if cell == "fn" else at.caught
        factor = (changed or {}).get(cell, 1.0 if at.varies[where] else at.cells[where])
        return factor * (at.cells[where] if at.varies[where] else count)

    never, always = curve.point(0), curve.point(len(curve) - 1)
    at_stake = paid(never, "fn") - paid(always, "tp")
    saved = paid(never, "fn") - paid(point, "fn") - paid(point, "tp")
    return saved / at_stake if at_stake > 0 else math.nan


def curve_facts(policy: DecisionPolicy, curve: OperatingCurve, cases: float) -> dict[str, Any]:
    """What the page tells of the curve of a policy: plain values for its template and its script.

    Parameters
    ----------
    policy : DecisionPolicy
    curve : OperatingCurve
    cases : float
        What money and alerts are multiplied by.
    """
    selected = curve.selected
    cells = [
        _cell(policy, name, value, varies=varies)
        for name, value, varies in zip(CELLS, selected.cells, curve.varies, strict=True)
    ]
    start = curve.best if selected.threshold is None else selected.threshold
    return {
        "recommended": _point_facts(curve, selected, cases),
        "alerts": fixed(alerts, 0)
        if (alerts := cases * selected.alerts) >= 10
        else fixed(alerts, 1),
        "money_varies": _money_varies(curve),
        "by_case": selected.threshold is None,
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
        "data": _data(curve, start, policy.rule),
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
    if not policy.rule.reads_costs:
        text += (
            "; the threshold was chosen on them as well, so the recommended rule was judged by "
            "thresholds that had not seen the case, and costs more than the curve shows at its threshold"
        )
    return f"{text}."


def _point_facts(curve: OperatingCurve, point: OperatingPoint, cases: float) -> dict[str, str]:
    return {
        "threshold": "case by case" if point.threshold is None else threshold_text(point.threshold),
        "cost": money(cases * point.mean_cost()),
        "alerts": fixed(cases * point.alerts, 1),
        "precision": percent(point.precision, 1),
        "recall": percent(point.recall, 1),
        "saved": percent(money_recall(curve, point), 1),
        "missed": fixed(cases * (point.missed / point.n_cases), 1),
    }


def _money_varies(curve: OperatingCurve) -> bool:
    """Whether some positives have more at stake than others."""
    return curve.varies[CELLS.index("fn")] or curve.varies[CELLS.index("tp")]


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
            changed[cell] = factor * (1.0 if curve.varies[at] else curve.selected.cells[at])
        cheapest = curve.cheapest(changed)
        kept = curve.selected.mean_cost(changed)
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


def _data(curve: OperatingCurve, start: float, rule: Rule) -> dict[str, Any]:
    """What the script computes with. Never and always have no number in JSON."""
    selected = curve.selected

    def finite(value: float) -> float | None:
        return value if math.isfinite(value) else None

    return {
        "thresholds": [finite(threshold) for threshold in curve.thresholds],
        "caught": curve.caught,
        "false_alarms": curve.false_alarms,
        "cells": curve.cells,
        "declared": [
            1.0 if varies else value
            for value, varies in zip(selected.cells, curve.varies, strict=True)
        ],
        "selected": {
            "by_case": selected.threshold is None,
            "caught": selected.caught,
            "false_alarms": selected.false_alarms,
            "cells": selected.cells,
        },
        "rule": "bayes" if rule.reads_costs else "exact",
        "money_varies": _money_varies(curve),
        "start": curve.thresholds.index(start),
        "best": curve.thresholds.index(curve.best),
        "flat": [curve.thresholds.index(each) for each in reversed(curve.flat)],
        "supported": None
        if curve.supported is None
        else [curve.thresholds.index(each) for each in reversed(curve.supported)],
    }
