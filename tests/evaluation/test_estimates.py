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
    estimate_savings,
)
from costopt.evaluation.selection import Selection


def heavy_costs(n, seed=0):
    """Mostly nothing, sometimes a review, seldom a loss."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < 0.05, rng.lognormal(4, 1, n), 10.0 * (rng.random(n) < 0.2))


def by_scipy(statistic, *samples):
    """Percentile interval of a statistic of rows that are drawn together."""
    found = stats.bootstrap(
        samples,
        statistic,
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=4000,
        batch=500,
        rng=np.random.default_rng(7),
    )
    return found.confidence_interval


def cheapest(means):
    return int(np.argmin(means))


# Drawing


@pytest.mark.parametrize(
    ("n_rows", "n_draws"),
    [(1, 1000), (20_000, 1000), (40_000, 500), (100_000, 200), (10_000_000, 200)],
)
def test_more_rows_are_drawn_fewer_times(n_rows, n_draws):
    assert Draws(n_rows).n_draws == n_draws


def test_every_draw_is_of_as_many_rows_as_there_are():
    drawn = np.concatenate(list(Draws(50, seed=3).blocks()))

    assert drawn.shape == (1000, 50)
    assert_array_equal(drawn.sum(axis=1), 50)
    assert_array_equal(drawn, np.round(drawn))
    # each row is left out of a draw with probability (1 - 1/50)^50
    assert_allclose((drawn == 0).mean(), (1 - 1 / 50) ** 50, atol=0.01)
    assert_allclose(drawn.mean(axis=0), 1, atol=0.15)


def test_rows_of_one_unit_are_drawn_together():
    units = np.array([7, 3, 7, 9, 3, 7])

    drawn = np.concatenate(list(Draws(6, units=units).blocks()))

    assert_array_equal(drawn[:, 0], drawn[:, 2])
    assert_array_equal(drawn[:, 0], drawn[:, 5])
    assert_array_equal(drawn[:, 1], drawn[:, 4])
    assert_array_equal(drawn[:, 0] + drawn[:, 1] + drawn[:, 3], 3)


def test_draws_come_in_blocks_that_fit_memory_and_are_the_same_every_time():
    hundreds = np.arange(40_000) // 400
    draws = Draws(40_000, units=hundreds, seed=5)

    first, second = list(draws.blocks()), list(draws.blocks())

    assert len(first) > 1
    assert sum(block.shape[0] for block in first) == draws.n_draws
    assert max(block.size for block in first) <= 16_000_000
    for one, other in zip(first, second, strict=True):
        assert_array_equal(one, other)
    other = next(Draws(40_000, units=hundreds, seed=6).blocks())
    assert not np.array_equal(first[0], other)


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


def test_costs_that_do_not_vary_have_no_interval():
    for constant in (0.0, 0.1, -3.0):
        found = bootstrap_mean(np.full(500, constant), Draws(500), "EUR")

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


# Savings


@pytest.mark.parametrize("weighted", [False, True])
def test_savings_are_bootstrapped_with_their_base(weighted):
    rng = np.random.default_rng(2)
    y = rng.random(400) < 0.1
    never, always = np.where(y, rng.lognormal(4, 0.5, 400), 0.0), np.full(400, 5.0)
    cost = np.where(rng.random(400) < 0.15, always, never * (rng.random(400) < 0.3))
    weight = rng.uniform(0.2, 4, 400) if weighted else np.ones(400)

    found = estimate_savings(cost, never, always, Draws(400, weight=weight if weighted else None))

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
    plain = estimate_savings(cost, never, always, Draws(100))

    found = estimate_savings(cost * factor, never * factor, always * factor, Draws(100))

    assert_allclose(
        [found.value, found.low, found.high], [plain.value, plain.low, plain.high], rtol=1e-5
    )


def test_savings_follow_a_corrected_cost():
    cost, never, always = heavy_costs(300, 1), heavy_costs(300, 2), np.full(300, 9.0)
    plain = estimate_savings(cost, never, always, Draws(300))

    found = estimate_savings(cost, never, always, Draws(300), point=cost.mean() * 1.1)

    base = min(never.mean(), always.mean())
    assert_allclose(found.value, 1 - 1.1 * cost.mean() / base)
    assert_allclose(found.high - found.low, plain.high - plain.low)
    assert_allclose(found.value - found.low, plain.value - plain.low)
    assert found.method == "bias-corrected, bootstrap"


@pytest.mark.parametrize("never", [0.0, -2.0])
def test_nothing_is_saved_where_not_acting_costs_nothing_or_earns(never):
    found = estimate_savings(np.ones(50), np.full(50, never), np.full(50, 3.0), Draws(50))

    assert math.isnan(found.value)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


# The correction for having chosen


def corrected_by_hand(row_costs, select, draws):
    """Bootstrap bias-corrected cross-validation, one draw and one row at a time."""
    weight = np.ones(draws.n_rows) if draws.weight is None else draws.weight
    found = []
    for times in np.concatenate(list(draws.blocks())):
        inside = [(row, count * weight[row]) for row, count in enumerate(times) if count]
        outside = [(row, weight[row]) for row, count in enumerate(times) if not count]
        if not outside:
            continue
        means = [
            sum(float(costs[row]) * w for row, w in inside) / sum(w for _, w in inside)
            for costs in row_costs
        ]
        shipped = row_costs[select(np.array(means))]
        found.append(
            sum(float(shipped[row]) * w for row, w in outside) / sum(w for _, w in outside)
        )
    return np.mean(found)


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
def test_it_is_what_a_slow_loop_over_draws_and_rows_gives(weight, units):
    row_costs = np.random.default_rng(0).lognormal(1, 1, (4, 12)).astype(np.float32)
    draws = Draws(12, weight=weight, units=units, seed=3)

    found = corrected_cost(row_costs, cheapest, draws)

    assert_allclose(found, corrected_by_hand(row_costs, cheapest, draws), rtol=1e-5)


def test_it_uses_the_selection_of_the_search():
    row_costs = np.random.default_rng(0).lognormal(1, 1, (4, 12)).astype(np.float32)
    select = Selection.of(row_costs, np.array([3.0, 0.0, 1.0, 2.0]))

    found = corrected_cost(row_costs, select, Draws(12))

    assert_allclose(found, corrected_by_hand(row_costs, select, Draws(12)), rtol=1e-5)
    assert found != pytest.approx(corrected_cost(row_costs, cheapest, Draws(12)))


@pytest.mark.parametrize("weighted", [False, True])
def test_one_trial_has_nothing_to_correct(weighted):
    cost = heavy_costs(1500)
    weight = np.random.default_rng(1).uniform(0.5, 2, 1500) if weighted else None

    found = corrected_cost(cost[None, :].astype(np.float32), cheapest, Draws(1500, weight=weight))

    assert_allclose(found, np.average(cost, weights=weight), rtol=0.01)


def test_it_undoes_the_optimism_of_the_cheapest_of_many_equal_trials():
    """Every trial truly costs 1; the cheapest of 40 on 400 rows looks a quarter cheaper."""
    rng = np.random.default_rng(0)
    naive, corrected = [], []
    for seed in range(20):
        row_costs = np.where(rng.random((40, 400)) < 0.1, 10, 0).astype(np.float32)
        naive.append(row_costs.mean(axis=1).min())
        corrected.append(corrected_cost(row_costs, cheapest, Draws(400, seed=seed)))

    assert np.mean(naive) < 0.75
    assert_allclose(np.mean(corrected), 1, atol=0.05)


def test_a_trial_that_is_truly_cheaper_needs_no_correction():
    rng = np.random.default_rng(0)
    row_costs = np.where(rng.random((20, 600)) < 0.5, 10, 0).astype(np.float32)
    row_costs[7] = np.where(rng.random(600) < 0.1, 10, 0)

    found = corrected_cost(row_costs, cheapest, Draws(600))

    assert_allclose(found, row_costs[7].mean(), rtol=0.01)


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
