import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from costopt.evaluation.draws import Draws
from costopt.evaluation.selection import Selection

QUICK = settings(max_examples=40, deadline=None, derandomize=True)


def noise_by_hand(row_costs, weight=None):
    """Standard error of every pair's mean difference, pair by pair, row by row."""
    n_trials, n_rows = row_costs.shape
    share = np.full(n_rows, 1 / n_rows) if weight is None else weight / weight.sum()
    noise = np.zeros((n_trials, n_trials))
    for one in range(n_trials):
        for other in range(n_trials):
            difference = row_costs[one] - row_costs[other]
            mean = share @ difference
            noise[one, other] = np.sqrt((share**2 * (difference - mean) ** 2).sum())
    return noise


def selection_of(row_costs, preference, weight=None, units=None):
    """Of trials given by what each row would have cost."""
    draws = Draws(row_costs.shape[1], weight=weight, units=units)
    totals = np.stack([draws.totals(costs) for costs in row_costs])
    return Selection.of(totals, preference, draws.part_weight)


def row_costs_of(n_trials, n_rows, seed=0):
    rng = np.random.default_rng(seed)
    return np.where(rng.random((n_trials, n_rows)) < 0.2, 10.0, 1.0)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_noise_is_the_standard_error_of_paired_differences(weighted):
    row_costs = row_costs_of(6, 300)
    weight = np.random.default_rng(1).uniform(0, 4, 300) if weighted else None

    noise = selection_of(row_costs, np.zeros(6), weight).noise

    assert_allclose(noise, noise_by_hand(row_costs, weight), rtol=1e-6, atol=1e-9)


def test_the_noise_is_scipys_paired_standard_error():
    from scipy.stats import sem

    row_costs = row_costs_of(2, 500)

    noise = selection_of(row_costs, np.zeros(2)).noise

    assert_allclose(noise[0, 1], sem(row_costs[0] - row_costs[1], ddof=0))


def test_what_two_trials_share_is_no_noise():
    """A few dear rows that every trial gets wrong: only where trials differ can they be told apart."""
    row_costs = row_costs_of(3, 2000)
    row_costs[:, :3] = 100_000

    noise = selection_of(row_costs, np.zeros(3)).noise

    assert_allclose(noise, noise_by_hand(row_costs), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_of_one_unit_are_noisy_together(weighted):
    """As in a cluster-robust standard error: what a unit differs by is summed up before it is squared."""
    row_costs = np.repeat(row_costs_of(3, 60), 4, axis=1) + row_costs_of(3, 240, seed=1)
    units = np.repeat(np.arange(60), 4)
    weight = np.random.default_rng(1).choice([0.0, 1.0, 3.0], 240) if weighted else np.ones(240)

    noise = selection_of(row_costs, np.zeros(3), weight if weighted else None, units).noise

    for one in range(3):
        for other in range(3):
            difference = row_costs[one] - row_costs[other]
            residual = weight * (difference - np.average(difference, weights=weight))
            by_unit = residual.reshape(60, 4).sum(axis=1)
            expected = np.sqrt((by_unit**2).sum()) / weight.sum()
            assert_allclose(noise[one, other], expected, rtol=1e-6, atol=1e-9)


def test_many_rows_dealt_into_parts_keep_their_noise():
    row_costs = row_costs_of(4, 70_000)

    noise = selection_of(row_costs, np.zeros(4)).noise

    assert_allclose(noise, noise_by_hand(row_costs), rtol=0.05, atol=1e-9)


def test_equal_trials_have_no_noise_between_them():
    row_costs = np.repeat(row_costs_of(1, 1000), 3, axis=0)

    assert_allclose(selection_of(row_costs, np.zeros(3)).noise, 0, atol=1e-8)


def test_the_default_is_kept_where_noise_cannot_tell_it_from_the_cheapest():
    row_costs = row_costs_of(5, 400)  # all of one kind: what is cheapest is luck
    means = row_costs.mean(axis=1)
    default = int(np.argsort(means)[1])
    preference = np.where(np.arange(5) == default, 0.0, 1.0)

    assert means[default] > means.min()
    assert selection_of(row_costs, preference)(means) == default


def test_a_trial_that_is_clearly_cheaper_is_taken_over_the_default():
    row_costs = row_costs_of(5, 400)
    row_costs[3] = 1.0
    means = row_costs.mean(axis=1)

    assert selection_of(row_costs, np.array([0.0, 1, 2, 9, 3]))(means) == 3


@QUICK
@given(st.integers(1, 6), st.integers(0, 20), st.booleans())
def test_the_preferred_of_those_within_one_standard_error_of_the_cheapest_ships(
    n_trials, seed, weighted
):
    rng = np.random.default_rng(seed)
    row_costs = row_costs_of(n_trials, 60, seed) + rng.choice([0, 0.7], (n_trials, 1))
    weight = rng.uniform(0.1, 3, 60) if weighted else np.ones(60)
    preference = rng.permutation(n_trials).astype(float)
    means = row_costs @ (weight / weight.sum())

    shipped = selection_of(row_costs, preference, weight if weighted else None)(means)

    best = int(np.argmin(means))
    noise = noise_by_hand(row_costs, weight)[best]
    # rows are few, and no pair lies closer to the border than rounding
    assert np.all(np.abs(means - means[best] - noise)[np.arange(n_trials) != best] > 1e-5)
    within = [t for t in range(n_trials) if means[t] - means[best] <= noise[t]]
    assert shipped == min(within, key=lambda trial: preference[trial])


def test_equal_preference_goes_to_the_first():
    row_costs = np.repeat(row_costs_of(1, 50), 3, axis=0)
    means = row_costs.mean(axis=1)

    assert selection_of(row_costs, np.zeros(3))(means) == 0


def test_a_single_trial_ships():
    assert selection_of(row_costs_of(1, 10), np.zeros(1))(np.array([3.0])) == 0


def test_rows_that_stand_for_nobody_count_for_nothing():
    row_costs = row_costs_of(3, 100)
    weight = np.where(np.arange(100) < 60, 2.0, 0.0)
    changed = row_costs.copy()
    changed[:, 60:] = row_costs[::-1, 60:] * 5

    first, second = (selection_of(costs, np.zeros(3), weight) for costs in (row_costs, changed))

    assert_allclose(first.noise, second.noise)


def test_only_differences_of_means_count():
    """A bootstrap knows the means up to a constant that all trials share."""
    for seed in range(10):
        row_costs = row_costs_of(5, 80, seed)
        select = selection_of(row_costs, np.random.default_rng(seed).permutation(5))
        means = row_costs.mean(axis=1)

        assert select(means) == select(means - means.mean()) == select(means + 1000)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_neither_the_currency_nor_the_scale_of_weights_changes_what_ships(factor):
    for seed in range(10):
        row_costs = row_costs_of(5, 80, seed)
        weight = np.random.default_rng(seed).uniform(0.5, 2, 80)
        preference = np.random.default_rng(seed).permutation(5)
        means = row_costs @ (weight / weight.sum())

        first = selection_of(row_costs, preference, weight)(means)
        second = selection_of(row_costs * factor, preference, weight * factor)(means * factor)

        assert first == second
