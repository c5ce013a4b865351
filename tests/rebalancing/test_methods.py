"""Rebalancing methods by name: no leak from rows that are scored, determinism, and the odds."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import roc_auc_score

from costopt import CaseCosts, CostMatrix, DataError, SklearnLearner, XGBoostLearner
from costopt.evaluation.candidates import Candidate
from costopt.evaluation.problem import prepare, prepare_encoded
from costopt.evaluation.rows import Rows
from costopt.evaluation.training import train
from costopt.evaluation.trial import evaluate
from costopt.inputs.frames import Table
from costopt.inputs.labels import encode_labels
from costopt.inputs.schema import Schema
from costopt.learners.logistic import LogisticLearner
from costopt.learners.protocol import Features
from costopt.rebalancing import methods
from costopt.rebalancing.definition import TrainingRows
from costopt.rebalancing.methods import METHODS, method
from costopt.rebalancing.names import BY_DEFAULT, NAMES
from costopt.rebalancing.neighbourhood import Neighbourhood

N = 240
SYNTHETIC = {"smote", "adasyn", "borderline_smote", "svm_smote", "smote_tomek", "smote_enn"}


class Remembers(ClassifierMixin, BaseEstimator):
    """A classifier that keeps the rows that it was fitted on."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.array([False, True])
        self.seen_ = X.copy(), np.asarray(y).copy(), sample_weight
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def table(seed=0, missing=0.15):
    rng = np.random.default_rng(seed)
    y = np.arange(N) % 6 == 0
    X = pd.DataFrame(rng.normal(size=(N, 3)) + y[:, None], columns=["a", "b", "c"])
    X[X.columns[1:]] = X[X.columns[1:]].mask(rng.random((N, 2)) < missing)
    X["amount"] = 6 + np.round(rng.lognormal(3, 1, N), 2)
    return X, y.astype(int)


def folds():
    part = np.arange(N) // 6 % 4
    return [(np.flatnonzero(part != fold), np.flatnonzero(part == fold)) for fold in range(4)]


def posed(X, y, learner, costs=None, **options):
    costs = CostMatrix(fn="amount", fp=5, tp=5) if costs is None else costs
    rows_ = Rows(cv=folds(), **options)
    return prepare(X, y, costs, {learner.name: learner}, rows_, n_jobs=1)


def training_rows(X, y, population=None):
    names = Table(X)
    schema = Schema.infer(names)
    matrix, labels = schema.encode(names), np.asarray(y) == 1
    costs = CaseCosts(fp=5.0, fn=np.asarray(X["amount"]), tp=5.0)
    return TrainingRows(labels, population, costs, lambda: Neighbourhood(matrix, schema, labels))


# No leak


@pytest.mark.filterwarnings("ignore::costopt.CostOptWarning")
@pytest.mark.parametrize("learner", [LogisticLearner(), XGBoostLearner(fixed={"max_depth": 2})])
@pytest.mark.parametrize("resampling", METHODS)
def test_rows_that_are_scored_never_reach_the_training(resampling, learner):
    """Absurd values, costs and labels in the scored rows of a fold leave its model as it was."""
    X, y = table()
    poisoned, flipped = X.copy(), y.copy()
    scored = folds()[1][1]
    poisoned.loc[scored] = 1e7 * np.random.default_rng(9).normal(size=(scored.size, 4))
    poisoned.loc[scored[::3], "b"] = np.nan
    poisoned.loc[scored, "amount"] = 6 + poisoned.loc[scored, "amount"].abs()
    flipped[scored] = 1 - flipped[scored]
    candidate = Candidate(learner.name, learner.defaults(), resampling, 0.8)
    probe = Features(Table(X), Schema.infer(Table(X)))

    scores, trained = [], []
    for rows, labels in ((X, y), (poisoned, flipped)):
        problem = posed(rows, labels, learner)
        found = train(problem, candidate, 1, n_threads=1, n_rounds=8)
        model = found.fitted.model
        scores.append(learner.score(model, probe))
        trained.append(found)

    assert np.unique(scores[0]).size > 10 or (resampling, learner.name) == ("rejection", "xgboost")
    assert_array_equal(scores[0], scores[1])
    assert trained[0].ledger == trained[1].ledger
    assert trained[0].sampling_ratio == trained[1].sampling_ratio


@pytest.mark.parametrize("resampling", METHODS)
def test_what_is_trained_on_is_rows_as_they_were_and_synthetic_ones_after_them(resampling):
    X, y = table()
    learner = SklearnLearner(Remembers())
    problem = posed(X, y, learner)
    fold = problem.folds.folds[2].train

    found = train(problem, Candidate(learner.name, {}, resampling, 1.0), 2, n_threads=1)

    seen, labels, weight = found.fitted.model.estimator.seen_
    sample = method(resampling).reweight(
        TrainingRows(
            problem.y[fold],
            None,
            problem.costs.take(fold),
            lambda: problem.neighbourhood(2, fold),
        ),
        1.0,
        problem.rng(2),
    )
    kept = fold if sample.rows is None else fold[sample.rows]
    assert_array_equal(seen[: kept.size], problem.features.matrix[kept])
    assert_array_equal(labels[: kept.size], problem.y[kept])
    assert labels[kept.size :].all()
    assert (len(seen) > kept.size) == (resampling in SYNTHETIC)
    if sample.added is not None:
        assert_array_equal(seen[kept.size :], sample.added)
    assert_allclose(np.ones(len(seen)) if weight is None else weight, sample.sample_weight)


@pytest.mark.parametrize("resampling", METHODS)
def test_synthetic_rows_are_never_scored_and_every_row_is_once(resampling):
    X, y = table()
    problem = posed(X, y, LogisticLearner())

    found = evaluate(problem, Candidate("logistic", {"C": 1.0}, resampling, 1.0))

    assert found.raw.size == N
    assert np.isfinite(found.row_cost).all()


def test_gaps_cost_smote_none_of_its_ranking():
    """Rows without gaps among rows with gaps were once positive by that alone: an AUC of 0.58."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 6))
    y = rng.random(3000) < 1 / (1 + np.exp(4 - X[:, 0] - X[:, 1] + X[:, 2]))
    X[rng.random(X.shape) < 0.3] = np.nan
    learners = {"logistic": LogisticLearner()}
    problem = prepare(X, y.astype(int), CostMatrix(fp=1, fn=8), learners, n_jobs=1)

    plain, smote = (
        roc_auc_score(y, evaluate(problem, Candidate("logistic", {"C": 1.0}, resampling, 1.0)).raw)
        for resampling in ("none", "smote")
    )

    assert smote > plain - 0.01


# Determinism


@pytest.mark.parametrize("resampling", METHODS)
def test_the_same_candidate_is_the_same_whatever_was_tried_before_and_on_how_many_cores(resampling):
    X, y = table()
    first = posed(X, y, LogisticLearner())
    second = prepare(
        X, y, CostMatrix(fn="amount", fp=5, tp=5), {"logistic": LogisticLearner()}, Rows(cv=folds()),
        n_jobs=2,
    )  # fmt: skip
    candidate = Candidate("logistic", {"C": 1.0}, resampling, 0.6)
    for other in ("smote", resampling):
        evaluate(second, Candidate("logistic", {"C": 0.1}, other, 1.0))

    one, two = evaluate(first, candidate), evaluate(second, candidate)

    assert_array_equal(one.raw, two.raw)
    assert one.odds_multipliers == two.odds_multipliers
    assert one.value == two.value


# What happens to the odds


@pytest.mark.parametrize("ratio", [0.01, 0.5, 1.0])
@pytest.mark.parametrize("resampling", sorted(set(METHODS) - {"case_weight", "rejection"}))
def test_the_odds_multiplier_is_what_counting_rows_and_weights_gives(resampling, ratio):
    X, y = table()

    found = method(resampling).reweight(training_rows(X, y), ratio, np.random.default_rng(0))

    labels = (y == 1) if found.rows is None else (y == 1)[found.rows]
    if found.added is not None:
        labels = np.append(labels, np.ones(len(found.added), dtype=bool))
    counted = found.sample_weight[labels].sum() / found.sample_weight[~labels].sum()
    assert found.odds_multiplier == pytest.approx(counted / (40 / 200))
    assert found.sampling_ratio == pytest.approx(counted)
    assert found.sample_weight.mean() == pytest.approx(1)
    cleans = resampling in {"smote_tomek", "smote_enn"}
    if ratio == 0.01 and (METHODS[resampling].ratio is not None) and not cleans:
        assert counted >= 40 / 200 - 1e-12  # raised to what is there


@pytest.mark.parametrize("resampling", ["case_weight", "rejection"])
def test_costs_per_case_have_no_multiplier_and_constant_ones_that_of_their_ratio(resampling):
    X, y = table()
    rows = training_rows(X, y)
    constant = TrainingRows(rows.y, None, CaseCosts(fp=1.0, fn=4.0))

    by_case = method(resampling).reweight(rows, None, np.random.default_rng(0))
    by_class = method(resampling).reweight(constant, None, np.random.default_rng(0))

    assert by_case.odds_multiplier is None
    assert by_class.odds_multiplier == 4.0


@pytest.mark.parametrize("resampling", METHODS)
def test_what_rows_stand_for_is_carried(resampling):
    """Doubling what every row stands for changes nothing; doubling it for some does."""
    X, y = table()
    some = np.where(np.arange(N) % 5 < 2, 2.0, 1.0)

    plain, doubled, uneven = (
        method(resampling).reweight(training_rows(X, y, population), 1.0, np.random.default_rng(0))
        for population in (None, np.full(N, 2.0), some)
    )

    assert_allclose(doubled.sample_weight, plain.sample_weight)
    kept = np.arange(N) if plain.rows is None else plain.rows
    relative = uneven.sample_weight[: kept.size] / plain.sample_weight[: kept.size]
    assert_allclose(relative / relative.min(), some[kept] / some[kept].min())


@pytest.mark.parametrize(
    "resampling", [name for name in METHODS if METHODS[name].effect != "by case"]
)
def test_undoing_gives_back_the_odds_of_the_population(resampling):
    """Whatever rows stand for, the share of positives in training comes back to theirs."""
    X, y = table()
    rng = np.random.default_rng(3)
    population = rng.lognormal(0, 1.5, N) * np.where(y, 0.3, 1.0)
    act = np.asarray(y) == 1

    sample = method(resampling).reweight(
        training_rows(X, y, population), 0.8, np.random.default_rng(0)
    )

    kept = act if sample.rows is None else act[sample.rows]
    if sample.added is not None:
        kept = np.append(kept, np.ones(len(sample.added), dtype=bool))
    trained = sample.sample_weight[kept].sum() / sample.sample_weight[~kept].sum()
    meant = population[act].sum() / population[~act].sum()
    assert_allclose(trained / sample.odds_multiplier, meant)


# What they are called, and what they need


def test_what_a_search_chooses_among_by_itself_copies_no_row():
    assert BY_DEFAULT == ("none", "weight", "random_over", "random_under")
    assert not any("neighbours" in METHODS[name].needs for name in BY_DEFAULT)


def test_every_method_that_is_defined_has_a_name_that_help_texts_can_show():
    assert set(methods._MADE) == set(METHODS)
    assert tuple(METHODS) == NAMES


def test_an_unknown_method_is_refused_with_the_nearest():
    with pytest.raises(DataError, match="no resampling named 'smoote': did you mean 'smote'"):
        method("smoote")


@pytest.mark.parametrize(
    "resampling", [name for name in METHODS if "neighbours" in METHODS[name].needs]
)
def test_neighbours_of_rows_that_costopt_cannot_read_are_refused(resampling):
    X, y = table(missing=0)
    learner = SklearnLearner(Remembers())
    problem = prepare_encoded(
        X.to_numpy(), encode_labels(y, None), CostMatrix(fp=1, fn=5), {learner.name: learner}
    )

    with pytest.raises(
        DataError,
        match=f"{resampling} looks for neighbours, so the rows must be columns that costopt",
    ):
        evaluate(problem, Candidate(learner.name, {}, resampling, 1.0))


def test_a_pipeline_gets_synthetic_rows_as_columns_by_name():
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    X, y = table(missing=0)
    X["kind"] = pd.Categorical(np.random.default_rng(0).choice(["u", "v"], N))
    encode = ColumnTransformer([("kind", OneHotEncoder(), ["kind"])], remainder="passthrough")
    learner = SklearnLearner(make_pipeline(encode, LogisticRegression(max_iter=5000)))
    problem = posed(X, y, learner)

    # a pipeline takes no weights itself, and needs none: synthetic rows weigh as others
    found = evaluate(problem, Candidate(learner.name, {}, "smote", 1.0))

    assert_allclose(found.odds_multipliers, 200 / 40, rtol=0.02)
