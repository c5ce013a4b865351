"""The one loop: numbers in turn, until they are done, the time is up, or somebody stops it."""

import time

import pytest

from costopt import CostMatrix, CostOptWarning, compare
from costopt.engine.coordinator import Coordinator, OutOfTime
from costopt.evaluation.problem import prepare
from costopt.evaluation.rows import Rows
from costopt.learners.logistic import LogisticLearner

COSTS = CostMatrix(fn=8, fp=1)


@pytest.fixture
def coordinator(make_rows):
    learners = {"logistic": LogisticLearner()}
    return Coordinator(prepare(*make_rows(80), COSTS, learners, Rows(cv=3), n_jobs=1))


def run(coordinator, attempt, n=5, **options):
    done = []

    def note(number, known):
        assert known is None
        going_on = attempt(number)
        done.append(number)
        return going_on is not False

    coordinator.run(note, n, "strategy", progress=False, **options)
    return done


def test_every_number_is_attempted_once_in_turn(coordinator):
    assert run(coordinator, lambda number: True) == [0, 1, 2, 3, 4]


def test_an_attempt_can_end_the_loop(coordinator):
    assert run(coordinator, lambda number: number < 2) == [0, 1, 2]


def test_stopping_ends_the_loop_after_the_number_that_it_is_at(coordinator):
    def attempt(number):
        if number == 1:
            coordinator.stop()

    assert run(coordinator, attempt) == [0, 1]


def test_the_time_is_up_only_once_there_is_a_result(coordinator):
    late = []

    def attempt(number):
        time.sleep(0.01)
        late.append(coordinator.is_late())
        coordinator.has_result = number >= 2

    run(coordinator, attempt, timeout=1e-9)

    assert late == [False, False, False, True, True]


def test_the_time_of_one_run_is_not_that_of_what_comes_after(coordinator):
    coordinator.has_result = True

    with pytest.raises(OutOfTime):
        run(coordinator, lambda number: coordinator.check_time(), timeout=1e-9)

    coordinator.check_time()  # what is selected may be evaluated at leisure


def test_ctrl_c_without_a_result_is_passed_on(coordinator):
    def attempt(number):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(coordinator, attempt)


def test_ctrl_c_with_a_result_says_where_it_stopped(coordinator):
    def attempt(number):
        if number == 3:
            raise KeyboardInterrupt
        coordinator.has_result = True

    with pytest.warns(CostOptWarning, match=r"\[interrupted\] stopped in strategy 3 of 5"):
        assert run(coordinator, attempt) == [0, 1, 2]


class Interrupted(LogisticLearner):
    """Ctrl-C comes while its rows are weighted."""

    def fit(self, prepared, fold, y, sample, params, **options):
        if "weight" in sample.source:
            raise KeyboardInterrupt
        return super().fit(prepared, fold, y, sample, params, **options)


def test_ctrl_c_keeps_the_strategies_that_are_done(rows):
    names = ["threshold 0.5", "class weights balanced", "random over-sampling"]

    with pytest.warns(CostOptWarning, match=r"stopped in strategy 1 of 3: the result is of those"):
        found = compare(
            *rows, COSTS, strategies=names, learner=Interrupted(), cv=3, n_jobs=1, progress=False
        )

    assert [result.name for result in found.results] == ["threshold 0.5"]
    assert dict(found.skipped) == dict.fromkeys(names[1:], "the comparison was interrupted before")
