"""The loop of a search: callbacks, failures, the time that it may take, and who may stop it."""

import threading
import time
from dataclasses import replace

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from sklearn.tree import DecisionTreeClassifier

from costopt import (
    CostMatrix,
    CostOptWarning,
    DataError,
    SearchError,
    SklearnLearner,
    XGBoostLearner,
    optimize,
)
from costopt.engine import executors
from costopt.learners.logistic import LogisticLearner

COSTS = CostMatrix(fn=8, fp=1)


def search(rows, **options):
    X, y = rows
    given = {"learners": "logistic", "n_trials": 8, "n_jobs": 1, **options}
    return optimize(X, y, COSTS, **given)


# --- callbacks ---


def test_a_callback_is_called_once_for_each_trial_in_their_order(rows):
    seen = []

    result = search(rows, n_trials=12, callbacks=[lambda study, trial: seen.append(trial)])

    assert [trial.number for trial in seen] == list(range(12))
    assert [t.value for t in seen] == [t.value for t in result.study.trials]
    assert all(trial.state.is_finished() for trial in seen)


def test_a_callback_sees_the_study_as_it_is_by_then(rows):
    seen = []

    def look(study, trial):
        seen.append((len(study.trials), study.best_value, trial.user_attrs["log_loss"] > 0))

    search(rows, n_trials=6, callbacks=[look])

    assert [n_trials for n_trials, _, _ in seen] == [1, 2, 3, 4, 5, 6]
    assert [best for _, best, _ in seen] == sorted([best for _, best, _ in seen], reverse=True)
    assert all(measured for _, _, measured in seen)


def test_callbacks_are_called_one_after_the_other(rows):
    seen = []
    callbacks = [
        lambda study, trial: seen.append((trial.number, "first")),
        lambda study, trial: seen.append((trial.number, "second")),
    ]

    search(rows, n_trials=3, callbacks=callbacks)

    assert seen == [(number, name) for number in range(3) for name in ("first", "second")]


def test_pruned_and_failed_trials_are_told_of_as_well(rows):
    states = []
    learner = SklearnLearner(Fragile(max_depth=1), {"max_depth": (1, 4)})

    with pytest.warns(CostOptWarning, match="failed-trials"):
        result = search(
            rows,
            learners=learner,
            n_trials=15,
            callbacks=[lambda study, trial: states.append(trial.state)],
        )

    assert states == [trial.state for trial in result.study.trials]
    assert TrialState.FAIL in states


def test_trials_that_were_there_already_are_told_of_again(rows, url):
    search(rows, n_trials=4, storage=url)
    seen = []

    search(
        rows, n_trials=6, storage=url, callbacks=[lambda study, trial: seen.append(trial.number)]
    )

    assert seen == list(range(6))


def test_a_callback_can_stop_the_search(rows, url):
    def enough(study, trial):
        if trial.number == 3:
            study.stop()

    result = search(rows, n_trials=100, storage=url, callbacks=[enough])

    assert len(result.study.trials) == 4
    assert len(optuna.load_study(study_name="costopt", storage=url).trials) == 4


def test_other_callbacks_are_still_told_of_the_trial_that_was_stopped_after(rows):
    seen = []
    callbacks = [
        lambda study, trial: study.stop(),
        lambda study, trial: seen.append(trial.number),
    ]

    search(rows, callbacks=callbacks)

    assert seen == [0]


def test_optunas_own_callbacks_work(rows):
    result = search(rows, n_trials=100, callbacks=[optuna.study.MaxTrialsCallback(5, states=None)])

    assert len(result.study.trials) == 5


def test_a_sampler_that_has_nothing_left_to_propose_ends_the_search(rows):
    learner = LogisticLearner({"C": [0.1, 1.0, 10.0]})
    sampler = optuna.samplers.GridSampler({"C": [0.1, 1.0, 10.0]}, seed=0)

    result = search(rows, learners=learner, resampling="none", sampler=sampler, n_trials=100)

    assert len(result.study.trials) <= 4  # the grid, and the untuned model before it
    assert {trial.params["C"] for trial in result.study.trials} == {0.1, 1.0, 10.0}


def test_a_callback_that_fails_is_told_of_and_left_out_and_costs_nothing_else(
    rows, url, outcome_of
):
    called, others = [], []

    def break_down(study, trial):
        called.append(trial.number)
        if trial.number == 4:
            raise OSError("my disk is full")

    with pytest.warns(
        CostOptWarning,
        match=r"failed-callback.*callback break_down raised OSError \(my disk is full\) after trial 4",
    ):
        result = search(
            rows, storage=url, callbacks=[break_down, lambda study, trial: others.append(trial)]
        )

    X, _ = rows
    assert called == [0, 1, 2, 3, 4]
    assert len(others) == len(result.study.trials)
    assert len(optuna.load_study(study_name="costopt", storage=url).trials) == len(others)
    assert outcome_of(result, X) == outcome_of(search(rows), X)


@pytest.mark.parametrize("progress", [None, True])
def test_a_program_without_stderr_can_search(rows, monkeypatch, progress):
    """As services and windowed programs are."""
    monkeypatch.setattr("sys.stderr", None)

    assert search(rows, n_trials=2, progress=progress).n_trials == 2


def test_searches_in_several_threads_leave_optunas_verbosity_as_it_was(rows):
    before = optuna.logging.get_verbosity()
    both_inside = threading.Barrier(2)

    def wait(study, trial):
        if trial.number == 1:
            both_inside.wait(timeout=30)

    def run(n_trials):
        search(rows, n_trials=n_trials, n_jobs=1, progress=False, callbacks=[wait])

    optuna.logging.set_verbosity(optuna.logging.INFO)
    try:
        searches = [threading.Thread(target=run, args=(n,)) for n in (3, 6)]
        for thread in searches:
            thread.start()
        for thread in searches:
            thread.join()
        left = optuna.logging.get_verbosity()
    finally:
        optuna.logging.set_verbosity(before)

    assert left == optuna.logging.INFO


def test_ctrl_c_in_a_callback_keeps_what_was_found(rows):
    def interrupt(study, trial):
        if trial.number == 4:
            raise KeyboardInterrupt

    with pytest.warns(CostOptWarning, match=r"\[interrupted\] stopped in trial"):
        result = search(rows, callbacks=[interrupt])

    assert result.n_trials == 5


def test_ctrl_c_says_in_which_trial_it_stopped(rows):
    def interrupt(study, trial):
        if trial.number == 4:
            raise KeyboardInterrupt

    with pytest.warns(CostOptWarning, match=r"stopped in trial [45] of 8"):
        search(rows, callbacks=[interrupt])


def test_the_study_of_a_result_is_an_ordinary_study(rows):
    study = search(rows, n_trials=3).study
    more = []

    def stop_at_once(study, trial):
        more.append(trial.number)
        study.stop()

    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), 4, callbacks=[stop_at_once])

    assert more == [3]


@pytest.mark.parametrize("callbacks", [print, 5, [5]])
def test_what_is_no_list_of_callbacks_is_refused_beforehand(callbacks, rows, counted):
    learner = counted()

    with pytest.raises((SearchError, DataError), match="callbacks"):
        search(rows, learners=learner, callbacks=callbacks)

    assert learner.fits == []


# --- failures ---


class Fragile(DecisionTreeClassifier):
    """Cannot be fitted with a depth above 2."""

    def fit(self, X, y, sample_weight=None):
        if self.max_depth > 2:
            raise RuntimeError(f"{self.max_depth} levels are too deep for me")
        return super().fit(X, y, sample_weight=sample_weight)


@pytest.mark.filterwarnings("ignore:.*failed-trials")
def test_a_trial_that_failed_stays_so_with_its_reason_and_is_not_tried_again(rows, url, outcome_of):
    X, _ = rows
    learner = SklearnLearner(Fragile(max_depth=2), {"max_depth": (1, 4)})
    first = search(rows, learners=learner, n_trials=20, storage=url)

    second = search(rows, learners=learner, n_trials=20, storage=url)

    failed = [t for t in second.study.trials if t.state == TrialState.FAIL]
    assert 0 < len(failed) < 20
    for trial in failed:
        depth = trial.params["max_depth"]
        assert trial.user_attrs["reason"] == f"RuntimeError: {depth} levels are too deep for me"
        assert trial.values is None
    assert outcome_of(second, X) == outcome_of(first, X)


def test_failures_are_told_of_again_when_a_search_is_taken_up(rows, url):
    learner = SklearnLearner(Fragile(max_depth=2), {"max_depth": (1, 4)})
    said = []
    for _ in range(2):
        with pytest.warns(CostOptWarning, match="trials failed and count for nothing: ") as caught:
            search(rows, learners=learner, n_trials=20, storage=url)
        said.append(str(caught[0].message))

    assert said[0] == said[1]


def test_a_failure_of_the_untuned_model_alone_does_not_end_the_search(rows):
    learner = SklearnLearner(Fragile(max_depth=4), {"max_depth": (1, 4)})

    with pytest.warns(CostOptWarning, match="[0-9]+ trials failed"):
        result = search(rows, learners=learner, n_trials=20)

    assert result.study.trials[0].state == TrialState.FAIL
    assert result.best_params["max_depth"] <= 2
    assert set(result.baselines) == {"never act", "always act"}  # there is no untuned model


class Picky(DecisionTreeClassifier):
    """Fails always, for reasons of different frequency."""

    def __init__(self, depth=1):
        super().__init__()
        self.depth = depth

    def fit(self, X, y, sample_weight=None):
        reason = "abcd"[min(3, self.depth // 4)]
        raise ZeroDivisionError(f"reason {reason}")


def test_if_every_trial_fails_the_most_frequent_reasons_are_said(rows, url):
    learner = SklearnLearner(Picky(), {"depth": (0, 15)})
    tried = []

    with pytest.raises(SearchError) as refused:
        search(
            rows,
            learners=learner,
            n_trials=40,
            storage=url,
            callbacks=[lambda study, trial: tried.append(trial.user_attrs["reason"])],
        )

    told = str(refused.value)
    counts = sorted(((tried.count(reason), reason) for reason in set(tried)), reverse=True)
    assert len(counts) == 4
    assert told.startswith("all 40 trials failed, so there is nothing to choose from: ")
    for times, reason in counts[:3]:
        assert f"{times} times {reason}" in told
    assert counts[3][1] not in told
    kept = optuna.load_study(study_name="costopt", storage=url).trials
    assert {trial.state for trial in kept} == {TrialState.FAIL}

    with pytest.raises(SearchError, match="all 40 trials failed"):
        search(rows, learners=learner, n_trials=40, storage=url)


def test_a_mistake_that_holds_for_every_candidate_is_said_at_once(rows, url):
    class Useless(DecisionTreeClassifier):
        def predict_proba(self, X):
            return np.full((len(X), 2), 1.5)

    with pytest.raises(DataError, match=r"predict_proba of Useless must lie in \[0, 1\], got 1.5"):
        search(rows, learners=SklearnLearner(Useless()), storage=url)

    assert optuna.load_study(study_name="costopt", storage=url).trials == []


def test_a_long_reason_is_cut_off(rows):
    class Wordy(DecisionTreeClassifier):
        def fit(self, X, y, sample_weight=None):
            if self.max_depth > 1:
                raise RuntimeError("blah " * 10_000)
            return super().fit(X, y, sample_weight=sample_weight)

    learner = SklearnLearner(Wordy(max_depth=1), {"max_depth": (1, 3)})

    with pytest.warns(CostOptWarning, match="failed-trials"):
        result = search(rows, learners=learner, n_trials=12)

    reasons = [t.user_attrs["reason"] for t in result.study.trials if "reason" in t.user_attrs]
    assert reasons
    assert {len(reason) for reason in reasons} == {500}


class Broken(LogisticLearner):
    """Gives scores that are no numbers wherever the penalty is strong."""

    def __init__(self, scores):
        super().__init__()
        self.given = scores

    def fit(self, prepared, fold, y, sample, params, **options):
        fitted = super().fit(prepared, fold, y, sample, params, **options)
        self.strong = params["C"] < 0.1
        return fitted

    def score_fold(self, prepared, fold, fitted, n_rounds):
        found = super().score_fold(prepared, fold, fitted, n_rounds)
        if self.strong:
            found[: self.given[1]] = self.given[0]
        return found


@pytest.mark.filterwarnings("ignore:.*failed-trials", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("racing", [True, False])
@pytest.mark.parametrize("n_bad", [1, None])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_no_numbers_are_failures(bad, n_bad, racing, rows):
    result = search(rows, learners=Broken((bad, n_bad)), n_trials=20, racing=racing)

    strong = [trial for trial in result.study.trials if trial.params["C"] < 0.1]
    assert {trial.state for trial in strong} == {TrialState.FAIL}
    assert all(trial.user_attrs["reason"] for trial in strong)
    assert result.best_params["C"] >= 0.1
    assert np.isfinite(result.expected_cost.value)
    complete = [trial for trial in result.study.trials if trial.state == TrialState.COMPLETE]
    assert len(complete) == 20 - len(strong)


def test_scores_that_are_no_numbers_are_failures_under_a_sampled_threshold_too(rows):
    with pytest.warns(CostOptWarning, match="failed-trials"):
        result = search(rows, learners=Broken((np.nan, 1)), n_trials=20, threshold="sampled")

    complete = [t for t in result.study.trials if t.state == TrialState.COMPLETE]
    assert np.isfinite([t.user_attrs["log_loss"] for t in complete]).all()


def test_a_cost_that_is_not_finite_is_no_result(rows, monkeypatch):
    # no data are known to lead there, so it is made by hand
    evaluate = executors.evaluate

    def evaluate_wrongly(problem, candidate, **options):
        found = evaluate(problem, candidate, **options)
        wrong = {0.1: float("inf"), 0.2: float("nan")}.get(round(candidate.params["C"], 1))
        return found if wrong is None else replace(found, value=wrong)

    monkeypatch.setattr(executors, "evaluate", evaluate_wrongly)
    learner = LogisticLearner({"C": [1.0, 0.1, 0.2, 0.3]})

    with pytest.warns(CostOptWarning, match="failed-trials.*SearchError: the cost of trial"):
        result = search(rows, learners=learner, n_trials=20, racing=False, resampling="none")

    by_c = {}
    for trial in result.study.trials:
        by_c.setdefault(trial.params["C"], set()).add(trial.state.name)
    assert by_c[1.0] == {"COMPLETE"}
    assert by_c[0.1] == by_c[0.2] == {"FAIL"}


# --- time ---


class Patient(LogisticLearner):
    """Takes 20 seconds, unless it is the untuned model or told to stop."""

    def __init__(self):
        super().__init__()
        self.began = threading.Event()

    def fit(self, prepared, fold, y, sample, params, *, checkpoint=None, **options):
        if params["C"] != 1.0:
            self.began.set()
            end = time.monotonic() + 20
            while time.monotonic() < end:
                time.sleep(0.005)
                if checkpoint is not None:
                    checkpoint()
        return super().fit(prepared, fold, y, sample, params, **options)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_time_runs_out_in_the_middle_of_a_trial(n_jobs, rows, url):
    learner = Patient()
    before = time.monotonic()

    result = search(
        rows, learners=learner, timeout=1.0, storage=url, n_jobs=n_jobs, resampling="none"
    )

    assert learner.began.is_set()
    assert 1.0 <= time.monotonic() - before < 8
    (kept,) = optuna.load_study(study_name="costopt", storage=url).trials
    assert kept.system_attrs["costopt:number"] == 0
    assert result.n_trials == 1
    assert result.trial_number == 0


def test_what_was_not_finished_in_time_is_evaluated_by_the_next_call(rows, url, outcome_of):
    class Slow(LogisticLearner):
        pause = 0.05

        def fit(self, prepared, fold, *given, **options):
            time.sleep(self.pause)
            return super().fit(prepared, fold, *given, **options)

    X, _ = rows
    first = search(rows, learners=Slow(), timeout=1.2, storage=url)
    assert 1 <= first.n_trials < 8
    Slow.pause = 0

    second = search(rows, learners=Slow(), storage=url)

    assert outcome_of(second, X) == outcome_of(search(rows, learners=Slow()), X)


class Growing(XGBoostLearner):
    """Grows five rounds of the untuned model, and any other without end."""

    def __init__(self):
        super().__init__({"learning_rate": (1e-4, 0.05, "log")}, patience=10**6)

    def fit(self, prepared, fold, y, sample, params, **options):
        self.max_rounds = 5 if params == self.defaults() else 1_000_000
        return super().fit(prepared, fold, y, sample, params, **options)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_xgboost_stops_between_two_rounds_when_the_time_is_up(n_jobs, make_rows):
    before = time.monotonic()

    result = search(
        make_rows(3000), learners=Growing(), timeout=0.8, resampling="none", n_jobs=n_jobs
    )

    assert 0.8 <= time.monotonic() - before < 8
    assert result.n_trials == 1


@pytest.mark.parametrize("timeout", [1e-9, 0.01])
def test_the_first_trial_is_waited_for_however_short_the_time(timeout, rows):
    class Slow(LogisticLearner):
        def fit(self, prepared, fold, *given, **options):
            time.sleep(0.05)
            return super().fit(prepared, fold, *given, **options)

    result = search(rows, learners=Slow(), timeout=timeout)

    assert [trial.state for trial in result.study.trials] == [TrialState.COMPLETE]


@pytest.mark.filterwarnings("ignore:.*failed-trials")
def test_with_the_first_trials_failing_the_first_that_does_not_is_waited_for(rows):
    learner = SklearnLearner(Fragile(max_depth=4), {"max_depth": (1, 4)})

    result = search(rows, learners=learner, timeout=1e-9, n_trials=100)

    assert result.n_trials == 1
    assert result.study.trials[-1].state == TrialState.COMPLETE
    assert len(result.study.trials) > 1


def test_trials_that_are_there_already_count_however_short_the_time(rows, url):
    search(rows, n_trials=8, storage=url)

    result = search(rows, n_trials=8, storage=url, timeout=1e-9)

    assert len(result.study.trials) == 8
