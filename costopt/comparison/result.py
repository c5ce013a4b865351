"""What a comparison found: every strategy in money, on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from costopt.comparison.advice import Advice
from costopt.engine.records import Record
from costopt.errors import SearchError, nearest
from costopt.evaluation.estimates import Estimate
from costopt.evaluation.problem import Problem
from costopt.evaluation.trial import fit_final
from costopt.policy.assemble import assemble, evidence_of
from costopt.policy.policy import DecisionPolicy
from costopt.showing.overview import Overview, Presentable, rows_of
from costopt.showing.text import figure, percent

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "StrategyResult"]


@dataclass(frozen=True, eq=False)
class StrategyResult:
    """How one strategy did. Money is per case, in the costs' unit.

    Parameters
    ----------
    name, description : str
    expected_cost : Estimate
        Of decisions on rows that neither its models nor its threshold were fitted to.
    savings : Estimate
        Share of the better baseline's cost that is avoided.
    difference : Estimate
        Its cost minus that of the cheapest strategy, row by row. The intervals of all strategies
        hold together: the chance that any is wrongly called more expensive is 5 %.
    tied : bool
        Whether it is not significantly more expensive than the cheapest.
    metrics : mapping of str to float
        ``precision``, ``recall``, ``f1``, ``specificity``, ``g_mean``, ``accuracy``,
        ``alert_share``, ``roc_auc``, ``average_precision``, ``brier_score``; NaN where undefined.
    threshold : float or None
        The probability from which it acts; None where that differs by case.
    seconds : float
        Of training and scoring on all folds.
    same_as : tuple of str
        Strategies that come to the same scores and decisions on these rows, and share this result.
    """

    name: str
    description: str
    expected_cost: Estimate
    savings: Estimate
    difference: Estimate
    tied: bool
    metrics: Mapping[str, float]
    threshold: float | None
    seconds: float
    same_as: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Its name, and those of the strategies that are the same thing here."""
        return " = ".join((self.name, *self.same_as))


@dataclass(frozen=True, eq=False)
class Comparison(Presentable):
    """Strategies ranked by money, on the same folds of the same rows.

    Parameters
    ----------
    results : tuple of StrategyResult
        The cheapest first.
    skipped : mapping of str to str
        Strategies that could not be run, and why.
    baselines : mapping of str to Estimate
        ``"never act"``, ``"always act"`` and ``"perfect knowledge"``.
    best : str
        The simplest of the strategies that are tied with the cheapest: untuned models as they are
        come first, then few models before many. Rules without a model are listed only.
    expected_cost : Estimate
        What it costs, corrected for having been selected on the same rows.
    advice : Advice
        What could be said before anything was fitted.
    problem : Problem
        What all were run on.
    records : mapping of str to Record
        What policies are made from.
    selection_bias : float
        What the selection of the best hides of its cost: part of ``expected_cost``, and of no other
        number here.
    beside : mapping of str to Estimate
        What acting never and always cost more than the cheapest strategy.
    """

    results: tuple[StrategyResult, ...]
    skipped: Mapping[str, str]
    baselines: Mapping[str, Estimate]
    best: str
    expected_cost: Estimate
    advice: Advice
    problem: Problem = field(repr=False)
    records: Mapping[str, Record] = field(repr=False)
    selection_bias: float = 0.0
    beside: Mapping[str, Estimate] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """Currency of the costs."""
        return self.problem.unit

    @property
    def n_cases(self) -> int:
        """How many rows stand for somebody."""
        return self.problem.n_cases

    @property
    def n_positives(self) -> int:
        """How many of them are positive."""
        return self.problem.n_positives

    @property
    def cheapest(self) -> str:
        """Name of the strategy that cost least on these rows; `best` is tied with it."""
        return self.results[0].name

    def __getitem__(self, name: str) -> StrategyResult:
        """The result of a strategy by its name."""
        self._check(name)
        return next(result for result in self.results if name in (result.name, *result.same_as))

    def policy(self, name: str | None = None) -> DecisionPolicy:
        """The policy of a strategy, fitted on all rows.

        Parameters
        ----------
        name : str, optional
            The best where None: the simplest of those tied with the cheapest. Its expected cost is
            corrected for that selection.

        Raises
        ------
        SearchError
            If there is no such strategy, or it was skipped.
        """
        chosen = self.best if name is None else name
        self._check(chosen)
        problem = self.problem
        found = self.records[chosen].whole(problem)
        evidence = evidence_of(
            problem, found, bias=self.selection_bias if chosen == self.best else 0.0
        )
        final = fit_final(problem, found.candidate, found.n_rounds)
        return assemble(problem, found, final, evidence)

    def to_frame(self) -> pd.DataFrame:
        """One row per strategy, the cheapest first; then those that were skipped, with the reason."""
        import pandas as pd

        rows = []
        for result in self.results:
            row: dict[str, Any] = {
                "strategy": result.name,
                "same_as": "; ".join(result.same_as) or None,
                "tied": result.tied,
            }
            for name, found in (
                ("cost", result.expected_cost),
                ("savings", result.savings),
                ("difference", result.difference),
            ):
                row |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
            row |= result.metrics
            row |= {"threshold": result.threshold, "seconds": result.seconds, "skipped": None}
            rows.append(row)
        rows += [{"strategy": name, "skipped": reason} for name, reason in self.skipped.items()]
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """The ranking in money, what frames it, and what the data and the advice disagree on."""
        share = self.n_positives / self.n_cases
        width = max(24, *(len(result.title) for result in self.results)) + 2
        lines = [
            f"{len(self.records)} strategies on {self.n_cases:,} cases, of which "
            f"{self.n_positives:,} ({percent(share)}) are positive",
            "",
            f"{'':{width}}{'cost per case':>13}  {'95% interval':<20}{'above cheapest':>16}"
            f"{'tied':>6}{'savings':>9}{'precision':>11}{'recall':>8}{'alerts':>8}",
        ]
        perfect = self.baselines["perfect knowledge"]
        lines.append(_line("perfect knowledge", width, perfect))
        lines += [
            _line(result.title, width, result.expected_cost, result.difference) + _metrics(result)
            for result in self.results
        ]
        lines += [
            _line(name, width, self.baselines[name], above) for name, above in self.beside.items()
        ]
        lines += ["", *self._words(share)]
        if self.skipped:
            lines += ["", "Not run:"]
            lines += [f"  {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)

    def disagreements(self) -> tuple[str, ...]:
        """Where what was measured and what was advised differ significantly, in words."""
        above = {
            name: result.difference.value
            for result in self.results
            if not result.tied
            for name in (result.name, *result.same_as)
        }
        found = [
            f"advised first, but significantly more expensive than {self.cheapest}: {name} "
            f"(by {figure(above[name], 3)} {self.unit} per case)"
            for name in self.advice.try_first
            if name in above
        ]
        if self.cheapest in self.advice.avoid:
            found.append(f"advised against, but the cheapest here: {self.cheapest}")
        return tuple(found)

    def _words(self, share: float) -> list[str]:
        lines = self._selected_in_words()
        lines.append(
            f"Accuracy is a trap here: a model that never acts is {percent(1 - share)} accurate "
            f"and costs {figure(self.baselines['never act'].value)}."
            if share < 0.5
            else "Accuracy says nothing about money: it counts both errors alike."
        )
        for words, names in (("first", self.advice.try_first), ("to avoid", self.advice.avoid)):
            known = [name for name in names if name in self.records or name in self.skipped]
            if known:
                lines.append(f"Advised {words}: {'; '.join(known)}.")
        lines += [f"Data and advice disagree: {words}." for words in self.disagreements()]
        return lines

    def _selected_in_words(self) -> list[str]:
        """Which strategy is selected and why, and what no model improves on."""
        cost, tied = self.expected_cost, [one.name for one in self.results if one.tied]
        why = "the cheapest"
        if self.best != self.cheapest:
            why = f"the simplest of {len(tied)} that are tied with the cheapest ({self.cheapest})"
        elif len(tied) > 1:
            why = f"the cheapest, and the simplest of {len(tied)} that are tied"
        lines = [
            f"Selected: {self.best}, {why}. Expected to cost {figure(cost.value)} {self.unit} per "
            f"case ({cost.level:.0%} interval: {cost.interval_text()})"
            + (", corrected for the selection." if self.selection_bias else "."),
        ]
        others = [name for name in tied if name != self.best]
        if others:
            lines.append(f"Statistically tied with the cheapest: {'; '.join(others)}.")
        for name, above in self.beside.items():
            if above.high < 0:
                lines.append(f"Without a model, {name} is significantly cheaper than all of them.")
            elif not above.low > 0:
                lines.append(f"Without a model, {name} is tied with the cheapest.")
        return lines

    def _check(self, name: str) -> None:
        if name in self.skipped:
            raise SearchError(f"{name!r} was not run: {self.skipped[name]}")
        if name not in self.records:
            raise SearchError(f"there is no strategy {name!r}: {nearest(name, self.records)}")

    def overview(self) -> Overview:
        """The strategies by their cost, the selected one marked, and why it is that one."""
        rows = {result.title: result.expected_cost for result in self.results}
        return Overview(
            f"Comparison of {len(rows)} strategies on {self.n_cases:,} cases",
            f"Selected: {self.best}",
            ("", f"cost in {self.unit} per case", "95 % interval", ""),
            measured=rows_of(rows, chosen=self[self.best].title),
            notes=self._selected_in_words(),
        )

    def __repr__(self) -> str:
        return (
            f"Comparison(best={self.best!r}, expected_cost={self.expected_cost}, "
            f"n_strategies={len(self.results)}, n_skipped={len(self.skipped)})"
        )


def _line(name: str, width: int, cost: Estimate, above: Estimate | None = None) -> str:
    line = f"{name:<{width}}{figure(cost.value):>13}  {cost.interval_text():<20}"
    if above is None:
        return line.rstrip()
    return f"{line}{figure(above.value, 3):>16}{'no' if above.low > 0 else 'yes':>6}"


def _metrics(result: StrategyResult) -> str:
    metrics = result.metrics
    return (
        f"{percent(result.savings.value, 1):>9}{percent(metrics['precision'], 1):>11}"
        f"{percent(metrics['recall'], 1):>8}{percent(metrics['alert_share'], 1):>8}"
    )
