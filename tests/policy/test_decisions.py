"""Decisions as a table of the caller's own kind, and on one case."""

import dataclasses
import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from costopt import (
    CaseCosts,
    CostMatrix,
    CostOptWarning,
    CostSpecError,
    DataError,
    Decision,
    DecisionPolicy,
    PolicyError,
    choose_threshold,
    optimize,
)
from costopt.decision.rules import ThresholdRule

COSTS = CostMatrix(fn="amount", fp=2, unit="EUR")
FOUND = ["probability", "action", "expected_gain"]


@pytest.fixture(scope="module")
def policy(make_rows):
    X, y = make_rows()
    return optimize(X, y, COSTS, learners="logistic", n_trials=1).policy


@pytest.fixture(scope="module")
def for_scores():
    rng = np.random.default_rng(0)
    score = rng.random(500)
    y = (rng.random(500) < score**2).astype(int)
    return choose_threshold(y, score, CostMatrix(fn=3, fp=1))


def gains(probability, amount):
    return probability * amount - (1 - probability) * 2


def test_a_frame_says_what_decide_decides_and_what_acting_is_worth(policy, make_rows):
    X, _ = make_rows(200, seed=4)
    X.index = X.index[::-1] + 1000

    found = policy.decide_frame(X)

    assert list(found.columns) == FOUND
    assert found.index.equals(X.index)
    np.testing.assert_array_equal(found["probability"], policy.probability(X))
    np.testing.assert_array_equal(found["action"] == "act", policy.decide(X))
    assert set(found["action"]) == {"act", "leave"}
    np.testing.assert_allclose(found["expected_gain"], gains(found["probability"], X["amount"]))
    np.testing.assert_array_equal(found["action"] == "act", found["expected_gain"] >= 0)


def test_the_model_scores_once(policy, rows):
    X, _ = rows
    calls = []

    class Counted:
        def score(self, model, features):
            calls.append(model)
            return policy.learner.score(model, features)

    counted = dataclasses.replace(policy, learner=Counted())

    pd.testing.assert_frame_equal(counted.decide_frame(X), policy.decide_frame(X))
    assert len(calls) == len(policy.models) == 1


def test_the_table_is_of_the_callers_kind(policy, rows):
    X, _ = rows
    wanted = policy.decide_frame(X, keep="all")

    in_polars = policy.decide_frame(pl.from_pandas(X), keep="all")
    in_arrow = policy.decide_frame(pa.Table.from_pandas(X, preserve_index=False), keep="all")

    assert isinstance(in_polars, pl.DataFrame)
    assert isinstance(in_arrow, pa.Table)
    assert list(wanted.columns) == [*X.columns, *FOUND]
    for found in (in_polars.to_pandas(), in_arrow.to_pandas()):
        assert list(found.columns) == list(wanted.columns)
        pd.testing.assert_frame_equal(
            found[["amount", *FOUND]],
            wanted[["amount", *FOUND]].reset_index(drop=True),
            check_dtype=False,
        )
    assert list(policy.decide_frame(pl.from_pandas(X)).columns) == FOUND


def test_arrays_give_pandas(make_rows):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = (X[:, 0] + rng.normal(size=200) > 1).astype(int)
    policy = optimize(X, y, CostMatrix(fn=3, fp=1), learners="logistic", n_trials=1).policy

    found = policy.decide_frame(X, keep=["x2"])

    assert list(found.columns) == ["x2", *FOUND]
    np.testing.assert_array_equal(found["x2"], X[:, 2])
    assert policy.decide_one({f"x{at}": X[5, at] for at in range(3)}) == policy.decide_one(X[5:6])
    with pytest.raises(DataError, match="mapping of column names to values"):
        policy.decide_one(X[5])


def test_columns_are_kept_as_they_are_and_in_the_order_in_which_they_are_named(policy, rows):
    X = rows[0].assign(id=[f"{at:04d}" for at in range(len(rows[0]))]).set_index("id", drop=False)
    X.columns = [*X.columns[:-1], 7]  # a name that is no text

    found = policy.decide_frame(X, keep=["7", "amount"])

    assert list(found.columns) == [7, "amount", *FOUND]
    pd.testing.assert_frame_equal(found[[7, "amount"]], X[[7, "amount"]])
    assert list(policy.decide_frame(X, keep="amount").columns) == ["amount", *FOUND]


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (["amuont"], "keep names the column 'amuont', which the data do not have: did you mean"),
        (["action"], "the data have a column 'action', as the decisions do: rename it"),
        ("all", "the data have a column 'action'"),
    ],
)
def test_columns_that_cannot_be_kept_are_named(policy, rows, keep, message):
    with pytest.raises(DataError, match=message):
        policy.decide_frame(rows[0].assign(action="none yet"), keep=keep)


def test_scores_from_elsewhere_stand_in_for_the_model(policy, rows):
    X, _ = rows
    raw = policy.raw_score(X)

    only_costs = policy.decide_frame(X[["amount"]], score=raw)

    pd.testing.assert_frame_equal(only_costs, policy.decide_frame(X))
    np.testing.assert_array_equal(policy.decide(X[["amount"]], score=raw), policy.decide(X))
    with pytest.raises(CostSpecError, match="formulas over 'amount': pass the table"):
        policy.decide_frame(score=raw)


def test_without_rows_the_scores_say_the_kind(for_scores):
    score = pd.Series([0.2, 0.9], index=["a", "b"])

    assert for_scores.decide_frame(score=score).index.tolist() == ["a", "b"]
    assert isinstance(for_scores.decide_frame(score=pl.Series([0.2, 0.9])), pl.DataFrame)
    assert list(for_scores.decide_frame(score=[0.2, 0.9])["action"]) == ["leave", "act"]
    with pytest.raises(DataError, match="X is None: pass the rows"):
        for_scores.decide_frame(score=score, keep=["amount"])


def test_one_case_is_decided_as_the_row_of_a_table(policy, rows):
    X, _ = rows
    table = policy.decide_frame(X)

    for at in range(12):
        record = json.loads(X.iloc[[at]].to_json(orient="records", double_precision=15))[0]
        wanted = table.iloc[at]
        for given in (record, X.iloc[at], X.iloc[[at]], pl.from_pandas(X.iloc[[at]])):
            found = policy.decide_one(given)
            assert found.action == wanted["action"]
            assert found.probability == pytest.approx(wanted["probability"], rel=1e-12)
            assert found.expected_gain == pytest.approx(wanted["expected_gain"], rel=1e-9)
    assert json.dumps(dataclasses.asdict(found))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.action = "act"


def test_one_score_is_enough_where_costs_are_constant(for_scores):
    found = for_scores.decide_one(score=0.9)

    assert isinstance(found, Decision)
    assert found.probability == for_scores.probability(score=[0.9])[0]
    assert found.expected_gain == pytest.approx(3 * found.probability - (1 - found.probability))
    assert for_scores.decide_one({"any": 1}, score=0.9) == found
    other = for_scores.decide_one(score=0.9, costs=CaseCosts(fn=3, fp=1000))
    assert (other.action, other.probability) == ("leave", found.probability)


@pytest.mark.parametrize(
    ("record", "given", "message"),
    [
        (pd.DataFrame({"a": [1, 2]}), {"score": 0.5}, "record must be one case, got 2 rows"),
        (None, {"score": [0.1, 0.2]}, "score must be that of one case"),
        (None, {"score": 85}, r"scores must lie in \[0, 1\], got 85.0 in row 0: divide by 100"),
        (["a"], {"score": 0.5}, "record must be a mapping of column names to values"),
        (0.5, {}, "got float: pass a score as score="),
    ],
)
def test_what_is_not_one_case_is_refused(for_scores, record, given, message):
    with pytest.raises(DataError, match=message):
        for_scores.decide_one(record, **given)


def test_a_record_without_a_column_names_it(policy, rows):
    record = rows[0].iloc[0].to_dict()
    del record["signal"]

    with pytest.raises(DataError, match="column 'signal' is missing"):
        policy.decide_one(record)


def test_there_must_be_something_to_decide_on(policy, for_scores):
    with pytest.raises(DataError, match="pass rows X, or scores as score="):
        policy.decide()
    with pytest.raises(DataError, match="got one value per case: pass scores as score="):
        policy.decide([0.2, 0.9])
    with pytest.raises(PolicyError, match="holds no model: compute the scores with yours"):
        for_scores.decide_one({"a": 1})


def test_rows_and_scores_are_of_the_same_cases(policy, rows):
    X, y = rows
    raw = policy.raw_score(X)

    for method in (policy.probability, policy.decide, policy.decide_frame):
        with pytest.raises(DataError, match="X has 300 rows but score has 299 values"):
            method(X, score=raw[1:])
    with pytest.raises(DataError, match="score must have one value for each of the 300 labels"):
        policy.evaluate(X, y, score=raw[1:])
    with pytest.raises(DataError, match=r"score has other row labels \(index\) than X"):
        policy.decide(X, score=pd.Series(raw, X.index[::-1]))


def test_scores_are_evaluated_as_the_models_own(policy, for_scores, rows):
    X, y = rows
    raw = policy.raw_score(X)

    assert policy.evaluate(X[["amount"]], y, score=raw) == policy.evaluate(X, y)
    acted = for_scores.decide(score=raw)
    cost = np.where(acted, np.where(y == 1, 0, 1), np.where(y == 1, 3, 0)).mean()
    found = for_scores.evaluate(None, y, score=raw, groups=np.arange(len(y)) // 2)
    assert found.value == pytest.approx(cost)
    with pytest.raises(DataError, match="groups='branch' names a column, but X is None"):
        for_scores.evaluate(None, y, score=raw, groups="branch")


def test_a_probability_is_not_taken_for_a_score(policy, rows):
    """By name: feeding one for the other changes decisions, so that no argument takes either."""
    X, _ = rows

    assert not np.allclose(policy.probability(X), policy.raw_score(X), atol=1e-3)
    for gone in ("score", "calibrate", "decide_scores", "expected_gain"):
        assert not hasattr(DecisionPolicy, gone)
    with pytest.raises(TypeError):
        policy.decide(X, policy.probability(X))


def test_the_gain_of_a_cut_reads_costs_that_only_the_caller_knows(for_scores):
    by_cut = dataclasses.replace(for_scores, rule=ThresholdRule(0.3), costs=None, known_costs=None)
    costs = CaseCosts(fn=[10.0, 100.0], fp=1.0)

    found = by_cut.decide_frame(score=[0.9, 0.9], costs=costs)

    p = found["probability"]
    np.testing.assert_allclose(found["expected_gain"], p * np.array([10, 100]) - (1 - p))
    with pytest.raises(PolicyError, match="pass costs=CaseCosts"):
        by_cut.decide_frame(score=[0.9])
    known = dataclasses.replace(for_scores, rule=ThresholdRule(0.3))
    with pytest.warns(CostOptWarning, match="costs-not-read"):
        known.decide_frame(score=[0.9, 0.9], costs=costs)


@pytest.mark.filterwarnings("ignore:.*texts-as-numbers")
def test_one_amount_that_comes_as_a_text_is_read_as_all_of_them_were():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    paid = [f"{amount:,.3f}" for amount in rng.lognormal(8, 1, 300)]
    X = pd.DataFrame({"paid": paid, "debt": rng.normal(size=300) + y})
    policy = optimize(X, y, CostMatrix(fn="paid", fp=99), learners="logistic", n_trials=1).policy

    many = policy.decide_frame(X)
    alone = pd.concat([policy.decide_frame(X.iloc[[at]]) for at in range(9)])

    pd.testing.assert_frame_equal(alone, many[:9])
    as_text, as_number = ([{"paid": paid, "debt": 0.5}] for paid in ("29,850", 29850))
    pd.testing.assert_frame_equal(policy.decide_frame(as_text), policy.decide_frame(as_number))
    assert policy.evaluate(as_text, [1]) == policy.evaluate(as_number, [1])


def test_records_are_rows(policy, rows):
    X = rows[0][:3]
    records = X.to_dict("records")

    np.testing.assert_array_equal(policy.probability(records), policy.probability(X))
    np.testing.assert_array_equal(policy.raw_score(records), policy.raw_score(X))
