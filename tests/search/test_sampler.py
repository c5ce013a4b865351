"""A sampler whose proposals depend on its seed, the trial's number and the trials before, only."""

import inspect
import random

import numpy as np
import optuna
import pytest

from costopt.search.sampler import SETTINGS, sampler_for, settings_of

SPACE = {
    "x": optuna.distributions.FloatDistribution(-5, 5),
    "rate": optuna.distributions.FloatDistribution(1e-3, 1, log=True),
    "depth": optuna.distributions.IntDistribution(2, 8),
    "kind": optuna.distributions.CategoricalDistribution(("a", "b", "c")),
}


def cost(params):
    return (params["x"] - 1) ** 2 + abs(np.log(params["rate"]) + 3) + (params["kind"] != "b")


def asked(study, seed=0):
    """The next trial of a study, as a search asks for it."""
    study.sampler = sampler_for(seed, len(study.get_trials(deepcopy=False)))
    return study.ask(SPACE)


def searched(n_trials, seed=0, trials=()):
    study = optuna.create_study()
    study.add_trials(trials)
    for _ in range(n_trials):
        trial = asked(study, seed)
        study.tell(trial, cost(trial.params))
    return study


def proposals(study):
    return [trial.params for trial in study.trials]


def test_the_same_seed_proposes_the_same():
    assert proposals(searched(25)) == proposals(searched(25))


def test_another_seed_proposes_something_else():
    firsts = [searched(1, seed).trials[0].params for seed in range(20)]

    assert len({str(params) for params in firsts}) == 20


def test_no_trial_repeats_another():
    assert len({params["x"] for params in proposals(searched(25))}) == 25


@pytest.mark.parametrize("done", [1, 4, 9, 10, 11, 17, 24])
def test_a_new_sampler_goes_on_where_an_earlier_one_was_left(done):
    straight = searched(25)

    resumed = searched(25 - done, trials=straight.trials[:done])

    assert proposals(resumed) == proposals(straight)


def test_two_studies_at_once_mix_nothing_up():
    one, other = (optuna.create_study() for _ in range(2))
    for _ in range(15):
        for study in (one, other):
            trial = asked(study)
            study.tell(trial, cost(trial.params))

    assert proposals(one) == proposals(other) == proposals(searched(15))


def test_trials_that_were_pruned_or_failed_are_part_of_what_came_before():
    def run(n_trials, trials=()):
        study = optuna.create_study()
        study.add_trials(trials)
        for _ in range(n_trials):
            trial = asked(study, 3)
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


# --- settings ---


def test_every_version_of_optuna_is_given_the_settings_that_differ_between_them():
    """They are arguments of 4.5 and of 5.0, with other defaults; what is made of them may differ."""
    taken = inspect.signature(optuna.samplers.TPESampler).parameters

    assert set(SETTINGS) <= set(taken)
    assert {"multivariate", "group", "constant_liar"} <= set(SETTINGS)
    for name, value in SETTINGS.items():
        assert getattr(sampler_for(0, 0), f"_{name}") == value


def make(**options):
    return optuna.samplers.TPESampler(**{"seed": 1, **options})


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_the_settings_of_a_sampler_are_the_same_for_another_that_was_given_the_same():
    assert settings_of(make()) == settings_of(make())
    assert settings_of(make(n_startup_trials=3)) == settings_of(make(n_startup_trials=3))
    grid = {"C": [0.1, 1.0]}
    assert settings_of(optuna.samplers.GridSampler(grid, seed=0)) == settings_of(
        optuna.samplers.GridSampler(dict(grid), seed=0)
    )
    fixed = [
        optuna.samplers.PartialFixedSampler({"C": 1.0}, optuna.samplers.RandomSampler(3))
        for _ in range(2)
    ]
    assert settings_of(fixed[0]) == settings_of(fixed[1])


@pytest.mark.parametrize(
    "other",
    [
        lambda: make(seed=2),
        lambda: make(n_startup_trials=11),
        lambda: make(constant_liar=not SETTINGS["constant_liar"]),
        lambda: make(multivariate=False),
        lambda: make(gamma=len),
        lambda: optuna.samplers.RandomSampler(1),
        lambda: optuna.samplers.QMCSampler(seed=1),
        lambda: None,
    ],
)
@pytest.mark.filterwarnings(
    "ignore::optuna.exceptions.ExperimentalWarning", "ignore::FutureWarning"
)
def test_another_seed_class_or_setting_is_another_sampler(other):
    assert settings_of(other()) != settings_of(make())


def test_a_sampler_that_has_been_used_is_still_the_same():
    sampler = make()
    before = settings_of(sampler)
    study = optuna.create_study(sampler=sampler)
    for _ in range(12):
        trial = study.ask(SPACE)
        study.tell(trial, cost(trial.params))

    assert settings_of(sampler) == before


def test_a_sampler_without_a_seed_is_the_same_as_another_without():
    assert settings_of(make(seed=None)) == settings_of(make(seed=None))
