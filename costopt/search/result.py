"""What a search found, in numbers that were not chosen on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from numpy.typing import NDArray

from costopt.decision.rules import decide
from costopt.engine.records import Record
from costopt.evaluation.candidates import Candidate, OutOfFold
from costopt.evaluation.estimates import Estimate
from costopt.evaluation.leakage import nearly_perfect
from costopt.evaluation.problem import Problem
from costopt.evaluation.trial import FinalKind, fit_final
from costopt.inputs.suspicion import Suspicion
from costopt.policy.assemble import assemble, evidence_of
from costopt.policy.policy import DecisionPolicy
from costopt.search.selection import SelectionKind, choose
from costopt.showing.overview import Overview, Presentable, cost_lines, rows_of
from costopt.showing.text import figure, percent, printable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SearchResult", "build_result"]

BoolArray = NDArray[np.bool_]

UNTUNED = "untuned model at the Bayes threshold"


@dataclass(frozen=True, eq=False)
class SearchResult(Presentable):
    """What a search found. Money is per case, in the costs' unit.

    Parameters
    ----------
    policy : DecisionPolicy
        Ready to decide and to be saved.
    expected_cost : Estimate
        What the policy will cost on new cases: corrected for having been chosen among trials.
    apparent_cost : float
        What it cost on the rows that it was selected on: mostly optimistic, since the best of many
        trials is partly luck. The same as ``expected_cost`` where nothing was selected.
    savings : Estimate
        Share of the better baseline's cost that is avoided; NaN where that is not positive.
    baselines : mapping of str to Estimate
        What the obvious alternatives cost on the same rows.
    best_params : mapping of str to value
        Of the chosen trial, which is not always the cheapest: see `trial_number`.
    trial_number : int
        Of the chosen trial in ``study``; the best one, where several are averaged.
    averaged : tuple of int
        Numbers of the trials whose models the policy averages: that one, unless
        ``selection="average"``.
    reason : str
        Why that trial.
    study : optuna.Study
        All trials, with what was measured of each.
    suspicions : tuple of Suspicion
        Leaks, identifiers and repeated rows that the table seems to hold; `costopt.checks.audit` lists them.
    perfect_cost : float
        What decisions by the labels themselves would cost per case.
    """

    policy: DecisionPolicy
    expected_cost: Estimate
    apparent_cost: float
    savings: Estimate
    baselines: Mapping[str, Estimate]
    best_params: Mapping[str, Any]
    trial_number: int
    averaged: tuple[int, ...]
    reason: str
    study: optuna.Study
    suspicions: tuple[Suspicion, ...] = ()
    perfect_cost: float = math.nan

    @property
    def threshold(self) -> float | None:
        """The calibrated probability from which the policy acts; None where that differs by case."""
        return self.policy.threshold

    @property
    def n_trials(self) -> int:
        """How many trials were completed."""
        complete = optuna.trial.TrialState.COMPLETE
        return sum(trial.state == complete for trial in self.study.get_trials(deepcopy=False))

    def trials_dataframe(self) -> pd.DataFrame:
        """One row per trial: number, value (cost per case), parameters, and what was measured."""
        return self.study.trials_dataframe()

    def summary(self) -> str:
        """The result in a dozen lines: money, interval, alternatives, and what to do."""
        evidence, unit = self.policy.evidence, self.expected_cost.unit
        share = evidence.n_positives / evidence.n_cases
        cost = self.expected_cost
        lines = [
            f"{self._trials_in_words()} on {evidence.n_cases:,} cases, of which "
            f"{evidence.n_positives:,} ({percent(share)}) are positive",
            "",
            f"Cost in {unit} per case, with its {cost.level:.0%} interval",
        ]
        rows = rows_of({**self.baselines, "this policy": cost})
        lines += cost_lines(rows, {"never act": f"{percent(1 - share)} accurate"})
        lines += self._why_it_differs()
        lines.append("")
        lines += evidence.savings_in_words()
        lines += self._too_good()
        lines.append(self.policy.explain().splitlines()[0])
        lines.append(f"Why this rule: {evidence.reason}.")
        lines.append(f"Why this model: {self.reason}.")
        params = ", ".join(f"{name}={_short(value)}" for name, value in self.policy.params.items())
        several = len(self.policy.models)
        average = f", average of {several} models" if several > 1 else ""
        lines.append(
            f"Model: {self.policy.model_name} ({params}), trial {self.trial_number}{average}"
        )
        return "\n".join(map(printable, lines))

    def _why_it_differs(self) -> list[str]:
        """Why one rule has more than one cost: those that were chosen on and those that were not."""
        cost, evidence = self.expected_cost, self.policy.evidence
        lines = [f"({cost.note}.)"] if cost.note else []
        if evidence.selection_bias:
            lines.append(f"({evidence.correction()})")
        lowest = self.study.best_value
        observed = cost.value - evidence.selection_bias
        if lowest < observed * (1 - 1e-9):
            lines.append(
                f"(The lowest cost of any trial, {figure(lowest)}, is optimistic: the best of many "
                "trials is partly luck.)"
            )
        return lines

    @property
    def share_of_perfect(self) -> float | None:
        """Share of what perfect knowledge would save, where it is next to everything; else None."""
        never, always = (self.baselines[name].value for name in ("never act", "always act"))
        return nearly_perfect(self.expected_cost, never, always, self.perfect_cost)

    def _too_good(self) -> list[str]:
        """A sentence where the result looks like target leakage."""
        share = self.share_of_perfect
        if share is None:
            return []
        return [
            f"That is {percent(share)} of what perfect knowledge would save, which is rarely true: "
            "check for target leakage with costopt.checks.audit(result)."
        ]

    def _trials_in_words(self) -> str:
        states = [trial.state for trial in self.study.get_trials(deepcopy=False)]
        pruned = states.count(optuna.trial.TrialState.PRUNED)
        note = f" ({pruned:,} more stopped early)" if pruned else ""
        return f"{self.n_trials:,} trials{note}"

    def overview(self) -> Overview:
        """What the policy saves and costs, and when it acts."""
        known, saved = self.policy.overview(), self.savings
        lead = (
            f"Costs {self.expected_cost}"
            if math.isnan(saved.value)
            else f"Saves {percent(saved.value)} ({saved.interval_text(100, ' %', digits=3)})"
        )
        title = f"Search of {self.n_trials:,} trials"
        return replace(known, title=title, lead=lead, notes=(known.lead, *known.notes))

    def __repr__(self) -> str:
        return f"SearchResult(expected_cost={self.expected_cost}, n_trials={self.n_trials})"


def build_result(
    problem: Problem,
    study: optuna.Study,
    trials: Sequence[optuna.trial.FrozenTrial],
    records: Sequence[Record],
    defaults: Sequence[Candidate],
    plain: OutOfFold | None,
    *,
    selection: SelectionKind,
    final: FinalKind,
) -> SearchResult:
    """Select among completed trials, fit the final models, and measure.

    Parameters
    ----------
    problem : Problem
    study : optuna.Study
    trials : sequence of FrozenTrial
        The completed ones.
    records : sequence of Record
        What came of them.
    defaults : sequence of Candidate
        The untuned model of each learner, in order of preference.
    plain : OutOfFold or None
        The first of them, row by row; None if it cannot be fitted.
    selection, final
        As for `costopt.optimize`.
    """
    candidates = [record.found.candidate for record in records]
    untuned = [candidates.index(default) for default in defaults if default in candidates]
    selected = choose(problem, records, untuned, selection)
    evidence = evidence_of(
        problem,
        selected.found,
        bias=selected.bias,
        baselines={} if plain is None else _untuned_decisions(problem, plain),
    )
    models = tuple(
        part
        for member in selected.members
        for part in fit_final(problem, candidates[member], records[member].found.n_rounds, final)
    )
    best = trials[selected.members[0]]
    assert evidence.expected_cost is not None  # noqa: S101  # evidence_of always measures
    assert evidence.savings is not None  # noqa: S101  # as above
    return SearchResult(
        policy=assemble(problem, selected.found, models, evidence),
        expected_cost=evidence.expected_cost,
        apparent_cost=evidence.expected_cost.value - evidence.selection_bias,
        savings=evidence.savings,
        baselines=evidence.baselines,
        best_params=dict(best.params),
        trial_number=best.number,
        averaged=tuple(trials[member].number for member in selected.members),
        reason=selected.reason,
        study=study,
        suspicions=problem.suspicions,
        perfect_cost=problem.sample(selected.found.calibrated).perfect().value * problem.scale,
    )


def _untuned_decisions(problem: Problem, plain: OutOfFold) -> dict[str, BoolArray]:
    """What the untuned model decides: as libraries do, and by Bayes' rule as a policy would."""
    return {
        "untuned model at 0.5": plain.raw >= 0.5,
        UNTUNED: decide(plain.calibrated, problem.scored.known),
    }


def _short(value: Any) -> str:
    return figure(value, 3) if isinstance(value, float) else str(value)
