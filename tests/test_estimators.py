import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    TunedThresholdClassifierCV,
    cross_val_score,
    cross_validate,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from costopt import (
    CaseCosts,
    CostMatrix,
    CostOptWarning,
    CostSearchClassifier,
    CostSpecError,
    CostThresholdClassifier,
    DataError,
    DecisionPolicy,
    PolicyError,
    SearchError,
    XGBoostLearner,
)

EQUAL = CostMatrix(fp=1, fn=1)
UNEQUAL = CostMatrix(fp=1, fn=5)
BY_AMOUNT = CostMatrix(fp=10, fn="amount", unit="EUR")
BY_AMOUNT_OF_ARRAY = CostMatrix(fp=10, fn="x2", unit="EUR")


def payments(n_cases=400, seed=0):
    """Two numeric features, an amount, and labels of which about one in five is positive."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "hour": rng.normal(size=n_cases),
            "velocity": rng.normal(size=n_cases),
            "amount": 5 + 10 * rng.integers(1, 6, n_cases) + rng.random(n_cases),
        }
    )
    y = (X["hour"] + X["velocity"] + rng.normal(size=n_cases) > 1.5).astype(int)
    return X, y.rename("fraud")


def money(y, labels, fp, fn):
    """What decisions cost per case, counted by scikit-learn's confusion matrix."""
    _, n_fp, n_fn, _ = confusion_matrix(y, labels, labels=[0, 1]).ravel()
    return (fp * n_fp + fn * n_fn) / len(y)


def money_by_amount(y, labels, amount):
    return np.mean(np.where(y == 1, np.where(labels == 1, 0, amount), np.where(labels == 1, 10, 0)))


def threshold_classifier(costs=UNEQUAL, **options):
    return CostThresholdClassifier(LogisticRegression(), costs, **{"cv": 3, **options})


def search_classifier(costs=UNEQUAL, **options):
    return CostSearchClassifier(costs, **{"learners": "logistic", "n_trials": 2, "cv": 3, **options})


BOTH = pytest.mark.parametrize("make", [threshold_classifier, search_classifier])

WEIGHTS = (
    "sample_weight says how many cases of the population a row stands for, and is normalised to "
    "mean 1: a row of weight 2 is no second observation, so the penalty and Platt's prior weigh "
    "as much against it as before"
)


def not_by_repetition(estimator):
    return {
        "check_sample_weight_equivalence_on_dense_data": WEIGHTS,
        **(
            {"check_sample_weight_equivalence_on_sparse_data": WEIGHTS}
            if isinstance(estimator, CostThresholdClassifier)
            else {}
        ),
    }


# Equal costs, because one check asks that the decision is the likelier class: with unequal
# costs that is the mistake which these classifiers are made to avoid (tested below).
@parametrize_with_checks(
    [
        threshold_classifier(EQUAL),
        search_classifier(EQUAL),
        search_classifier(EQUAL, learners=XGBoostLearner(max_rounds=10)),
    ],
    expected_failed_checks=not_by_repetition,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


class TestDecisions:
    @BOTH
    @pytest.mark.parametrize("costs", [UNEQUAL, BY_AMOUNT], ids=["constant", "per case"])
    def test_are_those_of_the_policy(self, make, costs):
        X, y = payments()

        model = make(costs).fit(X, y)

        assert_array_equal(model.predict(X) == 1, model.policy_.decide(X))
        assert_array_equal(model.predict_proba(X)[:, 1], model.policy_.score(X))
        assert set(model.predict(X)) == {0, 1}

    @BOTH
    def test_start_at_the_threshold_and_not_at_one_half(self, make):
        X, y = payments()

        model = make(UNEQUAL).fit(X, y)

        probability = model.predict_proba(X)[:, 1]
        assert_allclose(model.threshold_, 1 / 6)
        assert_array_equal(model.predict(X) == 1, probability >= model.threshold_)
        assert np.any((probability < 0.5) & (model.predict(X) == 1))

    @BOTH
    def test_have_no_single_threshold_where_costs_differ_by_case(self, make):
        assert make(BY_AMOUNT).fit(*payments()).threshold_ is None

    def test_are_one_cut_for_all_where_that_is_asked_for(self):
        X, y = payments()

        model = threshold_classifier(BY_AMOUNT, threshold="exact").fit(X, y)

        assert_array_equal(
            model.predict(X) == 1, model.predict_proba(X)[:, 1] >= model.threshold_
        )

    @given(
        cells=st.tuples(
            *[hnp.arrays(float, 30, elements=st.sampled_from([0.0, 1.0, 3.0, 50.0]))] * 4
        )
    )
    @settings(max_examples=25, deadline=None, derandomize=True)
    def test_weigh_the_costs_given_to_predict_case_by_case(self, cells):
        fp, fn, tp, tn = cells
        X, _ = payments(30, seed=1)
        p = MODEL.predict_proba(X)[:, 1]

        act = MODEL.predict(X, fp=fp, fn=fn, tp=tp, tn=tn) == 1

        if_act, if_not = p * tp + (1 - p) * fp, p * fn + (1 - p) * tn
        clear = np.abs(if_act - if_not) > 1e-9
        assert_array_equal(act[clear], (if_act < if_not)[clear])

    def test_cost_no_more_than_a_tuned_threshold_where_never_acting_is_best(self):
        def cost(y, labels):
            return money(y, labels, fp=1000, fn=1)

        for seed in range(3):
            rng = np.random.default_rng(seed)
            X = rng.normal(size=(6000, 3))
            y = (X[:, 0] + 2 * rng.normal(size=6000) > 5).astype(int)
            train, test = slice(2000), slice(2000, None)
            ours = CostThresholdClassifier(LogisticRegression(), CostMatrix(fp=1000, fn=1))
            tuned = TunedThresholdClassifierCV(
                LogisticRegression(), scoring=make_scorer(cost, greater_is_better=False)
            )

            ours.fit(X[train], y[train])
            tuned.fit(X[train], y[train])

            paid = cost(y[test], ours.predict(X[test]))
            assert paid == cost(y[test], np.zeros(4000))
            assert paid <= cost(y[test], tuned.predict(X[test]))

    def test_cost_no_more_than_a_tuned_threshold_beyond_noise_where_acting_pays(self):
        def row_cost(y, labels):
            return np.where(y == 1, 20.0 * (labels == 0), 1.0 * (labels == 1))

        X, y = payments(6000, seed=3)
        train, test = slice(1000), slice(1000, None)
        ours = CostThresholdClassifier(LogisticRegression(), CostMatrix(fp=1, fn=20))
        tuned = TunedThresholdClassifierCV(
            LogisticRegression(),
            scoring=make_scorer(lambda y, labels: -row_cost(y, labels).mean()),
        )

        ours.fit(X[train], y[train])
        tuned.fit(X[train], y[train])

        excess = row_cost(y[test], ours.predict(X[test])) - row_cost(
            y[test], tuned.predict(X[test])
        )
        assert excess.mean() <= 2 * excess.std() / np.sqrt(excess.size)


MODEL = threshold_classifier().fit(*payments())


class TestScore:
    @BOTH
    def test_is_minus_the_cost_per_case(self, make):
        X, y = payments()

        model = make(UNEQUAL).fit(X, y)

        assert_allclose(model.score(X, y), -money(y, model.predict(X), fp=1, fn=5))

    @BOTH
    def test_counts_the_amounts_of_the_rows_that_it_is_given(self, make):
        X, y = payments()
        new_X, new_y = payments(100, seed=1)

        model = make(BY_AMOUNT).fit(X, y)

        labels = model.predict(new_X)
        assert_allclose(model.score(new_X, new_y), -money_by_amount(new_y, labels, new_X["amount"]))

    def test_weighs_cases_by_what_they_stand_for(self):
        X, y = payments()
        weight = np.random.default_rng(0).integers(1, 4, len(y))
        repeated = np.repeat(np.arange(len(y)), weight)

        assert_allclose(
            MODEL.score(X, y, sample_weight=weight),
            MODEL.score(X.iloc[repeated], y.iloc[repeated]),
        )

    def test_puts_the_accurate_model_that_catches_nobody_last(self):
        """A grid search takes the model that saves money, which is the less accurate one."""
        X, y = payments()
        catches_nobody = DummyClassifier(strategy="constant", constant=False)
        search = GridSearchCV(
            threshold_classifier(CostMatrix(fp=1, fn=20)),
            {"estimator": [catches_nobody, LogisticRegression()]},
            cv=3,
        )

        search.fit(X, y)

        assert isinstance(search.best_estimator_.estimator, LogisticRegression)
        assert accuracy_score(y, np.zeros(len(y))) > accuracy_score(y, search.predict(X))

    def test_makes_a_grid_search_minimise_money(self):
        X, y = payments()
        grid = {"estimator__C": [1e-5, 1e-2, 1.0]}

        search = GridSearchCV(threshold_classifier(BY_AMOUNT), grid, cv=3).fit(X, y)

        costs = []
        for C in grid["estimator__C"]:
            model = CostThresholdClassifier(LogisticRegression(C=C), BY_AMOUNT, cv=3)
            splits = search.cv_results_, sklearn.model_selection.StratifiedKFold(3).split(X, y)
            of_folds = []
            for train, test in splits[1]:
                labels = model.fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test])
                of_folds.append(money_by_amount(y.iloc[test], labels, X["amount"].iloc[test]))
            costs.append(np.mean(of_folds))
        assert_allclose(search.cv_results_["mean_test_score"], np.negative(costs))
        assert search.best_index_ == np.argmin(costs)
