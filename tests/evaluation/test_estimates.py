import json
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from costopt.evaluation.estimates import (
    Draws,
    Estimate,
    bootstrap_mean,
    corrected_cost,
    estimate_mean,
    estimate_savings,
    standard_error,
)
from costopt.evaluation.selection import Selection


def heavy_costs(n, seed=0):
    """Mostly nothing, sometimes a review, seldom a loss."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < 0.05, rng.lognormal(4, 1, n), 10.0 * (rng.random(n) < 0.2))


def by_scipy(statistic, *samples, n_resamples=4000):
    """Percentile interval of a statistic of rows that are drawn together."""
    found = stats.bootstrap(
        samples,
        statistic,
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=n_resamples,
        batch=4_000_000 // samples[0].size,
        rng=np.random.default_rng(7),
    )
    return found.confidence_interval


def cheapest(means):
    return int(np.argmin(means))


# Drawing


@pytest.mark.parametrize("n_rows", [1, 50, 20_000])
def test_each_row_is_a_part_of_its_own_up_to_twenty_thousand(n_rows):
    draws = Draws(n_rows)

    assert_array_equal(draws.part, np.arange(n_rows))
    assert_allclose(draws.part_weight, 1 / n_rows)


@pytest.mark.parametrize("n_rows", [20_001, 50_000, 1_000_000])
def test_more_rows_are_dealt_evenly_into_twenty_thousand_parts(n_rows):
    sizes = np.bincount(Draws(n_rows).part)

    assert sizes.size == 20_000
    assert sizes.min() == n_rows // 20_000
    assert sizes.max() == -(-n_rows // 20_000)


def test_rows_are_dealt_at_random_by_the_seed_and_not_as_they_come():
    """Neighbours in a table are often alike: they should not be drawn as one."""
    first, again, other = (Draws(60_000, seed=seed).part for seed in (1, 1, 2))

    assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    # two rows meet in a part with probability 2 / 60 000, wherever they stand
    for step in (1, 2, 20_000):
        assert np.count_nonzero(first[step:] == first[:-step]) < 20


@pytest.mark.parametrize("n_units", [300, 20_000, 30_000])
def test_rows_of_one_unit_are_never_in_two_parts(n_units):
    rng = np.random.default_rng(0)
    units = 7 * rng.permutation(n_units) - 1000  # any numbers will do as names
    units = rng.permutation(np.r_[units, rng.choice(units, 2 * n_units)])

    part = Draws(units.size, units=units, seed=4).part

    pairs = np.unique(np.column_stack((units, part)), axis=0)
    assert len(pairs) == n_units
    units_per_part = np.bincount(pairs[:, 1])
    assert units_per_part.size == min(n_units, 20_000)
    assert units_per_part.max() - units_per_part.min() <= 1


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_rows", [300, 50_000])
def test_totals_of_parts_add_up_to_the_weighted_mean(n_rows, weighted, grouped):
    rng = np.random.default_rng(0)
    cost = heavy_costs(n_rows)
    weight = rng.choice([0.0, 0.5, 4.0], n_rows) if weighted else np.ones(n_rows)
    units = rng.integers(0, n_rows // 2, n_rows) if grouped else None

    draws = Draws(n_rows, weight=weight if weighted else None, units=units)

    assert_allclose(draws.totals(cost).sum(), np.average(cost, weights=weight))
    assert_allclose(draws.totals(np.ones(n_rows)), draws.part_weight, atol=1e-15)
    assert_allclose(draws.part_weight.sum(), 1)
    for part in (0, draws.part[7], draws.part.max()):
        rows = draws.part == part
        assert_allclose(draws.totals(cost)[part], (cost * weight)[rows].sum() / weight.sum())
        assert_allclose(draws.part_weight[part], weight[rows].sum() / weight.sum())


def test_every_draw_is_of_as_many_rows_as_there_are():
    drawn = Draws(50, seed=3).counts

    assert drawn.shape == (1000, 50)
    assert_array_equal(drawn.sum(axis=1), 50)
    # each row is left out of a draw with probability (1 - 1/50)^50
    assert_allclose((drawn == 0).mean(), (1 - 1 / 50) ** 50, atol=0.01)
    assert_allclose(drawn.mean(axis=0), 1, atol=0.15)


def test_however_many_rows_there_are_a_thousand_draws_take_each_part_once_on_average():
    drawn = Draws(70_000, seed=3).counts

    assert drawn.shape == (1000, 20_000)
    assert_array_equal(drawn.sum(axis=1), 20_000)
    assert_allclose((drawn == 0).mean(), np.exp(-1), atol=0.001)
    assert_allclose(drawn.mean(axis=0), 1, atol=0.2)
    # draws do not depend on each other
    assert_allclose(np.corrcoef(drawn[0], drawn[1])[0, 1], 0, atol=0.05)
    assert_allclose(np.corrcoef(drawn[199], drawn[200])[0, 1], 0, atol=0.05)


def test_rows_of_one_unit_are_drawn_together():
    units = np.array([7, 3, 7, 9, 3, 7])

    draws = Draws(6, units=units)
    drawn = draws.counts[:, draws.part]

    assert_array_equal(drawn[:, 0], drawn[:, 2])
    assert_array_equal(drawn[:, 0], drawn[:, 5])
    assert_array_equal(drawn[:, 1], drawn[:, 4])
    assert_array_equal(drawn[:, 0] + drawn[:, 1] + drawn[:, 3], 3)


def test_draws_come_in_blocks_that_fit_memory_and_are_the_same_every_time():
    draws = Draws(40_000, units=np.arange(40_000) // 4, seed=5)

    first, second = list(draws.blocks()), list(draws.blocks())

    assert len(first) > 1
    assert_array_equal(np.concatenate(first), draws.counts)
    assert max(block.nbytes for block in first) <= 16_000_000
    for one, other in zip(first, second, strict=True):
        assert_array_equal(one, other)
    assert_array_equal(Draws(10_000, seed=5).counts, draws.counts)
    assert not np.array_equal(Draws(10_000, seed=6).counts, draws.counts)


def test_no_global_state_is_touched():
    state = np.random.get_state()  # noqa: NPY002  # the global one is what must not move

    bootstrap_mean(heavy_costs(100), Draws(100), "EUR")

    assert_array_equal(state[1], np.random.get_state()[1])  # noqa: NPY002
    assert state[2] == np.random.get_state()[2]  # noqa: NPY002


# The mean and its interval


@pytest.mark.parametrize("weighted", [False, True])
def test_the_interval_is_scipys_percentile_bootstrap(weighted):
    cost = heavy_costs(400)
    weight = np.random.default_rng(1).uniform(0.2, 4, 400) if weighted else np.ones(400)

    found = bootstrap_mean(cost, Draws(400, weight=weight if weighted else None), "EUR")

    low, high = by_scipy(lambda c, w, axis: (c * w).sum(axis=axis) / w.sum(axis=axis), cost, weight)
    assert_allclose(found.value, np.average(cost, weights=weight))
    assert_allclose([found.low, found.high], [low, high], atol=0.08 * (high - low))
    assert (found.level, found.unit, found.n) == (0.95, "EUR", 400)
    assert found.method == "bootstrap"


def test_rows_of_one_group_vary_together():
    """A cluster bootstrap: groups are drawn, with all their rows, however many."""
    rng = np.random.default_rng(0)
    size = rng.integers(1, 15, 60)
    units = np.repeat(rng.permutation(60) * 5, size)
    cost = np.repeat(rng.lognormal(2, 1, 60), size) + rng.normal(size=units.size)

    found = bootstrap_mean(cost, Draws(units.size, units=units), "EUR")
    alone = bootstrap_mean(cost, Draws(units.size), "EUR")

    total = np.array([cost[units == unit].sum() for unit in np.unique(units)])
    count = np.array([np.count_nonzero(units == unit) for unit in np.unique(units)])
    low, high = by_scipy(lambda t, c, axis: t.sum(axis=axis) / c.sum(axis=axis), total, count)
    assert_allclose(found.value, cost.mean())
    assert_allclose([found.low, found.high], [low, high], atol=0.08 * (high - low))
    assert found.high - found.low > 2 * (alone.high - alone.low)


@pytest.mark.parametrize("weighted", [False, True])
def test_many_rows_dealt_into_parts_have_the_interval_of_rows_drawn_one_by_one(weighted):
    cost = heavy_costs(45_000)
    weight = np.random.default_rng(1).choice([0.2, 1.0, 4.0], cost.size)
    weight = weight if weighted else np.ones(cost.size)

    draws = Draws(cost.size, weight=weight if weighted else None)
    found = bootstrap_mean(cost, draws, "EUR")

    low, high = by_scipy(
        lambda c, w, axis: (c * w).sum(axis=axis) / w.sum(axis=axis), cost, weight, n_resamples=1000
    )
    assert_allclose(found.value, np.average(cost, weights=weight))
    assert_allclose([found.low, found.high], [low, high], atol=0.1 * (high - low))
    assert found.n == 45_000


def test_many_groups_dealt_into_parts_have_the_interval_of_groups_drawn_one_by_one():
    rng = np.random.default_rng(0)
    size = rng.choice([1, 2, 5], 30_000)
    units = np.repeat(rng.permutation(30_000), size)
    cost = np.repeat(heavy_costs(30_000), size) + (rng.random(units.size) < 0.5)

    found = bootstrap_mean(cost, Draws(units.size, units=units), "EUR")

    low, high = by_scipy(
        lambda t, c, axis: t.sum(axis=axis) / c.sum(axis=axis),
        np.bincount(units, cost),
        np.bincount(units).astype(float),
        n_resamples=1000,
    )
    assert_allclose(found.value, cost.mean())
    assert_allclose([found.low, found.high], [low, high], atol=0.1 * (high - low))


def test_rows_that_stand_for_nobody_count_for_nothing():
    cost = heavy_costs(200)
    weight = np.where(np.arange(200) < 120, 3.0, 0.0)
    changed = np.where(weight > 0, cost, 1e4)

    first, second = (bootstrap_mean(c, Draws(200, weight=weight), "EUR") for c in (cost, changed))

    assert_allclose(first.value, cost[:120].mean())
    assert_allclose([second.low, second.high], [first.low, first.high], rtol=1e-4)


@pytest.mark.parametrize("factor", [1e-300, 1e-9, 1e9, 1e300])
def test_a_currency_is_only_a_currency(factor):
    cost = heavy_costs(150)
    weight = np.random.default_rng(1).uniform(0.5, 2, 150)
    plain = bootstrap_mean(cost, Draws(150, weight=weight), "EUR")

    found = bootstrap_mean(cost * factor, Draws(150, weight=weight * 1e3), "EUR")

    assert_allclose(
        [found.value / factor, found.low / factor, found.high / factor],
        [plain.value, plain.low, plain.high],
        rtol=1e-5,
    )


def test_what_every_row_costs_moves_the_interval_and_does_not_widen_it():
    cost = heavy_costs(2000)

    plain = bootstrap_mean(cost, Draws(2000), "EUR")
    dearer = bootstrap_mean(cost + 1e6, Draws(2000), "EUR")

    assert_allclose(dearer.low - 1e6, plain.low, atol=0.02 * (plain.high - plain.low))
    assert_allclose(dearer.high - 1e6, plain.high, atol=0.02 * (plain.high - plain.low))


@pytest.mark.parametrize("n_rows", [500, 30_000])
def test_costs_that_do_not_vary_have_no_interval(n_rows):
    """Nor where parts are of one row and of two."""
    for constant in (0.0, 0.1, -3.0):
        found = bootstrap_mean(np.full(n_rows, constant), Draws(n_rows), "EUR")

        assert_allclose([found.value, found.low, found.high], constant, rtol=1e-6)


def test_the_interval_is_moved_to_a_corrected_point():
    cost = heavy_costs(300)
    plain = bootstrap_mean(cost, Draws(300), "EUR")

    found = bootstrap_mean(cost, Draws(300), "EUR", point=plain.value * 1.2)

    assert found.value == plain.value * 1.2
    assert_allclose(found.low - plain.low, 0.2 * plain.value)
    assert_allclose(found.high - plain.high, 0.2 * plain.value)
    assert found.method == "bias-corrected, bootstrap"


def test_the_interval_covers_the_truth_at_about_its_level():
    """200 samples of which the mean is known to be 1; 95 % nominal, less 3.3 standard errors."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        found = bootstrap_mean(10.0 * (rng.random(150) < 0.1), Draws(150), "EUR")
        covered += found.low <= 1 <= found.high

    assert 0.9 <= covered / 200 <= 0.99


def test_totals_say_of_the_mean_all_that_rows_do():
    cost = heavy_costs(600)
    draws = Draws(600, weight=np.linspace(0.5, 2, 600), units=np.arange(600) // 3)

    assert estimate_mean(draws.totals(cost), draws, "EUR") == bootstrap_mean(cost, draws, "EUR")
    assert estimate_mean(draws.totals(cost), draws, "EUR", point=9.0) == bootstrap_mean(
        cost, draws, "EUR", point=9.0
    )


# Savings


def savings_of(cost, never, always, draws, **options):
    """From what each row costs."""
    return estimate_savings(*(draws.totals(c) for c in (cost, never, always)), draws, **options)


@pytest.mark.parametrize("weighted", [False, True])
def test_savings_are_bootstrapped_with_their_base(weighted):
    rng = np.random.default_rng(2)
    y = rng.random(400) < 0.1
    never, always = np.where(y, rng.lognormal(4, 0.5, 400), 0.0), np.full(400, 5.0)
    cost = np.where(rng.random(400) < 0.15, always, never * (rng.random(400) < 0.3))
    weight = rng.uniform(0.2, 4, 400) if weighted else np.ones(400)

    found = savings_of(cost, never, always, Draws(400, weight=weight if weighted else None))

    def share(c, n, a, w, axis):
        spent, nobody, everybody = ((column * w).sum(axis=axis) for column in (c, n, a))
        return 1 - spent / np.minimum(nobody, everybody)

    low, high = by_scipy(share, cost, never, always, weight)
    assert_allclose(found.value, share(cost, never, always, weight, axis=0))
    assert_allclose([found.low, found.high], [low, high], atol=0.08 * (high - low))
    assert (found.unit, found.n, found.method) == ("share", 400, "bootstrap")


@pytest.mark.parametrize("factor", [1e-300, 1e-9, 1e9, 1e300])
def test_savings_have_no_currency(factor):
    cost, never, always = heavy_costs(100, 1), heavy_costs(100, 2), np.full(100, 9.0)
    plain = savings_of(cost, never, always, Draws(100))

    found = savings_of(cost * factor, never * factor, always * factor, Draws(100))

    assert_allclose(
        [found.value, found.low, found.high], [plain.value, plain.low, plain.high], rtol=1e-5
    )


def test_savings_follow_a_corrected_cost():
    cost, never, always = heavy_costs(300, 1), heavy_costs(300, 2), np.full(300, 9.0)
    plain = savings_of(cost, never, always, Draws(300))

    found = savings_of(cost, never, always, Draws(300), point=cost.mean() * 1.1)

    base = min(never.mean(), always.mean())
    assert_allclose(found.value, 1 - 1.1 * cost.mean() / base)
    assert_allclose(found.high - found.low, plain.high - plain.low)
    assert_allclose(found.value - found.low, plain.value - plain.low)
    assert found.method == "bias-corrected, bootstrap"


@pytest.mark.parametrize("never", [0.0, -2.0])
def test_nothing_is_saved_where_not_acting_costs_nothing_or_earns(never):
    found = savings_of(np.ones(50), np.full(50, never), np.full(50, 3.0), Draws(50))

    assert math.isnan(found.value)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


# The correction for having chosen


def totals_of(row_costs, draws):
    return np.stack([draws.totals(costs) for costs in row_costs])


def corrected(row_costs, select, draws, criterion=None):
    """Of trials that are chosen by one number per row and pay another."""
    totals = totals_of(row_costs, draws)
    by = totals if criterion is None else totals_of(criterion, draws)
    return corrected_cost(by, select, lambda chosen: totals[chosen], draws)


def corrected_by_hand(row_costs, select, draws, criterion=None):
    """Bootstrap bias-corrected cross-validation, one draw and one row at a time."""
    criterion = row_costs if criterion is None else criterion
    weight = np.ones(draws.n_rows) if draws.weight is None else draws.weight
    found = []
    for times in draws.counts[:, draws.part]:
        inside = [(row, count * weight[row]) for row, count in enumerate(times) if count]
        outside = [(row, weight[row]) for row, count in enumerate(times) if not count]
        if not outside:
            continue
        means = [
            sum(float(by[row]) * w for row, w in inside) / sum(w for _, w in inside)
            for by in criterion
        ]
        shipped = row_costs[select(np.array(means))]
        found.append(
            sum(float(shipped[row]) * w for row, w in outside) / sum(w for _, w in outside)
        )
    return np.mean(found)


@pytest.mark.parametrize("by_cost", [True, False])
@pytest.mark.parametrize(
    ("weight", "units"),
    [
        (None, None),
        (np.random.default_rng(1).uniform(0.2, 3, 12), None),
        (None, np.arange(12) // 3),
        (np.random.default_rng(1).uniform(0.2, 3, 12), np.arange(12) % 5),
        (None, np.arange(12) // 6),  # two units: half of the draws leave nothing out
    ],
)
def test_it_is_what_a_slow_loop_over_draws_and_rows_gives(weight, units, by_cost):
    """Whether trials are chosen by what they cost or by something else, such as their log loss."""
    rng = np.random.default_rng(0)
    row_costs = rng.lognormal(1, 1, (4, 12))
    criterion = None if by_cost else rng.lognormal(0, 0.5, (4, 12))
    draws = Draws(12, weight=weight, units=units, seed=3)

    found = corrected(row_costs, cheapest, draws, criterion)

    assert_allclose(found, corrected_by_hand(row_costs, cheapest, draws, criterion), rtol=1e-6)
    if not by_cost:
        assert found != pytest.approx(corrected(row_costs, cheapest, draws))


def test_what_ships_may_be_made_of_several_trials():
    """The choice names two trials, whose decisions together cost what neither does."""
    rng = np.random.default_rng(0)
    criterion = rng.lognormal(0, 0.5, (4, 12))
    pairs = {(a, b): rng.lognormal(1, 1, 12) for a in range(4) for b in range(4)}
    draws = Draws(12, seed=3)

    def best_two(means):
        return tuple(int(trial) for trial in np.argsort(means)[:2])

    found = corrected_cost(
        totals_of(criterion, draws), best_two, lambda pair: draws.totals(pairs[pair]), draws
    )

    expected = corrected_by_hand(pairs, best_two, draws, criterion)
    assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("by_cost", [True, False])
def test_it_uses_the_selection_of_the_search(by_cost):
    rng = np.random.default_rng(0)
    row_costs = rng.lognormal(1, 1, (4, 12))
    criterion = row_costs if by_cost else rng.lognormal(0, 0.5, (4, 12))
    draws = Draws(12)
    preference = np.array([3.0, 0.0, 1.0, 2.0])
    select = Selection.of(totals_of(criterion, draws), preference, draws.part_weight)

    found = corrected(row_costs, select, draws, criterion)

    assert_allclose(found, corrected_by_hand(row_costs, select, draws, criterion), rtol=1e-6)
    assert found != pytest.approx(corrected(row_costs, cheapest, draws, criterion))


def test_what_all_trials_share_decides_nothing():
    """A few rows that every trial gets wrong, a million times dearer than what tells them apart."""
    rng = np.random.default_rng(0)
    row_costs, criterion = rng.lognormal(1, 1, (4, 30)), rng.lognormal(0, 0.5, (4, 30))
    shared = np.where(np.arange(30) < 3, 1e7, 0.0)

    plain = corrected(row_costs, cheapest, Draws(30), criterion)
    found = corrected(row_costs, cheapest, Draws(30), criterion + shared)

    assert_allclose(found, plain)


@pytest.mark.parametrize("weighted", [False, True])
def test_one_trial_has_nothing_to_correct(weighted):
    cost = heavy_costs(1500)
    weight = np.random.default_rng(1).uniform(0.5, 2, 1500) if weighted else None

    found = corrected(cost[None, :], cheapest, Draws(1500, weight=weight))

    assert_allclose(found, np.average(cost, weights=weight), rtol=0.01)


def test_it_undoes_the_optimism_of_the_cheapest_of_many_equal_trials():
    """Every trial truly costs 1; the cheapest of 40 on 400 rows looks a quarter cheaper."""
    rng = np.random.default_rng(0)
    naive, found = [], []
    for seed in range(20):
        row_costs = np.where(rng.random((40, 400)) < 0.1, 10.0, 0.0)
        naive.append(row_costs.mean(axis=1).min())
        found.append(corrected(row_costs, cheapest, Draws(400, seed=seed)))

    assert np.mean(naive) < 0.75
    assert_allclose(np.mean(found), 1, atol=0.05)


def test_many_rows_dealt_into_parts_are_corrected_as_rows_drawn_one_by_one():
    """Ten trials that truly cost 1, on 30 000 rows: the cheapest of them looks 6 % cheaper."""
    rng = np.random.default_rng(0)
    naive, found = [], []
    for seed in range(4):
        row_costs = np.where(rng.random((10, 30_000)) < 0.01, 100.0, 0.0)
        naive.append(row_costs.mean(axis=1).min())
        found.append(corrected(row_costs, cheapest, Draws(30_000, seed=seed)))

    optimism = 1 - np.mean(naive)
    assert optimism > 0.06
    assert_allclose(np.mean(found), 1, atol=optimism / 2)


def test_a_trial_that_is_truly_cheaper_needs_no_correction():
    rng = np.random.default_rng(0)
    row_costs = np.where(rng.random((20, 600)) < 0.5, 10.0, 0.0)
    row_costs[7] = np.where(rng.random(600) < 0.1, 10, 0)

    found = corrected(row_costs, cheapest, Draws(600))

    assert_allclose(found, row_costs[7].mean(), rtol=0.01)


# The standard error


def error_of(values, draws):
    return standard_error(draws.totals(values), draws.part_weight)


def test_the_standard_error_of_rows_is_scipys():
    values = heavy_costs(700)

    assert_allclose(error_of(values, Draws(700)), stats.sem(values, ddof=0))


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_standard_error_is_robust_to_groups_and_weights(weighted, grouped):
    """Residuals summed up group by group, as for an intercept in a cluster-robust regression."""
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 40, 500)
    values = 5 * rng.random(40)[groups] + rng.choice([0.0, 1.0], 500)
    weight = rng.choice([0.0, 1.0, 2.5], 500) if weighted else np.ones(500)

    draws = Draws(500, weight=weight if weighted else None, units=groups if grouped else None)

    mean = np.average(values, weights=weight)
    meat = 0.0
    for group in range(40) if grouped else range(500):
        rows = groups == group if grouped else np.arange(500) == group
        meat += (weight[rows] * (values[rows] - mean)).sum() ** 2
    assert_allclose(error_of(values, draws), np.sqrt(meat) / weight.sum())


def test_the_standard_error_is_the_spread_of_the_bootstrap():
    cost = heavy_costs(900)
    draws = Draws(900, units=np.arange(900) // 2, weight=np.linspace(0.5, 2, 900))

    found = bootstrap_mean(cost, draws, "EUR")

    assert_allclose((found.high - found.low) / 2 / 1.96, error_of(cost, draws), rtol=0.1)


def test_many_rows_dealt_into_parts_keep_their_standard_error():
    values = heavy_costs(90_000)

    assert_allclose(error_of(values, Draws(90_000)), stats.sem(values, ddof=0), rtol=0.05)


def test_a_constant_moves_no_standard_error():
    values, draws = heavy_costs(300), Draws(300, weight=np.linspace(0, 2, 300))

    assert_allclose(error_of(values + 1e6, draws), error_of(values, draws), rtol=1e-6)
    assert_allclose(error_of(np.full(300, 3.0), draws), 0, atol=1e-14)


# The value


ESTIMATE = Estimate(1.23456, 1.0, 1.5, 0.95, "bootstrap", "EUR", 400)


def test_an_estimate_reads_as_value_unit_and_interval():
    assert str(ESTIMATE) == "1.235 EUR [1, 1.5]"


def test_an_estimate_survives_json():
    assert Estimate.from_dict(json.loads(json.dumps(ESTIMATE.to_dict()))) == ESTIMATE
    assert bootstrap_mean(heavy_costs(50), Draws(50), "EUR", point=np.float32(3)).to_dict()
    json.dumps(bootstrap_mean(heavy_costs(50), Draws(50), "EUR", point=np.float32(3)).to_dict())


def test_an_estimate_can_be_told_in_another_unit():
    found = ESTIMATE.scaled(100.0)

    assert_allclose((found.value, found.low, found.high), (123.456, 100.0, 150.0))
    assert (found.level, found.method, found.n) == (0.95, "bootstrap", 400)
