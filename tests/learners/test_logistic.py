import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from costopt import LogisticLearner, PolicyError, SearchError
from costopt.evaluation.folds import make_folds
from costopt.inputs.frames import Table
from costopt.inputs.schema import Schema
from costopt.learners.dimensions import Real
from costopt.learners.protocol import Features, Fold
from costopt.rebalancing.definition import TrainingRows
from costopt.rebalancing.methods import method


def features_of(X, schema=None):
    table = Table(X)
    return Features(table, schema or Schema.infer(table))


def sample_of(y, resampling="none", ratio=None, population=None):
    return method(resampling).reweight(TrainingRows(y, population), ratio, np.random.default_rng(0))


def fit(features, y, folds=(), fold=None, *, sample=None, C=0.3):
    learner = LogisticLearner()
    prepared = learner.prepare(features, folds)
    train = y if fold is None else y[folds[fold].train]
    fitted = learner.fit(
        prepared, fold, y, sample or sample_of(train), {"C": C}, seed=0, n_threads=1
    )
    return learner, prepared, fitted


@pytest.fixture
def mixed(make_rows):
    X, y = make_rows(200, seed=3)
    X.loc[::17, "kind"] = None
    X.loc[::23, "amount"] = np.nan
    return X, y.to_numpy(dtype=bool)


def columns_by_scikit_learn():
    """The same columns in the same order, by scikit-learn's own pieces."""

    def number():
        return make_pipeline(SimpleImputer(strategy="median"), StandardScaler())

    return ColumnTransformer(
        [
            ("signal", number(), ["signal"]),
            ("noise", number(), ["noise"]),
            ("no noise", MissingIndicator(), ["noise"]),
            (
                "kind",
                OneHotEncoder(categories=[["a", "b", "c"]], handle_unknown="ignore"),
                ["kind"],
            ),
            ("amount", number(), ["amount"]),
            ("no amount", MissingIndicator(), ["amount"]),
        ],
        sparse_threshold=0,
    )


@pytest.mark.parametrize("C", [0.01, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_scikit_learns_pipeline_of_imputing_scaling_and_one_hot_columns(mixed, C, weighted):
    X, y = mixed
    sample = sample_of(y, "weight", 1.0) if weighted else sample_of(y)
    reference = make_pipeline(columns_by_scikit_learn(), LogisticRegression(C=C, max_iter=2000))
    reference.fit(X, y, logisticregression__sample_weight=sample.sample_weight)

    learner, _, fitted = fit(features_of(X), y, sample=sample, C=C)
    score = learner.score(fitted.model, features_of(X))

    assert_allclose(score, reference.predict_proba(X)[:, 1], atol=1e-6)


@pytest.mark.parametrize("C", [0.01, 10.0])
def test_the_coefficients_minimise_the_penalised_weighted_loss(mixed, C):
    """The gradient of C * weighted log loss + half the squared norm is 0 there."""
    X, y = mixed
    sample = sample_of(y, "weight", 1.0)

    _, _, fitted = fit(features_of(X), y, sample=sample, C=C)

    design = fitted.model.encoder.apply(features_of(X).matrix)
    coefficients = np.array(fitted.model.coefficients)
    error = sample.sample_weight * (expit(design @ coefficients + fitted.model.intercept) - y)
    # relative to the number of rows, as the solver's own tolerance is
    assert_allclose((C * design.T @ error + coefficients) / (C * y.size), 0, atol=2e-4)
    assert_allclose(error.sum() / y.size, 0, atol=2e-4)


def test_new_rows_are_encoded_as_the_training_rows_were(mixed):
    X, y = mixed
    schema = Schema.infer(Table(X))
    learner, _, fitted = fit(features_of(X), y)
    new = pd.DataFrame(
        {"signal": [9.0, -1.0], "noise": [np.nan, 0.0], "kind": [None, "b"], "amount": [1.0, 2.0]}
    )
    reference = columns_by_scikit_learn().fit(X)

    design = fitted.model.encoder.apply(features_of(new, schema).matrix)
    score = learner.score(fitted.model, features_of(new, schema))

    assert_allclose(design, reference.transform(new), atol=1e-12)
    assert_allclose(score, expit(design @ fitted.model.coefficients + fitted.model.intercept))


def test_a_number_that_was_never_missing_in_training_is_taken_as_its_median(mixed):
    X, y = mixed
    schema = Schema.infer(Table(X))
    learner, _, fitted = fit(features_of(X), y)
    gap, median = X.head(1).copy(), X.head(1).copy()
    gap["signal"], median["signal"] = np.nan, X["signal"].median()

    assert_array_equal(
        learner.score(fitted.model, features_of(gap, schema)),
        learner.score(fitted.model, features_of(median, schema)),
    )


@pytest.mark.parametrize("resampling", ["none", "weight", "random_over", "random_under"])
def test_a_fold_is_scored_as_new_rows_are(mixed, resampling):
    X, y = mixed
    folds = make_folds(y, 3).folds
    sample = sample_of(y[folds[1].train], resampling, 0.8)
    learner, prepared, fitted = fit(features_of(X), y, folds, 1, sample=sample)

    score = learner.score_fold(prepared, 1, fitted, None)

    rows = X.iloc[folds[1].test]
    assert_array_equal(
        score, learner.score(fitted.model, features_of(rows, Schema.infer(Table(X))))
    )


def test_it_has_no_rounds_to_grow_and_none_to_be_ended_between(mixed):
    """What is fitted to a fold is what ships of it, whatever it is asked for."""
    X, y = mixed
    folds = make_folds(y, 3).folds
    learner, prepared, fitted = fit(features_of(X), y, folds, 1)
    options = {"seed": 0, "n_threads": 1, "n_rounds": 7, "checkpoint": lambda: None}

    again = learner.fit(prepared, 1, y, sample_of(y[folds[1].train]), {"C": 0.3}, **options)

    assert not learner.grows
    assert again.model == fitted.model
    assert again.losses is None
    assert again.rounds is None


def test_a_fold_is_fitted_on_its_training_rows_only(mixed):
    """Rows of the other side may hold anything: neither the encoding nor the model moves."""
    X, y = mixed
    folds = make_folds(y, 3).folds
    _, _, clean = fit(features_of(X), y, folds, 0)
    poisoned, flipped = X.copy(), y.copy()
    poisoned.loc[folds[0].test, ["signal", "noise", "amount"]] = 1e6
    poisoned.loc[folds[0].test, "kind"] = None
    flipped[folds[0].test] ^= True

    _, _, found = fit(features_of(poisoned), flipped, folds, 0)

    assert found.model == clean.model


def test_integer_weights_are_repeated_rows():
    """With the penalty per unit of weight: weights have mean 1, repeated rows weigh 1 each."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2))
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = X[:, 0] + rng.normal(size=80) > 0.8
    sample = sample_of(y, "random_over", 0.9)
    times = np.round(sample.sample_weight / sample.sample_weight.min()).astype(int)

    learner, _, weighted = fit(features_of(X), y, sample=sample, C=1e5)
    _, _, repeated = fit(features_of(np.repeat(X, times, axis=0)), np.repeat(y, times), C=1e5)

    assert times.max() > 1
    assert_allclose(
        learner.score(weighted.model, features_of(X)),
        learner.score(repeated.model, features_of(X)),
        atol=1e-3,
    )


def test_rows_that_are_kept_are_all_that_is_fitted_to(mixed):
    """The encoding knows all training rows; the coefficients only those kept."""
    X, y = mixed
    sample = sample_of(y, "random_under", 1.0)
    left_out = np.setdiff1d(np.arange(y.size), sample.rows)
    flipped = y.copy()
    flipped[left_out] ^= True

    _, _, found = fit(features_of(X), y, sample=sample)
    _, _, other = fit(features_of(X), flipped, sample=sample)

    assert found.model == other.model


def test_a_column_that_is_constant_in_a_fold_moves_no_score():
    """The mean of equal numbers is off by a last digit, so their spread is not exactly 0."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"signal": rng.normal(size=200), "fee": 0.1})
    X.loc[0, "fee"] = 0.3
    y = rng.random(200) < expit(X["signal"])
    folds = (Fold(np.arange(100, 200), np.arange(100)),)

    learner, prepared, fitted = fit(features_of(X), y.to_numpy(), folds, 0)
    score = learner.score_fold(prepared, 0, fitted, None)

    reference = make_pipeline(StandardScaler(), LogisticRegression(C=0.3)).fit(X[100:], y[100:])
    assert_allclose(score, reference.predict_proba(X[:100])[:, 1], atol=1e-3)


def test_a_column_without_values_in_a_fold_moves_no_score():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"signal": rng.normal(size=60), "late": np.nan})
    X.loc[:9, "late"] = 50.0 + X["signal"]
    y = rng.random(60) < 0.5
    folds = (Fold(np.arange(10, 60), np.arange(10)),)

    learner, prepared, fitted = fit(features_of(X), y, folds, 0)
    learner, without, fitted_without = fit(features_of(X[["signal"]]), y, folds, 0)

    assert_allclose(
        learner.score_fold(prepared, 0, fitted, None),
        learner.score_fold(without, 0, fitted_without, None),
        atol=1e-6,
    )


def test_rows_and_labels_are_not_changed(mixed):
    X, y = mixed
    before, labels = X.copy(), y.copy()

    learner, _, fitted = fit(features_of(X), y)
    learner.score(fitted.model, features_of(X))

    pd.testing.assert_frame_equal(X, before)
    assert_array_equal(y, labels)


# Settings


def test_the_penalty_is_searched_by_magnitude_and_defaults_to_one():
    assert LogisticLearner().space() == {"C": Real(1e-3, 10.0, log=True)}
    assert LogisticLearner().defaults() == {"C": 1.0}
    assert LogisticLearner({"C": (0.01, 0.1, "log")}).defaults() == {"C": 0.1}
    assert LogisticLearner({}).space() == {}


def test_another_parameter_is_refused():
    with pytest.raises(SearchError, match="logistic has no parameter 'penalty': known are 'C'"):
        LogisticLearner({"penalty": ["l1"]})
    with pytest.raises(SearchError, match="search space of 'C': low must not exceed high"):
        LogisticLearner({"C": (2.0, 1.0)})


# Files


def test_a_model_survives_its_file_bit_by_bit(mixed):
    X, y = mixed
    learner, _, fitted = fit(features_of(X), y)

    files = learner.to_files(fitted.model)
    read = learner.from_files(files, n_features=4)

    assert read == fitted.model
    assert learner.to_files(read) == files
    assert_array_equal(
        learner.score(read, features_of(X)), learner.score(fitted.model, features_of(X))
    )


def without(name):
    def change(document):
        del document[name]

    return change


def put(value, *path):
    def change(document):
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


HOSTILE = {
    "no encoder": without("encoder"),
    "no coefficients": without("coefficients"),
    "no intercept": without("intercept"),
    "encoder is a list": put([1, 2], "encoder"),
    "no scale": put({"center": [0.0] * 4}, "encoder"),
    "too few centers": put([0.0] * 3, "encoder", "center"),
    "center is a text": put("0000", "encoder", "center"),
    "a center is a text": put(["0"] * 4, "encoder", "center"),
    "a center is missing": put([None, 0.0, 0.0, 0.0], "encoder", "center"),
    "a center is true": put([True, 0.0, 0.0, 0.0], "encoder", "center"),
    "a center is nan": put([np.nan, 0.0, 0.0, 0.0], "encoder", "center"),
    "a center is infinite": put([np.inf, 0.0, 0.0, 0.0], "encoder", "center"),
    "a center is nested": put([[0.0], 0.0, 0.0, 0.0], "encoder", "center"),
    "a center of 400 digits": put([10**400, 0.0, 0.0, 0.0], "encoder", "center"),
    "a scale of zero": put([0.0, 1.0, 1.0, 1.0], "encoder", "scale"),
    "an indicator is a number": put([0, 1, 0, 1], "encoder", "indicator"),
    "a negative count": put([0, 0, -3, 0], "encoder", "n_categories"),
    "a fraction of a count": put([0, 0, 3.5, 0], "encoder", "n_categories"),
    "a huge count": put([0, 0, 10**12, 0], "encoder", "n_categories"),
    "too few coefficients": put([1.0], "coefficients"),
    "a coefficient is infinite": put([np.inf] * 8, "coefficients"),
    "the intercept is a list": put([1.0], "intercept"),
    "the intercept is nan": put(np.nan, "intercept"),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_damaged_model_file_is_refused(mixed, change):
    X, y = mixed
    learner, _, fitted = fit(features_of(X), y)
    document = json.loads(learner.to_files(fitted.model)["model.json"])
    change(document)

    with pytest.raises(PolicyError, match="not a logistic regression saved by costopt: "):
        learner.from_files({"model.json": json.dumps(document).encode()}, n_features=4)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"model"', b"\xff\xfe\x00", b"\x80\x04K\x01.", b"[" * 100_000],
)
def test_a_file_of_another_kind_is_refused(content):
    with pytest.raises(PolicyError, match="not a logistic regression saved by costopt: "):
        LogisticLearner().from_files({"model.json": content}, n_features=4)


def test_a_model_of_other_columns_is_refused(mixed):
    X, y = mixed
    learner, _, fitted = fit(features_of(X), y)

    with pytest.raises(PolicyError, match="expected a list of 5"):
        learner.from_files(learner.to_files(fitted.model), n_features=5)


def test_every_truncation_of_a_model_file_is_refused(mixed):
    X, y = mixed
    learner, _, fitted = fit(features_of(X), y)
    content = learner.to_files(fitted.model)["model.json"]

    for end in range(len(content)):
        with pytest.raises(PolicyError):
            learner.from_files({"model.json": content[:end]}, n_features=4)
