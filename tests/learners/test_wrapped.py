import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from costopt import DataError, SearchError, SklearnLearner
from costopt.evaluation.folds import make_folds
from costopt.inputs.frames import Table
from costopt.inputs.schema import Schema
from costopt.learners.dimensions import Choice, Integer, Real
from costopt.learners.protocol import Features
from costopt.learners.wrapped import positive_scores
from costopt.rebalancing.definition import TrainingRows
from costopt.rebalancing.methods import method


class Says(ClassifierMixin, BaseEstimator):
    """A classifier that gives the probabilities it is told to give."""

    def __init__(self, probabilities=None):
        self.probabilities = probabilities

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.asarray(self.probabilities)


def features_of(X, schema=None):
    table = Table(X)
    return Features(table, schema or Schema.infer(table))


def sample_of(y, resampling="none", ratio=0.8, population=None):
    return method(resampling).reweight(TrainingRows(y, population), ratio, np.random.default_rng(0))


def fit(learner, prepared, y, fold=None, *, sample=None, params=None, seed=0):
    train = y if fold is None else y[prepared.folds[fold].train]
    return learner.fit(
        prepared, fold, y, sample or sample_of(train), params or {}, seed=seed, n_threads=1
    )


@pytest.fixture
def mixed(make_rows):
    X, y = make_rows(150, seed=2)
    return X, y.to_numpy(dtype=bool)


@pytest.fixture
def numbers():
    X = np.random.default_rng(0).normal(size=(120, 3))
    y = X[:, 0] + np.random.default_rng(1).normal(size=120) > 0.7
    return X, y


# It is what the classifier alone would do


@pytest.mark.parametrize("resampling", ["none", "weight", "random_over", "random_under"])
def test_a_forest_is_fitted_on_a_folds_rows_with_its_weights(numbers, resampling):
    X, y = numbers
    folds = make_folds(y, 3).folds
    train, test = folds[1].train, folds[1].test
    sample = sample_of(y[train], resampling)
    learner = SklearnLearner(RandomForestClassifier(n_estimators=5))
    prepared = learner.prepare(features_of(X), folds)

    fitted = fit(learner, prepared, y, 1, sample=sample, params={"max_depth": 3}, seed=7)
    score = learner.score_fold(prepared, 1, fitted, None)

    kept = train if sample.rows is None else train[sample.rows]
    forest = RandomForestClassifier(n_estimators=5, max_depth=3, random_state=7)
    # a forest draws its rows by weight, and draws others for equal weights than for none
    weight = sample.sample_weight if resampling in ("weight", "random_over") else None
    forest.fit(X[kept], y[kept], sample_weight=weight)
    assert_array_equal(score, forest.predict_proba(X[test])[:, 1])
    assert_array_equal(score, learner.score(fitted.model, features_of(X[test])))


def test_it_has_no_rounds_to_grow_and_none_to_be_ended_between(numbers):
    """What is fitted to a fold is what ships of it, whatever it is asked for."""
    X, y = numbers
    folds = make_folds(y, 3).folds
    learner = SklearnLearner(RandomForestClassifier(n_estimators=3))
    prepared = learner.prepare(features_of(X), folds)
    fitted = fit(learner, prepared, y, 1)
    options = {"seed": 0, "n_threads": 1, "n_rounds": 7, "checkpoint": lambda: None}

    again = learner.fit(prepared, 1, y, sample_of(y[folds[1].train]), {}, **options)

    assert not learner.grows
    assert again.losses is None
    assert_array_equal(
        learner.score(again.model, features_of(X)), learner.score(fitted.model, features_of(X))
    )


@pytest.mark.parametrize("resampling", ["random_over", "none"])
def test_rows_are_repeated_for_a_classifier_without_weights(numbers, resampling):
    X, y = numbers
    sample = sample_of(y, resampling)
    learner = SklearnLearner(KNeighborsClassifier(5))

    fitted = fit(learner, learner.prepare(features_of(X), ()), y, sample=sample)

    times = np.round(sample.sample_weight / sample.sample_weight.min()).astype(int)
    alone = KNeighborsClassifier(5).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    assert not learner.takes_weights
    assert (times.max() > 1) == (resampling == "random_over")
    assert_array_equal(learner.score(fitted.model, features_of(X)), alone.predict_proba(X)[:, 1])


def test_rows_are_repeated_whole_also_for_a_pipeline(numbers):
    """A pipeline passes weights on only under the name of a step."""
    X, y = numbers
    sample = sample_of(y, "random_over", 2.0)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    learner = SklearnLearner(pipeline)

    fitted = fit(learner, learner.prepare(features_of(X), ()), y, sample=sample)

    times = np.round(sample.sample_weight / sample.sample_weight.min()).astype(int)
    alone = clone(pipeline).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    assert_allclose(
        learner.score(fitted.model, features_of(X)), alone.predict_proba(X)[:, 1], atol=1e-9
    )


def test_weights_that_are_no_whole_numbers_are_refused_where_rows_must_be_repeated(numbers):
    X, y = numbers
    learner = SklearnLearner(KNeighborsClassifier())
    prepared = learner.prepare(features_of(X), ())

    with pytest.raises(
        DataError,
        match="KNeighborsClassifier takes no sample_weight, so rows can only be repeated whole: "
        "leave out weights, and search resampling=",
    ):
        fit(learner, prepared, y, sample=sample_of(y, "weight", 0.77))


def test_a_pipeline_gets_the_columns_as_a_data_frame(mixed):
    X, y = mixed
    columns = ColumnTransformer(
        [("kind", OneHotEncoder(), ["kind"]), ("number", StandardScaler(), ["signal", "amount"])]
    )
    pipeline = make_pipeline(columns, LogisticRegression())
    learner = SklearnLearner(pipeline, {"logisticregression__C": (0.01, 1.0, "log")})
    folds = make_folds(y, 3).folds
    prepared = learner.prepare(features_of(X), folds)

    fitted = fit(learner, prepared, y, 0, params={"logisticregression__C": 0.05})

    train, test = folds[0].train, folds[0].test
    alone = clone(pipeline).set_params(logisticregression__C=0.05).fit(X.iloc[train], y[train])
    expected = alone.predict_proba(X.iloc[test])[:, 1]
    assert_array_equal(learner.score_fold(prepared, 0, fitted, None), expected)
    shuffled = X.iloc[test][["amount", "noise", "kind", "signal"]].reset_index(drop=True)
    assert_array_equal(
        learner.score(fitted.model, features_of(shuffled, Schema.infer(Table(X)))), expected
    )


def test_categories_and_gaps_are_encoded_for_a_classifier_that_cannot_take_them(mixed):
    X, y = mixed
    learner = SklearnLearner(GaussianNB())

    fitted = fit(learner, learner.prepare(features_of(X), ()), y)

    design = np.column_stack(
        [
            X["signal"],
            X["noise"].fillna(X["noise"].median()),
            X["noise"].isna(),
            *(X["kind"] == kind for kind in "abc"),
            X["amount"],
        ]
    ).astype(float)
    for column in (0, 1, 6):
        design[:, column] = StandardScaler().fit_transform(design[:, [column]])[:, 0]
    alone = GaussianNB().fit(design, y)
    assert_allclose(
        learner.score(fitted.model, features_of(X)), alone.predict_proba(design)[:, 1], atol=1e-9
    )


def test_gaps_are_left_to_a_classifier_that_takes_them(numbers):
    X, y = numbers
    X[::7, 1] = np.nan
    learner = SklearnLearner(HistGradientBoostingClassifier(max_iter=3))

    fitted = fit(learner, learner.prepare(features_of(X), ()), y)

    alone = HistGradientBoostingClassifier(max_iter=3, random_state=0).fit(X, y)
    assert_array_equal(learner.score(fitted.model, features_of(X)), alone.predict_proba(X)[:, 1])


def test_rows_of_any_other_kind_reach_the_classifier_untouched():
    """The estimators hand over whatever their own estimator is made for."""
    texts = np.array(["good", "bad", "bad", "good"] * 10, dtype=object)
    y = texts == "bad"
    folds = make_folds(y, 2).folds

    class Reads(Says):
        def predict_proba(self, X):
            act = np.asarray(X) == "bad"
            return np.column_stack((~act, act)).astype(float)

    learner = SklearnLearner(Reads())
    prepared = learner.prepare(texts, folds)
    fitted = fit(learner, prepared, y, 0)

    assert_array_equal(learner.score_fold(prepared, 0, fitted, None), y[folds[0].test])
    assert_array_equal(learner.score(fitted.model, texts), y)


def test_the_callers_classifier_and_rows_are_not_changed(mixed):
    X, y = mixed
    before, labels = X.copy(), y.copy()
    forest = RandomForestClassifier(n_estimators=2)
    settings = forest.get_params()

    learner = SklearnLearner(forest, {"max_depth": (2, 4)})
    fit(learner, learner.prepare(features_of(X), ()), y, params={"max_depth": 2})

    assert forest.get_params() == settings
    assert not hasattr(forest, "estimators_")
    pd.testing.assert_frame_equal(X, before)
    assert_array_equal(y, labels)


# Randomness


FORESTS = {
    "alone": RandomForestClassifier(n_estimators=3),
    "in a pipeline": make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=3)),
}


@pytest.mark.parametrize("forest", FORESTS.values(), ids=FORESTS)
def test_a_seed_says_all_and_no_global_state_is_touched(numbers, forest):
    X, y = numbers
    learner = SklearnLearner(forest)
    prepared = learner.prepare(features_of(X), ())
    state = np.random.get_state()  # noqa: NPY002  # the global one is what must not move

    first, second, other = (
        learner.score(fit(learner, prepared, y, seed=seed).model, features_of(X))
        for seed in (1, 1, 2)
    )

    assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    assert_array_equal(state[1], np.random.get_state()[1])  # noqa: NPY002
    assert state[2] == np.random.get_state()[2]  # noqa: NPY002


def test_a_random_state_of_the_callers_is_kept(numbers):
    X, y = numbers
    learner = SklearnLearner(RandomForestClassifier(n_estimators=3, random_state=5))
    prepared = learner.prepare(features_of(X), ())

    first, second = (
        learner.score(fit(learner, prepared, y, seed=seed).model, features_of(X)) for seed in (1, 2)
    )

    assert_array_equal(first, second)


# Probabilities that cannot be used


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        ([[0.5, 0.5], [np.nan, np.nan]], r"must lie in \[0, 1\], got nan in row 1"),
        ([[0.5, 0.5], [-0.2, 1.2]], r"must lie in \[0, 1\], got 1.2 in row 1"),
        ([[1.5, -0.5], [0.5, 0.5]], r"must lie in \[0, 1\], got -0.5 in row 0"),
        (
            [[0.5, 0.5], [0.3, 0.6]],
            r"must give rows that sum to 1, got \[0.3, 0.6\] in row 1: are these scores rather",
        ),
        ([[1.0], [1.0]], r"must give two columns, got shape \(2, 1\): did a fold's training rows"),
        ([0.2, 0.8], r"must give two columns, got shape \(2,\)"),
        (np.full((2, 3), 1 / 3), r"must give two columns, got shape \(2, 3\)"),
    ],
)
def test_probabilities_that_are_none_are_refused_with_the_classifiers_name(probabilities, message):
    with pytest.raises(DataError, match="predict_proba of Says " + message):
        positive_scores(Says(probabilities).fit(None, [0, 1]), np.zeros((2, 1)), 1)


def test_rounding_in_single_precision_still_sums_to_one():
    rounded = np.full((1, 2), 0.5, dtype=np.float32) * np.float32(1 + 1e-5)

    said = positive_scores(Says(rounded).fit(None, [0, 1]), np.zeros((1, 1)), 1)
    assert said == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("space", [(-3, -1), (2.5, 3.5), (0, 3), [2, "deep"]])
def test_values_that_a_classifier_cannot_take_are_refused_before_any_trial(space):
    message = "search space of '{}max_depth': The 'max_depth' parameter of .* must be an int in"
    with pytest.raises(SearchError, match="^" + message.format("")):
        SklearnLearner(DecisionTreeClassifier(), {"max_depth": space})
    with pytest.raises(SearchError, match="^" + message.format("tree__")):
        SklearnLearner(Pipeline([("tree", DecisionTreeClassifier())]), {"tree__max_depth": space})


def test_what_is_wrong_beside_the_space_or_never_checked_is_left_to_the_fit():
    wrong = DecisionTreeClassifier(min_samples_leaf=-1)
    assert SklearnLearner(wrong, {"max_depth": (1, 3)}).space()
    assert SklearnLearner(DecisionTreeClassifier(), {"max_depth": [None, 3]}).space()


def test_probabilities_are_checked_wherever_scores_are_made(numbers):
    X, y = numbers
    folds = make_folds(y, 2).folds
    learner = SklearnLearner(Says([[0.5, 2.0]]))
    prepared = learner.prepare(features_of(X), folds)
    fitted = fit(learner, prepared, y, 0)

    with pytest.raises(DataError, match="predict_proba of Says must lie in"):
        learner.score_fold(prepared, 0, fitted, None)
    with pytest.raises(DataError, match="predict_proba of Says must lie in"):
        learner.score(fitted.model, features_of(X))


def test_a_classifier_that_met_one_class_only_is_named(numbers):
    X, _ = numbers
    learner = SklearnLearner(DecisionTreeClassifier())
    fitted = fit(learner, learner.prepare(features_of(X), ()), np.ones(120, dtype=bool))

    with pytest.raises(DataError, match="DecisionTreeClassifier must give two columns"):
        learner.score(fitted.model, features_of(X))


# Settings


def test_what_is_searched_and_the_classifiers_own_values_within_it():
    forest = RandomForestClassifier(max_depth=30, min_samples_leaf=2)
    learner = SklearnLearner(
        forest,
        {
            "max_depth": (2, 12),
            "min_samples_leaf": (1, 5),
            "max_features": (0.2, 1.0),
            "criterion": ["entropy", "gini"],
            "class_weight": ["balanced"],
        },
    )

    assert learner.name == "RandomForestClassifier"
    assert learner.space() == {
        "max_depth": Integer(2, 12),
        "min_samples_leaf": Integer(1, 5),
        "max_features": Real(0.2, 1.0),
        "criterion": Choice(("entropy", "gini")),
        "class_weight": Choice(("balanced",)),
    }
    assert learner.defaults() == {
        "max_depth": 12,
        "min_samples_leaf": 2,
        "max_features": 0.6,
        "criterion": "gini",
        "class_weight": "balanced",
    }
    assert SklearnLearner(forest).space() == {}
    assert SklearnLearner(forest, name="forest").name == "forest"


def test_it_knows_which_classifiers_take_weights():
    assert SklearnLearner(RandomForestClassifier()).takes_weights
    assert not SklearnLearner(KNeighborsClassifier()).takes_weights


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (RandomForestClassifier, "a learner needs a classifier object, got <class"),
        ("forest", "a learner needs a classifier object, got 'forest'"),
        (LinearSVC(), "LinearSVC has no predict_proba: .*CalibratedClassifierCV"),
    ],
)
def test_what_gives_no_probabilities_is_refused(estimator, message):
    with pytest.raises(SearchError, match=message):
        SklearnLearner(estimator)


def test_an_unknown_parameter_is_refused_with_the_nearest():
    with pytest.raises(
        SearchError,
        match=r"RandomForestClassifier has no parameter 'max_dept': did you mean 'max_depth'\?",
    ):
        SklearnLearner(RandomForestClassifier(), {"max_dept": (2, 3)})
    with pytest.raises(SearchError, match="Pipeline has no parameter 'C'"):
        SklearnLearner(make_pipeline(StandardScaler(), LogisticRegression()), {"C": (0.1, 1.0)})
    with pytest.raises(SearchError, match="search space of 'max_depth'"):
        SklearnLearner(RandomForestClassifier(), {"max_depth": (3, 2)})


def test_its_models_are_not_saved(numbers):
    X, y = numbers
    learner = SklearnLearner(DecisionTreeClassifier())
    fitted = fit(learner, learner.prepare(features_of(X), ()), y)

    assert learner.to_files(fitted.model) is None
    with pytest.raises(NotImplementedError, match="DecisionTreeClassifier has no files to read"):
        learner.from_files({"model.json": b"{}"}, n_features=3)
