"""`optimize` as its users meet it: what it finds, keeps, refuses and leaves alone."""

import logging
import re

import numpy as np
import optuna
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from costopt import (
    CaseCosts,
    CostMatrix,
    CostOptWarning,
    CostSpecError,
    DataError,
    SearchError,
    SklearnLearner,
    StoreError,
    XGBoostLearner,
    mean_cost,
    optimize,
)

COSTS = CostMatrix(fn=8, fp=1, unit="EUR")


def small_xgboost():
    return XGBoostLearner(max_rounds=20)


@pytest.fixture(scope="module")
def found(make_rows):
    X, y = make_rows()
    return optimize(X, y, COSTS, learners=[small_xgboost(), "logistic"], n_trials=14)


def test_the_chosen_policy_decides_as_it_was_priced(found, rows):
    X, y = rows

    act = found.policy.decide(X)

    assert found.policy.evaluate(X, y).value == pytest.approx(mean_cost(y, act, COSTS))
    assert act.dtype == bool


def test_the_best_trial_is_never_worse_than_the_simple_devices_that_come_first(found):
    trials = found.trials_dataframe()
    learners = 2
    simple = 5  # none, balanced weights, cost weights, over- and under-sampling

    first = trials["value"].iloc[: learners * simple]

    assert trials["value"].min() <= first.min()
    assert set(trials["params_resampling"].iloc[: learners * simple]) == {
        "none",
        "weight",
        "random_over",
        "random_under",
    }


def test_the_apparent_cost_is_the_chosen_trials_value(found):
    chosen = found.study.trials[found.trial_number]

    assert found.apparent_cost == pytest.approx(chosen.value)
    assert found.best_params == chosen.params


def test_the_expected_cost_is_not_the_lowest_value_of_the_study(found):
    assert found.expected_cost.value > found.study.best_value
    assert found.expected_cost.low < found.expected_cost.value < found.expected_cost.high


def test_baselines_are_what_their_decisions_cost(found, rows):
    _, y = rows

    assert found.baselines["never act"].value == pytest.approx(8 * y.mean())
    assert found.baselines["always act"].value == pytest.approx(1 - y.mean())
    better = min(found.baselines[name].value for name in ("never act", "always act"))
    assert found.savings.value == pytest.approx(1 - found.expected_cost.value / better)


def test_the_same_seed_gives_the_same_search_bit_for_bit(rows):
    X, y = rows

    runs = [
        optimize(X, y, COSTS, learners=small_xgboost(), n_trials=12, random_state=3)
        for _ in range(2)
    ]

    first, second = ([(t.params, t.value) for t in run.study.trials] for run in runs)
    assert first == second
    assert runs[0].expected_cost == runs[1].expected_cost
    assert np.array_equal(runs[0].policy.probability(X), runs[1].policy.probability(X))


def test_the_number_of_cores_changes_no_decision(rows):
    X, y = rows

    one, all_cores = (
        optimize(X, y, COSTS, learners=small_xgboost(), n_trials=3, n_jobs=n_jobs)
        for n_jobs in (1, None)
    )

    assert np.array_equal(one.policy.decide(X), all_cores.policy.decide(X))


def test_currency_changes_no_decision(rows):
    X, y = rows

    results = [
        optimize(
            X,
            y,
            CostMatrix(fn=8 * rate, fp=rate),
            learners="logistic",
            n_trials=4,
        )
        for rate in (1, 1e-9, 1e9, 1e-300, 1e300)
    ]

    for result, rate in zip(results[1:], (1e-9, 1e9, 1e-300, 1e300), strict=True):
        assert np.array_equal(result.policy.decide(X), results[0].policy.decide(X))
        assert result.expected_cost.value / rate == pytest.approx(results[0].expected_cost.value)


@pytest.mark.parametrize("threshold", ["auto", "bayes", "exact", "sampled"])
def test_every_way_to_the_threshold_ends_in_a_policy(threshold, rows):
    X, y = rows

    result = optimize(X, y, COSTS, learners="logistic", n_trials=7, threshold=threshold)

    assert 0 < result.threshold < 1
    acted = result.policy.probability(X) >= result.threshold
    assert np.array_equal(acted, result.policy.decide(X))
    assert ("threshold" in result.best_params) == (threshold == "sampled")


def test_a_solved_threshold_is_never_worse_than_a_sampled_one_for_the_same_model(rows):
    X, y = rows
    options = {"learners": "logistic", "n_trials": 30, "resampling": "none"}

    exact = optimize(X, y, COSTS, threshold="exact", **options)
    sampled = optimize(X, y, COSTS, threshold="sampled", **options)

    assert exact.study.best_value <= sampled.study.best_value + 1e-12


def test_costs_per_case_decide_case_by_case(rows):
    X, y = rows

    with pytest.warns(CostOptWarning, match="degenerate-cases"):
        result = optimize(
            X, y, CostMatrix(fn="amount", fp=5, tp=5), learners="logistic", n_trials=3
        )

    probability = result.policy.probability(X)
    expected = probability * (X["amount"] - 5) - (1 - probability) * 5 >= 0
    assert result.threshold is None
    assert np.array_equal(result.policy.decide(X), expected)


def test_costs_per_case_as_arrays_are_asked_for_again(rows):
    X, y = rows
    costs = CaseCosts(fp=1, fn=X["amount"].to_numpy())

    policy = optimize(X, y, costs, learners="logistic", n_trials=2).policy

    assert policy.needs_costs
    assert policy.decide(X, costs=costs).shape == y.shape


def test_hindsight_reaches_neither_rule_nor_features(rows):
    X, y = rows
    X["claim"] = np.where(y == 1, X["amount"] * 3, 0.0)
    costs = CostMatrix(fn="claim", fp=5, hindsight=("claim",))

    result = optimize(X, y, costs, learners="logistic", n_trials=2)

    assert "claim" not in result.policy.schema.names
    assert result.policy.known_costs.fn == pytest.approx(X.loc[y == 1, "claim"].mean())
    assert np.array_equal(result.policy.decide(X.drop(columns="claim")), result.policy.decide(X))


def test_a_column_that_knows_the_answer_is_pointed_out(rows):
    X, y = rows
    X["claim"] = np.where(y == 1, X["amount"] * 3, 0.0)

    with (
        pytest.warns(CostOptWarning, match="possible-leaks.*'claim' is other than 0"),
        pytest.warns(CostOptWarning, match="degenerate-cases"),
    ):
        optimize(X, y, CostMatrix(fn="claim", fp=5), learners="logistic", n_trials=1)


def test_groups_and_time_named_by_column_are_no_features(rows):
    X, y = rows
    X["customer"] = [f"c{row % 60}" for row in range(len(X))]
    X["when"] = pd.date_range("2026-01-01", periods=len(X), freq="h")

    grouped = optimize(
        X, y, COSTS, learners="logistic", n_trials=1, groups="customer", ignore=["when"]
    )
    ordered = optimize(X, y, COSTS, learners="logistic", n_trials=1, time="when", ignore="customer")

    for result in (grouped, ordered):
        assert set(result.policy.schema.names) == {"signal", "noise", "kind", "amount"}
    assert ordered.expected_cost.n < len(X) == grouped.expected_cost.n


def test_prevalence_reweighs_the_estimate(rows):
    X, y = rows

    result = optimize(X, y, COSTS, learners="logistic", n_trials=1, prevalence=0.01)

    assert result.baselines["never act"].value == pytest.approx(8 * 0.01)
    assert result.policy.probability(X).mean() < 0.05


def test_weights_of_a_column_are_those_of_an_array(rows):
    X, y = rows
    weight = np.where(y == 1, 1.0, 3.0)

    by_name = optimize(
        X.assign(w=weight), y, COSTS, learners="logistic", n_trials=1, sample_weight="w"
    )
    by_array = optimize(X, y, COSTS, learners="logistic", n_trials=1, sample_weight=weight)

    assert by_name.expected_cost == by_array.expected_cost


def test_any_classifier_with_a_space_can_be_searched(rows):
    X, y = rows
    forest = SklearnLearner(
        RandomForestClassifier(n_estimators=10), {"max_depth": (2, 6), "criterion": ["gini"]}
    )

    result = optimize(X, y, COSTS, learners=forest, n_trials=7)

    assert 2 <= result.best_params["max_depth"] <= 6
    assert result.policy.model_name == "RandomForestClassifier"


class Fragile(DecisionTreeClassifier):
    """Cannot be fitted with a depth above 2."""

    def fit(self, X, y, sample_weight=None):
        if self.max_depth > 2:
            raise RuntimeError("too deep for me")
        return super().fit(X, y, sample_weight=sample_weight)


def test_failed_trials_are_counted_and_do_not_end_the_search(rows):
    X, y = rows
    learner = SklearnLearner(Fragile(max_depth=2), {"max_depth": (1, 4)})

    with pytest.warns(CostOptWarning, match=r"failed-trials.*RuntimeError: too deep for me"):
        result = optimize(X, y, COSTS, learners=learner, n_trials=15)

    states = [trial.state.name for trial in result.study.trials]
    failed = [t for t in result.study.trials if t.state == optuna.trial.TrialState.FAIL]
    assert result.n_trials + states.count("FAIL") + states.count("PRUNED") == len(states) == 15
    assert failed[0].user_attrs["reason"] == "RuntimeError: too deep for me"
    assert result.best_params["max_depth"] <= 2


def test_a_search_in_which_everything_fails_says_why(rows):
    X, y = rows
    learner = SklearnLearner(Fragile(max_depth=9), {"max_depth": (3, 4)})

    with pytest.raises(SearchError, match=r"all 3 trials failed.*3 times RuntimeError: too deep"):
        optimize(X, y, COSTS, learners=learner, n_trials=3)


class Interrupting(DecisionTreeClassifier):
    """Presses Ctrl-C when asked for a depth of 1."""

    def fit(self, X, y, sample_weight=None):
        if self.max_depth == 1:
            raise KeyboardInterrupt
        return super().fit(X, y, sample_weight=sample_weight)


def test_ctrl_c_keeps_what_was_found(rows):
    X, y = rows
    learner = SklearnLearner(Interrupting(max_depth=3), {"max_depth": (1, 3)})

    with pytest.warns(CostOptWarning, match=r"interrupted.*of 200"):
        result = optimize(X, y, COSTS, learners=learner, n_trials=200, n_jobs=1)

    assert 1 <= result.n_trials < 200


def test_ctrl_c_before_anything_was_found_is_ctrl_c(rows):
    X, y = rows
    learner = SklearnLearner(Interrupting(max_depth=1))

    with pytest.raises(KeyboardInterrupt):
        optimize(X, y, COSTS, learners=learner, n_trials=5, n_jobs=1)


def test_a_timeout_ends_the_search_after_a_trial_at_least(rows):
    X, y = rows

    result = optimize(X, y, COSTS, learners="logistic", n_trials=10_000, timeout=1e-6)

    assert result.n_trials == 1


def test_optunas_log_level_stays_as_it_was(rows):
    X, y = rows
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(logging.ERROR)
    try:
        optimize(X, y, COSTS, learners="logistic", n_trials=1)
        assert optuna.logging.get_verbosity() == logging.ERROR
    finally:
        optuna.logging.set_verbosity(before)


def test_neither_the_callers_data_nor_global_randomness_change(rows):
    X, y = rows
    before, state = X.copy(), np.random.get_state()[1].copy()  # noqa: NPY002  # what is checked

    optimize(X, y, COSTS, learners=small_xgboost(), n_trials=2)

    pd.testing.assert_frame_equal(X, before)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002  # as above


def test_a_bar_is_drawn_only_when_asked_for_or_on_a_terminal(capsys, rows):
    X, y = rows

    optimize(X, y, COSTS, learners="logistic", n_trials=1)
    silent = capsys.readouterr()
    optimize(X, y, COSTS, learners="logistic", n_trials=1, progress=True)
    shown = capsys.readouterr()

    assert silent.err == silent.out == shown.out == ""
    assert "lowest cost" in shown.err


def test_the_summary_says_in_money_what_a_blind_guard_is_worth(found, rows):
    _, y = rows

    text = found.summary()

    assert re.search(rf"never act .*{100 * (1 - y.mean()):.3g} % accurate", text)
    assert "EUR per case" in text
    assert f"{found.expected_cost.value:.4g}" in text
    assert f"{found.apparent_cost:.4g}" in text
    assert "Why this rule: " in text


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"n_trials": 0}, SearchError, "n_trials must be a whole number of at least 1, got 0"),
        ({"n_trials": True}, SearchError, "n_trials must be a whole number"),
        ({"timeout": 0}, SearchError, "timeout must be a number of seconds above 0, got 0"),
        ({"sampler": "tpe"}, SearchError, "sampler must be an Optuna sampler, got 'tpe'"),
        ({"learners": "xgbost"}, SearchError, "no learner named 'xgbost': did you mean 'xgboost'"),
        ({"learners": []}, SearchError, "learners must name at least one"),
        ({"learners": ["logistic", "logistic"]}, SearchError, "two learners are named 'logistic'"),
        (
            {"learners": RandomForestClassifier()},
            SearchError,
            r"wrap a scikit-learn classifier as SklearnLearner",
        ),
        (
            {"resampling": "smotte"},
            SearchError,
            "no resampling named 'smotte': did you mean 'smote'",
        ),
        ({"resampling": ()}, SearchError, "resampling must name at least one method"),
        ({"threshold": "bayse"}, DataError, "threshold='bayse' is not known: did you mean 'bayes'"),
        ({"cv": 1}, DataError, "cv must be at least 2 folds, got 1"),
        ({"groups": "custmer"}, DataError, "groups names the column 'custmer', which X does not"),
        ({"ignore": ["amuont"]}, DataError, "no column 'amuont' to ignore: did you mean 'amount'"),
        ({"prevalence": 1.5}, DataError, "prevalence.*between 0 and 1, got 1.5"),
        ({"random_state": None}, DataError, "random_state must be a whole number"),
        ({"n_jobs": 0}, DataError, "n_jobs must be a number of cores of at least 1"),
        ({"pos_label": 7}, DataError, "pos_label=7 is not among the classes"),
        ({"selection": "best"}, DataError, "selection='best' is not known"),
        ({"final": "all"}, DataError, "final='all' is not known"),
        ({"storage": 7}, StoreError, "storage must be a URL such as sqlite:///study.db, got 7"),
        ({"storage": "my.db"}, StoreError, "storage must be a URL.*got 'my.db'"),
    ],
)
def test_wrong_arguments_are_named_before_anything_is_fitted(change, error, message, make_rows):
    X, y = make_rows(60)

    with pytest.raises(error, match=message):
        optimize(X, y, COSTS, **{"learners": "logistic", "n_trials": 1, **change})


def test_a_users_first_mistakes_get_one_clear_sentence(make_rows):
    X, y = make_rows(60)

    with pytest.raises(CostSpecError, match="column 'amout', which the data do not have: did you"):
        optimize(X, y, CostMatrix(fn="amout", fp=1))
    with pytest.raises(
        DataError, match=r"the positive class must be named.*'no'.*'yes'.*pos_label"
    ):
        optimize(X, y.map({0: "no", 1: "yes"}), COSTS)
    with pytest.raises(CostSpecError, match="both errors are cheaper than the right decisions"):
        optimize(X, y, CostMatrix(fn=0, fp=0, tp=1, tn=1))
    with pytest.raises(DataError, match="y must have two classes, got only one class, 0"):
        optimize(X, y * 0, COSTS)
    with pytest.raises(CostSpecError, match=r"costs\.fn must be finite, got nan"):
        optimize(X, y, CostMatrix(fn=float("nan"), fp=1))
    with pytest.raises(DataError, match="there are 2 positive rows for 5 folds"):
        optimize(X, (y.index < 2).astype(int), COSTS)
    with pytest.raises(DataError, match="X has 60 rows but y has 59 labels"):
        optimize(X, y.to_numpy()[:-1], COSTS)
    with pytest.raises(CostSpecError, match="CostMatrix or CaseCosts with named cells"):
        optimize(X, y, np.ones((60, 4)))
