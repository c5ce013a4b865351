"""Models as people have them: whatever their labels and library, the policy reads the right column."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from costopt import (
    CostMatrix,
    CostOptWarning,
    CostThresholdClassifier,
    DataError,
    DecisionPolicy,
    SklearnLearner,
    optimize,
)

COSTS = CostMatrix(fp=1, fn=5)

# negative, positive, and pos_label where it has to be said
LABELS = {
    "0 and 1": (0, 1, None),
    "1 and 0": (1, 0, 0),
    "texts, positive last": ("honest", "thief", "thief"),
    "texts, positive first": ("ok", "fraud", "fraud"),
    "booleans": (False, True, None),
    "booleans, False acts": (True, False, False),
    "1 and 2": (1, 2, 2),
    "2 and 1": (2, 1, 1),
    "-1 and 1": (-1, 1, 1),
    "1 and -1": (1, -1, -1),
}


def lightgbm(**options):
    library = pytest.importorskip("lightgbm")
    small = {"n_estimators": 10, "num_leaves": 4, "learning_rate": 0.3}
    return library.LGBMClassifier(**small, verbose=-1, n_jobs=1, random_state=0, **options)


def catboost(**options):
    library = pytest.importorskip("catboost")
    quiet = {"verbose": False, "allow_writing_files": False, "thread_count": 1, "random_seed": 0}
    return library.CatBoostClassifier(iterations=10, **quiet, **options)


MODELS = {
    "logistic regression": LogisticRegression,
    "a pipeline": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "a calibrated one": lambda: CalibratedClassifierCV(LogisticRegression(), cv=2),
    "a vote": lambda: VotingClassifier([("a", LogisticRegression())], voting="soft"),
    "lightgbm": lightgbm,
    "catboost": catboost,
}


def payments(n_cases=500, seed=0):
    """Two numbers, and which cases are to be acted on: about one in seven."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n_cases, 2)), columns=["hour", "velocity"])
    act = X["hour"] + X["velocity"] + rng.normal(size=n_cases) > 1.8
    return X, act.to_numpy()


def labelled(act, negative, positive):
    return np.array([negative, positive])[act.astype(int)]


def raw_scores(policy, X):
    return policy.learner.score(policy.models[0].model, X)


# Each library has its own way to order labels; what wraps a model of scikit-learn has that one's.
WRAPPERS = ("a pipeline", "a calibrated one", "a vote")
OF_WRAPPERS = ("texts, positive first", "booleans, False acts")
PAIRS = [
    (name, labels) for name in MODELS for labels in (OF_WRAPPERS if name in WRAPPERS else LABELS)
]


@pytest.mark.parametrize(("name", "labels"), PAIRS)
def test_a_fitted_model_becomes_a_policy_that_is_saved_and_decides_alike(name, labels, tmp_path):
    negative, positive, pos_label = LABELS[labels]
    old_X, old = payments(seed=1)
    X, act = payments()
    y = labelled(act, negative, positive)
    model = MODELS[name]().fit(old_X, labelled(old, negative, positive))
    before = model.predict_proba(X)
    column = list(model.classes_).index(positive)

    frozen = FrozenEstimator(model)
    wrapped = CostThresholdClassifier(frozen, COSTS, cv=2, pos_label=pos_label).fit(X, y)

    policy = wrapped.policy_
    raw = raw_scores(policy, X)
    assert_array_equal(raw, model.predict_proba(X)[:, column])
    assert_array_equal(model.predict_proba(X), before)  # it was not fitted again
    assert roc_auc_score(act, raw) > 0.8
    assert_array_equal(wrapped.predict(X) == positive, policy.decide(X))
    with pytest.warns(CostOptWarning, match="model-not-saved"):
        policy.save(tmp_path / "policy")
    loaded = DecisionPolicy.load(tmp_path / "policy")
    assert_array_equal(loaded.probability(score=raw), policy.probability(score=raw))
    assert_array_equal(loaded.decide(score=raw), policy.decide(X))
    assert_array_equal(loaded.is_positive(y), act)


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", ["logistic regression", "lightgbm", "catboost"])
def test_a_model_that_is_fitted_here_is_the_one_that_would_be_fitted_alone(name, labels):
    negative, positive, pos_label = LABELS[labels]
    X, act = payments()
    y = labelled(act, negative, positive)

    wrapped = CostThresholdClassifier(MODELS[name](), COSTS, cv=2, pos_label=pos_label).fit(X, y)

    alone = MODELS[name]().fit(X, y)
    expected = alone.predict_proba(X)[:, list(alone.classes_).index(positive)]
    assert_allclose(raw_scores(wrapped.policy_, X), expected, rtol=1e-9)
    assert (
        roc_auc_score(act, wrapped.predict_proba(X)[:, list(wrapped.classes_).index(positive)])
        > 0.8
    )


@pytest.mark.parametrize("labels", LABELS)
def test_xgboost_which_takes_no_texts_gets_zeros_and_ones(labels):
    negative, positive, pos_label = LABELS[labels]
    X, act = payments()

    wrapped = CostThresholdClassifier(
        XGBClassifier(n_estimators=5), COSTS, cv=2, pos_label=pos_label
    )
    wrapped.fit(X, labelled(act, negative, positive))

    alone = XGBClassifier(n_estimators=5, random_state=0).fit(X, act.astype(int))
    raw = raw_scores(wrapped.policy_, X)
    assert_allclose(raw, alone.predict_proba(X)[:, 1], atol=1e-3)
    assert roc_auc_score(act, raw) > 0.9


class TestParametersKeyedByLabel:
    @pytest.mark.parametrize("labels", LABELS)
    def test_weigh_the_class_that_they_name_and_are_undone(self, labels):
        negative, positive, pos_label = LABELS[labels]
        X, act = payments()
        model = LogisticRegression(class_weight={positive: 10})

        wrapped = CostThresholdClassifier(model, COSTS, cv=2, pos_label=pos_label)
        wrapped.fit(X, labelled(act, negative, positive))

        alone = LogisticRegression(class_weight={1: 10}).fit(X, act.astype(int))
        assert_allclose(raw_scores(wrapped.policy_, X), alone.predict_proba(X)[:, 1], rtol=1e-4)
        assert wrapped.policy_.models[0].ledger.entries == (("class_weight", 10.0),)

    @pytest.mark.parametrize("last", [LogisticRegression(), XGBClassifier(n_estimators=3)])
    def test_reach_samplers_in_a_pipeline(self, last):
        imblearn = pytest.importorskip("imblearn")
        X, act = payments()
        sampler = imblearn.over_sampling.RandomOverSampler(
            sampling_strategy={"fraud": 300}, random_state=0
        )
        pipeline = imblearn.pipeline.make_pipeline(sampler, last)

        wrapped = CostThresholdClassifier(pipeline, COSTS, cv=2, pos_label="fraud")
        wrapped.fit(X, labelled(act, "ok", "fraud"))

        ((name, factor),) = wrapped.policy_.models[0].ledger.entries
        assert name == "RandomOverSampler"
        assert factor == pytest.approx(300 / act.sum())
        inflated = raw_scores(wrapped.policy_, X).mean()
        assert inflated > 1.3 * act.mean()
        assert pipeline.steps[0][1].sampling_strategy == {"fraud": 300}

    @pytest.mark.parametrize(
        ("make", "given", "factor"),
        [
            (lightgbm, {"class_weight": {"fraud": 8}}, 8.0),
            (lightgbm, {"scale_pos_weight": 4.0}, 0.25),  # it weighs the last class: "ok"
            (lightgbm, {"is_unbalance": True}, None),
            (catboost, {"class_weights": {"fraud": 8.0, "ok": 2.0}}, 4.0),
            (catboost, {"class_weights": [3.0, 1.0]}, 3.0),
            (catboost, {"auto_class_weights": "Balanced"}, None),
            (catboost, {"scale_pos_weight": 4.0}, 0.25),
        ],
    )
    def test_of_other_libraries_move_the_mean_score_as_the_ledger_says(self, make, given, factor):
        X, act = payments(2000)
        y = labelled(act, "ok", "fraud")

        wrapped = CostThresholdClassifier(make(**given), COSTS, cv=2, pos_label="fraud").fit(X, y)

        ledger = wrapped.policy_.models[0].ledger
        assert ledger.multiplier == pytest.approx(factor or (~act).sum() / act.sum())
        undone = ledger.undo(raw_scores(wrapped.policy_, X))
        assert undone.mean() == pytest.approx(act.mean(), abs=0.07)


class NoClasses(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)


class TestColumns:
    def test_of_an_estimator_that_does_not_name_them_are_not_guessed(self):
        X, act = payments()

        with pytest.raises(DataError, match=r"NoClasses must have classes_.*set self.classes_ ="):
            CostThresholdClassifier(NoClasses(), COSTS).fit(X, act)

    def test_of_a_model_that_knows_other_labels_are_not_guessed(self):
        X, act = payments()
        model = LogisticRegression().fit(X, act.astype(int))

        with pytest.raises(
            DataError, match=r"classes_ of LogisticRegression .*'fraud'.*got \[0, 1\]"
        ):
            CostThresholdClassifier(model, COSTS, cv="prefit", pos_label="fraud").fit(
                X, labelled(act, "ok", "fraud")
            )

    def test_are_right_in_a_search_too(self):
        X, act = payments()
        learner = SklearnLearner(LogisticRegression(), {"C": (0.01, 10.0, "log")})

        result = optimize(
            X, labelled(act, "ok", "fraud"), COSTS, learners=learner, n_trials=3, pos_label="fraud"
        )

        assert roc_auc_score(act, result.policy.probability(X)) > 0.8


class TestFittedModels:
    def test_frozen_or_prefit_are_the_same(self):
        X, act = payments()
        model = LogisticRegression().fit(*payments(seed=1))

        frozen = CostThresholdClassifier(FrozenEstimator(model), COSTS).fit(X, act)
        prefit = CostThresholdClassifier(model, COSTS, cv="prefit").fit(X, act)

        assert_array_equal(frozen.predict_proba(X), prefit.predict_proba(X))
        assert prefit.estimator_ is model
        assert prefit.n_features_in_ == 2
        assert prefit.policy_.evidence.n_cases == len(X)
        assert prefit.policy_.model_name == "LogisticRegression"

    def test_must_be_fitted(self):
        X, act = payments()

        with pytest.raises(DataError, match="cv='prefit', needs a fitted model, got Logistic"):
            CostThresholdClassifier(LogisticRegression(), COSTS, cv="prefit").fit(X, act)
        with pytest.raises(DataError, match="a FrozenEstimator, or .* needs a fitted model"):
            CostThresholdClassifier(FrozenEstimator(LogisticRegression()), COSTS).fit(X, act)

    def test_survive_a_clone_when_frozen(self):
        X, act = payments()
        model = FrozenEstimator(LogisticRegression().fit(*payments(seed=1)))

        cloned = clone(CostThresholdClassifier(model, COSTS)).fit(X, act)

        assert_array_equal(cloned.estimator_.predict_proba(X), model.predict_proba(X))

    def test_are_calibrated_with_the_weights_of_the_rows_without_a_word_on_training(self):
        X, act = payments()
        model = LogisticRegression().fit(*payments(seed=1))
        weight = np.where(act, 4.0, 1.0)

        plain = CostThresholdClassifier(model, COSTS, cv="prefit").fit(X, act)
        weighted = CostThresholdClassifier(model, COSTS, cv="prefit").fit(
            X, act, sample_weight=weight
        )

        assert np.all(weighted.predict_proba(X)[:, 1] > plain.predict_proba(X)[:, 1])

    def test_take_nothing_for_their_fit(self):
        X, act = payments()
        model = LogisticRegression().fit(X, act)

        with pytest.raises(DataError, match="is not fitted again, got extra for its fit"):
            CostThresholdClassifier(model, COSTS, cv="prefit").fit(X, act, extra=1)

    def test_are_learners_of_a_search_under_no_resampling(self):
        X, act = payments()
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(*payments(seed=1))
        learner = SklearnLearner(FrozenEstimator(model), name="old model")

        result = optimize(X, act, COSTS, learners=[learner, "logistic"], n_trials=4)

        assert learner.takes_weights
        assert learner.methods == ("none",)
        tried = [t.params for t in result.study.trials if t.params["learner"] == "old model"]
        assert tried
        assert all(set(params) <= {"learner", "old model__resampling"} for params in tried)


class TestOthersWhoEncodeLabels:
    def test_are_named_where_the_label_is_gone(self):
        X, act = payments()
        y = labelled(act, "ok", "fraud")
        model = CostThresholdClassifier(LogisticRegression(), COSTS, cv=2, pos_label="fraud")
        message = "got 'fraud' where y holds 0 and 1: .*VotingClassifier.*leave pos_label out"

        for fit in (
            lambda: VotingClassifier([("one", model)]).fit(X, y),
            lambda: StackingClassifier([("one", model)], cv=2).fit(X, y),
            lambda: cross_val_predict(model, X, y, cv=2, method="predict_proba"),
        ):
            with pytest.raises(DataError, match=message):
                fit()

    def test_work_with_labels_that_are_encoded_already(self):
        X, act = payments()
        model = CostThresholdClassifier(LogisticRegression(), COSTS, cv=2)

        p = cross_val_predict(model, X, act.astype(int), cv=2, method="predict_proba")

        assert roc_auc_score(act, p[:, 1]) > 0.8


class Remembers(LogisticRegression):
    """Writes down what its fits are given."""

    seen: list = []  # noqa: RUF012  # clones must share it

    def fit(self, X, y, sample_weight=None, amount=None, note=None):
        Remembers.seen.append((np.asarray(X)[:, 0], amount, note))
        return super().fit(X, y, sample_weight)


class TestMetadataOfFits:
    @pytest.fixture(autouse=True)
    def _forget(self):
        Remembers.seen.clear()

    def test_reaches_every_fold_by_its_rows(self):
        X, act = payments()

        CostThresholdClassifier(Remembers(), COSTS, cv=3).fit(X, act, amount=X["hour"], note="n")

        assert len(Remembers.seen) == 4
        for first_column, amount, note in Remembers.seen:
            assert_array_equal(first_column, amount)
            assert note == "n"

    def test_leaves_out_rows_that_stand_for_nobody(self):
        X, act = payments()
        weight = np.arange(len(X)) % 3

        CostThresholdClassifier(Remembers(), COSTS, cv=3).fit(
            X, act, sample_weight=weight, amount=X["hour"]
        )

        assert len(Remembers.seen[-1][0]) == np.count_nonzero(weight)
        for first_column, amount, _ in Remembers.seen:
            assert_array_equal(first_column, amount)

    def test_is_routed_where_it_is_requested(self):
        import sklearn

        X, act = payments()
        with sklearn.config_context(enable_metadata_routing=True):
            asking = Remembers().set_fit_request(amount=True)
            CostThresholdClassifier(asking, COSTS, cv=2).fit(X, act, amount=X["hour"])

            with pytest.raises(ValueError, match=r"\[amount\] are passed but are not explicitly"):
                CostThresholdClassifier(Remembers(), COSTS, cv=2).fit(X, act, amount=X["hour"])

        assert_array_equal(*Remembers.seen[0][:2])

    def test_that_nobody_takes_is_refused_and_other_rows_too(self):
        X, act = payments()

        with pytest.raises(DataError, match="got colour, which fit of LogisticRegression does not"):
            CostThresholdClassifier(LogisticRegression(), COSTS).fit(X, act, colour="red")
        with pytest.raises(DataError, match="amount has other row labels"):
            CostThresholdClassifier(Remembers(), COSTS).fit(
                X, act, amount=X["hour"].sample(frac=1, random_state=0)
            )

    def test_is_not_kept_by_the_policy(self):
        X, act = payments()

        model = CostThresholdClassifier(Remembers(), COSTS, cv=2).fit(X, act, amount=X["hour"])

        assert model.policy_.learner.metadata == {}


class TestCalibrationAndPrevalence:
    @pytest.mark.parametrize(("kind", "name"), [("platt", "PlattMap"), ("beta", "BetaMap")])
    def test_the_map_is_chosen(self, kind, name):
        X, act = payments(1500)

        model = CostThresholdClassifier(LogisticRegression(), COSTS, calibration=kind).fit(X, act)

        assert type(model.policy_.calibrator).__name__ == name

    def test_none_leaves_probabilities_as_they_are(self):
        X, act = payments()

        model = CostThresholdClassifier(LogisticRegression(), COSTS, calibration="none").fit(X, act)

        expected = LogisticRegression().fit(X, act).predict_proba(X)
        assert_allclose(model.predict_proba(X), expected)

    @pytest.mark.parametrize("kind", ["platt", "none"])
    def test_a_declared_prevalence_scales_the_odds(self, kind):
        X, act = payments(4000)
        share = 0.01
        options = {"calibration": kind, "cv": 3}

        plain = CostThresholdClassifier(LogisticRegression(), COSTS, **options).fit(X, act)
        told = CostThresholdClassifier(LogisticRegression(), COSTS, prevalence=share, **options)
        told.fit(X, act)

        p, q = plain.predict_proba(X)[:, 1], told.predict_proba(X)[:, 1]
        ratio = (share / (1 - share)) / (act.mean() / (1 - act.mean()))
        assert_allclose(np.median((q / (1 - q)) / (p / (1 - p))), ratio, rtol=0.15)
        assert_array_equal(told.estimator_.coef_, plain.estimator_.coef_)


class TestCategories:
    @staticmethod
    def shops(n_cases=600):
        X, _ = payments(n_cases)
        rng = np.random.default_rng(3)
        shop = rng.choice(["web", "store", None], n_cases, p=[0.5, 0.4, 0.1])
        act = (X["hour"] + 2 * (shop == "web") + rng.normal(size=n_cases) > 2.2).to_numpy()
        return X.assign(**{"shop [kind]": shop}), act

    @pytest.mark.parametrize("make", [lightgbm, catboost])
    def test_of_a_frame_are_searched_as_categories(self, make):
        X, act = self.shops()

        result = optimize(X, act, COSTS, learners=SklearnLearner(make()), n_trials=1, cv=2)

        fitted = result.policy.models[0].model.estimator
        if make is catboost:
            assert fitted.get_cat_feature_indices() == [2]
        else:
            assert fitted.booster_.pandas_categorical == [["store", "web"]]
            assert fitted.feature_name_[2] == "shop__kind_"  # no brackets, no spaces
        shuffled = X[["shop [kind]", "velocity", "hour"]]
        assert_array_equal(result.policy.probability(shuffled), result.policy.probability(X))
        assert roc_auc_score(act, result.policy.probability(X)) > 0.8

    @pytest.mark.parametrize("told", [{}, {"cat_features": ["shop"]}])
    def test_of_a_callers_frame_are_named_to_catboost(self, told):
        X, act = self.shops()
        X = X.rename(columns={"shop [kind]": "shop"})
        X["shop"] = X["shop"].fillna("none").astype("category")
        model = CostThresholdClassifier(catboost(**told), COSTS, cv=2)

        fitted = clone(model).fit(X, act)

        assert fitted.estimator_.get_cat_feature_indices() == [2]
        scores = cross_val_score(model, X, act, cv=2, error_score="raise")
        assert np.isfinite(scores).all()

    @pytest.mark.parametrize("name", ["lightgbm", "catboost"])
    def test_reach_the_learners_of_that_name(self, name):
        pytest.importorskip(name)
        X, act = self.shops()

        result = optimize(X, act, COSTS, learners=name, n_trials=1, cv=2, n_jobs=1)

        assert result.policy.model_name == name
        assert result.expected_cost.value < result.baselines["always act"].value


def test_parameters_of_catboost_that_are_not_set_can_be_searched():
    made = SklearnLearner(catboost(), {"depth": (2, 8), "learning_rate": (0.01, 0.3, "log")})
    X, act = payments(200)

    result = optimize(X, act, COSTS, learners=made, n_trials=2, resampling="none", n_jobs=1)

    assert made.defaults()["depth"] == 6  # what it is where nobody sets it
    assert set(result.best_params) == {"depth", "learning_rate"}


def test_other_names_of_lightgbms_parameters_are_known_and_misspelt_ones_are_not():
    from costopt import SearchError

    assert SklearnLearner(lightgbm(), {"feature_fraction": (0.4, 1.0)}).space()
    with pytest.raises(SearchError, match="LGBMClassifier has no parameter 'num_leafs'"):
        SklearnLearner(lightgbm(), {"num_leafs": (4, 8)})


def test_libraries_that_talk_are_told_to_be_silent(capfd, tmp_path, monkeypatch):
    lgb, cat = pytest.importorskip("lightgbm"), pytest.importorskip("catboost")
    monkeypatch.chdir(tmp_path)
    X, act = payments(200)

    for model in (lgb.LGBMClassifier(n_estimators=2), cat.CatBoostClassifier(iterations=2)):
        CostThresholdClassifier(model, COSTS, cv=2).fit(X, act)

    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())
