"""The objective in somebody else's Optuna study."""

import optuna
import pytest
from optuna.trial import TrialState

from costopt import CostMatrix, ExpectedCostObjective, SearchError, XGBoostLearner, optimize
from costopt.search.sampler import sampler_for

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


def study_of(objective, n_trials, seed=1, **options):
    given = {
        "sampler": optuna.samplers.TPESampler(seed=seed),
        "pruner": optuna.pruners.NopPruner(),
        **options,
    }
    study = optuna.create_study(**given)
    objective.enqueue_defaults(study)
    study.optimize(objective, n_trials=n_trials)
    return study


@pytest.mark.parametrize("racing", [True, False])
def test_a_study_of_ones_own_ends_in_the_same_result_as_optimize(racing, rows):
    X, y = rows
    call = {"learners": XGBoostLearner(max_rounds=10), "random_state": 1, "racing": racing}
    objective = ExpectedCostObjective(X, y, COSTS, **call)

    study = study_of(objective, 0)
    for number in range(25):
        study.sampler = sampler_for(1, number)
        study.optimize(objective, n_trials=1)
    own = objective.result(study)
    ours = optimize(X, y, COSTS, n_trials=25, **call)

    assert [t.params for t in own.study.trials] == [t.params for t in ours.study.trials]
    assert [t.values for t in own.study.trials] == [t.values for t in ours.study.trials]
    states = {trial.state for trial in ours.study.trials}
    assert [t.state for t in own.study.trials] == [t.state for t in ours.study.trials]
    assert (TrialState.PRUNED in states) == racing
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


@pytest.mark.parametrize("unit", [1, 1000])
def test_what_the_folds_so_far_cost_is_reported_in_the_declared_unit(unit, rows):
    X, y = rows
    objective = ExpectedCostObjective(X, y, CostMatrix(fn=8 * unit, fp=unit), learners="logistic")

    trial = study_of(objective, 1).trials[0]

    assert list(trial.intermediate_values) == [2, 3, 4]
    never = 8 * unit * y.mean()
    for cost in (*trial.intermediate_values.values(), trial.value):
        assert 0.2 * never < cost < 1.2 * never


def test_a_pruner_of_ones_own_is_obeyed(rows, objective):
    X, y = rows
    free = study_of(objective, 15)
    first_looks = [trial.intermediate_values[2] for trial in free.trials]
    limit = sorted(first_looks)[7]
    own = ExpectedCostObjective(X, y, COSTS, learners="logistic", random_state=1)

    pruned = study_of(own, 15, pruner=optuna.pruners.ThresholdPruner(upper=limit))

    for trial in pruned.trials:
        too_expensive = [cost > limit for cost in trial.intermediate_values.values()]
        assert (trial.state == TrialState.PRUNED) == any(too_expensive)
        assert not any(too_expensive[:-1])  # stopped at once
        if trial.state == TrialState.PRUNED:
            assert trial.user_attrs == {"n_folds": 1 + len(too_expensive)}
    assert {trial.state for trial in pruned.trials} == {TrialState.PRUNED, TrialState.COMPLETE}


def test_a_result_is_made_of_the_trials_that_a_pruner_left(rows):
    X, y = rows
    objective = ExpectedCostObjective(X, y, COSTS, learners="logistic", random_state=1)
    study = study_of(objective, 12, pruner=optuna.pruners.MedianPruner(3, 0))
    complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    assert 0 < len(complete) < 12

    result = objective.result(study)

    without = optuna.create_study()
    without.add_trials(complete)
    elsewhere = ExpectedCostObjective(X, y, COSTS, learners="logistic", random_state=1)
    assert result.n_trials == len(complete)
    assert result.expected_cost == elsewhere.result(without).expected_cost


def test_a_study_in_which_all_was_pruned_has_no_result(objective):
    study = study_of(objective, 5, pruner=optuna.pruners.ThresholdPruner(upper=-1.0))

    assert {trial.state for trial in study.trials} == {TrialState.PRUNED}
    with pytest.raises(SearchError, match="no trial of the study is complete"):
        objective.result(study)


def test_racing_goes_on_beside_another_pruner(rows):
    X, y = rows
    learner = XGBoostLearner(max_rounds=10)
    objective = ExpectedCostObjective(X, y, COSTS, learners=learner, random_state=1, racing=True)

    study = study_of(objective, 25, pruner=optuna.pruners.ThresholdPruner(upper=100.0))

    assert TrialState.PRUNED in {trial.state for trial in study.trials}


def test_a_candidate_that_was_evaluated_before_is_not_fitted_again(rows, counted):
    X, y = rows
    learner = counted()
    objective = ExpectedCostObjective(X, y, COSTS, learners=learner, n_jobs=1)
    study = optuna.create_study()
    for _ in range(3):
        study.enqueue_trial(objective.space.defaults()[1])

    study.optimize(objective, n_trials=3)

    assert learner.fits == list(range(5))
    first, *again = study.trials
    assert all(trial.value == first.value for trial in again)
    assert all(trial.user_attrs == first.user_attrs for trial in again)


@pytest.mark.parametrize("racing", [True, False])
def test_a_study_may_have_another_objective_beside_cost(rows, racing):
    X, y = rows
    objective = ExpectedCostObjective(X, y, COSTS, learners="logistic", racing=racing)
    study = optuna.create_study(
        directions=["minimize", "maximize"], sampler=optuna.samplers.TPESampler(seed=1)
    )
    objective.enqueue_defaults(study)

    study.optimize(lambda trial: (objective(trial), trial.params["C"]), n_trials=8)
    result = objective.result(study)

    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    costs = [trial.values[0] for trial in study.trials]
    assert [trial.value for trial in result.study.trials] == costs
    assert result.best_params == study.trials[result.trial_number].params
    assert len(study.directions) == 2
    assert "lowest" in result.summary()


def test_a_candidate_can_be_tried_without_a_study(objective):
    trial = optuna.trial.FixedTrial(objective.space.defaults()[0])

    assert objective(trial) > 0
