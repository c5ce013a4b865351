"""What somebody adds without touching costopt: each thing is written in one place, here, and works.

One section for each kind of thing: what is added, and then the tests that use it as anybody would.
"""

import json

import numpy as np
import pandas as pd
import pytest

from costopt import (
    CostMatrix,
    CostOptWarning,
    DecisionPolicy,
    SearchError,
    Strategy,
    compare,
    optimize,
)
from costopt.comparison.strategies import STRATEGIES
from costopt.inputs.files import read_table
from costopt.inputs.formats import FORMATS, FileFormat
from costopt.learners.dimensions import Integer
from costopt.learners.protocol import Fitted, Learner
from costopt.rebalancing import random_under
from costopt.rebalancing.definition import RebalancingMethod

COSTS = CostMatrix(fn=8, fp=1, unit="EUR")


@pytest.fixture(scope="module")
def cases():
    rng = np.random.default_rng(0)
    y = (np.arange(400) % 5 == 0).astype(int)
    return rng.normal(size=(400, 3)) + 1.2 * y[:, None], y


# A learner


class Nearest(Learner):
    """The share of positives among the rows with the nearest sums of columns."""

    name = "nearest"
    title = "nearest sums"

    def space(self):
        return {"k": Integer(5, 60)}

    def fit(self, prepared, fold, y, sample, params, **options):
        rows = prepared.training(fold)
        rows, weight = rows if sample.rows is None else rows[sample.rows], sample.sample_weight
        order = np.argsort(prepared.features.matrix[rows].sum(axis=1), kind="stable")
        sums = prepared.features.matrix[rows].sum(axis=1)[order]
        return Fitted((sums, y[rows][order], weight[order], params["k"]))

    def score(self, model, features):
        sums, y, weight, k = model
        at = np.searchsorted(sums, features.matrix.sum(axis=1))
        part = np.clip(at[:, None] + np.arange(-k, k), 0, sums.size - 1)
        return (weight * y)[part].sum(axis=1) / weight[part].sum(axis=1)


def test_a_learner_of_ones_own_is_searched_and_decides(cases):
    X, y = cases

    result = optimize(X, y, COSTS, learners=[Nearest()], n_trials=6, cv=3)

    assert result.policy.model_name == "nearest"
    assert set(result.best_params) <= {"k", "resampling", "weight_ratio", "sampling_ratio"}
    assert result.expected_cost.value < min(
        result.baselines[name].value for name in ("never act", "always act")
    )
    assert result.policy.decide(X)[y == 1].mean() > result.policy.decide(X)[y == 0].mean()


def test_it_is_searched_beside_others_and_compared(cases):
    X, y = cases

    result = optimize(X, y, COSTS, learners=["logistic", Nearest()], n_trials=6, cv=3)
    found = compare(
        X, y, COSTS, strategies=["logistic regression", "threshold 0.5"], learner=Nearest(), cv=3
    )

    assert {trial.params["learner"] for trial in result.study.trials} == {"logistic", "nearest"}
    assert found.skipped == {}
    assert {one.name for one in found.results} == {"logistic regression", "threshold 0.5"}


def test_what_it_did_not_say_is_what_the_protocol_says():
    made = Nearest()

    assert made.defaults() == {"k": 32}
    assert made.methods is None
    assert made.own_odds(np.array([True, False]), np.ones(2), {}).multiplier == 1.0
    assert made.for_labels("no", "yes") is made
    assert made.to_files(None) is None
    assert not made.saves_models


def test_its_policy_is_saved_for_scores(cases, tmp_path):
    """There is no file of its models that is safe to load: decisions need the scores then."""
    X, y = cases
    policy = optimize(X, y, COSTS, learners=Nearest(), n_trials=1, cv=3).policy

    with pytest.warns(CostOptWarning, match="model-not-saved"):
        policy.save(tmp_path / "policy")
    loaded = DecisionPolicy.load(tmp_path / "policy")

    scores = policy.raw_score(X)
    np.testing.assert_array_equal(loaded.decide(X, score=scores), policy.decide(X))


def test_something_that_is_no_learner_is_refused_with_what_to_do(cases):
    class Incomplete:
        name = "incomplete"

        def space(self):
            return {}

    with pytest.raises(SearchError, match=r"or derive a class of your own from costopt\.learners"):
        optimize(*cases, COSTS, learners=Incomplete(), n_trials=1)


# A rebalancing method

HALVED = RebalancingMethod(
    name="halved",
    apply=lambda rows, ratio, rng: random_under(
        rows.y, 2 * rows.y.sum() / (~rows.y).sum(), rng, population=rows.population
    ),
    effect="multiplier",
    title="halved negatives",
    does="Keeps every other negative, at random.",
    helps="Rarely.",
)
TO_A_RATIO = RebalancingMethod(
    name="to_a_ratio",
    apply=lambda rows, ratio, rng: random_under(rows.y, ratio, rng, population=rows.population),
    effect="multiplier",
    ratio="sampling_ratio",
)


def test_a_method_of_ones_own_is_searched_and_its_policy_is_saved(cases, tmp_path):
    X, y = cases

    result = optimize(X, y, COSTS, learners="logistic", resampling=HALVED, n_trials=3, cv=4)
    result.policy.save(tmp_path / "policy")
    loaded = DecisionPolicy.load(tmp_path / "policy")

    assert set(result.best_params) == {"C"}
    multipliers = result.study.trials[0].user_attrs["odds_multipliers"]
    assert multipliers == pytest.approx([2.0] * 4)  # as many positives among half of the negatives
    assert loaded.ledger_of_score.multiplier == pytest.approx(2.0)
    np.testing.assert_array_equal(loaded.decide(X), result.policy.decide(X))


def test_it_is_searched_beside_others_with_a_ratio_of_its_own(cases):
    X, y = cases

    result = optimize(
        X, y, COSTS, learners="logistic", resampling=["none", TO_A_RATIO, HALVED], n_trials=6, cv=3
    )

    tried = [trial.params["resampling"] for trial in result.study.trials]
    assert tried[:3] == ["none", "to_a_ratio", "halved"]
    for trial in result.study.trials:
        own = trial.params["resampling"] == "to_a_ratio"
        assert ("sampling_ratio" in trial.params) == own


def test_the_same_as_a_built_in_method_under_another_name_comes_to_the_same(cases):
    X, y = cases

    ours, theirs = (
        optimize(X, y, COSTS, learners="logistic", resampling=each, n_trials=3, cv=3)
        for each in ("random_under", TO_A_RATIO)
    )

    np.testing.assert_array_equal(ours.policy.probability(X), theirs.policy.probability(X))
    assert ours.expected_cost == theirs.expected_cost


def test_it_is_compared_as_a_strategy(cases):
    X, y = cases
    own = Strategy("halved", HALVED.does, HALVED.helps, "known", resampling=HALVED)

    found = compare(X, y, COSTS, strategies=[own, "SMOTE"], learner="logistic", cv=3)

    assert {one.name for one in found.results} == {"halved", "SMOTE"}
    assert found["halved"].description == "Keeps every other negative, at random."
    assert found.policy("halved").params["resampling"] == "halved"


def test_it_is_combined_with_a_learner_of_ones_own(cases):
    X, y = cases

    result = optimize(X, y, COSTS, learners=Nearest(), resampling=HALVED, n_trials=2, cv=3)

    assert set(result.best_params) == {"k"}
    assert result.policy.ledger_of_score.multiplier == pytest.approx(2.0)


def test_a_method_with_the_name_of_another_is_refused(cases):
    smote = RebalancingMethod(name="smote", apply=HALVED.apply, effect="shape")
    twin = RebalancingMethod(name="halved", apply=HALVED.apply, effect="shape")

    for given, name in (([smote], "smote"), ([HALVED, twin], "halved")):
        with pytest.raises(SearchError, match=f"two rebalancing methods are named '{name}'"):
            optimize(*cases, COSTS, resampling=given, n_trials=1)


# A strategy


def test_a_strategy_of_ones_own_stands_beside_those_that_are_there(cases):
    X, y = cases
    assert "nearest sums" not in STRATEGIES
    own = Strategy("nearest sums", "Counts neighbours.", "Rarely.", "kept", learner=Nearest())

    found = compare(X, y, COSTS, strategies=["logistic regression", own], cv=3)

    assert found["nearest sums"].description == "Counts neighbours."


# A file format


def read_lines_of_json(name, content):
    """A record in each line."""
    return pd.DataFrame([json.loads(line) for line in content.splitlines()])


def test_a_file_format_of_ones_own_is_read_wherever_a_table_is(tmp_path, monkeypatch):
    made = FileFormat(".jsonl", lambda content: content.startswith(b"{"), read_lines_of_json)
    monkeypatch.setattr("costopt.inputs.formats.FORMATS", [*FORMATS, made])
    path = tmp_path / "rows.jsonl"
    path.write_text('{"amount": 5, "kind": "a"}\n{"amount": 7.5, "kind": "b"}\n')

    found = read_table(path)

    assert found.to_dict("list") == {"amount": [5.0, 7.5], "kind": ["a", "b"]}
    assert read_table(path.rename(tmp_path / "rows.txt")).equals(found)
