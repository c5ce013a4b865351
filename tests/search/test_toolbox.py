"""The whole toolbox inside the search: every learner and resampling by name, and what must still hold."""

import numpy as np
import pytest

from costopt import (
    CostMatrix,
    DecisionPolicy,
    SearchError,
    SklearnLearner,
    XGBoostLearner,
    compare,
    optimize,
)
from costopt.evaluation.problem import prepare
from costopt.learners.logistic import LogisticLearner
from costopt.learners.names import BUILT_IN
from costopt.rebalancing.methods import METHODS
from costopt.search.space import SearchSpace, resolve_learners, resolve_resampling

COSTS = CostMatrix(fn=8, fp=1, unit="EUR")


def numbers(n=300, seed=0):
    """Numbers only, with gaps: what every resampling is made for."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 6 == 0
    X = rng.normal(size=(n, 4)) + y[:, None] * [1.2, 0.8, 0, 0]
    X[rng.random(X.shape) < 0.05] = np.nan
    return X, y.astype(int)


def space_of(X, y, learners, resampling):
    chosen = resolve_learners(learners)
    methods = resolve_resampling(resampling, chosen)
    return SearchSpace(prepare(X, y, COSTS, chosen, n_jobs=1), methods)


@pytest.mark.parametrize("resampling", METHODS)
def test_every_method_is_searched_by_its_name(resampling):
    X, y = numbers()

    result = optimize(X, y, COSTS, learners="logistic", resampling=resampling, n_trials=3, cv=3)

    searched = set(result.best_params) - {"C"}
    if METHODS[resampling].ratio is not None:
        assert searched == {"weight_ratio" if resampling == "weight" else "sampling_ratio"}
    else:
        assert searched == set()
    assert result.policy.decide(X).shape == y.shape


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "easy_ensemble"])
def test_every_learner_is_searched_by_its_name(name, rows):
    X, y = rows

    result = optimize(X, y, COSTS, learners=name, n_trials=1, cv=2)

    assert result.policy.model_name == name
    assert 0 <= result.policy.probability(X).min() <= result.policy.probability(X).max() <= 1


def test_the_best_of_a_search_is_never_more_expensive_than_each_strategy_alone():
    """Each learner untuned and the first under each method are tried before the search proper."""
    X, y = numbers()
    learners = [LogisticLearner(), XGBoostLearner(max_rounds=20), "isolation_forest"]
    methods = ["none", "weight", "random_under", "smote"]
    first = len(space_of(X, y, learners, methods).defaults())

    # each trial is worth what it costs, and the search only adds to those it is given
    result = optimize(
        X, y, COSTS, learners=learners, resampling=methods, n_trials=first + 2, cv=3, racing=False
    )

    alone = []
    for learner in learners:
        for resampling in methods if learner != "isolation_forest" else ["none"]:
            found = optimize(
                X, y, COSTS, learners=learner, resampling=resampling, n_trials=1, cv=3, racing=False
            )
            alone.append(found.study.best_value)
    assert len(alone) == 2 * len(methods) + 1
    assert result.study.best_value <= min(alone) + 1e-12


def test_the_best_of_a_search_is_never_more_expensive_than_what_compare_finds():
    X, y = numbers()
    names = ["logistic regression", "random over-sampling", "SMOTE", "TomekLinks"]
    methods = ["none", "random_over", "smote", "tomek_links"]

    result = optimize(
        X, y, COSTS, learners="logistic", resampling=methods, n_trials=5, racing=False
    )
    found = compare(X, y, COSTS, strategies=names, learner="logistic")

    for name in names:
        assert result.study.best_value <= found[name].expected_cost.value + 1e-9


def test_first_trials_are_every_learner_plain_then_each_method():
    X, y = numbers()

    trials = space_of(
        X, y, ["logistic", "random_forest", "isolation_forest"], ["none", "smote", "tomek_links"]
    ).defaults()

    assert [trial["learner"] for trial in trials[:3]] == [
        "logistic",
        "random_forest",
        "isolation_forest",
    ]
    assert [
        trial.get("logistic__resampling") for trial in trials if trial["learner"] == "logistic"
    ] == [
        "none",
        "smote",
        "tomek_links",
    ]
    assert len(trials) == 7
    assert len({tuple(sorted(trial.items())) for trial in trials}) == 7


def test_a_search_with_synthetic_rows_is_resumed_bit_by_bit(tmp_path, outcome_of):
    X, y = numbers()
    call = {
        "learners": [LogisticLearner(), XGBoostLearner(max_rounds=10)],
        "resampling": ["none", "smote", "smote_enn", "random_under"],
        "cv": 3,
        "n_jobs": 1,
    }
    whole = optimize(X, y, COSTS, n_trials=12, **call)

    url = f"sqlite:///{tmp_path}/study.db"
    optimize(X, y, COSTS, n_trials=3, storage=url, **call)
    resumed = optimize(X, y, COSTS, n_trials=12, storage=url, **call)

    assert outcome_of(resumed, X) == outcome_of(whole, X)
    used = {params.get("resampling") for params in (t.params for t in whole.study.trials)}
    assert {"smote", "smote_enn"} <= used


def test_a_policy_made_with_synthetic_rows_is_saved(tmp_path):
    X, y = numbers()

    policy = optimize(X, y, COSTS, learners="xgboost", resampling="smote", n_trials=1, cv=3).policy
    policy.save(tmp_path / "policy")
    loaded = DecisionPolicy.load(tmp_path / "policy")

    assert np.array_equal(loaded.probability(X), policy.probability(X))
    assert loaded.ledger_of_score.entries[0][0] == "smote"


def test_learners_that_know_one_method_only_keep_it():
    X, y = numbers()
    space = space_of(X, y, ["xgboost_expected_cost", "isolation_forest"], ["smote", "none"])

    methods = [space.candidate(params).resampling for params in space.defaults()]

    assert methods == ["case_weight", "none"]


def test_of_many_learners_only_the_first_is_tried_under_every_method():
    X, y = numbers()
    learners = ["logistic", "random_forest", "rusboost", "hist_gradient_boosting"]

    trials = space_of(X, y, learners, ["none", "smote"]).defaults()

    assert [trial["learner"] for trial in trials] == [*learners, "logistic"]


def test_the_ratio_of_synthetic_rows_is_searched_up_to_balance():
    X, y = numbers()
    space = space_of(X, y, "logistic", ["smote"])

    assert space.defaults() == [{"C": 1.0, "sampling_ratio": 1.0}]
    found = space._ratio_range("smote")
    assert (found.low, found.high, found.log) == (pytest.approx(50 / 250), 1.0, True)


def test_names_are_checked_before_anything_is_fitted(rows):
    X, y = rows
    for given, message in (
        ({"resampling": "smoote"}, "no resampling named 'smoote': did you mean 'smote'"),
        ({"resampling": ["smote", "enn"]}, "no resampling named 'enn'"),
        ({"resampling": []}, "resampling must name at least one method"),
        (
            {"learners": "random_forst"},
            "no learner named 'random_forst': did you mean 'random_forest'",
        ),
        ({"learners": ["logistic", "logistic"]}, "two learners are named 'logistic'"),
    ):
        with pytest.raises(SearchError, match=message):
            optimize(X, y, COSTS, n_trials=1, **given)


def test_a_method_that_needs_weights_does_not_reach_a_learner_without(rows):
    from sklearn.neighbors import KNeighborsClassifier

    X, y = rows
    learner = SklearnLearner(KNeighborsClassifier(15), name="neighbours")

    with pytest.raises(SearchError, match="neighbours takes no sample_weight"):
        optimize(X, y, COSTS, learners=learner, resampling="case_weight", n_trials=1)
    result = optimize(
        X, y, COSTS, learners=learner, resampling=["case_weight", "smote"], n_trials=2
    )
    assert set(result.best_params) == {"sampling_ratio"}


@pytest.mark.slow
def test_a_search_over_everything_is_within_noise_of_each_strategy_on_rows_held_out():
    X, y = numbers(6000)
    held = numbers(6000, seed=1)
    learners = ["logistic", "xgboost", "random_forest"]
    methods = ["none", "weight", "random_under", "smote"]

    result = optimize(X, y, COSTS, learners=learners, resampling=methods, n_trials=25, cv=3)
    found = compare(X, y, COSTS, cv=3, strategies=["xgboost", "logistic regression", "SMOTE"])

    ours = result.policy.evaluate(*held).value
    others = [found.policy(one.name).evaluate(*held).value for one in found.results]
    assert ours < min(others) * 1.05
