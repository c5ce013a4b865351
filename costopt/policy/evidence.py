"""What is known of a policy's cost, beside the policy and in its file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from costopt.evaluation.estimates import Estimate, Sample
from costopt.evaluation.operating import OperatingCurve
from costopt.showing.overview import Overview, Presentable, rows_of
from costopt.showing.text import figure

__all__ = ["Evidence", "Mood", "evidence_on", "plain", "strict"]

Mood = Literal["good", "bad", "unsure", "plain"]


@dataclass(frozen=True)
class Evidence(Presentable):
    """What is known of a policy's cost, and why its rule was chosen.

    Parameters
    ----------
    expected_cost : Estimate or None
        Per case; not chosen on the rows it was measured on.
    savings : Estimate or None
        Share of the better baseline's cost that is avoided; the baselines are to act never and
        always.
    baselines : mapping of str to Estimate
        What the obvious alternatives cost on the same rows.
    selection_bias : float
        What the choice of the policy among others hid of its mean cost on these rows; it is part
        of ``expected_cost``, and of no other number here.
    n_cases, n_positives : int
        Rows that the policy was made from.
    reason : str
        Why this rule.
    curve : OperatingCurve or None
        What other thresholds would have caught and cost; None in policies saved without.
    """

    expected_cost: Estimate | None = None
    savings: Estimate | None = None
    baselines: Mapping[str, Estimate] = field(default_factory=dict)
    selection_bias: float = 0.0
    n_cases: int = 0
    n_positives: int = 0
    reason: str = ""
    curve: OperatingCurve | None = field(default=None, repr=False)

    def explain(self) -> list[str]:
        """Sentences: what the policy costs, how sure that is, beside what, and why this rule."""
        lines = []
        if self.expected_cost is not None:
            cost = self.expected_cost
            lines.append(
                f"Expected cost: {figure(cost.value)} {cost.unit} per case, {cost.level:.0%} interval: "
                f"{cost.interval_text()}, from {self.n_cases:,} cases of which {self.n_positives:,} "
                "were positive."
            )
            if cost.note:
                lines.append(f"Note: {cost.note}.")
            if self.selection_bias:
                lines.append(self.correction(f" {cost.unit}"))
        for name, found in self.baselines.items():
            lines.append(f"  for comparison, {name}: {figure(found.value)} {found.unit} per case")
        if self.reason:
            lines.append(f"Why this rule: {self.reason}.")
        return lines

    def better_baseline(self) -> str:
        """Which of the two rules without a model costs less."""
        return min(("never act", "always act"), key=lambda name: self.baselines[name].value)

    def savings_in_words(self) -> list[str]:
        """A sentence on what is saved, and one on how sure that is; none where it means nothing."""
        saved = self.savings
        if saved is None or math.isnan(saved.value):
            return []
        way = "cheaper" if saved.value >= 0 else "more expensive"
        interval = ""
        if saved.has_interval:
            told = saved.interval_text(100, " %", digits=3)
            interval = f"; {saved.level:.0%} interval of the savings: {told}"
        return [
            f"{figure(100 * abs(saved.value), 3)} % {way} than the best rule without a model "
            f"({self.better_baseline()}){interval}.",
            self.verdict()[1],
        ]

    def verdict(self) -> tuple[Mood, str]:
        """Whether the rows show that the policy saves anything, and the sentence that says so."""
        saved = self.savings
        if saved is None or math.isnan(saved.value):
            return "plain", "There is no cost to save a share of: compare the costs themselves."
        if not saved.has_interval:
            return "unsure", f"No interval can be stated: {saved.note}."
        if saved.note:
            return "unsure", f"It saves nothing: it makes {saved.note}."
        if saved.low > 0:
            return "good", "It is significantly cheaper than the best rule without a model."
        if saved.high < 0:
            return (
                "bad",
                "It costs significantly more than the best rule without a model: do not use it.",
            )
        return "unsure", "It may save nothing: gather more cases before you rely on it."

    def correction(self, unit: str = "") -> str:
        """Why the expected cost differs from what the same decisions cost on the rows at hand."""
        assert self.expected_cost is not None  # noqa: S101  # without it nothing is corrected
        observed = figure(self.expected_cost.value - self.selection_bias)
        way = "added" if self.selection_bias > 0 else "taken off"
        return (
            f"On these rows it cost {observed}{unit}; {figure(abs(self.selection_bias), 2)}{unit} is "
            f"{way}, since the policy was selected on them."
        )

    def overview(self) -> Overview:
        """What the policy costs beside the obvious alternatives."""
        cost = self.expected_cost
        if cost is None:
            return Overview("Evidence", "Nothing is known of its cost.")
        rows = {**self.baselines, "this policy": cost}
        return Overview(
            f"Evidence from {self.n_cases:,} cases",
            f"Costs {cost}",
            ("", f"cost in {cost.unit} per case", f"{cost.level:.0%} interval", ""),
            measured=rows_of(rows, chosen="this policy"),
            notes=self.savings_in_words(),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return {
            "expected_cost": _to_plain(self.expected_cost),
            "savings": _to_plain(self.savings),
            "baselines": {name: _to_plain(found) for name, found in self.baselines.items()},
            "selection_bias": self.selection_bias,
            "n_cases": self.n_cases,
            "n_positives": self.n_positives,
            "reason": self.reason,
            "curve": None if self.curve is None else strict(self.curve.to_dict()),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The evidence that `to_dict` wrote."""
        baselines = {name: _from_plain(found) for name, found in stored["baselines"].items()}
        return cls(
            expected_cost=_from_plain(stored["expected_cost"]),
            savings=_from_plain(stored["savings"]),
            baselines={name: found for name, found in baselines.items() if found is not None},
            selection_bias=stored["selection_bias"],
            n_cases=stored["n_cases"],
            n_positives=stored["n_positives"],
            reason=stored["reason"],
            curve=None
            if stored.get("curve") is None
            else OperatingCurve.from_dict(stored["curve"]),
        )


def evidence_on(sample: Sample, act: NDArray[np.bool_]) -> Evidence:
    """What decisions cost on labelled rows, beside acting never and always on them."""
    return Evidence(
        expected_cost=sample.cost(act),
        savings=sample.savings(act),
        baselines={name: sample.cost(rule) for name, rule in sample.baselines().items()},
        n_cases=sample.n,
        n_positives=sample.count_positives(),
    )


def plain(value: Any) -> Any:
    """A number as JSON can hold it: NaN as None and infinities as the strings "inf" and "-inf"."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def strict(value: Any) -> Any:
    """Plain values that strict JSON can hold: NaN as None, infinities as "inf" and "-inf".

    Parameters
    ----------
    value : plain value, mapping, list or tuple
        Of numbers, texts, booleans and None, nested as deep as you like.

    Examples
    --------
    >>> strict({"threshold": float("inf"), "range": (0.5, float("nan"))})
    {'threshold': 'inf', 'range': [0.5, None]}
    """
    if isinstance(value, Mapping):
        return {str(name): strict(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    return plain(value)


def _to_plain(found: Estimate | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return dict(strict(found.to_dict()))


def _from_plain(stored: Mapping[str, Any] | None) -> Estimate | None:
    if stored is None:
        return None
    numbers = {
        name: math.nan if stored[name] is None else float(stored[name])
        for name in ("value", "low", "high", "n_positives")
    }
    return Estimate.from_dict({**stored, **numbers})
