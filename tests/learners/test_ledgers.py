"""What estimators do to the odds by parameters of their own, and that it is undone once."""

import warnings

import numpy as np
import pandas as pd
import pytest
from imblearn.ensemble import BalancedRandomForestClassifier
from imblearn.pipeline import make_pipeline as with_sampler
from imblearn.under_sampling import RandomUnderSampler
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from xgboost import XGBClassifier

from costopt import (
    CostMatrix,
    CostOptWarning,
    CostThresholdClassifier,
    SklearnLearner,
    compare,
    optimize,
)
from costopt.comparison.strategies import Strategy
from costopt.evaluation.candidates import Candidate, corrected_scores
from costopt.evaluation.problem import prepare
from costopt.evaluation.rows import Rows
from costopt.evaluation.trial import evaluate, fit_final
from costopt.learners import ledger_of
from costopt.learners.names import BUILT_IN
from costopt.learners.registry import learner
from costopt.rebalancing.methods import METHODS

COSTS = CostMatrix(fp=1, fn=9)
CODE = "training-weights-undone"


def cases(n=3000, seed=0):
    """Cases whose odds a linear model gets right, a ninth positive; and their true probabilities."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=list("abc"))
    probability = expit(1.3 * X["a"] + 0.5 * X["b"] - 2.8).to_numpy()
    return X, (rng.random(n) < probability).astype(int), probability


def problem_of(estimator, X, y, **options):
    options = {"calibration": "none", "cv": 3, "n_jobs": 1} | options
    rows_ = Rows(**{name: options.pop(name) for name in list(options) if hasattr(Rows, name)})
    learners = {"it": SklearnLearner(estimator, name="it")}
    return prepare(X, y, COSTS, learners, rows_, **options)


BALANCED = LogisticRegression(class_weight="balanced")
ESTIMATORS = {
    "balanced": BALANCED,
    "by 1 and 0": LogisticRegression(class_weight={0: 2, 1: 12}),
    "by True and False": LogisticRegression(class_weight={False: 0.5, True: 4}),
    "in a pipeline": make_pipeline(StandardScaler(), BALANCED),
    "a sampler": with_sampler(RandomUnderSampler(random_state=0), LogisticRegression()),
    "xgboost": XGBClassifier(
        scale_pos_weight=9, n_estimators=60, max_depth=2, learning_rate=0.1, n_jobs=1
    ),
    "an ensemble": BalancedRandomForestClassifier(
        n_estimators=30, min_samples_leaf=15, n_jobs=1, random_state=0
    ),
}


@pytest.mark.filterwarnings(f"ignore:.*{CODE}")
@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
def test_scores_mean_probabilities_again_before_costs_are_weighed(estimator):
    X, y, probability = cases()
    problem = problem_of(estimator, X, y)

    found = evaluate(problem, Candidate("it", {}))

    corrected = corrected_scores(problem, found.raw, found.odds_multipliers)
    assert found.raw.mean() > 2 * y.mean()  # as they come
    assert abs(corrected.mean() - y.mean()) < 0.02
    # decisions cost about what those of the truth do; on scores as they come far more
    cost = [np.where(act, y == 0, 9 * y).mean() for act in (probability >= 0.1, found.raw >= 0.1)]
    assert found.value * problem.scale < 1.1 * cost[0] < cost[1]
    (final,) = fit_final(problem, found.candidate, None)
    score = final.ledger.undo(final.model.score(problem.prepared("it").rows))
    assert abs(score.mean() - y.mean()) < 0.02


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
def test_it_is_said_once_before_anything_is_fitted(estimator):
    X, y, _ = cases(400)

    with pytest.warns(
        CostOptWarning, match=rf"\[{CODE}\] training of it multiplies the odds by"
    ) as seen:
        problem_of(estimator, X, y)
    assert len(seen) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", CostOptWarning)
        problem_of(estimator, X, y, calibration="platt")
        problem_of(LogisticRegression(), X, y)
        problem_of(SVC(probability=True, class_weight="balanced"), X, y)


def test_the_warning_names_the_factors():
    X, y, _ = cases(1000)
    against = (y == 0).sum() / y.sum()

    with pytest.warns(CostOptWarning, match=rf"{against:.4g} \(class_weight {against:.4g}\)"):
        optimize(
            X, y, COSTS, learners=SklearnLearner(BALANCED), calibration="none", n_trials=1,
            resampling="none", n_jobs=1, progress=False,
        )  # fmt: skip


@pytest.mark.parametrize("resampling", ["none", "weight", "random_over", "random_under"])
def test_resampling_and_own_weights_are_undone_together(resampling):
    """Rows that were balanced leave nothing for balanced weights to do."""
    X, y, _ = cases()
    with pytest.warns(CostOptWarning, match=CODE):
        problem = problem_of(BALANCED, X, y)

    found = evaluate(problem, Candidate("it", {}, resampling, 1.0))

    against = (y == 0).sum() / y.sum()
    assert_allclose(found.odds_multipliers, against, rtol=0.02)
    corrected = corrected_scores(problem, found.raw, found.odds_multipliers)
    assert abs(corrected.mean() - y.mean()) < 0.02


@pytest.mark.parametrize(
    "estimator",
    [
        BALANCED,
        HistGradientBoostingClassifier(class_weight="balanced", max_iter=30, max_depth=2),
        SGDClassifier(loss="log_loss", class_weight="balanced", alpha=0.05, random_state=0),
        ExtraTreesClassifier(40, min_samples_leaf=20, class_weight="balanced", random_state=0),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_some_balance_weights_and_some_rows(estimator):
    """The share of positives in the population comes back, whichever of them is balanced."""
    X, y, _ = cases(6000)
    weight = np.random.default_rng(1).uniform(0.5, 1.5, y.size) * np.where(y == 1, 0.25, 1.0)

    with pytest.warns(CostOptWarning, match=CODE):
        problem = problem_of(estimator, X, y, sample_weight=weight)
    found = evaluate(problem, Candidate("it", {}))

    corrected = corrected_scores(problem, found.raw, found.odds_multipliers)
    share = weight[y == 1].sum() / weight.sum()
    assert 0.7 * share < np.average(corrected, weights=weight) < 1.4 * share


def test_parameters_that_are_searched_are_those_that_are_undone():
    X, y, _ = cases()
    learner = SklearnLearner(LogisticRegression(), {"class_weight": [None, "balanced"]}, name="it")
    problem = prepare(X, y, COSTS, {"it": learner}, Rows(cv=3), calibration="none", n_jobs=1)

    plain, balanced = (
        evaluate(problem, Candidate("it", {"class_weight": weight}))
        for weight in (None, "balanced")
    )

    assert plain.odds_multipliers == (1.0, 1.0, 1.0)
    assert_allclose(balanced.odds_multipliers, (y == 0).sum() / y.sum(), rtol=0.02)
    assert learner.estimator.class_weight is None


def test_what_is_declared_to_balance_is_not_counted_twice():
    y = cases(1000)[1]
    forest = BalancedRandomForestClassifier(n_estimators=10, random_state=0)
    declared, bare = (SklearnLearner(forest, balances=balances) for balances in (True, False))

    one, other = (
        learner.own_odds(y == 1, np.ones(y.size), {}).multiplier for learner in (declared, bare)
    )

    assert_allclose([one, other], (y == 0).sum() / y.sum())


def test_calibration_by_platt_changes_nothing_but_the_folds_own_factors():
    """A map with a free intercept takes up what all folds have alike."""
    X, y, _ = cases()
    plain, balanced = (
        evaluate(
            problem_of(estimator, X, y, calibration="platt"), Candidate("it", {}), exact_scores=True
        )
        for estimator in (BALANCED, LogisticRegression())
    )

    assert_allclose(balanced.calibrated, plain.calibrated, atol=0.04)  # another fit of the line
    problem = problem_of(BALANCED, X, y, calibration="platt")
    found = evaluate(problem, Candidate("it", {}), exact_scores=True)
    as_it_comes = evaluate(problem, Candidate("it", {}, corrected=False), exact_scores=True)
    assert_allclose(found.calibrated, as_it_comes.calibrated, atol=2e-3)
    assert (found.choice.act != as_it_comes.choice.act).mean() < 0.005


def test_comparisons_and_classifiers_undo_it_too():
    X, y, probability = cases()
    raw = Strategy("raw", "", "", "", calibration="none", rule="bayes")

    found = compare(X, y, COSTS, strategies=[raw], learner=SklearnLearner(BALANCED), n_jobs=1)
    model = CostThresholdClassifier(BALANCED, COSTS).fit(X, y)

    cost = np.where(probability >= 0.1, y == 0, 9 * y).mean()
    assert found.results[0].expected_cost.value < 1.1 * cost
    assert model.policy_.ledger_of_score.entries[0][0] == "class_weight"
    assert_allclose(model.predict_proba(X)[:, 1].mean(), y.mean(), atol=0.01)


def test_weights_that_are_passed_count_where_they_are_balanced():
    y = np.repeat([0, 1], [90, 10])
    weight = np.where(y, 3.0, 1.0)

    assert ledger_of(BALANCED, y, sample_weight=weight).multiplier == 3
    boosted = HistGradientBoostingClassifier(class_weight="balanced")
    assert ledger_of(boosted, y, sample_weight=weight).multiplier == 9


REACH_IT = [  # those that clean up afterwards do not
    name
    for name in METHODS
    if (METHODS[name].ratio is not None) and name not in ("smote_tomek", "smote_enn")
]


@pytest.mark.parametrize("name", REACH_IT)
def test_balanced_strategies_balance_what_rows_stand_for(name):
    X, y, _ = cases(400)
    weight = np.random.default_rng(0).uniform(0.5, 1.5, y.size) * np.where(y == 1, 1.0, 0.5)
    strategy = Strategy("it", "", "", "", resampling=name, ratio="balanced")

    found = compare(
        X, y, COSTS, strategies=[strategy], learner="logistic", sample_weight=weight, cv=3, n_jobs=1
    )

    (record,) = found.records.values()
    against = weight[y == 0].sum() / weight[y == 1].sum()
    assert against < 0.6 * (y == 0).sum() / y.sum()
    assert_allclose(record.found.odds_multipliers, against, rtol=0.25)


def test_no_built_in_learner_is_warned_of():
    X, y, _ = cases(300)
    learners = {name: learner(name) for name in BUILT_IN}

    with warnings.catch_warnings():
        warnings.simplefilter("error", CostOptWarning)
        prepare(X, y, COSTS, learners, calibration="none")
