"""Only the threshold, for scores of a model that is not ours."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from costopt import CaseCosts, CostMatrix, DataError, choose_threshold, mean_cost

COSTS = CostMatrix(fn=9, fp=1)


def scored(n=4000, slope=1.0, intercept=0.0, seed=0):
    """Labels, and scores whose true probability is a logistic map of them."""
    rng = np.random.default_rng(seed)
    truth = expit(rng.normal(-2, 1.5, n))
    y = (rng.random(n) < truth).astype(int)
    return y, expit((logit(truth) - intercept) / slope), truth


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (3, 1), (0.4, -2)])
def test_miscalibrated_scores_are_cut_where_the_truth_reaches_the_bayes_threshold(slope, intercept):
    y, score, truth = scored(20_000, slope, intercept)

    policy = choose_threshold(y, score, COSTS, threshold="bayes")

    assert policy.threshold == pytest.approx(0.1)
    assert np.mean(policy.decide_scores(score) == (truth >= 0.1)) > 0.98


def test_the_exact_cut_is_the_cheapest_one_there_is():
    y, score, _ = scored()

    policy = choose_threshold(y, score, COSTS, threshold="exact")

    mine = mean_cost(y, score >= policy.raw_threshold, COSTS)
    every = [mean_cost(y, score >= t, COSTS) for t in np.append(np.unique(score)[::7], np.inf)]
    assert mine <= min(every) + 1e-12


def test_the_evidence_is_of_decisions_that_did_not_see_their_row():
    y, score, _ = scored(400)

    policy = choose_threshold(y, score, COSTS, threshold="exact")

    seen = mean_cost(y, policy.decide_scores(score), COSTS)
    assert policy.evidence.expected_cost.value > seen
    assert policy.evidence.n_positives == y.sum()


def test_costs_per_case_come_from_columns_or_arrays():
    y, score, _ = scored()
    amount = np.random.default_rng(1).lognormal(2, 1, y.size)
    X = pd.DataFrame({"amount": amount})

    by_column = choose_threshold(y, score, CostMatrix(fn="amount + 1", fp=1), X=X)
    by_array = choose_threshold(y, score, CaseCosts(fn=amount + 1, fp=1))

    assert by_column.threshold is None
    assert np.array_equal(
        by_column.decide_scores(score, X),
        by_array.decide_scores(score, costs=CaseCosts(fn=amount + 1, fp=1)),
    )


def test_scores_that_rank_no_better_than_chance_end_in_a_blanket_rule():
    rng = np.random.default_rng(0)
    y = np.tile([0, 0, 0, 1], 250)
    score = np.where(y == 1, 0.3, 0.4) + rng.normal(0, 0.01, 1000)

    policy = choose_threshold(y, score, COSTS)

    assert policy.decide_scores(score).all()
    assert policy.raw_threshold == -np.inf


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"score": np.array([0.5, 2.0] * 50)},
            r"got 2.0 in row 1: put decision values through 1 /",
        ),
        ({"score": np.full(99, 0.5)}, r"one value for each of the 100 labels, got shape \(99,\)"),
        ({"score": np.full(100, np.nan)}, r"scores must lie in \[0, 1\], got nan in row 0"),
        ({"threshold": "sampled"}, "threshold='sampled' is for a search"),
        ({"y": np.array(["a", "b"] * 50)}, "the positive class must be named"),
        ({"sample_weight": -np.ones(100)}, "sample_weight must be finite and at least 0"),
    ],
)
def test_what_cannot_be_used_is_refused(change, message):
    given = {"y": np.tile([0, 1], 50), "score": np.full(100, 0.5), "costs": COSTS, **change}

    with pytest.raises(DataError, match=message):
        choose_threshold(**given)
