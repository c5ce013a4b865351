import json
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from costopt import CaseCosts, DataError
from costopt.evaluation.estimates import Estimate, Sample
from costopt.evaluation.intervals import Chance, Outcomes, label_probability, mean_and_interval

ESTIMATE = Estimate(1.23456, 1.0, 1.5, 0.95, "score interval", "EUR", 400, 12.5)


def rows(n=800, seed=0, rate=0.1, tail=1.0):
    """Labels, probabilities and costs: a review of ten, a miss of the amount."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 1 / rate - 1, n)
    amount = 100 * rng.lognormal(0, tail, n) if tail else np.full(n, 100.0)
    return rng.random(n) < p, p, CaseCosts(fp=10, tp=10, fn=amount, unit="EUR")


def bayes(p, costs):
    return p * np.broadcast_to(costs.fn, p.shape) >= 10


# What a sample states


@pytest.mark.parametrize("weighted", [False, True])
def test_costs_differences_and_savings_are_means_over_rows(weighted):
    y, p, costs = rows()
    weight = np.random.default_rng(1).uniform(0.5, 3, 800) if weighted else np.ones(800)
    act, other = bayes(p, costs), p > 0.5
    sample = Sample(y, costs, None, p, weight if weighted else None)

    def mean(decided):
        cost = np.where(decided, 10.0, np.where(y, costs.fn, 0.0))
        return np.average(cost, weights=weight)

    assert_allclose(sample.cost(act).value, mean(act))
    assert_allclose(sample.difference(act, other).value, mean(act) - mean(other))
    never, always = (sample.cost(each) for each in sample.baselines().values())
    assert_allclose(
        (never.value, always.value), (np.average(np.where(y, costs.fn, 0), weights=weight), 10)
    )
    assert_allclose(sample.savings(act).value, 1 - mean(act) / min(never.value, 10))
    perfect = np.average(np.where(y, np.minimum(costs.fn, 10), 0), weights=weight)
    assert_allclose(sample.perfect().value, perfect)
    assert sample.cost(act).unit == "EUR"
    assert sample.cost(act).n == 800


def test_the_interval_is_that_of_labels_and_rows():
    y, p, costs = rows()
    act = bayes(p, costs)
    outcomes = Outcomes(np.where(act, 10.0, 0.0), np.where(act, 10.0, costs.fn))
    q = label_probability(y, p, np.maximum(costs.fn, 10))

    found = Sample(y, costs, None, p).cost(act, bias=0.25)

    expected = mean_and_interval(outcomes, Chance(y, q), bias=0.25)
    assert_allclose((found.value, found.low, found.high), expected)
    assert found.method == "score interval, corrected for the selection"
    assert Sample(y, costs, None, p).cost(act).method == "score interval"


def test_rows_that_stand_for_nobody_count_for_nothing():
    y, p, costs = rows()
    weight = np.random.default_rng(1).uniform(0.5, 3, 800)
    more_y, more_p, more_costs = rows(3000, seed=5, rate=0.5)
    all_costs = CaseCosts(fp=10, tp=10, fn=np.r_[costs.fn, more_costs.fn], unit="EUR")
    padded = Sample(
        np.r_[y, more_y],
        all_costs,
        None,
        np.r_[p, more_p],
        np.r_[weight, np.zeros(3000)],
        np.r_[np.arange(800) // 4, np.zeros(3000, dtype=int)],
    )
    plain = Sample(y, costs, None, p, weight, np.arange(800) // 4)
    act = bayes(p, costs)
    more = np.r_[act, more_p > 0.5]

    assert padded.n == plain.n == 800
    assert padded.count_positives() == np.count_nonzero(y)
    for one, other in (
        (padded.cost(more), plain.cost(act)),
        (padded.savings(more), plain.savings(act)),
        (padded.difference(more, ~more), plain.difference(act, ~act)),
    ):
        assert one == other


def test_without_probabilities_it_goes_by_the_share_of_positives():
    y, p, costs = rows()
    act = bayes(p, costs)

    found = Sample(y, costs).cost(act)

    assert_allclose(found.value, Sample(y, costs, None, p).cost(act).value)
    assert found.low < found.value < found.high


def test_a_declared_prevalence_is_certain():
    y, p, _ = rows(rate=0.3)
    costs = CaseCosts(fp=1, fn=100)
    weight = np.where(y, 0.01 / y.mean(), 0.99 / (1 - y.mean()))

    never = Sample(y, costs, None, p, weight, prevalence=0.01).cost(np.zeros(800, dtype=bool))

    assert_allclose((never.value, never.low, never.high), 1.0)


# How many positives that is worth


def test_equal_costs_count_every_positive():
    y, p, _ = rows()

    found = Sample(y, CaseCosts(fp=1, fn=5), None, p).n_positives

    assert_allclose(found, np.count_nonzero(y))


def test_amounts_and_weights_of_different_size_count_for_fewer():
    y, p, costs = rows(tail=1.5)
    weight = np.random.default_rng(1).uniform(0.5, 3, 800)
    stake = weight[y] * np.maximum(costs.fn[y], 10)

    found = Sample(y, costs, None, p, weight).n_positives

    assert_allclose(found, stake.sum() ** 2 / (stake**2).sum())
    assert found < 0.6 * np.count_nonzero(y)


def test_positives_that_came_ten_times_count_once():
    y, p, _ = rows(300)
    costs = CaseCosts(fp=1, fn=5)
    units = np.repeat(np.arange(300), 10)

    found = Sample(np.repeat(y, 10), costs, None, np.repeat(p, 10), units=units).n_positives

    assert_allclose(found, np.count_nonzero(y), rtol=0.01)


# What the rows do not support


def test_no_interval_is_stated_where_a_few_amounts_make_up_the_cost():
    y = rows(500)[0]
    amount = np.where(np.arange(500) < 3, 1e6, 10.0)
    costs = CaseCosts(fp=10, tp=10, fn=amount, unit="EUR")
    sample = Sample(y, costs, None, np.full(500, 0.1))
    never = np.zeros(500, dtype=bool)

    cost, saved = sample.cost(never), sample.savings(never)

    for found in (cost, saved):
        assert math.isnan(found.low)
        assert math.isnan(found.high)
        assert not found.has_interval
        assert found.interval_text() == "no interval"
        assert found.note == (
            "a few large amounts make up the cost, as 3.0 of equal size would, and an interval needs 15"
        )
    assert_allclose(cost.value, np.where(y, amount, 0).mean())


def test_the_same_few_rows_support_an_interval_where_their_cost_is_known():
    """Constant costs: a handful of rows says little of how many there are, all of what one costs."""
    y = np.arange(500) < 3
    sample = Sample(y, CaseCosts(fp=10, fn=100), None, np.where(y, 0.9, 1e-4))

    assert sample.cost(np.zeros(500, dtype=bool)).has_interval


def test_rows_of_a_single_group_support_no_interval():
    y, p, costs = rows()

    found = Sample(y, costs, None, p, units=np.zeros(800, dtype=int)).cost(bayes(p, costs))

    assert not found.has_interval
    assert found.note == "all rows belong to one group"


def test_a_rule_that_is_a_baseline_says_so_and_is_not_certain_to_save_nothing():
    y, p, costs = rows(rate=0.5)
    always = np.ones(800, dtype=bool)

    found = Sample(y, costs, None, p).savings(always)

    assert found.value == 0
    assert found.note == "the same decision as 'always act' for every row"
    assert -0.01 < found.low < 0 < found.high < 0.01


def test_two_rules_that_agree_say_so():
    y, p, costs = rows()
    act = bayes(p, costs)

    found = Sample(y, costs, None, p).difference(act, act.copy())

    assert found.value == 0
    assert found.note == "no row is decided differently"
    assert found.low < 0 < found.high


@pytest.mark.parametrize("costs", [CaseCosts(fp=1, fn=0.0, tp=-5), CaseCosts(fp=0, fn=4)])
def test_there_are_no_savings_where_a_baseline_costs_nothing_or_earns(costs):
    y, p, _ = rows()

    found = Sample(y, costs, None, p).savings(p > 0.2)

    assert math.isnan(found.value)
    assert not found.has_interval


def test_what_costs_nothing_on_any_row_is_certain():
    y, p, _ = rows()

    perfect = Sample(y, CaseCosts(fp=1, fn=5), None, p).perfect()

    assert (perfect.value, perfect.low, perfect.high) == (0.0, 0.0, 0.0)


# Costs known in hindsight only


def test_amounts_of_positives_stand_in_for_those_that_negatives_do_not_have():
    """A claim is nothing for who has none; were he to have one it would cost as others' do."""
    rng = np.random.default_rng(0)
    y = rng.random(4000) < 0.1
    claim = np.where(y, 100 * rng.lognormal(0, 1, 4000), 0.0)
    hindsight = CaseCosts(fp=10, tp=10, fn=claim, unit="EUR")
    known = CaseCosts(fp=10, tp=10, fn=claim[y].mean(), unit="EUR")
    foresight = CaseCosts(
        fp=10, tp=10, fn=np.where(y, claim, 100 * rng.lognormal(0, 1, 4000)), unit="EUR"
    )
    p = np.full(4000, 0.1)
    act = rng.random(4000) < 0.3

    found = Sample(y, hindsight, known, p).cost(act)

    expected = Sample(y, foresight, None, p).cost(act)
    assert_allclose(found.value, expected.value)
    assert_allclose((found.low, found.high), (expected.low, expected.high), rtol=0.03)


def test_the_imagined_amounts_are_the_same_every_time_and_touch_no_global_state():
    y, p, costs = rows()
    known = CaseCosts(fp=10, tp=10, fn=float(costs.fn[y].mean()), unit="EUR")
    act = p > 0.2
    state = np.random.get_state()[1].copy()  # noqa: NPY002  # the global one must not move

    first, second = (Sample(y, costs, known, p).cost(act) for _ in range(2))

    assert first == second
    assert (state == np.random.get_state()[1]).all()  # noqa: NPY002


# The value


def test_an_estimate_reads_as_value_unit_and_interval():
    assert str(ESTIMATE) == "1.235 EUR [1 to 1.5]"
    assert repr(ESTIMATE) == (
        "Estimate(1.235 EUR [1 to 1.5], level=0.95, n=400, method='score interval')"
    )


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (1234.5678, 0.1 + 0.2 + 9999.7, "1,235 to 10,000"),
        (-math.inf, 0.12, "at most 0.12"),
        (0.00012346, math.inf, "at least 0.0001235"),
        (-math.inf, math.inf, "no interval"),
        (math.nan, math.nan, "no interval"),
    ],
)
def test_an_interval_says_on_which_side_it_bounds(low, high, text):
    estimate = Estimate(1.0, low, high, 0.95, "", "EUR", 10)

    assert estimate.interval_text() == text


def test_an_interval_can_be_told_in_percent_or_in_any_figures():
    assert ESTIMATE.interval_text(100, " %", digits=2) == "100 to 150 %"
    assert ESTIMATE.interval_text(write=lambda value: f"<{value:.1f}>") == "<1.0> to <1.5>"


def test_an_estimate_is_plain_values_by_name():
    assert Estimate(**json.loads(json.dumps(ESTIMATE.to_dict()))) == ESTIMATE


@pytest.mark.parametrize(
    "wrong", [{"level": 0.0}, {"level": 1.0}, {"n": -1}, {"n_positives": -0.5}, {"low": 99.0}]
)
def test_an_estimate_that_cannot_be_is_refused(wrong):
    with pytest.raises(DataError, match="an estimate has a level between 0 and 1"):
        replace(ESTIMATE, **wrong)


def test_a_unit_never_reaches_a_terminal_as_a_code():
    hostile = replace(ESTIMATE, unit="EUR\x1b[2J")

    assert "\x1b" not in str(hostile) + repr(hostile)


def test_an_estimate_can_be_told_in_another_unit():
    found = ESTIMATE.scaled(100.0)

    assert_allclose((found.value, found.low, found.high), (123.456, 100.0, 150.0))
    assert (found.level, found.n, found.n_positives) == (0.95, 400, 12.5)


# Whatever rows there are


@pytest.mark.parametrize("seed", range(6))
def test_every_number_lies_within_its_interval_whatever_the_rows(seed):
    """Few rows, one class, costs of any sign and size, weights of 0, groups, declared prevalence."""
    rng = np.random.default_rng(seed)
    for _ in range(60):
        n = int(rng.integers(1, 25))
        y = rng.random(n) < rng.choice([0, 0.1, 0.5, 1])
        constant = dict(
            zip(("fp", "fn", "tp", "tn"), rng.choice([0, 1, -3, 1e6, 1e-6], 4), strict=True)
        )
        by_case = {"fn": rng.choice([0.0, 5.0, -2.0, 1e5], n), "fp": rng.lognormal(0, 3, n)}
        costs = CaseCosts(**(constant | (by_case if rng.random() < 0.5 else {})))
        p = rng.choice([0.0, 0.2, 0.5, 1.0], n) if rng.random() < 0.7 else None
        weight = rng.choice([0.0, 1.0, 3.0], n) if rng.random() < 0.3 else np.ones(n)
        weight[0] = 1.0
        units = rng.integers(0, 4, n) if rng.random() < 0.3 else None
        both = len(set(y[weight > 0])) == 2
        prevalence = 0.1 if both and rng.random() < 0.3 else None
        sample = Sample(y, costs, None, p, weight, units, prevalence)
        act = rng.random(n) < 0.5

        for found in (
            sample.cost(act),
            sample.cost(act, bias=0.3),
            sample.difference(act, ~act),
            sample.savings(act),
            sample.savings(np.ones(n, dtype=bool)),
            sample.perfect(),
        ):
            slack = 1e-9 * (1 + abs(found.value))
            if found.has_interval:
                assert found.low - slack <= found.value <= found.high + slack
            else:
                assert math.isnan(found.value) or found.note
            assert found.interval_text()
