import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.metrics import log_loss

from costopt import DataError, SearchError, XGBoostLearner, scale_odds
from costopt.evaluation.folds import make_folds
from costopt.inputs.features import Feature
from costopt.inputs.frames import Table
from costopt.inputs.schema import Schema
from costopt.learners.dimensions import Integer, Real
from costopt.learners.protocol import Features, Fold
from costopt.rebalancing.definition import Reweighting, TrainingRows
from costopt.rebalancing.methods import method

SIMPLE = ["none", "weight", "random_over", "random_under"]


def features_of(X, schema=None):
    table = Table(X)
    return Features(table, schema or Schema.infer(table))


def sample_of(y, resampling="none", ratio=0.7, population=None):
    return method(resampling).reweight(TrainingRows(y, population), ratio, np.random.default_rng(0))


def fit(learner, prepared, y, fold=None, *, sample=None, params=None, **options):
    train = y if fold is None else y[prepared.folds[fold].train]
    options = {"seed": 0, "n_threads": 1} | options
    return learner.fit(prepared, fold, y, sample or sample_of(train), params or {}, **options)


@pytest.fixture
def mixed(make_rows):
    X, y = make_rows(240, seed=1)
    X.loc[::17, "kind"] = None
    return X, y.to_numpy(dtype=bool)


@pytest.fixture
def folds(mixed):
    return make_folds(mixed[1], 3).folds


# Devices: what weights, scale_pos_weight and repeated rows have in common


def train_exactly(X, y, *, weight=None, **settings):
    settings |= {"objective": "binary:logistic", "base_score": 0.5, "nthread": 1, "max_depth": 3}
    return xgb.train(settings, xgb.DMatrix(X, label=y, weight=weight), 15)


def test_weights_scale_pos_weight_and_repeated_rows_are_one_method_under_exact_cuts():
    """What the ledger's single number per resampling stands on (xgboost's own doing, not ours)."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 3))
    y = rng.random(150) < expit(2 * X[:, 0] - 1.5)
    times = np.where(y, 6, 1)
    rows = xgb.DMatrix(X)

    weighted = train_exactly(X, y, weight=times, tree_method="exact")
    scaled = train_exactly(X, y, scale_pos_weight=6, tree_method="exact")
    repeated = train_exactly(np.repeat(X, times, 0), np.repeat(y, times), tree_method="exact")

    assert np.ptp(weighted.predict(rows)) > 0.5
    assert_allclose(scaled.predict(rows), weighted.predict(rows), atol=1e-5)
    assert_allclose(repeated.predict(rows), weighted.predict(rows), atol=1e-5)


def test_on_shared_cuts_the_weight_method_is_scale_pos_weight(mixed):
    """Weights enter after binning, so that they move no cut."""
    X, y = mixed
    features = features_of(X)
    learner = XGBoostLearner(max_rounds=20)
    sample = sample_of(y, "weight", 1.0)
    spw = sample.odds_multiplier

    fitted = fit(learner, learner.prepare(features, ()), y, sample=sample, n_rounds=20)

    types = ["c" if flag else "q" for flag in features.schema.is_categorical]
    options = {"feature_types": types, "enable_categorical": True, "nthread": 1}
    train = xgb.QuantileDMatrix(features.matrix, **options)
    # weights of mean 1: a negative weighs sample_weight[~y], a positive spw times as much
    train.set_info(label=y, weight=np.full(y.size, sample.sample_weight[~y][0]))
    settings = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "learning_rate": 0.05,
        "max_depth": 4,
        "min_child_weight": 3.0,
        "subsample": 0.8,
        "colsample_bytree": 0.5,
        "reg_lambda": 10.0,
        "gamma": 0.001,
        "seed": 0,
        "nthread": 1,
        "scale_pos_weight": spw,
        "base_score": np.average(y, weights=sample.sample_weight),
    }
    bare = xgb.train(settings, train, 20)
    expected = bare.predict(xgb.DMatrix(features.matrix, **options))
    assert spw > 2
    assert_allclose(learner.score(fitted.model, features), expected, atol=1e-6)


def test_on_shared_cuts_over_sampling_is_repeating_rows(mixed):
    X, y = mixed
    learner = XGBoostLearner(fixed={"subsample": 1.0}, max_rounds=10)
    over = sample_of(y, "random_over", 0.9)
    times = np.round(over.sample_weight / over.sample_weight.min()).astype(int)
    rows = np.repeat(np.arange(y.size), times)
    repeated = Reweighting(
        np.full(rows.size, y.size / rows.size), over.odds_multiplier, "by hand", rows=rows
    )
    prepared = learner.prepare(features_of(X), ())

    weighted = fit(learner, prepared, y, sample=over, n_rounds=10)
    by_hand = fit(learner, prepared, y, sample=repeated, n_rounds=10)

    # total weight of the rows repeated by hand is the same: y.size
    assert times.max() > 1
    assert_allclose(
        learner.score(weighted.model, features_of(X)),
        learner.score(by_hand.model, features_of(X)),
        atol=1e-5,
    )


@pytest.mark.parametrize("resampling", SIMPLE)
@pytest.mark.parametrize("weighted", [False, True])
def test_early_stopping_looks_at_the_loss_of_corrected_probabilities(
    mixed, folds, resampling, weighted
):
    X, y = mixed
    population = np.where(y, 0.4, 1.1) if weighted else None
    learner = XGBoostLearner(max_rounds=24, patience=24)
    prepared = learner.prepare(features_of(X), folds)
    train, test = folds[1].train, folds[1].test
    sample = sample_of(y[train], resampling, 1.5, None if population is None else population[train])

    fitted = fit(learner, prepared, y, 1, sample=sample, validation_weight=population)

    assert sample.odds_multiplier > 2 or resampling == "none"
    for done, loss in zip(fitted.rounds, fitted.losses, strict=True):
        score = learner.score_fold(prepared, 1, fitted, int(done))
        corrected = scale_odds(score, 1 / sample.odds_multiplier)
        weight = None if population is None else population[test]
        assert_allclose(loss, log_loss(y[test], corrected, sample_weight=weight), atol=2e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("expected_cost", lambda p, y: np.where(y, 1 - p, p)),
        ("focal", lambda p, y: -(np.where(y, 1 - p, p) ** 2) * np.log(np.where(y, p, 1 - p))),
    ],
)
@pytest.mark.parametrize("resampling", ["none", "weight", "random_under"])
def test_other_objectives_look_at_the_loss_that_they_train(
    mixed, folds, name, loss, weighted, resampling
):
    """Validation rows by their own weights, and positives as often as they count in training."""
    X, y = mixed
    own = np.random.default_rng(0).lognormal(0, 1, y.size) if weighted else np.ones(y.size)
    learner = XGBoostLearner(max_rounds=12, patience=12, objective=name)
    prepared = learner.prepare(features_of(X), folds)
    sample = sample_of(y[folds[1].train], resampling, 1.5)

    fitted = fit(
        learner, prepared, y, 1, sample=sample, validation_weight=own if weighted else None
    )

    test = folds[1].test
    weight = own[test] * np.where(y[test], sample.odds_multiplier, 1.0)
    for done, found in zip(fitted.rounds, fitted.losses, strict=True):
        each = loss(learner.score_fold(prepared, 1, fitted, int(done)), y[test])
        assert_allclose(found, np.average(each, weights=weight), rtol=1e-5)


# Rounds


def test_it_looks_at_each_of_the_first_rounds_then_at_every_fifth_and_the_last(mixed, folds):
    X, y = mixed
    learner = XGBoostLearner(max_rounds=33, patience=100)

    fitted = fit(learner, learner.prepare(features_of(X), folds), y, 0)

    assert_array_equal(fitted.rounds, [*range(1, 21), 25, 30, 33])
    assert fitted.losses.size == fitted.rounds.size


@pytest.mark.parametrize("patience", [1, 4, 8])
def test_it_stops_when_looking_has_not_paid_for_so_many_rounds(mixed, folds, patience):
    X, _ = mixed
    y = np.random.default_rng(4).random(240) < 0.4  # nothing to learn
    learner = XGBoostLearner(max_rounds=200, patience=patience, fixed={"learning_rate": 0.3})

    fitted = fit(learner, learner.prepare(features_of(X), folds), y, 0)

    best = fitted.rounds[[np.argmin(fitted.losses[: end + 1]) for end in range(fitted.rounds.size)]]
    waited = fitted.rounds - best
    assert waited[-1] >= patience
    assert np.all(waited[:-1] < patience)


@pytest.mark.parametrize("n_rounds", [1, 7])
def test_exactly_so_many_rounds_are_grown(mixed, n_rounds):
    X, y = mixed
    learner = XGBoostLearner(max_rounds=20)

    fitted = fit(learner, learner.prepare(features_of(X), ()), y, n_rounds=n_rounds)

    assert fitted.model.num_boosted_rounds() == n_rounds
    assert fitted.losses is None
    assert fitted.rounds is None


def test_without_a_number_the_final_model_grows_to_the_most():
    X = np.random.default_rng(0).normal(size=(30, 2))
    learner = XGBoostLearner(max_rounds=3)

    fitted = fit(learner, learner.prepare(features_of(X), ()), X[:, 0] > 0)

    assert fitted.model.num_boosted_rounds() == 3


@pytest.mark.parametrize("resampling", SIMPLE)
def test_a_fold_of_so_many_rounds_is_scored_like_one_that_was_stopped_there(
    mixed, folds, resampling
):
    X, y = mixed
    learner = XGBoostLearner(max_rounds=12, patience=12)
    prepared = learner.prepare(features_of(X), folds)
    sample = sample_of(y[folds[2].train], resampling)

    grown = fit(learner, prepared, y, 2, sample=sample)
    expected = learner.score_fold(prepared, 2, grown, 5)
    exact = fit(learner, prepared, y, 2, sample=sample, n_rounds=5)

    rows = features_of(X.iloc[folds[2].test], Schema.infer(Table(X)))
    assert exact.model.num_boosted_rounds() == 5
    assert exact.losses is None
    assert exact.rounds is None
    assert_allclose(learner.score(exact.model, rows), expected, atol=1e-6)


@pytest.mark.parametrize("resampling", SIMPLE)
def test_a_fold_of_so_many_rounds_is_a_model_of_its_training_rows_alone(mixed, folds, resampling):
    """The same trees, whether the other rows are there or not; and it can be saved."""
    X, y = mixed
    learner = XGBoostLearner(max_rounds=12)
    train = folds[1].train
    sample = sample_of(y[train], resampling)

    prepared = learner.prepare(features_of(X), folds)
    found = fit(learner, prepared, y, 1, sample=sample, n_rounds=6).model
    alone = learner.prepare(features_of(X.iloc[train], Schema.infer(Table(X))), ())
    expected = fit(learner, alone, y[train], sample=sample, n_rounds=6).model

    assert found.get_dump() == expected.get_dump()
    read = learner.from_files(learner.to_files(found), n_features=4)
    assert_array_equal(learner.score(read, features_of(X)), learner.score(found, features_of(X)))


# Ended from outside


class Enough(Exception):
    """It has taken long enough."""


@pytest.mark.parametrize("fold", [None, 0])
@pytest.mark.parametrize("n_rounds", [None, 9])
def test_what_a_checkpoint_raises_ends_the_growing_between_two_rounds(mixed, folds, fold, n_rounds):
    X, y = mixed
    learner, calls = XGBoostLearner(max_rounds=9, patience=9), []
    prepared = learner.prepare(features_of(X), folds)

    def checkpoint():
        calls.append(None)
        if len(calls) == 5:
            raise Enough

    with pytest.raises(Enough):
        fit(learner, prepared, y, fold, n_rounds=n_rounds, checkpoint=checkpoint)
    assert len(calls) == 5

    # asked once before each round, and what was begun is forgotten
    again = fit(learner, prepared, y, fold, n_rounds=n_rounds, checkpoint=checkpoint)
    assert len(calls) == 5 + 9
    clean = fit(learner, learner.prepare(features_of(X), folds), y, fold, n_rounds=n_rounds)
    if fold is not None and n_rounds is None:
        assert_array_equal(again.losses, clean.losses)
        again, clean = again.model.booster, clean.model.booster
    else:
        again, clean = again.model, clean.model
    assert again.get_dump() == clean.get_dump()


# Scores


@pytest.mark.parametrize("resampling", SIMPLE)
def test_a_fold_is_scored_as_the_final_model_of_its_training_rows_would(mixed, folds, resampling):
    X, y = mixed
    schema = Schema.infer(Table(X))
    learner = XGBoostLearner(max_rounds=15, patience=15)
    train, test = folds[0].train, folds[0].test
    sample = sample_of(y[train], resampling)
    prepared = learner.prepare(features_of(X), folds)

    fitted = fit(learner, prepared, y, 0, sample=sample)
    alone = learner.prepare(features_of(X.iloc[train], schema), ())
    final = fit(learner, alone, y[train], sample=sample, n_rounds=9)

    assert_allclose(
        learner.score_fold(prepared, 0, fitted, 9),
        learner.score(final.model, features_of(X.iloc[test], schema)),
        atol=1e-6,
    )


def test_a_fold_keeps_its_scores_when_another_candidate_is_fitted_to_it(mixed, folds):
    X, y = mixed
    population = np.random.default_rng(0).uniform(0.1, 2, y.size)
    train = folds[0].train
    sample = sample_of(y[train], "random_under", 0.9, population[train])
    learner = XGBoostLearner(max_rounds=6, patience=6)
    scores = []
    for others in (0, 1):
        prepared = learner.prepare(features_of(X), folds)
        fitted = fit(learner, prepared, y, 0, sample=sample, validation_weight=population)
        for _ in range(others):
            fit(learner, prepared, y, 0)
        scores.append(learner.score_fold(prepared, 0, fitted, 4))

    assert_array_equal(*scores)


def test_a_fold_keeps_its_scores_when_the_final_model_is_fitted(mixed, folds):
    X, y = mixed
    learner = XGBoostLearner(max_rounds=6, patience=6)
    prepared = learner.prepare(features_of(X), folds)
    fitted = fit(learner, prepared, y, 0)
    before = learner.score_fold(prepared, 0, fitted, 4)

    fit(learner, prepared, y, sample=sample_of(y, "weight"), n_rounds=3)

    assert_array_equal(learner.score_fold(prepared, 0, fitted, 4), before)
    again = fit(learner, prepared, y, 0)
    assert_array_equal(again.losses, fitted.losses)
    assert_array_equal(learner.score_fold(prepared, 0, again, 4), before)


@pytest.mark.parametrize("risky", ["a", "b", "d"])
def test_a_category_that_a_folds_training_rows_lack_counts_as_missing(risky):
    """Left as it is, its code would fall into another category's bin."""
    rng = np.random.default_rng(0)
    kind = rng.choice(["a", "b", "d"], 200)
    y = rng.random(200) < np.where(kind == risky, 0.9, 0.1)
    kind[150:] = "c"
    X = pd.DataFrame({"kind": pd.Categorical(kind), "noise": rng.normal(size=200)})
    folds = (Fold(np.arange(150), np.arange(150, 200)),)
    learner = XGBoostLearner(max_rounds=10, patience=10)

    prepared = learner.prepare(features_of(X), folds)
    fitted = fit(learner, prepared, y, 0)
    score = learner.score_fold(prepared, 0, fitted, 10)

    schema = Schema.infer(Table(X))
    missing = X.assign(kind=pd.Categorical([None] * 200, categories=list("abcd")))
    alone = learner.prepare(features_of(X.iloc[:150], schema), ())
    final = fit(learner, alone, y[:150], n_rounds=10)
    assert schema.features[0].categories == ("a", "b", "c", "d")
    assert_allclose(
        score, learner.score(final.model, features_of(missing.iloc[150:], schema)), atol=1e-6
    )


@pytest.mark.parametrize("unseen", ["c", "z"])
@pytest.mark.parametrize("known", ["abd", "abdefgh"], ids=["few", "many"])
def test_the_model_of_a_fold_takes_a_category_that_its_rows_lack_for_missing_too(known, unseen):
    """New rows are scored as the fold was evaluated, where what is missing says something."""
    rng = np.random.default_rng(0)
    kind = rng.choice(list(known), 200).astype(object)
    y = rng.random(200) < 0.3
    kind[:150:4], y[:150:4] = None, rng.random(38) < 0.9
    kind[150:] = unseen
    X = pd.DataFrame({"kind": pd.Categorical(kind), "noise": rng.normal(size=200)})
    folds = (Fold(np.arange(150), np.arange(150, 200)),)
    learner = XGBoostLearner(max_rounds=10, patience=10)
    prepared = learner.prepare(features_of(X), folds)
    evaluated = learner.score_fold(prepared, 0, fit(learner, prepared, y, 0), 10)

    model = fit(learner, prepared, y, 0, n_rounds=10).model

    score = learner.score(model, features_of(X.iloc[150:], Schema.infer(Table(X))))
    assert_allclose(score, evaluated, atol=1e-6)


def test_a_fold_is_fitted_on_its_training_rows_only(mixed, folds):
    """Half of the rows it scores are spoilt and all their labels flipped: the others keep theirs."""
    X, y = mixed
    test = folds[0].test
    learner = XGBoostLearner(max_rounds=8, patience=8)
    prepared = learner.prepare(features_of(X), folds)
    clean = learner.score_fold(prepared, 0, fit(learner, prepared, y, 0), 8)
    spoilt, flipped = X.copy(), y.copy()
    spoilt.loc[test[::2], ["signal", "noise", "amount"]] = -1e6
    spoilt.loc[test[::2], "kind"] = "a"
    flipped[test] ^= True

    prepared = learner.prepare(features_of(spoilt), folds)
    score = learner.score_fold(prepared, 0, fit(learner, prepared, flipped, 0), 8)

    assert_array_equal(score[1::2], clean[1::2])
    assert not np.array_equal(score[::2], clean[::2])


def test_rows_left_out_by_under_sampling_are_not_trained_on(mixed):
    X, y = mixed
    learner = XGBoostLearner(max_rounds=5)
    sample = sample_of(y, "random_under", 1.0)
    flipped = y.copy()
    flipped[np.setdiff1d(np.arange(y.size), sample.rows)] ^= True
    prepared = learner.prepare(features_of(X), ())

    models = [fit(learner, prepared, labels, sample=sample, n_rounds=5) for labels in (y, flipped)]

    assert models[0].model.get_dump() == models[1].model.get_dump()


def test_more_threads_give_the_same_scores(mixed, folds):
    X, y = mixed
    learner = XGBoostLearner(max_rounds=15, patience=15)
    scores = []
    for n_threads in (1, 2):
        prepared = learner.prepare(features_of(X), folds)
        fitted = fit(learner, prepared, y, 0, n_threads=n_threads)
        scores.append(learner.score_fold(prepared, 0, fitted, 15))

    assert_allclose(scores[0], scores[1], atol=1e-6)


def test_a_seed_says_all_and_no_global_state_is_touched(mixed):
    X, y = mixed
    learner = XGBoostLearner(max_rounds=8)
    state = np.random.get_state()  # noqa: NPY002  # the global one is what must not move
    configuration = xgb.get_config()

    first, second, other = (
        fit(learner, learner.prepare(features_of(X), ()), y, n_rounds=8, seed=seed).model
        for seed in (1, 1, 2)
    )

    assert first.get_dump() == second.get_dump()
    assert first.get_dump() != other.get_dump()
    assert_array_equal(state[1], np.random.get_state()[1])  # noqa: NPY002
    assert state[2] == np.random.get_state()[2]  # noqa: NPY002
    assert xgb.get_config() == configuration


def test_rows_are_not_changed(mixed, folds):
    X, y = mixed
    before, matrix = X.copy(), features_of(X).matrix
    array = matrix.copy()
    array.setflags(write=False)
    learner = XGBoostLearner(max_rounds=3)

    for features in (features_of(X), features_of(array)):
        prepared = learner.prepare(features, folds)
        fit(learner, prepared, y, 0, sample=sample_of(y[folds[0].train], "random_under"))
        fit(learner, prepared, y, n_rounds=2)

    pd.testing.assert_frame_equal(X, before)
    assert_array_equal(array, matrix)


def test_float32_rows_score_like_float64_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3)).astype(np.float32)
    y = X[:, 0] + rng.normal(size=100) > 0
    learner = XGBoostLearner(max_rounds=5)

    scores = [
        learner.score(
            fit(learner, learner.prepare(features_of(rows), ()), y, n_rounds=5).model,
            features_of(rows),
        )
        for rows in (X, X.astype(np.float64))
    ]

    assert_array_equal(*scores)


def test_a_number_too_large_for_single_precision_is_refused_in_words(mixed, folds):
    X, y = mixed
    X.loc[5, "amount"] = 1e39
    learner = XGBoostLearner(max_rounds=3)

    with pytest.raises(DataError, match="amount"):
        fit(learner, learner.prepare(features_of(X), folds), y, n_rounds=3)


def test_a_model_survives_its_file(mixed):
    X, y = mixed
    learner = XGBoostLearner(max_rounds=6)
    fitted = fit(learner, learner.prepare(features_of(X), ()), y, n_rounds=6)

    files = learner.to_files(fitted.model)
    read = learner.from_files(files, n_features=4)

    assert list(files) == ["model.json"]
    assert_array_equal(
        learner.score(read, features_of(X)), learner.score(fitted.model, features_of(X))
    )


# Settings


def test_what_is_fixed_is_not_searched_and_reaches_the_trees(mixed):
    X, y = mixed
    learner = XGBoostLearner(fixed={"max_depth": 1, "lambda": 5.0}, max_rounds=4)

    fitted = fit(learner, learner.prepare(features_of(X), ()), y, n_rounds=4)

    assert {"max_depth", "reg_lambda"}.isdisjoint(learner.space())
    assert fitted.model.trees_to_dataframe().groupby("Tree").size().max() == 3


def test_a_candidates_parameters_come_before_what_is_fixed_and_the_defaults(mixed):
    X, y = mixed
    learner = XGBoostLearner(fixed={"max_depth": 5}, max_rounds=2)
    prepared = learner.prepare(features_of(X), ())

    fitted = fit(learner, prepared, y, params={"max_depth": 1, "max_bin": 4}, n_rounds=2)

    assert fitted.model.trees_to_dataframe().groupby("Tree").size().max() == 3


def test_the_other_names_of_parameters_are_understood():
    learner = XGBoostLearner(
        {"eta": (0.1, 0.2), "alpha": (0, 1.0), "min_split_loss": (0.0, 2.0), "max_depth": (2, 3)}
    )

    assert learner.space() == {
        "learning_rate": Real(0.1, 0.2),
        "reg_alpha": Real(0.0, 1.0),
        "gamma": Real(0.0, 2.0),
        "max_depth": Integer(2, 3),
    }
    assert learner.defaults() == {
        "learning_rate": 0.1,
        "reg_alpha": 0.5,
        "gamma": 0.001,
        "max_depth": 3,
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("n_estimators", "chosen by early stopping; set max_rounds= instead"),
        ("num_boost_round", "chosen by early stopping; set max_rounds= instead"),
        ("scale_pos_weight", "the method 'weight' of resampling=, where its effect is undone"),
        ("objective", "scores must be probabilities"),
        ("base_score", "the share of positives after weighting"),
        ("seed", "it comes from random_state="),
        ("random_state", "it comes from random_state="),
        ("nthread", "it comes from n_jobs="),
        ("n_jobs", "it comes from n_jobs="),
    ],
)
def test_what_is_set_elsewhere_is_refused_with_where(name, message):
    with pytest.raises(SearchError, match=f"xgboost's '{name}' cannot be set here: .*{message}"):
        XGBoostLearner({name: (1, 2)})
    with pytest.raises(SearchError, match=f"xgboost's '{name}' cannot be set here"):
        XGBoostLearner(fixed={name: 1})


def test_an_unknown_parameter_is_refused_with_the_nearest():
    """xgboost itself would only warn, and search a parameter that does nothing."""
    with pytest.raises(SearchError, match=r"no parameter 'max_dept': did you mean 'max_depth'\?"):
        XGBoostLearner({"max_dept": (2, 3)})
    with pytest.raises(SearchError, match="no parameter 'booster': "):
        XGBoostLearner(fixed={"booster": "dart"})
    with pytest.raises(SearchError, match="search space of 'eta'|'learning_rate'"):
        XGBoostLearner({"eta": (0.3, 0.1)})


@pytest.mark.parametrize("limit", ["max_rounds", "patience"])
@pytest.mark.parametrize("given", [0, -1, 1.5, True, "10", None])
def test_limits_must_be_whole_and_at_least_one(limit, given):
    with pytest.raises(
        SearchError, match=f"{limit} must be a whole number of at least 1, got {given!r}"
    ):
        XGBoostLearner(**{limit: given})


@pytest.mark.parametrize(
    ("name", "space", "message"),
    [
        ("max_depth", (-3, -1), "a whole number of at least 0, got -3"),
        ("max_depth", (2.5, 3.5), "a whole number of at least 0, got 2.5"),
        ("max_depth", [3, "deep"], "a whole number of at least 0, got 'deep'"),
        ("max_depth", [True], "a whole number of at least 0, got True"),
        ("max_bin", (1, 300), "a whole number of at least 2, got 1"),
        ("subsample", (0.0, 0.5), "a number above 0 and at most 1, got 0.0"),
        ("colsample_bytree", (0.5, 1.5), "a number above 0 and at most 1, got 1.5"),
        ("gamma", (-1.0, 1.0), "a number of at least 0, got -1.0"),
        ("eta", (-0.1, 0.1), "a number of at least 0, got -0.1"),
    ],
)
def test_ranges_that_xgboost_cannot_take_are_refused_before_any_trial(name, space, message):
    named = {"eta": "learning_rate"}.get(name, name)
    with pytest.raises(SearchError, match=f"^search space of '{named}': xgboost takes {message}$"):
        XGBoostLearner(space={name: space})


def test_ranges_up_to_what_xgboost_takes_are_searched():
    space = {
        "max_depth": (0, 3),
        "subsample": (0.1, 1),
        "gamma": (0, 1),
        "grow_policy": ["lossguide"],
    }
    assert list(XGBoostLearner(space=space).space()) == list(space)


def test_numbers_beyond_single_precision_are_refused_when_rows_are_scored():
    """As they are when a model is fitted: the library itself would print a native stack trace."""
    schema = Schema((Feature("a"),))
    features = Features.of_matrix(np.array([[1e39]]), schema)

    with pytest.raises(
        DataError, match=r"column 'a' must stay below 3.4e\+38.* got 1e\+39 in row 0"
    ):
        XGBoostLearner().score(None, features)
