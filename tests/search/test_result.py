"""The result of a search: the final models, what is said of them, and what they decide."""

import numpy as np
import pytest
from optuna.trial import TrialState

from costopt import (
    CostMatrix,
    DecisionPolicy,
    ExpectedCostObjective,
    XGBoostLearner,
    optimize,
)
from costopt.evaluation.trial import evaluate

COSTS = CostMatrix(fn=8, fp=1, unit="EUR")
LEARNERS = {"logistic": "logistic", "xgboost": XGBoostLearner(max_rounds=10)}


def search(rows, learner, **options):
    X, y = rows
    given = {"learners": LEARNERS[learner], "n_trials": 12, "n_jobs": 1, "cv": 4, **options}
    return optimize(X, y, COSTS, **given)


@pytest.fixture(scope="module", params=LEARNERS)
def both(request, make_rows):
    """The same search, with one model of all rows and with those of the folds."""
    rows = make_rows(300, 1)
    return (
        rows,
        request.param,
        *(search(rows, request.param, final=final) for final in ("refit", "folds")),
    )


def test_one_model_of_all_rows_or_one_of_each_fold(both):
    _, _, refit, folds = both

    assert len(refit.policy.models) == 1
    assert len(folds.policy.models) == 4


def test_how_the_models_are_made_changes_no_estimate(both):
    _, _, refit, folds = both

    assert refit.trial_number == folds.trial_number
    assert refit.expected_cost == folds.expected_cost
    assert refit.savings == folds.savings
    assert refit.apparent_cost == folds.apparent_cost
    assert refit.threshold == folds.threshold


def test_the_models_of_the_folds_are_those_that_were_evaluated(both):
    (X, y), learner, _, result = both
    objective = ExpectedCostObjective(X, y, COSTS, learners=LEARNERS[learner], cv=4, n_jobs=1)
    problem = objective.problem
    found = evaluate(problem, objective.space.candidate(result.best_params))

    for fold, part in zip(problem.folds.folds, result.policy.models, strict=True):
        raw = result.policy.learner.score(part.model, problem.features)[fold.test]
        assert raw == pytest.approx(found.raw[fold.test], rel=1e-5)


def test_the_score_is_the_average_of_the_models_with_their_odds_undone(both):
    (X, _), _, _, result = both
    policy = result.policy
    features = ExpectedCostObjective(*both[0], COSTS, cv=4).problem.features

    scores = []
    for part in policy.models:
        odds = 1.0
        for _, factor in part.ledger.entries:
            odds *= factor
        raw = policy.learner.score(part.model, features)
        scores.append(raw / (raw + odds * (1 - raw)))

    expected = policy.calibrator.apply(np.mean(scores, axis=0))
    assert policy.probability(X) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("at", [2, 3])
def test_it_saves_loads_and_decides_the_same(at, both, tmp_path):
    (X, _), result = both[0], both[at]

    result.policy.save(tmp_path / "policy")
    loaded = DecisionPolicy.load(tmp_path / "policy")

    assert len(loaded.models) == len(result.policy.models)
    assert np.array_equal(loaded.probability(X), result.policy.probability(X))
    assert np.array_equal(loaded.decide(X), result.policy.decide(X))
    assert loaded.threshold == result.policy.threshold
    assert loaded.evidence == result.policy.evidence


def test_refit_and_folds_decide_alike_on_new_rows(both, make_rows):
    _, _, refit, folds = both
    X_new, _ = make_rows(2000, 77)

    assert (
        np.corrcoef(refit.policy.probability(X_new), folds.policy.probability(X_new))[0, 1] > 0.95
    )
    assert np.mean(refit.policy.decide(X_new) == folds.policy.decide(X_new)) > 0.85


@pytest.mark.parametrize("final", ["refit", "folds"])
@pytest.mark.parametrize("learner", LEARNERS)
def test_an_average_holds_the_models_of_each_of_its_trials(learner, final, make_rows, tmp_path):
    rows = make_rows(300, 1)

    result = search(rows, learner, selection="average", final=final)

    assert len(result.averaged) in (3, 4)
    assert len(result.policy.models) == len(result.averaged) * (4 if final == "folds" else 1)
    assert 0 in result.averaged  # the untuned model
    result.policy.save(tmp_path / "policy")
    loaded = DecisionPolicy.load(tmp_path / "policy")
    assert np.array_equal(loaded.decide(rows[0]), result.policy.decide(rows[0]))
    assert np.array_equal(loaded.probability(rows[0]), result.policy.probability(rows[0]))


@pytest.mark.parametrize("selection", ["likelihood", "average", "cost", "cheapest"])
def test_what_is_selected_costs_on_new_rows_about_what_was_expected(selection, make_rows):
    X_new, y_new = make_rows(20_000, 500)

    ratios = []
    for seed in range(3):
        result = search(make_rows(600, seed), "logistic", selection=selection, random_state=seed)
        ratios.append(result.policy.evaluate(X_new, y_new).value / result.expected_cost.value)

    assert 0.85 < np.mean(ratios) < 1.15


def test_only_complete_trials_are_counted_but_all_are_listed(make_rows):
    result = search(make_rows(300), "xgboost", n_trials=30, cv=5)

    table = result.trials_dataframe()
    assert len(table) == 30
    assert set(table["state"]) == {"COMPLETE", "PRUNED"}
    assert result.n_trials == (table["state"] == "COMPLETE").sum() < 30
    assert result.summary().startswith(f"{result.n_trials} trials")


def test_the_chosen_trial_is_one_of_the_study(both):
    _, _, result, _ = both
    chosen = result.study.trials[result.trial_number]

    assert chosen.state == TrialState.COMPLETE
    assert chosen.params == dict(result.best_params)
    assert result.averaged == (result.trial_number,)


def test_the_summary_says_how_many_models_there_are(both):
    _, _, refit, folds = both

    assert "average of 4 models" in folds.summary()
    assert "average of" not in refit.summary()
