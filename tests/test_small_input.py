"""Small mistakes in what is passed are named before anything is fitted, in a sentence of ours."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import costopt
import costopt.checks
import costopt.metrics
import costopt.rebalancing
from costopt import (
    CaseCosts,
    CostMatrix,
    DataError,
    DecisionPolicy,
    SearchError,
    StoreError,
    choose_threshold,
    optimize,
    plotting,
)
from costopt.decision.checks import as_weights
from costopt.inputs.files import read_table

COSTS = CostMatrix(fp=1, fn=3)
Y = np.tile([0, 0, 1], 40)
X = np.column_stack((np.arange(120.0), np.arange(120.0) % 7))


@pytest.fixture(scope="module")
def policy():
    rng = np.random.default_rng(0)
    return choose_threshold(Y, rng.random(120), COSTS)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"resampling": None},
            SearchError,
            "resampling must be a name or a list .*, got None: 'none'",
        ),
        ({"resampling": 3}, SearchError, "resampling must be a name or a list of names, got 3"),
        ({"resampling": [["none"]]}, SearchError, r"there is no resampling named \['none'\]"),
        (
            {"ignore": None},
            DataError,
            r"ignore must be a collection of .*, got None: \(\) ignores none",
        ),
        (
            {"ignore": [["x0"]]},
            DataError,
            r"ignore must be a collection of column names, got \[\['x0'",
        ),
        ({"racing": "yes"}, SearchError, "racing must be True or False, got 'yes'"),
        ({"racing": 1}, SearchError, "racing must be True or False, got 1"),
        (
            {"pos_label": np.array([0, 1])},
            DataError,
            r"pos_label must be one label, .* array\(\[0, 1\]",
        ),
        (
            {"pos_label": [1]},
            DataError,
            "pos_label must be one label, a text, number or boolean, got",
        ),
        ({"cv": 2.5}, DataError, "cv must be a number of folds, a splitter, or .*, got 2.5"),
        (
            {"sample_weight": np.ones(120).astype(str)},
            DataError,
            "sample_weight must hold numbers, got",
        ),
    ],
    ids=str,
)
def test_a_search_names_what_cannot_be_meant(options, error, message):
    with pytest.raises(error, match=message):
        optimize(X, Y, COSTS, learners="logistic", n_trials=1, **options)


@pytest.mark.parametrize("name", ["none", ["none"], ("none",), {"none"}, np.array(["none"])])
def test_names_come_in_any_collection(name):
    costopt.ExpectedCostObjective(
        X % 7, Y, COSTS, learners="logistic", resampling=name, ignore=pd.Index([])
    )


TEXTS = np.array(["0.2", "0.7", "0.4"])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: costopt.decide(TEXTS, COSTS), "probability"),
        (lambda: costopt.expected_gain(["0.2"], COSTS), "probability"),
        (lambda: costopt.scale_odds(TEXTS, 2.0), "probability"),
        (lambda: costopt.mean_cost([0, 1, 1], [0, 1, 0], COSTS, TEXTS), "sample_weight"),
        (lambda: costopt.cost_curve([0, 1, 1], TEXTS, COSTS), "y_score"),
        (
            lambda: costopt.metrics.decision_metrics([0, 1], [0, 1], COSTS, y_prob=["0", "1"]),
            "y_prob",
        ),
        (lambda: costopt.class_weight([0, 1, 1], COSTS, population=TEXTS), "sample_weight"),
        (lambda: costopt.checks.check_threshold(0.3, [0, 1, 1], TEXTS, COSTS), "score_test"),
        (lambda: costopt.checks.check_threshold("low", [0, 1], [0.1, 0.2], COSTS), "threshold"),
        (lambda: costopt.checks.costs_counted_twice(9.0, TEXTS, COSTS), "threshold"),
        (lambda: plotting.TradeoffDisplay.from_predictions([0, 1, 1], TEXTS, COSTS), "y_score"),
    ],
)
def test_texts_are_no_numbers_even_where_they_read_like_some(call, name):
    with pytest.raises(DataError, match=f"^{name} must hold numbers, got "):
        call()


def test_a_policy_takes_no_texts_for_scores(policy):
    for method in (policy.probability, policy.decide, policy.decide_frame):
        with pytest.raises(DataError, match="^score must hold numbers, got "):
            method(score=TEXTS)


@pytest.mark.parametrize(
    "value",
    [
        np.array([True, False]),
        [True, 2.0],
        (np.array([True])[0], 1),
        np.array([True, 2], dtype=object),
        pd.Series([True, False]),
        pd.Series([True, False], dtype="boolean"),
    ],
    ids=repr,
)
def test_an_answer_is_no_cost(value):
    with pytest.raises(DataError, match=r"^costs\.fn must hold numbers, got "):
        CaseCosts(fp=1, fn=value)


def test_a_column_of_answers_can_be_part_of_a_formula():
    """As in a fee for cards from abroad."""
    costs = CostMatrix(fn="10 + 5 * abroad", fp=1).resolve({"abroad": [True, False]})

    assert costs.fn.tolist() == [15, 10]


def test_floats_are_not_copied_nor_locked():
    weight = np.ones(3)

    assert as_weights(weight, 3) is weight
    CaseCosts(fp=1, fn=weight)
    assert weight.flags.writeable


@pytest.mark.parametrize(
    "use",
    [
        lambda policy, path: policy.save(path),
        lambda policy, path: DecisionPolicy.load(path),
        lambda policy, path: costopt.write_report(policy, path),
        lambda policy, path: read_table(path),
    ],
    ids=["save", "load", "write_report", "read_table"],
)
def test_a_nul_in_a_path_is_named(use, policy, tmp_path):
    path = tmp_path / "a\0b"
    with pytest.raises(StoreError, match=r"^a path must hold no NUL character, got '.*") as caught:
        use(policy, path)
    assert re.search(re.escape(repr(str(path))[:60]), str(caught.value))
    with pytest.raises(StoreError, match="NUL"):
        use(policy, Path(str(path)))
