import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from costopt import CaseCosts, CostMatrix, CostSpecError, DataError
from costopt.rebalancing import random_over, random_under
from costopt.rebalancing.definition import TrainingRows
from costopt.rebalancing.methods import method
from costopt.rebalancing.names import BY_DEFAULT
from costopt.rebalancing.rejection import rejection

QUICK = settings(max_examples=40, deadline=None, derandomize=True)

ratios = st.sampled_from([0.01, 0.1, 1 / 3, 0.5, 1.0, 2.5])


@st.composite
def labels(draw):
    y = np.repeat([False, True], [draw(st.integers(1, 30)), draw(st.integers(1, 12))])
    return y[np.random.default_rng(draw(st.integers(0, 3))).permutation(y.size)]


def times_of(sample, y):
    """How often each row counts, from weights of mean 1: negatives count once."""
    return sample.sample_weight / sample.sample_weight[~y][0]


@QUICK
@given(labels(), ratios, st.integers(0, 3))
def test_over_sampling_repeats_positives_whole_until_the_ratio_is_reached(y, ratio, seed):
    sample = random_over(y, ratio, np.random.default_rng(seed))

    positives, negatives = y.sum(), (~y).sum()
    times = times_of(sample, y)
    wanted = max(round(ratio * negatives), positives)
    assert_allclose(times, np.round(times))
    assert_allclose(times[~y], 1)
    assert_allclose(times[y].sum(), wanted)
    assert times[y].max() - times[y].min() < 1.5  # as evenly as whole numbers allow
    assert times[y].min() > 0.5
    assert sample.rows is None
    assert_allclose(sample.sample_weight.mean(), 1)
    assert_allclose(sample.sampling_ratio, wanted / negatives)
    assert_allclose(sample.odds_multiplier, sample.sampling_ratio / (positives / negatives))


@QUICK
@given(labels(), ratios, st.integers(0, 3))
def test_under_sampling_keeps_every_positive_and_enough_negatives(y, ratio, seed):
    sample = random_under(y, ratio, np.random.default_rng(seed))

    positives, negatives = y.sum(), (~y).sum()
    kept = np.zeros(y.size, dtype=bool)
    kept[sample.rows] = True
    wanted = min(max(round(positives / ratio), 1), negatives)
    assert np.all(np.diff(sample.rows) > 0)
    assert np.all(kept[y])
    assert np.count_nonzero(kept & ~y) == wanted
    assert_array_equal(sample.sample_weight, np.ones(sample.rows.size))
    assert_allclose(sample.sampling_ratio, positives / wanted)
    assert_allclose(sample.odds_multiplier, sample.sampling_ratio / (positives / negatives))


@QUICK
@given(labels(), ratios)
def test_class_weights_reach_the_ratio_exactly(y, ratio):
    sample = method("weight").reweight(TrainingRows(y), ratio, np.random.default_rng(0))

    before = y.sum() / (~y).sum()
    assert_allclose(sample.sampling_ratio, max(ratio, before))
    assert_allclose(sample.odds_multiplier, max(ratio / before, 1))
    assert_allclose(times_of(sample, y)[y], sample.odds_multiplier)
    assert_allclose(sample.sample_weight.mean(), 1)


@pytest.mark.parametrize("resampling", BY_DEFAULT)
def test_a_ratio_below_the_present_one_changes_nothing(resampling):
    """3 positives for 4 negatives: a fold's floor for every ratio that a search proposes."""
    y = np.array([1, 0, 1, 0, 0, 1, 0], dtype=bool)

    sample = method(resampling).reweight(TrainingRows(y), 0.5, np.random.default_rng(0))

    assert sample.odds_multiplier == 1
    assert sample.sampling_ratio == 0.75
    assert_array_equal(sample.sample_weight, np.ones(7))


def test_none_weighs_every_row_alike():
    sample = method("none").reweight(
        TrainingRows(np.array([True, False, False])), 1.0, np.random.default_rng(0)
    )

    assert_array_equal(sample.sample_weight, np.ones(3))
    assert sample.odds_multiplier == 1
    assert sample.sampling_ratio == 0.5
    assert sample.rows is None


def test_without_a_ratio_the_classes_are_balanced():
    y = np.repeat([False, True], [12, 3])

    for resampling in ("weight", "random_over", "random_under"):
        sample = method(resampling).reweight(TrainingRows(y), None, np.random.default_rng(0))

        assert sample.sampling_ratio == 1
        assert sample.odds_multiplier == 4


@pytest.mark.parametrize("resampling", BY_DEFAULT)
def test_the_generator_is_the_only_randomness(resampling):
    y = np.random.default_rng(5).random(60) < 0.2
    state = np.random.get_state()  # noqa: NPY002  # the global one is what must not move

    first, second, other = (
        method(resampling).reweight(TrainingRows(y), 0.5, np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )

    assert_array_equal(first.sample_weight, second.sample_weight)
    if first.rows is not None:
        assert_array_equal(first.rows, second.rows)
        assert not np.array_equal(first.rows, other.rows)
    if resampling == "random_over":
        assert not np.array_equal(first.sample_weight, other.sample_weight)
    assert_array_equal(state[1], np.random.get_state()[1])  # noqa: NPY002
    assert state[2] == np.random.get_state()[2]  # noqa: NPY002


def test_every_row_of_a_class_is_as_likely_as_another():
    y = np.repeat([False, True], [8, 4])
    kept, times = np.zeros(12), np.zeros(12)
    rng = np.random.default_rng(0)

    for _ in range(2000):
        kept[random_under(y, 1.0, rng).rows] += 1
        times += times_of(random_over(y, 0.75, rng), y)

    assert_allclose(kept[~y] / 2000, 0.5, atol=0.05)
    assert_allclose(times[y] / 2000, 1.5, atol=0.05)


def test_costs_are_carried_along_by_the_rows_that_are_kept():
    amount = np.arange(10.0)
    y = amount >= 7
    costs = CaseCosts(fp=1.0, fn=amount)

    rows = random_under(y, 1.0, np.random.default_rng(3)).rows
    taken = costs.take(rows)

    assert_array_equal(taken.fn, amount[rows])
    assert_array_equal(taken.fn[y[rows]], [7.0, 8.0, 9.0])
    assert taken.fp == 1


def test_population_weights_multiply_and_the_ledger_counts_them():
    y = np.repeat([False, True], [6, 2])
    population = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 10.0, 20.0])

    over, weighed = (
        method(resampling).reweight(TrainingRows(y, population), 1.0, np.random.default_rng(0))
        for resampling in ("random_over", "weight")
    )
    under = method("random_under").reweight(
        TrainingRows(y, population), 1.0, np.random.default_rng(0)
    )

    expected = population * np.where(y, 3.0, 1.0)
    for sample in (over, weighed):
        assert_allclose(sample.sample_weight, expected / expected.mean())
    assert_allclose(under.sample_weight, population[under.rows] / population[under.rows].mean())
    assert_allclose([over.odds_multiplier, weighed.odds_multiplier], 3)
    # negatives stood for 21 cases; those that are left stand for fewer
    left = population[under.rows[:2]].sum()
    assert_allclose(under.odds_multiplier, 21 / left)
    for sample in (over, weighed, under):
        assert sample.sampling_ratio == 1


@pytest.mark.parametrize("sampler", [random_over, random_under])
@pytest.mark.parametrize("ratio", [0.0, -1.0, np.nan, np.inf])
def test_a_ratio_must_be_above_zero(sampler, ratio):
    with pytest.raises(
        DataError, match=f"sampling_ratio, the positives per negative, must be above 0, got {ratio}"
    ):
        sampler([0, 1], ratio, np.random.default_rng(0))


@pytest.mark.parametrize("sampler", [random_over, random_under])
def test_sampling_needs_both_classes(sampler):
    rng = np.random.default_rng(0)

    with pytest.raises(DataError, match="both classes, got 2 positives and 0 negatives"):
        sampler([1, 1], 1.0, rng)
    with pytest.raises(DataError, match="both classes, got 0 positives and 3 negatives"):
        sampler([0, 0, 0], 1.0, rng)
    with pytest.raises(DataError, match="y must hold 0 and 1, got .*'a'.* in row 0"):
        sampler(["a", "b"], 1.0, rng)


def test_population_weights_of_other_rows_are_refused():
    for sampler in (random_over, random_under):
        with pytest.raises(DataError, match="one value for each of the 3 cases"):
            sampler([0, 0, 1], 1.0, np.random.default_rng(0), population=[1.0, 2.0])


def test_a_method_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(
        DataError, match=r"no resampling named 'random_ovr': did you mean 'random_over'\?"
    ):
        method("random_ovr").reweight(
            TrainingRows(np.array([True, False])), 1.0, np.random.default_rng(0)
        )


# Cost-proportionate rejection

SKEWED = np.arange(4000) % 20 == 0


def kept_by(sample, n=4000):
    kept = np.zeros(n, dtype=bool)
    kept[sample.rows] = True
    return kept


@pytest.mark.parametrize(("fp", "fn"), [(1, 5), (10, 1), (2, 2), (1e-9, 1e-8), (1e9, 4e9)])
def test_with_constant_costs_the_dearer_class_stays_and_of_the_other_its_share(fp, fn):
    sample = rejection(SKEWED, CostMatrix(fp=fp, fn=fn), np.random.default_rng(0))

    kept, dear = kept_by(sample), SKEWED if fn >= fp else ~SKEWED
    chance = min(fp, fn) / max(fp, fn)
    assert kept[dear].all()
    noise = np.sqrt(chance * (1 - chance) / (~dear).sum())
    assert abs(kept[~dear].mean() - chance) <= 4 * noise
    assert sample.odds_multiplier == pytest.approx(fn / fp)
    assert sample.sampling_ratio == kept[SKEWED].sum() / kept[~SKEWED].sum()
    assert_array_equal(sample.sample_weight, 1)
    assert_array_equal(sample.rows, np.sort(sample.rows))


def test_with_costs_per_case_each_row_stays_in_proportion_to_what_it_costs():
    """Counted over many draws; rows above the 99th percentile of the dearer class are certain."""
    y = SKEWED[:400]
    amount = np.random.default_rng(5).lognormal(3, 1, 400)
    costs = CaseCosts(fp=20.0, fn=amount)
    cost = np.where(y, amount, 20.0)
    top = max(np.quantile(cost[y], 0.99), np.quantile(cost[~y], 0.99))
    rng = np.random.default_rng(0)

    share = np.mean([kept_by(rejection(y, costs, rng), 400) for _ in range(600)], axis=0)

    chance = np.minimum(cost / top, 1)
    noise = np.sqrt(chance * (1 - chance) / 600)
    assert np.all(np.abs(share - chance) <= 5 * noise + 1e-12)
    assert share[y].std() > 0.1
    assert rejection(y, costs, rng).odds_multiplier is None


def test_one_huge_amount_does_not_cost_the_others_their_place():
    amount = np.full(4000, 50.0)
    plain = rejection(SKEWED, CaseCosts(fp=5.0, fn=amount), np.random.default_rng(0))
    amount[0] = 1e12

    sample = rejection(SKEWED, CaseCosts(fp=5.0, fn=amount), np.random.default_rng(0))

    assert_array_equal(sample.rows, plain.rows)


def test_a_model_of_what_is_kept_cut_at_one_half_decides_as_costs_ask():
    """Zadrozny, Langford and Abe (2003): errors that cost the same on what is kept are costs on all."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 10, 60_000)  # so few values that each one's share can be counted
    y = rng.random(60_000) < 0.02 + 0.03 * x
    sample = rejection(y, CostMatrix(fp=1, fn=4), np.random.default_rng(1))

    decided = {}
    for value in range(10):
        kept = sample.rows[x[sample.rows] == value]
        decided[value] = y[kept].mean() >= 0.5

    for value, act in decided.items():
        if abs(0.02 + 0.03 * value - 0.2) > 0.01:  # Bayes' threshold for these costs
            assert act == (0.02 + 0.03 * value >= 0.2)


def test_what_each_kept_row_stands_for_is_carried():
    population = np.where(np.arange(4000) % 3 == 0, 2.0, 1.0)

    plain, weighted = (
        rejection(SKEWED, CostMatrix(fp=1, fn=5), np.random.default_rng(0), population=given)
        for given in (None, population)
    )

    assert_array_equal(plain.rows, weighted.rows)
    expected = population[plain.rows]
    assert_allclose(weighted.sample_weight, expected / expected.mean())


def test_the_same_seed_keeps_the_same_rows_and_another_others():
    costs = CostMatrix(fp=1, fn=5)

    one, same, other = (
        rejection(SKEWED, costs, np.random.default_rng(seed)).rows for seed in (0, 0, 1)
    )

    assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_where_all_of_a_class_is_rejected_it_is_said():
    y = np.arange(50) < 40
    costs = CostMatrix(fp=1, fn=1e9)

    with pytest.raises(
        DataError, match="rejection kept 40 positives and 0 negatives: it needs more rows of the"
    ):
        rejection(y, costs, np.random.default_rng(0))


def test_where_no_row_weighs_anything_it_is_said():
    costs = CaseCosts(fp=np.zeros(4000), fn=np.zeros(4000))

    with pytest.raises(CostSpecError, match="every row weighs nothing|errors that cost something"):
        rejection(SKEWED, costs, np.random.default_rng(0))
