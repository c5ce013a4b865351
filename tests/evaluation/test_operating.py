"""The stored operating curve against plain counts, and what no curve may be."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import expit

from costopt import CaseCosts, DataError, cost_curve
from costopt.decision.rules import GainRule, ThresholdRule, decision_cost, mean_cost
from costopt.evaluation.choice import RuleChoice
from costopt.evaluation.draws import Draws
from costopt.evaluation.operating import CELLS, MAX_POINTS, MIN_ROWS
from costopt.evaluation.tracing import trace

COSTS = CaseCosts(fp=10, fn=200, tp=15, tn=1)


def cases(n, seed=0):
    """Labels and probabilities that are calibrated; about a tenth positive."""
    rng = np.random.default_rng(seed)
    probability = expit(rng.normal(-3, 1.5, n))
    return rng.random(n) < probability, probability, rng


def traced(y, probability, costs=COSTS, rule=None, weight=None, units=None):
    draws, rule = Draws(y.size, weight=weight, units=units), rule or GainRule()
    act = rule.decide(probability, costs)
    choice = RuleChoice(rule, act, mean_cost(y, act, costs, weight), "")
    return trace(y, probability, costs, costs, choice, draws, weight)


def counted(y, probability, costs, threshold, weight):
    """Caught, false alarms and mean cost at a threshold, row by row."""
    act = probability >= threshold
    total = float(np.sum(weight * decision_cost(y, act, costs)) / weight.sum())
    return weight[act & y].sum(), weight[act & ~y].sum(), total


few = st.sampled_from([0.0, 0.2, 0.5, 0.5000001, 1.0])


@given(st.data(), st.integers(1, 12), st.booleans(), st.booleans())
def test_every_point_is_what_counting_gives(data, n, by_case, weighted):
    y = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    probability = np.array(data.draw(st.lists(few, min_size=n, max_size=n)))
    fn = np.array(data.draw(st.lists(st.sampled_from([3.0, 50.0]), min_size=n, max_size=n)))
    costs = CaseCosts(fp=2, fn=fn if by_case else 7, tn=0.5 * fn / 50 if by_case else 0.25)
    weight = 1.0 + (np.arange(n) % 3 if weighted else np.zeros(n))

    curve = traced(y, probability, costs, weight=weight if weighted else None)

    assert curve.thresholds[0] == np.inf
    assert curve.thresholds[-1] == -np.inf
    assert set(probability) <= set(curve.thresholds)
    for index, threshold in enumerate(curve.thresholds):
        point = curve.point(index)
        caught, alarms, cost = counted(y, probability, costs, threshold, weight)
        assert_allclose([point.caught, point.false_alarms], [caught, alarms])
        assert_allclose(point.mean_cost(), cost)
    act = GainRule().decide(probability, costs)
    assert_allclose(curve.selected.mean_cost(), mean_cost(y, act, costs, weight))


def test_many_thresholds_are_thinned_and_the_cheapest_is_kept_with_its_neighbours():
    y, probability, _ = cases(20_000)

    curve = traced(y, probability)
    exact = cost_curve(y, probability, COSTS)

    assert len(curve) <= MAX_POINTS
    assert curve.best == exact.best().threshold
    assert curve.at(curve.best).mean_cost() == pytest.approx(exact.best().mean_cost, rel=1e-13)
    ranked = np.sort(probability)
    home = np.searchsorted(ranked, curve.best)
    assert set(ranked[home - 100 : home + 100]) <= set(curve.thresholds)
    for index in range(0, len(curve), 17):
        threshold = curve.thresholds[index]
        assert curve.point(index).mean_cost() == pytest.approx(float(exact.at(threshold)))


@pytest.mark.parametrize("fn", [20, 60, 1000, 5000])
def test_at_other_constant_costs_the_cheapest_threshold_of_all_is_among_those_kept(fn):
    y, probability, _ = cases(20_000, seed=1)

    found = traced(y, probability).cheapest({"fn": fn})

    other = cost_curve(y, probability, CaseCosts(fp=10, fn=fn, tp=15, tn=1)).best()
    assert found.mean_cost({"fn": fn}) == pytest.approx(other.mean_cost, rel=1e-12)


def test_costs_that_differ_by_case_are_scaled_as_a_whole():
    y, probability, rng = cases(3000)
    amount = rng.lognormal(4, 1, y.size)

    curve = traced(y, probability, CaseCosts(fp=10, fn=amount, tp=10))

    twice = CaseCosts(fp=12, fn=2 * amount, tp=10)
    for index in range(0, len(curve), 50):
        _, _, cost = counted(y, probability, twice, curve.thresholds[index], np.ones(y.size))
        assert curve.point(index).mean_cost({"fn": 2, "fp": 12}) == pytest.approx(cost)


def test_the_rule_that_ships_is_a_point_of_the_curve_only_with_one_threshold():
    y, probability, rng = cases(3000)
    amount = rng.lognormal(4, 1, y.size)

    bayes = traced(y, probability)
    at_threshold = traced(y, probability, rule=ThresholdRule(0.123))
    by_case = traced(y, probability, CaseCosts(fp=10, fn=amount, tp=10))

    assert bayes.selected.threshold == pytest.approx(9 / 194)
    assert at_threshold.selected == at_threshold.at(0.123)
    assert by_case.selected.threshold is None
    assert by_case.selected.mean_cost() < by_case.at(by_case.best).mean_cost()


def test_shares_are_of_cases_and_undefined_without_any():
    y = np.array([True, False, False, False])
    curve = traced(y, np.array([0.9, 0.8, 0.1, 0.1]))

    at = curve.at(0.8)
    never = curve.point(0)

    assert (at.alerts, at.precision, at.recall) == (0.5, 0.5, 1.0)
    assert (never.alerts, never.recall) == (0.0, 0.0)
    assert math.isnan(never.precision)
    assert math.isnan(traced(~y & False, np.full(4, 0.5)).point(0).recall)


# the ranges


def test_outside_the_flat_range_the_paired_difference_exceeds_its_noise():
    y, probability, _ = cases(4000)
    curve = traced(y, probability)
    paid = decision_cost(y, probability >= curve.best, COSTS)

    def in_noise(threshold):
        difference = decision_cost(y, probability >= threshold, COSTS) - paid
        return difference.mean() <= 1.96 * difference.std() / math.sqrt(y.size) + 1e-12

    low, high = curve.flat
    assert low < curve.best < high
    assert in_noise(low)
    assert in_noise(high)
    outside = [t for t in curve.thresholds if t < low or t > high]
    assert len(outside) > 100
    assert not any(in_noise(threshold) for threshold in outside)


@pytest.mark.parametrize("n", [*range(60, 67), 125, 189])
def test_the_flat_range_is_found_whatever_the_last_block_of_thresholds_holds(n):
    """Thresholds are looked at 64 at a time; in the last few no row may begin to be acted on."""
    probability = (np.arange(n) + 0.5) / n
    y = np.arange(n) % 3 == 0
    paid = np.where(y, -COSTS.fn_regret, COSTS.fp_regret)

    curve = traced(y, probability)

    alike = []
    for threshold in curve.thresholds:
        change = paid * (1.0 * (probability >= threshold) - (probability >= curve.best))
        error = 1.96 * np.sqrt(np.sum((change - change.mean()) ** 2)) / n
        alike.append(threshold == curve.best or change.mean() <= error)
    found = np.array(curve.thresholds)[alike]
    assert curve.flat == (found[-1], found[0])


def test_rows_that_belong_together_make_the_flat_range_wider():
    y, probability, _ = cases(400)
    doubled = np.repeat(np.arange(400), 10)

    alone = traced(y[doubled], probability[doubled])
    grouped = traced(y[doubled], probability[doubled], units=doubled)

    assert grouped.flat[0] <= alone.flat[0]
    assert grouped.flat[1] >= alone.flat[1]
    assert grouped.flat != alone.flat
    # as wide as if each case had been there once
    assert grouped.flat == pytest.approx(traced(y, probability).flat)


def test_the_supported_range_has_enough_rows_on_either_side():
    y, probability, _ = cases(2000)

    low, high = traced(y, probability).supported

    assert np.count_nonzero(probability >= high) >= MIN_ROWS
    assert np.count_nonzero(probability < low) >= MIN_ROWS
    assert np.sort(probability)[-MIN_ROWS] == high
    assert traced(y[:59], probability[:59]).supported is None


# curves that cannot be


def edited(column, value, at=3):
    def change(curve):
        values = list(getattr(curve, column))
        values[at] = value
        return {column: tuple(values)}

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edited("thresholds", math.nan), "thresholds that descend"),
        (edited("thresholds", 2.0), "thresholds that descend"),
        (edited("thresholds", 5.0, at=0), "thresholds that descend"),
        (edited("caught", math.inf), "finite numbers, but caught"),
        (edited("caught", -1.0, at=0), "caught that grow from 0"),
        (edited("false_alarms", 1e9), "false_alarms that grow"),
        (lambda curve: {"caught": curve.caught[1:]}, "one number of caught per threshold"),
        (lambda curve: {"cells": (1.0, (1.0, 2.0), 0.0, 0.0)}, "one number of fn per threshold"),
        (lambda curve: {"cells": (math.nan, 1.0, 0.0, 0.0)}, "finite costs"),
        (lambda curve: {"best": 0.777}, "cheapest threshold among its own"),
        (lambda curve: {"flat": curve.flat[::-1]}, "range 'flat' from one of its thresholds"),
        (lambda curve: {"supported": (0.1, math.nan)}, "range 'supported'"),
        (
            lambda curve: {"selected": replace(curve.selected, caught=math.nan)},
            "caught between none",
        ),
        (
            lambda curve: {"selected": replace(curve.selected, threshold=0.777)},
            "selected threshold among its own",
        ),
        (
            lambda curve: {"caught": (0.0,) * len(curve), "false_alarms": (0.0,) * len(curve)},
            "at least one case",
        ),
        (lambda curve: {"thresholds": (math.inf,)}, "between 2 and 1002 thresholds, got 1"),
    ],
)
def test_numbers_that_no_cases_give_are_refused(change, message):
    y, probability, _ = cases(300)
    curve = traced(y, probability)

    with pytest.raises(DataError, match=message):
        replace(curve, **change(curve))


def test_its_words_name_the_cheapest_threshold():
    y, probability, _ = cases(300)

    text = repr(traced(y, probability))

    assert text.startswith("OperatingCurve(best=0.0")
    assert text.endswith("thresholds)")
    assert CELLS == ("fp", "fn", "tp", "tn")
