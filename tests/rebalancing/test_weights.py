import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_sample_weight

from costopt import (
    CaseCosts,
    CostMatrix,
    CostSpecError,
    DataError,
    class_weight,
    sample_weight,
    scale_pos_weight,
)

QUICK = settings(max_examples=40, deadline=None, derandomize=True)

# few distinct values, negative ones among them, so that ties and dominated actions happen
money = st.sampled_from([-5.0, 0.0, 1.0, 3.0, 250.0])


@st.composite
def priced_cases(draw):
    n = draw(st.integers(2, 8))
    cells = {
        cell: np.array(draw(st.lists(money, min_size=n, max_size=n)))
        for cell in ("fp", "fn", "tp", "tn")
    }
    y = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    act = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    return y, act, cells


@QUICK
@given(priced_cases())
def test_weighted_wrong_decisions_are_the_excess_cost(case):
    """Zadrozny et al. (2003): cost = unavoidable cost + sum of weights of wrong decisions."""
    y, act, cells = case
    if_act = np.where(y, cells["tp"], cells["fp"])
    if_not = np.where(y, cells["fn"], cells["tn"])
    regret = np.abs(if_act - if_not)
    if not regret.any():
        with pytest.raises(CostSpecError, match="every row weighs nothing under these costs"):
            sample_weight(y, CaseCosts(**cells))
        return

    weight = sample_weight(y, CaseCosts(**cells)).sample_weight

    wrong = act != (if_act < if_not)
    excess = np.where(act, if_act, if_not) - np.minimum(if_act, if_not)
    assert_allclose(weight.mean(), 1)
    # weights have mean 1: times the mean regret they are money again
    assert_allclose(regret.mean() * weight[wrong].sum(), excess.sum(), atol=1e-9)


@pytest.mark.parametrize("rate", [1e-300, 1e-9, 1.0, 1e9, 1e300])
def test_a_change_of_currency_changes_no_weight(rate):
    y = [1, 0, 1, 0, 0]
    amount = np.array([120.0, 15.0, 3.5, 80.0, 0.25])

    per_case = sample_weight(y, CaseCosts(fp=2.0 * rate, fn=amount * rate, tp=2.0 * rate))
    by_class = sample_weight(y, CostMatrix(fp=2.0 * rate, fn=90.0 * rate))

    assert_allclose(per_case.sample_weight.mean(), 1)
    assert_allclose(
        per_case.sample_weight,
        sample_weight(y, CaseCosts(fp=2.0, fn=amount, tp=2.0)).sample_weight,
    )
    assert_allclose(
        by_class.sample_weight, sample_weight(y, CostMatrix(fp=2.0, fn=90.0)).sample_weight
    )
    assert_allclose(scale_pos_weight(y, CostMatrix(fp=2.0 * rate, fn=90.0 * rate)), 45)


def test_weights_per_case_have_no_odds_multiplier():
    found = sample_weight([1, 0, 1], CaseCosts(fp=1.0, fn=[5.0, 5.0, 9.0]))

    assert found.odds_multiplier is None
    assert found.class_weight is None
    assert found.rows is None
    assert found.source == "costs per case"


def test_constant_costs_give_class_weights_with_their_multiplier():
    found = sample_weight([1, 0, 0, 0], CostMatrix(fp=2, fn=10))

    assert found.odds_multiplier == 5
    assert found.class_weight == {0: 1.0, 1: 5.0}
    assert_allclose(found.sample_weight, np.array([5, 1, 1, 1]) / 2)
    assert found.source == "class weights from costs"


def test_scale_pos_weight_of_a_fraud_review_is_99():
    """A review costs 10 right or wrong, a missed fraud 1000: (1000 - 10) / (10 - 0)."""
    y = [0] * 99 + [1]

    assert scale_pos_weight(y, CostMatrix(fp=10, tp=10, fn=1000)) == 99


@pytest.mark.parametrize(("negatives", "positives"), [(99, 1), (3, 1), (2, 2), (1, 4)])
def test_balanced_is_negatives_per_positive_and_agrees_with_scikit_learn(negatives, positives):
    y = np.repeat([0, 1], [negatives, positives])

    found = class_weight(y, "balanced")

    assert scale_pos_weight(y, "balanced") == negatives / positives
    assert_allclose(found.sample_weight, compute_sample_weight("balanced", y))
    assert_allclose(found.sampling_ratio, 1)


def test_costs_per_case_weigh_a_class_by_its_mean_regret():
    y = [1, 1, 0, 0]
    costs = CaseCosts(fp=[9.0, 9.0, 1.0, 3.0], fn=[10.0, 30.0, 7.0, 7.0], tp=2.0)

    found = class_weight(y, costs)

    assert found.odds_multiplier == (20.0 - 2.0) / 2.0
    assert_allclose(found.sampling_ratio, 9)


def test_population_weights_count_in_balance_in_means_and_in_the_weights():
    y = np.array([1, 1, 0, 0])
    population = np.array([1.0, 3.0, 10.0, 30.0])
    costs = CaseCosts(fp=[0.0, 0.0, 1.0, 5.0], fn=[8.0, 40.0, 0.0, 0.0])

    by_cost = class_weight(y, costs, population=population)
    per_case = sample_weight(y, costs, population=population)

    assert scale_pos_weight(y, "balanced", population=population) == 10
    assert_allclose(by_cost.odds_multiplier, 32 / 4)
    assert_allclose(by_cost.sample_weight * (8 + 24 + 40) / 4, [8, 24, 10, 30])
    assert_allclose(per_case.sample_weight * (8 + 120 + 10 + 150) / 4, [8, 120, 10, 150])


def test_population_weights_are_as_good_as_repeated_rows():
    y, times = np.array([1, 0, 0, 1]), np.array([2, 1, 3, 1])
    amount = np.array([5.0, 7.0, 11.0, 13.0])

    weighted = sample_weight(y, CaseCosts(fp=amount, fn=2 * amount), population=times)
    repeated = sample_weight(
        np.repeat(y, times), CaseCosts(fp=np.repeat(amount, times), fn=2 * np.repeat(amount, times))
    )

    total = np.bincount(np.repeat(np.arange(4), times), repeated.sample_weight)
    assert_allclose(weighted.sample_weight / 4, total / 7)


def test_dividing_the_odds_by_the_multiplier_undoes_class_weights():
    """Saturated model, no penalty: weighted odds in each group are the multiplier times the counts."""
    y = np.array([1, 0, 0, 0, 1, 1, 0, 0, 0, 0])
    group = np.array([[0], [0], [0], [0], [1], [1], [1], [1], [1], [1]])
    weights = class_weight(y, CostMatrix(fp=1, fn=7))

    model = LogisticRegression(C=np.inf, tol=1e-10).fit(
        group, y, sample_weight=weights.sample_weight
    )

    log_odds = model.decision_function([[0], [1]]) - np.log(weights.odds_multiplier)
    assert_allclose(np.exp(log_odds), [1 / 3, 2 / 4], rtol=1e-5)


@pytest.mark.parametrize("weigh", [class_weight, scale_pos_weight])
def test_class_weights_need_both_classes(weigh):
    with pytest.raises(DataError, match="rows of both classes, with a weight above 0"):
        weigh([1, 1], CostMatrix(fp=1, fn=2))
    with pytest.raises(DataError, match="rows of both classes, with a weight above 0"):
        weigh([1, 0], "balanced", population=[0.0, 1.0])


@pytest.mark.parametrize("weigh", [class_weight, scale_pos_weight])
def test_another_word_than_balanced_is_refused(weigh):
    with pytest.raises(CostSpecError, match="costs or 'balanced', got 'balance'"):
        weigh([1, 0], "balance")


@pytest.mark.parametrize("weigh", [class_weight, sample_weight, scale_pos_weight])
def test_labels_costs_and_population_must_fit_together(weigh):
    costs = CostMatrix(fp=1, fn=2)

    with pytest.raises(DataError, match="y must hold 0 and 1, got .*2.* in row 1"):
        weigh([0, 2], costs)
    with pytest.raises(DataError, match="the costs are for 3 cases but there are 2"):
        weigh([0, 1], CaseCosts(fp=1.0, fn=np.ones(3)))
    with pytest.raises(DataError, match="at least 0, got -1.0 in row 1"):
        weigh([0, 1], costs, population=[1.0, -1.0])
    with pytest.raises(CostSpecError, match="formulas over 'amount': pass the table"):
        weigh([0, 1], CostMatrix(fp=1, fn="amount"))


def test_class_weights_of_errors_that_cost_nothing_are_refused():
    costs = CaseCosts(fp=[1.0, 1.0], fn=[2.0, 2.0], tp=[2.0, 2.0])

    with pytest.raises(CostSpecError, match="mean fn - tp of 0 and a mean fp - tn of 1"):
        class_weight([1, 0], costs)


def test_labels_and_costs_are_not_changed():
    y, amount, population = np.array([1.0, 0.0]), np.array([3.0, 4.0]), np.array([1.0, 2.0])

    sample_weight(y, CaseCosts(fp=1.0, fn=amount), population=population)

    assert_array_equal(y, [1, 0])
    assert_array_equal(amount, [3, 4])
    assert_array_equal(population, [1, 2])
