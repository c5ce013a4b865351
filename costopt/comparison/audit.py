"""What a search, a comparison or a policy should be doubted for, from what it holds itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from costopt.comparison.counted import ENOUGH
from costopt.comparison.findings import Finding, Findings, findings_of, ranked
from costopt.comparison.situation import NORMAL_95
from costopt.errors import DataError
from costopt.evaluation.choice import POSITIVES_FOR_A_THRESHOLD
from costopt.evaluation.estimates import Estimate
from costopt.evaluation.leakage import nearly_perfect
from costopt.policy.policy import DecisionPolicy
from costopt.showing.text import figure, percent

if TYPE_CHECKING:
    from costopt.comparison.result import Comparison
    from costopt.search.result import SearchResult

__all__ = ["audit"]

# Platt's map does with about so many.
VERY_FEW_POSITIVES = 10
FEW_POSITIVES = 100
# Half of an interval as a share of the number in its middle.
WIDE = 0.25
# The honest cost over the apparent one.
OPTIMISM = 0.1
# Scores whose odds are off by more are not probabilities.
FAR_OFF = 3.0
# A rarer class than this makes accuracy a trap.
RARE = 0.3
# Of the range that a parameter was searched in.
EDGE = 0.01


def audit(
    result: SearchResult | Comparison | DecisionPolicy, *, prevalence: float | None = None
) -> Findings:
    """What a result should be doubted for, from the numbers that it holds.

    Parameters
    ----------
    result : SearchResult, Comparison or DecisionPolicy
    prevalence : float, optional
        Share of positives where the policy is to decide, as far as it is known.

    Returns
    -------
    findings : tuple of Finding, shown as a table in notebooks
        The worst first. The codes are

        ``leaking-column``, ``row-identifier``, ``contradicting-rows``, ``repeated-rows``
            what `costopt.optimize` and `costopt.compare` warned of as ``possible-leaks``;
        ``nearly-perfect``
            the policy saves nearly all that perfect knowledge would;
        ``few-positives``
            fewer than 100 positives; below 10 even Platt's map has nothing to stand on;
        ``threshold-on-few-positives``
            a threshold was chosen from data with 150 positives or fewer;
        ``interval-wide``
            the cost is known to less than a quarter of itself;
        ``no-interval``
            a few large amounts make up the cost, so that no interval can be stated;
        ``no-better-than-baseline``
            savings that may be nothing: the interval includes 0;
        ``apparent-cost-too-low``
            the cost on the rows that were chosen on is far below the honest one;
        ``threshold-at-edge``
            the policy acts never or always, or a threshold ends where its range ends;
        ``parameter-at-edge``
            a parameter of the chosen trial lies at the end of the range that was searched;
        ``odds-in-training``
            training multiplied the odds; the policy undoes it, a service that decides on scores must too;
        ``scores-not-probabilities``
            calibration changed the odds by more than three times at the threshold;
        ``prevalence-differs``
            the rows' base rate is not that of deployment;
        ``winner-unclear``
            other strategies are statistically tied with the cheapest of a comparison;
        ``accuracy-misleads``
            accuracy prefers a strategy, or doing nothing, that costs more;
        ``skipped-strategies``
            strategies that could not run.

    Raises
    ------
    DataError
        If ``result`` is something else, or the prevalence does not lie between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from costopt import CostMatrix, choose_threshold
    >>> rng = np.random.default_rng(0)
    >>> score = rng.random(400) ** 6
    >>> y = rng.random(400) < score
    >>> policy = choose_threshold(y, score, CostMatrix(fn=20, fp=1))
    >>> [finding.code for finding in audit(policy, prevalence=0.01)]
    ['prevalence-differs', 'few-positives', 'interval-wide']
    """
    if prevalence is not None and not 0 < prevalence < 1:
        raise DataError(
            f"prevalence, the share of positives where the policy is to decide, must lie between 0 and "
            f"1, got {prevalence!r}"
        )
    found: Any = result  # told apart by what they hold, so that no search need be loaded
    if isinstance(found, DecisionPolicy):
        return ranked(_of_policy(found, prevalence))
    if hasattr(found, "policy") and hasattr(found, "study"):
        return ranked([*_of_policy(found.policy, prevalence), *_of_search(found)])
    if hasattr(found, "results") and hasattr(found, "baselines"):
        return ranked(_of_comparison(found, prevalence))
    raise DataError(
        "audit takes a SearchResult, a Comparison or a DecisionPolicy, got "
        f"{type(result).__name__}: for rows, use check_split"
    )


def _of_policy(policy: DecisionPolicy, prevalence: float | None) -> Iterator[Finding | None]:
    evidence = policy.evidence
    known = evidence.n_cases > 0
    if known:
        yield _few_positives(evidence.n_positives)
        if not policy.rule.reads_costs and evidence.n_positives <= POSITIVES_FOR_A_THRESHOLD:
            yield Finding(
                "threshold-on-few-positives",
                "warning",
                f"the threshold was chosen from {evidence.n_positives:,} positives; up to "
                f"{POSITIVES_FOR_A_THRESHOLD} a threshold from data was measured to be worse than "
                "Bayes' rule",
                "use threshold='auto' or 'bayes'",
            )
        yield _prevalence(evidence.n_cases, evidence.n_positives, prevalence)
    yield from _of_estimates(evidence.expected_cost, evidence.savings)
    yield from _of_threshold(policy)
    yield _of_scores(policy)


def _of_estimates(cost: Estimate | None, savings: Estimate | None) -> Iterator[Finding]:
    if cost is not None and not cost.has_interval:
        yield Finding(
            "no-interval",
            "warning",
            f"the cost of {figure(cost.value)} {cost.unit} per case has no interval ({cost.note})",
            "do not rely on the number; get more rows",
        )
    elif cost is not None and cost.value:
        half = (cost.high - cost.low) / 2
        if half > WIDE * abs(cost.value):
            yield Finding(
                "interval-wide",
                "warning",
                f"the cost of {cost} per case is known to {percent(half / abs(cost.value))} either way",
                "decide on the interval, not on the number; more positives make it narrower",
            )
    if savings is not None and savings.low <= 0:  # NaN where savings have no meaning
        yield Finding(
            "no-better-than-baseline",
            "warning",
            f"savings of {percent(savings.value)} against acting never or always "
            f"({savings.interval_text(write=percent)})",
            "do not count on any saving yet: get more rows, or better columns",
        )


def _of_threshold(policy: DecisionPolicy) -> Iterator[Finding]:
    raw = policy.raw_threshold
    if raw is not None and not 0 < raw < 1:
        action = "never" if raw > 0 else "always"
        yield Finding(
            "threshold-at-edge",
            "warning",
            f"the policy acts {action}, whatever the score says",
            "that can be the cheapest rule; if not expected, check the costs, the positive class and "
            "whether scores rank the cases at all",
        )


def _of_scores(policy: DecisionPolicy) -> Finding | None:
    """What training, known or not, did to the odds of the scores."""
    ledger = policy.ledger_of_score
    raw, wanted = policy.raw_threshold, policy.threshold
    where = "" if raw is None else f"; on raw scores the threshold is {raw:.4g}, not {wanted:.4g}"
    if not 1 / ENOUGH < ledger.multiplier < ENOUGH:
        factors = ", ".join(f"{name} {factor:.3g}" for name, factor in ledger.entries)
        return Finding(
            "odds-in-training",
            "note",
            f"training multiplied the odds by {ledger.multiplier:.3g} ({factors}), which the policy "
            f"undoes before it applies the costs{where}",
            "decide with the policy, or by its raw_threshold: Bayes' threshold on raw scores would "
            "count the costs twice",
        )
    if raw is None or wanted is None or not (0 < raw < 1 and 0 < wanted < 1):
        return None
    factor = raw / (1 - raw) * (1 - wanted) / wanted
    if 1 / FAR_OFF < factor < FAR_OFF:
        return None
    way = "above" if factor > 1 else "below"
    return Finding(
        "scores-not-probabilities",
        "note",
        f"at the threshold the scores' odds are {max(factor, 1 / factor):.3g} times {way} those of the "
        f"calibrated probability, as after weights or sampling{where}",
        "decide with the policy, or by its raw_threshold; Bayes' threshold on raw scores would be "
        "off by that factor",
    )


def _of_search(result: Any) -> Iterator[Finding | None]:
    yield from findings_of(result.suspicions)
    yield _nearly_perfect(result.share_of_perfect)
    yield _optimism(result.apparent_cost, result.expected_cost)
    evidence = result.policy.evidence
    yield _idle_accuracy(
        evidence.n_cases, evidence.n_positives, result.baselines, result.expected_cost
    )
    trial = next(
        each
        for each in result.study.get_trials(deepcopy=False)
        if each.number == result.trial_number
    )
    if "fixed_params" in trial.system_attrs:  # not searched: the untuned model, or enqueued
        return
    ends = dict(_at_ends(trial))
    threshold = ends.pop("threshold", None)
    if threshold is not None:
        yield Finding(
            "threshold-at-edge",
            "warning",
            f"the sampled threshold lies at the {threshold}",
            "solve it instead of sampling it: threshold='auto'",
        )
    if ends:
        listed = "; ".join(f"{name} at the {end}" for name, end in ends.items())
        yield Finding(
            "parameter-at-edge",
            "note",
            f"of the chosen trial's parameters, {listed}",
            "the best may lie beyond: widen these ranges and search again",
        )


def _at_ends(trial: Any) -> Iterator[tuple[str, str]]:
    """Parameters that lie where their range ends, and which end; ratios of classes left out."""
    for name, distribution in trial.distributions.items():
        low, high = getattr(distribution, "low", None), getattr(distribution, "high", None)
        if low is None or high is None or not high > low or name.endswith("_ratio"):
            continue
        scale = math.log if distribution.log else float
        value = trial.params[name]
        place = (scale(value) - scale(low)) / (scale(high) - scale(low))
        if not EDGE < place < 1 - EDGE:
            end = "lower" if place < 0.5 else "upper"
            yield name, f"{end} end of its range {low:.4g} to {high:.4g} ({value:.4g})"


def _nearly_perfect(share: float | None) -> Finding | None:
    if share is None:
        return None
    return Finding(
        "nearly-perfect",
        "warning",
        f"the policy saves {percent(share)} of what perfect knowledge would save",
        "find the columns that it rests on, and when each becomes known: what is known only after "
        "the decision is target leakage",
    )


def _optimism(apparent: float, honest: Estimate) -> Finding | None:
    gap = honest.value - apparent
    if not gap > OPTIMISM * abs(honest.value):
        return None
    return Finding(
        "apparent-cost-too-low",
        "warning",
        f"the chosen trial cost {apparent:.4g} {honest.unit} per case on the rows it was chosen on, and "
        f"is expected to cost {honest.value:.4g}",
        "report the second; fewer trials or more positives bring them together",
    )


def _of_comparison(result: Any, prevalence: float | None) -> Iterator[Finding | None]:
    yield from findings_of(result.problem.suspicions)
    never, always, perfect = (
        result.baselines[name].value for name in ("never act", "always act", "perfect knowledge")
    )
    yield _nearly_perfect(nearly_perfect(result.expected_cost, never, always, perfect))
    yield _few_positives(result.n_positives)
    yield _prevalence(result.n_cases, result.n_positives, prevalence)
    cheapest, best = result.results[0], result[result.best]
    cost = result.expected_cost
    yield from _of_estimates(cost, best.savings)
    yield _optimism(best.expected_cost.value, cost)
    if best.threshold is not None and not 0 < best.threshold < 1:
        action = "never" if best.threshold > 0 else "always"
        yield Finding(
            "threshold-at-edge",
            "warning",
            f"the selected strategy, {best.name}, acts {action}",
            "no strategy is worth its trouble here, or the costs or the positive class are mistaken",
        )
    tied = [other.name for other in result.results if other.tied and other.name != cheapest.name]
    if tied:
        yield Finding(
            "winner-unclear",
            "note",
            f"{len(tied)} of {len(result.results) - 1} other strategies are statistically tied with "
            f"the cheapest, {cheapest.name}: {', '.join(tied[:4])}{', ...' if len(tied) > 4 else ''}",
            f"the simplest of them, {best.name}, is selected",
        )
    yield _accuracy_prefers(result, best)
    if result.skipped:
        reasons = [f"{name} ({reason})" for name, reason in list(result.skipped.items())[:3]]
        yield Finding(
            "skipped-strategies",
            "note",
            f"{len(result.skipped)} strategies could not run: {'; '.join(reasons)}"
            f"{'; ...' if len(result.skipped) > 3 else ''}",
            "what they would have cost is not known",
        )


def _accuracy_prefers(result: Any, best: Any) -> Finding | None:
    """A strategy, or doing nothing, of higher accuracy that costs significantly more."""
    favourite = max(result.results, key=lambda each: each.metrics.get("accuracy", -math.inf))
    right = favourite.metrics.get("accuracy", -math.inf)
    idle = 1 - result.n_positives / result.n_cases
    if idle > right:
        return _idle_accuracy(
            result.n_cases, result.n_positives, result.baselines, best.expected_cost
        )
    if favourite.name == best.name or favourite.tied:
        return None
    difference = favourite.difference
    return Finding(
        "accuracy-misleads",
        "note",
        f"{favourite.name} is right most often ({percent(right)}) and costs {difference.value:.4g} "
        f"{difference.unit} per case more than {result.cheapest}",
        "choose by cost",
    )


def _idle_accuracy(
    n_cases: int, n_positives: int, baselines: Any, cost: Estimate
) -> Finding | None:
    """Acting on nobody is right nearly always, and costs more."""
    share = n_positives / max(n_cases, 1)
    never = baselines.get("never act")
    if not 0 < share < RARE or never is None or not never.value > cost.value:
        return None
    return Finding(
        "accuracy-misleads",
        "note",
        f"acting on nobody is right in {percent(1 - share)} of the cases and costs {never.value:.4g} "
        f"{never.unit} per case, against {cost.value:.4g}",
        "do not choose or report by accuracy",
    )


def _few_positives(n_positives: int) -> Finding | None:
    if n_positives >= FEW_POSITIVES:
        return None
    very = n_positives < VERY_FEW_POSITIVES
    return Finding(
        "few-positives",
        "error" if very else "warning",
        f"everything rests on {n_positives:,} positives: what misses cost is known to "
        f"{percent(round(NORMAL_95 / math.sqrt(max(n_positives, 1)), 2))} either way at best",
        "collect positives before anything else"
        if very
        else "read intervals, not numbers, and prefer few parameters: Platt's map, Bayes' rule",
    )


def _prevalence(n_cases: int, n_positives: int, prevalence: float | None) -> Finding | None:
    if prevalence is None or not n_cases:
        return None
    from scipy.stats import binomtest

    if binomtest(n_positives, n_cases, prevalence).pvalue >= 0.001:
        return None
    share = n_positives / n_cases
    factor = prevalence / (1 - prevalence) * (1 - share) / share if share < 1 else 0.0
    return Finding(
        "prevalence-differs",
        "error",
        f"{percent(share)} of the rows are positive, and {percent(prevalence)} of the cases to decide "
        f"on: probabilities are off by odds of {factor:.3g}, unless that prevalence was declared",
        f"pass prevalence={prevalence:g} to optimize, or scale_odds(probability, {factor:.3g})",
    )
