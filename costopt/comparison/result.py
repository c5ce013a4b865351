"""What a comparison found: every strategy in money, on the same rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from costopt.comparison.advice import Advice
from costopt.errors import SearchError, nearest
from costopt.evaluation.estimates import Estimate
from costopt.evaluation.pricing import OutOfFold
from costopt.evaluation.problem import Posed
from costopt.evaluation.trial import fit_final
from costopt.markup import estimates_table, panel
from costopt.policy.assemble import assemble, curve_of, evidence_of
from costopt.policy.policy import DecisionPolicy
from costopt.training.strategies import Strategy

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Comparison", "Priced", "StrategyResult"]

METRICS = (
    "precision",
    "recall",
    "f1",
    "specificity",
    "g_mean",
    "accuracy",
    "alert_share",
    "roc_auc",
    "average_precision",
    "brier_score",
)


@dataclass(frozen=True, eq=False)
class StrategyResult:
    """How one strategy did. Money is per case, in the costs' unit.

    Parameters
    ----------
    name, description : str
    expected_cost : Estimate
        Of decisions on rows that neither its models nor its threshold were fitted to.
    savings : Estimate
        Share of the better blanket rule's cost that is avoided.
    difference : Estimate
        Its cost minus that of the cheapest strategy, row by row.
    metrics : mapping of str to float
        ``precision``, ``recall``, ``f1``, ``specificity``, ``g_mean``, ``accuracy``,
        ``alert_share``, ``roc_auc``, ``average_precision``, ``brier_score``; NaN where undefined.
    threshold : float or None
        The probability from which it acts; None where that differs by case.
    seconds : float
        Of training and scoring on all folds.
    """

    name: str
    description: str
    expected_cost: Estimate
    savings: Estimate
    difference: Estimate
    metrics: Mapping[str, float]
    threshold: float | None
    seconds: float


@dataclass(frozen=True, eq=False)
class Priced:
    """What is kept of a strategy, so that its policy can be made."""

    strategy: Strategy
    found: OutOfFold
    cost: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Strategies ranked by money, on the same folds of the same rows.

    Parameters
    ----------
    results : tuple of StrategyResult
        The cheapest first.
    skipped : mapping of str to str
        Strategies that could not be run, and why.
    baselines : mapping of str to Estimate
        ``"never act"``, ``"always act"`` and ``"perfect knowledge"``.
    expected_cost : Estimate
        Of the cheapest strategy, corrected for having been chosen as the cheapest of them.
    advice : Advice
        What could be said before anything was fitted.
    unit : str
    n_cases, n_positives : int
    posed : Posed
        The problem that all were run on.
    priced : mapping of str to Priced
        What policies are made from.
    """

    results: tuple[StrategyResult, ...]
    skipped: Mapping[str, str]
    baselines: Mapping[str, Estimate]
    expected_cost: Estimate
    advice: Advice
    unit: str
    n_cases: int
    n_positives: int
    posed: Posed = field(repr=False)
    priced: Mapping[str, Priced] = field(repr=False)

    @property
    def best(self) -> str:
        """Name of the strategy that cost least."""
        return self.results[0].name

    def __getitem__(self, name: str) -> StrategyResult:
        """The result of a strategy by its name."""
        self._check(name)
        return next(result for result in self.results if result.name == name)

    def policy(self, name: str | None = None) -> DecisionPolicy:
        """The policy of a strategy, fitted on all rows.

        Parameters
        ----------
        name : str, optional
            The best where None, whose expected cost is then corrected for that choice.

        Raises
        ------
        SearchError
            If there is no such strategy, or it was skipped.
        """
        chosen = self.best if name is None else name
        self._check(chosen)
        priced = self.priced[chosen]
        problem = self.posed.problem
        point = self.expected_cost.value / problem.scale if chosen == self.best else None
        evidence = evidence_of(
            self.posed,
            priced.found,
            priced.cost,
            point=point,
            curve=curve_of(self.posed, priced.found),
        )
        final = fit_final(problem, priced.found.candidate, priced.found.n_rounds)
        return assemble(self.posed, priced.found, final, evidence)

    def to_frame(self) -> pd.DataFrame:
        """One row per strategy, the cheapest first; then those that were skipped, with the reason."""
        import pandas as pd

        rows = []
        for result in self.results:
            row: dict[str, Any] = {"strategy": result.name}
            for name, found in (
                ("cost", result.expected_cost),
                ("savings", result.savings),
                ("difference", result.difference),
            ):
                row |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
            row |= {name: result.metrics[name] for name in METRICS}
            row |= {"threshold": result.threshold, "seconds": result.seconds, "skipped": None}
            rows.append(row)
        rows += [{"strategy": name, "skipped": reason} for name, reason in self.skipped.items()]
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """The ranking in money, what frames it, and what the data and the advice disagree on."""
        share = self.n_positives / self.n_cases
        width = max(24, *(len(result.name) for result in self.results)) + 2
        lines = [
            f"{len(self.results)} strategies on {self.n_cases:,} cases, of which "
            f"{self.n_positives:,} ({100 * share:.3g} %) are positive",
            "",
            f"{'':{width}}{'cost per case':>13}  {'95% interval':<20}{'dearer than best':>18}"
            f"{'savings':>9}{'precision':>11}{'recall':>8}{'alerts':>8}",
        ]
        perfect = self.baselines["perfect knowledge"]
        lines.append(_line("perfect knowledge", width, perfect))
        lines += [
            _line(result.name, width, result.expected_cost, _difference(result)) + _metrics(result)
            for result in self.results
        ]
        lines += [_line(name, width, self.baselines[name]) for name in ("never act", "always act")]
        lines += ["", *self._words(share)]
        if self.skipped:
            lines += ["", "Not run:"]
            lines += [f"  {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)

    def disagreements(self) -> tuple[str, ...]:
        """Where what was measured and what was advised differ beyond noise, in words."""
        dearer = {
            result.name: result.difference.value
            for result in self.results
            if result.difference.low > 0
        }
        found = [
            f"advised first, but dearer than {self.best} beyond noise: {name} "
            f"(by {dearer[name]:.3g} {self.unit} per case)"
            for name in self.advice.try_first
            if name in dearer
        ]
        if self.best in self.advice.avoid:
            found.append(f"advised against, but the cheapest here: {self.best}")
        return tuple(found)

    def _words(self, share: float) -> list[str]:
        best = self.results[0]
        alike = [result.name for result in self.results[1:] if result.difference.low <= 0]
        lines = [
            f"Cheapest: {best.name}, {self.expected_cost.value:.4g} {self.unit} per case once "
            f"corrected for having been chosen [{self.expected_cost.low:.4g}, "
            f"{self.expected_cost.high:.4g}]."
        ]
        if alike:
            others = "1 other" if len(alike) == 1 else f"{len(alike)} others"
            lines.append(f"Noise cannot tell {others} from it: {'; '.join(alike)}.")
        lines.append(
            f"Accuracy is a trap here: a model that never acts is {100 * (1 - share):.4g} % accurate "
            f"and costs {self.baselines['never act'].value:.4g}."
            if share < 0.5
            else "Accuracy says nothing about money: it counts both errors alike."
        )
        for words, names in (("first", self.advice.try_first), ("to avoid", self.advice.avoid)):
            known = [name for name in names if name in self.priced or name in self.skipped]
            if known:
                lines.append(f"Advised {words}: {'; '.join(known)}.")
        lines += [f"Data and advice disagree: {words}." for words in self.disagreements()]
        return lines

    def _check(self, name: str) -> None:
        if name in self.skipped:
            raise SearchError(f"{name!r} was not run: {self.skipped[name]}")
        if name not in self.priced:
            raise SearchError(f"there is no strategy {name!r}: {nearest(name, self.priced)}")

    def _repr_html_(self) -> str:
        rows = {result.name: result.expected_cost for result in self.results}
        return panel(
            f"Comparison of {len(rows)} strategies on {self.n_cases:,} cases",
            f"Cheapest: {self.best}",
            estimates_table(rows, f"cost in {self.unit} per case", chosen=self.best),
        )

    def __repr__(self) -> str:
        return (
            f"Comparison(best={self.best!r}, expected_cost={self.expected_cost}, "
            f"n_strategies={len(self.results)}, n_skipped={len(self.skipped)})"
        )


def _line(name: str, width: int, cost: Estimate, difference: str = "") -> str:
    interval = f"[{cost.low:.4g}, {cost.high:.4g}]"
    room = 38 - len(interval) if difference else 0
    return f"{name:<{width}}{cost.value:>13.4g}  {interval}{difference:>{room}}"


def _difference(result: StrategyResult) -> str:
    noisy = "" if result.difference.low > 0 else "~"
    return f"{noisy}{result.difference.value:.3g}"


def _metrics(result: StrategyResult) -> str:
    metrics = result.metrics
    return (
        f"{_percent(result.savings.value):>9}{_percent(metrics['precision']):>11}"
        f"{_percent(metrics['recall']):>8}{_percent(metrics['alert_share']):>8}"
    )


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f} %"
