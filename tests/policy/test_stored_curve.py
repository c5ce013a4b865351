"""The operating curve in policy.json: whole, checked on load, and not asked of older files."""

import json

import numpy as np
import pytest

from costopt import (
    CostMatrix,
    DecisionPolicy,
    PolicyError,
    choose_threshold,
    optimize,
)
from costopt.evaluation.operating import OperatingCurve


@pytest.fixture(scope="module")
def policy(make_rows):
    X, y = make_rows()
    score = 1 / (1 + np.exp(-X["signal"]))
    return choose_threshold(y, score, CostMatrix(fn="amount", fp=5, unit="EUR"), X=X)


@pytest.fixture
def saved(policy, tmp_path):
    policy.save(tmp_path / "policy")
    return tmp_path / "policy"


def edit(folder, change):
    path = folder / "policy.json"
    document = json.loads(path.read_text())
    change(document["evidence"])
    path.write_text(json.dumps(document))


def test_the_curve_is_saved_whole_and_on_few_lines(policy, saved):
    loaded = DecisionPolicy.load(saved)

    assert isinstance(loaded.evidence.curve, OperatingCurve)
    assert loaded.evidence.curve == policy.evidence.curve
    assert len((saved / "policy.json").read_text().splitlines()) < 150


def test_a_policy_that_was_saved_before_there_were_curves_loads(policy, saved):
    edit(saved, lambda evidence: evidence.pop("curve"))

    loaded = DecisionPolicy.load(saved)

    assert loaded.evidence.curve is None
    assert loaded.evidence.expected_cost == policy.evidence.expected_cost


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda curve: curve["caught"].pop(), "one number of caught per threshold"),
        (lambda curve: curve["thresholds"].reverse(), "descend"),
        (lambda curve: curve.update(thresholds=[0.5] * 20_000), "at most 10000 items"),
        (lambda curve: curve.update(caught=["inf"] * len(curve["caught"])), "caught.0"),
        (lambda curve: curve["cells"].update(fp="5"), "cells.fp"),
        (lambda curve: curve["cells"].update(more=1.0), "cells.more"),
        (lambda curve: curve["cells"].update(fn=[]), "one number of fn per threshold, got 0"),
        (lambda curve: curve["selected"].update(caught=-1.0), "between none and all"),
        (lambda curve: curve.update(flat=["inf", "-inf"]), "range 'flat'"),
        (lambda curve: curve.update(flat=[0.1]), "flat"),
        (lambda curve: curve.update(caught=[]), "one number of caught"),
    ],
)
def test_a_curve_that_save_does_not_write_is_refused(saved, change, message):
    edit(saved, lambda evidence: change(evidence["curve"]))

    with pytest.raises(PolicyError, match=message):
        DecisionPolicy.load(saved)


@pytest.mark.parametrize("selection", ["likelihood", "average", "cost"])
def test_a_search_keeps_the_curve_of_what_it_ships(rows, selection):
    X, y = rows
    result = optimize(
        X,
        y,
        CostMatrix(fn=8, fp=1),
        learners="logistic",
        n_trials=4,
        selection=selection,
        threshold="bayes",
    )

    curve = result.policy.evidence.curve

    assert curve.caught[-1] == y.sum()
    assert curve.selected.threshold == result.threshold
    # the same decisions, so the same cost as everywhere else
    assert curve.selected.mean_cost() == pytest.approx(result.apparent_cost, rel=1e-9)
    assert curve.at(result.threshold).mean_cost() == pytest.approx(result.apparent_cost, rel=1e-9)
