"""A map and a metric that costopt does not have, each defined in one place, here."""

import re
from dataclasses import dataclass, replace
from typing import ClassVar, get_args

import numpy as np
import pytest

from costopt import CostMatrix, DataError, DecisionPolicy, PolicyError, Strategy, compare, optimize
from costopt.calibration.base import CalibrationMap
from costopt.calibration.maps import MAPS, CalibrationName, how_to_calibrate, map_of
from costopt.comparison.strategies import STRATEGIES
from costopt.evaluation.metrics import METRICS
from costopt.metrics import decision_metrics

COSTS = CostMatrix(fp=1, fn=5)


@dataclass(frozen=True)
class ShrunkMap(CalibrationMap):
    """Scores drawn half-way towards the base rate."""

    kind: ClassVar[str] = "shrunk"
    positives_needed: ClassVar[int] = 20
    does: ClassVar[str] = "Half of the score and half of the base rate."
    helps: ClassVar[str] = "In tests."
    by_hand: ClassVar[str] = "q = (p + rate) / 2"

    rate: float

    @classmethod
    def fit(cls, y, probability, sample_weight=None):
        del probability
        return cls(float(np.average(y, weights=sample_weight)))

    def apply(self, probability):
        return (np.asarray(probability, dtype=float) + self.rate) / 2

    def in_words(self):
        return f"drawn half-way towards {self.rate:.3f}"


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    return X, (X[:, 0] + rng.normal(size=300) > 1).astype(int)


@pytest.fixture(scope="module")
def policy(rows):
    found = optimize(
        *rows, COSTS, learners="logistic", calibration=ShrunkMap, n_trials=2, random_state=0,
        n_jobs=1, progress=False,
    )  # fmt: skip
    return found.policy


def test_a_map_from_outside_calibrates_a_search(policy, rows):
    X, y = rows
    raw = policy.raw_score(X)
    rate = policy.calibrator.rate

    assert policy.calibrator == ShrunkMap(rate)
    assert rate == pytest.approx(y.mean())
    np.testing.assert_allclose(policy.probability(X), (raw + rate) / 2, rtol=1e-12)
    np.testing.assert_array_equal(raw >= policy.raw_threshold, policy.decide(X))
    assert f"drawn half-way towards {rate:.3f}." in policy.explain()


def test_a_policy_that_could_not_be_read_back_is_not_saved(policy, tmp_path):
    message = (
        "calibrated by ShrunkMap, a map of your own, so it cannot be saved: only costopt's maps "
        r"\(platt, beta, isotonic, none\)"
    )

    with pytest.raises(PolicyError, match=message):
        policy.save(tmp_path / "policy")
    assert not (tmp_path / "policy").exists()


def test_a_map_from_outside_says_how_many_positives_it_needs(rows):
    X, _ = rows
    y = np.arange(300) < 19

    with pytest.raises(DataError, match="shrunk calibration needs at least 20 positives, got 19"):
        optimize(X, y, COSTS, learners="logistic", calibration=ShrunkMap, n_trials=1)


def test_what_is_no_map_is_refused(rows):
    for wrong in ("plat", dict, ShrunkMap(0.1), None):
        with pytest.raises(DataError, match="calibration=.* is not known"):
            optimize(*rows, COSTS, learners="logistic", calibration=wrong, n_trials=1)


def test_a_map_and_a_metric_from_outside_are_compared(rows, monkeypatch):
    """A metric is added in one place, and the comparison and the single call both have it."""
    monkeypatch.setitem(METRICS, "misses", lambda of: of.fn)
    own = Strategy("shrunk", "", "", "", "logistic", calibration=ShrunkMap, rule="bayes")

    found = compare(*rows, COSTS, strategies=["logistic regression", own], n_jobs=1)

    frame = found.to_frame()
    assert set(frame["strategy"]) == {"logistic regression", "shrunk"}
    y = rows[1] == 1
    for result in found.results:
        misses = round((1 - result.metrics["recall"]) * y.sum())
        assert result.metrics["misses"] == misses
        assert misses in list(frame.loc[frame["strategy"] == result.name, "misses"])
    assert decision_metrics([1, 1, 0], [0, 1, 0], COSTS)["misses"] == 1


# the maps that are in the list


@pytest.mark.parametrize("kind", MAPS)
def test_a_map_of_the_list_holds_all_that_is_said_of_it(kind):
    made = MAPS[kind]
    assert map_of(kind) is map_of(made) is made
    assert made.kind == kind
    assert made.does.endswith(".")
    assert made.helps.endswith(".")
    assert f"of kind {kind}: " in how_to_calibrate()


def test_type_checkers_know_the_kinds_that_there_are():
    assert get_args(CalibrationName) == tuple(MAPS)


def test_the_docstring_of_a_search_lists_the_kinds_and_the_positives_they_need():
    documented = " ".join(optimize.__doc__.split())
    needs = re.findall(r'``"(\w+)"``(?: needs)? ([\d,]+)', documented)

    assert "{" + ", ".join(f'"{kind}"' for kind in MAPS) + "}" in documented
    assert {kind: int(least.replace(",", "")) for kind, least in needs} == {
        kind: made.positives_needed for kind, made in MAPS.items() if made.positives_needed
    }


def test_other_maps_than_the_default_are_strategies_in_their_own_words():
    for kind in ("beta", "isotonic"):
        strategy = STRATEGIES[f"{kind} calibration"]
        assert strategy.does.startswith(MAPS[kind].does.rstrip("."))
        assert strategy.helps == MAPS[kind].helps


@pytest.mark.parametrize("kind", MAPS)
def test_every_map_of_the_list_is_saved_and_read_back(policy, kind, rows, tmp_path):
    X, y = rows
    made = replace(policy, calibrator=MAPS[kind].fit(y == 1, policy.raw_score(X)))

    made.save(tmp_path / "policy")
    loaded = DecisionPolicy.load(tmp_path / "policy")

    assert loaded.calibrator == made.calibrator
    np.testing.assert_array_equal(loaded.probability(X), made.probability(X))
