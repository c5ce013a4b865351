import numpy as np
import pytest
from numpy.testing import assert_allclose

from costopt.evaluation.effective import (
    design_effect,
    effective_number,
    effective_positives,
)


def labels(n=400, rate=0.3, seed=0):
    return np.random.default_rng(seed).random(n) < rate


def test_without_weights_and_units_positives_are_counted():
    y = labels()

    assert effective_positives(y) == y.sum()
    assert effective_positives(y, np.full(y.size, 0.01)) == pytest.approx(y.sum())
    assert effective_positives(np.zeros(5, dtype=bool)) == 0


def test_weights_count_as_kish_says():
    """The variance of a weighted mean of equally noisy values is that of so many equal ones."""
    y = labels()
    weight = np.random.default_rng(1).lognormal(0, 1, y.size)
    share = weight[y] / weight[y].sum()

    assert_allclose(effective_positives(y, weight), 1 / np.sum(share**2))


def test_rows_that_stand_for_nobody_count_for_nothing():
    y = labels()
    units = np.arange(y.size) // 4
    weight = np.where(np.arange(y.size) % 3 == 0, 0.0, 1.5)
    kept = weight > 0

    found = effective_positives(y, weight, units)

    assert_allclose(found, effective_positives(y[kept], weight[kept], units[kept]))


@pytest.mark.parametrize("copies", [2, 10])
def test_copies_in_one_unit_are_one_case(copies):
    y = labels()
    units = np.repeat(np.arange(y.size), copies)

    found = effective_positives(np.repeat(y, copies), units=units)

    assert_allclose(found, y.sum(), rtol=1.01 / y.size)


def test_units_of_unlike_rows_cost_nothing():
    """On average: where rows of one unit are independent the design effect is 1, and never less."""
    found = [effective_positives(y := labels(4000, seed=s), units=np.arange(4000) // 4) / y.sum()
             for s in range(30)]  # fmt: skip

    assert max(found) == 1
    assert np.mean(found) > 0.97


def test_the_design_effect_is_the_ratio_of_variances():
    """Counted over many populations drawn anew: groups that share most of their labels' chance."""
    size, n_groups = 8, 500
    units = np.repeat(np.arange(n_groups), size)
    rates, worth, positives = [], [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        y = rng.random(units.size) < np.repeat(rng.beta(0.5, 2, n_groups), size)
        rates.append(y.mean())
        worth.append(effective_positives(y, units=units))
        positives.append(y.sum())

    alone = np.mean(rates) * (1 - np.mean(rates)) / units.size
    assert_allclose(np.mean(positives) / np.mean(worth), np.var(rates) / alone, rtol=0.2)


def test_one_unit_is_worth_one_positive_at_most():
    assert effective_positives(labels(), units=np.zeros(400, dtype=int)) == 1


def test_equal_values_count_as_many_as_there_are():
    assert_allclose(effective_number(np.full(17, -3.0)), 17)
    assert effective_number(np.zeros(5)) == 0
    assert_allclose(effective_number(np.ones(30), np.arange(30) // 10), 3)
    assert_allclose(effective_number(1e200 * np.array([1.0, 2.0])), 9 / 5)


def test_the_design_effect_is_the_variance_of_a_cluster_robust_mean_over_that_of_rows():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 50, 2000)
    values = rng.normal(size=50)[groups] + rng.normal(size=2000)
    residual = values - values.mean()

    found = design_effect(residual, groups)

    robust = sum(residual[groups == group].sum() ** 2 for group in range(50)) * 50 / 49
    assert_allclose(found, robust / (residual**2).sum())
    assert found > 10
    assert design_effect(residual, np.arange(2000)) == pytest.approx(1, abs=1e-3)
    assert design_effect(np.zeros(10), np.arange(10)) == 1.0
