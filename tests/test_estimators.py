import pickle
import subprocess
import sys
import threading

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
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    StratifiedKFold,
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
from threadpoolctl import threadpool_limits

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


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """The matrices are tiny: threads of the linear algebra would only wait for each other."""
    with threadpool_limits(1):
        yield


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
    return CostSearchClassifier(
        costs, **{"learners": "logistic", "n_trials": 2, "cv": 3, **options}
    )


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


# its irises are told apart by one petal, and its toys repeat rows
@pytest.mark.filterwarnings(r"ignore:\[possible-leaks\]")
# Equal costs, because one check asks that the decision is the likelier class: with unequal
# costs that is the mistake which these classifiers are made to avoid (tested below).
@parametrize_with_checks(
    [
        threshold_classifier(EQUAL, cv=2),
        search_classifier(EQUAL, n_trials=1, cv=2),
        search_classifier(EQUAL, learners=XGBoostLearner(max_rounds=10), n_trials=1, cv=2),
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
        assert_array_equal(model.predict_proba(X)[:, 1], model.policy_.probability(X))
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

        assert_array_equal(model.predict(X) == 1, model.predict_proba(X)[:, 1] >= model.threshold_)

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
            return np.mean(1000 * (labels > y) + (labels < y))

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

    def test_prefers_the_model_that_catches_thieves_to_the_accurate_one_that_catches_none(self):
        X, y = payments()
        nobody = np.zeros(len(y))

        model = threshold_classifier(CostMatrix(fp=1, fn=20)).fit(X, y)

        assert accuracy_score(y, model.predict(X)) < accuracy_score(y, nobody)
        assert model.score(X, y) > -money(y, nobody, fp=1, fn=20)

    def test_makes_a_grid_search_minimise_money(self):
        X, y = payments()
        grid = {"estimator__C": [1e-5, 1e-2, 1.0]}

        search = GridSearchCV(threshold_classifier(BY_AMOUNT), grid, cv=3).fit(X, y)

        costs = []
        for C in grid["estimator__C"]:
            model = CostThresholdClassifier(LogisticRegression(C=C), BY_AMOUNT, cv=3)
            of_folds = []
            for train, test in StratifiedKFold(3).split(X, y):
                labels = model.fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test])
                of_folds.append(money_by_amount(y.iloc[test], labels, X["amount"].iloc[test]))
            costs.append(np.mean(of_folds))
        assert_allclose(search.cv_results_["mean_test_score"], np.negative(costs))
        assert search.best_index_ == np.argmin(costs)


class TestCosts:
    @BOTH
    @pytest.mark.parametrize("as_frame", [True, False])
    def test_as_formula_and_as_arrays_decide_alike(self, make, as_frame):
        X, y = payments()
        new_X, new_y = payments(100, seed=1)
        amount, new_amount = X["amount"], new_X["amount"]
        formula = BY_AMOUNT
        if not as_frame:
            X, y, new_X, new_y = (table.to_numpy() for table in (X, y, new_X, new_y))
            formula = BY_AMOUNT_OF_ARRAY

        by_formula = make(formula).fit(X, y)
        by_array = make(UNEQUAL).fit(X, y, fp=10, fn=amount)

        decided = by_array.predict(new_X, fn=new_amount)
        assert_array_equal(decided, by_formula.predict(new_X))
        assert set(decided) == {0, 1}
        assert by_array.score(new_X, new_y, fn=new_amount) == by_formula.score(new_X, new_y)

    def test_may_be_given_to_fit_alone(self):
        X, y = payments()
        amount = X["amount"]

        alone = threshold_classifier(None).fit(X, y, fp=10, fn=amount)

        by_formula = threshold_classifier(BY_AMOUNT).fit(X, y)
        assert_array_equal(alone.predict(X, fn=amount), by_formula.predict(X))

    def test_given_to_fit_as_arrays_leave_the_other_cells_as_declared(self):
        X, y = payments()
        declared = CostMatrix(fp="2 + 0.1 * amount", fn="not_there", tp=1)

        mixed = threshold_classifier(declared).fit(X, y, fn=np.full(len(y), 25.0))

        all_declared = threshold_classifier(CostMatrix(fp="2 + 0.1 * amount", fn=25, tp=1))
        expected = all_declared.fit(X, y).predict(X)
        assert_array_equal(mixed.predict(X, fn=np.full(len(y), 25.0)), expected)

    def test_given_to_fit_as_numbers_are_known_at_prediction_too(self):
        X, y = payments()

        model = threshold_classifier(CostMatrix(fp=1, fn=2, unit="EUR")).fit(X, y, fn=9)

        assert_allclose(model.threshold_, 0.1)
        assert model.policy_.unit == "EUR"
        assert_array_equal(model.predict(X) == 1, model.predict_proba(X)[:, 1] >= 0.1)

    def test_as_numbers_without_names_of_columns_may_be_case_costs(self):
        model = threshold_classifier(CaseCosts(fp=1, fn=9, unit="EUR")).fit(*payments())

        assert_allclose(model.threshold_, 0.1)
        assert model.policy_.unit == "EUR"

    @pytest.mark.parametrize("method", ["predict", "score"])
    def test_that_were_arrays_are_asked_for_again(self, method):
        X, y = payments()
        model = threshold_classifier().fit(X, y, fn=X["amount"], fp=np.full(len(y), 10.0))
        rows = (X,) if method == "predict" else (X, y)

        with pytest.raises(
            PolicyError, match=rf"fit was given fp and fn .*pass fp=..., fn=... to {method}"
        ):
            getattr(model, method)(*rows)
        with pytest.raises(PolicyError, match=rf"set_{method}_request\(fp=True, fn=True\)"):
            getattr(model, method)(*rows, fn=X["amount"])

    def test_that_were_arrays_are_not_needed_to_cut_but_to_price(self):
        X, y = payments()
        model = threshold_classifier(threshold="exact").fit(X, y, fn=X["amount"])

        cut = model.predict_proba(X)[:, 1] >= model.threshold_
        assert_array_equal(model.predict(X) == 1, cut)
        with pytest.raises(PolicyError, match="pass fn=... to score"):
            model.score(X, y)

    @BOTH
    def test_for_some_cases_only_do_not_belong_in_the_constructor(self, make):
        X, y = payments()

        with pytest.raises(CostSpecError, match=r"got fn for 400 cases.*fit\(X, y, fn=costs.fn\)"):
            make(CaseCosts(fp=10, fn=X["amount"])).fit(X, y)

    @pytest.mark.parametrize(
        ("costs", "cells", "error", "message"),
        [
            (None, {}, CostSpecError, "costs is None, so fp and fn must be passed to fit"),
            (None, {"fn": 5}, CostSpecError, "costs is None, so fp must be passed to fit"),
            ([[0, 1], [5, 0]], {}, CostSpecError, r"got list of shape \(2, 2\)"),
            (UNEQUAL, {"fn": [5.0, 6.0]}, DataError, "for 2 cases but there are 400"),
            (UNEQUAL, {"fn": np.ones((400, 1))}, DataError, r"got shape \(400, 1\)"),
            (UNEQUAL, {"fn": np.full(400, np.nan)}, DataError, "costs.fn must be finite"),
            (CostMatrix(fp=1, fn="loss"), {}, CostSpecError, "reads the column 'loss'"),
        ],
    )
    @BOTH
    def test_that_cannot_be_used_are_refused(self, make, costs, cells, error, message):
        with pytest.raises(error, match=message):
            make(costs).fit(*payments(), **cells)

    @BOTH
    def test_and_labels_of_other_rows_are_refused(self, make):
        X, y = payments()
        shuffled = X["amount"].sample(frac=1, random_state=0)

        with pytest.raises(DataError, match=r"fn has other row labels .* use fn.loc\[X.index\]"):
            make().fit(X, y, fn=shuffled)
        with pytest.raises(DataError, match="y has other row labels"):
            make().fit(X, y.loc[shuffled.index])
        model = make().fit(X, y, fn=X["amount"])
        with pytest.raises(DataError, match="fn has other row labels"):
            model.predict(X, fn=shuffled)
        with pytest.raises(DataError, match="y has other row labels"):
            model.score(X, y.loc[shuffled.index], fn=X["amount"])


class TestColumnsAndKinds:
    """Predictions are arrays and columns are checked, as scikit-learn's own classifiers do."""

    costs = UNEQUAL

    @BOTH
    def test_predictions_are_arrays_whatever_the_index(self, make):
        X, y = payments()
        shuffled = X.set_index(X.index[::-1] + 50)

        model = make(self.costs).fit(shuffled, y.set_axis(shuffled.index))

        with sklearn.config_context(transform_output="pandas"):
            found = model.predict(shuffled)
            probability = model.predict_proba(shuffled)
        assert type(found) is type(probability) is np.ndarray
        assert_array_equal(found, make(self.costs).fit(X, y).predict(X))
        assert not hasattr(model, "set_output")
        pipeline = make_pipeline(StandardScaler(), make(self.costs)).set_output(transform="pandas")
        assert type(pipeline.fit(X, y).predict(X)) is np.ndarray
        assert list(pipeline[-1].feature_names_in_) == list(X.columns)

    @BOTH
    @pytest.mark.parametrize(
        "change",
        [
            lambda X: X[X.columns[::-1]],
            lambda X: X.drop(columns="hour"),
            lambda X: X.assign(more=1.0),
            lambda X: X.rename(columns={"hour": "time"}),
        ],
        ids=["order", "missing", "extra", "renamed"],
    )
    def test_columns_of_other_names_are_refused_in_scikit_learns_words(self, make, change):
        X, y = payments()
        ours, theirs = make(self.costs).fit(X, y), LogisticRegression().fit(X, y)

        with pytest.raises(ValueError, match="The feature names should match") as wanted:
            theirs.predict(change(X))
        with pytest.raises(ValueError, match="The feature names should match") as found:
            ours.predict(change(X))
        assert str(found.value) == str(wanted.value)

    @BOTH
    def test_rows_without_names_go_by_position_with_scikit_learns_warning(self, make):
        X, y = payments()
        named, plain = make(self.costs).fit(X, y), make(self.costs).fit(X.to_numpy(), y)

        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            assert_array_equal(named.predict(X.to_numpy()), named.predict(X))
        with pytest.warns(UserWarning, match="fitted without feature names"):
            assert_array_equal(plain.predict(X), plain.predict(X.to_numpy()))

    @BOTH
    def test_numbers_may_name_columns(self, make):
        X, y = payments()
        numbered = X.set_axis(range(3), axis=1)

        model = make(self.costs).fit(numbered, y)

        assert_array_equal(model.predict(numbered), make(self.costs).fit(X, y).predict(X))


class TestHindsight:
    costs = CostMatrix(fp=10, fn="loss", hindsight="loss")

    @staticmethod
    def claims():
        X, y = payments()
        rng = np.random.default_rng(5)
        return X.assign(loss=20 + 30 * rng.random(len(y)) * np.where(y == 1, 1.0, 0.9)), y

    @BOTH
    def test_columns_are_seen_by_no_model_and_need_not_be_there_to_predict(self, make):
        X, y = self.claims()
        without = X.drop(columns="loss")

        model = make(self.costs).fit(X, y)

        assert list(model.feature_names_in_) == list(without.columns)
        assert model.n_features_in_ == 3
        assert_array_equal(model.predict(X), model.predict(without))
        loss = X["loss"][y == 1].mean()
        assert_allclose(model.threshold_, 10 / (10 + loss))

    @BOTH
    def test_columns_price_the_decisions(self, make):
        X, y = self.claims()

        model = make(self.costs).fit(X, y)

        labels = model.predict(X)
        assert_allclose(model.score(X, y), -money_by_amount(y, labels, X["loss"]))
        with pytest.raises(CostSpecError, match="reads the column 'loss'"):
            model.score(X.drop(columns="loss"), y)

    @BOTH
    def test_needs_columns_with_names(self, make):
        X, y = self.claims()
        costs = CostMatrix(fp=10, fn="x3", hindsight="x3")

        with pytest.raises(
            DataError, match="x3 of the costs is known only in hindsight.*data frames"
        ):
            make(costs).fit(X.to_numpy(), y.to_numpy())

    def test_does_not_mix_with_arrays(self):
        X, y = self.claims()

        with pytest.raises(CostSpecError, match=r"hindsight \(loss\) cannot be mixed with fp"):
            threshold_classifier(self.costs).fit(X, y, fp=X["amount"])


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("routing")
class TestMetadataRouting:
    def asking(self, make=threshold_classifier):
        return (
            make(CostMatrix(fp=10, fn=40))
            .set_fit_request(fn=True)
            .set_predict_request(fn=True)
            .set_score_request(fn=True)
        )

    @BOTH
    def test_cuts_costs_with_the_folds_of_cross_validation(self, make):
        X, y = payments()

        routed = cross_validate(
            self.asking(make), X, y, params={"fn": X["amount"]}, cv=3, error_score="raise"
        )

        by_formula = cross_val_score(make(BY_AMOUNT), X, y, cv=3, error_score="raise")
        assert_allclose(routed["test_score"], by_formula)

    def test_cuts_costs_with_the_folds_of_a_grid_search(self):
        X, y = payments()
        grid = {"estimator__C": [1e-5, 1.0]}

        routed = GridSearchCV(self.asking(), grid, cv=3, error_score="raise")
        routed.fit(X, y, fn=X["amount"])

        by_formula = GridSearchCV(threshold_classifier(BY_AMOUNT), grid, cv=3).fit(X, y)
        assert_allclose(
            routed.cv_results_["mean_test_score"], by_formula.cv_results_["mean_test_score"]
        )
        assert routed.best_params_ == by_formula.best_params_

    def test_brings_amounts_past_a_scaler(self):
        X, y = payments()
        amount = X["amount"]

        outside = make_pipeline(StandardScaler(), self.asking()).fit(X, y, fn=amount)

        inside = CostThresholdClassifier(
            make_pipeline(StandardScaler(), LogisticRegression()), BY_AMOUNT, cv=3
        ).fit(X, y)
        assert_array_equal(outside.predict(X, fn=amount), inside.predict(X))
        assert_allclose(outside.score(X, y, fn=amount), inside.score(X, y))

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_takes_weights_to_the_last_step_of_an_inner_pipeline(self, n_jobs):
        X, y = payments()
        weight = np.where(y == 1, 3.0, 1.0)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        last = LogisticRegression().set_fit_request(sample_weight=True)

        model = CostThresholdClassifier(make_pipeline(scaler, last), UNEQUAL, cv=3, n_jobs=n_jobs)
        model.fit(X, y, sample_weight=weight)

        alone = LogisticRegression().fit(
            StandardScaler().fit_transform(X), y, sample_weight=weight / weight.mean()
        )
        assert_allclose(model.estimator_[-1].coef_, alone.coef_, rtol=1e-6)

    def test_leaves_weights_out_where_they_are_not_requested(self):
        X, y = payments()
        inner = LogisticRegression().set_fit_request(sample_weight=False)

        model = CostThresholdClassifier(inner, UNEQUAL, cv=3)
        model.fit(X, y, sample_weight=np.where(y == 1, 3.0, 1.0))

        assert_array_equal(model.estimator_.coef_, LogisticRegression().fit(X, y).coef_)

    def test_says_when_nobody_asked(self):
        X, y = payments()

        with pytest.raises(ValueError, match=r"\[fn\] are passed but are not explicitly set"):
            GridSearchCV(threshold_classifier(), {}, cv=3).fit(X, y, fn=X["amount"])
        with pytest.raises(
            ValueError, match=r"\[sample_weight\] are passed but are not explicitly"
        ):
            threshold_classifier().fit(X, y, sample_weight=np.ones(len(y)))

    def test_brings_groups_to_the_folds_inside(self):
        X, y = payments()
        groups = np.arange(len(y)) % 4
        model = threshold_classifier().set_fit_request(groups=True)

        with pytest.raises(DataError, match="there are 2 groups for 3 folds"):
            GridSearchCV(model, {}, cv=GroupKFold(2), error_score="raise").fit(X, y, groups=groups)


def test_a_grid_search_without_routing_says_how_to_score():
    X, y = payments()
    search = GridSearchCV(threshold_classifier(), {}, cv=3, error_score="raise")

    with pytest.raises(PolicyError, match=r"metadata routing \(set_score_request\(fn=True\)\)"):
        search.fit(X, y, fn=X["amount"])


class TestLabels:
    @BOTH
    def test_keep_their_names(self, make):
        X, y = payments()
        named = np.where(y == 1, "thief", "honest")

        model = make().fit(X, named)

        numbered = make().fit(X, y)
        assert_array_equal(model.classes_, ["honest", "thief"])
        assert model.policy_.labels == ("honest", "thief")
        assert_array_equal(model.predict(X) == "thief", numbered.predict(X) == 1)
        assert model.score(X, named) == numbered.score(X, y)

    @BOTH
    def test_to_act_on_may_come_first_in_the_alphabet(self, make):
        X, y = payments()
        named = pd.Series(np.where(y == 1, "bad", "good"), index=y.index)

        model = make(pos_label="bad").fit(X, named)

        numbered = make().fit(X, y)
        assert_array_equal(model.classes_, ["bad", "good"])
        assert_array_equal(model.predict(X) == "bad", numbered.predict(X) == 1)
        # the estimator saw these labels, and its solver comes from the other side
        assert_allclose(model.predict_proba(X), numbered.predict_proba(X)[:, ::-1], rtol=1e-9)
        assert model.score(X, named) == numbered.score(X, y)

    @BOTH
    def test_are_the_last_class_where_none_is_named_and_a_majority_is_doubted(self, make):
        X, y = payments()
        named = np.where(y == 1, "bad", "good")

        with pytest.warns(CostOptWarning, match="'good' holds .* is 'bad' the class to act on"):
            model = make().fit(X, named)

        assert model.policy_.labels == ("bad", "good")

    @pytest.mark.parametrize(
        ("labels", "pos_label", "message"),
        [
            (["a", "b", "c", "a"] * 100, None, "Only binary .* target is multiclass: merge"),
            (["a"] * 400, None, "only one class"),
            (["a", "b"] * 200, "c", "pos_label='c' is not among the classes"),
            (np.array(["a", None] * 200, dtype=object), None, "got none in row 1"),
            (np.array([0.0, np.inf] * 200), None, "y must hold labels, got inf"),
            (np.arange(400) / 7, None, "continuous"),
        ],
    )
    @BOTH
    def test_that_cannot_be_used_are_refused(self, make, labels, pos_label, message):
        X, _ = payments()

        with pytest.raises(ValueError, match=message):
            make(pos_label=pos_label).fit(X, labels)


class TestSampleWeight:
    @BOTH
    def test_of_one_value_changes_nothing(self, make):
        X, y = payments()

        weighted = make().fit(X, y, sample_weight=np.full(len(y), 7.0))

        assert_array_equal(weighted.predict_proba(X), make().fit(X, y).predict_proba(X))

    def test_reaches_the_estimator(self):
        X, y = payments()
        weight = np.random.default_rng(0).integers(1, 5, len(y))

        model = CostThresholdClassifier(GaussianNB(), UNEQUAL, cv=3)
        model.fit(X, y, sample_weight=weight)

        assert_allclose(model.estimator_.theta_, GaussianNB().fit(X, y, weight).theta_)

    def test_counts_in_the_rule_where_the_estimator_takes_none(self):
        X, y = payments()
        weight = np.where(y == 1, 5.0, 1.0)
        model = CostThresholdClassifier(KNeighborsClassifier(20), UNEQUAL, cv=3)
        unweighted = clone(model).fit(X, y)

        with pytest.warns(CostOptWarning, match="weights-not-learned.*KNeighborsClassifier"):
            model.fit(X, y, sample_weight=weight)

        assert_array_equal(
            model.estimator_.predict_proba(X), unweighted.estimator_.predict_proba(X)
        )
        assert np.all(model.predict_proba(X)[:, 1] > unweighted.predict_proba(X)[:, 1])

    @BOTH
    def test_must_leave_both_classes(self, make):
        X, y = payments()

        with pytest.raises(DataError, match="above 0 for some row of each class"):
            make().fit(X, y, sample_weight=y.to_numpy())


class TestFolds:
    @BOTH
    def test_keep_groups_together(self, make):
        X, y = payments()

        with pytest.raises(DataError, match="there are 2 groups for 3 folds"):
            make().fit(X, y, groups=np.arange(len(y)) % 2)

    @BOTH
    def test_follow_time_where_it_is_given(self, make):
        X, y = payments()
        ordered = make().fit(X, y, time=np.arange(len(y))).policy_

        assert ordered.calibrator != make().fit(X, y).policy_.calibrator
        with pytest.raises(DataError, match="give groups or time, not both"):
            make().fit(X, y, groups=np.arange(len(y)), time=np.arange(len(y)))

    @BOTH
    def test_may_not_be_more_than_the_rows_of_a_class(self, make):
        X, y = payments(40)
        y[:] = [1] * 4 + [0] * 36

        with pytest.raises(DataError, match="there are 4 positive rows for 5 folds.*cv=4"):
            make(cv=5).fit(X, y)


class TestThreshold:
    def test_is_not_sampled_without_a_search(self):
        with pytest.raises(DataError, match="threshold='sampled' is for a search"):
            threshold_classifier(threshold="sampled").fit(*payments())

    def test_needs_probabilities(self):
        with pytest.raises(SearchError, match="LinearSVC has no predict_proba"):
            CostThresholdClassifier(LinearSVC(), UNEQUAL).fit(*payments())


def test_cores_are_left_to_whoever_runs_many_fits():
    """As in scikit-learn, n_jobs=None is one core: a grid search around it has the others."""
    threads = []

    class Remembers(LogisticRegression):
        def fit(self, X, y):
            threads.append(threading.current_thread())
            return super().fit(X, y)

    CostThresholdClassifier(Remembers(), UNEQUAL, cv=3).fit(*payments())

    assert threads == [threading.main_thread()] * 4


class TestRows:
    def test_of_a_sparse_matrix_reach_the_estimator(self):
        X, y = payments()
        rows = sparse.coo_array(X.to_numpy())

        model = threshold_classifier().fit(rows, y)

        dense = threshold_classifier().fit(X.to_numpy(), y)
        assert sparse.issparse(rows)
        assert_allclose(model.predict_proba(rows), dense.predict_proba(X.to_numpy()), rtol=1e-3)
        assert_array_equal(model.predict(rows), dense.predict(X.to_numpy()))
        assert_allclose(model.score(rows, y), dense.score(X.to_numpy(), y))

    def test_of_texts_reach_a_pipeline(self):
        X, y = payments()
        texts = np.where(X[["hour", "velocity"]] > 0, "high", "low").astype(object)

        model = CostThresholdClassifier(
            make_pipeline(OneHotEncoder(), LogisticRegression()), UNEQUAL, cv=3
        ).fit(texts, y)

        assert set(model.predict(texts)) == {0, 1}

    @pytest.mark.parametrize("frame", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
    def test_of_a_data_frame_reach_a_pipeline_with_their_names(self, frame):
        X, y = payments()
        X = frame(X.assign(channel=np.where(X["hour"] > 0, "web", "shop")))
        by_name = make_column_transformer(
            (StandardScaler(), ["hour", "amount"]), (OneHotEncoder(), ["channel"])
        )

        model = CostThresholdClassifier(
            make_pipeline(by_name, LogisticRegression()), BY_AMOUNT, cv=3
        ).fit(X, y.to_numpy())

        assert list(model.feature_names_in_) == ["hour", "velocity", "amount", "channel"]
        assert_array_equal(model.predict(X) == 1, model.policy_.decide(X))
        assert set(model.predict(X)) == {0, 1}

    @pytest.mark.parametrize("frame", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
    def test_of_mixed_columns_are_searched_as_they_are(self, frame):
        X, y = payments()
        X = frame(X.assign(channel=np.where(X["hour"] > 0, "web", "shop")))

        model = search_classifier(BY_AMOUNT).fit(X, y.to_numpy())

        assert list(model.feature_names_in_) == ["hour", "velocity", "amount", "channel"]
        assert_array_equal(model.predict(X) == 1, model.policy_.decide(X))

    @BOTH
    def test_and_costs_are_not_changed(self, make):
        X, y = payments()
        amount = X["amount"].to_numpy()
        before = X.copy(), y.copy(), amount.copy()
        model = make(UNEQUAL)

        model.fit(X, y, fn=amount).predict(X, fn=amount)

        pd.testing.assert_frame_equal(X, before[0])
        pd.testing.assert_series_equal(y, before[1])
        assert_array_equal(amount, before[2])
        assert model.costs is UNEQUAL


class TestCostSearchClassifier:
    def test_holds_the_result_of_the_search(self):
        model = search_classifier(n_trials=3).fit(*payments())

        assert model.result_.n_trials == 3
        assert model.policy_ is model.result_.policy
        assert "this policy" in model.result_.summary()

    def test_starts_no_further_trial_after_the_timeout(self):
        assert search_classifier(n_trials=50, timeout=1e-6).fit(*payments()).result_.n_trials == 1

    def test_gives_the_same_for_the_same_seed(self):
        X, y = payments()

        first, second = (search_classifier(n_trials=7).fit(X, y) for _ in range(2))

        assert first.result_.best_params == second.result_.best_params
        assert_array_equal(first.predict_proba(X), second.predict_proba(X))

    def test_takes_missing_values(self):
        X, y = payments()
        X = X.mask(np.random.default_rng(0).random(X.shape) < 0.1)

        model = search_classifier().fit(X.to_numpy(), y)

        assert set(model.predict(X.to_numpy())) == {0, 1}

    def test_makes_a_policy_that_decides_alike_elsewhere(self, tmp_path):
        X, y = payments()
        model = search_classifier(BY_AMOUNT).fit(X, y)

        model.policy_.save(tmp_path / "fraud")

        loaded = DecisionPolicy.load(tmp_path / "fraud")
        assert_array_equal(loaded.decide(X), model.predict(X) == 1)

    def test_leaves_columns_out_that_are_no_features(self):
        X, y = payments()

        model = search_classifier(BY_AMOUNT, ignore=("amount",)).fit(X, y)

        assert model.policy_.schema.names == ("hour", "velocity")
        assert_array_equal(model.predict(X) == 1, model.policy_.decide(X))


class TestFitted:
    @BOTH
    def test_survives_a_later_change_of_parameters(self, make):
        X, y = payments()
        model = make(UNEQUAL).fit(X, y, fn=X["amount"])
        before = model.predict(X, fn=X["amount"])

        model.set_params(costs=CostMatrix(fp=1000, fn=1))

        assert_array_equal(model.predict(X, fn=X["amount"]), before)

    @BOTH
    def test_is_pickled_without_the_costs_of_the_rows_that_it_saw(self, make):
        X, y = payments(4000)
        plain = len(pickle.dumps(make(UNEQUAL).fit(X, y)))

        with_arrays = make(UNEQUAL).fit(X, y, fn=X["amount"].to_numpy())

        assert abs(len(pickle.dumps(with_arrays)) - plain) < X["amount"].to_numpy().nbytes

    @BOTH
    def test_is_shown_in_a_notebook(self, make):
        model = make().fit(*payments())

        assert type(model).__name__ in model._repr_html_()

    def test_shows_the_estimator_inside(self):
        assert "LogisticRegression" in threshold_classifier()._repr_html_()


def test_the_threshold_classifier_does_not_load_optuna():
    code = "import sys, costopt.estimators; sys.exit('optuna' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
