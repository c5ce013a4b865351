"""Advice: each number against an independent count or a simulation, each statement where it is due."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

from costopt import (
    CaseCosts,
    CostMatrix,
    CostOptWarning,
    CostSpecError,
    DataError,
    advise,
    bayes_threshold,
    class_weight,
)
from costopt.calibration.maps import MAPS
from costopt.comparison.situation import half_width, rows_for_threshold, severity_of
from costopt.comparison.strategies import STRATEGIES
from costopt.datasets import load_german_credit, make_transactions
from costopt.evaluation.choice import POSITIVES_FOR_A_THRESHOLD
from costopt.evaluation.estimates import Sample
from costopt.metrics import decision_cost

REVIEW = CostMatrix(fn=1000, fp=10, tp=10, unit="EUR")


def labels(n_positives, n_cases):
    return (np.arange(n_cases) < n_positives).astype(int)


def codes(advice):
    return {statement.code for statement in advice.statements}


# severity


@pytest.mark.parametrize(
    ("n_positives", "severity"),
    [(50, "balanced"), (29, "mild"), (10, "mild"), (9, "moderate"), (1, "moderate")],
)
def test_severity_follows_the_share_of_positives(n_positives, severity):
    assert advise(labels(n_positives, 100), CostMatrix(fn=5, fp=1)).severity == severity


@pytest.mark.parametrize(
    ("share", "severity"), [(0.0099, "severe"), (0.001, "severe"), (0.00099, "extreme")]
)
def test_severity_of_rare_events(share, severity):
    assert severity_of(share) == severity
    assert severity_of(1 - share) == severity


def test_weights_count_in_prevalence_but_not_in_rows():
    y = labels(50, 100)  # a case-control extract: each negative stands for 99
    advice = advise(y, REVIEW, sample_weight=np.where(y, 1, 99))

    assert advice.n_positives == 50
    assert_allclose(advice.prevalence, 0.01)
    assert advice.severity == "moderate"
    assert "which stand for 1 % of the population" in advice.statement("severity").text


# costs


def test_cost_ratio_and_threshold_are_those_of_the_costs():
    advice = advise(labels(40, 4000), REVIEW)

    assert advice.cost_ratio == 99
    assert_allclose(advice.bayes_threshold, bayes_threshold(REVIEW))
    assert "by coincidence" in advice.statement("balanced-is-a-cost-ratio").text


def test_what_balanced_weights_assert_is_what_they_multiply_the_odds_by():
    y = labels(20, 1000)
    advice = advise(y, CostMatrix(fn=10, fp=1))

    assert_allclose(advice.odds_against, class_weight(y, "balanced").odds_multiplier)
    assert "4.9 times too much" in advice.statement("balanced-is-a-cost-ratio").text
    assert "scale_pos_weight from prevalence" in advice.avoid
    cheap = advise(y, CostMatrix(fn=490, fp=1))
    assert "10 times too little" in cheap.statement("balanced-is-a-cost-ratio").text


@pytest.mark.parametrize(("fn", "better"), [(10, "on nobody"), (200, "on everybody")])
def test_the_better_blanket_rule_is_named_with_its_cost(fn, better):
    y, costs = labels(10, 1000), CostMatrix(fn=fn, fp=1)
    never, always = (decision_cost(y, np.full(1000, act), costs).mean() for act in (False, True))

    text = advise(y, costs).statement("no-model").text

    assert better in text
    assert f"{min(never, always):.4g} cost units per case" in text


def test_a_change_of_currency_changes_no_advice():
    y = labels(30, 3000)
    euro = CaseCosts(fp=1, fn=np.linspace(5, 500, 3000))
    for factor in (1e-150, 1e150):
        other = CaseCosts(fp=factor, fn=np.linspace(5, 500, 3000) * factor)
        one, two = advise(y, euro), advise(y, other)

        assert one.rows_for_threshold == two.rows_for_threshold
        assert_allclose(one.relative_half_width, two.relative_half_width)
        assert one.try_first == two.try_first


def test_an_error_that_costs_nothing_is_said():
    with pytest.warns(CostOptWarning, match="dominated-action"):
        costs = CostMatrix(fn=-5, fp=10)
    advice = advise(labels(30, 300), costs)

    assert math.isnan(advice.cost_ratio)
    assert advice.rows_for_threshold is None
    assert {"error-without-cost"} == codes(advice) & {"error-without-cost", "break-even"}
    assert advice.to_dict()["cost_ratio"] is None


# how much the rows can tell


def test_squared_cost_difference_at_the_bayes_threshold_is_the_product_of_the_regrets():
    """What the number of rows rests on: simulated cost differences of two cuts around it."""
    rng = np.random.default_rng(0)
    costs = CostMatrix(fn=25, fp=1)
    p = expit(rng.normal(-3.5, 1.5, 3_000_000))
    y = rng.random(p.size) < p
    low, high = p >= 1 / 26 * 0.97, p >= 1 / 26 * 1.03

    difference = decision_cost(y, low, costs) - decision_cost(y, high, costs)

    share = np.mean(low != high)
    assert_allclose(difference.std(), math.sqrt(share * 25 * 1), rtol=0.03)


def test_rows_for_a_threshold_resolve_five_per_cent_of_the_blanket_cost():
    n_cases = rows_for_threshold(0.3, 5.0, 1.0)
    error = math.sqrt(0.3 * 5.0 * 1.0 / n_cases)

    assert_allclose(1.645 * error, 0.05 * 0.7, rtol=1e-3)


def test_rows_for_a_threshold_are_never_fewer_than_a_cut_was_measured_to_need():
    n_cases = rows_for_threshold(0.001, 990.0, 10.0)

    assert_allclose(n_cases * 0.001, POSITIVES_FOR_A_THRESHOLD)


def test_costs_that_vary_together_take_more_rows():
    assert rows_for_threshold(0.3, 5.0, 1.0, spread=4.0) == pytest.approx(
        4 * rows_for_threshold(0.3, 5.0, 1.0), rel=1e-3
    )


@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_the_predicted_width_is_that_of_the_interval_that_is_stated(sigma):
    """Of what never acting costs, with constant costs and with spread ones."""
    rng = np.random.default_rng(1)
    y = labels(400, 20_000)
    fn = rng.lognormal(3.0, sigma, y.size)
    advice = advise(y, CaseCosts(fp=1, fn=fn))

    sample = Sample(y == 1, CaseCosts(fp=1, fn=fn))
    found = sample.cost(np.zeros(y.size, dtype=bool))

    half = (found.high - found.low) / 2 / found.value
    assert_allclose(advice.relative_half_width, half, rtol=0.1)


def test_width_grows_as_the_money_gathers_in_few_hands():
    y = labels(100, 5000)
    even = advise(y, CaseCosts(fp=1, fn=np.full(5000, 50.0)))
    uneven = advise(y, CaseCosts(fp=1, fn=np.where(np.arange(5000) < 4, 5000.0, 50.0)))

    assert_allclose(even.relative_half_width, half_width(100))
    assert uneven.relative_half_width > 3 * even.relative_half_width
    assert "few hands" in uneven.statement("interval-width").text
    assert "few hands" not in even.statement("interval-width").text


# what is said, and what is tried


def test_extreme_and_few_positives():
    advice = advise(labels(12, 15_000), REVIEW)

    assert advice.severity == "extreme"
    assert {
        "anomaly-detectors",
        "no-tuned-threshold",
        "calibrate-with-platt",
        "accuracy-trap",
    } <= codes(advice)
    assert "99.92 %" in advice.statement("accuracy-trap").text
    assert advice.try_first[0] == "logistic regression"
    assert "isolation forest" in advice.try_first
    assert {"isotonic calibration", "beta calibration", "tuned threshold (calibrated)"} <= set(
        advice.avoid
    )


def test_many_positives_free_the_choice():
    advice = advise(labels(5000, 20_000), CostMatrix(fn=3, fp=1))

    assert not codes(advice) & {
        "no-tuned-threshold",
        "calibrate-with-platt",
        "differences-are-noise",
    }
    assert "tuned threshold (calibrated)" in advice.try_first
    assert not {"isotonic calibration", "beta calibration", "NearMiss"} & set(advice.avoid)


@pytest.mark.parametrize("kind", ["beta", "isotonic"])
def test_limits_of_calibration_are_those_that_calibration_keeps(kind):
    least = MAPS[kind].positives_needed
    for n_positives, avoided in ((least - 1, True), (least, False)):
        advice = advise(labels(n_positives, 10 * n_positives), CostMatrix(fn=9, fp=1))
        assert (f"{kind} calibration" in advice.avoid) is avoided


def test_the_limit_of_tuned_cuts_is_the_one_that_the_choice_of_a_rule_keeps():
    for n_positives, said in (
        (POSITIVES_FOR_A_THRESHOLD, True),
        (POSITIVES_FOR_A_THRESHOLD + 1, False),
    ):
        advice = advise(labels(n_positives, 1000), CostMatrix(fn=9, fp=1))
        assert ("no-tuned-threshold" in codes(advice)) is said


def test_costs_per_case_ask_for_a_rule_per_case():
    X, y = make_transactions(4000, fraud_rate=0.02)
    with pytest.warns(CostOptWarning, match="degenerate-cases"):
        advice = advise(y, CostMatrix(fn="amount", fp=10, tp=10), X)

    assert "per-case-rule" in codes(advice)
    assert "rows-for-threshold" not in codes(advice)
    assert {"threshold 0.5", "tuned threshold (raw)"} <= set(advice.avoid)


def test_hindsight_leaves_one_threshold():
    frame = pd.DataFrame({"claim": np.linspace(100, 900, 500), "age": np.arange(500)})
    costs = CostMatrix(fn="claim", fp=10, hindsight=("claim",))

    assert "per-case-rule" not in codes(advise(labels(50, 500), costs, frame))


def test_gaps_and_categories_decide_on_samplers():
    X, y = load_german_credit()
    advice = advise(y, CostMatrix(fn=5, fp=1), X)

    assert "SMOTE-NC" in advice.statement("categorical-columns").text
    assert f"{int(X.isna().any().sum())} of {X.shape[1]} columns" in (
        advice.statement("missing-values").text
    )
    assert {"ADASYN", "SVM-SMOTE"} <= set(advice.avoid)
    only_texts = advise(y, CostMatrix(fn=5, fp=1), X[["purpose"]])
    assert "SMOTEN" in only_texts.statement("categorical-columns").text
    assert not codes(advise(y, CostMatrix(fn=5, fp=1))) & {"categorical-columns", "missing-values"}


def test_many_rows_may_be_sampled_for_speed():
    advice = advise(labels(1000, 600_000), REVIEW)

    assert "random under-sampling" in advice.try_first
    assert "sample-for-speed" in codes(advice)


def test_a_large_positive_class_is_questioned():
    advice = advise(labels(90, 100), CostMatrix(fn=5, fp=1))

    assert "positive-majority" in codes(advice)
    assert "acts on everybody is right in 90 %" in advice.statement("accuracy-trap").text


@pytest.mark.parametrize("n_positives", [3, 60, 400, 9000])
@pytest.mark.parametrize("costs", [REVIEW, CaseCosts(fp=1, fn=np.linspace(2, 99, 30_000))])
def test_every_strategy_has_a_name_that_compare_knows(n_positives, costs):
    advice = advise(labels(n_positives, 30_000), costs)

    assert {*advice.try_first, *advice.avoid} <= set(STRATEGIES)
    assert not set(advice.try_first) & set(advice.avoid)


# form


def test_each_statement_has_a_reason_and_a_source():
    X, y = make_transactions(3000, fraud_rate=0.01, missing_rate=0.1)
    advice = advise(y, REVIEW, X)

    assert len(codes(advice)) == len(advice.statements)
    for statement in advice.statements:
        assert statement.text.endswith(".")
        assert statement.reason.endswith(".")
        assert statement.source


def test_the_summary_says_everything_within_a_line_of_a_terminal():
    advice = advise(labels(12, 15_000), REVIEW)
    text = str(advice)

    flat = " ".join(text.split())
    for statement in advice.statements:
        assert " ".join(statement.text.split()) in flat
    assert "Try first: logistic regression, xgboost, isolation forest." in flat
    assert max(map(len, text.splitlines())) <= 100


def test_plain_values_survive_json():
    advice = advise(labels(12, 15_000), REVIEW)

    stored = json.loads(json.dumps(advice.to_dict(), allow_nan=False))

    assert stored["severity"] == "extreme"
    assert stored["statements"][0] == advice.statements[0].to_dict()
    assert tuple(stored["try_first"]) == advice.try_first


def test_names_of_columns_cannot_drive_a_terminal():
    frame = pd.DataFrame({"a\x1b[31m\nb": ["x", None] * 100, "n": range(200)})
    text = advise(labels(20, 200), REVIEW, frame).summary()

    assert "\x1b" not in text
    assert r"'a\x1b[31m\nb'" in text


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([0, 0, 0], REVIEW), DataError, "y must have two classes, got only one class, 0"),
        ((["a", "b"], REVIEW), DataError, "the positive class must be named"),
        (([0, 1], CostMatrix(fn="amount", fp=1)), CostSpecError, "pass the table"),
        (([0, 1], REVIEW, [[1], [2], [3]]), DataError, "X has 3 rows but y has 2 labels"),
        (([0, 1], CaseCosts(fn=[1, 2, 3], fp=1)), DataError, "costs are for 3 cases"),
        (([0, 1], {"fn": 1}), CostSpecError, "CostMatrix or CaseCosts"),
        (([0, 1], CaseCosts(fn=-1, fp=-1)), CostSpecError, "swapped"),
    ],
)
def test_what_cannot_be_advised_on(arguments, error, message):
    with pytest.raises(error, match=message):
        advise(*arguments)


def test_weights_that_leave_a_class_without_any():
    with pytest.raises(DataError, match="above 0 for some row of each class"):
        advise([0, 1, 1], REVIEW, sample_weight=[0, 1, 1])


def test_other_row_labels_are_refused():
    X = pd.DataFrame({"a": [1, 2]}, index=[5, 6])
    with pytest.raises(DataError, match="y has other row labels"):
        advise(pd.Series([0, 1]), REVIEW, X)


def test_an_unknown_statement_is_named():
    with pytest.raises(DataError, match="says nothing on 'weather': it speaks of severity"):
        advise(labels(12, 100), REVIEW).statement("weather")
