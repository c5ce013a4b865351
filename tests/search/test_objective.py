"""The objective in somebody else's Optuna study."""

import optuna
import pytest

from costopt import CostMatrix, ExpectedCostObjective, SearchError, optimize

COSTS = CostMatrix(fn=8, fp=1)


@pytest.fixture(autouse=True)
def _quiet_optuna():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


@pytest.fixture
def objective(rows):
    X, y = rows
    return ExpectedCostObjective(X, y, COSTS, learners="logistic", random_state=1)


def study_of(objective, n_trials, seed=1):
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    objective.enqueue_defaults(study)
    study.optimize(objective, n_trials=n_trials)
    return study


def test_a_study_of_ones_own_ends_in_the_same_result_as_optimize(rows, objective):
    X, y = rows

    own = objective.result(study_of(objective, 12))
    ours = optimize(X, y, COSTS, learners="logistic", n_trials=12, random_state=1)

    assert [t.params for t in own.study.trials] == [t.params for t in ours.study.trials]
    assert own.expected_cost == ours.expected_cost
    assert own.best_params == ours.best_params
    assert (own.policy.decide(X) == ours.policy.decide(X)).all()


def test_trials_of_another_process_are_evaluated_again_with_the_same_outcome(rows, objective):
    X, y = rows
    study = study_of(objective, 8)

    elsewhere = ExpectedCostObjective(X, y, COSTS, learners="logistic", random_state=1)

    assert elsewhere.result(study).expected_cost == objective.result(study).expected_cost


def test_what_was_measured_of_a_trial_is_kept_in_the_study(objective):
    trial = study_of(objective, 2).trials[1]

    assert trial.user_attrs["log_loss"] > 0
    assert trial.user_attrs["n_rounds"] is None
    assert len(trial.user_attrs["odds_multipliers"]) == 5
    assert trial.user_attrs["rule"]


def test_several_learners_keep_their_parameters_apart(rows):
    X, y = rows
    objective = ExpectedCostObjective(X, y, COSTS, learners=["logistic", "xgboost"])

    names = {name for params in objective.space.defaults() for name in params}

    assert "logistic__C" in names
    assert "xgboost__max_depth" in names
    assert "learner" in names


def test_a_ratio_is_asked_for_only_where_a_device_has_one(objective):
    study = study_of(objective, 20)

    for trial in study.trials:
        device = trial.params["resampling"]
        assert ("weight_ratio" in trial.params) == (device == "weight")
        assert ("sampling_ratio" in trial.params) == device.startswith("random")


@pytest.mark.parametrize(
    "sampler", [optuna.samplers.RandomSampler(0), optuna.samplers.NSGAIISampler(seed=0)]
)
def test_any_sampler_will_do(objective, sampler):
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=3)

    assert objective.result(study).n_trials == 3


def test_a_study_that_maximises_is_refused(objective):
    study = optuna.create_study(direction="maximize")
    study.optimize(objective, n_trials=1)

    with pytest.raises(SearchError, match="the study must minimise"):
        objective.result(study)


def test_an_empty_study_is_refused(objective):
    with pytest.raises(SearchError, match="no trial of the study is complete"):
        objective.result(optuna.create_study())


def test_a_study_of_something_else_is_refused(objective):
    study = optuna.create_study()
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)

    with pytest.raises(SearchError, match="has no parameter.*made by another objective"):
        objective.result(study)
