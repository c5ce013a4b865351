"""Limits on a threshold: what is written, what a sample says, and what can be promised of new cases."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import binom

from costopt.decision.constraints import (
    Constraint,
    Counts,
    cases_needed,
    levels,
    parse_constraints,
)
from costopt.decision.limited import METRICS
from costopt.decision.promises import check_enough, keep_limits, mean_cost_doubt
from costopt.errors import DataError, InfeasibleError

# what is written


@pytest.mark.parametrize(
    ("text", "metric", "limit"),
    [
        ("recall >= 0.8", "recall", 0.8),
        ("recall>=80%", "recall", 0.8),
        ("  precision > 0.3 ", "precision", 0.3),
        ("false_positive_rate <= 5%", "false_positive_rate", 0.05),
        ("alert_rate<=1e-2", "alert_rate", 0.01),
        ("mean_cost <= -3.5", "mean_cost", -3.5),
    ],
)
def test_a_limit_is_read_as_it_is_written(text, metric, limit):
    found = Constraint.parse(text)

    assert (found.metric, found.limit) == (metric, pytest.approx(limit))
    assert Constraint.parse(str(found)) == found


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("recall", "'recall >= NUMBER', in quotes on the command line, where > and < mean files"),
        ("recall >=", "has no limit"),
        ("recal >= 0.8", "did you mean 'recall'?"),
        ("recall <= 0.8", "recall can be held from below only: write 'recall >= 0.8'"),
        ("alert_rate >= 0.1", "alert_rate can be held from above only"),
        ("recall >= 1.2", "recall lies between 0 and 1"),
        ("recall >= many", "must be a number, got 'many'"),
        ("mean_cost <= inf", "must be a finite amount"),
        ("recall == 0.8", "cannot read|can be held from below"),
        (3, "constraints must be texts such as 'recall >= 0.8', got 3"),
        ([3], "a constraint is a text such as"),
        (["recall >= 0.8", "recall >= 0.9"], "recall is limited twice"),
        ("", "cannot read the constraint ''"),
    ],
)
def test_what_is_no_limit_is_refused_with_what_to_write(given, message):
    with pytest.raises(DataError, match=message.replace("?", r"\?")):
        parse_constraints(given)


# what a sample says

scores = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.2, 0.5, 0.7])), min_size=1, max_size=9
)


@given(scores)
def test_counts_are_those_of_acting_from_each_threshold(rows):
    y, score = (np.array(column) for column in zip(*rows, strict=True))
    counts = Counts.of(y, score.astype(float))

    assert counts.thresholds.tolist() == [math.inf, *sorted(set(score), reverse=True), -math.inf]
    for at, threshold in enumerate(counts.thresholds):
        act = score >= threshold
        assert counts.alerts[at] == act.sum()
        assert counts.caught[at] == (act & y).sum()


@given(scores, st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.sampled_from([*METRICS][:4]))
def test_a_limit_on_a_sample_is_kept_as_its_metric_says(rows, limit, name):
    y, score = (np.array(column) for column in zip(*rows, strict=True))
    if name == "recall" and not y.any():
        return
    if name == "false_positive_rate" and y.all():
        return
    counts = Counts.of(y, score.astype(float))
    constraint = Constraint(name, limit)

    for at, threshold in enumerate(counts.thresholds):
        act = score >= threshold
        value = {
            "recall": lambda act=act: act[y].mean(),
            "precision": lambda act=act: y[act].mean() if act.any() else 1.0,
            "false_positive_rate": lambda act=act: act[~y].mean(),
            "alert_rate": lambda act=act: act.mean(),
        }[name]()
        kept = value >= limit - 1e-9 if METRICS[name].at_least else value <= limit + 1e-9
        assert counts.meets(constraint)[at] == kept
        assert counts.metric(name)[at] == pytest.approx(value)


# what can be promised


@pytest.mark.parametrize(
    ("text", "level", "needed"),
    [("recall >= 0.9", 0.1, 22), ("recall >= 0.95", 0.1, 45), ("recall >= 0.99", 0.1, 230),
     ("recall >= 0.9", 0.01, 44), ("precision >= 0.3", 0.1, 2)],
)  # fmt: skip
def test_the_cases_that_a_promise_needs_are_those_of_the_binomial(text, level, needed):
    constraint = Constraint.parse(text)

    assert cases_needed(constraint, level) == needed
    assert binom.cdf(0, needed, constraint.error_rate) <= level
    assert binom.cdf(0, needed - 1, constraint.error_rate) > level


def test_a_limit_without_room_for_error_cannot_be_promised():
    with pytest.raises(DataError, match="leaves no room for a single error"):
        cases_needed(Constraint("recall", 1.0), 0.1)


def test_too_few_cases_are_told_before_anything_is_trained():
    limits = parse_constraints("recall >= 0.9")

    with pytest.raises(InfeasibleError, match="needs 22 positives, there are 15") as raised:
        check_enough(limits, 0.9, 15, 1000)
    assert (raised.value.needed, raised.value.found) == (22, 15)
    check_enough(limits, 0.9, 22, 1000)
    with pytest.raises(InfeasibleError, match="chosen among 10 candidates, needs 44 positives"):
        check_enough(limits, 0.9, 43, 1000, n_tried=10)
    check_enough(parse_constraints("false_positive_rate <= 0.001"), 0.9, 5, 10)  # never does


@given(st.sets(st.sampled_from([*METRICS]), min_size=1), st.booleans())
def test_sides_divide_the_level_and_limits_of_one_side_share_it(names, rare):
    found = levels([Constraint(name, 0.5) for name in names], 0.1, positives_are_rare=rare)

    by_side = {METRICS[name].side: level for name, level in found.items()}
    assert sum(by_side.values()) == pytest.approx(0.1)
    assert all(found[name] == by_side[METRICS[name].side] for name in names)


def sample(n, prevalence, rng, separation=1.5):
    y = rng.random(n) < prevalence
    x = rng.normal(size=n) + separation * y
    odds = separation * x - separation**2 / 2 + math.log(prevalence / (1 - prevalence))
    return y, expit(odds)


class Population:
    """Metrics of any threshold on very many cases."""

    def __init__(self, prevalence):
        y, p = sample(400_000, prevalence, np.random.default_rng(99))
        order = np.argsort(p)
        self.score, self.below = p[order], np.concatenate(([0], np.cumsum(y[order])))
        self.n, self.n_positives = p.size, int(y.sum())

    def metric(self, name, threshold):
        at = np.searchsorted(self.score, threshold)
        alerts, caught = self.n - at, self.n_positives - self.below[at]
        return {
            "recall": caught / self.n_positives,
            "precision": caught / max(alerts, 1),
            "false_positive_rate": (alerts - caught) / (self.n - self.n_positives),
            "alert_rate": alerts / self.n,
        }[name]

    def breaks(self, limits, threshold):
        return any(
            self.metric(each.metric, threshold) < each.limit
            if METRICS[each.metric].at_least
            else self.metric(each.metric, threshold) > each.limit
            for each in limits
        )


def held_on(y, p, limits, cost):
    counts = Counts.of(y, p)
    expected = np.concatenate(([0.0], np.cumsum(np.sort(p)[::-1])))[counts.alerts]
    try:
        _, held, _ = keep_limits(counts, cost, limits, 0.9, predicted=expected)
    except InfeasibleError:
        return None
    return counts.thresholds[held]


@pytest.mark.parametrize(
    ("n", "prevalence", "texts"),
    [
        (500, 0.3, "recall >= 0.8"),
        (500, 0.3, "false_positive_rate <= 0.2"),
        (500, 0.3, "alert_rate <= 0.3"),
        (500, 0.3, "precision >= 0.6"),
        (2000, 0.05, ["recall >= 0.5", "precision >= 0.1", "alert_rate <= 0.4"]),
    ],
)
def test_the_worst_of_all_promised_thresholds_is_broken_as_seldom_as_promised(n, prevalence, texts):
    limits, population = parse_constraints(texts), Population(prevalence)
    rng, broken, found, n_samples = np.random.default_rng(1), 0, 0, 300
    for _ in range(n_samples):
        y, p = sample(n, prevalence, rng)
        held = held_on(y, p, limits, np.zeros(np.unique(p).size + 2))
        if held is not None:
            found += 1
            broken += population.breaks(limits, held[-1]) or population.breaks(limits, held[0])

    assert broken / n_samples <= 0.1 + 2 * math.sqrt(0.1 * 0.9 / n_samples)
    assert broken > 0  # a bound that is never met with gives away money
    assert found > n_samples / 2


def test_a_limit_kept_on_the_sample_only_is_broken_by_half_of_new_samples():
    limits, population = parse_constraints("recall >= 0.8"), Population(0.3)
    rng, broken = np.random.default_rng(2), 0
    for _ in range(200):
        counts = Counts.of(*sample(500, 0.3, rng))
        # few alerts are cheap, so that the limit decides
        at, _, binding = keep_limits(counts, counts.alerts / 500, limits, None)
        assert binding == "recall >= 0.8"
        broken += population.breaks(limits, counts.thresholds[at])

    assert 0.35 < broken / 200 < 0.65


@pytest.mark.parametrize("skewed", [False, True])
def test_betting_against_a_mean_cost_is_wrong_as_seldom_as_its_level(skewed):
    rng = np.random.default_rng(3)
    draws = rng.random((2000, 200))
    costs = np.where(draws < 0.02, 1.0, 0.0) if skewed else draws
    limit = 0.02 if skewed else 0.5

    wrong = [mean_cost_doubt(row, limit, 0.0, 1.0, 0.1) <= 0.1 for row in costs]
    right = [mean_cost_doubt(row, 3 * limit, 0.0, 1.0, 0.1) <= 0.1 for row in costs[:200]]

    assert np.mean(wrong) <= 0.1 + 3 * math.sqrt(0.09 / 2000)
    assert np.mean(right) > 0.7


def test_costs_that_cannot_vary_are_below_a_limit_or_not():
    assert mean_cost_doubt(np.full(5, 2.0), 2.0, 2.0, 2.0, 0.1) == 0
    assert mean_cost_doubt(np.full(5, 2.0), 1.0, 2.0, 2.0, 0.1) == 1


# which one is taken


@given(
    scores,
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=4, max_size=4),
    st.sets(st.integers(0, 3), min_size=1),
)
def test_on_the_sample_the_cheapest_feasible_threshold_is_that_of_trying_all(rows, values, chosen):
    y, score = (np.array(column) for column in zip(*rows, strict=True))
    if not y.any() or y.all():
        return
    counts = Counts.of(y, score.astype(float))
    names = [*METRICS][:4]
    limits = [Constraint(names[i], values[i]) for i in sorted(chosen)]
    cost = np.array([np.mean(np.where(score >= t, 1.0 - 2.5 * y, 0.0)) for t in counts.thresholds])

    feasible = [
        cost[at] for at in range(cost.size) if all(counts.meets(each)[at] for each in limits)
    ]
    if not feasible:
        with pytest.raises(InfeasibleError) as raised:
            keep_limits(counts, cost, limits, None)
        assert raised.value.constraint
        return
    at, held, binding = keep_limits(counts, cost, limits, None)
    assert cost[at] == min(feasible)
    assert held[at]
    assert (binding is None) == (cost[at] == cost.min())


def test_the_limit_in_the_way_is_named_with_what_can_be_had():
    y = np.array([True, False, True, False])
    counts = Counts.of(y, np.array([0.9, 0.8, 0.2, 0.1]))
    limits = parse_constraints(["recall >= 1", "alert_rate <= 0.5"])

    with pytest.raises(
        InfeasibleError,
        match=r"no threshold keeps .* beside .*: the best on these cases is 0\.[57]",
    ) as raised:
        keep_limits(counts, np.zeros(6), limits, None)
    assert raised.value.attainable in (0.5, 0.75)


@pytest.mark.parametrize(("shift", "factor"), list(itertools.product((0.0, 7.0), (1.0, 1e-9, 1e9))))
def test_neither_currency_nor_a_constant_changes_what_is_taken(shift, factor):
    rng = np.random.default_rng(5)
    y, p = sample(400, 0.3, rng)
    counts = Counts.of(y, p)
    cost = (counts.false_alarms + 4.0 * (counts.n_positives - counts.caught)) / 400
    limits = parse_constraints("precision >= 0.5")
    expected = np.concatenate(([0.0], np.cumsum(np.sort(p)[::-1])))[counts.alerts]

    plain = keep_limits(counts, cost, limits, 0.9, predicted=expected)
    other = keep_limits(counts, factor * (cost + shift), limits, 0.9, predicted=expected)

    assert plain[0] == other[0]
    assert plain[2] == other[2]
