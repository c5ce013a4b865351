"""The operating curve in policy.json: whole, and checked on load."""

import hashlib
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
    document.pop("digest")
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    document["digest"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(document))


def test_the_curve_is_saved_whole_and_on_few_lines(policy, saved):
    loaded = DecisionPolicy.load(saved)

    assert isinstance(loaded.evidence.curve, OperatingCurve)
    assert loaded.evidence.curve == policy.evidence.curve
    assert len((saved / "policy.json").read_text().splitlines()) < 150


def put(*path, value):
    """A change of one entry of the curve."""

    def change(curve):
        *parents, last = path
        for key in parents:
            curve = curve[key]
        curve[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda curve: curve["caught"].pop(), "one number of caught per threshold"),
        (lambda curve: curve["thresholds"].reverse(), "descend"),
        (
            lambda curve: curve.update(thresholds=[0.5] * 20_000),
            "between 2 and 1002 thresholds, got 20000",
        ),
        (lambda curve: curve.update(caught=["inf"] * len(curve["caught"])), "caught.0"),
        (put("cells", 0, value="5"), "evidence.curve.cells.0"),
        (
            lambda curve: curve["cells"].append(1.0),
            "evidence.curve.cells: Input should have 4|at most 4",
        ),
        (put("cells", 1, value=[]), "one number of fn per threshold, got 0"),
        (lambda curve: curve["selected"].update(caught=-1.0), "between none and all"),
        (put("selected", "missed", value=1e9), "cases and costs of the curve"),
        (put("selected", "varies", 0, value=True), "cases and costs of the curve"),
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
def test_a_search_keeps_the_curve_of_what_it_selects(rows, selection):
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
