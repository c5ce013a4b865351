"""A row that stands for nobody is as if it had never been passed."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, PredefinedSplit, StratifiedKFold

from costopt import (
    CaseCosts,
    CostMatrix,
    CostThresholdClassifier,
    DataError,
    choose_threshold,
    compare,
    optimize,
)
from costopt.evaluation.folds import make_folds

COSTS = CostMatrix(fp=5, fn="amount")
N, NOBODY = 400, 4000


def cases(n, seed):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "signal": rng.normal(size=n),
            "amount": np.round(rng.lognormal(3, 1, n), 2),
            "kind": rng.choice(["a", "b"], n),
        }
    )
    y = (rng.random(n) < expit(1.5 * X["signal"] - 1.5)).astype(int)
    return X, y


@pytest.fixture(scope="module")
def both():
    """Some rows; and the same with ten times as many others between them, of weight 0."""
    X, y = cases(N, 0)
    others, labels = cases(NOBODY, 1)
    others["signal"] *= 100.0
    others["kind"] = "z"
    order = np.random.default_rng(2).permutation(N + NOBODY)
    mine = np.sort(order[:N])
    everything = pd.concat([others, X])
    place = np.empty(N + NOBODY, dtype=int)
    place[mine] = NOBODY + np.arange(N)
    place[np.setdiff1d(order, mine)] = np.arange(NOBODY)
    weight = np.zeros(N + NOBODY)
    weight[mine] = 1.0
    more = everything.iloc[place].reset_index(drop=True)
    more_labels = np.concatenate((labels, y))[place]
    return (X, y.to_numpy(), np.ones(N)), (more, more_labels, weight)


def assert_same_evidence(one, other):
    assert (one.evidence.n_cases, one.evidence.n_positives) == (N, other.evidence.n_positives)
    assert one.evidence.n_cases == other.evidence.n_cases
    assert one.evidence.expected_cost == other.evidence.expected_cost
    assert one.evidence.baselines == other.evidence.baselines
    assert one.rule == other.rule
    assert one.calibrator == other.calibrator


@pytest.mark.parametrize("learner", ["logistic", "xgboost"])
@pytest.mark.parametrize("options", [{}, {"prevalence": 0.1}], ids=["weights", "prevalence"])
def test_a_search_finds_the_same(both, learner, options):
    alone, among = (
        optimize(
            X, y, COSTS, learners=learner, sample_weight=weight, n_trials=2, cv=3, n_jobs=1,
            progress=False, **options,
        )
        for X, y, weight in both
    )  # fmt: skip

    assert_same_evidence(alone.policy, among.policy)
    X = both[0][0]
    assert_array_equal(alone.policy.decide(X), among.policy.decide(X))
    assert_array_equal(alone.policy.probability(X), among.policy.probability(X))


@pytest.mark.parametrize("costs", [CostMatrix(fp=1, fn=5), COSTS], ids=["constant", "per case"])
def test_a_threshold_is_chosen_the_same(both, costs):
    def chosen(X, y, weight):
        score = expit(X["signal"].to_numpy() / 10)
        return choose_threshold(y, score, costs, X=X, sample_weight=weight)

    alone, among = (chosen(*rows) for rows in both)

    assert_same_evidence(alone, among)


def test_a_classifier_of_somebodys_decides_the_same(both):
    def fitted(X, y, weight):
        cells = {"fp": np.full(len(y), 5.0), "fn": X["amount"].to_numpy()}
        model = CostThresholdClassifier(LogisticRegression(), None, cv=3)
        return model.fit(X[["signal", "amount"]], y, sample_weight=weight, **cells)

    alone, among = (fitted(*rows) for rows in both)

    assert_same_evidence(alone.policy_, among.policy_)
    assert_array_equal(alone.estimator_.coef_, among.estimator_.coef_)


def test_a_comparison_comes_out_the_same(both):
    names = ["logistic regression", "class weights balanced", "random under-sampling"]
    alone, among = (
        compare(
            X, y, COSTS, strategies=names, learner="logistic", sample_weight=weight, cv=3, n_jobs=1
        )
        for X, y, weight in both
    )

    assert (alone.n_cases, alone.n_positives) == (among.n_cases, among.n_positives)
    assert [result.expected_cost for result in alone.results] == [
        result.expected_cost for result in among.results
    ]


def test_splits_of_ones_own_lose_the_rows_that_stand_for_nobody():
    rng = np.random.default_rng(0)
    y = rng.random(60) < 0.4
    counted = np.sort(rng.choice(60, 40, replace=False))
    part = rng.integers(0, 3, 60)
    pairs = [(np.flatnonzero(part != k), np.flatnonzero(part == k)) for k in range(3)]

    for cv in (pairs, PredefinedSplit(part)):
        found = make_folds(y, cv, counted=counted)
        for (train, test), fold in zip(pairs, found.folds, strict=True):
            assert_array_equal(counted[fold.train], np.intersect1d(train, counted))
            assert_array_equal(counted[fold.test], np.intersect1d(test, counted))


@pytest.mark.parametrize(
    ("cv", "by"),
    [(4, None), (4, "groups"), (4, "time"), (KFold(3), None), (StratifiedKFold(3), None)],
)
def test_splits_are_made_as_if_there_were_no_others(cv, by):
    rng = np.random.default_rng(1)
    y = rng.random(200) < 0.4
    counted = np.sort(rng.choice(200, 90, replace=False))
    unit = np.sort(rng.integers(0, 70, 200)) if by == "time" else rng.integers(0, 70, 200)

    alone = make_folds(y[counted], cv, **({by: unit[counted]} if by else {}))
    among = make_folds(y, cv, counted=counted, **({by: unit} if by else {}))

    for one, other in zip(alone.folds, among.folds, strict=True):
        assert_array_equal(one.train, other.train)
        assert_array_equal(one.test, other.test)
    if by:
        assert_array_equal(alone.units, among.units)


def test_a_fold_that_scores_nobody_is_none_and_one_that_trains_on_nobody_is_refused():
    y = np.arange(30) % 2 == 0
    counted = np.arange(20)
    pairs = [(np.arange(10, 20), np.arange(10)), (np.arange(20), np.arange(20, 30))]

    assert len(make_folds(y, pairs, counted=counted).folds) == 1
    with pytest.raises(DataError, match="fold 0 trains on no row that stands for somebody"):
        make_folds(y, [(np.arange(20, 30), np.arange(20))], counted=counted)


def test_positives_that_stand_for_nobody_are_not_enough_of_them():
    X, y = cases(N, 0)
    positives = np.flatnonzero(y == 1)
    weight = np.ones(N)
    weight[positives[3:]] = 0.0

    with pytest.raises(
        DataError, match="there are 3 positive rows with sample_weight above 0 for 5 folds"
    ):
        choose_threshold(y, expit(X["signal"]), COSTS, X=X, sample_weight=weight)


def test_costs_are_those_of_the_rows_that_count(both):
    (X, y, _), (more, labels, weight) = both
    fn = more["amount"].to_numpy().copy()
    fn[weight == 0] = 1e9  # would be the scale of everything

    alone = choose_threshold(y, expit(X["signal"]), CaseCosts(fp=5.0, fn=X["amount"].to_numpy()))
    among = choose_threshold(
        labels, expit(more["signal"]), CaseCosts(fp=5.0, fn=fn), sample_weight=weight
    )

    assert_allclose(among.evidence.expected_cost.value, alone.evidence.expected_cost.value)
