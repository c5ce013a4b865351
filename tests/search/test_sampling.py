"""A sampler whose proposals depend on its seed, the trial's number and the trials before, only."""

import random

import numpy as np
import optuna
import pytest

from costopt.search.sampling import RepeatableSampler

SPACE = {
    "x": optuna.distributions.FloatDistribution(-5, 5),
    "rate": optuna.distributions.FloatDistribution(1e-3, 1, log=True),
    "depth": optuna.distributions.IntDistribution(2, 8),
    "kind": optuna.distributions.CategoricalDistribution(("a", "b", "c")),
}


def cost(params):
    return (params["x"] - 1) ** 2 + abs(np.log(params["rate"]) + 3) + (params["kind"] != "b")


def searched(n_trials, sampler=None, trials=()):
    study = optuna.create_study(sampler=sampler or RepeatableSampler(0))
    study.add_trials(trials)
    for _ in range(n_trials):
        trial = study.ask(SPACE)
        study.tell(trial, cost(trial.params))
    return study


def proposals(study):
    return [trial.params for trial in study.trials]


def test_the_same_seed_proposes_the_same():
    assert proposals(searched(25)) == proposals(searched(25))


def test_another_seed_proposes_something_else():
    firsts = [searched(1, RepeatableSampler(seed)).trials[0].params for seed in range(20)]

    assert len({str(params) for params in firsts}) == 20


def test_no_trial_repeats_another():
    assert len({params["x"] for params in proposals(searched(25))}) == 25


@pytest.mark.parametrize("done", [1, 4, 9, 10, 11, 17, 24])
def test_a_new_sampler_goes_on_where_an_earlier_one_was_left(done):
    straight = searched(25)

    resumed = searched(25 - done, trials=straight.trials[:done])

    assert proposals(resumed) == proposals(straight)


def test_one_sampler_for_two_studies_mixes_nothing_up():
    shared = RepeatableSampler(0)
    one, other = (optuna.create_study(sampler=shared) for _ in range(2))
    for _ in range(15):
        for study in (one, other):
            trial = study.ask(SPACE)
            study.tell(trial, cost(trial.params))

    assert proposals(one) == proposals(other) == proposals(searched(15))


def test_trials_that_were_pruned_or_failed_are_part_of_what_came_before():
    def run(n_trials, trials=()):
        study = optuna.create_study(sampler=RepeatableSampler(3))
        study.add_trials(trials)
        for _ in range(n_trials):
            trial = study.ask(SPACE)
            if trial.number % 4 == 1:
                trial.report(cost(trial.params), 2)
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            elif trial.number % 4 == 2:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, cost(trial.params))
        return study

    straight = run(30)

    assert proposals(run(13, straight.trials[:17])) == proposals(straight)


def test_reseeding_changes_nothing():
    sampler = RepeatableSampler(0)
    sampler.reseed_rng()

    assert proposals(searched(12, sampler)) == proposals(searched(12))


def test_another_process_proposes_the_same(start, rows):
    X, y = rows
    options = {"learners": "logistic", "n_trials": 14, "n_jobs": 1}
    processes = [start(X, y, None, before=before, **options) for before in (SHUFFLED, SHUFFLED)]

    assert [process.end() for process in processes] == [0, 0]
    one, other = (process.outcome["trials"] for process in processes)
    assert one == other


# as much randomness of its own as a process can have
SHUFFLED = """
import os
import random
import numpy as np
from costopt import CostMatrix

np.random.seed(os.getpid())
random.seed(os.getpid())
costs = CostMatrix(fn=8, fp=1)
"""


def test_global_randomness_neither_changes_nor_matters():
    np.random.seed(1)  # noqa: NPY002  # what is checked
    random.seed(1)
    numpy_state, state = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002  # as above

    first = searched(15)

    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002  # as above
    assert random.getstate() == state
    np.random.seed(2)  # noqa: NPY002  # as above
    assert proposals(searched(15)) == proposals(first)


def test_it_learns_from_what_it_was_told():
    costs = [trial.value for trial in searched(60).trials]

    # ten trials at random come first
    assert np.mean(costs[-20:]) < 0.6 * np.mean(costs[:10])
