import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from costopt import (
    CaseCosts,
    CostMatrix,
    LogisticLearner,
    SklearnLearner,
    XGBoostLearner,
    decide,
    decision_cost,
    scale_odds,
)
from costopt.evaluation.calibration import cross_fit_platt
from costopt.evaluation.folds import make_folds
from costopt.evaluation.problem import pose
from costopt.evaluation.trial import Candidate, evaluate, fit_final, price
from costopt.training.resampling import DEVICES, reweight

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
    return pose(X, y, costs, LEARNERS, **options).problem


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


@pytest.mark.parametrize("device", DEVICES)
def test_it_is_folds_then_odds_then_calibration_then_rule_then_money(numbers, device):
    """By scikit-learn, fold by fold, from the same resampled rows."""
    X, y = numbers
    act = y.to_numpy() == 1
    problem = problem_of(X, y)
    candidate = Candidate("logistic", {"C": 0.5}, resampling=device, sampling_ratio=0.8)

    found = evaluate(problem, candidate)

    raw, score, multipliers, ratios = np.empty(300), np.empty(300), [], []
    for number, (train, test) in enumerate(splits(y)):
        sample = reweight(device, act[train], 0.8, problem.rng(number))
        kept = train if sample.rows is None else train[sample.rows]
        scaler = StandardScaler().fit(X.iloc[train])
        model = LogisticRegression(C=0.5, max_iter=2000)
        model.fit(scaler.transform(X.iloc[kept]), act[kept], sample_weight=sample.sample_weight)
        raw[test] = model.predict_proba(scaler.transform(X.iloc[test]))[:, 1]
        odds = raw[test] / (1 - raw[test]) / sample.odds_multiplier
        score[test] = odds / (1 + odds)
        multipliers.append(sample.odds_multiplier)
        ratios.append(sample.sampling_ratio)
    calibrated, shipped = cross_fit_platt(act, score, problem.folds.folds)
    decisions = calibrated >= 1 / 9
    cost = np.where(act, 8.0 * ~decisions, 1.0 * decisions)
    assert_allclose(found.raw, raw, atol=1e-6)
    assert_allclose(found.score, score, atol=1e-6)
    assert_allclose(found.odds_multipliers, multipliers)
    assert_allclose(found.sampling_ratios, ratios)
    assert_allclose(
        [found.calibrator.slope, found.calibrator.intercept],
        [shipped.slope, shipped.intercept],
        rtol=1e-4,
    )
    assert_array_equal(found.choice.act, decisions)
    assert_allclose(found.row_cost * problem.scale, cost)
    assert_allclose(found.value * problem.scale, cost.mean())
    assert_allclose(found.log_loss, log_loss(act, calibrated), rtol=1e-5)
    assert found.n_rounds is None
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
        assert_allclose(
            found.score[fold.test], scale_odds(found.raw[fold.test], 1 / multiplier), rtol=1e-9
        )
    # the mean is near the share of positives again, where the raw mean was near a half
    assert abs(found.score.mean() - y.mean()) < 0.1
    assert found.raw.mean() > y.mean() + 0.1


def test_a_ratio_is_raised_to_what_each_fold_allows():
    X = np.random.default_rng(0).normal(size=(90, 2))
    y = np.arange(90) % 3 == 0
    pairs = [(np.arange(30, 90), np.arange(30)), (np.r_[:30, 60:90], np.arange(30, 60))]
    y[30:60] = np.arange(30) % 2 == 0  # fold 0 is trained on more positives than fold 1

    found = evaluate(problem_of(X, y, cv=pairs), Candidate("logistic", {}, "random_under", 0.55))

    assert found.sampling_ratios == (25 / 35, pytest.approx(20 / 36))
    assert found.odds_multipliers == (1.0, pytest.approx(40 / 36))


def test_rounds_are_common_to_all_folds_and_the_best_on_average(rows):
    X, y = rows
    learner = XGBoostLearner(max_rounds=60, patience=4, fixed={"learning_rate": 0.3})
    problem = pose(X, y, COSTS, {"xgboost": learner}, cv=3, n_jobs=1).problem

    found = evaluate(problem, Candidate("xgboost", {"max_depth": 4}))

    fits = []
    for number in range(3):
        sample = reweight(
            "none", problem.y[problem.folds.folds[number].train], None, problem.rng(0)
        )
        options = {"seed": 0, "n_threads": 1}
        prepared = problem.prepared("xgboost")
        fits.append(learner.fit(prepared, number, problem.y, sample, {"max_depth": 4}, **options))
    shared = min(fit.rounds.size for fit in fits)
    mean = np.mean([fit.losses[:shared] for fit in fits], axis=0)
    assert len({fit.rounds.size for fit in fits}) > 1  # folds stopped at different rounds
    # no single fold, and not the worst of them, would have chosen the same
    worst = np.max([fit.losses[:shared] for fit in fits], axis=0)
    assert np.argmin(mean) not in {np.argmin(worst), *(np.argmin(f.losses) for f in fits[1:])}
    assert found.n_rounds == fits[0].rounds[np.argmin(mean)]
    assert found.n_rounds <= min(fit.rounds[-1] for fit in fits)
    for number, fit in enumerate(fits):
        test = problem.folds.folds[number].test
        score = learner.score_fold(problem.prepared("xgboost"), number, fit, found.n_rounds)
        assert_array_equal(found.raw[test], score)


# Scores that come from elsewhere


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("per_case", [False, True])
def test_scores_are_priced_by_the_rule_that_would_ship(rows, weighted, per_case):
    X, y = rows
    act = y.to_numpy() == 1
    rng = np.random.default_rng(0)
    score = np.clip(rng.normal(0.2 + 0.4 * act, 0.2), 0.01, 0.99)
    weight = rng.uniform(0.2, 3, 300) if weighted else None
    costs = CostMatrix(fp=5, fn="amount", tp=1) if per_case else COSTS
    problem = problem_of(X, y, costs, sample_weight=weight)

    found = price(problem, PLAIN, raw=score**2, score=score)

    calibrated, shipped = cross_fit_platt(act, score, problem.folds.folds, problem.weight)
    resolved = costs.resolve(X)
    decisions = decide(calibrated, resolved)
    money = decision_cost(act, decisions, resolved)
    assert found.calibrator == shipped
    assert_array_equal(found.choice.act, decisions)
    assert_allclose(found.row_cost * problem.scale, money)
    assert_allclose(found.value * problem.scale, np.average(money, weights=weight))
    assert_allclose(found.log_loss, log_loss(act, calibrated, sample_weight=weight))
    assert_array_equal(found.raw, score**2)
    assert_array_equal(found.score, score)


def test_the_threshold_is_chosen_as_the_problem_says(rows):
    X, y = rows
    score = np.random.default_rng(0).uniform(0.01, 0.99, 300)
    sampled = Candidate("logistic", {}, threshold=0.25)

    found = {
        mode: price(problem_of(X, y, threshold=mode), sampled, raw=score, score=score).choice
        for mode in ("bayes", "exact", "sampled")
    }

    assert found["sampled"].rule.threshold == 0.25
    assert found["exact"].reason == "the cheapest cut was asked for"
    assert found["bayes"].reason == "Bayes' rule was asked for"
    assert found["exact"].value <= min(found["bayes"].value, found["sampled"].value)


def test_an_exact_cut_is_one_of_calibrated_probabilities(rows):
    X, y = rows
    score = np.random.default_rng(0).beta(2, 2, 300) * np.where(y == 1, 0.1, 0.05)
    problem = problem_of(X, y, threshold="exact")

    found = price(problem, PLAIN, raw=score, score=score)

    act = found.choice.rule.decide(found.calibrator.apply(score), problem.costs)
    cost = np.where(act, 1.0 * (y == 0), 8.0 * (y == 1))
    assert 0 < act.sum() < 300
    assert_allclose(found.value * problem.scale, cost.mean())


def test_rows_can_be_left_behind(rows):
    found = evaluate(problem_of(*rows), PLAIN)

    light = found.without_rows()

    assert light.score.size == light.raw.size == light.row_cost.size == light.choice.act.size == 0
    assert (light.value, light.log_loss, light.calibrator) == (
        found.value,
        found.log_loss,
        found.calibrator,
    )
    assert light.choice.rule == found.choice.rule
    assert found.score.size == 300


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
    assert_array_equal(found.score[test], clean.score[test])
    assert not np.array_equal(found.raw, clean.raw)


@pytest.mark.parametrize("threshold", ["bayes", "exact"])
def test_the_labels_of_a_fold_do_not_reach_its_decisions(rows, threshold):
    """Given the scores, neither its calibration nor its cut has seen them.

    Costs differ by case so that no two cuts tie: the map that ships, which settles ties, has seen all.
    """
    X, y = rows
    costs = CostMatrix(fp=5, fn="amount")
    pairs = splits(y)
    test = pairs[1][1]
    flipped = y.copy()
    flipped[test[::2]] = 1 - flipped[test[::2]]
    score = np.clip(np.random.default_rng(0).normal(0.3 + 0.3 * y, 0.2), 0.01, 0.99)

    clean, found = (
        price(
            problem_of(X, labels, costs, cv=pairs, threshold=threshold),
            PLAIN,
            raw=score,
            score=score,
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
        evaluate(pose(rows_, y, COSTS, {"it": learner}, cv=pairs, n_jobs=1).problem, candidate)
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
    dearer = fn.copy()
    dearer[:75] = 4.0
    found = evaluate(problem_of(X, y, CaseCosts(fp=1.0, fn=dearer), time=np.arange(300)), PLAIN)

    for array in (clean.raw, clean.score, clean.row_cost, clean.choice.act):
        assert array.size == 225
    assert_array_equal(found.row_cost, clean.row_cost)
    assert found.value == clean.value
    act = decide(
        cross_fit_platt(
            y.to_numpy()[scored] == 1,
            clean.score,
            problem_of(X, y, time=np.arange(300)).scored_folds,
        )[0],
        CostMatrix(fp=1, fn=8),
    )
    assert_array_equal(clean.choice.act, act)


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
    calibrated, _ = cross_fit_platt(first.y, one.score, first.folds.folds)
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

        assert_allclose(one.score, other.score, rtol=1e-6)
        assert_array_equal(one.choice.act, other.choice.act)
        assert_allclose(one.value, other.value)
    assert evaluate(problem_of(X, y, prevalence=0.05), PLAIN).score.mean() < 0.7 * share


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

    assert_allclose(other.score, one.score[copies], atol=2e-3)
    assert_allclose(other.value, one.value, rtol=0.03)
    assert np.mean(other.choice.act == one.choice.act[copies]) > 0.97


@by_learner
def test_the_number_of_cores_does_not_matter(rows, candidate):
    X, y = rows

    one, other = (evaluate(problem_of(X, y, n_jobs=n_jobs), candidate) for n_jobs in (1, 2))

    assert_allclose(other.score, one.score, atol=1e-6)
    assert_array_equal(other.choice.act, one.choice.act)
    assert other.n_rounds == one.n_rounds


@by_learner
@pytest.mark.parametrize("device", ["none", "random_over", "random_under"])
def test_the_same_problem_gives_the_same_answer_bit_by_bit(rows, candidate, device):
    """Whatever was evaluated before it."""
    X, y = rows
    candidate = Candidate(candidate.learner, candidate.params, device, 0.9)
    first, second = problem_of(X, y), problem_of(X, y)
    for other in DEVICES:
        evaluate(second, Candidate(candidate.learner, {}, other, 0.7))

    one, two = evaluate(first, candidate), evaluate(second, candidate)

    assert_array_equal(one.raw, two.raw)
    assert_array_equal(one.row_cost, two.row_cost)
    assert (one.value, one.log_loss, one.n_rounds) == (two.value, two.log_loss, two.n_rounds)


def test_nothing_of_the_callers_is_changed(rows):
    X, y = rows
    before, labels = X.copy(), y.copy()

    problem = problem_of(X, y, CostMatrix(fp=1, fn="amount"))
    for candidate in EVERY:
        found = evaluate(problem, candidate)
        fit_final(problem, candidate, found.n_rounds)

    pd.testing.assert_frame_equal(X, before)
    pd.testing.assert_series_equal(y, labels)


# The final model


def test_the_final_model_is_fitted_on_all_rows(numbers):
    X, y = numbers
    problem = problem_of(X, y)

    final = fit_final(problem, PLAIN, None)

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

    final = fit_final(problem, PLAIN, None)

    everything = fit_final(problem_of(X, y), PLAIN, None)
    assert final.model == everything.model


@pytest.mark.parametrize("device", ["weight", "random_over", "random_under"])
def test_the_final_ledger_says_what_training_on_all_rows_did(rows, device):
    X, y = rows
    problem = problem_of(X, y)
    candidate = Candidate("xgboost", {}, device, 1.0)

    final = fit_final(problem, candidate, 7)

    sample = reweight(device, problem.y, 1.0, problem.rng(None))
    assert final.ledger.entries == ((sample.source, sample.odds_multiplier),)
    assert_allclose(final.ledger.multiplier, (y == 0).sum() / (y == 1).sum(), rtol=0.05)
    assert final.model.num_boosted_rounds() == 7
    score = final.ledger.undo(LEARNERS["xgboost"].score(final.model, problem.features))
    assert abs(score.mean() - y.mean()) < 0.05
