import threading
from contextlib import nullcontext
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

from costopt import (
    CaseCosts,
    CostMatrix,
    DataError,
    LogisticLearner,
    SklearnLearner,
    XGBoostLearner,
    decide,
    scale_odds,
)
from costopt.evaluation.candidates import Candidate, evaluate_scores
from costopt.evaluation.cross_fitting import cross_fit
from costopt.evaluation.folds import make_folds
from costopt.evaluation.problem import prepare
from costopt.evaluation.rows import Rows, check_n_jobs
from costopt.evaluation.training import train as train_fold
from costopt.evaluation.trial import FINALS, evaluate, fit_final
from costopt.inputs.frames import Table
from costopt.learners.protocol import Features, Fitted, Learner
from costopt.metrics import decision_cost
from costopt.rebalancing.definition import TrainingRows
from costopt.rebalancing.methods import method
from costopt.rebalancing.names import BY_DEFAULT

COSTS = CostMatrix(fp=1, fn=8)
LEARNERS = {
    "logistic": LogisticLearner(),
    "xgboost": XGBoostLearner(max_rounds=12, patience=12),
    "bayes": SklearnLearner(GaussianNB()),
}
PLAIN = Candidate("logistic", {"C": 0.5})
EVERY = [PLAIN, Candidate("xgboost", {"max_depth": 2}), Candidate("bayes", {})]
by_learner = pytest.mark.parametrize("candidate", EVERY, ids=[c.learner for c in EVERY])


def problem_of(X, y, costs=COSTS, **options):
    options = {"cv": 3, "n_jobs": 1, "random_state": 1} | options
    rows_ = Rows(**{name: options.pop(name) for name in list(options) if hasattr(Rows, name)})
    return prepare(X, y, costs, LEARNERS, rows_, **options)


def undone(problem, found):
    """Scores with the odds divided by what training multiplied them by, fold by fold."""
    score = np.full(problem.y.size, np.nan)
    raw = score.copy()
    raw[problem.scored_by(found.n_folds).rows] = found.raw
    folds = problem.folds.folds[: found.n_folds]
    for fold, multiplier in zip(folds, found.odds_multipliers, strict=True):
        positive, negative = raw[fold.test], multiplier * (1 - raw[fold.test])
        score[fold.test] = positive / (positive + negative)
    return score[~np.isnan(score)]


def assert_same(one, other):
    """Bit by bit, whatever there is to know of two evaluations."""
    assert_array_equal(one.raw, other.raw)
    assert_array_equal(one.row_cost, other.row_cost)
    assert_array_equal(one.row_loss, other.row_loss)
    assert_array_equal(one.choice.act, other.choice.act)
    for name in ("candidate", "n_folds", "value", "log_loss", "calibrator", "n_rounds"):
        assert getattr(one, name) == getattr(other, name)
    assert one.odds_multipliers == other.odds_multipliers
    assert one.sampling_ratios == other.sampling_ratios
    assert (one.choice.rule, one.choice.reason) == (other.choice.rule, other.choice.reason)


def splits(y, cv=3, seed=1):
    return [
        (fold.train, fold.test)
        for fold in make_folds(np.asarray(y) == 1, cv, random_state=seed).folds
    ]


@pytest.fixture
def numbers(rows):
    X, y = rows
    return X[["signal", "amount"]], y


# One candidate, step by step


@pytest.mark.parametrize("device", BY_DEFAULT)
def test_it_is_folds_then_odds_then_calibration_then_rule_then_money(numbers, device):
    """By scikit-learn, fold by fold, from the same resampled rows."""
    X, y = numbers
    act = y.to_numpy() == 1
    problem = problem_of(X, y)
    candidate = Candidate("logistic", {"C": 0.5}, resampling=device, sampling_ratio=0.8)

    found = evaluate(problem, candidate)

    raw, score, multipliers, ratios = np.empty(300), np.empty(300), [], []
    for number, (train, test) in enumerate(splits(y)):
        sample = method(device).reweight(TrainingRows(act[train]), 0.8, problem.rng(number))
        kept = train if sample.rows is None else train[sample.rows]
        scaler = StandardScaler().fit(X.iloc[train])
        model = LogisticRegression(C=0.5, max_iter=2000)
        model.fit(scaler.transform(X.iloc[kept]), act[kept], sample_weight=sample.sample_weight)
        raw[test] = model.predict_proba(scaler.transform(X.iloc[test]))[:, 1]
        odds = raw[test] / (1 - raw[test]) / sample.odds_multiplier
        score[test] = odds / (1 + odds)
        multipliers.append(sample.odds_multiplier)
        ratios.append(sample.sampling_ratio)
    fitted = cross_fit(act, score, problem.folds.folds)
    calibrated, final = fitted.calibrated, fitted.calibrator
    decisions = calibrated >= 1 / 9
    cost = np.where(act, 8.0 * ~decisions, 1.0 * decisions)
    assert_allclose(found.raw, raw, atol=1e-6)
    assert found.log_odds.dtype == np.float32  # as it is stored
    assert_array_equal(found.raw, expit(found.log_odds.astype(float)))
    assert_allclose(undone(problem, found), score, atol=1e-6)
    assert_allclose(found.odds_multipliers, multipliers)
    assert_allclose(found.sampling_ratios, ratios)
    assert_allclose(
        [found.calibrator.slope, found.calibrator.intercept],
        [final.slope, final.intercept],
        rtol=1e-4,
    )
    assert_array_equal(found.choice.act, decisions)
    assert_allclose(found.row_cost * problem.scale, cost)
    assert_allclose(found.value * problem.scale, cost.mean())
    assert_allclose(found.log_loss, log_loss(act, calibrated), rtol=1e-5)
    likelihood = np.where(act, calibrated, 1 - calibrated)
    assert_allclose(found.row_loss, -np.log(likelihood), atol=1e-5)
    assert found.n_rounds is None
    assert found.n_folds == 3
    assert found.candidate == candidate


@by_learner
@pytest.mark.parametrize("device", ["weight", "random_over", "random_under"])
def test_what_training_did_to_the_odds_is_undone_fold_by_fold(rows, candidate, device):
    X, y = rows
    problem = problem_of(X, y)
    candidate = Candidate(candidate.learner, candidate.params, device, 1.0)

    found = evaluate(problem, candidate)

    for fold, multiplier in zip(problem.folds.folds, found.odds_multipliers, strict=True):
        positives = np.count_nonzero(problem.y[fold.train])
        assert_allclose(multiplier, (fold.train.size - positives) / positives, rtol=0.05)
    score = undone(problem, found)
    fitted = cross_fit(problem.y, score, problem.folds.folds)
    calibrated, final = fitted.calibrated, fitted.calibrator
    assert_allclose(
        [found.calibrator.slope, found.calibrator.intercept], [final.slope, final.intercept]
    )
    assert_allclose(found.log_loss, log_loss(problem.y, calibrated))
    # the mean is near the share of positives again, where the raw mean was near a half
    assert abs(score.mean() - y.mean()) < 0.1
    assert found.raw.mean() > y.mean() + 0.1


def test_a_ratio_is_raised_to_what_each_fold_allows():
    X = np.random.default_rng(0).normal(size=(90, 2))
    y = np.arange(90) % 3 == 0
    pairs = [(np.arange(30, 90), np.arange(30)), (np.r_[:30, 60:90], np.arange(30, 60))]
    y[30:60] = np.arange(30) % 2 == 0  # fold 0 is trained on more positives than fold 1

    found = evaluate(problem_of(X, y, cv=pairs), Candidate("logistic", {}, "random_under", 0.55))

    assert found.sampling_ratios == (25 / 35, pytest.approx(20 / 36))
    assert found.odds_multipliers == (1.0, pytest.approx(40 / 36))


class Drawn(Learner):
    """Grows in rounds that do nothing, with losses that are given; a score says how many there were.

    The curve of a fold starts at round 1 and is looked up by the share of positives that it scores,
    so that it depends on the labels of its validation rows and on nothing else.
    """

    name = "drawn"
    takes_weights = True
    grows = True

    def __init__(self, curve_of):
        self.curve_of = curve_of
        self.asked = []

    def space(self):
        return {}

    defaults = space

    def prepare(self, features, folds):
        return folds

    def fit(self, prepared, fold, y, sample, params, *, n_rounds=None, **options):
        self.asked.append((fold, n_rounds))
        if n_rounds is not None:
            return Fitted(n_rounds)
        losses = np.array(self.curve_of(fold, y[prepared[fold].test]))
        return Fitted(None, losses, np.arange(1, losses.size + 1))

    def score_fold(self, prepared, fold, fitted, n_rounds):
        return np.full(prepared[fold].test.size, n_rounds / 100)

    def score(self, model, features):
        return np.full(features.n_rows, model / 100)


CURVES = [[5, 1, 4, 4, 9], [5, 9, 0, 9], [5, 4, 4, 3, 0, 0]]


def rounds_by_fold(problem, found):
    """How many rounds the scores of each fold are of."""
    raw = [found.raw[fold.test] for fold in problem.scored_by(found.n_folds).folds]
    assert all(np.ptp(part) == 0 for part in raw)
    return [round(100 * float(part[0])) for part in raw]


def test_each_fold_has_as_many_rounds_as_are_best_on_the_others(rows):
    """And the final model as many as are best on all; nobody more than the shortest fold reached."""
    learner = Drawn(lambda fold, y: CURVES[fold])
    problem = prepare(*rows, COSTS, {"drawn": learner}, Rows(cv=3), n_jobs=1)
    seen = []

    found = evaluate(problem, Candidate("drawn", {}), stop_early=seen.append)

    # without the first 5 + 5, 9 + 4, 0 + 4, 9 + 3; without the second 10, 5, 8, 7; all 15, 14, 8, 16
    assert rounds_by_fold(problem, found) == [3, 2, 3]
    assert found.n_rounds == 3
    assert rounds_by_fold(problem, seen[0]) == [3, 2]  # each takes the other's


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_the_labels_of_a_fold_have_no_say_in_its_rounds(rows, changed):
    X, y = rows
    pairs = splits(y)

    def best_at(fold, labels):
        """The number of positives among the rows that are scored decides which round is best."""
        return (np.arange(1, 91) - labels.sum()) ** 2

    flipped = y.copy()
    flipped[pairs[changed][1][:40]] ^= 1
    learner = {"drawn": Drawn(best_at)}
    one, other = (
        prepare(X, labels, COSTS, learner, Rows(cv=pairs), n_jobs=1) for labels in (y, flipped)
    )

    before, after = (evaluate(problem, Candidate("drawn", {})) for problem in (one, other))

    by_fold = rounds_by_fold(one, before), rounds_by_fold(other, after)
    assert by_fold[0][changed] == by_fold[1][changed]
    assert by_fold[0] != by_fold[1]


def test_rounds_of_trees_are_those_of_the_other_folds_curves(rows):
    X, y = rows
    learner = XGBoostLearner(max_rounds=60, patience=4, fixed={"learning_rate": 0.3})
    problem = prepare(X, y, COSTS, {"xgboost": learner}, Rows(cv=3, random_state=2), n_jobs=1)

    found = evaluate(problem, Candidate("xgboost", {"max_depth": 4}))

    fits = []
    for number in range(3):
        sample = method("none").reweight(
            TrainingRows(problem.y[problem.folds.folds[number].train]), None, problem.rng(0)
        )
        options = {"seed": 2, "n_threads": 1}
        prepared = problem.prepared("xgboost")
        fits.append(learner.fit(prepared, number, problem.y, sample, {"max_depth": 4}, **options))
    shared = min(fit.rounds.size for fit in fits)
    curves = np.array([fit.losses[:shared] for fit in fits])
    assert len({fit.rounds.size for fit in fits}) > 1  # folds stopped at different rounds
    assert found.n_rounds == fits[0].rounds[np.argmin(curves.mean(axis=0))]
    by_fold = [
        fits[0].rounds[np.argmin(sum(curves[other] for other in range(3) if other != number))]
        for number in range(3)
    ]
    assert len(set(by_fold)) > 1
    for number, fit in enumerate(fits):
        test = problem.folds.folds[number].test
        score = learner.score_fold(problem.prepared("xgboost"), number, fit, by_fold[number])
        assert_array_equal(found.raw[test], expit(logit(score).astype("f4").astype(float)))


# A single fold has no others


@pytest.mark.parametrize("by", [None, "groups", "time"])
def test_a_single_fold_chooses_its_rounds_within_its_training_rows(rows, by):
    X, y = rows
    unit = np.arange(300) // 3
    train, test = np.arange(210), np.arange(210, 300)
    learner = Drawn(lambda fold, labels: [3, 2, 1, 9])
    problem = prepare(
        X,
        y,
        COSTS,
        {"drawn": learner},
        Rows(cv=[(train, test)], **({by: unit} if by else {})),
        n_jobs=1,
    )

    found = evaluate(problem, Candidate("drawn", {}))

    inner = problem.folds.inner
    assert_array_equal(np.sort(np.r_[inner.train, inner.test]), train)
    assert abs(inner.test.size - 42) <= 3
    if by is None:
        assert abs(y[inner.test].mean() - y[train].mean()) < 0.02
    else:
        assert not set(unit[inner.train]) & set(unit[inner.test])
    if by == "time":
        assert inner.train.max() < inner.test.min()
    assert learner.asked == [(1, None), (0, 3)]  # then all its training rows
    assert found.n_rounds == 3
    assert rounds_by_fold(problem, found) == [3]


@pytest.mark.parametrize("device", ["none", "weight", "random_under", "smote"])
def test_the_scored_rows_of_a_single_fold_have_no_say_in_how_it_is_trained(numbers, device):
    X, y = numbers
    X = X.fillna(0.0)
    train, test = np.arange(210), np.arange(210, 300)
    flipped = y.copy()
    flipped[test[:60]] ^= 1
    learner = XGBoostLearner(max_rounds=60, patience=4, fixed={"learning_rate": 0.3})
    candidate = Candidate("it", {}, device, 0.9)
    one, other = (
        prepare(X, labels, COSTS, {"it": learner}, Rows(cv=[(train, test)]), n_jobs=1)
        for labels in (y, flipped)
    )

    before, after = (evaluate(problem, candidate) for problem in (one, other))

    assert before.n_rounds == after.n_rounds
    assert 1 <= before.n_rounds < 60
    assert_array_equal(before.raw, after.raw)
    # and they are scored by a model of all training rows with as many rounds
    (final,) = fit_final(one, candidate, before.n_rounds, "folds")
    score = learner.score(final.model, rows_at(X, test, one.features))
    assert_allclose(score, before.raw, atol=1e-6)
    assert final.model.num_boosted_rounds() == before.n_rounds


def test_a_single_fold_of_too_few_positives_to_choose_rounds_by_is_refused(rows):
    X, _ = rows
    y = np.zeros(300, dtype=int)
    y[[0, 290, 291]] = 1
    cv = [(np.arange(210), np.arange(210, 300))]

    for learner in ("logistic", "bayes"):  # which have no rounds
        evaluate(problem_of(X, y, cv=cv), Candidate(learner, {}))
    with pytest.raises(DataError, match="cannot be split .* number of rounds: use more folds"):
        evaluate(problem_of(X, y, cv=cv), Candidate("xgboost", {}))


# Precision


class Fine(GaussianNB):
    """Probabilities that differ by a ten-thousand-millionth."""

    def predict_proba(self, X):
        p = 0.3 + 1e-10 * np.arange(len(X))
        return np.column_stack((1 - p, p))


def test_scores_that_hardly_differ_stay_apart_where_nothing_is_stored(rows):
    X, y = rows
    problem = prepare(X, y, COSTS, {"fine": SklearnLearner(Fine())}, Rows(cv=3), n_jobs=1)

    exact = evaluate(problem, Candidate("fine", {}), exact_scores=True)
    stored = evaluate(problem, Candidate("fine", {}))

    for fold in problem.folds.folds:
        assert_array_equal(exact.raw[fold.test], 0.3 + 1e-10 * np.arange(fold.test.size))
        assert np.unique(stored.raw[fold.test]).size <= 2
    assert exact.log_odds is None


# The loss that rounds are chosen by


def with_amounts(seed, n=2000):
    """Amounts that the label has nothing to do with: what each miss costs."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    X["amount"] = rng.lognormal(4, 1, n)
    y = (rng.random(n) < expit(X["a"] + 0.7 * X["b"] * X["c"] - 2)).astype(int)
    return X, y


@pytest.mark.parametrize("device", ["none", "weight", "case_weight", "rejection"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("per_case", [False, True])
def test_early_stopping_looks_at_the_loss_that_is_trained(device, weighted, per_case):
    """With costs per case, what treats rows by their own cost is judged by them too."""
    X, y = with_amounts(0, 600)
    costs = CostMatrix(fp=5, fn="amount") if per_case else COSTS
    learner = XGBoostLearner(max_rounds=9, patience=9)
    weight = np.random.default_rng(1).uniform(0.2, 3, 600) if weighted else np.ones(600)
    problem = prepare(
        X,
        y,
        costs,
        {"it": learner},
        Rows(cv=3, sample_weight=weight if weighted else None),
        n_jobs=1,
    )

    found = train_fold(problem, Candidate("it", {}, device, 0.8), 1, n_threads=1)

    test = problem.folds.folds[1].test
    labels = problem.y[test]
    own = np.where(labels, X["amount"].to_numpy()[test], 5.0)
    by_case = per_case and device in ("case_weight", "rejection")
    each = weight[test] * (own if by_case else 1.0)
    for done, loss in zip(found.fitted.rounds, found.fitted.losses, strict=True):
        score = found.ledger.undo(found.score_fold(learner, int(done)))
        assert_allclose(loss, log_loss(labels, score, sample_weight=each), rtol=1e-5)


@pytest.mark.parametrize("seed", [0, 1])
def test_weights_by_cost_take_about_as_many_rounds_as_none(seed):
    """On losses that are not weighed like those trained it would be many times as many."""
    problem = prepare(
        *with_amounts(seed),
        CostMatrix(fp=5, fn="amount"),
        {"it": XGBoostLearner()},
        Rows(cv=3),
        n_jobs=2,
    )

    plain, weighed = (
        evaluate(problem, Candidate("it", {}, device)) for device in ("none", "case_weight")
    )

    assert plain.n_rounds / 4 < weighed.n_rounds < 2 * plain.n_rounds


# Scores that come from elsewhere


@pytest.mark.parametrize("multipliers", [(), (4.0, 1.0, 0.5)], ids=["untouched", "multiplied"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("per_case", [False, True])
def test_scores_are_judged_by_the_rule_that_they_lead_to(rows, weighted, per_case, multipliers):
    X, y = rows
    act = y.to_numpy() == 1
    rng = np.random.default_rng(0)
    score = np.clip(rng.normal(0.2 + 0.4 * act, 0.2), 0.01, 0.99)
    weight = rng.uniform(0.2, 3, 300) if weighted else None
    costs = CostMatrix(fp=5, fn="amount", tp=1) if per_case else COSTS
    problem = problem_of(X, y, costs, sample_weight=weight)

    raw = score.copy()
    for fold, multiplier in zip(problem.folds.folds, multipliers, strict=False):
        raw[fold.test] = scale_odds(score[fold.test], multiplier)

    found = evaluate_scores(problem, PLAIN, raw, odds_multipliers=multipliers)

    fitted = cross_fit(act, score, problem.folds.folds, problem.weight)
    calibrated, final = fitted.calibrated, fitted.calibrator
    resolved = costs.resolve(X)
    decisions = decide(calibrated, resolved)
    money = decision_cost(act, decisions, resolved)
    assert_allclose(
        [found.calibrator.slope, found.calibrator.intercept], [final.slope, final.intercept]
    )
    assert_array_equal(found.choice.act, decisions)
    assert_allclose(found.row_cost * problem.scale, money)
    assert_allclose(found.value * problem.scale, np.average(money, weights=weight))
    assert_allclose(found.log_loss, log_loss(act, calibrated, sample_weight=weight))
    assert_allclose(found.row_loss, -np.log(np.where(act, calibrated, 1 - calibrated)))
    assert_array_equal(found.raw, raw)
    assert found.n_folds == 3
    assert found.odds_multipliers == multipliers


def test_scores_of_the_first_folds_are_priced_as_if_there_were_no_others(rows):
    X, y = rows
    score = np.clip(np.random.default_rng(0).normal(0.2 + 0.4 * y, 0.2), 0.01, 0.99)
    costs, weight = CostMatrix(fp=5, fn="amount"), np.linspace(0.5, 2, 300)
    problem = problem_of(X, y, costs, sample_weight=weight, cv=splits(y, 5))
    ask = {"n_rounds": 7, "odds_multipliers": (2.0, 1.0, 0.5), "sampling_ratios": (0.5, None, 1.0)}

    found = evaluate_scores(problem, PLAIN, score[problem.scored_by(3).rows], **ask)

    alone = problem_of(X, y, costs, sample_weight=weight, cv=splits(y, 5)[:3])
    assert_same(found, evaluate_scores(alone, PLAIN, score[alone.scored.rows], **ask))
    assert found.n_folds == 3
    assert found.raw.size == found.row_cost.size == found.row_loss.size == alone.scored.rows.size


def test_a_score_of_zero_or_one_has_a_finite_loss(rows):
    X, y = rows
    score = np.where(y == 1, 1.0, 0.0)
    score[[0, 1]] = [1 - score[0], 1 - score[1]]

    found = evaluate_scores(problem_of(X, y), PLAIN, score)

    assert np.all(np.isfinite(found.row_loss))
    assert np.isfinite(found.log_loss)


def test_the_threshold_is_chosen_as_the_problem_says(rows):
    X, y = rows
    score = np.random.default_rng(0).uniform(0.01, 0.99, 300)
    sampled = Candidate("logistic", {}, threshold=0.25)

    found = {
        mode: evaluate_scores(problem_of(X, y, threshold=mode), sampled, score).choice
        for mode in ("bayes", "exact", "sampled")
    }

    assert found["sampled"].rule.threshold == 0.25
    assert found["exact"].reason == "the cheapest threshold was asked for"
    assert found["bayes"].reason == "Bayes' rule was asked for"
    assert found["exact"].value <= min(found["bayes"].value, found["sampled"].value)


def test_an_exact_cut_is_one_of_calibrated_probabilities(rows):
    X, y = rows
    score = np.random.default_rng(0).beta(2, 2, 300) * np.where(y == 1, 0.1, 0.05)
    problem = problem_of(X, y, threshold="exact")

    found = evaluate_scores(problem, PLAIN, score)

    act = found.choice.rule.decide(found.calibrator.apply(score), problem.costs)
    cost = np.where(act, 1.0 * (y == 0), 8.0 * (y == 1))
    assert 0 < act.sum() < 300
    assert_allclose(found.value * problem.scale, cost.mean())


def test_rows_can_be_left_behind(rows):
    found = evaluate(problem_of(*rows), PLAIN)

    light = found.without_rows()

    for array in (light.raw, light.row_cost, light.row_loss, light.choice.act):
        assert array.size == 0
    assert (light.value, light.log_loss, light.calibrator) == (
        found.value,
        found.log_loss,
        found.calibrator,
    )
    assert (light.n_folds, light.odds_multipliers) == (3, found.odds_multipliers)
    assert light.choice.rule == found.choice.rule
    for array in (found.raw, found.row_cost, found.row_loss, found.choice.act):
        assert array.size == 300


# Nothing leaks


@pytest.mark.parametrize("candidate", [EVERY[0], EVERY[2]], ids=["logistic", "bayes"])
@pytest.mark.parametrize("device", ["none", "random_over"])
def test_the_labels_of_a_fold_do_not_reach_its_model(rows, candidate, device):
    X, y = rows
    pairs = splits(y)
    test = pairs[1][1]
    flipped = y.copy()
    flipped[test] = 1 - flipped[test]
    candidate = Candidate(candidate.learner, candidate.params, device, 0.8)

    clean = evaluate(problem_of(X, y, cv=pairs), candidate)
    found = evaluate(problem_of(X, flipped, cv=pairs), candidate)

    assert_array_equal(found.raw[test], clean.raw[test])
    assert found.odds_multipliers[1] == clean.odds_multipliers[1]
    assert not np.array_equal(found.raw, clean.raw)


@pytest.mark.parametrize("threshold", ["bayes", "exact"])
def test_the_labels_of_a_fold_do_not_reach_its_decisions(rows, threshold):
    """Given the scores, neither its calibration nor its cut has seen them.

    Costs differ by case so that no two thresholds tie: the final map, which settles ties, has seen all.
    """
    X, y = rows
    costs = CostMatrix(fp=5, fn="amount")
    pairs = splits(y)
    test = pairs[1][1]
    flipped = y.copy()
    flipped[test[::2]] = 1 - flipped[test[::2]]
    score = np.clip(np.random.default_rng(0).normal(0.3 + 0.3 * y, 0.2), 0.01, 0.99)

    clean, found = (
        evaluate_scores(
            problem_of(X, labels, costs, cv=pairs, threshold=threshold),
            PLAIN,
            score,
        )
        for labels in (y, flipped)
    )

    assert_array_equal(found.choice.act[test], clean.choice.act[test])
    assert not np.array_equal(found.row_cost[test], clean.row_cost[test])
    assert found.calibrator != clean.calibrator


@by_learner
@pytest.mark.parametrize("device", ["none", "random_under"])
def test_the_features_of_scored_rows_do_not_reach_their_model(rows, candidate, device):
    X, y = rows
    pairs = splits(y)
    test = pairs[1][1]
    spoilt = X.copy()
    spoilt.loc[test[::2], ["signal", "noise", "amount"]] = 1e6
    spoilt.loc[test[::2], "kind"] = "a"
    # as many rounds whatever the validation rows say
    learner = (
        XGBoostLearner(max_rounds=1)
        if candidate.learner == "xgboost"
        else LEARNERS[candidate.learner]
    )
    candidate = Candidate("it", candidate.params, device, 0.8)

    clean, found = (
        evaluate(prepare(rows_, y, COSTS, {"it": learner}, Rows(cv=pairs), n_jobs=1), candidate)
        for rows_ in (X, spoilt)
    )

    assert_array_equal(found.raw[test[1::2]], clean.raw[test[1::2]])
    assert not np.array_equal(found.raw[test[::2]], clean.raw[test[::2]])


@by_learner
def test_a_category_seen_in_scored_rows_only_is_no_error(rows, candidate):
    X, y = rows
    pairs = splits(y)
    X["kind"] = X["kind"].astype(str)
    X.loc[pairs[0][1], "kind"] = "new"

    found = evaluate(problem_of(X, y, cv=pairs), candidate)

    assert np.all((found.raw >= 0) & (found.raw <= 1))


def test_rows_before_the_first_fold_are_trained_on_and_never_priced(rows):
    X, y = rows
    fn = np.full(300, 8.0)
    scored = np.arange(75, 300)

    clean = evaluate(problem_of(X, y, CaseCosts(fp=1.0, fn=fn), time=np.arange(300)), PLAIN)
    more = fn.copy()
    more[:75] = 4.0
    found = evaluate(problem_of(X, y, CaseCosts(fp=1.0, fn=more), time=np.arange(300)), PLAIN)

    for array in (clean.raw, clean.row_loss, clean.row_cost, clean.choice.act):
        assert array.size == 225
    assert_array_equal(found.row_cost, clean.row_cost)
    assert found.value == clean.value
    problem = problem_of(X, y, time=np.arange(300))
    assert_array_equal(problem.scored.rows, scored)
    score = undone(problem, clean)
    calibrated = cross_fit(problem.y[scored], score, problem.scored.parts).calibrated
    assert_array_equal(clean.choice.act, decide(calibrated, CostMatrix(fp=1, fn=8)))


def test_hindsight_reaches_neither_features_nor_rule(rows):
    """Claims are dealt out anew within each class: their means stay, and so does every decision."""
    X, y = rows
    rng = np.random.default_rng(0)
    X["claim"] = np.where(y == 1, rng.lognormal(3, 1, 300), 0.0)
    costs = CostMatrix(fp=5, fn="claim", hindsight=("claim",))
    dealt = X.copy()
    positive = np.flatnonzero(y == 1)
    dealt.loc[positive, "claim"] = X["claim"].to_numpy()[rng.permutation(positive)]

    first, second = (problem_of(table, y, costs) for table in (X, dealt))
    one, other = evaluate(first, PLAIN), evaluate(second, PLAIN)

    assert_array_equal(one.raw, other.raw)
    assert_array_equal(one.choice.act, other.choice.act)
    assert one.value != other.value
    mean = X["claim"][positive].mean()
    calibrated = cross_fit(first.y, one.raw.astype(float), first.folds.folds).calibrated
    assert_array_equal(one.choice.act, calibrated >= 5 / (5 + mean))
    money = np.where(first.y, X["claim"] * ~one.choice.act, 5.0 * one.choice.act)
    assert_allclose(one.row_cost * first.scale, money)


# Invariances


@pytest.mark.parametrize("rate", [1e-300, 1e-9, 1e9, 1e300])
@pytest.mark.parametrize("threshold", ["auto", "exact"])
@pytest.mark.parametrize("per_case", [False, True])
def test_a_change_of_currency_changes_no_decision(rows, rate, threshold, per_case):
    X, y = rows
    fn = X["amount"].to_numpy() if per_case else 8.0
    first = problem_of(X, y, CaseCosts(fp=3.0, fn=fn, tp=1.0), threshold=threshold)
    second = problem_of(
        X, y, CaseCosts(fp=3.0 * rate, fn=fn * rate, tp=1.0 * rate), threshold=threshold
    )

    one, other = evaluate(first, PLAIN), evaluate(second, PLAIN)

    assert_array_equal(one.choice.act, other.choice.act)
    assert one.choice.rule == other.choice.rule
    assert_allclose(other.value * (second.scale / rate), one.value * first.scale)


def test_a_constant_on_both_costs_of_a_class_changes_no_decision(rows):
    X, y = rows

    plain, shifted = (
        problem_of(X, y, costs)
        for costs in (CostMatrix(fp=1, fn=8), CostMatrix(fp=1 + 7, tn=7, fn=8 - 3, tp=-3))
    )
    one, other = evaluate(plain, PLAIN), evaluate(shifted, PLAIN)

    assert_array_equal(one.choice.act, other.choice.act)
    shift = np.where(y == 1, -3.0, 7.0).mean()
    assert_allclose(other.value * shifted.scale, one.value * plain.scale + shift)


@pytest.mark.parametrize("candidate", [EVERY[0], EVERY[2]], ids=["logistic", "bayes"])
def test_the_order_of_rows_does_not_matter(rows, candidate):
    X, y = rows
    order = np.random.default_rng(0).permutation(300)
    place = np.argsort(order)  # where each row has gone
    moved = [(np.sort(place[train]), np.sort(place[test])) for train, test in splits(y)]

    one = evaluate(problem_of(X, y, cv=splits(y)), candidate)
    other = evaluate(problem_of(X.iloc[order], y.iloc[order], cv=moved), candidate)

    assert_allclose(other.raw, one.raw[order], atol=1e-6)
    assert_array_equal(other.choice.act, one.choice.act[order])
    assert_allclose(other.value, one.value)


def test_a_prevalence_is_a_weight_per_class(rows):
    X, y = rows
    share = y.mean()
    weight = np.where(y == 1, 0.05 / share, 0.95 / (1 - share))

    for candidate in EVERY[:2]:
        one = evaluate(problem_of(X, y, prevalence=0.05), candidate)
        other = evaluate(problem_of(X, y, sample_weight=weight * 100), candidate)

        assert_allclose(one.raw, other.raw, rtol=1e-6)
        assert one.odds_multipliers == other.odds_multipliers == (1.0, 1.0, 1.0)
        assert_array_equal(one.choice.act, other.choice.act)
        assert_allclose(one.value, other.value)
    assert evaluate(problem_of(X, y, prevalence=0.05), PLAIN).raw.mean() < 0.7 * share


def test_a_row_of_weight_two_is_two_rows(numbers):
    """With next to no penalty, which counts weights of mean 1 rather than rows."""
    X, y = numbers
    free = Candidate("logistic", {"C": 1e6})
    times = 1 + np.arange(300) % 2
    copies = np.repeat(np.arange(300), times)

    weighted = problem_of(X, y, sample_weight=times, cv=splits(y))
    pairs = [
        (np.flatnonzero(np.isin(copies, train)), np.flatnonzero(np.isin(copies, test)))
        for train, test in splits(y)
    ]
    repeated = problem_of(X.iloc[copies], y.iloc[copies], cv=pairs)
    one, other = evaluate(weighted, free), evaluate(repeated, free)

    assert_allclose(other.raw, one.raw[copies], atol=2e-3)
    assert_allclose(other.value, one.value, rtol=0.03)
    assert np.mean(other.choice.act == one.choice.act[copies]) > 0.97


@by_learner
@pytest.mark.parametrize("device", ["none", "random_over", "random_under"])
@pytest.mark.parametrize("cv", [3, 4])
def test_the_number_of_cores_does_not_matter(rows, candidate, device, cv):
    """Folds side by side, and a last one by all cores: all comes out the same, bit by bit."""
    X, y = rows
    candidate = Candidate(candidate.learner, candidate.params, device, 0.9)

    one, other = (evaluate(problem_of(X, y, cv=cv, n_jobs=n_jobs), candidate) for n_jobs in (1, 2))

    assert_same(other, one)


@by_learner
@pytest.mark.parametrize("device", ["none", "random_over", "random_under"])
def test_the_same_problem_gives_the_same_answer_bit_by_bit(rows, candidate, device):
    """Whatever was evaluated before it."""
    X, y = rows
    candidate = Candidate(candidate.learner, candidate.params, device, 0.9)
    first, second = problem_of(X, y), problem_of(X, y)
    for other in BY_DEFAULT:
        evaluate(second, Candidate(candidate.learner, {}, other, 0.7))

    one, two = evaluate(first, candidate), evaluate(second, candidate)

    assert_same(one, two)


def test_nothing_of_the_callers_is_changed(rows):
    X, y = rows
    before, labels = X.copy(), y.copy()

    problem = problem_of(X, y, CostMatrix(fp=1, fn="amount"))
    for candidate in EVERY:
        found = evaluate(problem, candidate)
        fit_final(problem, candidate, found.n_rounds)
        fit_final(problem, candidate, found.n_rounds, "folds")

    pd.testing.assert_frame_equal(X, before)
    pd.testing.assert_series_equal(y, labels)


# Given up half-way


def asked(problem, candidate):
    """What an evaluation that is never stopped early is asked with, and what it finds."""
    seen = []

    def never(found):
        seen.append(found)
        return False

    return seen, evaluate(problem, candidate, stop_early=never)


@by_learner
@pytest.mark.parametrize("device", ["none", "random_under"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_it_is_asked_after_the_second_fold_and_each_later_one_but_the_last(
    rows, candidate, device, n_jobs
):
    """With what an evaluation of these folds alone finds."""
    X, y = rows
    pairs, weight = splits(y, 5), np.linspace(0.5, 2, 300)
    options = {"costs": CostMatrix(fp=5, fn="amount"), "sample_weight": weight}
    if not LEARNERS[candidate.learner].takes_weights:
        del options["sample_weight"]
    candidate = Candidate(candidate.learner, candidate.params, device, 0.8)
    problem = problem_of(X, y, cv=pairs, n_jobs=n_jobs, **options)

    seen, _ = asked(problem, candidate)

    assert [found.n_folds for found in seen] == [2, 3, 4]
    for found in seen:
        alone = evaluate(problem_of(X, y, cv=pairs[: found.n_folds], **options), candidate)
        assert_same(found, alone)
        remembered = {
            name: getattr(found, name)
            for name in ("n_rounds", "odds_multipliers", "sampling_ratios")
        }
        assert_same(found, evaluate_scores(problem, candidate, found.raw, **remembered))


def test_rounds_are_those_of_the_folds_so_far(rows):
    """A later fold may change them, and with them the scores of all rows."""
    X, y = rows
    learner = {"xgboost": XGBoostLearner(max_rounds=60, patience=4, fixed={"learning_rate": 0.3})}
    pairs = splits(y, 5)

    def with_folds(n_folds):
        return prepare(X, y, COSTS, learner, Rows(cv=pairs[:n_folds]), n_jobs=1)

    seen, found = asked(with_folds(5), Candidate("xgboost", {"max_depth": 4}))

    assert len({one.n_rounds for one in (*seen, found)}) > 1
    for one in (*seen, found):
        assert_same(one, evaluate(with_folds(one.n_folds), one.candidate))


@by_learner
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_what_is_never_given_up_is_what_nobody_asked_about(rows, candidate, n_jobs):
    X, y = rows
    candidate = Candidate(candidate.learner, candidate.params, "random_over", 0.8)

    _, found = asked(problem_of(X, y, cv=4, n_jobs=n_jobs), candidate)

    assert_same(found, evaluate(problem_of(X, y, cv=4, n_jobs=n_jobs), candidate))
    assert found.n_folds == 4


@by_learner
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("n_folds", [2, 3, 4])
def test_an_evaluation_ends_with_the_fold_after_which_it_is_given_up(
    rows, candidate, n_jobs, n_folds
):
    X, y = rows
    pairs = splits(y, 5)
    problem = problem_of(X, y, cv=pairs, n_jobs=n_jobs)

    found = evaluate(problem, candidate, stop_early=lambda so_far: so_far.n_folds == n_folds)

    assert found.n_folds == n_folds
    assert len(found.odds_multipliers) == len(found.sampling_ratios) == n_folds
    for array in (found.raw, found.row_cost, found.row_loss, found.choice.act):
        assert array.size == sum(test.size for _, test in pairs[:n_folds])
    assert_same(found, evaluate(problem_of(X, y, cv=pairs[:n_folds]), candidate))
    # and the problem is as good as new
    assert_same(evaluate(problem, candidate), evaluate(problem_of(X, y, cv=pairs), candidate))


def test_two_folds_are_too_few_to_be_given_up(rows):
    seen, found = asked(problem_of(*rows, cv=2), PLAIN)

    assert seen == []
    assert found.n_folds == 2


class Counted(GaussianNB):
    """Remembers on how many rows each clone was fitted."""

    fits: ClassVar[list[int]] = []

    def fit(self, X, y, sample_weight=None):
        self.fits.append(len(y))
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize(
    ("n_jobs", "n_folds", "most"), [(1, 2, 2), (1, 3, 3), (2, 2, 2), (2, 3, 4)]
)
def test_no_fold_is_begun_after_it_was_given_up(rows, n_jobs, n_folds, most):
    """But the one that was side by side with the last."""
    problem = prepare(*rows, COSTS, {"it": SklearnLearner(Counted())}, Rows(cv=6), n_jobs=n_jobs)
    Counted.fits.clear()

    evaluate(problem, Candidate("it", {}), stop_early=lambda found: found.n_folds == n_folds)

    assert n_folds <= len(Counted.fits) <= most


@by_learner
@pytest.mark.parametrize("n_folds", [2, 3])
def test_the_labels_of_later_folds_cannot_give_a_candidate_up(rows, candidate, n_folds):
    """In order of time, where earlier models are not trained on them either."""
    X, y = rows
    flipped = y.copy()
    flipped[np.arange(300) >= 60 * (n_folds + 1)] ^= 1

    clean, found = (
        asked(problem_of(X, labels, cv=4, time=np.arange(300)), candidate)[0][n_folds - 2]
        for labels in (y, flipped)
    )

    assert found.n_folds == n_folds
    assert_same(found, clean)


@by_learner
@pytest.mark.parametrize("label", [0, 1])
def test_first_folds_of_one_class_are_asked_about_like_others(rows, candidate, label):
    """In order of time, a stretch may lack either class."""
    X, y = rows
    y = y.copy()
    y[60:180] = label

    seen, found = asked(problem_of(X, y, cv=4, time=np.arange(300)), candidate)

    assert [one.n_folds for one in seen] == [2, 3]
    assert np.isfinite([one.value for one in seen]).all()
    assert np.isfinite([one.log_loss for one in seen]).all()
    assert_same(found, evaluate(problem_of(X, y, cv=4, time=np.arange(300)), candidate))


@by_learner
def test_first_folds_that_stand_for_nobody_are_no_reason_to_fail(rows, candidate):
    X, y = rows
    weight = np.where((np.arange(300) >= 60) & (np.arange(300) < 180), 0.0, 1.0)
    options = {"cv": 4, "time": np.arange(300), "sample_weight": weight}

    _, found = asked(problem_of(X, y, **options), candidate)

    assert_same(found, evaluate(problem_of(X, y, **options), candidate))


# Ended from outside


class Enough(Exception):
    """It has taken long enough."""


def after(n_calls, calls):
    """A checkpoint that raises from a certain call on."""

    def checkpoint():
        calls.append(None)
        if len(calls) >= n_calls:
            raise Enough

    return checkpoint


@by_learner
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("n_calls", [1, 2, 3])
def test_what_a_checkpoint_raises_ends_the_evaluation(rows, candidate, n_jobs, n_calls):
    X, y = rows
    problem, calls = problem_of(X, y, n_jobs=n_jobs), []

    with pytest.raises(Enough):
        evaluate(problem, candidate, checkpoint=after(n_calls, calls))

    assert n_calls <= len(calls) < n_calls + n_jobs
    # and nothing of it is left behind
    assert_same(evaluate(problem, candidate), evaluate(problem_of(X, y), candidate))


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("device", ["none", "random_under"])
@pytest.mark.parametrize("n_calls", [8, 20])
def test_trees_are_not_waited_for_in_the_middle_of_a_fold(rows, n_jobs, device, n_calls):
    X, y = rows
    problem, calls = problem_of(X, y, n_jobs=n_jobs), []
    candidate = Candidate("xgboost", {"max_depth": 2}, device, 0.8)

    with pytest.raises(Enough):
        evaluate(problem, candidate, checkpoint=after(n_calls, calls))

    assert n_calls <= len(calls) < n_calls + n_jobs
    assert_same(evaluate(problem, candidate), evaluate(problem_of(X, y), candidate))


@by_learner
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_checkpoint_that_lets_pass_changes_nothing(rows, candidate, n_jobs):
    X, y = rows
    calls = []

    found = evaluate(
        problem_of(X, y, n_jobs=n_jobs), candidate, checkpoint=lambda: calls.append(None)
    )

    assert_same(found, evaluate(problem_of(X, y, n_jobs=n_jobs), candidate))
    rounds = 12 if candidate.learner == "xgboost" else 0
    assert len(calls) >= 3 * max(rounds, 1)  # in each fold, and in each round


class Endless(XGBoostLearner):
    """Trees that would grow for minutes on one fold, and cannot be grown on another."""

    def __init__(self, endless, broken=None):
        super().__init__(max_rounds=5, patience=5)
        self.endless = endless
        self.broken = broken
        self.begun = threading.Event()

    def fit(self, prepared, fold, *args, checkpoint, **options):
        if fold == self.broken:
            self.begun.wait(10)  # until the one beside it grows
            raise ZeroDivisionError("no trees here")
        if fold != self.endless:
            return super().fit(prepared, fold, *args, checkpoint=checkpoint, **options)

        def growing():
            self.begun.set()
            checkpoint()

        trees = XGBoostLearner(max_rounds=100_000, patience=100_000)
        return trees.fit(prepared, fold, *args, checkpoint=growing, **options)


two_cores = pytest.mark.skipif(check_n_jobs(2) < 2, reason="folds side by side take two cores")


@two_cores
def test_a_fold_that_fails_takes_along_the_one_beside_it(rows):
    learner, calls = Endless(1, broken=0), []
    problem = prepare(*rows, COSTS, {"it": learner}, Rows(cv=3), n_jobs=2)

    with pytest.raises(ZeroDivisionError, match="no trees here"):
        evaluate(problem, Candidate("it", {}), checkpoint=lambda: calls.append(None))

    assert learner.begun.is_set()
    assert len(calls) < 20_000


@two_cores
def test_a_fold_after_which_it_is_given_up_takes_along_the_one_beside_it(rows):
    learner, calls = Endless(3), []
    problem = prepare(*rows, COSTS, {"it": learner}, Rows(cv=4), n_jobs=2)

    found = evaluate(
        problem,
        Candidate("it", {}),
        stop_early=lambda found: found.n_folds == 3 and learner.begun.wait(10),
        checkpoint=lambda: calls.append(None),
    )

    assert found.n_folds == 3
    assert learner.begun.is_set()
    assert len(calls) < 20_000


def fail(*_):
    raise Enough


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(
    "options",
    [{}, {"stop_early": lambda found: True}, {"stop_early": fail}, {"checkpoint": fail}],
    ids=["to its end", "stopped early", "asked in vain", "ended from outside"],
)
def test_however_it_ends_no_thread_and_no_limit_is_left(rows, n_jobs, options):
    problem = problem_of(*rows, cv=4, n_jobs=n_jobs)
    with threadpool_limits(2):
        before = threading.active_count(), threadpool_info()

        with pytest.raises(Enough) if fail in options.values() else nullcontext():
            evaluate(problem, PLAIN, **options)

        assert (threading.active_count(), threadpool_info()) == before


# The final model


def test_the_final_model_is_fitted_on_all_rows(numbers):
    X, y = numbers
    problem = problem_of(X, y)

    (final,) = fit_final(problem, PLAIN, None)

    alone = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=2000)).fit(X, y)
    assert_allclose(
        LEARNERS["logistic"].score(final.model, problem.features),
        alone.predict_proba(X)[:, 1],
        atol=1e-6,
    )
    assert final.ledger.entries == ()


def test_the_final_model_has_all_rows_of_a_problem_in_time(numbers):
    X, y = numbers
    problem = problem_of(X, y, time=np.arange(300))

    (final,) = fit_final(problem, PLAIN, None)

    (everything,) = fit_final(problem_of(X, y), PLAIN, None)
    assert final.model == everything.model


@pytest.mark.parametrize("device", ["weight", "random_over", "random_under"])
def test_the_final_ledger_says_what_training_on_all_rows_did(rows, device):
    X, y = rows
    problem = problem_of(X, y)
    candidate = Candidate("xgboost", {}, device, 1.0)

    (final,) = fit_final(problem, candidate, 7)

    sample = method(device).reweight(TrainingRows(problem.y), 1.0, problem.rng(None))
    assert final.ledger.entries == ((sample.source, sample.odds_multiplier),)
    assert_allclose(final.ledger.multiplier, (y == 0).sum() / (y == 1).sum(), rtol=0.05)
    assert final.model.num_boosted_rounds() == 7
    score = final.ledger.undo(LEARNERS["xgboost"].score(final.model, problem.features))
    assert abs(score.mean() - y.mean()) < 0.05


def rows_at(X, rows, features):
    """Some of the rows as a policy meets them: as new ones, by the schema of all."""
    return Features(Table(X.iloc[rows]), features.schema)


@by_learner
@pytest.mark.parametrize("device", ["none", "weight", "random_over", "random_under"])
@pytest.mark.parametrize("options", [{}, {"time": np.arange(300), "cv": 4}], ids=["plain", "time"])
def test_the_models_of_the_folds_are_those_that_were_evaluated(rows, candidate, device, options):
    """Each gives the rows that its fold scored the scores they had, and knows what it did to the odds."""
    X, y = rows
    weight = np.linspace(0.5, 2, 300)
    problem = problem_of(X, y, sample_weight=weight, **options)
    candidate = Candidate(candidate.learner, candidate.params, device, 0.9)
    found = evaluate(problem, candidate)

    final = fit_final(problem, candidate, found.n_rounds, "folds")

    learner = LEARNERS[candidate.learner]
    assert len(final) == problem.n_folds == found.n_folds
    for number, part in enumerate(final):
        test = problem.folds.folds[number].test
        again = train_fold(problem, candidate, number, n_threads=1)
        raw = again.score_fold(learner, found.n_rounds)  # all with the rounds of the final model
        score = learner.score(part.model, rows_at(X, test, problem.features))
        assert_allclose(score, raw, atol=1e-6)
        assert_allclose(part.ledger.undo(score), again.ledger.undo(raw), atol=1e-6)
        if found.n_rounds is None:
            mine = problem.scored.folds[number].test
            assert_allclose(score, found.raw[mine], atol=1e-6)
        assert part.ledger.multiplier == found.odds_multipliers[number]
        assert len(part.ledger.entries) == (device != "none")


@by_learner
def test_a_category_that_a_folds_training_rows_lack_is_scored_as_it_was_evaluated(rows, candidate):
    """Also by the final model: as a missing one, not as some other category."""
    X, y = rows
    pairs = splits(y)
    X["kind"] = X["kind"].astype(str)
    X.loc[(y == 1) & (X["signal"] > 0.5), "kind"] = None  # what is missing says something
    X.loc[pairs[0][1][::2], "kind"] = "new"
    problem = problem_of(X, y, cv=pairs)
    found = evaluate(problem, candidate)

    final = fit_final(problem, candidate, found.n_rounds, "folds")

    for part, (_, test) in zip(final, pairs, strict=True):
        score = LEARNERS[candidate.learner].score(part.model, rows_at(X, test, problem.features))
        assert_allclose(score, found.raw[test], atol=1e-6)


@pytest.mark.parametrize("kind", FINALS)
def test_every_final_model_has_the_rounds_that_were_found_best(rows, kind):
    problem = problem_of(*rows)

    final = fit_final(problem, Candidate("xgboost", {}), 7, kind)

    assert [part.model.num_boosted_rounds() for part in final] == [7] * {"refit": 1, "folds": 3}[
        kind
    ]


@by_learner
@pytest.mark.parametrize("kind", FINALS)
def test_final_models_are_the_same_whatever_was_evaluated_before(rows, candidate, kind):
    X, y = rows
    first, second = problem_of(X, y), problem_of(X, y, n_jobs=2)
    for device in BY_DEFAULT:
        evaluate(second, Candidate(candidate.learner, {}, device, 0.7))
    candidate = Candidate(candidate.learner, candidate.params, "random_under", 0.9)

    one, other = (fit_final(problem, candidate, 7, kind) for problem in (first, second))

    learner = LEARNERS[candidate.learner]
    for mine, theirs in zip(one, other, strict=True):
        assert mine.ledger == theirs.ledger
        assert_array_equal(
            learner.score(mine.model, first.features), learner.score(theirs.model, first.features)
        )
