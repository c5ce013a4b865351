"""Whatever the number of rows, what is raised is an error of ours, and says what to do.

Crashes that come with one size in sixty are found by trying every size, not by examples. A size
comes with ties or without, few positives or many, costs of every kind, and now and then groups,
time or weights, all drawn from the size itself. The whole sweep takes about ten minutes:

    python -m pytest -m slow tests/test_every_size.py
"""

import itertools
import warnings
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from costopt import (
    CaseCosts,
    CostMatrix,
    CostOptError,
    CostOptWarning,
    CostSearchClassifier,
    CostThresholdClassifier,
    choose_threshold,
    compare,
    optimize,
)

SIZES = range(8, 401)
# Thresholds are looked at 64 at a time, the curve is thinned from about 500, folds are of 5.
EDGES = (8, 9, 11, 14, 20, 33, 63, 64, 65, 127, 128, 129, 190)

STRATEGIES = ["threshold 0.5", "class weights from costs", "cost-proportionate rejection"]
SCORES = ("untied", "tied", "two values", "ranked")
COSTS = ("constant", "by case", "formula", "benefits", "hindsight")
POSITIVES = ("few", "some", "many")
BESIDE = ("nothing", "nothing", "weights", "groups", "time", "weights in time")


@contextmanager
def only_our_warnings():
    """Warnings of ours are fine, all others are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", CostOptWarning)
        yield


def drawn(n, seed):
    """Rows, labels, scores, costs and what goes beside them."""
    rng = np.random.default_rng([n, seed])
    share = {"few": 6 / n, "some": 0.2, "many": 0.7}[rng.choice(POSITIVES)]
    signal = rng.normal(size=n)
    y = (signal + rng.logistic(size=n) > np.quantile(signal, 1 - min(share, 0.9)) + 0.3).astype(int)
    score = 1 / (1 + np.exp(-signal + rng.normal(0, 0.5, n)))
    score = {
        "untied": score,
        "tied": np.round(score, 1),
        "two values": (score > 0.5) * 1.0,
        "ranked": np.argsort(np.argsort(score)) / n,
    }[rng.choice(SCORES)]
    X = pd.DataFrame(
        {
            "signal": signal,
            "noise": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "amount": np.round(rng.lognormal(3, 1, n), 2),
        }
    )
    costs = {
        "constant": CostMatrix(fp=1, fn=float(rng.choice([0.5, 3, 40]))),
        "by case": CaseCosts(fp=2.0, fn=X["amount"] / rng.choice([1, 10])),
        "formula": CostMatrix(fp=5, tp=5, fn="amount"),
        "benefits": CostMatrix(fp=3, fn=1, tp=-20, tn=-0.5),
        "hindsight": CostMatrix(fp=2, fn="2 * amount", hindsight="amount"),
    }[rng.choice(COSTS)]
    return X, y, score, costs, beside(rng, n)


def beside(rng, n):
    given = {"random_state": int(rng.integers(100))}
    kind = rng.choice(BESIDE)
    if kind.startswith("weights"):
        given["sample_weight"] = rng.choice([0.0, 0.5, 1.0, 7.0], n)
    if kind == "groups":
        given["groups"] = rng.integers(0, max(n // 4, 2), n)
    if kind.endswith("time"):
        given["time"] = rng.integers(0, max(n // 2, 3), n)
    return given


def chooses(n, seed):
    X, y, score, costs, given = drawn(n, seed)
    rng = np.random.default_rng([n, seed, 1])
    how = {
        "threshold": str(rng.choice(["auto", "bayes", "exact"])),
        "cv": int(rng.choice([2, 3, 5])),
    }
    policy = choose_threshold(y, score, costs, X=X, **how, **given)
    now = costs if isinstance(costs, CaseCosts) and policy.needs_costs else None
    assert policy.decide(X, score=score, costs=now).shape == (n,)
    assert policy.explain()


def optimizes(n, seed):
    X, y, _, costs, given = drawn(n, seed)
    found = optimize(X, y, costs, learners="logistic", n_trials=2, n_jobs=1, **given)
    assert found.summary()
    assert np.isfinite(found.expected_cost.value)


def thresholds(n, seed):
    X, y, _, costs, given = drawn(n, seed)
    fits_and_predicts(
        lambda costs, seed: CostThresholdClassifier(
            LogisticRegression(), costs, cv=3, random_state=seed
        ),
        X.fillna(0.0),
        y,
        costs,
        given,
    )


def searches(n, seed):
    X, y, _, costs, given = drawn(n, seed)
    fits_and_predicts(
        lambda costs, seed: CostSearchClassifier(
            costs, learners="logistic", n_trials=2, random_state=seed
        ),
        X,
        y,
        costs,
        given,
    )


def fits_and_predicts(make, X, y, costs, given):
    cells = {}
    if isinstance(costs, CaseCosts):
        cells = {"fp": float(costs.fp), "fn": costs.fn}
        costs = None
    rows = {name: value for name, value in given.items() if name != "random_state"}
    model = make(costs, given["random_state"]).fit(X, y, **cells, **rows)
    assert model.predict(X, **cells).shape == y.shape
    assert np.isfinite(model.score(X, y, **cells))


def compares(n, seed):
    X, y, _, costs, given = drawn(n, seed)
    found = compare(
        X, y, costs, strategies=STRATEGIES, learner="logistic", n_jobs=1, progress=False, **given
    )
    assert str(found)


HEAVY = (optimizes, thresholds, searches, compares)


def check(run, n, seed):
    """The error of ours that it ends in, None if it works; whatever else it raises is passed on."""
    try:
        with only_our_warnings():
            run(n, seed)
    except CostOptError as error:
        return str(error)
    except BaseException as error:
        error.add_note(f"{run.__name__} of n={n}, seed={seed}")
        raise
    return None


@pytest.mark.parametrize("first", range(4))
def test_a_threshold_is_chosen_at_every_third_size(first):
    errors = [check(chooses, n, seed=0) for n in SIZES[::3][first::4]]
    assert errors.count(None) > len(errors) / 2


@pytest.mark.parametrize("run", HEAVY)
def test_what_learns_does_so_at_the_edges_of_blocks(run):
    errors = [check(run, n, seed=at) for at, n in enumerate(EDGES)]
    assert errors.count(None) > len(errors) / 3


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_a_threshold_is_chosen_at_every_size_in_many_ways(part):
    for n, seed in itertools.product(SIZES[part::20], range(6)):
        check(chooses, n, seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
@pytest.mark.parametrize("run", HEAVY)
def test_what_learns_does_so_at_every_size(run, part):
    for n in SIZES[part::20]:
        check(run, n, seed=100)
