from typing import get_args

import click
import pytest

from costopt import CostMatrix, DataError, Strategy, choose_threshold, optimize
from costopt.cli.optimize import optimize as optimize_command
from costopt.cli.threshold import threshold as threshold_command
from costopt.evaluation.modes import (
    MODES,
    SCORE_MODES,
    SEARCH_MODES,
    ThresholdMode,
    check_scores_mode,
    modes_in_words,
)


def test_type_checkers_know_the_modes_that_there_are():
    assert get_args(ThresholdMode) == tuple(MODES)
    assert set(SCORE_MODES) < set(SEARCH_MODES) < set(MODES)


@pytest.mark.parametrize(
    ("command", "modes"), [(optimize_command, SEARCH_MODES), (threshold_command, SCORE_MODES)]
)
def test_commands_offer_the_modes_and_say_what_each_does(command, modes):
    (option,) = (one for one in command.params if "--threshold" in one.opts)

    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == modes
    assert modes_in_words(modes) in option.help


@pytest.mark.parametrize(
    ("documented", "modes"),
    [
        (optimize, SEARCH_MODES),
        (choose_threshold, SCORE_MODES),
        (Strategy, set(MODES) - {"sampled"}),
    ],
)
def test_docstrings_list_the_modes_that_can_be_asked_for(documented, modes):
    (line,) = (
        line
        for line in documented.__doc__.splitlines()
        if line.strip().startswith(("threshold : {", "rule : {"))
    )

    assert {name for name in MODES if f'"{name}"' in line} == set(modes)


def test_only_a_search_samples_the_threshold():
    message = "threshold='sampled' is for a search: use 'auto', 'bayes' or 'exact'"
    with pytest.raises(DataError, match=message):
        choose_threshold([0, 1], [0.1, 0.9], CostMatrix(fp=1, fn=5), threshold="sampled")
    for mode in SCORE_MODES:
        check_scores_mode(mode)
