"""What is known of a policy's cost, beside the policy and in its file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from costopt.errors import DataError
from costopt.evaluation.estimates import Estimate, Sample
from costopt.evaluation.operating import OperatingCurve
from costopt.plain import Name, plain
from costopt.showing.overview import Overview, Presentable, rows_of
from costopt.showing.text import figure, percent, printable

__all__ = ["Evidence", "evidence_on"]

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
        What other thresholds would have caught and cost.

    Raises
    ------
    DataError
        If there are fewer than 0 cases, or more positives than cases.
    """

    expected_cost: Estimate | None = None
    savings: Estimate | None = None
    baselines: Mapping[Name, Estimate] = field(default_factory=dict)
    selection_bias: float = 0.0
    n_cases: int = 0
    n_positives: int = 0
    reason: str = ""
    curve: OperatingCurve | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.n_positives <= self.n_cases or not math.isfinite(self.selection_bias):
            raise DataError(
                "evidence has between 0 and all of its cases positive, and a finite selection_bias, "
                f"got {self.n_positives} of {self.n_cases} and {self.selection_bias}"
            )

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
        return [printable(line) for line in lines]

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
            f"{percent(abs(saved.value))} {way} than the best rule without a model "
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
        """Plain values that JSON can hold, by the names of the fields."""
        return dict(plain(asdict(self)))


def evidence_on(sample: Sample, act: NDArray[np.bool_]) -> Evidence:
    """What decisions cost on labelled rows, beside acting never and always on them."""
    return Evidence(
        expected_cost=sample.cost(act),
        savings=sample.savings(act),
        baselines={name: sample.cost(rule) for name, rule in sample.baselines().items()},
        n_cases=sample.n,
        n_positives=sample.count_positives(),
    )
