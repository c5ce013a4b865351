"""Detectors learn from negatives alone; their scores are calibrated and cut as any other's."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from costopt import CostMatrix, CostOptWarning, DataError, optimize
from costopt.evaluation.candidates import Candidate
from costopt.evaluation.problem import prepare, prepare_encoded
from costopt.evaluation.rows import Rows
from costopt.evaluation.training import train
from costopt.evaluation.trial import evaluate
from costopt.inputs.labels import encode_labels
from costopt.learners import anomaly as anomaly_learner
from costopt.learners.anomaly import AnomalyLearner
from costopt.learners.registry import LEARNERS, built_in, learner

ANOMALY = [name for name, made in LEARNERS.items() if isinstance(made, AnomalyLearner)]


def strange(n=600, positives=30, seed=0):
    """Positives lie far out, in columns with gaps and a category."""
    rng = np.random.default_rng(seed)
    y = np.zeros(n, dtype=int)
    y[rng.choice(n, positives, replace=False)] = 1
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    X.loc[y == 1, ["a", "b"]] *= 4
    X.loc[rng.random(n) < 0.1, "c"] = np.nan
    X["kind"] = pd.Categorical(rng.choice(["u", "v"], n))
    return X, y


def posed(X, y, name, cv=3, **options):
    costs = options.pop("costs", CostMatrix(fn=20, fp=1))
    return prepare(X, y, costs, {name: learner(name)}, Rows(cv=cv, **options), n_jobs=1)


def candidate_of(name, **params):
    return Candidate(name, learner(name).defaults() | params)


@pytest.mark.parametrize("name", ANOMALY)
def test_what_is_unlike_the_negatives_scores_higher(name):
    X, y = strange()
    problem = posed(X, y, name)

    found, again = (evaluate(problem, candidate_of(name)) for _ in range(2))

    assert roc_auc_score(y, found.raw) > 0.75
    assert np.all((found.raw >= 0) & (found.raw <= 1))
    assert_array_equal(found.raw, again.raw)
    assert found.odds_multipliers == (1.0, 1.0, 1.0)
    # calibrated, they are probabilities: their mean is the share of positives
    assert found.calibrated.mean() == pytest.approx(30 / 600, abs=0.02)


@pytest.mark.filterwarnings("ignore:.*possible-leaks")  # the columns tell the label on purpose
@pytest.mark.parametrize("name", ANOMALY)
def test_no_positive_is_ever_trained_on(name):
    """Whatever stands in the features of positives, the model is the same."""
    X, y = strange()
    other = X.copy()
    other.loc[y == 1, ["a", "b", "c"]] = 1e6
    others = other.copy()
    others.loc[y == 1, "kind"] = "u"

    scores = []
    for rows in (X, other, others):
        problem = posed(rows, y, name)
        for fold in (0, None):
            trained = train(problem, candidate_of(name), fold, n_threads=1)
            model = trained.fitted.model
            scores.append(learner(name).score(model, posed(X, y, name).features))

    for at in (2, 3, 4, 5):
        assert_array_equal(scores[at], scores[at % 2])


def test_an_isolation_forest_ranks_as_scikit_learns_does():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), np.arange(200) % 10 == 0
    problem = posed(X, y.astype(int), "isolation_forest")
    fold = problem.folds.folds[1]
    normal = fold.train[~y[fold.train]]
    scaler = StandardScaler().fit(X[normal])
    forest = IsolationForest(random_state=0).fit(scaler.transform(X[normal]))

    found = evaluate(problem, candidate_of("isolation_forest"))

    expected = -forest.score_samples(scaler.transform(X[fold.test]))
    assert_array_equal(np.argsort(found.raw[fold.test]), np.argsort(expected))
    inside = -forest.score_samples(scaler.transform(X[normal]))
    low, middle, high = np.quantile(inside, [0.25, 0.5, 0.75])
    log_odds = np.log(found.raw[fold.test] / (1 - found.raw[fold.test]))
    assert_allclose(log_odds, (expected - middle) / (high - low), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["one_class_svm", "local_outlier_factor"])
def test_those_that_compare_rows_look_at_a_bounded_number_of_them(name, monkeypatch):
    monkeypatch.setattr(anomaly_learner, "MAX_ROWS", 100)
    X, y = strange()

    found = train(posed(X, y, name), candidate_of(name), None, n_threads=1)

    assert found.fitted.model.detector.n_features_in_ == 5 + 1
    fitted_on = getattr(found.fitted.model.detector, "n_samples_fit_", 100)
    assert fitted_on == 100
    assert (
        roc_auc_score(y, learner(name).score(found.fitted.model, posed(X, y, name).features)) > 0.7
    )


def test_neighbours_are_no_more_than_there_are_negatives():
    X, y = strange(24, 12)
    X = X.drop(columns="c")

    found = evaluate(
        posed(X, y, "local_outlier_factor", cv=2),
        candidate_of("local_outlier_factor", n_neighbors=90),
    )

    assert np.isfinite(found.value)


@pytest.mark.parametrize("name", ANOMALY)
def test_columns_that_hardly_vary_are_no_error(name):
    """Where most rows are alike, quartiles are too: their distance is no scale."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": (rng.random(300) < 0.05).astype(float), "b": rng.integers(0, 2, 300)})
    X["c"] = np.arange(300) / 300  # else the local outlier factor has duplicates, and warns
    y = (np.arange(300) % 20 == 0).astype(int)

    found = evaluate(posed(X, y, name), candidate_of(name))

    assert np.isfinite(found.raw).all()
    assert np.isfinite(found.value)


def test_rows_for_another_estimator_are_refused():
    problem = prepare_encoded(
        np.zeros((40, 2)),
        encode_labels([0, 1] * 20, None),
        CostMatrix(fp=1, fn=5),
        {"one_class_svm": learner("one_class_svm")},
    )

    with pytest.raises(DataError, match="one_class_svm needs a table of columns, not rows for"):
        evaluate(problem, candidate_of("one_class_svm"))


def test_it_is_searched_and_its_policy_is_saved_without_the_model(tmp_path):
    X, y = strange()

    result = optimize(X, y, CostMatrix(fn=20, fp=1), learners="isolation_forest", n_trials=1, cv=2)

    # the methods that are searched by default are none of its: it is searched without
    assert set(result.best_params) == {"n_estimators", "max_features"}
    with pytest.warns(CostOptWarning, match="model-not-saved"):
        result.policy.save(tmp_path / "policy")
    assert built_in("isolation_forest") is None
    assert learner("isolation_forest").to_files(None) is None
    with pytest.raises(NotImplementedError, match="isolation_forest has no files to read"):
        learner("isolation_forest").from_files({}, 3)


def test_twelve_positives_are_enough():
    """They are for calibration and cut only."""
    X, y = strange(3000, 12)
    problem = posed(X, y, "isolation_forest", cv=4, costs=CostMatrix(fn=500, fp=1))

    found = evaluate(problem, candidate_of("isolation_forest"))

    assert roc_auc_score(y, found.raw) > 0.75
    assert found.value * problem.scale < min(12 * 500 / 3000, 1.0)
