"""What is measured of scores is measured on rows that neither their map nor their threshold saw."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from costopt import CaseCosts, CostMatrix, DataError, choose_threshold
from costopt.decision.rules import ThresholdRule, decide
from costopt.evaluation.candidates import Candidate, evaluate_scores
from costopt.evaluation.problem import prepare_encoded
from costopt.evaluation.rows import Rows
from costopt.inputs.labels import encode_labels

COSTS = CostMatrix(fp=1, fn=7 / 3)
SCORES = Candidate("scores", {})
N = 6000

CV = {
    "folds": {},
    "one split": {"cv": [(np.arange(3000, N), np.arange(3000))]},
    "groups": {"groups": np.arange(N) // 40},
    "time": {"time": np.arange(N)},
}


def problem_of(y, costs=COSTS, **options):
    rows_ = Rows(**{name: options.pop(name) for name in list(options) if hasattr(Rows, name)})
    return prepare_encoded(None, encode_labels(y.astype(int), None), costs, {}, rows_, **options)


def priced(y, score, **options):
    problem = problem_of(y, **options)
    return problem.scored, evaluate_scores(problem, SCORES, score[problem.scored.rows])


def noise(seed=0):
    rng = np.random.default_rng(seed)
    return rng.random(N) < 0.3, rng.random(N)


def telling(seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=N)
    return rng.random(N) < expit(2.5 * x - 1.5), expit(x)


@pytest.mark.parametrize("calibration", ["platt", "beta"])
@pytest.mark.parametrize("threshold", ["auto", "bayes", "exact"])
@pytest.mark.parametrize("options", CV.values(), ids=CV)
def test_no_label_of_a_part_moves_its_own_decisions(options, threshold, calibration):
    y, score = telling()
    options = {**options, "threshold": threshold, "calibration": calibration}
    scored, clean = priced(y, score, **options)
    part = scored.parts[-1]
    poisoned = y.copy()
    rows = scored.rows[part.test]
    poisoned[rows] = np.random.default_rng(1).permutation(y[rows])
    # parts are dealt by label where a fold is its own; the same are wanted
    again = problem_of(poisoned, **options)
    again._scored[again.n_folds] = replace(scored, y=poisoned[scored.rows])

    found = evaluate_scores(again, SCORES, score[scored.rows])

    assert_array_equal(found.calibrated[part.test], clean.calibrated[part.test])
    if threshold != "auto":  # which rule is one question for all rows
        assert_array_equal(found.choice.act[part.test], clean.choice.act[part.test])


@pytest.mark.parametrize("calibration", ["platt", "isotonic"])
@pytest.mark.parametrize("options", CV.values(), ids=CV)
def test_noise_costs_no_less_than_a_baseline_without_a_model(options, calibration):
    """Mean over samples; by maps that had seen the rows it costs less."""
    excess, won = [], 0
    for seed in range(12):
        y, score = noise(seed)
        scored, found = priced(y, score, calibration=calibration, **options)
        baseline = min(y[scored.rows].mean() * 7 / 3, 1 - y[scored.rows].mean())
        excess.append(found.row_cost.mean() * problem_of(y).scale - baseline)
        won += isinstance(found.choice.rule, ThresholdRule)

    assert np.mean(excess) > -0.002
    assert won <= 3


def test_in_time_the_future_moves_nothing():
    y, score = telling()
    order = np.random.default_rng(3).permutation(N)
    options = {"time": order, "threshold": "exact"}
    scored, clean = priced(y, score, **options)
    late = order >= 4000
    other = y.copy()
    other[late] = ~y[late]

    again, found = priced(other, score, **options)

    early = order[scored.rows] < 3900
    assert_array_equal(again.rows, scored.rows)
    assert_array_equal(found.calibrated[early], clean.calibrated[early])
    assert_array_equal(found.choice.act[early], clean.choice.act[early])
    assert found.calibrator != clean.calibrator


def test_the_first_period_is_decided_on_by_bayes_rule_as_it_is():
    y, score = telling()

    scored, found = priced(y, score, time=np.arange(N), threshold="exact")

    first = scored.parts[0]
    assert first.train.size == 0
    assert_array_equal(found.calibrated[first.test], score[scored.rows][first.test])
    threshold = 1 / (1 + 7 / 3)
    assert_array_equal(found.choice.act[first.test], score[scored.rows][first.test] >= threshold)


def test_the_map_of_the_policy_is_fitted_on_all_scored_rows():
    y, score = telling()
    split = [(np.arange(3000, N), np.arange(3000))]

    policy = choose_threshold(y.astype(int), score, COSTS, cv=split)
    alone = choose_threshold(y[:3000].astype(int), score[:3000], COSTS)

    assert policy.calibrator == alone.calibrator


# How many positives there are


def test_copies_are_not_enough_for_a_map_of_more_freedom():
    y = np.repeat(np.arange(600) % 2 == 0, 10)  # 3,000 positives, of 300 different cases

    problem_of(y, calibration="isotonic")
    with pytest.raises(DataError, match="at least 1000 positives, got 300 effective ones"):
        problem_of(y, calibration="isotonic", groups=np.repeat(np.arange(600), 10))


def test_a_few_folds_are_priced_by_any_map_that_all_rows_allow():
    """As a race does: 1,100 positives, of which the first two folds have 440."""
    y = np.arange(N) % 5 == 0
    y[1100 * 5 :] = False
    score = expit(np.random.default_rng(0).normal(size=N) + y)
    problem = problem_of(y, calibration="isotonic")

    found = evaluate_scores(
        problem, SCORES, score[problem.scored_by(2).rows], odds_multipliers=(1.0, 1.0)
    )

    assert found.n_folds == 2
    assert found.row_cost.size == problem.scored_by(2).rows.size


# Scores of an extreme scale

SCALES = {
    "below 1e-12": lambda x: 1e-14 * expit(x),
    "over 200 powers of ten": lambda x: 10.0 ** (20 * np.clip(x, -5, 5) - 150),
    "above 1 - 1e-12": lambda x: 1 - 2.0**-53 * np.round(1500 * expit(-x) + 1),
    "within 1e-10": lambda x: 0.3 + 1e-10 * expit(x),
}


@pytest.mark.filterwarnings("ignore::costopt.CostOptWarning")
@pytest.mark.parametrize("threshold", ["auto", "bayes", "exact"])
@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_scores_of_any_scale_are_decided_on_about_as_well_as_by_the_best_threshold(
    scale, threshold
):
    rng = np.random.default_rng(0)
    x = rng.normal(size=2 * N)
    y, score = rng.random(2 * N) < expit(2.5 * x - 1.5), scale(x)
    new = slice(N, None)

    policy = choose_threshold(y[:N].astype(int), score[:N], COSTS, threshold=threshold)

    act = policy.decide(score=score[new])
    assert_array_equal(act, score[new] >= policy.raw_threshold)
    money = np.where(y[new], 7 / 3 * ~act, act).mean()
    best = min(
        np.where(y[new], 7 / 3 * (x[new] < t), x[new] >= t).mean() for t in np.arange(-2, 3, 0.05)
    )
    baseline = min(7 / 3 * y[new].mean(), 1 - y[new].mean())
    assert best < 0.75 * baseline
    assert money < best + 0.2 * (baseline - best)


@pytest.mark.filterwarnings("ignore::costopt.CostOptWarning")
@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_costs_per_case_are_decided_on_as_under_the_truth_at_any_scale(scale):
    rng = np.random.default_rng(0)
    x, amount = rng.normal(size=N), rng.lognormal(1, 1, N)
    truth = expit(2.5 * x - 1.5)
    y = rng.random(N) < truth
    costs = CaseCosts(fp=1.0, fn=amount)

    policy = choose_threshold(y.astype(int), scale(x), costs)

    def money(act):
        return np.where(y, amount * ~act, act).mean()

    found = money(policy.decide(score=scale(x), costs=costs))
    assert_allclose(found, money(decide(truth, costs)), rtol=0.05)
