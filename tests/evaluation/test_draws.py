import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from costopt.evaluation.draws import Draws, replicates, selection_bias, standard_error


def heavy_costs(n, seed=0):
    """Mostly nothing, sometimes a review, seldom a loss."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < 0.05, rng.lognormal(4, 1, n), 10.0 * (rng.random(n) < 0.2))


def cheapest(means):
    return int(np.argmin(means[0]))


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

    draws = Draws(100)
    replicates(draws.totals(heavy_costs(100))[:, None], draws)

    assert_array_equal(state[1], np.random.get_state()[1])  # noqa: NPY002
    assert state[2] == np.random.get_state()[2]  # noqa: NPY002


@pytest.mark.parametrize("grouped", [False, True])
def test_a_declared_prevalence_leaves_nothing_of_the_classes_shares_to_chance(grouped):
    """Never acting costs each positive 10 and each negative nothing: its mean is then certain."""
    rng = np.random.default_rng(0)
    y = rng.random(500) < 0.3
    weight = np.where(y, 0.02 / y.mean(), 0.98 / (1 - y.mean()))
    units = rng.integers(0, 60, 500) if grouped else None
    never = np.where(y, 10.0, 0.0)

    draws = Draws(500, weight=weight, units=units, classes=y)

    assert_allclose(draws.totals(never).sum(), 10 * 0.02)
    assert_allclose(replicates(draws.totals(never)[:, None], draws), 10 * 0.02)
    assert standard_error(draws.totals(never), draws.part_weight) < 1e-12
    free = Draws(500, weight=weight, units=units)
    assert standard_error(free.totals(never), free.part_weight) > 0.005


def test_within_a_class_a_declared_prevalence_leaves_chance_what_it_was():
    """The error of a stratified mean, by its textbook formula."""
    rng = np.random.default_rng(0)
    y = rng.random(4000) < 0.2
    cost = np.where(y, rng.exponential(50, 4000), rng.exponential(2, 4000))
    weight = np.where(y, 0.01 / y.mean(), 0.99 / (1 - y.mean()))

    draws = Draws(4000, weight=weight, classes=y)

    found = standard_error(draws.totals(cost), draws.part_weight)
    expected = np.hypot(0.01 * stats.sem(cost[y], ddof=0), 0.99 * stats.sem(cost[~y], ddof=0))
    assert_allclose(found, expected)
    assert_allclose(replicates(draws.totals(cost)[:, None], draws).std(), expected, rtol=0.1)


# What a selection hides


def totals_of(row_costs, draws):
    return np.stack([draws.totals(costs) for costs in row_costs])


def bias_of(row_costs, select, draws, criterion=None):
    """Of candidates that are chosen by one number per row and pay another."""
    totals = totals_of(row_costs, draws)
    by = totals if criterion is None else totals_of(criterion, draws)
    return selection_bias(by[None], select, lambda chosen: totals[chosen], draws)


def bias_by_hand(row_costs, select, draws, criterion=None):
    """Bootstrap bias-corrected cross-validation, paired, one draw and one row at a time."""
    criterion = row_costs if criterion is None else criterion
    weight = np.ones(draws.n_rows) if draws.weight is None else draws.weight

    def mean(values, rows):
        return sum(float(values[row]) * w for row, w in rows) / sum(w for _, w in rows)

    everybody = [(row, weight[row]) for row in range(draws.n_rows)]
    usual = select(np.array([[mean(by, everybody) for by in criterion]]))
    found = []
    for times in draws.counts[:, draws.part]:
        inside = [(row, count * weight[row]) for row, count in enumerate(times) if count]
        outside = [(row, weight[row]) for row, count in enumerate(times) if not count]
        chosen = select(np.array([[mean(by, inside) for by in criterion]]))
        if outside:
            found.append(mean(row_costs[chosen], outside) - mean(row_costs[usual], outside))
        elif chosen == usual:
            found.append(0.0)
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
    """Whether candidates are chosen by what they cost or by something else, such as their log loss."""
    rng = np.random.default_rng(0)
    row_costs = rng.lognormal(1, 1, (4, 12))
    criterion = None if by_cost else rng.lognormal(0, 0.5, (4, 12))
    draws = Draws(12, weight=weight, units=units, seed=3)

    found = bias_of(row_costs, cheapest, draws, criterion)

    assert_allclose(found, bias_by_hand(row_costs, cheapest, draws, criterion), rtol=1e-5)
    if not by_cost:
        assert found != pytest.approx(bias_of(row_costs, cheapest, draws))


def test_a_choice_may_be_of_several_candidates():
    """It names two, whose decisions together cost what neither does."""
    rng = np.random.default_rng(0)
    criterion = rng.lognormal(0, 0.5, (4, 12))
    pairs = {(a, b): rng.lognormal(1, 1, 12) for a in range(4) for b in range(4)}
    draws = Draws(12, seed=3)

    def best_two(means):
        return tuple(int(trial) for trial in np.argsort(means[0])[:2])

    found = selection_bias(
        totals_of(criterion, draws)[None], best_two, lambda pair: draws.totals(pairs[pair]), draws
    )

    assert_allclose(found, bias_by_hand(pairs, best_two, draws, criterion), rtol=1e-5)


def test_the_choice_may_look_at_two_criteria():
    """The lowest of the second among those whose first is within 0.3 of the lowest."""
    rng = np.random.default_rng(0)
    cost, loss = rng.lognormal(1, 0.2, (5, 40)), rng.lognormal(0, 0.5, (5, 40))
    draws = Draws(40, seed=3)

    def select(means):
        near = means[0] <= means[0].min() + 0.3
        return int(np.argmin(np.where(near, means[1], np.inf)))

    totals, losses = totals_of(cost, draws), totals_of(loss, draws)
    found = selection_bias(np.stack((totals, losses)), select, lambda at: totals[at], draws)

    usual = select(np.stack((cost.mean(axis=1), loss.mean(axis=1))))
    differences = []
    for times in draws.counts.astype(float):
        chosen = select(np.stack((cost @ times, loss @ times)) / 40)
        out = times == 0
        differences.append((cost[chosen] - cost[usual])[out].mean())
    assert_allclose(found, np.mean(differences), rtol=1e-5)
    assert found != 0


def test_what_all_candidates_share_decides_nothing():
    """A few rows that all get wrong, a million times more expensive than what tells them apart."""
    rng = np.random.default_rng(0)
    row_costs, criterion = rng.lognormal(1, 1, (4, 30)), rng.lognormal(0, 0.5, (4, 30))
    shared = np.where(np.arange(30) < 3, 1e7, 0.0)

    plain = bias_of(row_costs, cheapest, Draws(30), criterion)
    found = bias_of(row_costs, cheapest, Draws(30), criterion + shared)

    assert plain != 0
    assert_allclose(found, plain)


@pytest.mark.parametrize("weighted", [False, True])
def test_of_one_candidate_nothing_was_chosen(weighted):
    cost = heavy_costs(1500)
    weight = np.random.default_rng(1).uniform(0.5, 2, 1500) if weighted else None

    assert bias_of(cost[None, :], cheapest, Draws(1500, weight=weight)) == 0.0


def test_where_every_draw_chooses_the_same_nothing_is_corrected():
    rng = np.random.default_rng(0)
    row_costs = np.where(rng.random((20, 600)) < 0.5, 10.0, 0.0)
    row_costs[7] = np.where(rng.random(600) < 0.1, 10, 0)

    assert bias_of(row_costs, cheapest, Draws(600)) == 0.0


def test_it_undoes_the_optimism_of_the_cheapest_of_many_equal_candidates():
    """Each truly costs 1; the cheapest of 40 on 400 rows looks a quarter cheaper."""
    rng = np.random.default_rng(0)
    naive, found = [], []
    for seed in range(20):
        row_costs = np.where(rng.random((40, 400)) < 0.1, 10.0, 0.0)
        naive.append(row_costs.mean(axis=1).min())
        found.append(naive[-1] + bias_of(row_costs, cheapest, Draws(400, seed=seed)))

    assert np.mean(naive) < 0.75
    assert_allclose(np.mean(found), 1, atol=0.05)


def test_many_rows_dealt_into_parts_are_corrected_as_rows_drawn_one_by_one():
    """Ten that truly cost 1, on 30 000 rows: the cheapest of them looks 6 % cheaper."""
    rng = np.random.default_rng(0)
    naive, found = [], []
    for seed in range(4):
        row_costs = np.where(rng.random((10, 30_000)) < 0.01, 100.0, 0.0)
        naive.append(row_costs.mean(axis=1).min())
        found.append(naive[-1] + bias_of(row_costs, cheapest, Draws(30_000, seed=seed)))

    optimism = 1 - np.mean(naive)
    assert optimism > 0.06
    assert_allclose(np.mean(found), 1, atol=optimism / 2)


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

    drawn = replicates(draws.totals(cost)[:, None], draws)

    assert_allclose(drawn.std(), error_of(cost, draws), rtol=0.1)


def test_many_rows_dealt_into_parts_keep_their_standard_error():
    values = heavy_costs(90_000)

    assert_allclose(error_of(values, Draws(90_000)), stats.sem(values, ddof=0), rtol=0.05)


def test_a_constant_moves_no_standard_error():
    values, draws = heavy_costs(300), Draws(300, weight=np.linspace(0, 2, 300))

    assert_allclose(error_of(values + 1e6, draws), error_of(values, draws), rtol=1e-6)
    assert_allclose(error_of(np.full(300, 3.0), draws), 0, atol=1e-14)
