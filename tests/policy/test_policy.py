"""A policy decides on new rows as it was evaluated, and says what it does."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.tree import DecisionTreeClassifier

from costopt import (
    CaseCosts,
    CostMatrix,
    CostOptWarning,
    CostSpecError,
    DataError,
    DecisionPolicy,
    PolicyError,
    SklearnLearner,
    XGBoostLearner,
    decide,
    mean_cost,
    optimize,
    scale_odds,
)
from costopt.calibration.platt import PlattMap
from costopt.decision.odds import OddsLedger
from costopt.decision.rules import GainRule, ThresholdRule
from costopt.inputs.frames import Table
from costopt.learners.protocol import Features

COSTS = CostMatrix(fn=8, fp=1, unit="EUR")


@pytest.fixture(scope="module")
def policy(make_rows):
    """Weighted training, so that the ledger has something to undo."""
    X, y = make_rows()
    learner = XGBoostLearner(max_rounds=20)
    return optimize(X, y, COSTS, learners=learner, resampling="weight", n_trials=2).policy


def scores_only(**changes):
    """A policy for scores of a model elsewhere."""
    settings = {
        "rule": GainRule(),
        "costs": COSTS,
        "known_costs": COSTS,
        "unit": "EUR",
        "calibrator": PlattMap(1.5, -0.4),
        "ledger": OddsLedger((("scale_pos_weight", 4.0),)),
    }
    return DecisionPolicy(**{**settings, **changes})


def test_a_score_is_undone_then_calibrated_then_decided_on(policy, rows):
    X, _ = rows
    raw = policy.learner.score(policy.models[0].model, _features(policy, X))
    multiplier = policy.models[0].ledger.multiplier

    probability = policy.calibrator.apply(scale_odds(raw, 1 / multiplier))

    assert multiplier > 1
    assert np.allclose(policy.probability(X), probability)
    assert np.array_equal(policy.decide(X), decide(probability, COSTS))
    assert np.array_equal(policy.decide(X), policy.decide(score=raw))


def test_the_raw_threshold_alone_takes_the_same_decisions(policy, rows):
    X, _ = rows
    raw = policy.learner.score(policy.models[0].model, _features(policy, X))

    assert np.array_equal(raw >= policy.raw_threshold, policy.decide(X))


@pytest.mark.parametrize("slope", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("multiplier", [0.2, 1.0, 30.0])
def test_raw_and_calibrated_threshold_decide_alike(slope, multiplier):
    policy = scores_only(
        calibrator=PlattMap(slope, 0.7), ledger=OddsLedger((("weights", multiplier),))
    )
    score = np.linspace(0.001, 0.999, 999)

    assert policy.threshold == pytest.approx(1 / 9)
    assert np.array_equal(score >= policy.raw_threshold, policy.decide(score=score))


@pytest.mark.parametrize(
    ("changes", "raw"),
    [
        ({"rule": ThresholdRule(np.inf)}, np.inf),
        ({"rule": ThresholdRule(-np.inf)}, -np.inf),
        ({"calibrator": PlattMap(0.0, 5.0)}, -np.inf),
        ({"calibrator": PlattMap(0.0, -5.0)}, np.inf),
    ],
)
def test_never_and_always_are_thresholds_too(changes, raw):
    policy = scores_only(**changes)

    assert policy.raw_threshold == raw
    assert policy.decide(score=[0.0, 0.5, 1.0]).all() == (raw < 0)
    assert policy.decide(score=[0.0, 0.5, 1.0]).any() == (raw < 0)


def test_rows_may_come_in_any_frame_and_column_order(policy, rows):
    X, _ = rows
    expected = policy.decide(X)

    shuffled = X[X.columns[::-1]].assign(extra="unused")

    assert np.array_equal(policy.decide(shuffled), expected)
    assert np.array_equal(policy.decide(pl.from_pandas(X)), expected)
    assert np.array_equal(policy.decide(X.iloc[:1]), expected[:1])


def test_a_missing_column_is_named(policy, rows):
    X, _ = rows

    with pytest.raises(DataError, match="column 'signal' is missing"):
        policy.decide(X.drop(columns="signal"))


def test_a_category_never_met_counts_as_missing_and_is_told(policy, rows):
    X, _ = rows
    strange = X.assign(kind=np.where(np.arange(len(X)) < 2, "zz", X["kind"].astype(str)))

    with pytest.warns(CostOptWarning, match=r"unseen-category.*'kind'.*2 rows.*'zz'"):
        decided = policy.decide(strange)

    unknown = X.assign(kind=X["kind"].where(np.arange(len(X)) >= 2))
    assert np.array_equal(decided, policy.decide(unknown))


def test_evaluate_prices_what_decide_decides(policy, make_rows):
    X, y = make_rows(400, seed=9)

    found = policy.evaluate(X, y)

    assert found.value == pytest.approx(mean_cost(y, policy.decide(X), COSTS))
    assert found.low < found.value < found.high
    assert (found.unit, found.n, found.level) == ("EUR", 400, 0.95)


def test_evaluate_takes_weights_and_other_prices(policy, rows):
    X, y = rows
    weight = np.where(y == 1, 0.1, 1.0)
    other = CostMatrix(fn=80, fp=1)

    weighted = policy.evaluate(X, y, sample_weight=weight)
    repriced = policy.evaluate(X, y, costs=other)

    assert weighted.value == pytest.approx(mean_cost(y, policy.decide(X), COSTS, weight))
    assert np.array_equal(policy.decide(X, costs=other), decide(policy.probability(X), other))
    assert repriced.value == pytest.approx(mean_cost(y, policy.decide(X, costs=other), other))


def test_labels_keep_their_names(make_rows):
    X, y = make_rows()
    named = y.map({0: "ok", 1: "bad"})

    policy = optimize(X, named, COSTS, learners="logistic", n_trials=1, pos_label="bad").policy

    assert policy.labels == ("ok", "bad")
    assert policy.evaluate(X, named).value == pytest.approx(mean_cost(y, policy.decide(X), COSTS))
    with pytest.raises(DataError, match="y must hold 'ok' and 'bad'.*got 'worse' in row 1"):
        policy.evaluate(X.iloc[:2], ["ok", "worse"])


def test_rows_and_labels_of_different_cases_are_refused(policy, rows):
    X, y = rows

    with pytest.raises(DataError, match="X has 300 rows but y has 299 labels"):
        policy.evaluate(X, y.to_numpy()[:-1])
    with pytest.raises(DataError, match=r"y has other row labels \(index\) than X: use y.loc"):
        policy.evaluate(X, y.sample(frac=1, random_state=0))


def test_costs_per_case_need_their_columns(rows):
    X, _ = rows
    costs = CostMatrix(fn="amount", fp=2, unit="EUR")
    policy = scores_only(costs=costs, known_costs=costs)
    score = np.full(len(X), 0.2)

    acted = policy.decide(X, score=score)

    assert policy.threshold is None
    assert policy.raw_threshold is None
    assert np.array_equal(acted, decide(policy.probability(score=score), costs.resolve(X)))
    with pytest.raises(CostSpecError, match="the costs are formulas over 'amount': pass the table"):
        policy.decide(score=score)
    with pytest.raises(CostSpecError, match="column 'amount', which the data do not have"):
        policy.decide(X.drop(columns="amount"), score=score)


def test_a_policy_made_with_arrays_of_costs_asks_for_them():
    policy = scores_only(costs=None, known_costs=None)

    assert policy.needs_costs
    with pytest.raises(PolicyError, match="costs per case given as arrays.*pass costs=CaseCosts"):
        policy.decide(score=[0.1, 0.9])
    costs = CaseCosts(fp=1, fn=[0.5, 100.0])
    assert policy.decide(score=[0.5, 0.5], costs=costs).tolist() == [False, True]
    with pytest.raises(DataError, match="the costs are for 2 cases but there are 1"):
        policy.decide(score=[0.5], costs=costs)


def test_hindsight_is_not_needed_to_decide_but_to_price(rows):
    X, y = rows
    X = X.assign(claim=np.where(y == 1, X["amount"], 0.0))
    declared = CostMatrix(fn="claim", fp=5, hindsight="claim")

    policy = optimize(X, y, declared, learners="logistic", n_trials=1).policy

    before = X.drop(columns="claim")
    assert np.array_equal(policy.decide(before), policy.decide(X))
    assert policy.evaluate(X, y).value == pytest.approx(
        mean_cost(y, policy.decide(X), declared.resolve(X))
    )
    with pytest.raises(CostSpecError, match="column 'claim', which the data do not have"):
        policy.evaluate(before, y)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ([0.1, 1.2], "scores must lie in .0, 1., got 1.2 in row 1: put decision values through"),
        ([float("nan")], "got nan in row 0: score these cases as well"),
        ([12.5, 0.5], "got 12.5 in row 0: divide by 100 if they are percent"),
        ([-3.0, 50.0], "got -3.0 in row 0: put decision values through"),
        ([[0.1]], r"got shape \(1, 1\)"),
    ],
)
def test_scores_that_are_no_probabilities_are_refused(score, message):
    with pytest.raises(DataError, match=message):
        scores_only().decide(score=score)


def test_a_policy_without_a_model_says_what_to_do_instead():
    with pytest.raises(PolicyError, match="this policy holds no model: compute the scores"):
        scores_only().decide(pd.DataFrame({"a": [1]}))


def test_a_models_own_class_is_named_when_it_could_not_be_saved(tmp_path, rows):
    X, y = rows
    tree = SklearnLearner(DecisionTreeClassifier(max_depth=3, random_state=0))
    policy = optimize(X, y, COSTS, learners=tree, n_trials=1).policy
    score = policy.learner.score(policy.models[0].model, _features(policy, X))

    with pytest.warns(CostOptWarning, match=r"model-not-saved.*DecisionTreeClassifier has no file"):
        policy.save(tmp_path / "tree")
    loaded = DecisionPolicy.load(tmp_path / "tree")

    assert np.array_equal(loaded.decide(score=score), policy.decide(X))
    with pytest.raises(
        PolicyError, match=r"holds no model \(DecisionTreeClassifier was not saved\)"
    ):
        loaded.decide(X)


def test_explain_says_when_it_acts_what_it_costs_and_how_sure_that_is(policy):
    text = policy.explain()

    assert text.startswith("Act when the calibrated probability of 1 is 11.1 % or more")
    assert f"(raw model score {policy.raw_threshold:.4g} or more)." in text
    cost = policy.evidence.expected_cost
    assert f"{cost.value:.4g} EUR per case, 95% interval: {cost.interval_text()}, from" in text
    assert "for comparison, never act" in text
    assert "Why this rule: " in text
    assert "multiplied the odds by" in text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rule": ThresholdRule(np.inf)}, "Never act, whatever the model says."),
        ({"rule": ThresholdRule(-np.inf)}, "Always act, whatever the model says."),
        ({"calibrator": PlattMap(0.0, -5.0)}, "which no case reaches"),
        ({"calibrator": PlattMap(0.0, 5.0)}, "which every case reaches"),
        (
            {"costs": None, "known_costs": None},
            "Act when the expected loss from ignoring the case",
        ),
    ],
)
def test_explain_finds_words_for_every_rule(changes, sentence):
    assert sentence in scores_only(**changes).explain()


def _features(policy, X):
    return Features(Table(X), policy.schema)


def test_costs_that_a_threshold_does_not_read_are_said_to_be_unread():
    fixed, other = scores_only(rule=ThresholdRule(0.3)), CostMatrix(fp=1, fn=100, unit="EUR")

    with pytest.warns(CostOptWarning, match=r"\[costs-not-read\].*changes no decision"):
        decided = fixed.decide(score=[0.4, 0.9], costs=other)

    assert decided.tolist() == fixed.decide(score=[0.4, 0.9]).tolist()
