"""Candidates evaluated in other processes come to the same, bit for bit, as those evaluated here."""

import time

import numpy as np
import pytest

from costopt import CostMatrix, SearchError, XGBoostLearner
from costopt.engine.coordinator import Coordinator
from costopt.engine.executors import Processes, Threads
from costopt.evaluation.candidates import Candidate
from costopt.evaluation.problem import Problem, prepare
from costopt.evaluation.rows import Rows
from costopt.learners.logistic import LogisticLearner

COSTS = CostMatrix(fn="amount", fp=5)
CANDIDATES = [
    Candidate("xgboost", {"max_depth": 3}),
    Candidate("xgboost", {"max_depth": 2}, "random_under", 0.7),
    Candidate("logistic", {"C": 0.5}, "smote", 0.9),
    Candidate("logistic", {"C": 1.0}, "case_weight"),
]


@pytest.fixture(scope="module")
def problem(make_rows):
    X, y = make_rows()
    rows = Rows(cv=3, groups=np.arange(300) // 2, sample_weight=np.linspace(0, 2, 300))
    learners = {"xgboost": XGBoostLearner(max_rounds=20), "logistic": LogisticLearner()}
    return prepare(X, y, COSTS, learners, rows, n_jobs=1)


@pytest.fixture(scope="module")
def processes(problem):
    opened = Processes(problem, 2)
    yield opened
    opened.close()


def told(found):
    """All that there is of an evaluation, as text and bytes."""
    return {
        name: value.tobytes() if isinstance(value, np.ndarray) else repr(value)
        for name, value in vars(found).items()
        if name != "choice"
    } | {"act": found.choice.act.tobytes(), "rule": repr(found.choice.rule)}


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda one: f"{one.learner} {one.resampling}")
def test_other_processes_find_the_same_to_the_last_bit(candidate, problem, processes):
    here = Threads(problem).evaluate(candidate)
    there = processes.evaluate(candidate)

    assert there.log_odds.tobytes() == here.log_odds.tobytes()
    assert told(there) == told(here)


def test_a_coordinator_keeps_the_same_records_whoever_evaluates(problem, processes):
    kept = [
        Coordinator(problem, executor=executor).record(CANDIDATES[0])
        for executor in (Threads(problem), processes)
    ]

    assert kept[0].cost.tobytes() == kept[1].cost.tobytes()
    assert told(kept[0].whole(problem)) == told(kept[1].whole(problem))


def test_the_problem_is_packed_once_however_much_is_asked(problem, monkeypatch):
    packed, pack = [], Problem.__getstate__

    def count(self):
        packed.append(1)
        return pack(self)

    monkeypatch.setattr(Problem, "__getstate__", count)
    opened = Processes(problem, 1)
    try:
        for candidate in CANDIDATES[2:]:
            opened.evaluate(candidate)
    finally:
        opened.close()

    assert packed == [1]


def test_an_error_in_a_process_is_that_of_the_learner(processes):
    with pytest.raises(KeyError, match="no such learner"):
        processes.evaluate(Candidate("no such learner", {}))


def test_who_waits_for_a_process_can_be_told_to_stop(processes):
    asked = []

    def stop():
        asked.append(time.monotonic())
        raise TimeoutError("now")

    with pytest.raises(TimeoutError, match="now"):
        processes.evaluate(CANDIDATES[0], checkpoint=stop)

    assert len(asked) == 1


def test_what_cannot_be_sent_is_refused_with_a_remedy(make_rows):
    class Local(LogisticLearner):
        pass

    problem = prepare(*make_rows(80), COSTS, {"logistic": Local()}, Rows(cv=3), n_jobs=1)

    with pytest.raises(SearchError, match=r"cannot be sent to other processes.*in a module"):
        Processes(problem, 2)
