"""Room for some cases of a batch only: the most gainful are acted on, the others are marked."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from costopt import CostMatrix, CostOptWarning, DataError, PolicyError, choose_threshold

COSTS = CostMatrix(fn="amount", fp=2, unit="EUR")


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    score = rng.random(600)
    y = (rng.random(600) < score).astype(int)
    X = pd.DataFrame({"amount": rng.lognormal(1, 1, 600)}, index=np.arange(600) + 7)
    return choose_threshold(y, score, COSTS, X=X), X, score, y


def gains(policy, X, score):
    p = policy.probability(score=score)
    return p * X["amount"].to_numpy() - (1 - p) * 2


@pytest.mark.parametrize("capacity", [0, 1, 37, 600, 10_000])
def test_the_largest_gains_are_acted_on_and_no_case_that_would_not_be(batch, capacity):
    policy, X, score, _ = batch
    alone, gain = policy.decide(X, score=score), gains(policy, X, score)

    act = policy.decide(X, score=score, capacity=capacity)

    assert act.sum() == min(capacity, alone.sum())
    assert not np.any(act & ~alone)
    assert gain[act].sum() == pytest.approx(np.sort(gain[alone])[::-1][:capacity].sum())
    by_probability = np.argsort(-score)[:37]
    assert capacity != 37 or gain[act].sum() > gain[by_probability].sum()


def test_displaced_cases_are_marked_in_a_frame_of_the_callers_kind(batch):
    policy, X, score, _ = batch
    alone = policy.decide(X, score=score)

    found = policy.decide_frame(X, score=score, capacity=50, keep="amount")
    other = policy.decide_frame(pl.DataFrame({"amount": X["amount"]}), score=score, capacity=50)

    columns = ["probability", "action", "expected_gain", "displaced"]
    assert list(found.columns) == ["amount", *columns]
    assert list(other.columns) == columns
    assert found.index.equals(X.index)
    act = (found["action"] == "act").to_numpy()
    assert np.array_equal(act, policy.decide(X, score=score, capacity=50))
    assert np.array_equal(act | found["displaced"], alone)
    assert other["displaced"].to_list() == found["displaced"].to_list()
    with pytest.raises(DataError, match="the data have a column 'displaced'"):
        policy.decide_frame(X.assign(displaced=1), score=score, capacity=5, keep="displaced")


def test_one_more_place_is_worth_what_it_adds(batch):
    policy, X, score, _ = batch
    gain = gains(policy, X, score)
    more, fewer = (gain[policy.decide(X, score=score, capacity=n)].sum() for n in (51, 50))

    assert policy.shadow_price(X, score=score, capacity=50) == pytest.approx(more - fewer)
    assert policy.shadow_price(X, score=score, capacity=600) == 0


def test_a_rule_that_acts_at_a_loss_to_keep_a_limit_gives_up_these_cases_first(batch):
    _, _, score, y = batch
    policy = choose_threshold(
        y, score, CostMatrix(fn=1, fp=9), constraints="recall >= 0.8", scores="held_out"
    )
    alone = int(policy.decide(score=score).sum())

    assert np.array_equal(policy.decide(score=score, capacity=alone), policy.decide(score=score))
    with pytest.warns(CostOptWarning, match=r"\[promise-displaced\] the capacity leaves out 10 of"):
        act = policy.decide(score=score, capacity=alone - 10)
    assert score[act].min() > np.sort(score[policy.decide(score=score)])[9]


@pytest.mark.parametrize("capacity", [-1, 2.5, True, "many"])
def test_a_capacity_is_a_whole_number(batch, capacity):
    policy, X, score, _ = batch

    with pytest.raises(DataError, match="capacity must be a whole number of cases"):
        policy.decide(X, score=score, capacity=capacity)


def test_one_case_alone_has_no_capacity(batch):
    policy, *_ = batch

    with pytest.raises(PolicyError, match="depends on the others: use decide"):
        policy.decide_one({"amount": 3.0}, score=0.5, capacity=1)
