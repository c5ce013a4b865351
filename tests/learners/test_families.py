"""Ensembles by name: mixed columns with gaps, and the odds of those that balance their rows."""

import sys
import warnings
from importlib.util import find_spec

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import roc_auc_score

from costopt import CostMatrix, SearchError, SklearnLearner
from costopt.evaluation.candidates import Candidate
from costopt.evaluation.problem import prepare
from costopt.evaluation.rows import Rows
from costopt.evaluation.training import train
from costopt.evaluation.trial import evaluate
from costopt.learners.dimensions import Choice, Integer, Real
from costopt.learners.foreign import own_parameters
from costopt.learners.registry import LEARNERS, learner

BALANCED = ("balanced_random_forest", "balanced_bagging", "easy_ensemble", "rusboost")
# fewer members than by default, so that tests take no minutes
SMALL = {
    "easy_ensemble": {"n_estimators": 2},
    "rusboost": {"n_estimators": 30},
    "balanced_bagging": {"n_estimators": 20, "max_features": 1.0},
}
FAMILIES = [name for name, made in LEARNERS.items() if isinstance(made, SklearnLearner)]
OPTIONAL = [name for name in FAMILIES if LEARNERS[name].needs]
INSTALLED = [name for name in FAMILIES if name not in OPTIONAL or find_spec(name)]


def params_of(name):
    return learner(name).defaults() | SMALL.get(name, {})


def posed(X, y, name, cv=2, **options):
    costs = options.pop("costs", CostMatrix(fn=8, fp=1))
    return prepare(X, y, costs, {name: learner(name)}, Rows(cv=cv, **options), n_jobs=1)


@pytest.mark.parametrize("name", INSTALLED)
def test_each_learns_from_mixed_columns_with_gaps(name, rows):
    X, y = rows
    problem = posed(X, y, name)
    candidate = Candidate(name, params_of(name))

    found = evaluate(problem, candidate)
    again = train(problem, candidate, 1, n_threads=1).fitted.model

    assert roc_auc_score(y, found.raw) > 0.65
    scores = learner(name).score(again, problem.features)
    assert scores.shape == (300,)
    assert np.all((scores >= 0) & (scores <= 1))
    test = problem.folds.folds[1].test
    assert_allclose(scores[test], found.raw[test], atol=1e-6)  # the same seed, the same model


@pytest.mark.parametrize("name", INSTALLED)
def test_each_searches_what_it_knows_within_which_its_own_values_lie(name):
    made = learner(name)

    known = own_parameters(made.estimator)
    assert set(made.space()) <= set(known)
    for parameter, dimension in made.space().items():
        own = made.defaults()[parameter]
        if isinstance(dimension, Choice):
            assert own in dimension.options
        else:
            assert isinstance(dimension, Integer | Real)
            assert dimension.low <= own <= dimension.high
    assert made.balances == (name in BALANCED)
    assert made.to_files(None) is None


@pytest.mark.parametrize("name", BALANCED)
def test_members_that_balance_multiply_the_odds_by_negatives_per_positive(name):
    """Undone, the scores average near the share of positives; as they are, near one half."""
    rng = np.random.default_rng(0)
    y = rng.random(3000) < 0.08
    X = rng.normal(size=(3000, 4))
    X[y] += 0.7
    problem = posed(X, y.astype(int), name, cv=2)

    found = evaluate(problem, Candidate(name, params_of(name)))

    for fold, multiplier in zip(problem.folds.folds, found.odds_multipliers, strict=True):
        positives = np.count_nonzero(problem.y[fold.train])
        assert multiplier == pytest.approx((fold.train.size - positives) / positives)
    odds = np.clip(found.raw, 1e-9, 1 - 1e-9)
    odds = odds / (1 - odds) / np.mean(found.odds_multipliers)
    # what a member says is no exact probability: the base rate is met within a factor of two and a
    # half, which is far from the factor of eleven that is undone
    assert 0.08 / 2.5 < np.mean(odds / (1 + odds)) < 0.08 * 2.5


@pytest.mark.parametrize("name", BALANCED)
@pytest.mark.parametrize("resampling", ["random_over", "random_under", "smote"])
def test_balancing_what_is_balanced_already_does_nothing_more(name, resampling, rows):
    """What a resampling did and what is left for the members make one whole, unless weights come after."""
    X, y = rows
    problem = posed(X, y, name)

    found = train(problem, Candidate(name, params_of(name), resampling, 1.0), 0, n_threads=1)

    y = problem.y[problem.folds.folds[0].train]
    plain = np.count_nonzero(~y) / np.count_nonzero(y)
    weighs = resampling == "random_over" and learner(name).takes_weights
    assert_allclose(found.ledger.multiplier, plain**2 if weighs else plain, rtol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("name", INSTALLED)
def test_twelve_positives_among_ten_thousand_are_enough_to_run(name):
    rng = np.random.default_rng(0)
    y = np.zeros(10_000, dtype=int)
    y[rng.choice(10_000, 12, replace=False)] = 1
    X = rng.normal(size=(10_000, 5))
    X[y == 1, :2] += 2
    problem = posed(X, y, name, cv=4, costs=CostMatrix(fn=500, fp=1))

    found = evaluate(problem, Candidate(name, params_of(name)))

    assert roc_auc_score(y, found.raw) > 0.6


@pytest.mark.parametrize("name", INSTALLED)
def test_libraries_warn_of_nothing_with_a_dozen_positives(name):
    rng = np.random.default_rng(0)
    y = np.arange(400) % 33 == 0
    X = rng.normal(size=(400, 3)) + 2 * y[:, None]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluate(posed(X, y.astype(int), name), Candidate(name, params_of(name)))

    assert found.raw.shape == (400,)


@pytest.mark.parametrize("name", OPTIONAL)
def test_one_whose_package_is_missing_says_how_to_get_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed

    with pytest.raises(SearchError, match=rf"{name!r} needs .*costopt-ml\[integrations\]"):
        learner(name)
