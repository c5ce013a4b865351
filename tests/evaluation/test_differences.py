import numpy as np
import pytest
from numpy.testing import assert_allclose

from costopt.evaluation.differences import difference_noise, simultaneous_reach
from costopt.evaluation.draws import Draws


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


def noise_of(row_costs, weight=None, units=None):
    """Of candidates given by what each row would have cost."""
    draws = Draws(row_costs.shape[1], weight=weight, units=units)
    return difference_noise(totals_of(row_costs, draws), draws.part_weight)


def totals_of(row_costs, draws):
    return np.stack([draws.totals(costs) for costs in row_costs])


def row_costs_of(n_trials, n_rows, seed=0):
    rng = np.random.default_rng(seed)
    return np.where(rng.random((n_trials, n_rows)) < 0.2, 10.0, 1.0)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_noise_is_the_standard_error_of_paired_differences(weighted):
    row_costs = row_costs_of(6, 300)
    weight = np.random.default_rng(1).uniform(0, 4, 300) if weighted else None

    noise = noise_of(row_costs, weight)

    assert_allclose(noise, noise_by_hand(row_costs, weight), rtol=1e-6, atol=1e-9)


def test_the_noise_is_scipys_paired_standard_error():
    from scipy.stats import sem

    row_costs = row_costs_of(2, 500)

    noise = noise_of(row_costs)

    assert_allclose(noise[0, 1], sem(row_costs[0] - row_costs[1], ddof=0))


def test_what_two_trials_share_is_no_noise():
    """A few expensive rows that every trial gets wrong: only where trials differ can they be told apart."""
    row_costs = row_costs_of(3, 2000)
    row_costs[:, :3] = 100_000

    noise = noise_of(row_costs)

    assert_allclose(noise, noise_by_hand(row_costs), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_of_one_unit_are_noisy_together(weighted):
    """As in a cluster-robust standard error: what a unit differs by is summed up before it is squared."""
    row_costs = np.repeat(row_costs_of(3, 60), 4, axis=1) + row_costs_of(3, 240, seed=1)
    units = np.repeat(np.arange(60), 4)
    weight = np.random.default_rng(1).choice([0.0, 1.0, 3.0], 240) if weighted else np.ones(240)

    noise = noise_of(row_costs, weight if weighted else None, units)

    for one in range(3):
        for other in range(3):
            difference = row_costs[one] - row_costs[other]
            residual = weight * (difference - np.average(difference, weights=weight))
            by_unit = residual.reshape(60, 4).sum(axis=1)
            expected = np.sqrt((by_unit**2).sum()) / weight.sum()
            assert_allclose(noise[one, other], expected, rtol=1e-6, atol=1e-9)


def test_many_rows_dealt_into_parts_keep_their_noise():
    row_costs = row_costs_of(4, 70_000)

    noise = noise_of(row_costs)

    assert_allclose(noise, noise_by_hand(row_costs), rtol=0.05, atol=1e-9)


def test_equal_trials_have_no_noise_between_them():
    row_costs = np.repeat(row_costs_of(1, 1000), 3, axis=0)

    assert_allclose(noise_of(row_costs), 0, atol=1e-8)


def test_rows_that_stand_for_nobody_count_for_nothing():
    row_costs = row_costs_of(3, 100)
    weight = np.where(np.arange(100) < 60, 2.0, 0.0)
    changed = row_costs.copy()
    changed[:, 60:] = row_costs[::-1, 60:] * 5

    first, second = (noise_of(costs, weight) for costs in (row_costs, changed))

    assert_allclose(first, second)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_noise_has_the_currency_of_the_costs_and_no_scale_of_weights(factor):
    row_costs = row_costs_of(5, 80)
    weight = np.random.default_rng(0).uniform(0.5, 2, 80)

    first, second = noise_of(row_costs, weight), noise_of(row_costs * factor, weight * factor)

    assert_allclose(second, first * factor, atol=1e-12 * factor)


# The best of several


def reach_of(row_costs, level=0.95, **drawn):
    draws = Draws(row_costs.shape[1], **drawn)
    return simultaneous_reach(totals_of(row_costs, draws), draws, level)


def test_two_candidates_are_told_apart_as_any_two_are():
    row_costs = np.random.default_rng(0).normal(size=(2, 800))

    assert_allclose(reach_of(row_costs), 1.96, atol=0.12)
    assert_allclose(reach_of(row_costs, level=0.8), 1.28, atol=0.12)


@pytest.mark.parametrize("n_candidates", [5, 20])
def test_many_equal_candidates_need_the_reach_of_the_farthest_from_the_lowest(n_candidates):
    """For independent normal means it is a quantile that a simulation of its own gives."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(100_000, n_candidates))
    expected = np.quantile(np.ptp(means, axis=1) / np.sqrt(2), 0.95)

    found = reach_of(rng.normal(size=(n_candidates, 1000)))

    assert_allclose(found, expected, rtol=0.04)


def test_what_candidates_have_in_common_does_not_matter():
    rng = np.random.default_rng(0)
    own, common = rng.normal(size=(8, 1000)), 100 * rng.normal(size=1000)

    assert_allclose(reach_of(own + common), reach_of(own), rtol=0.02)


def test_candidates_that_decide_alike_need_no_more_reach():
    rng = np.random.default_rng(0)
    own = rng.normal(size=(2, 1000))

    assert_allclose(reach_of(np.repeat(own, 6, axis=0)), reach_of(own), rtol=0.02)
    assert_allclose(reach_of(np.repeat(own[:1], 6, axis=0)), 1.96, atol=0.001)


def test_truly_different_candidates_need_no_less_than_equal_ones_of_their_number():
    """What is compared are means less their own: how far candidates lie apart changes nothing."""
    rng = np.random.default_rng(0)
    own = rng.normal(size=(8, 1000))

    assert_allclose(reach_of(own + np.arange(8)[:, None]), reach_of(own), rtol=1e-3)
